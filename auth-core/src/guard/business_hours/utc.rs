//! Without time zones there is one.

use crate::base::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Zone;

impl Zone {
    pub(super) const UTC: Self = Self;

    /// How far the clocks are ahead of UTC at that instant.
    #[expect(clippy::unused_self, reason = "zones with a place need it")]
    pub(super) const fn offset_seconds(&self, _instant: Timestamp) -> i64 {
        0
    }
}
