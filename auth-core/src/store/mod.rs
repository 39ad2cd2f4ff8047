//! Where rows live. Each feature asks its questions in a small trait of its own; here they are summed up.
//!
//! A store answers from any number of connections at once and decides races by itself: whatever may happen only once is
//! one conditional statement whose number of affected rows is the verdict. Anyone may write a store; the module `suite`
//! (feature `suite`) tests whether it keeps the rules. Start reading at [`Store`].

mod error;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "suite")]
pub mod suite;

use std::any::Any;

use async_trait::async_trait;

pub use error::StoreError;
#[cfg(feature = "memory")]
pub use memory::MemoryStore;

use crate::account::AccountStore;
use crate::api_key::{ApiKeyRecords, ApiKeyStore};
use crate::audit::AuditStore;
use crate::code::CodeStore;
use crate::limit::LimitStore;
use crate::outbox::OutboxStore;
use crate::password::PasswordStore;
use crate::retention::RetentionStore;
use crate::role::RoleStore;
use crate::session::SessionStore;
use crate::tenant::{MembershipStore, TenantStore};
use crate::token::{RefreshStore, SigningKeyStore};
use crate::user::{UserEmailStore, UserIdentifierStore, UserStandingStore, UserStore};

/// Every question of every feature.
pub trait Conn:
    UserStore
    + UserEmailStore
    + UserIdentifierStore
    + UserStandingStore
    + RoleStore
    + TenantStore
    + MembershipStore
    + SessionStore
    + AccountStore
    + LimitStore
    + PasswordStore
    + CodeStore
    + OutboxStore
    + ApiKeyStore
    + ApiKeyRecords
    + SigningKeyStore
    + RefreshStore
    + AuditStore
    + RetentionStore
    + Send
{
}

impl<T> Conn for T where
    T: UserStore
        + UserEmailStore
        + UserIdentifierStore
        + UserStandingStore
        + RoleStore
        + TenantStore
        + MembershipStore
        + SessionStore
        + AccountStore
        + LimitStore
        + PasswordStore
        + CodeStore
        + OutboxStore
        + ApiKeyStore
        + ApiKeyRecords
        + SigningKeyStore
        + RefreshStore
        + AuditStore
        + RetentionStore
        + Send
{
}

/// Questions and changes that take effect together, or not at all when it is dropped without [`commit`](Tx::commit).
#[async_trait]
pub trait Tx: Conn {
    /// Makes every change durable. An acknowledged commit survives a crash.
    ///
    /// # Errors
    /// [`StoreError::Backend`] when the store cannot say that the changes are durable.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// The concrete transaction, for hooks that write the application's own rows beside ours.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// A database, reached through connections that answer one statement each, or through transactions.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Statements outside a transaction, each durable by itself. No connection is held between them.
    fn conn(&self) -> Box<dyn Conn + '_>;

    /// Starts a transaction that may write.
    ///
    /// # Errors
    /// [`StoreError::Backend`] when no connection can be had in time.
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError>;
}
