//! Who sends, and how often somebody looks.

use std::time::Duration;

/// Who sends what waits, and how often somebody looks for what other processes have left.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(super) interval: Duration,
    pub(super) is_in_background: bool,
    pub(super) at_once: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), is_in_background: true, at_once: 8 }
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

    /// The engine sends nothing by itself: the program calls [`deliver`](super::deliver), and until it does, nobody
    /// gets any mail.
    #[must_use]
    pub fn delivered_by_the_program(mut self) -> Self {
        self.is_in_background = false;
        self
    }

    /// How many are sent side by side, so that one that takes its time does not hold up all others: 8 by default, 1 to
    /// 64. With 1 they are sent in the order in which they were written.
    #[must_use]
    pub fn at_once(mut self, number: usize) -> Self {
        self.at_once = number;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let is_few = (1..=64).contains(&self.at_once);
        let number = (!is_few).then(|| format!("the outbox sends {} at once: allowed are 1 to 64", self.at_once));
        let is_short = self.interval < Duration::from_secs(1);
        let interval = is_short.then(|| format!("the outbox's interval is {:?}: at least 1 second", self.interval));
        interval.into_iter().chain(number).collect()
    }
}
