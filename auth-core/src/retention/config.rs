//! For how long, and how gently.

use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const MOST_OF_A_BATCH: u32 = 10_000;

/// For how long rows are kept, and how they are removed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(super) audit: Option<Duration>,
    pub(super) api_keys: Duration,
    pub(super) interval: Duration,
    pub(super) batch: u32,
    pub(super) pause: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let api_keys = 30 * DAY;
        Self {
            audit: None,
            api_keys,
            interval: Duration::from_hours(1),
            batch: 1_000,
            pause: Duration::from_millis(100),
        }
    }
}

impl Config {
    /// Entries of the audit trail go when they are older than this: at least a day. By default they are kept for ever,
    /// because how long is for the law and the application to say, not for a library.
    #[must_use]
    pub fn audit(mut self, retention: Duration) -> Self {
        self.audit = Some(retention);
        self
    }

    /// How long API keys stay in their owners' lists after they have expired: 30 days by default, at least a day.
    #[must_use]
    pub fn api_keys(mut self, retention: Duration) -> Self {
        self.api_keys = retention;
        self
    }

    /// How long [`prune_regularly`](super::prune_regularly) rests: 1 hour by default, at least a second.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many rows one statement removes at most: 1,000 by default, 1 to 10,000. On SQLite it is the only writer
    /// meanwhile.
    #[must_use]
    pub fn batch(mut self, rows: u32) -> Self {
        self.batch = rows;
        self
    }

    /// How long to let others work after a batch: 100 ms by default.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(audit) = self.audit.filter(|audit| *audit < DAY) {
            problems.push(format!("retention of the audit trail is {audit:?}: at least 1 day"));
        }
        if self.api_keys < DAY {
            problems.push(format!("retention of expired API keys is {:?}: at least 1 day", self.api_keys));
        }
        if self.interval < Duration::from_secs(1) {
            problems.push(format!("retention interval is {:?}: at least 1 second", self.interval));
        }
        if !(1..=MOST_OF_A_BATCH).contains(&self.batch) {
            problems.push(format!("retention batch is {}: allowed are 1 to {MOST_OF_A_BATCH}", self.batch));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_keeps_the_audit_trail_and_is_allowed() {
        assert_eq!(Config::default().audit, None);
        assert!(Config::default().problems().is_empty());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let too_short = DAY - Duration::from_secs(1);
        let config = Config::default().audit(too_short).api_keys(too_short).interval(Duration::ZERO).batch(0);
        assert_eq!(config.problems().len(), 4, "{:?}", config.problems());
        assert_eq!(Config::default().batch(MOST_OF_A_BATCH + 1).problems().len(), 1);
        assert!(
            Config::default().audit(DAY).api_keys(DAY).batch(1).interval(Duration::from_secs(1)).problems().is_empty()
        );
    }
}
