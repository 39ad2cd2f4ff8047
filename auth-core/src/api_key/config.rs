//! What keys look like, how long they live, and how many there may be.

use std::time::Duration;

use super::model::Limits;
use crate::base::is_prefix;
use crate::limit::Quota;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// Longer is for ever: leave the end out.
const LONGEST_LIFETIME: Duration = Duration::from_hours(100 * 365 * 24);
/// Beyond it, replacing a key that leaked would end nothing.
const LONGEST_GRACE: Duration = Duration::from_hours(30 * 24);
/// What its column holds.
const LONGEST_NAME: usize = 255;

/// Everything about API keys.
///
/// ```
/// use auth_core::api_key::{Config, Quota};
///
/// # fn main() -> Result<(), auth_core::api_key::InvalidQuota> {
/// let config = Config::default().prefix("acme_live_").quotas([Quota::per_minute(600)?, Quota::per_day(100_000)?]);
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) prefix: String,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) min_lifetime: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) max_per_owner: u32,
    pub(crate) quotas: Vec<Quota>,
    pub(crate) names: Names,
    pub(crate) max_name: usize,
    pub(crate) metadata: Metadata,
    pub(crate) max_grace: Duration,
}

/// Whether a key must have a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// It may have one.
    #[default]
    Optional,
    /// It must.
    Required,
}

/// Whether data of the application is kept with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metadata {
    /// An object of at most 4 KiB, that the owner may set too.
    #[default]
    Kept,
    /// None.
    Refused,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefix: "ak_live_".to_owned(),
            default_lifetime: None,
            min_lifetime: DAY,
            max_lifetime: 365 * DAY,
            max_per_owner: 50,
            quotas: Vec::new(),
            names: Names::Optional,
            max_name: 32,
            metadata: Metadata::Kept,
            max_grace: 7 * DAY,
        }
    }
}

impl Config {
    /// What keys begin with unless they are given another prefix: 1 to 32 letters, digits, `_` and `-`; `ak_live_` by
    /// default. A prefix of your own lets scanners of repositories find keys that were published by accident.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// When a key ends for which nobody said when. By default it does not.
    #[must_use]
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.default_lifetime = Some(lifetime);
        self
    }

    /// The shortest life that may be asked for: 1 day by default, at least a minute.
    #[must_use]
    pub fn min_lifetime(mut self, lifetime: Duration) -> Self {
        self.min_lifetime = lifetime;
        self
    }

    /// The longest: 365 days by default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// How many keys a user, an organisation or a service may have that have not expired: 50 by default, 1 to 1,000.
    #[must_use]
    pub fn max_per_owner(mut self, number: u32) -> Self {
        self.max_per_owner = number;
        self
    }

    /// How often a key may be used for which nobody said how often: at most four windows, none by default.
    #[must_use]
    pub fn quotas(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.quotas = quotas.into_iter().collect();
        self
    }

    /// Whether a key must have a name; it may by default.
    #[must_use]
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// How many characters a name may have: 32 by default, 1 to 255.
    #[must_use]
    pub fn max_name(mut self, characters: usize) -> Self {
        self.max_name = characters;
        self
    }

    /// Whether data is kept with a key; it is by default.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// How long the old secret may count after a rotation, whoever asks for it: 7 days at most by default, never more
    /// than 30.
    #[must_use]
    pub fn max_grace(mut self, grace: Duration) -> Self {
        self.max_grace = grace;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.prefix.is_empty() || !is_prefix(&self.prefix) {
            problems.push(format!("api_keys prefix {:?} must be 1 to 32 letters, digits, _ or -", self.prefix));
        }
        let lifetimes = self.min_lifetime..=self.max_lifetime;
        if self.min_lifetime < MINUTE || self.max_lifetime > LONGEST_LIFETIME || lifetimes.is_empty() {
            problems.push(format!("api_keys lifetimes are {lifetimes:?}: at least 1 minute, at most 36,500 days"));
        }
        if let Some(lifetime) = self.default_lifetime.filter(|lifetime| !lifetimes.contains(lifetime)) {
            problems.push(format!("api_keys default_lifetime is {lifetime:?}: allowed are {lifetimes:?}"));
        }
        if !(1..=1_000).contains(&self.max_per_owner) {
            problems.push(format!("api_keys max_per_owner is {}: allowed are 1 to 1000", self.max_per_owner));
        }
        if self.quotas.len() > Limits::MOST_QUOTAS {
            problems.push(format!("api_keys has {} quotas: at most {}", self.quotas.len(), Limits::MOST_QUOTAS));
        }
        if !(1..=LONGEST_NAME).contains(&self.max_name) {
            problems.push(format!("api_keys max_name is {}: allowed are 1 to {LONGEST_NAME}", self.max_name));
        }
        if self.max_grace > LONGEST_GRACE {
            problems.push(format!("api_keys max_grace is {:?}: at most 30 days", self.max_grace));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed_and_limits_nobody() {
        assert!(Config::default().problems().is_empty());
        assert!(Config::default().quotas.is_empty() && Config::default().default_lifetime.is_none());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let config = Config::default()
            .prefix("")
            .min_lifetime(Duration::ZERO)
            .default_lifetime(Duration::MAX)
            .max_per_owner(0)
            .quotas([Quota::per_minute(1).unwrap(); 5])
            .max_name(256)
            .max_grace(31 * DAY);
        assert_eq!(config.problems().len(), 7, "{:#?}", config.problems());
        for prefix in ["a b", "a.b", &"a".repeat(33), "\u{e4}"] {
            assert_eq!(Config::default().prefix(prefix).problems().len(), 1, "{prefix}");
        }
        assert_eq!(Config::default().min_lifetime(366 * DAY).problems().len(), 1);
        assert_eq!(Config::default().default_lifetime(DAY - MINUTE).problems().len(), 1);
    }
}
