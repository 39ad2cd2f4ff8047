//! Policies about what stands in a path.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Policy, PolicyExt};
use crate::auth::Auth;
use crate::cx::Cx;
use crate::error::{Error, Result};

/// A policy and the name of the path's segment that it is about.
#[derive(Clone)]
pub(super) struct PathPolicy {
    segment: &'static str,
    policy: Arc<dyn Judge>,
}

impl fmt::Debug for PathPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PathPolicy").field(&self.segment).finish()
    }
}

/// A policy whose input is read out of text.
#[async_trait]
trait Judge: Send + Sync {
    fn problems(&self, auth: &Auth) -> Vec<String>;
    async fn judge(&self, cx: &Cx, segment: &str, text: &str) -> Result<()>;
}

struct Read<I, P>(P, PhantomData<fn() -> I>);

#[async_trait]
impl<I: FromStr + Send + Sync, P: Policy<I>> Judge for Read<I, P> {
    fn problems(&self, auth: &Auth) -> Vec<String> {
        self.0.problems(auth)
    }

    async fn judge(&self, cx: &Cx, segment: &str, text: &str) -> Result<()> {
        let Ok(input) = text.parse::<I>() else { return Err(Error::invalid("path", segment, "malformed")) };
        self.0.enforce(cx, &input).await
    }
}

impl PathPolicy {
    pub(super) fn new<I: FromStr + Send + Sync + 'static>(
        segment: &'static str,
        policy: impl Policy<I> + 'static,
    ) -> Self {
        Self { segment, policy: Arc::new(Read(policy, PhantomData)) }
    }

    /// What is wrong with it at this path. Of a layer nobody knows where it will stand.
    pub(super) fn problems(&self, path: &str, auth: &Auth) -> Vec<String> {
        let mut problems = self.policy.problems(auth);
        let marks = [format!("{{{}}}", self.segment), format!("{{{}:", self.segment)];
        let times: usize = marks.iter().map(|mark| path.matches(mark.as_str()).count()).sum();
        if path.starts_with('/') && times != 1 {
            problems.push(format!("its policy is about {{{}}}, which its path has {times} times", self.segment));
        }
        problems
    }

    /// Judges with the decoded segments of the matched path.
    pub(super) async fn check(&self, cx: &Cx, path: &[(String, String)]) -> Result<()> {
        // Of two that are called the same, the handler may take the other one.
        let mut found = path.iter().filter(|(name, _)| name == self.segment);
        let (Some((_, text)), None) = (found.next(), found.next()) else {
            return Err(Error::internal("a policy is about a segment that the path does not have once"));
        };
        self.policy.judge(cx, self.segment, text).await
    }
}
