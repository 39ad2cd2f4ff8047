//! A store in memory, for tests and demonstrations: nothing survives the process.
//!
//! It refuses what a SQL store refuses (a taken address, a session of nobody) and passes the same suite, so that a
//! test against it says something about production. Every question walks through plain maps; each file here answers
//! those of one feature. Start reading at [`MemoryStore`].

mod account;
mod api_key;
mod audit;
mod code;
mod limit;
mod outbox;
mod password;
mod retention;
mod role;
mod session;
mod tenant;
mod token;
mod user;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::ops::DerefMut;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Conn, Store, StoreError, Tx};
use crate::account::{Account, AttemptKey};
use crate::api_key::ApiKey;
use crate::audit::AuditEntry;
use crate::base::{
    AccountId, ApiKeyId, AuditId, MessageId, RoleId, SessionId, SigningKeyId, TenantId, Timestamp, UserId,
};
use crate::code::StoredCode;
use crate::crypto::password_hash::PasswordHash;
use crate::limit::{BucketKey, Count};
use crate::outbox::QueuedMessage;
use crate::role::{Role, StoredGrant};
use crate::session::StoredSession;
use crate::tenant::{Membership, TenantRecord};
use crate::token::{RefreshFamily, StoredSigningKey};
use crate::user::User;

/// A [`Store`] in memory. Clones share the same rows; a new one is empty.
///
/// A statement locks the store while it runs, a transaction for as long as it lives: whoever asks through
/// [`conn`](Store::conn) meanwhile waits for its end, and a task that does so while it holds a transaction itself
/// waits forever. The transaction works on a copy of all rows that [`commit`](Tx::commit) puts in their place, so one
/// that is dropped has never happened. Copying costs time in proportion to the rows: right for tests and
/// demonstrations, wrong for anything larger. Rows are gone with the last clone.
///
/// ```
/// use auth_core::store::{MemoryStore, Store};
///
/// let store = MemoryStore::new();
/// let same_rows = store.clone();
/// # let _: &dyn Store = &same_rows;
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Shows no row: they are personal data and hashes.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn conn(&self) -> Box<dyn Conn + '_> {
        Box::new(Asked(&*self.state))
    }

    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let shared = Arc::clone(&self.state).lock_owned().await;
        let draft = State::clone(&shared);
        Ok(Box::new(Asked(Draft { shared, draft })))
    }
}

#[async_trait]
impl Tx for Asked<Draft> {
    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        *self.0.shared = self.0.draft;
        Ok(())
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What answers the questions. They are written once, over whatever [reaches](Reach) the state.
struct Asked<R>(R);

/// The way to the state.
trait Reach: Send {
    fn state(&mut self) -> impl Future<Output = impl DerefMut<Target = State> + Send> + Send;
}

/// A statement by itself: the store is locked while it runs.
impl Reach for &Mutex<State> {
    async fn state(&mut self) -> impl DerefMut<Target = State> + Send {
        self.lock().await
    }
}

/// A transaction: the lock, held until its end, and the copy it works on.
struct Draft {
    shared: OwnedMutexGuard<State>,
    draft: State,
}

impl Reach for Draft {
    async fn state(&mut self) -> impl DerefMut<Target = State> + Send {
        &mut self.draft
    }
}

/// Every row. Ordered maps, so that answers come in the same order each time.
#[derive(Clone, Default)]
struct State {
    users: BTreeMap<UserId, User>,
    roles: BTreeMap<RoleId, Role>,
    grants: BTreeSet<StoredGrant>,
    tenants: BTreeMap<TenantId, TenantRecord>,
    memberships: BTreeMap<(UserId, TenantId), Membership>,
    /// By token hash: the look-up of every guarded request. The key is a SHA-256, so the time that a comparison takes
    /// tells nothing of the token.
    sessions: BTreeMap<[u8; 32], StoredSession>,
    accounts: BTreeMap<AccountId, AccountRow>,
    attempts: BTreeMap<AttemptKey, Counter>,
    buckets: BTreeMap<BucketKey, Count>,
    /// By their hash, as sessions are.
    codes: BTreeMap<[u8; 32], StoredCode>,
    signing_keys: BTreeMap<SigningKeyId, StoredSigningKey>,
    families: BTreeMap<SessionId, RefreshFamily>,
    api_keys: BTreeMap<ApiKeyId, ApiKey>,
    /// By hash, as sessions are.
    api_key_secrets: BTreeMap<[u8; 32], KeySecret>,
    outbox: BTreeMap<MessageId, QueuedMessage>,
    audit: BTreeMap<AuditId, AuditEntry>,
}

/// An account with what it is proved by.
#[derive(Clone)]
struct AccountRow {
    account: Account,
    password: Option<PasswordHash>,
}

/// The attempts counted in one window.
#[derive(Clone, Copy)]
struct Counter {
    attempts: i64,
    window_ends_at: Timestamp,
}

/// One of the secrets that a key is found by.
#[derive(Clone, Copy)]
struct KeySecret {
    key: ApiKeyId,
    expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Email;
    use crate::user::Pool;

    fn ada() -> User {
        let now = Timestamp::from_micros(1);
        User {
            id: UserId::from_uuid(uuid::Uuid::from_u128(1)),
            name: "Ada".to_owned(),
            email: Email::parse("ada@example.com").unwrap(),
            email_verified: false,
            image: None,
            created_at: now,
            updated_at: now,
            disabled_at: None,
            credential_version: 1,
            pool: Pool::User,
            tenant: None,
            identifiers: crate::user::Identifiers::default(),
        }
    }

    #[tokio::test]
    async fn clones_share_their_rows_and_new_stores_do_not() {
        let (store, user) = (MemoryStore::new(), ada());
        let clone = store.clone();
        store.conn().insert_user(&user).await.unwrap();
        assert!(clone.conn().user_by_id(user.id).await.unwrap().is_some());
        assert!(MemoryStore::new().conn().user_by_id(user.id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn debug_shows_no_row() {
        let store = MemoryStore::new();
        store.conn().insert_user(&ada()).await.unwrap();
        assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
    }

    #[tokio::test]
    async fn a_transaction_is_found_behind_any() {
        let mut tx = MemoryStore::new().begin().await.unwrap();
        assert!(tx.as_any().is::<Asked<Draft>>());
    }
}
