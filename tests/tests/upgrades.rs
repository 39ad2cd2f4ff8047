//! A database that an earlier version has filled is brought up to date: no row is lost, neither of ours nor of the
//! application's, and every rule holds afterwards, on each engine and under any names.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test speaks by panicking")]

use auth_core::account::{AttemptKey, CREDENTIAL};
use auth_core::base::{Email, RoleId, SessionId, TenantId, Timestamp, TokenHash, UserId};
use auth_core::store::{Store, StoreError};
use auth_core::user::{Pool, User};
use auth_sqlx::{Engine, SqlStore, Tables, migrate};
use auth_tests::servers::{Server, ServerDatabase};
use sqlx::AssertSqlSafe;
use sqlx::types::Uuid;
use tempfile::TempDir;

/// Runs each of them, an `async fn(Before)`, on every engine, with the usual names and with names at their longest.
macro_rules! from_each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use auth_sqlx::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::from_both(Engine::Sqlite, super::$test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::from_both(Engine::Postgres, super::$test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                crate::from_both(Engine::Mariadb, super::$test).await;
            }
        }
    )+};
}

from_each_database!(
    every_row_is_kept_by_the_pools,
    every_rule_holds_after_the_pools,
    the_pools_may_be_applied_by_hand,
    a_process_of_an_earlier_version_goes_on_writing_users,
    every_row_is_kept_by_the_accounts_of_tenants,
    every_rule_holds_of_the_accounts_of_tenants,
);

/// The version before pools.
const BEFORE_POOLS: &str = "0002_retention";
/// The version before accounts of tenants.
const BEFORE_ISOLATED: &str = "0006_tenants";

/// A database as an earlier version has left it.
struct Before {
    store: SqlStore,
    engine: Engine,
    tables: Tables,
    /// What stands before the names of our tables.
    prefix: String,
}

async fn from_both<F: Future<Output = ()>>(engine: Engine, test: impl Fn(Before) -> F) {
    let long = format!("{:x<31}_", "app");
    let names = Tables::prefixed(&long).unwrap();
    let (names, prefix) = match engine {
        Engine::Postgres => (names.in_schema("identity").unwrap(), format!("identity.{long}")),
        _ => (names, long),
    };
    for (tables, prefix) in [(Tables::default(), "auth_".to_owned()), (names, prefix)] {
        let folder = TempDir::new().unwrap();
        let Some((store, database)) = empty(engine, &folder).await else { return };
        let store = store.with_tables(tables.clone()).unwrap();
        let before = Before { store: store.clone(), engine, tables, prefix };
        before.applied_up_to(BEFORE_POOLS).await;
        before.filled().await;
        test(before).await;
        close(&store).await;
        if let Some(database) = database {
            database.remove().await;
        }
    }
}

async fn empty(engine: Engine, folder: &TempDir) -> Option<(SqlStore, Option<ServerDatabase>)> {
    let server = match engine {
        Engine::Sqlite => {
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("auth.db").display());
            return Some((SqlStore::connect(&url).await.unwrap(), None));
        }
        Engine::Postgres => Server::Postgres,
        Engine::Mariadb => Server::Mariadb,
        other => panic!("{other:?}"),
    };
    let database = server.empty_database().await?;
    Some((database.store().await, Some(database)))
}

async fn close(store: &SqlStore) {
    match (store.sqlite_pool(), store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), ..) => pool.close().await,
        (_, Some(pool), _) => pool.close().await,
        (.., Some(pool)) => pool.close().await,
        (None, None, None) => panic!("a store without a pool"),
    }
}

impl Before {
    /// The migrations up to this one, as they are printed.
    async fn applied_up_to(&self, last: &str) {
        self.applied(|name| name <= last).await;
    }

    /// Those that follow.
    async fn applied_after(&self, last: &str) {
        self.applied(|name| name > last).await;
    }

    async fn applied(&self, is_meant: impl Fn(&str) -> bool) {
        for migration in self.tables.migrations(self.engine).unwrap() {
            if is_meant(migration.name) {
                self.send(&migration.sql).await.unwrap();
            }
        }
    }

    async fn send(&self, sql: &str) -> sqlx::Result<()> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match (self.store.sqlite_pool(), self.store.postgres_pool(), self.store.mysql_pool()) {
            (Some(pool), ..) => script.execute(pool).await.map(drop),
            (_, Some(pool), _) => script.execute(pool).await.map(drop),
            (.., Some(pool)) => script.execute(pool).await.map(drop),
            (None, None, None) => panic!("a store without a pool"),
        }
    }

    /// Runs statements that are written for the usual names, with `id(1)`, `bytes(1)`, `yes` and `no` in the words of
    /// the engine.
    async fn run(&self, sql: &str) -> sqlx::Result<()> {
        self.send(&self.written(sql)).await
    }

    async fn count(&self, from: &str) -> i64 {
        let question = AssertSqlSafe(self.written(&format!("SELECT count(*) FROM {from}")));
        match (self.store.sqlite_pool(), self.store.postgres_pool(), self.store.mysql_pool()) {
            (Some(pool), ..) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
            (_, Some(pool), _) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
            (.., Some(pool)) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
            (None, None, None) => panic!("a store without a pool"),
        }
    }

    fn written(&self, sql: &str) -> String {
        let is_postgres = self.engine == Engine::Postgres;
        let mut sql = sql.replace("auth_", &self.prefix);
        for number in 1..=9_u8 {
            let (id, bytes) = (Uuid::from_u128(number.into()), hex(number).repeat(32));
            let (id, bytes) = if is_postgres {
                (format!("'{id}'::uuid"), format!("'\\x{bytes}'::bytea"))
            } else {
                (format!("x'{}'", id.simple()), format!("x'{bytes}'"))
            };
            sql = sql.replace(&format!("id({number})"), &id).replace(&format!("bytes({number})"), &bytes);
        }
        let (yes, no, id) = match self.engine {
            Engine::Postgres => ("true", "false", "uuid"),
            Engine::Sqlite => ("1", "0", "BLOB"),
            _ => ("1", "0", "BINARY(16)"),
        };
        sql.replace("{yes}", yes).replace("{no}", no).replace("{id}", id)
    }

    /// Two users, one of them with everything that one can have, and tables of the application that refer to them in each
    /// of the ways that there are.
    async fn filled(&self) {
        let rows = "
            INSERT INTO auth_user (id, name, email, email_verified, image, created_at, updated_at, disabled_at,
                credential_version) VALUES
                (id(1), 'Ada \u{1f980}', 'ada@example.com', {yes}, 'https://example.com/a', 11, 12, NULL, 13),
                (id(2), '', 'josé@example.com', {no}, NULL, 21, 22, 23, 0);
            INSERT INTO auth_role (id, guard, name, permissions, created_at) VALUES (id(3), 'ADMIN', 'clerk', '[\"a:b\"]', 31);
            INSERT INTO auth_user_role (user_id, role_id, granted_at) VALUES (id(1), id(3), 1), (id(2), id(3), 1);
            INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at,
                absolute_expires_at, persistent, method, assurance, ip_address, user_agent) VALUES
                (id(4), bytes(4), id(1), 41, 42, 43, 44, 45, {yes}, 'password', 1, '192.0.2.1', 'curl'),
                (id(5), bytes(5), id(1), 51, 52, 53, 54, 55, {no}, 'password', 2, NULL, NULL),
                (id(6), bytes(6), id(2), 61, 62, 63, 64, 65, {yes}, 'password', 1, NULL, NULL);
            INSERT INTO auth_account (id, user_id, provider_id, account_id, password_hash, created_at, updated_at) VALUES
                (id(7), id(1), 'credential', 'one', '$hash', 71, 72), (id(8), id(2), 'credential', 'two', NULL, 81, 82);
            INSERT INTO auth_attempt (attempt_key, attempts, window_ends_at) VALUES (bytes(9), 9, 99);
            INSERT INTO auth_audit (id, happened_at, action, succeeded, user_id) VALUES (id(9), 1, 'signed_up', {yes}, id(1));
            CREATE TABLE invoice (user_id {id} NOT NULL, FOREIGN KEY (user_id) REFERENCES auth_user (id));
            CREATE TABLE note (user_id {id} NOT NULL,
                FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE ON UPDATE CASCADE);
            CREATE TABLE visit (user_id {id}, FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE SET NULL);
            CREATE TABLE device (session_id {id} NOT NULL,
                FOREIGN KEY (session_id) REFERENCES auth_session (id) ON DELETE CASCADE);
            CREATE VIEW person AS SELECT u.id, u.email FROM auth_user u;
            INSERT INTO invoice (user_id) VALUES (id(1));
            INSERT INTO note (user_id) VALUES (id(1)), (id(2));
            INSERT INTO visit (user_id) VALUES (id(1));
            INSERT INTO device (session_id) VALUES (id(4));";
        self.run(rows).await.unwrap();
    }

    async fn assert_every_row_is_there(&self) {
        let mut conn = self.store.conn();
        let (ada, jose) = (user_id(1), user_id(2));
        let found = conn.user_by_id(ada).await.unwrap().unwrap();
        assert_eq!((&*found.name, found.email_verified, found.pool), ("Ada \u{1f980}", true, Pool::User));
        assert_eq!(found.image.as_deref(), Some("https://example.com/a"));
        let times = (found.created_at.as_micros(), found.updated_at.as_micros(), found.disabled_at);
        assert_eq!((times, found.credential_version), ((11, 12, None), 13));
        let found =
            conn.user_by_email(&Pool::User.into(), &Email::parse("josé@example.com").unwrap()).await.unwrap().unwrap();
        assert_eq!((found.id, &*found.name, found.email_verified, found.image), (jose, "", false, None));
        assert_eq!((found.disabled_at, found.credential_version), (Some(Timestamp::from_micros(23)), 0));
        for (number, user) in [(4, ada), (5, ada), (6, jose)] {
            let found = conn.session_by_token(&token_hash(number)).await.unwrap().unwrap();
            let i = i64::from(number);
            assert_eq!((found.session.id, found.user.id), (session_id(number), user));
            assert_eq!(found.session.absolute_expires_at.as_micros(), i * 10 + 5);
            assert_eq!(found.roles.iter().map(|held| held.role.id).collect::<Vec<_>>(), [role_id(3)]);
        }
        assert_eq!(conn.accounts_of_user(ada).await.unwrap()[0].provider_id, CREDENTIAL);
        assert_eq!(conn.password_of_user(ada).await.unwrap().unwrap().as_stored(), "$hash");
        assert_eq!(conn.accounts_of_user(jose).await.unwrap().len(), 1);
        let key = AttemptKey::from_bytes([9; 32]);
        assert_eq!(conn.attempts(&[key, key], Timestamp::from_micros(1)).await.unwrap()[0].attempts, 9);
        assert_eq!(conn.audit_of_user(ada, None, 10).await.unwrap().len(), 1);
        let referring = ["invoice", "note", "visit WHERE user_id = id(1)", "device", "person"];
        for (from, rows) in referring.into_iter().zip([1, 2, 1, 1, 2]) {
            assert_eq!(self.count(from).await, rows, "{from}");
        }
    }
}

fn hex(number: u8) -> String {
    format!("{number:02x}")
}

fn user_id(number: u8) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number.into()))
}

fn session_id(number: u8) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number.into()))
}

fn role_id(number: u8) -> RoleId {
    RoleId::from_uuid(Uuid::from_u128(number.into()))
}

fn token_hash(number: u8) -> TokenHash {
    TokenHash::from_stored(&[number; 32]).unwrap()
}

fn newcomer(number: u8, pool: Pool) -> User {
    let now = Timestamp::from_micros(1);
    User {
        id: user_id(number),
        name: "Ada".to_owned(),
        email: Email::parse("ada@example.com").unwrap(),
        email_verified: true,
        image: None,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        credential_version: 0,
        pool,
        tenant: None,
    }
}

async fn every_row_is_kept_by_the_pools(before: Before) {
    migrate(&before.store).await.unwrap();
    before.assert_every_row_is_there().await;
    migrate(&before.store).await.unwrap();
    before.assert_every_row_is_there().await;
}

async fn the_pools_may_be_applied_by_hand(before: Before) {
    before.applied_after(BEFORE_POOLS).await;
    migrate(&before.store).await.unwrap();
    before.assert_every_row_is_there().await;
    assert!(matches!(before.store.conn().delete_user(user_id(1)).await, Err(StoreError::Conflict)), "the invoice");
}

async fn every_rule_holds_after_the_pools(before: Before) {
    migrate(&before.store).await.unwrap();
    let mut conn = before.store.conn();
    assert!(matches!(conn.insert_user(&newcomer(8, Pool::User)).await, Err(StoreError::Conflict)), "a taken address");
    assert!(matches!(conn.insert_user(&newcomer(1, Pool::Customer)).await, Err(StoreError::Conflict)), "a taken id");
    conn.insert_user(&newcomer(8, Pool::Customer)).await.unwrap();
    let columns = "auth_user (id, name, email, email_verified, created_at, updated_at, credential_version, pool)";
    for (refused, why) in [
        ("id(9), 'x', 'x@y', {yes}, 1, 1, 0, 'staff'", "there is no such pool"),
        ("id(9), 'x', 'x@y', {yes}, 1, 1, 0, NULL", "everybody is in a pool"),
        ("id(9), 'x', 'x', {yes}, 1, 1, 0, 'user'", "an address is longer"),
        ("id(9), 'x', 'x@y', {yes}, 'x', 1, 0, 'user'", "an instant is a number"),
        ("id(9), 'x', 'x@y', {yes}, 1, 1, NULL, 'user'", "there is always a version"),
        ("NULL, 'x', 'x@y', {yes}, 1, 1, 0, 'user'", "there is always an id"),
    ] {
        assert!(before.run(&format!("INSERT INTO {columns} VALUES ({refused})")).await.is_err(), "{why}");
    }
    before.run(&format!("INSERT INTO {columns} VALUES (id(9), 'x', 'x@y', {{yes}}, 1, 1, 0, 'user')")).await.unwrap();

    let (ada, jose) = (user_id(1), user_id(2));
    assert!(matches!(conn.delete_user(ada).await, Err(StoreError::Conflict)), "the application's row holds on to it");
    before.run("DELETE FROM invoice").await.unwrap();
    assert!(conn.delete_user(ada).await.unwrap());
    for gone in [
        "auth_session WHERE user_id = id(1)",
        "auth_account WHERE user_id = id(1)",
        "auth_user_role WHERE user_id = id(1)",
        "note WHERE user_id = id(1)",
        "visit WHERE user_id IS NOT NULL",
        "device",
    ] {
        assert_eq!(before.count(gone).await, 0, "{gone}");
    }
    assert_eq!(conn.roles_of_user(jose, None).await.unwrap().len(), 1);
    assert!(conn.session_by_token(&token_hash(6)).await.unwrap().is_some());
    assert!(
        before.run("INSERT INTO auth_user_role (user_id, role_id, granted_at) VALUES (id(1), id(3), 1)").await.is_err()
    );
    assert!(before.run("INSERT INTO note (user_id) VALUES (id(1))").await.is_err());
}

/// It names neither the new column nor the pool of whom it looks for.
async fn a_process_of_an_earlier_version_goes_on_writing_users(before: Before) {
    migrate(&before.store).await.unwrap();
    let columns = "auth_user (id, name, email, email_verified, created_at, updated_at, credential_version)";
    before.run(&format!("INSERT INTO {columns} VALUES (id(9), 'x', 'x@example.com', {{yes}}, 1, 1, 0)")).await.unwrap();
    let found = before.store.conn().user_by_id(user_id(9)).await.unwrap().unwrap();
    assert_eq!((found.pool, found.tenant), (Pool::User, None));
    let again = format!("INSERT INTO {columns} VALUES (id(8), 'x', 'x@example.com', {{yes}}, 1, 1, 0)");
    assert!(before.run(&again).await.is_err(), "an address is taken once");
}

/// A member of a tenant with a session and a role there, and a customer of the same address.
const MEMBERS: &str = "
    INSERT INTO auth_tenant (id, name, created_at) VALUES ('acme', 'Acme', 1), ('globex', 'Globex', 1);
    INSERT INTO auth_membership (user_id, tenant, status, created_at, updated_at) VALUES (id(1), 'acme', 'active', 1, 1);
    INSERT INTO auth_user_role (user_id, role_id, granted_at, scope, tenant)
        VALUES (id(1), id(3), 1, 'tenant acme', 'acme');
    INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at,
        absolute_expires_at, persistent, method, assurance, scope, tenant) VALUES
        (id(7), bytes(7), id(1), 71, 72, 73, 74, 75, {yes}, 'password', 1, 'tenant acme', 'acme');
    INSERT INTO auth_user (id, name, email, email_verified, created_at, updated_at, credential_version, pool) VALUES
        (id(9), 'C', 'ada@example.com', {yes}, 1, 1, 0, 'customer');";

async fn every_row_is_kept_by_the_accounts_of_tenants(before: Before) {
    before.applied(|name| name > BEFORE_POOLS && name <= BEFORE_ISOLATED).await;
    before.run(MEMBERS).await.unwrap();
    migrate(&before.store).await.unwrap();
    let mut conn = before.store.conn();
    let customer = conn.user_by_id(user_id(9)).await.unwrap().unwrap();
    assert_eq!((customer.pool, customer.tenant), (Pool::Customer, None));
    let found = conn.session_by_token(&token_hash(7)).await.unwrap().unwrap();
    assert_eq!((found.session.scope.tenant(), found.user.tenant), (Some(&acme()), None));
    assert_eq!(found.roles.len(), 2, "the role is held everywhere and in the tenant");
    assert!(conn.membership(user_id(1), &acme()).await.unwrap().unwrap().is_active());
    assert!(conn.delete_user(user_id(9)).await.unwrap());
    before.assert_every_row_is_there().await;
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

async fn every_rule_holds_of_the_accounts_of_tenants(before: Before) {
    migrate(&before.store).await.unwrap();
    before.run("INSERT INTO auth_tenant (id, name, created_at) VALUES ('acme', 'Acme', 1)").await.unwrap();
    let mut conn = before.store.conn();
    let of_acme = User { tenant: Some(acme()), ..newcomer(8, Pool::User) };
    conn.insert_user(&of_acme).await.unwrap();
    let again = User { id: user_id(9), ..of_acme.clone() };
    assert!(matches!(conn.insert_user(&again).await, Err(StoreError::Conflict)), "a taken address");
    let columns =
        "auth_user (id, name, email, email_verified, created_at, updated_at, credential_version, tenant, home)";
    for (refused, why) in [
        ("'globex', 'globex'", "there is no such tenant"),
        ("'acme', ''", "an account of a tenant is at home there"),
        ("NULL, 'acme'", "an account of no tenant is at home in none"),
        ("'acme', NULL", "every account is at home somewhere"),
    ] {
        let values = format!("id(9), 'x', 'x@y', {{yes}}, 1, 1, 0, {refused}");
        assert!(before.run(&format!("INSERT INTO {columns} VALUES ({values})")).await.is_err(), "{why}");
    }
    before
        .run("INSERT INTO note (user_id) VALUES (id(8)); INSERT INTO invoice (user_id) VALUES (id(8))")
        .await
        .unwrap();
    assert!(
        matches!(conn.delete_tenant(&acme()).await, Err(StoreError::Conflict)),
        "the application's row holds on to it"
    );
    before.run("DELETE FROM invoice WHERE user_id = id(8)").await.unwrap();
    assert!(conn.delete_tenant(&acme()).await.unwrap());
    assert!(conn.user_by_id(of_acme.id).await.unwrap().is_none());
    assert_eq!(before.count("note WHERE user_id = id(8)").await, 0);
    before.assert_every_row_is_there().await;
}
