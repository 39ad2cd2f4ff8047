//! The policy that something is done at certain hours alone.

#[cfg(not(feature = "time-zones"))]
mod utc;
#[cfg(feature = "time-zones")]
mod zone;

use std::borrow::Cow;
use std::time::Duration;

use time::{OffsetDateTime, Weekday};

#[cfg(not(feature = "time-zones"))]
use self::utc::Zone;
#[cfg(feature = "time-zones")]
use self::zone::Zone;
use super::{Decision, Policy, PolicyContext};
use crate::base::Timestamp;
use crate::error::{ConfigErrors, Result};

const DAY: u64 = 24 * 60 * 60;

/// Between these hours, by the engine's clock: from the first on, and before the last. Outside of them it is 422.
///
/// ```
/// use auth_core::guard::BusinessHours;
///
/// # fn main() -> Result<(), auth_core::ConfigErrors> {
/// let hours = BusinessHours::between(9, 17)?.weekdays();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BusinessHours {
    opens_at: Duration,
    closes_at: Duration,
    days: Days,
    zone: Zone,
    message: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    All,
    Weekdays,
}

impl BusinessHours {
    /// From one full hour to another, each 0 to 24, in UTC and on every day unless said otherwise. From 22 to 6 is over
    /// midnight, and belongs to the day on which it begins.
    ///
    /// # Errors
    /// [`ConfigErrors`] when there are no such hours, or nothing lies between them.
    pub fn between(opens_at: u64, closes_at: u64) -> Result<Self, ConfigErrors> {
        if opens_at >= 24 || closes_at > 24 || opens_at == closes_at {
            let problem = format!(
                "business hours from {opens_at} to {closes_at}: from an hour of 0 to 23 to another, of 0 to 24"
            );
            return Err(ConfigErrors::new(vec![problem]));
        }
        Ok(Self {
            opens_at: Duration::from_hours(opens_at),
            closes_at: Duration::from_hours(closes_at),
            days: Days::All,
            zone: Zone::UTC,
            message: format!("This is possible between {opens_at}:00 and {closes_at}:00 only.").into(),
        })
    }

    /// From Monday to Friday alone.
    pub fn weekdays(self) -> Self {
        Self { days: Days::Weekdays, ..self }
    }

    /// What whoever comes too late is told.
    pub fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Whether that instant lies within them.
    pub fn includes(&self, instant: Timestamp) -> bool {
        let seconds = instant.as_seconds() + self.zone.offset_seconds(instant);
        // No instant lies beyond what a date can say.
        let Ok(local) = OffsetDateTime::from_unix_timestamp(seconds) else { return false };
        let time = Duration::from_secs(seconds.rem_euclid(DAY as i64).unsigned_abs());
        let is_over_midnight = self.closes_at < self.opens_at;
        let (is_open, began_yesterday) = if is_over_midnight {
            (time >= self.opens_at || time < self.closes_at, time < self.closes_at)
        } else {
            (self.opens_at <= time && time < self.closes_at, false)
        };
        let day = if began_yesterday { local.weekday().previous() } else { local.weekday() };
        is_open && (self.days == Days::All || !matches!(day, Weekday::Saturday | Weekday::Sunday))
    }
}

impl<I: ?Sized + Sync> Policy<I> for BusinessHours {
    async fn decide(&self, context: &PolicyContext<'_>, _input: &I) -> Result<Decision> {
        Ok(if self.includes(context.now) { Decision::Allow } else { Decision::RuleViolation(self.message.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the 14th of November 2023, a Tuesday, or so many days later.
    fn at(day: u64, hour: u64, minute: u64, micros: u64) -> Timestamp {
        let midnight = Timestamp::from_micros(1_699_920_000_000_000);
        let time = Duration::from_hours(24 * day + hour) + Duration::from_mins(minute);
        midnight.plus(time + Duration::from_micros(micros))
    }

    #[test]
    fn they_begin_with_the_first_hour_and_end_before_the_last() {
        let hours = BusinessHours::between(9, 17).unwrap();
        for (instant, expected) in [
            (at(0, 8, 59, 59_999_999), false),
            (at(0, 9, 0, 0), true),
            (at(0, 16, 59, 59_999_999), true),
            (at(0, 17, 0, 0), false),
            (at(4, 12, 0, 0), true),
        ] {
            assert_eq!(hours.includes(instant), expected, "{instant}");
        }
        let weekdays = hours.weekdays();
        assert!(weekdays.includes(at(3, 12, 0, 0)) && !weekdays.includes(at(4, 12, 0, 0)));
    }

    #[test]
    fn over_midnight_they_belong_to_the_day_on_which_they_begin() {
        let nights = BusinessHours::between(22, 6).unwrap().weekdays();
        for (instant, expected) in [
            (at(3, 21, 59, 0), false),
            (at(3, 22, 0, 0), true),
            (at(4, 5, 59, 0), true),
            (at(4, 6, 0, 0), false),
            (at(4, 22, 0, 0), false),
            (at(6, 3, 0, 0), false),
            (at(6, 22, 0, 0), true),
        ] {
            assert_eq!(nights.includes(instant), expected, "{instant}");
        }
    }

    #[test]
    fn hours_that_are_none_are_told() {
        assert!(BusinessHours::between(0, 24).is_ok());
        for (opens_at, closes_at) in [(9, 9), (24, 1), (9, 25)] {
            assert!(BusinessHours::between(opens_at, closes_at).is_err());
        }
    }
}
