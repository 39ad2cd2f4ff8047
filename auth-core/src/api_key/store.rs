//! The questions asked about API keys.

use async_trait::async_trait;

use super::model::{ApiKey, ApiKeyWithOwner, KeyChange, KeyList, KeyOwner, KeyPage, Rotation, Spent};
use crate::base::{ApiKeyId, Timestamp, TokenHash, UserId};
use crate::store::StoreError;

/// Keys in use: found by their secret, and counted.
#[async_trait]
pub trait ApiKeyStore {
    /// The key of this secret with its owner and their roles, in **one** statement: the hot path of every request with
    /// a key. Expired secrets, expired and disabled keys and disabled owners are returned as they are; the caller
    /// judges them by its clock.
    async fn api_key_by_hash(&mut self, hash: &TokenHash) -> Result<Option<ApiKeyWithOwner>, StoreError>;

    /// Counts a use by every limit of the key, as [`Limits::spend`](super::Limits::spend) does, in **one** guarded
    /// statement: of racing uses for the last place one gets it, and a use that is refused counts nothing. A key
    /// without limits is always allowed.
    async fn spend_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<Spent, StoreError>;

    /// Adds to what is known of the key's use; the last use never goes back. `false` when there is no such key.
    async fn record_api_key_usage(
        &mut self,
        id: ApiKeyId,
        uses: i64,
        last_used_at: Timestamp,
    ) -> Result<bool, StoreError>;
}

/// Keys as their owners see them. Nobody's questions reach the keys of others.
#[async_trait]
pub trait ApiKeyRecords {
    /// Writes a new key, its limits, and the hash that it is found by: three statements, so within a transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id or the hash is taken, or the user does not exist.
    async fn insert_api_key(&mut self, key: &ApiKey, secret: &TokenHash) -> Result<(), StoreError>;

    /// One key of this owner.
    async fn api_key_of(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A page of the owner's keys, and how many they have.
    async fn api_keys_of(&mut self, owner: &KeyOwner, page: &KeyPage) -> Result<KeyList, StoreError>;

    /// How many keys the owner has that have not expired at `now`, enabled or not.
    async fn count_api_keys(&mut self, owner: &KeyOwner, now: Timestamp) -> Result<u64, StoreError>;

    /// Changes what is named and nothing else; `false`, and nothing is written, when the owner has no such key. With
    /// limits three statements, so within a transaction.
    async fn update_api_key(
        &mut self,
        owner: &KeyOwner,
        id: ApiKeyId,
        change: &KeyChange,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives the key another secret if it is still the one that was `seen`, with the same owner and rotation; `false`,
    /// and nothing is written, otherwise. Of racing rotations one is done. Three statements, so within a transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the hash is taken.
    async fn rotate_api_key(&mut self, seen: &ApiKey, rotation: &Rotation) -> Result<bool, StoreError>;

    /// Removes a key with its secrets and limits; `false` when the owner has no such key.
    async fn delete_api_key(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Result<bool, StoreError>;

    /// Removes every key of the user with its secrets, whoever owns it. How many there were.
    async fn delete_api_keys_of_user(&mut self, user: UserId) -> Result<u64, StoreError>;
}
