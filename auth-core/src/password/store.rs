//! The questions asked about passwords.

use async_trait::async_trait;

use crate::account::{AttemptCount, AttemptKey};
use crate::base::{AccountId, Email, Timestamp, UserId};
use crate::crypto::password_hash::PasswordHash;
use crate::store::StoreError;
use crate::user::{Population, User};

/// What a sign-in with a password is judged by.
#[derive(Clone, Debug)]
pub struct SignInFacts {
    /// The user of the address in the population that was asked for.
    pub user: Option<User>,
    /// Their password hash, which a user of other sign-in methods lacks.
    pub password: Option<PasswordHash>,
    /// The counters of the attempt's keys; one that was never raised or whose window has ended is left out.
    pub attempts: Vec<AttemptCount>,
}

/// Password hashes; they are read here and nowhere else.
#[async_trait]
pub trait PasswordStore {
    /// The user of this address in this population, their password hash, and the counters of these keys at `now`, in
    /// **one** statement.
    async fn sign_in_facts(
        &mut self,
        population: &Population,
        email: &Email,
        keys: &[AttemptKey; 2],
        now: Timestamp,
    ) -> Result<SignInFacts, StoreError>;

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
