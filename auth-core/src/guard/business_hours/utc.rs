//! Without time zones there is one.

use crate::base::Timestamp;

#[derive(Clone, Debug, Default)]
pub(super) struct Zone;

impl Zone {
    /// How far the clocks are ahead of UTC at that instant.
    #[expect(clippy::unused_self, reason = "zones with a place need it")]
    pub(super) const fn offset_seconds(&self, _instant: Timestamp) -> i64 {
        0
    }
}
