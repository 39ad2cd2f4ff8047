//! So many in such a time.

use std::time::Duration;

/// The shortest window and the shortest time between two refills, in seconds.
const SHORTEST: u64 = 1;
/// The longest of each: 400 days.
const LONGEST: u64 = 400 * 24 * 60 * 60;

/// So many uses in a window of time. The window begins with the first use after the last one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    limit: u32,
    window: Duration,
}

/// A number of uses that is zero, or a time that is too short or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quota or a refill is of at least one use, in a time of 1 second to 400 days")]
pub struct InvalidQuota;

impl Quota {
    /// At least one use in a window of 1 second to 400 days, counted in whole microseconds.
    ///
    /// # Errors
    /// [`InvalidQuota`] for anything else.
    pub const fn new(limit: u32, window: Duration) -> Result<Self, InvalidQuota> {
        match (limit, countable(window)) {
            (1.., Ok(window)) => Ok(Self { limit, window }),
            (_, _) => Err(InvalidQuota),
        }
    }

    /// So many in a minute.
    ///
    /// # Errors
    /// [`InvalidQuota`] for none.
    pub const fn per_minute(limit: u32) -> Result<Self, InvalidQuota> {
        Self::new(limit, Duration::from_mins(1))
    }

    /// So many in an hour.
    ///
    /// # Errors
    /// [`InvalidQuota`] for none.
    pub const fn per_hour(limit: u32) -> Result<Self, InvalidQuota> {
        Self::new(limit, Duration::from_hours(1))
    }

    /// So many in 24 hours.
    ///
    /// # Errors
    /// [`InvalidQuota`] for none.
    pub const fn per_day(limit: u32) -> Result<Self, InvalidQuota> {
        Self::new(limit, Duration::from_hours(24))
    }

    /// A quota of ours, of a number that is there to be read.
    pub(super) const fn known(limit: u32, seconds: u64) -> Self {
        Self { limit, window: Duration::from_secs(seconds) }
    }

    /// How many uses.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// In what time.
    pub const fn window(&self) -> Duration {
        self.window
    }
}

/// Stores keep microseconds.
pub(crate) const fn countable(time: Duration) -> Result<Duration, InvalidQuota> {
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    if seconds < SHORTEST || seconds > LONGEST || (seconds == LONGEST && time.subsec_nanos() > 0) {
        return Err(InvalidQuota);
    }
    Ok(Duration::new(seconds, micros * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_of_something_in_a_time_that_can_be_counted() {
        let day = Duration::from_hours(24);
        assert!(Quota::new(1, Duration::from_secs(1)).is_ok() && Quota::new(u32::MAX, 400 * day).is_ok());
        assert_eq!(Quota::new(0, day), Err(InvalidQuota));
        assert_eq!(Quota::new(1, Duration::from_millis(999)), Err(InvalidQuota));
        assert_eq!(Quota::new(1, 400 * day + Duration::from_nanos(1)), Err(InvalidQuota));
        assert_eq!(Quota::new(1, Duration::new(2, 1_999)).unwrap().window(), Duration::new(2, 1_000));
    }
}
