//! A database of some size: users with a password and a role, and their sessions.

use std::sync::Arc;

use auth_core::base::{
    AccountId, Clock, OsRandom, Random, RoleId, SeededRandom, SessionId, SystemClock, Timestamp, Token, TokenKind,
    UserId,
};
use auth_core::crypto::password_hash::{HashConfig, Password, PasswordHash, PasswordHasher};
use auth_sqlx::SqlStore;
use sqlx::sqlite::SqliteConnection;
use tempfile::TempDir;

use crate::client;

pub(crate) const USERS: usize = 10_000;
pub(crate) const SESSIONS: usize = 100_000;
const ROLES: usize = 10;
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// Of every user.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The database, and what clients know of it.
pub(crate) struct Seed {
    directory: TempDir,
    /// The secrets of all sessions.
    pub(crate) tokens: Arc<Vec<String>>,
    /// The hash that every user's [`PASSWORD`] is stored as.
    pub(crate) password_hash: PasswordHash,
}

impl Seed {
    /// Writes the database into a directory that goes away with the value.
    pub(crate) fn plant() -> Self {
        client::block_on(async {
            let hasher = PasswordHasher::new(HashConfig::default(), Arc::new(OsRandom)).unwrap();
            let password_hash = hasher.hash(Password::new(PASSWORD)).await.unwrap();
            let random = SeededRandom::predictable(1);
            let tokens: Vec<Token> = (0..SESSIONS).map(|_| Token::random(TokenKind::Session, &random)).collect();
            let seed = Self {
                directory: tempfile::tempdir().unwrap(),
                tokens: Arc::new(tokens.iter().map(|token| token.expose().to_owned()).collect()),
                password_hash,
            };
            let store = SqlStore::connect(&seed.url()).await.unwrap();
            auth_sqlx::migrate(&store).await.unwrap();
            let pool = store.sqlite_pool().unwrap();
            let mut tx = pool.begin().await.unwrap();
            let mut rows = Rows { to: &mut tx, random: &random, now: SystemClock.now() };
            let roles = rows.insert_roles().await;
            let users = rows.insert_users(&roles, seed.password_hash.as_stored()).await;
            rows.insert_sessions(&users, &tokens).await;
            tx.commit().await.unwrap();
            // Into the file itself.
            sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(pool).await.unwrap();
            pool.close().await;
            seed
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.directory.path().join("bench.db").display())
    }

    /// The address of some user.
    pub(crate) fn any_email() -> String {
        format!("user{}@example.com", fastrand::usize(..USERS))
    }
}

struct Rows<'a> {
    to: &'a mut SqliteConnection,
    random: &'a dyn Random,
    now: Timestamp,
}

impl Rows<'_> {
    async fn insert_roles(&mut self) -> Vec<RoleId> {
        let mut roles = Vec::with_capacity(ROLES);
        for number in 0..ROLES {
            let id = RoleId::new(self.now, self.random);
            sqlx::query("INSERT INTO auth_role (id, guard, name, permissions, created_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(id.as_uuid())
                .bind("PORTAL")
                .bind(format!("role{number}"))
                .bind(r#"["articles:read","articles:write","reports:read"]"#)
                .bind(self.now.as_micros())
                .execute(&mut *self.to)
                .await
                .unwrap();
            roles.push(id);
        }
        roles
    }

    async fn insert_users(&mut self, roles: &[RoleId], password_hash: &str) -> Vec<UserId> {
        let mut users = Vec::with_capacity(USERS);
        for number in 0..USERS {
            let id = UserId::new(self.now, self.random);
            sqlx::query(
                "INSERT INTO auth_user (id, name, email, email_verified, created_at, updated_at, credential_version) \
                 VALUES ($1, $2, $3, 1, $4, $5, 0)",
            )
            .bind(id.as_uuid())
            .bind(format!("User Number {number}"))
            .bind(format!("user{number}@example.com"))
            .bind(self.now.as_micros())
            .bind(self.now.as_micros())
            .execute(&mut *self.to)
            .await
            .unwrap();
            self.insert_credential(id, password_hash).await;
            self.insert_grant(id, roles[number % roles.len()]).await;
            users.push(id);
        }
        users
    }

    async fn insert_credential(&mut self, user: UserId, password_hash: &str) {
        sqlx::query(
            "INSERT INTO auth_account (id, user_id, provider_id, account_id, password_hash, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(AccountId::new(self.now, self.random).as_uuid())
        .bind(user.as_uuid())
        .bind(auth_core::account::CREDENTIAL)
        .bind(user.to_string())
        .bind(password_hash)
        .bind(self.now.as_micros())
        .bind(self.now.as_micros())
        .execute(&mut *self.to)
        .await
        .unwrap();
    }

    async fn insert_grant(&mut self, user: UserId, role: RoleId) {
        sqlx::query("INSERT INTO auth_user_role (user_id, role_id, granted_at) VALUES ($1, $2, $3)")
            .bind(user.as_uuid())
            .bind(role.as_uuid())
            .bind(self.now.as_micros())
            .execute(&mut *self.to)
            .await
            .unwrap();
    }

    async fn insert_sessions(&mut self, users: &[UserId], tokens: &[Token]) {
        let now = self.now.as_micros();
        for (number, token) in tokens.iter().enumerate() {
            sqlx::query(
                "INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, \
                 expires_at, absolute_expires_at, persistent, method, assurance, ip_address, user_agent) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 'password', 1, '192.0.2.1', $9)",
            )
            .bind(SessionId::new(self.now, self.random).as_uuid())
            .bind(token.hash().as_bytes().as_slice())
            .bind(users[number % users.len()].as_uuid())
            .bind(now)
            .bind(now)
            .bind(now)
            .bind(now + 7 * DAY_MICROS)
            .bind(now + 30 * DAY_MICROS)
            .bind(USER_AGENT)
            .execute(&mut *self.to)
            .await
            .unwrap();
        }
    }
}
