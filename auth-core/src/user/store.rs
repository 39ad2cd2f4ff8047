//! The questions asked about users.

use async_trait::async_trait;

use super::model::{Pool, Population, ProfileChange, TenantMember, User};
use crate::base::{Email, PhoneNumber, TenantId, Timestamp, UserId, Username};
use crate::store::StoreError;

/// Users by id and by address.
#[async_trait]
pub trait UserStore {
    /// Writes a new user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken, or the address, the name or the number in the user's population,
    /// or when there is no such tenant.
    async fn insert_user(&mut self, user: &User) -> Result<(), StoreError>;

    /// The user of this id.
    async fn user_by_id(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of this address in this population, both compared byte by byte, the address in its canonical form.
    async fn user_by_email(&mut self, population: &Population, email: &Email) -> Result<Option<User>, StoreError>;

    /// Everybody of a pool, whatever tenant their account belongs to, ordered by the bytes of their ids: at most
    /// `limit`, from the one that follows `after` on.
    async fn users_of_pool(&mut self, pool: Pool, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// The users who belong to the tenant, and no customers, whatever the status, ordered by the bytes of their ids: at
    /// most `limit`, from the one that follows `after` on. With the roles that each holds there and everywhere.
    async fn members_of_tenant(
        &mut self,
        tenant: &TenantId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<TenantMember>, StoreError>;

    /// Changes name and picture, nothing else; `false` when there is no such user.
    async fn update_profile(&mut self, id: UserId, change: &ProfileChange, now: Timestamp) -> Result<bool, StoreError>;

    /// Removes the user with their sessions, accounts, memberships, granted roles, codes and API keys; `false` when
    /// there is no such user.
    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError>;
}

/// Which mailbox is a user's, and whether that has been proved.
#[async_trait]
pub trait UserEmailStore {
    /// Notes that the mailbox of this address has been proved to be the user's. `false`, and nothing is written, when
    /// it is not their address.
    async fn verify_email(&mut self, id: UserId, email: &Email, now: Timestamp) -> Result<bool, StoreError>;

    /// Gives the user another address, whose mailbox has been proved to be theirs. `false`, and nothing is written,
    /// when `old` is not their address.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else of their population has the new one.
    async fn change_email(&mut self, id: UserId, old: &Email, new: &Email, now: Timestamp) -> Result<bool, StoreError>;
}

/// What else than an address users are known by.
#[async_trait]
pub trait UserIdentifierStore {
    /// The user of this name in this population.
    async fn user_by_username(
        &mut self,
        population: &Population,
        username: &Username,
    ) -> Result<Option<User>, StoreError>;

    /// The user of this number in this population.
    async fn user_by_phone(&mut self, population: &Population, phone: &PhoneNumber)
    -> Result<Option<User>, StoreError>;

    /// Gives the user a name to sign in with, in place of an earlier one, and how they spell it; `false` when there is
    /// no such user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else of their population has it.
    async fn set_username(
        &mut self,
        id: UserId,
        username: &Username,
        display: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives the user a number that has been proved to be theirs, in place of an earlier one, or takes that away;
    /// `false` when there is no such user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else of their population has it.
    async fn set_phone(&mut self, id: UserId, phone: Option<&PhoneNumber>, now: Timestamp) -> Result<bool, StoreError>;
}

/// Whether users may act, and whoever acts for one holding their row meanwhile.
#[async_trait]
pub trait UserStandingStore {
    /// Claims the right to act for a user: `true` if, at this moment, the user exists, is not disabled and
    /// still has this credential version. Inside a transaction the row stays locked until its end, so that a
    /// change of credentials comes wholly before or wholly after the act.
    async fn claim_login(&mut self, id: UserId, credential_version: i64) -> Result<bool, StoreError>;

    /// Takes the user's row, whatever state the user is in; `false` when there is no such user. Inside a transaction it
    /// stays locked until its end: whoever opens, changes or ends anything of the user waits.
    async fn lock_user(&mut self, id: UserId) -> Result<bool, StoreError>;

    /// Raises the credential version, which ends every sign-in under way; `false` when there is no such user.
    async fn raise_credential_version(&mut self, id: UserId, now: Timestamp) -> Result<bool, StoreError>;

    /// Disables (`Some`) or enables (`None`) a user; `false` when there is no such user.
    async fn set_disabled(
        &mut self,
        id: UserId,
        disabled_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
