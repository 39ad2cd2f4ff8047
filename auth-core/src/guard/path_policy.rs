//! Policies about what stands in a path.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;

use super::Policy;
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
    async fn judge(&self, cx: &Cx, segment: &str, text: &str) -> Result<()>;
}

struct Read<I, P>(P, PhantomData<fn() -> I>);

#[async_trait]
impl<I: FromStr + Send + Sync, P: Policy<I>> Judge for Read<I, P> {
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

    /// What is wrong with it at this path.
    pub(super) fn problem(&self, path: &str) -> Option<String> {
        let marks = [format!("{{{}}}", self.segment), format!("{{{}:", self.segment)];
        let stands_there = marks.iter().any(|mark| path.contains(mark));
        (!stands_there).then(|| format!("its policy is about {{{}}}, which its path does not have", self.segment))
    }

    /// Judges with the decoded segments of the matched path.
    pub(super) async fn check(&self, cx: &Cx, path: &[(String, String)]) -> Result<()> {
        let found = path.iter().find(|(name, _)| name == self.segment);
        let (_, text) = found.ok_or_else(|| Error::internal("a policy about a segment that the path does not have"))?;
        self.policy.judge(cx, self.segment, text).await
    }
}
