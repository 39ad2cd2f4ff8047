//! Lifetimes and number of sessions.

use std::time::Duration;

use crate::base::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How old what a route knows of its caller's session may be: what a revocation waits for, and what a request costs.
///
/// It is chosen for each layer or route. What a session may *do* to its own account is looked up in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionCheck {
    /// Looked up with each request, in one statement. Ending a session, disabling its user and changing roles are felt
    /// by the next request that begins. **Worst case: nothing is stale.**
    #[default]
    Strict,
    /// Remembered in this process for as long as this, at most a minute. **Worst case: a session that was ended, a user
    /// who was disabled and a role that was revoked work on for this long.**
    Cached(Duration),
    /// The claims of an access token are believed until it expires, and nothing is looked up. An opaque session token,
    /// which has none, is looked up as by [`Strict`](Self::Strict). **Worst case: a session that was ended, a user who
    /// was disabled and a role that was revoked work on until the token expires (`token::Config::access_ttl`, 15
    /// minutes at most unless a longer one was asked for).**
    Stateless,
}

impl SessionCheck {
    /// What makes it impossible, for start-up.
    pub(crate) fn problem(self) -> Option<String> {
        match self {
            Self::Cached(ttl) if ttl.is_zero() || ttl > MINUTE => {
                Some(format!("a session is cached for {ttl:?}: allowed are up to a minute"))
            }
            Self::Strict | Self::Cached(_) | Self::Stateless => None,
        }
    }
}

/// How long sessions live and how many a user may have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) idle: Duration,
    pub(crate) update_age: Duration,
    pub(crate) absolute: Duration,
    pub(crate) browser: Duration,
    pub(crate) fresh_age: Duration,
    pub(crate) max_per_user: u32,
    pub(crate) several: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            idle: 7 * DAY,
            update_age: DAY,
            absolute: 30 * DAY,
            browser: DAY,
            fresh_age: DAY,
            max_per_user: 20,
            several: None,
        }
    }
}

impl Config {
    /// A session that is not used for this long ends. 7 days by default; 1 minute to 400 days. As use moves the expiry
    /// only once in `update_age`, it may end up to that much earlier; `update_age` becomes a seventh of it at most.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self.update_age = self.update_age.min(idle / 7);
        self
    }

    /// How much of the idle time must have passed before use moves the expiry, which costs a write. 1 day by default.
    #[must_use]
    pub fn update_age(mut self, age: Duration) -> Self {
        self.update_age = age;
        self
    }

    /// A session ends this long after it was opened, used or not. 30 days by default (NIST SP 800-63B-4 §2.1.3).
    #[must_use]
    pub fn absolute(mut self, absolute: Duration) -> Self {
        self.absolute = absolute;
        self
    }

    /// How long a session lives that is not to be remembered; it does not slide. 1 day by default.
    #[must_use]
    pub fn browser(mut self, browser: Duration) -> Self {
        self.browser = browser;
        self
    }

    /// How long after signing in delicate operations are allowed without signing in again. 1 day by default, at least
    /// a minute.
    #[must_use]
    pub fn fresh_age(mut self, age: Duration) -> Self {
        self.fresh_age = age;
        self
    }

    /// Beyond this number of sessions the least recently written one ends. 20 by default, 1 to 1,000.
    #[must_use]
    pub fn max_per_user(mut self, number: u32) -> Self {
        self.max_per_user = number;
        self
    }

    /// Lets a browser stay signed in as several users at once, at most this many, and switch between them: 2 to 20. Off
    /// by default: a browser then has one session.
    #[must_use]
    pub fn several_per_browser(mut self, most: u32) -> Self {
        self.several = Some(most);
        self
    }

    /// Whether a proof of this instant is younger than `fresh_age`.
    pub(crate) fn is_fresh(&self, authenticated_at: Timestamp, now: Timestamp) -> bool {
        now.since(authenticated_at) < self.fresh_age
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in
            [("idle", self.idle), ("absolute", self.absolute), ("browser", self.browser), ("fresh_age", self.fresh_age)]
        {
            if !(MINUTE..=400 * DAY).contains(&value) {
                problems.push(format!("session {name} is {value:?}: allowed are 1 minute to 400 days"));
            }
        }
        if self.update_age > self.idle {
            problems.push("session update_age must not be longer than idle: the session would never slide".to_owned());
        }
        if !(1..=1_000).contains(&self.max_per_user) {
            problems.push(format!("session max_per_user is {}: allowed are 1 to 1000", self.max_per_user));
        }
        if let Some(most) = self.several.filter(|most| !(2..=20).contains(most)) {
            problems.push(format!("session several_per_browser is {most}: allowed are 2 to 20"));
        }
        problems
    }
}
