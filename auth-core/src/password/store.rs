//! The questions asked about passwords.

use async_trait::async_trait;

use crate::base::{AccountId, Email, Timestamp, UserId};
use crate::crypto::password_hash::PasswordHash;
use crate::store::StoreError;
use crate::user::User;

/// Password hashes; they are read here and nowhere else.
#[async_trait]
pub trait PasswordStore {
    /// The user of this address with the password hash, which a user of other sign-in methods lacks.
    async fn user_with_password(&mut self, email: &Email) -> Result<Option<(User, Option<PasswordHash>)>, StoreError>;

    /// The user's password hash, if there is one.
    async fn password_of_user(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// Gives a user who has none a password, under a new credential account of this id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the user has one already or is gone.
    async fn insert_password(
        &mut self,
        account: AccountId,
        user: UserId,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Puts `new` where exactly `old` stands; `false`, and nothing is written, when something else stands there by now.
    async fn replace_password(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
