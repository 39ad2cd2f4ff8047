//! Which codes there are, and how long they are good.

use std::time::Duration;

/// Codes that hand a session from one client of its user to another: from a web page to the app that it opens, for
/// example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OneTimeTokens {
    pub(crate) ttl: Duration,
}

impl Default for OneTimeTokens {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(3 * 60) }
    }
}

impl OneTimeTokens {
    /// How long one is good: 3 minutes by default, 10 seconds to 10 minutes.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let allowed = Duration::from_secs(10)..=Duration::from_secs(10 * 60);
        let is_bad = !allowed.contains(&self.ttl);
        is_bad
            .then(|| format!("one-time tokens live {:?}: allowed are 10 seconds to 10 minutes", self.ttl))
            .into_iter()
            .collect()
    }
}
