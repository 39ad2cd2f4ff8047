//! Key ids that an issuer was asked for and does not have.

use std::time::Duration;

use crate::base::Timestamp;

/// The first silence after an id was looked for in vain; it doubles each time.
const FIRST: Duration = Duration::from_secs(30);
/// The longest.
const LONGEST: Duration = Duration::from_secs(600);
/// How many ids are remembered. Whoever sends more of them only makes us forget the oldest.
const MOST: usize = 128;

/// Remembers in what order they were looked for, so that a client with an old token does not have its issuer asked
/// again and again.
#[derive(Default)]
pub(super) struct MissingKeys(Vec<Missing>);

struct Missing {
    kid: String,
    looked_at: Timestamp,
    silence: Duration,
}

impl MissingKeys {
    /// Whether the id was looked for lately.
    pub(super) fn holds(&self, kid: &str, now: Timestamp) -> bool {
        self.0.iter().any(|missing| missing.kid == kid && is_within(missing.silence, missing.looked_at, now))
    }

    /// The issuer was asked and does not have it.
    pub(super) fn note(&mut self, kid: &str, now: Timestamp) {
        let mut silence = FIRST;
        if let Some(at) = self.0.iter().position(|missing| missing.kid == kid) {
            let earlier = self.0.remove(at);
            // Requests that have waited for one answer note the same id once each.
            if is_within(earlier.silence, earlier.looked_at, now) {
                self.0.insert(at, earlier);
                return;
            }
            silence = (earlier.silence * 2).min(LONGEST);
        } else if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Missing { kid: kid.to_owned(), looked_at: now, silence });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether `event` is less than `span` ago. A clock that was put back makes everything long ago, so that nothing is
/// kept from happening until it has caught up.
pub(super) fn is_within(span: Duration, event: Timestamp, now: Timestamp) -> bool {
    now >= event && now.since(event) < span
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn silence_doubles_each_time_up_to_ten_minutes() {
        let (mut missing, mut now) = (MissingKeys::default(), 1_000);
        assert!(!missing.holds("a", at(now)));
        for silence in [30, 60, 120, 240, 480, 600, 600] {
            missing.note("a", at(now));
            missing.note("a", at(now + silence - 1));
            assert!(missing.holds("a", at(now + silence - 1)) && !missing.holds("b", at(now)), "{silence}");
            now += silence;
            assert!(!missing.holds("a", at(now)), "{silence}");
        }
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut missing = MissingKeys::default();
        for number in 0..1_000 {
            missing.note(&number.to_string(), at(1_000));
        }
        assert_eq!(missing.len(), MOST);
        assert!(!missing.holds("871", at(1_000)) && missing.holds("872", at(1_000)) && missing.holds("999", at(1_000)));
    }

    #[test]
    fn a_clock_that_was_put_back_holds_nothing() {
        let mut missing = MissingKeys::default();
        missing.note("a", at(1_000));
        assert!(!missing.holds("a", at(999)));
    }
}
