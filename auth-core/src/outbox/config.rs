//! Who sends, and how often somebody looks.

use std::time::Duration;

/// Who sends what waits, and how often somebody looks for what other processes have left.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(super) interval: Duration,
    pub(super) is_in_background: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), is_in_background: true }
    }
}

impl Config {
    /// How often to look for messages that are due again, or that another process has left: 15 seconds by default, at
    /// least 1. What this process writes is sent at once.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The engine sends nothing by itself: the program calls [`deliver`](super::deliver), and until it does, nobody gets
    /// any mail.
    #[must_use]
    pub fn delivered_by_the_program(mut self) -> Self {
        self.is_in_background = false;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let is_short = self.interval < Duration::from_secs(1);
        is_short
            .then(|| format!("the outbox's interval is {:?}: at least 1 second", self.interval))
            .into_iter()
            .collect()
    }
}
