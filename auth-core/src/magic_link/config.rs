//! How long links are good, and for whom.

use std::time::Duration;

use crate::password::{self, SignUpMode};

/// Signing in by a link that is mailed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) ttl: Duration,
    sign_up: Option<SignUpMode>,
}

impl Default for Config {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(5 * 60), sign_up: None }
    }
}

impl Config {
    /// How long a link is good: 5 minutes by default, 1 to 60.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Whether whoever has no account gets one by following a link. By default it is as with a password:
    /// [`Open`](SignUpMode::Open) where anybody may sign up, or where there are no passwords, and else
    /// [`Closed`](SignUpMode::Closed). They take no invitations.
    #[must_use]
    pub fn sign_up(mut self, sign_up: SignUpMode) -> Self {
        self.sign_up = Some(sign_up);
        self
    }

    /// Whether they do, where this is how signing up with a password is.
    pub(crate) fn is_open_to_all(&self, with_password: Option<&password::Config>) -> bool {
        self.sign_up.unwrap_or_else(|| password::sign_up_mode(with_password)) == SignUpMode::Open
    }

    pub(crate) fn problems(&self, has_mailer: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if !(Duration::from_secs(60)..=Duration::from_hours(1)).contains(&self.ttl) {
            problems.push(format!("magic links live {:?}: allowed are 1 minute to 1 hour", self.ttl));
        }
        problems.extend(self.sign_up.and_then(|sign_up| sign_up.problem("magic links")));
        if !has_mailer {
            problems.push("magic links are to be mailed, and there is no mailer()".to_owned());
        }
        problems
    }
}
