//! The store under names of the application's choice: a long prefix, several prefixes in one database, and a schema of
//! PostgreSQL that `search_path` does not know.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test speaks by panicking")]

use std::sync::Arc;
use std::time::Duration;

use auth_core::base::{Email, SeededRandom, Timestamp, UserId};
use auth_core::store::{Store, suite};
use auth_core::user::{Pool, User};
use auth_sqlx::{Engine, MigrateError, SqlStore, Tables, TablesError, migrate};
use auth_tests::servers::{Server, ServerDatabase};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
use tempfile::TempDir;

/// A rule that takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(60);
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_123_456);

/// Runs each of them, an `async fn(Engine)`, on every engine.
macro_rules! on_each_engine {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use auth_sqlx::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$test(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(Engine::Postgres).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                super::$test(Engine::Mariadb).await;
            }
        }
    )+};
}

on_each_engine!(
    every_rule_is_kept,
    every_statement_prepares,
    the_printed_migrations_are_the_ones_that_run,
    applications_with_names_of_their_own_share_a_database,
);

/// A database of any engine, empty at first.
enum Database {
    File(TempDir),
    Server(ServerDatabase),
}

impl Database {
    async fn empty(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => Some(Self::File(TempDir::new().unwrap())),
            Engine::Postgres => Server::Postgres.empty_database().await.map(Self::Server),
            Engine::Mariadb => Server::Mariadb.empty_database().await.map(Self::Server),
            other => panic!("{other:?}"),
        }
    }

    /// With connections of its own, as another application would have.
    async fn store(&self, tables: &Tables) -> SqlStore {
        let store = match self {
            Self::File(folder) => {
                let path = folder.path().join("auth.db");
                SqlStore::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
            }
            Self::Server(database) => database.store().await,
        };
        store.with_tables(tables.clone()).unwrap()
    }

    async fn remove(self) {
        match self {
            Self::File(_) => {}
            Self::Server(database) => database.remove().await,
        }
    }
}

/// Names at their longest. Those of one number have nothing in common with those of another.
fn long_names(engine: Engine, number: usize) -> Tables {
    let prefix = format!("{:x<31}_", format!("app{number}"));
    assert_eq!(prefix.len(), 32);
    let tables = Tables::prefixed(&prefix).unwrap();
    if engine == Engine::Postgres { tables.in_schema("identity").unwrap() } else { tables }
}

fn user(seed: u64, name: &str) -> User {
    User {
        id: UserId::new(NOW, &SeededRandom::predictable(seed)),
        name: name.to_owned(),
        email: Email::parse("ada@example.com").unwrap(),
        email_verified: true,
        image: None,
        created_at: NOW,
        updated_at: NOW,
        disabled_at: None,
        credential_version: 1,
        pool: Pool::User,
        tenant: None,
        identifiers: auth_core::user::Identifiers::default(),
    }
}

/// Runs each statement by itself; they have no parameters.
async fn run(store: &SqlStore, script: String) {
    let script = sqlx::raw_sql(AssertSqlSafe(script));
    match (store.sqlite_pool(), store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), ..) => script.execute(pool).await.map(drop).unwrap(),
        (_, Some(pool), _) => script.execute(pool).await.map(drop).unwrap(),
        (.., Some(pool)) => script.execute(pool).await.map(drop).unwrap(),
        (None, None, None) => panic!("a store without a pool"),
    }
}

/// Counts the rows of a table.
async fn count(store: &SqlStore, table: &str) -> usize {
    let question = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count: i64 = match (store.sqlite_pool(), store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), ..) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
        (_, Some(pool), _) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
        (.., Some(pool)) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
        (None, None, None) => panic!("a store without a pool"),
    };
    usize::try_from(count).unwrap()
}

/// How many migrations there are, apart from the one that makes the history.
fn migrations(engine: Engine) -> usize {
    auth_sqlx::migrations(engine).count() - 1
}

async fn close(store: &SqlStore) {
    if let Some(pool) = store.sqlite_pool() {
        pool.close().await;
    }
    if let Some(pool) = store.postgres_pool() {
        pool.close().await;
    }
    if let Some(pool) = store.mysql_pool() {
        pool.close().await;
    }
}

/// Each rule has names of its own, many of them in one database; all that are broken are named. Not all in one:
/// `SQLite` reads the names of all tables after each change of one.
async fn every_rule_is_kept(engine: Engine) {
    assert!(suite::rules().len() > 80, "{}", suite::rules().len());
    let mut broken = Vec::new();
    for neighbours in suite::rules().chunks(20) {
        let Some(database) = Database::empty(engine).await else { return };
        for (number, rule) in neighbours.iter().enumerate() {
            let store = Arc::new(database.store(&long_names(engine, number)).await);
            migrate(&store).await.unwrap();
            let running = tokio::spawn({
                let store = Arc::clone(&store);
                async move { rule.run(store).await }
            });
            match tokio::time::timeout(PATIENCE, running).await {
                Ok(Ok(())) => close(&store).await,
                Ok(Err(_)) | Err(_) => broken.push(rule.name()),
            }
        }
        // A rule that hangs may hold on to it.
        if broken.is_empty() {
            database.remove().await;
        }
    }
    assert!(broken.is_empty(), "{engine:?} breaks {} rules:\n{}", broken.len(), broken.join("\n"));
}

async fn every_statement_prepares(engine: Engine) {
    let Some(database) = Database::empty(engine).await else { return };
    let tables = long_names(engine, 0);
    let store = database.store(&tables).await;
    migrate(&store).await.unwrap();
    for sql in tables.statements(engine).unwrap() {
        let text = AssertSqlSafe(sql.clone()).into_sql_str();
        let prepared = match (store.sqlite_pool(), store.postgres_pool(), store.mysql_pool()) {
            (Some(pool), ..) => pool.prepare(text).await.map(drop),
            (_, Some(pool), _) => pool.prepare(text).await.map(drop),
            (.., Some(pool)) => pool.prepare(text).await.map(drop),
            (None, None, None) => panic!("a store without a pool"),
        };
        assert!(prepared.is_ok(), "{sql}: {prepared:?}");
    }
    close(&store).await;
    database.remove().await;
}

async fn the_printed_migrations_are_the_ones_that_run(engine: Engine) {
    let Some(database) = Database::empty(engine).await else { return };
    let tables = long_names(engine, 0);
    let store = database.store(&tables).await;
    for migration in tables.migrations(engine).unwrap() {
        run(&store, migration.sql).await;
    }
    // Would fail at a table that is there already, if anything were left to do.
    migrate(&store).await.unwrap();
    let schema = if engine == Engine::Postgres { "identity." } else { "" };
    let history = format!("{schema}{:x<31}_migration", "app0");
    assert_eq!(count(&store, &history).await, migrations(engine));
    store.conn().insert_user(&user(1, "Ada")).await.unwrap();
    close(&store).await;
    database.remove().await;
}

/// Among them one without names of its own, one whose prefix begins like the usual one, and two in schemas that differ
/// in nothing else.
async fn applications_with_names_of_their_own_share_a_database(engine: Engine) {
    let Some(database) = Database::empty(engine).await else { return };
    let mut names = vec![("auth_", Tables::default()), ("auth_shop_", Tables::prefixed("auth_shop_").unwrap())];
    if engine == Engine::Postgres {
        names.push(("one.auth_", Tables::default().in_schema("one").unwrap()));
        // A word of SQL, and so quoted by hand here.
        names.push(("\"user\".auth_", Tables::default().in_schema("user").unwrap()));
    }
    let mut stores = Vec::new();
    for (prefix, tables) in &names {
        stores.push((*prefix, database.store(tables).await));
    }
    let starts: Vec<_> = stores
        .iter()
        .flat_map(|(_, store)| [store.clone(), store.clone()])
        .map(|store| tokio::spawn(async move { migrate(&store).await.unwrap() }))
        .collect();
    for start in starts {
        start.await.unwrap();
    }
    // The same id and the same address everywhere: nobody is in the way of anybody else.
    for (prefix, store) in &stores {
        assert_eq!(count(store, &format!("{prefix}migration")).await, migrations(engine));
        store.conn().insert_user(&user(1, prefix)).await.unwrap();
    }
    let id = user(1, "").id;
    for (prefix, store) in &stores {
        assert_eq!(store.conn().user_by_id(id).await.unwrap().unwrap().name, *prefix);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.user_by_id(id).await.unwrap().unwrap().name, *prefix, "in a transaction");
        assert!(tx.delete_user(id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(count(store, &format!("{prefix}user")).await, 0);
    }
    for (_, store) in &stores {
        close(store).await;
    }
    database.remove().await;
}

#[tokio::test]
async fn mariadb_has_no_schemas() {
    let Some(database) = Server::Mariadb.empty_database().await else { return };
    let store = database.store().await;
    let refused = store.clone().with_tables(Tables::default().in_schema("identity").unwrap());
    assert_eq!(refused.unwrap_err(), TablesError::NoSchemas);
    close(&store).await;
    database.remove().await;
}

/// A store in the schema `identity` whose connections begin with this statement.
async fn in_schema(database: &ServerDatabase, statement: &'static str) -> SqlStore {
    let pool = PgPoolOptions::new()
        .after_connect(move |postgres, _| Box::pin(async move { postgres.execute(statement).await.map(drop) }));
    let store = SqlStore::postgres(pool.connect(database.url()).await.unwrap());
    store.with_tables(Tables::default().in_schema("identity").unwrap()).unwrap()
}

#[tokio::test]
async fn a_schema_holds_everything_and_search_path_decides_nothing() {
    let Some(database) = Server::Postgres.empty_database().await else { return };
    // A table of the same name, first on the path.
    database.run("CREATE TABLE auth_user (id uuid PRIMARY KEY)").await.unwrap();
    for path in ["SET search_path TO ''", "SET search_path TO public"] {
        let store = in_schema(&database, path).await;
        migrate(&store).await.unwrap();
        let ada = user(1, "Ada");
        let mut tx = store.begin().await.unwrap();
        tx.insert_user(&ada).await.unwrap();
        assert!(tx.claim_login(ada.id, 1).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(count(&store, "identity.auth_user").await, 1);
        assert!(store.conn().delete_user(ada.id).await.unwrap());
        let ours = "pg_catalog.pg_class WHERE relname LIKE 'auth%' AND relnamespace";
        assert_eq!(count(&store, &format!("{ours} = 'public'::regnamespace")).await, 2, "a table and its key");
        assert!(count(&store, &format!("{ours} = 'identity'::regnamespace")).await > 16, "tables and indexes");
        close(&store).await;
    }
    database.remove().await;
}

/// Somebody else makes the schema where the program may not.
#[tokio::test]
async fn a_schema_that_is_there_needs_no_right_to_make_one() {
    let Some(database) = Server::Postgres.empty_database().await else { return };
    let store = in_schema(&database, "SET ROLE pg_monitor").await;
    assert!(matches!(migrate(&store).await, Err(MigrateError::Store(_))), "it may not make the schema");
    database.run("CREATE SCHEMA identity; GRANT USAGE, CREATE ON SCHEMA identity TO pg_monitor").await.unwrap();
    for _ in 0..2 {
        migrate(&store).await.unwrap();
    }
    assert_eq!(count(&store, "identity.auth_migration").await, migrations(Engine::Postgres));
    close(&store).await;
    database.remove().await;
}
