//! Who and what the rules are about: users, sessions and roles in one line, the same in every run.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::account::AttemptKey;
use crate::api_key::{ApiKey, KeyOwner, Limits};
use crate::audit::{AuditEntry, Outcome};
use crate::base::{
    AccountId, ApiKeyId, AuditId, Email, Random, RoleId, SeededRandom, SessionId, SigningKeyId, TenantId, Timestamp,
    Token, TokenHash, TokenKind, UserId,
};
use crate::code::{CodePurpose, CodeSubject, StoredCode};
use crate::crypto::password_hash::PasswordHash;
use crate::role::{Permission, Role, RoleScope, StoredGrant};
use crate::session::{Assurance, AuthMethod, Persistence, StoredSession, for_the_suite};
use crate::store::{Conn, Store, StoreError, Tx};
use crate::tenant::{Membership, MembershipStatus, TenantRecord};
use crate::token::{RefreshFamily, StoredSigningKey};
use crate::user::{Pool, User};

/// The present of every rule. It ends in an odd microsecond, which a store that keeps milliseconds would lose.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_123_457);
pub(super) const MICROSECOND: Duration = Duration::from_micros(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

/// How many take part in a race.
pub(super) const RACERS: usize = 32;

/// The cast of one rule, and the store that it plays on.
pub(super) struct Actors {
    store: Arc<dyn Store>,
    random: SeededRandom,
}

impl Actors {
    pub(super) fn over(store: Arc<dyn Store>) -> Self {
        Self { store, random: SeededRandom::predictable(1_815) }
    }

    pub(super) fn conn(&self) -> Box<dyn Conn + '_> {
        self.store.conn()
    }

    pub(super) async fn begin(&self) -> Box<dyn Tx> {
        self.store.begin().await.unwrap()
    }

    /// A user who has not signed up yet; `name` is also the local part of the address.
    pub(super) fn user(&self, name: &str) -> User {
        User {
            id: UserId::new(NOW, &self.random),
            name: name.to_owned(),
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            email_verified: false,
            image: Some(format!("https://example.com/{name}.png")),
            created_at: NOW,
            updated_at: NOW,
            disabled_at: None,
            credential_version: 1,
            pool: Pool::User,
            tenant: None,
            identifiers: crate::user::Identifiers::default(),
        }
    }

    /// A customer who has not signed up yet, under the address that a user of this name has.
    pub(super) fn customer(&self, name: &str) -> User {
        User { pool: Pool::Customer, ..self.user(name) }
    }

    pub(super) async fn signed_up(&self, name: &str) -> User {
        let user = self.user(name);
        self.conn().insert_user(&user).await.unwrap();
        user
    }

    /// A user with a password, and its hash.
    pub(super) async fn with_password(&self, name: &str) -> (User, PasswordHash) {
        let (user, hash) = (self.signed_up(name).await, self.password_hash());
        self.conn().insert_password(self.account_id(), user.id, &hash, NOW).await.unwrap();
        (user, hash)
    }

    /// A session that is not written yet, last used at `NOW`.
    pub(super) fn session(&self, user: &User) -> Opened {
        let row = StoredSession {
            id: SessionId::new(NOW, &self.random),
            user_id: user.id,
            created_at: NOW,
            updated_at: NOW,
            authenticated_at: NOW,
            expires_at: NOW.plus(DAY),
            absolute_expires_at: NOW.plus(30 * DAY),
            persistence: Persistence::Persistent,
            method: AuthMethod::Password,
            assurance: Assurance::Aal1,
            ip_address: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))),
            user_agent: Some("Mozilla/5.0".to_owned()),
            scope: RoleScope::Everywhere,
            role_guard: None,
        };
        Opened { row, hash: self.hash(TokenKind::Session), credential_version: user.credential_version }
    }

    pub(super) async fn signed_in(&self, user: &User) -> Opened {
        self.signed_in_at(user, NOW).await
    }

    /// A session that was last written at `at`.
    pub(super) async fn signed_in_at(&self, user: &User, at: Timestamp) -> Opened {
        let mut opened = self.session(user);
        opened.row.updated_at = at;
        self.write(&opened).await;
        opened
    }

    pub(super) async fn write(&self, opened: &Opened) {
        assert!(opened.write_to(&mut *self.conn()).await.unwrap(), "a session was refused");
    }

    /// A session that acts in this scope and is not written yet.
    pub(super) fn session_in(&self, user: &User, scope: RoleScope) -> Opened {
        let mut opened = self.session(user);
        opened.row.scope = scope;
        opened
    }

    pub(super) async fn signed_in_to(&self, user: &User, scope: RoleScope) -> Opened {
        let opened = self.session_in(user, scope);
        self.write(&opened).await;
        opened
    }

    /// Whether the session is found by its token.
    pub(super) async fn is_open(&self, opened: &Opened) -> bool {
        self.conn().session_by_token(&opened.hash).await.unwrap().is_some()
    }

    /// A tenant that is written.
    pub(super) async fn founded(&self, name: &str) -> TenantId {
        let tenant = TenantRecord { id: tenant(name), name: format!("{name} Ltd."), created_at: NOW };
        self.conn().insert_tenant(&tenant).await.unwrap();
        tenant.id
    }

    /// Has the user belong to the tenant.
    pub(super) async fn joined(&self, user: &User, tenant: &TenantId) -> Membership {
        let membership = membership(user, tenant);
        assert!(self.conn().insert_membership(&membership).await.unwrap(), "a first membership was not told as new");
        membership
    }

    /// Has a membership count, or count no more; it did not have this status.
    pub(super) async fn becomes(&self, user: &User, tenant: &TenantId, status: MembershipStatus) {
        let changed = self.conn().set_membership_status(user.id, tenant, status, NOW).await.unwrap();
        assert!(changed, "a change of status was not told");
    }

    /// A code that is not written yet, of the session or of the user alone.
    pub(super) fn code(&self, user: &User, session: Option<&Opened>) -> StoredCode {
        StoredCode {
            hash: self.hash(TokenKind::OneTime),
            purpose: CodePurpose::OneTimeToken,
            subject: session.map_or(CodeSubject::from(user.id), |opened| CodeSubject::from(opened.row.id)),
            user_id: Some(user.id),
            session_id: session.map(|opened| opened.row.id),
            binding: None,
            attempts: 0,
            created_at: NOW,
            expires_at: NOW.plus(MINUTE),
        }
    }

    /// A code that is written.
    pub(super) async fn issued(&self, user: &User, session: Option<&Opened>) -> StoredCode {
        let code = self.code(user, session);
        assert!(self.conn().put_code(&code).await.unwrap(), "a code was refused");
        code
    }

    /// A signing key that is not written yet.
    pub(super) fn signing_key(&self, generation: i64) -> StoredSigningKey {
        StoredSigningKey {
            id: SigningKeyId::new(NOW, &self.random),
            algorithm: "EdDSA".to_owned(),
            generation,
            public_jwk: r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_owned(),
            sealed_private: self.hash(TokenKind::Session).as_bytes().to_vec(),
            created_at: NOW,
            signs_from: NOW.plus(MINUTE),
            signs_until: NOW.plus(30 * DAY),
            verifies_until: NOW.plus(31 * DAY),
        }
    }

    /// A refresh family that is not written yet, before its first rotation.
    pub(super) fn family(&self, session: &Opened) -> RefreshFamily {
        RefreshFamily {
            session_id: session.row.id,
            tenant: None,
            family_hash: self.hash(TokenKind::Refresh),
            token_hash: self.hash(TokenKind::Refresh),
            previous_hash: None,
            sealed_child: None,
            generation: 0,
            created_at: NOW,
            rotated_at: NOW,
            expires_at: NOW.plus(30 * DAY),
        }
    }

    /// A refresh family that is written.
    pub(super) async fn refreshing(&self, session: &Opened) -> RefreshFamily {
        let family = self.family(session);
        assert!(self.conn().put_family(&family).await.unwrap(), "a family was refused");
        family
    }

    /// The hash of a token that nobody has.
    pub(super) fn hash(&self, kind: TokenKind) -> TokenHash {
        Token::random(kind, &self.random).hash()
    }

    /// A role that is not defined yet.
    pub(super) fn role(&self, guard: &str, name: &str, permissions: &[&str]) -> Role {
        Role {
            id: RoleId::new(NOW, &self.random),
            guard: guard.to_owned(),
            name: name.to_owned(),
            tenant: None,
            is_system: false,
            manages: false,
            permissions: permissions.iter().map(|name| Permission::parse(*name).unwrap()).collect(),
            created_at: NOW,
        }
    }

    pub(super) async fn defined(&self, guard: &str, name: &str, permissions: &[&str]) -> Role {
        let role = self.role(guard, name, permissions);
        self.conn().put_role(&role).await.unwrap();
        role
    }

    /// A role that a tenant has defined for itself.
    pub(super) async fn defined_by(&self, tenant: &TenantId, guard: &str, name: &str, permissions: &[&str]) -> Role {
        let role = Role { tenant: Some(tenant.clone()), ..self.role(guard, name, permissions) };
        self.conn().put_role(&role).await.unwrap();
        role
    }

    pub(super) async fn granted(&self, user: &User, role: &Role) {
        self.granted_in(user, role, RoleScope::Everywhere).await;
    }

    pub(super) async fn granted_in(&self, user: &User, role: &Role, scope: RoleScope) {
        let grant = StoredGrant { user: user.id, role: role.id, scope };
        assert!(self.conn().grant_role(&grant, NOW).await.unwrap(), "a first grant was not told as new");
    }

    /// What looks like a hash; no store looks inside.
    pub(super) fn password_hash(&self) -> PasswordHash {
        let token = Token::random(TokenKind::Session, &self.random);
        PasswordHash::from_stored(format!("$argon2id$v=19$m=19456,t=2,p=1${}", token.expose()))
    }

    pub(super) fn account_id(&self) -> AccountId {
        AccountId::new(NOW, &self.random)
    }

    pub(super) fn attempt_key(&self) -> AttemptKey {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes);
        AttemptKey::from_bytes(bytes)
    }

    /// An API key that is not written yet: without limits, made at `NOW`.
    pub(super) fn api_key(&self, owner: KeyOwner) -> ApiKey {
        ApiKey {
            id: ApiKeyId::new(NOW, &self.random),
            owner,
            tenant: None,
            role_guard: None,
            config_id: "default".to_owned(),
            name: Some("deploy".to_owned()),
            start: "ak_liv".to_owned(),
            prefix: Some("ak_live_".to_owned()),
            enabled: true,
            permissions: None,
            metadata: None,
            limits: Limits::default(),
            expires_at: None,
            created_at: NOW,
            updated_at: NOW,
            last_used_at: None,
            usage_count: 0,
            rotation: 0,
        }
    }

    pub(super) fn key_secret(&self) -> TokenHash {
        Token::random(TokenKind::ApiKey, &self.random).hash()
    }

    /// Writes a key of the user that is like any other but for `change`, and gives it with the hash that finds it.
    pub(super) async fn keyed(&self, user: &User, change: impl FnOnce(&mut ApiKey)) -> (ApiKey, TokenHash) {
        let (mut key, secret) = (self.api_key(KeyOwner::User(user.id)), self.key_secret());
        change(&mut key);
        self.write_key(&key, &secret).await;
        (key, secret)
    }

    pub(super) async fn write_key(&self, key: &ApiKey, secret: &TokenHash) {
        let mut tx = self.begin().await;
        tx.insert_api_key(key, secret).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An entry of the audit trail that is not written yet.
    pub(super) fn entry(&self, user: &User, at: Timestamp) -> AuditEntry {
        AuditEntry {
            id: AuditId::new(at, &self.random),
            at,
            action: "signed_in".to_owned(),
            outcome: Outcome::Success,
            user_id: Some(user.id),
            actor_id: None,
            session_id: None,
            detail: None,
            ip_address: None,
            correlation_id: None,
        }
    }

    pub(super) async fn noted(&self, user: &User, at: Timestamp) -> AuditId {
        let entry = self.entry(user, at);
        self.conn().insert_audit(&entry).await.unwrap();
        entry.id
    }
}

/// A session, the hash that finds it, and the version of the credentials that it was proved by.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) row: StoredSession,
    pub(super) hash: TokenHash,
    pub(super) credential_version: i64,
}

impl Opened {
    pub(super) async fn write_to(&self, conn: &mut dyn Conn) -> Result<bool, StoreError> {
        conn.open_session(&for_the_suite(self.row.clone(), self.hash), self.credential_version).await
    }
}

/// Lets as many as [`RACERS`] do something at once; what each of them got.
pub(super) async fn race<F: Future>(racer: impl FnMut(usize) -> F) -> Vec<F::Output> {
    join_all((0..RACERS).map(racer)).await
}

/// How many of the racers were told that it was they.
pub(super) fn winners(verdicts: &[bool]) -> usize {
    verdicts.iter().filter(|won| **won).count()
}

/// Asserts that a uniqueness or foreign-key rule refused the write.
#[track_caller]
pub(super) fn assert_conflict<T: Debug>(result: Result<T, StoreError>, what: &str) {
    assert!(matches!(result, Err(StoreError::Conflict)), "{what} must be refused as a conflict, but got {result:?}");
}

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// A membership that is not written yet.
pub(super) fn membership(user: &User, tenant: &TenantId) -> Membership {
    let status = MembershipStatus::Active;
    Membership { user: user.id, tenant: tenant.clone(), status, created_at: NOW, updated_at: NOW }
}

/// Where members of the tenant hold roles.
pub(super) fn within(tenant: &TenantId) -> RoleScope {
    RoleScope::Tenant(tenant.clone())
}

/// That the user holds the role everywhere.
pub(super) fn everywhere(user: UserId, role: RoleId) -> StoredGrant {
    StoredGrant { user, role, scope: RoleScope::Everywhere }
}
