//! The clocks of a place.

use jiff::tz::TimeZone;

use super::BusinessHours;
use crate::base::Timestamp;
use crate::error::{ConfigErrors, Result};

/// Where the clocks hang; UTC if nowhere.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    place: Option<TimeZone>,
}

impl Zone {
    pub(super) const UTC: Self = Self { place: None };

    /// How far the clocks are ahead of UTC at that instant.
    pub(super) fn offset_seconds(&self, instant: Timestamp) -> i64 {
        let instant = jiff::Timestamp::from_second(instant.as_seconds()).ok();
        self.place.as_ref().zip(instant).map_or(0, |(place, instant)| place.to_offset(instant).seconds().into())
    }
}

impl BusinessHours {
    /// As the clocks show it there, summer time included: `Europe/Berlin` (IANA Time Zone Database, built in).
    ///
    /// # Errors
    /// [`ConfigErrors`] when there is no such zone.
    pub fn in_zone(self, name: &str) -> Result<Self, ConfigErrors> {
        let place = TimeZone::get(name);
        let place = place.map_err(|error| ConfigErrors::new(vec![format!("business hours in {name:?}: {error}")]))?;
        Ok(Self { zone: Zone { place: Some(place) }, ..self })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn in_a_zone_they_go_by_its_clocks() {
        // The 14th of November 2023, or so many days later.
        let at = |day: u64, hour: u64, minute: u64| {
            let time = Duration::from_hours(24 * day + hour) + Duration::from_mins(minute);
            Timestamp::from_micros(1_699_920_000_000_000).plus(time)
        };
        let berlin = BusinessHours::between(9, 17).unwrap().in_zone("Europe/Berlin").unwrap();
        assert!(berlin.includes(at(0, 8, 0)) && !berlin.includes(at(0, 16, 0)), "an hour ahead in winter");
        let summer = 240;
        assert!(berlin.includes(at(summer, 7, 0)) && !berlin.includes(at(summer, 6, 59)), "two in summer");
        assert!(BusinessHours::between(9, 17).unwrap().in_zone("Europe/Atlantis").is_err());
    }
}
