//! A store with a tap on its line: counts every question, and cuts the line when told to.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::DerefMut;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auth_core::account::{Account, AccountStore, Attempt, AttemptCount, AttemptKey};
use auth_core::api_key::{
    ApiKey, ApiKeyRecords, ApiKeyStore, ApiKeyWithOwner, KeyChange, KeyList, KeyOwner, KeyPage,
    Rotation as KeyRotation, Spent,
};
use auth_core::audit::{AuditEntry, AuditStore};
use auth_core::base::{
    AccountId, ApiKeyId, AuditId, Email, MessageId, PhoneNumber, RoleId, SessionId, SigningKeyId, TenantId, Timestamp,
    TokenHash, UserId, Username,
};
use auth_core::code::{CodePurpose, CodeStore, CodeSubject, StoredCode};
use auth_core::crypto::password_hash::PasswordHash;
use auth_core::limit::{Bucket, BucketKey, LimitStore, Place};
use auth_core::outbox::{Backlog, OutboxStore, QueuedMessage};
use auth_core::password::{PasswordStore, SignInFacts};
use auth_core::retention::RetentionStore;
use auth_core::role::{HeldRole, Role, RoleStore, StoredGrant};
use auth_core::session::{NewSession, SessionStore, SessionWithUser, StoredSession};
use auth_core::store::{Conn, Store, StoreError, Tx};
use auth_core::tenant::{Membership, MembershipStatus, MembershipStore, TenantRecord, TenantStore};
use auth_core::token::{FamilyWithSession, RefreshFamily, RefreshStore, Rotation, SigningKeyStore, StoredSigningKey};
use auth_core::user::{
    Pool, Population, ProfileChange, TenantMember, User, UserEmailStore, UserIdentifierStore, UserStandingStore,
    UserStore,
};
use futures_util::future::BoxFuture;

/// What was asked, and from when on nothing is answered.
#[derive(Default)]
pub struct Tap(Mutex<State>);

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock().unwrap();
        f.debug_struct("Tap").field("calls", &state.calls).field("line", &state.line).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    line: Line,
    deed: Option<(&'static str, BoxFuture<'static, ()>)>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Line {
    #[default]
    Sound,
    /// Dead from the call after so many more.
    DeadAfter(usize),
    /// Dead for this question alone.
    DeadFor(&'static str),
}

impl Tap {
    /// The store answers `calls` more questions and then none.
    pub fn die_after(&self, calls: usize) {
        self.0.lock().unwrap().line = Line::DeadAfter(calls);
    }

    /// The store answers everything but `question`.
    pub fn die_for(&self, question: &'static str) {
        self.0.lock().unwrap().line = Line::DeadFor(question);
    }

    /// The store answers again.
    pub fn revive(&self) {
        self.0.lock().unwrap().line = Line::Sound;
    }

    /// Takes the names of all questions so far, in order.
    pub fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// How often each write of a row that gives access was asked for so far: users, passwords, sessions, roles, keys,
    /// codes, refresh families.
    pub fn access_writes(&self) -> BTreeMap<&'static str, usize> {
        const WRITES: [&str; 21] = [
            "insert_user",
            "open_session",
            "insert_password",
            "replace_password",
            "put_role",
            "grant_role",
            "insert_tenant",
            "insert_membership",
            "set_membership_status",
            "update_profile",
            "verify_email",
            "change_email",
            "set_username",
            "set_phone",
            "raise_credential_version",
            "insert_api_key",
            "update_api_key",
            "rotate_api_key",
            "put_code",
            "put_family",
            "rotate_family",
        ];
        let mut counts = BTreeMap::new();
        for call in self.0.lock().unwrap().calls.iter().filter(|call| WRITES.contains(call)) {
            *counts.entry(*call).or_default() += 1;
        }
        counts
    }

    /// Has something happen once, right before `question` is asked the next time.
    pub fn meanwhile(&self, question: &'static str, deed: impl Future<Output = ()> + Send + 'static) {
        self.0.lock().unwrap().deed = Some((question, Box::pin(deed)));
    }

    /// Does what was to happen before this question.
    async fn happen(&self, question: &'static str) {
        let deed = self.0.lock().unwrap().deed.take_if(|(awaited, _)| *awaited == question);
        if let Some((_, deed)) = deed {
            deed.await;
        }
    }

    fn call(&self, question: &'static str) -> Result<(), StoreError> {
        let mut state = self.0.lock().unwrap();
        state.calls.push(question);
        let dead = match &mut state.line {
            Line::Sound => false,
            Line::DeadAfter(0) => true,
            Line::DeadAfter(left) => {
                *left -= 1;
                false
            }
            Line::DeadFor(name) => *name == question,
        };
        if dead { Err(StoreError::backend("no route to db.internal:5432 as app_user")) } else { Ok(()) }
    }
}

/// Any store behind a [`Tap`].
#[derive(Clone)]
pub struct TappedStore {
    inner: Arc<dyn Store>,
    tap: Arc<Tap>,
}

impl TappedStore {
    /// Puts the tap on.
    pub fn new(inner: impl Store, tap: Arc<Tap>) -> Self {
        Self { inner: Arc::new(inner), tap }
    }
}

impl fmt::Debug for TappedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TappedStore").field("tap", &self.tap).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for TappedStore {
    fn conn(&self) -> Box<dyn Conn + '_> {
        Box::new(Tapped { inner: self.inner.conn(), tap: Arc::clone(&self.tap) })
    }

    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        self.tap.happen("begin").await;
        self.tap.call("begin")?;
        Ok(Box::new(Tapped { inner: self.inner.begin().await?, tap: Arc::clone(&self.tap) }))
    }
}

struct Tapped<T> {
    inner: T,
    tap: Arc<Tap>,
}

#[async_trait]
impl Tx for Tapped<Box<dyn Tx>> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.tap.call("commit")?;
        self.inner.commit().await
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self.inner.as_any()
    }
}

/// Passes every question of a trait on to the store behind, if the line is sound.
macro_rules! pass_on {
    ($($store:ident { $(fn $question:ident($($name:ident: $type:ty),*) -> $answer:ty;)+ })+) => {$(
        #[async_trait]
        impl<T> $store for Tapped<T>
        where
            T: DerefMut + Send,
            T::Target: Conn,
        {
            $(async fn $question(&mut self, $($name: $type),*) -> Result<$answer, StoreError> {
                self.tap.happen(stringify!($question)).await;
                self.tap.call(stringify!($question))?;
                self.inner.$question($($name),*).await
            })+
        }
    )+};
}

pass_on! {
    UserStore {
        fn insert_user(user: &User) -> ();
        fn user_by_id(id: UserId) -> Option<User>;
        fn user_by_email(population: &Population, email: &Email) -> Option<User>;
        fn update_profile(id: UserId, change: &ProfileChange, now: Timestamp) -> bool;
        fn users_of_pool(pool: Pool, after: Option<UserId>, limit: u32) -> Vec<User>;
        fn members_of_tenant(tenant: &TenantId, after: Option<UserId>, limit: u32) -> Vec<TenantMember>;
        fn delete_user(id: UserId) -> bool;
    }
    UserEmailStore {
        fn verify_email(id: UserId, email: &Email, now: Timestamp) -> bool;
        fn change_email(id: UserId, old: &Email, new: &Email, now: Timestamp) -> bool;
    }
    UserIdentifierStore {
        fn user_by_username(population: &Population, username: &Username) -> Option<User>;
        fn user_by_phone(population: &Population, phone: &PhoneNumber) -> Option<User>;
        fn set_username(id: UserId, username: &Username, display: Option<&str>, now: Timestamp) -> bool;
        fn set_phone(id: UserId, phone: Option<&PhoneNumber>, now: Timestamp) -> bool;
    }
    UserStandingStore {
        fn claim_login(id: UserId, credential_version: i64) -> bool;
        fn lock_user(id: UserId) -> bool;
        fn raise_credential_version(id: UserId, now: Timestamp) -> bool;
        fn set_disabled(id: UserId, disabled_at: Option<Timestamp>, now: Timestamp) -> bool;
    }
    RoleStore {
        fn put_role(role: &Role) -> ();
        fn role_by_name(guard: &str, name: &str, tenant: Option<&TenantId>) -> Option<Role>;
        fn roles(tenant: Option<&TenantId>) -> Vec<Role>;
        fn delete_role(id: RoleId) -> bool;
        fn grant_role(grant: &StoredGrant, now: Timestamp) -> bool;
        fn revoke_role(grant: &StoredGrant) -> bool;
        fn roles_of_user(user: UserId, tenant: Option<&TenantId>) -> Vec<HeldRole>;
        fn has_other_holder(grant: &StoredGrant) -> bool;
    }
    TenantStore {
        fn insert_tenant(tenant: &TenantRecord) -> ();
        fn tenant_by_id(id: &TenantId) -> Option<TenantRecord>;
        fn lock_tenant(id: &TenantId) -> bool;
        fn delete_tenant(id: &TenantId) -> bool;
    }
    MembershipStore {
        fn insert_membership(membership: &Membership) -> bool;
        fn membership(user: UserId, tenant: &TenantId) -> Option<Membership>;
        fn memberships_of_user(user: UserId) -> Vec<Membership>;
        fn set_membership_status(user: UserId, tenant: &TenantId, status: MembershipStatus, now: Timestamp) -> bool;
        fn delete_membership(user: UserId, tenant: &TenantId) -> bool;
    }
    SessionStore {
        fn open_session(session: &NewSession, credential_version: i64) -> bool;
        fn session_by_token(hash: &TokenHash) -> Option<SessionWithUser>;
        fn session_by_id(id: SessionId) -> Option<SessionWithUser>;
        fn slide_session(id: SessionId, expires_at: Timestamp, now: Timestamp) -> bool;
        fn sessions_of_user(user: UserId, now: Timestamp) -> Vec<StoredSession>;
        fn end_session(user: UserId, id: SessionId) -> bool;
        fn end_sessions_of_user(user: UserId, keep: Option<SessionId>) -> u64;
        fn evict_sessions(user: UserId, spared: SessionId, others: u32) -> u64;
    }
    AccountStore {
        fn accounts_of_user(user: UserId) -> Vec<Account>;
        fn delete_accounts_of_user(user: UserId) -> u64;
        fn raise_attempts(attempts: &[Attempt; 2], now: Timestamp) -> ();
        fn attempts(keys: &[AttemptKey; 2], now: Timestamp) -> Vec<AttemptCount>;
        fn refund_attempts(counted: &[Attempt; 2]) -> ();
        fn settle_attempts(cleared: AttemptKey, refunded: Attempt) -> ();
    }
    LimitStore {
        fn take_place(bucket: &Bucket, now: Timestamp) -> Place;
        fn give_place_back(key: &BucketKey, window_ends_at: Timestamp) -> ();
    }
    PasswordStore {
        fn sign_in_facts(population: &Population, email: &Email, keys: &[AttemptKey; 2], now: Timestamp) -> SignInFacts;
        fn password_of_user(user: UserId) -> Option<PasswordHash>;
        fn insert_password(account: AccountId, user: UserId, hash: &PasswordHash, now: Timestamp) -> ();
        fn replace_password(user: UserId, old: &PasswordHash, new: &PasswordHash, now: Timestamp) -> bool;
    }
    ApiKeyStore {
        fn api_key_by_hash(hash: &TokenHash) -> Option<ApiKeyWithOwner>;
        fn spend_api_key(id: ApiKeyId, now: Timestamp) -> Spent;
        fn record_api_key_usage(id: ApiKeyId, uses: i64, last_used_at: Timestamp) -> bool;
    }
    ApiKeyRecords {
        fn insert_api_key(key: &ApiKey, secret: &TokenHash) -> ();
        fn api_key_of(owner: &KeyOwner, id: ApiKeyId) -> Option<ApiKey>;
        fn api_keys_of(owner: &KeyOwner, page: &KeyPage) -> KeyList;
        fn count_api_keys(owner: &KeyOwner, now: Timestamp) -> u64;
        fn update_api_key(owner: &KeyOwner, id: ApiKeyId, change: &KeyChange, now: Timestamp) -> bool;
        fn rotate_api_key(seen: &ApiKey, rotation: &KeyRotation) -> bool;
        fn delete_api_key(owner: &KeyOwner, id: ApiKeyId) -> bool;
        fn delete_api_keys_of_user(user: UserId) -> u64;
    }
    CodeStore {
        fn put_code(code: &StoredCode) -> bool;
        fn code_by_hash(purpose: CodePurpose, hash: &TokenHash, now: Timestamp) -> Option<StoredCode>;
        fn try_code(purpose: CodePurpose, subject: &CodeSubject) -> Option<StoredCode>;
        fn refund_code(purpose: CodePurpose, hash: &TokenHash) -> ();
        fn consume_code(purpose: CodePurpose, hash: &TokenHash, now: Timestamp) -> bool;
        fn end_codes_of_user(user: UserId) -> u64;
    }
    OutboxStore {
        fn insert_message(message: &QueuedMessage) -> ();
        fn due_messages(now: Timestamp, limit: u32) -> Vec<QueuedMessage>;
        fn claim_message(message: &QueuedMessage, due_at: Timestamp) -> bool;
        fn delete_message(id: MessageId) -> bool;
        fn backlog() -> Backlog;
    }
    SigningKeyStore {
        fn insert_signing_key(key: &StoredSigningKey) -> ();
        fn signing_keys(now: Timestamp) -> Vec<StoredSigningKey>;
        fn shorten_signing_key(id: SigningKeyId, signs_until: Timestamp, verifies_until: Timestamp) -> bool;
        fn reseal_signing_key(id: SigningKeyId, old: &[u8], new: &[u8]) -> bool;
    }
    RefreshStore {
        fn put_family(family: &RefreshFamily) -> bool;
        fn family_by_hash(family_hash: &TokenHash) -> Option<FamilyWithSession>;
        fn rotate_family(session: SessionId, presented: &TokenHash, next: &Rotation) -> bool;
        fn end_family(session: SessionId) -> bool;
    }
    RetentionStore {
        fn prune_sessions(now: Timestamp, limit: u32) -> u64;
        fn prune_attempts(now: Timestamp, limit: u32) -> u64;
        fn prune_api_keys(now: Timestamp, limit: u32) -> u64;
        fn prune_api_key_secrets(now: Timestamp, limit: u32) -> u64;
        fn prune_codes(now: Timestamp, limit: u32) -> u64;
        fn prune_signing_keys(now: Timestamp, limit: u32) -> u64;
        fn prune_audit(before: AuditId, limit: u32) -> u64;
    }
    AuditStore {
        fn insert_audit(entry: &AuditEntry) -> ();
        fn audit_of_user(user: UserId, before: Option<AuditId>, limit: u32) -> Vec<AuditEntry>;
    }
}
