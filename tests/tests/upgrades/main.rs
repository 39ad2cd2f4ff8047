//! A database that an earlier version has filled is brought up to date: no row is lost, neither of ours nor of the
//! application's, and every rule holds afterwards, on each engine and under any names.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test speaks by panicking")]

mod isolated;
mod pools;
mod tenants;

use auth_core::account::{AttemptKey, CREDENTIAL};
use auth_core::base::{Email, RoleId, SessionId, Timestamp, TokenHash, UserId};
use auth_core::store::Store;
use auth_core::user::Pool;
use auth_sqlx::{Engine, SqlStore, Tables};
use auth_tests::servers::{Server, ServerDatabase};
use sqlx::AssertSqlSafe;
use sqlx::types::Uuid;
use tempfile::TempDir;

/// Runs each of them, an `async fn(Before)` of the module that says this, on every engine, with the usual names and
/// with names at their longest, on a database of the version that it is `from`.
macro_rules! from_each_database {
    (from $last:ident: $($test:ident),+ $(,)?) => {$(
        mod $test {
            use auth_sqlx::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::from_both(Engine::Sqlite, super::$last, super::$test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::from_both(Engine::Postgres, super::$last, super::$test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                crate::from_both(Engine::Mariadb, super::$last, super::$test).await;
            }
        }
    )+};
}
use from_each_database;

/// A database as an earlier version has left it.
struct Before {
    store: SqlStore,
    engine: Engine,
    tables: Tables,
    /// What stands before the names of our tables.
    prefix: String,
}

async fn from_both<F: Future<Output = ()>>(engine: Engine, last: &str, test: impl Fn(Before) -> F) {
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
        before.applied_up_to(last).await;
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

    /// Two users, one of them with everything that one can have, and tables of the application that refer to them in
    /// each of the ways that there are.
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
