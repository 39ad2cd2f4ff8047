//! Time as a port: one instant type, and clocks that can be moved by hand.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// ISO 8601 in UTC with milliseconds, the wire form of every date.
const WIRE_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The last instant of the year 9999, the largest the wire form can show.
const LATEST_MICROS: i64 = 253_402_300_799_999_999;

/// An instant: whole microseconds since 1970-01-01T00:00:00Z, the same in Rust and in every database.
///
/// Arithmetic saturates at the years 1970 and 9999, so no addition can wrap an expiry into the past.
/// Serialises as ISO 8601 with milliseconds (`2026-01-31T12:00:00.000Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that lies `micros` microseconds after 1970; out of range becomes the nearest end.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Self(0)
        } else if micros > LATEST_MICROS {
            Self(LATEST_MICROS)
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970, the stored form.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, the form of JWT dates and rate-limit headers.
    pub const fn as_seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// This instant moved into the future, at most to the end of the year 9999.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// This instant moved into the past, at most to 1970.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).map_err(|_| fmt::Error)?;
        f.write_str(&date.format(WIRE_FORMAT).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads what was written, to the millisecond.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let written = PrimitiveDateTime::parse(&text, WIRE_FORMAT).map_err(de::Error::custom)?;
        let millis = written.assume_utc().unix_timestamp_nanos() / 1_000_000;
        i64::try_from(millis * 1_000).map(Self::from_micros).map_err(de::Error::custom)
    }
}

/// Where the engine reads the time. Nothing in it looks at the wall clock directly, so that
/// expiry can be tested by moving a [`ManualClock`].
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may read the wall clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now` until moved.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.0.store(self.now().plus(duration).as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_with_milliseconds_in_utc() {
        assert_eq!(Timestamp::from_micros(1_767_225_600_123_456).to_string(), "2026-01-01T00:00:00.123Z");
    }

    #[test]
    fn what_was_written_is_read_to_the_millisecond() {
        let read = |text: &str| serde_json::from_str::<Timestamp>(text);
        let instant = Timestamp::from_micros(1_767_225_600_123_456);
        let back = read(&serde_json::to_string(&instant).unwrap()).unwrap();
        assert_eq!(back.as_micros(), 1_767_225_600_123_000);
        for bad in ["\"\"", "1", "\"2026-01-01\"", "\"2026-01-01T00:00:00Z\"", "\"2026-13-01T00:00:00.000Z\""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_never_leaves_1970_to_9999() {
        let end = Timestamp::from_micros(i64::MAX);
        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(end.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(end.minus(Duration::MAX).as_micros(), 0);
        assert_eq!(Timestamp::from_micros(0).since(end), Duration::ZERO);
    }

    #[test]
    fn a_manual_clock_stands_still_until_moved() {
        let clock = ManualClock::at(Timestamp::from_micros(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now().as_micros(), 1_000_005);
    }
}
