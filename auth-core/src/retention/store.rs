//! The questions asked to remove what has no use any more.

use async_trait::async_trait;

use crate::base::{AuditId, Timestamp};
use crate::store::StoreError;

/// Removal in batches: each removes at most `limit` rows in one statement and says how many there were. Fewer than
/// `limit` means that there is nothing left but what somebody else is working on.
#[async_trait]
pub trait RetentionStore {
    /// Removes sessions that have expired at `now`. One that is slid at the same time is either gone, and its sliding
    /// told so, or stays.
    async fn prune_sessions(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes counters of attempts whose window has ended at `now`.
    async fn prune_attempts(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes codes that have expired at `now`.
    async fn prune_codes(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes signing keys that verify nothing any more at `now`.
    async fn prune_signing_keys(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Removes API keys that have expired at `now`, with their secrets. One whose end is put off at the same time is
    /// either gone, and its change told so, or stays.
    async fn prune_api_keys(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes secrets of API keys that were replaced and have expired at `now`; their keys stay.
    async fn prune_api_key_secrets(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes the audit entries before this one, the oldest first.
    async fn prune_audit(&mut self, before: AuditId, limit: u32) -> Result<u64, StoreError>;
}
