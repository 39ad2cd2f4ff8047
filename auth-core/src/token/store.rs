//! The questions asked about signing keys and refresh families.

use async_trait::async_trait;

use super::model::{FamilyWithSession, RefreshFamily, Rotation, StoredSigningKey};
use crate::base::{SessionId, SigningKeyId, Timestamp, TokenHash};
use crate::store::StoreError;

/// Keys that access tokens are signed with. What one process has written all others read, so that they sign and verify
/// with the same ones.
#[async_trait]
pub trait SigningKeyStore {
    /// Writes a new key. Of several processes that make the next key at once, one is not refused, and the others take
    /// that one's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken, or the algorithm has a key of this generation.
    async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StoreError>;

    /// The keys that verify something at `now`, of all algorithms, the newest generation first.
    async fn signing_keys(&mut self, now: Timestamp) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Brings the ends of a key forward. An end that would come later is left as it is, whatever the other one does.
    /// `false`, and nothing is written, when there is no such key or neither end would come earlier.
    async fn shorten_signing_key(
        &mut self,
        id: SigningKeyId,
        signs_until: Timestamp,
        verifies_until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Puts `new` where exactly `old` stands, for a change of the application's secret; `false`, and nothing is
    /// written, when something else stands there by now.
    async fn reseal_signing_key(&mut self, id: SigningKeyId, old: &[u8], new: &[u8]) -> Result<bool, StoreError>;
}

/// Refresh families, and sessions by what access tokens call them. A family goes with its session.
///
/// Whoever changes both in one transaction begins with the session: its end goes from there to the family.
#[async_trait]
pub trait RefreshStore {
    /// Writes a family in place of an earlier one of its session; `false`, and nothing is written, when the session has
    /// ended.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another session's family has this `family_hash`.
    async fn put_family(&mut self, family: &RefreshFamily) -> Result<bool, StoreError>;

    /// The family that goes by this hash with its session, user and roles, in **one** statement. Expired ones and
    /// disabled users are returned as they are; the caller judges them by its clock.
    async fn family_by_hash(&mut self, family_hash: &TokenHash) -> Result<Option<FamilyWithSession>, StoreError>;

    /// Spends the token `presented` and puts the next one in its place, if it is the one that is good now and the
    /// family has not expired at `next.rotated_at`; `false`, and nothing is written, otherwise. Of many who present the
    /// same token one is told `true`.
    async fn rotate_family(
        &mut self,
        session: SessionId,
        presented: &TokenHash,
        next: &Rotation,
    ) -> Result<bool, StoreError>;

    /// Ends the family of this session; `false` when there is none. The session goes on.
    async fn end_family(&mut self, session: SessionId) -> Result<bool, StoreError>;
}
