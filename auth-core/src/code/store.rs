//! The questions asked about codes.

use async_trait::async_trait;

use super::model::{CodePurpose, StoredCode};
use crate::base::{Timestamp, TokenHash, UserId};
use crate::store::StoreError;

/// Codes that are good once. They go with the session that they are bound to, and with their user.
#[async_trait]
pub trait CodeStore {
    /// Writes a code in place of the older one of its purpose that is bound to the same session or, for a code without
    /// a session, to the same user and no session. `false`, and nothing is written, when the user is gone, or has no
    /// such session.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the hash is taken by another code.
    async fn put_code(&mut self, code: &StoredCode) -> Result<bool, StoreError>;

    /// The code of this hash and purpose, which is left as it is. `None` when there is none, or it is for something
    /// else, or it has expired at `now`.
    async fn code_by_hash(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError>;

    /// Removes the code of this hash and purpose, and returns it to the one caller who removed it. `None`, and nothing
    /// is removed, when there is none, or it is for something else, or it has expired at `now`.
    async fn consume_code(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError>;

    /// Removes every code of the user, also those that are bound to a session which stays. How many there were.
    async fn end_codes_of_user(&mut self, user: UserId) -> Result<u64, StoreError>;
}
