//! The questions asked about codes.

use async_trait::async_trait;

use super::model::{CodePurpose, CodeSubject, StoredCode};
use crate::base::{Timestamp, TokenHash, UserId};
use crate::store::StoreError;

/// Codes that are good once. They go with the session that they are bound to, and with their user.
#[async_trait]
pub trait CodeStore {
    /// Writes a code in place of the older one of its purpose and subject. `false`, and nothing is written, when the
    /// user is gone, or has no such session.
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

    /// Counts one attempt at the code of this purpose and subject, before anything is compared, and returns the code
    /// with that attempt in it, be it expired or not. Only inside a transaction is it certain that the code was not
    /// replaced in between.
    async fn try_code(&mut self, purpose: CodePurpose, subject: &CodeSubject)
    -> Result<Option<StoredCode>, StoreError>;

    /// Takes one attempt back, never below zero, from the code of this hash and purpose, because it was right.
    async fn refund_code(&mut self, purpose: CodePurpose, hash: &TokenHash) -> Result<(), StoreError>;

    /// Removes the code of this hash and purpose: `true` for the one caller who removed it. `false`, and nothing is
    /// removed, when there is none, or it is for something else, or it has expired at `now`.
    async fn consume_code(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes every code of the user, also those that are bound to a session which stays. How many there were.
    async fn end_codes_of_user(&mut self, user: UserId) -> Result<u64, StoreError>;
}
