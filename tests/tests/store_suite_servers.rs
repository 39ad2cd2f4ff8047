//! What is particular to PostgreSQL and MariaDB. That they keep every rule of the suite is in `store_suite.rs`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test speaks by panicking")]

use std::time::Duration;

use auth_core::account::{Attempt, AttemptKey};
use auth_core::base::{Email, SeededRandom, Timestamp, UserId};
use auth_core::store::{Store, StoreError, Tx};
use auth_core::user::User;
use auth_sqlx::{Connection, Engine, MigrateError, SqlStore, UnsafeSetting, connection, migrate, migrations};
use auth_tests::servers::{Server, ServerDatabase};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor, SqlSafeStr};

/// What takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(60);
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_123_456);

/// Runs each of them, an `async fn(Server)`, on every server.
macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use auth_tests::servers::Server;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(Server::Postgres).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                super::$test(Server::Mariadb).await;
            }
        }
    )+};
}

on_each_server!(
    every_statement_prepares,
    several_processes_may_migrate_at_once,
    the_printed_migrations_are_the_ones_that_run,
    another_programs_table_is_not_taken_for_ours,
    an_address_opens_the_store,
    one_connection_serves_a_transaction_and_then_statements,
    the_applications_rows_share_the_fate_of_ours,
    a_value_that_is_too_long_is_refused_and_no_conflict,
    a_statement_taken_back_to_end_a_deadlock_is_sent_again,
    a_later_statement_taken_back_ends_its_transaction,
    what_was_taken_back_is_not_called_committed,
);

fn user(seed: u64, email: &str) -> User {
    User {
        id: UserId::new(NOW, &SeededRandom::predictable(seed)),
        name: "Ada".to_owned(),
        email: Email::parse(email).unwrap(),
        email_verified: true,
        image: None,
        created_at: NOW,
        updated_at: NOW,
        disabled_at: None,
        credential_version: 1,
    }
}

/// How many migrations there are, the history itself not counted.
fn migration_count() -> i64 {
    i64::try_from(migrations(Engine::Mariadb).count()).unwrap() - 1
}

/// Counts the rows of a table.
async fn count(store: &SqlStore, table: &str) -> i64 {
    let question = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    match (store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), _) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
        (_, Some(pool)) => sqlx::query_scalar(question).fetch_one(pool).await.unwrap(),
        (None, None) => panic!("neither PostgreSQL nor MySQL"),
    }
}

async fn close(store: &SqlStore) {
    if let Some(pool) = store.postgres_pool() {
        pool.close().await;
    }
    if let Some(pool) = store.mysql_pool() {
        pool.close().await;
    }
}

async fn every_statement_prepares(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    for sql in auth_sqlx::statements(server.engine()) {
        let prepared = match (store.postgres_pool(), store.mysql_pool()) {
            (Some(pool), _) => pool.prepare(sql.into_sql_str()).await.map(drop),
            (_, Some(pool)) => pool.prepare(sql.into_sql_str()).await.map(drop),
            (None, None) => panic!("neither PostgreSQL nor MySQL"),
        };
        assert!(prepared.is_ok(), "{sql}: {prepared:?}");
    }
    close(&store).await;
    database.remove().await;
}

async fn several_processes_may_migrate_at_once(server: Server) {
    for _ in 0..3 {
        let Some(database) = server.empty_database().await else { return };
        let starts: Vec<_> = (0..4)
            .map(|_| {
                let url = database.url().to_owned();
                tokio::spawn(async move {
                    let store = SqlStore::connect(&url).await.unwrap();
                    migrate(&store).await.unwrap();
                    store
                })
            })
            .collect();
        for start in starts {
            let store = start.await.unwrap();
            assert_eq!(count(&store, "auth_migration").await, migration_count());
            assert_eq!(count(&store, "auth_session").await, 0);
            close(&store).await;
        }
        database.remove().await;
    }
}

async fn the_printed_migrations_are_the_ones_that_run(server: Server) {
    let Some(database) = server.empty_database().await else { return };
    for migration in migrations(server.engine()) {
        database.run(&migration.sql).await.unwrap();
    }
    let store = database.store().await;
    migrate(&store).await.unwrap();
    assert_eq!(count(&store, "auth_migration").await, migration_count());
    store.conn().insert_user(&user(1, "ada@example.com")).await.unwrap();
    close(&store).await;
    database.remove().await;
}

/// Django, for one, has a table of this name too.
async fn another_programs_table_is_not_taken_for_ours(server: Server) {
    let Some(database) = server.empty_database().await else { return };
    database.run("CREATE TABLE auth_user (id INTEGER PRIMARY KEY, username VARCHAR(150))").await.unwrap();
    let store = database.store().await;
    for _ in 0..2 {
        assert!(matches!(migrate(&store).await, Err(MigrateError::Store(_))));
    }
    database.run("DROP TABLE auth_user").await.unwrap();
    migrate(&store).await.unwrap();
    close(&store).await;
    database.remove().await;
}

async fn an_address_opens_the_store(server: Server) {
    let Some(database) = server.database().await else { return };
    let (scheme, rest) = database.url().split_once("://").unwrap();
    let second = if scheme == "mysql" { "mariadb" } else { "postgresql" };
    for url in [database.url().to_owned(), format!("{second}://{rest}")] {
        let store = SqlStore::connect(&url).await.unwrap();
        migrate(&store).await.unwrap();
        assert!(store.conn().user_by_id(user(1, "ada@example.com").id).await.unwrap().is_none());
        close(&store).await;
    }
    let wrong = database.url().replace("://test:", "://test:x");
    let message = SqlStore::connect(&wrong).await.unwrap_err().to_string();
    assert!(message.contains("did not open"), "{message}");
    database.remove().await;
}

async fn one_connection_serves_a_transaction_and_then_statements(server: Server) {
    let Some(database) = server.empty_database().await else { return };
    let store = database.store_of(1).await;
    let (ada, grace) = (user(1, "ada@example.com"), user(2, "grace@example.com"));
    let story = async {
        migrate(&store).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.insert_user(&ada).await.unwrap();
        tx.commit().await.unwrap();
        let (mut conn, mut other) = (store.conn(), store.conn());
        conn.insert_user(&grace).await.unwrap();
        assert!(other.user_by_id(grace.id).await.unwrap().is_some());
        drop(store.begin().await.unwrap());
        assert!(store.begin().await.unwrap().claim_login(ada.id, 1).await.unwrap());
        migrate(&store).await.unwrap();
    };
    tokio::time::timeout(PATIENCE, story).await.expect("the connection was not given back");
    close(&store).await;
    database.remove().await;
}

async fn the_applications_rows_share_the_fate_of_ours(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    database.run("CREATE TABLE customer (name VARCHAR(20) NOT NULL)").await.unwrap();
    for commits in [false, true] {
        let ada = user(1, "ada@example.com");
        let mut tx = store.begin().await.unwrap();
        tx.insert_user(&ada).await.unwrap();
        let insert = "INSERT INTO customer (name) VALUES ('Ada')";
        match connection(&mut *tx).unwrap() {
            Connection::Postgres(postgres) => sqlx::query(insert).execute(postgres).await.map(drop).unwrap(),
            Connection::Mysql(mysql) => sqlx::query(insert).execute(mysql).await.map(drop).unwrap(),
            other => panic!("{other:?}"),
        }
        if commits {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let found = store.conn().user_by_id(ada.id).await.unwrap().is_some();
        assert_eq!((count(&store, "customer").await, found), (i64::from(commits), commits));
    }
    close(&store).await;
    database.remove().await;
}

/// MySQL would cut it if it were not in strict mode.
async fn a_value_that_is_too_long_is_refused_and_no_conflict(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    let ada = User { name: "x".repeat(256), ..user(1, "ada@example.com") };
    assert!(matches!(store.conn().insert_user(&ada).await, Err(StoreError::Backend(_))));
    assert_eq!(count(&store, "auth_user").await, 0);
    close(&store).await;
    database.remove().await;
}

/// An application's transaction that locks the two counters crosswise. Whichever of the two the database takes back, the
/// store's statement arrives: alone, or as the first of a transaction.
async fn a_statement_taken_back_to_end_a_deadlock_is_sent_again(server: Server) {
    for in_a_transaction in [false, true] {
        let Some(database) = server.database().await else { return };
        let store = database.store().await;
        let keys = [1, 2].map(|byte| AttemptKey::from_bytes([byte; 32]));
        let attempts = keys.map(|key| Attempt { key, window_ends_at: NOW });
        let before = Timestamp::from_micros(0);
        store.conn().raise_attempts(&attempts, before).await.unwrap();

        let mut tx = store.begin().await.unwrap();
        // Rows of its own make it the dearer one: MySQL takes back whoever wrote less.
        for seed in 10..20 {
            tx.insert_user(&user(seed, &format!("user{seed}@example.com"))).await.unwrap();
        }
        count_attempt(&mut *tx, 2).await.unwrap();
        let raise = tokio::spawn({
            let store = store.clone();
            async move {
                if !in_a_transaction {
                    return store.conn().raise_attempts(&attempts, before).await;
                }
                let mut tx = store.begin().await?;
                tx.raise_attempts(&attempts, before).await?;
                tx.insert_user(&user(30, "ada@example.com")).await?;
                tx.commit().await
            }
        });
        // Until it holds the first and waits for the second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let crosswise = count_attempt(&mut *tx, 1).await;
        match &crosswise {
            Ok(()) => tx.commit().await.unwrap(),
            Err(_) => drop(tx),
        }
        raise.await.unwrap().unwrap();
        let counted = store.conn().attempts(&keys, before).await.unwrap();
        let expected = if crosswise.is_ok() { 3 } else { 2 };
        assert_eq!(counted.iter().map(|counter| counter.attempts).collect::<Vec<_>>(), [expected; 2]);
        let ada = store.conn().user_by_email(&Email::parse("ada@example.com").unwrap()).await.unwrap();
        assert_eq!(ada.is_some(), in_a_transaction, "what followed the statement");
        close(&store).await;
        database.remove().await;
    }
}

/// Later in a transaction what came before is gone, so the error stays one and nothing of it comes about.
async fn a_later_statement_taken_back_ends_its_transaction(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    let keys = [1, 2].map(|byte| AttemptKey::from_bytes([byte; 32]));
    let attempts = keys.map(|key| Attempt { key, window_ends_at: NOW });
    let before = Timestamp::from_micros(0);
    store.conn().raise_attempts(&attempts, before).await.unwrap();
    let (mut one, mut other) = (store.begin().await.unwrap(), store.begin().await.unwrap());
    for (tx, seed) in [(&mut one, 1), (&mut other, 2)] {
        tx.insert_user(&user(seed, &format!("user{seed}@example.com"))).await.unwrap();
    }
    count_attempt(&mut *one, 1).await.unwrap();
    count_attempt(&mut *other, 2).await.unwrap();
    let finish = async |mut tx: Box<dyn Tx>, cleared: AttemptKey, refunded: Attempt| {
        tx.settle_attempts(cleared, refunded).await?;
        tx.commit().await
    };
    let (first, second) = tokio::join!(finish(one, keys[1], attempts[0]), finish(other, keys[0], attempts[1]));
    assert!(first.is_ok() != second.is_ok(), "{first:?}, {second:?}");
    for (seed, outcome) in [(1, &first), (2, &second)] {
        let found = store.conn().user_by_id(user(seed, "x@example.com").id).await.unwrap();
        assert_eq!(found.is_some(), outcome.is_ok(), "a transaction is whole or absent");
    }
    close(&store).await;
    database.remove().await;
}

/// An application's statement fails, and it goes on as if nothing had been. PostgreSQL takes the transaction back at its
/// COMMIT and calls that a success; MySQL has taken it back at once when it was a deadlock.
async fn what_was_taken_back_is_not_called_committed(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    let (ada, grace) = (user(1, "ada@example.com"), user(2, "grace@example.com"));
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&ada).await.unwrap();
    match connection(&mut *tx).unwrap() {
        Connection::Postgres(postgres) => drop(sqlx::query("SELECT 1 / 0").execute(postgres).await.unwrap_err()),
        Connection::Mysql(mysql) => drop(sqlx::raw_sql("ROLLBACK").execute(mysql).await.unwrap()),
        other => panic!("{other:?}"),
    }
    assert!(matches!(tx.commit().await, Err(StoreError::Backend(_))), "nothing of it was kept");
    assert!(store.conn().user_by_id(ada.id).await.unwrap().is_none());

    // One of the application's own transactions is never ended: what came with it would not be committed either.
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&grace).await.unwrap();
    match connection(&mut *tx).unwrap() {
        Connection::Postgres(postgres) => std::mem::forget(postgres.begin().await.unwrap()),
        Connection::Mysql(mysql) => std::mem::forget(mysql.begin().await.unwrap()),
        other => panic!("{other:?}"),
    }
    assert!(matches!(tx.commit().await, Err(StoreError::Backend(_))), "it was not ended");
    assert!(store.conn().user_by_id(grace.id).await.unwrap().is_none());

    // One that is ended takes back its own part alone.
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&grace).await.unwrap();
    match connection(&mut *tx).unwrap() {
        Connection::Postgres(postgres) => postgres.begin().await.unwrap().rollback().await.unwrap(),
        Connection::Mysql(mysql) => mysql.begin().await.unwrap().rollback().await.unwrap(),
        other => panic!("{other:?}"),
    }
    tx.commit().await.unwrap();
    assert!(store.conn().user_by_id(grace.id).await.unwrap().is_some());
    close(&store).await;
    database.remove().await;
}

/// Counts an attempt by hand, in the transaction.
async fn count_attempt(tx: &mut dyn Tx, key: u8) -> sqlx::Result<()> {
    let key = vec![key; 32];
    match connection(tx).unwrap() {
        Connection::Postgres(postgres) => {
            let update = "UPDATE auth_attempt SET attempts = attempts + 1 WHERE attempt_key = $1";
            sqlx::query(update).bind(key).execute(postgres).await.map(drop)
        }
        Connection::Mysql(mysql) => {
            let update = "UPDATE auth_attempt SET attempts = attempts + 1 WHERE attempt_key = ?";
            sqlx::query(update).bind(key).execute(mysql).await.map(drop)
        }
        other => panic!("{other:?}"),
    }
}

async fn mysql_with(database: &ServerDatabase, setting: &'static str) -> SqlStore {
    let pool = MySqlPoolOptions::new()
        .after_connect(move |mysql, _| Box::pin(async move { sqlx::raw_sql(setting).execute(mysql).await.map(drop) }));
    SqlStore::mysql(pool.connect(database.url()).await.unwrap())
}

#[tokio::test]
async fn mysql_settings_that_are_unsafe_are_refused() {
    let Some(database) = Server::Mariadb.empty_database().await else { return };
    for (setting, expected) in [
        ("SET SESSION sql_mode = ''", UnsafeSetting::NotStrict),
        ("SET SESSION foreign_key_checks = 0", UnsafeSetting::ForeignKeysOff),
        ("SET SESSION autocommit = 0", UnsafeSetting::AutocommitOff),
    ] {
        let store = mysql_with(&database, setting).await;
        let refused = migrate(&store).await;
        assert!(matches!(refused, Err(MigrateError::Unsafe(found)) if found == expected), "{setting}: {refused:?}");
        close(&store).await;
    }
    database.remove().await;
}

/// A process that died between a change of tables and the line in the history that tells of it.
#[tokio::test]
async fn a_migration_that_was_cut_off_goes_on() {
    let Some(database) = Server::Mariadb.empty_database().await else { return };
    let store = database.store().await;
    migrate(&store).await.unwrap();
    let tables = ["auth_audit", "auth_attempt", "auth_account", "auth_session", "auth_user_role", "auth_role"];
    let steps = i64::try_from(tables.len() + 1).unwrap();
    for (gone, table) in tables.iter().enumerate() {
        // All tables before it are there. Whether it was made is what nobody knows: once it was not, once it was.
        let left = steps - i64::try_from(gone).unwrap();
        database.run(&format!("DROP TABLE {table}")).await.unwrap();
        for (begun, done) in [(left, left - 1), (left - 1, left - 2)] {
            let cut_off = format!(
                "UPDATE auth_migration SET begun = {begun}, done = {done}, applied_at = NULL WHERE name = '0001_initial'"
            );
            database.run(&cut_off).await.unwrap();
            migrate(&store).await.unwrap();
            assert_eq!(count(&store, "auth_migration WHERE applied_at IS NOT NULL AND done = 7").await, 1);
            for table in tables {
                assert_eq!(count(&store, table).await, 0);
            }
            if begun == left {
                for gone in &tables[..=gone] {
                    database.run(&format!("DROP TABLE {gone}")).await.unwrap();
                }
            }
        }
        for gone in &tables[..=gone] {
            database.run(&format!("DROP TABLE {gone}")).await.unwrap();
        }
    }
    close(&store).await;
    database.remove().await;
}

#[tokio::test]
async fn a_migration_that_was_cut_off_before_an_index_goes_on() {
    let Some(database) = Server::Mariadb.database().await else { return };
    let store = database.store().await;
    let cut_off = "UPDATE auth_migration SET begun = 2, done = 1, applied_at = NULL WHERE name = '0002_retention'";
    for loses_the_index in [false, true] {
        database.run(cut_off).await.unwrap();
        if loses_the_index {
            database.run("DROP INDEX auth_attempt_by_window ON auth_attempt").await.unwrap();
        }
        migrate(&store).await.unwrap();
        assert_eq!(count(&store, "auth_migration WHERE applied_at IS NOT NULL").await, migration_count());
        database.run("SELECT 1 FROM auth_attempt FORCE INDEX (auth_attempt_by_window)").await.unwrap();
    }
    close(&store).await;
    database.remove().await;
}

#[tokio::test]
async fn a_table_that_was_converted_to_another_collation_is_refused() {
    let Some(database) = Server::Mariadb.database().await else { return };
    let store = database.store().await;
    migrate(&store).await.unwrap();
    for (change, column) in [
        ("ALTER TABLE auth_role CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "auth_role.guard"),
        // Of all the binary ones, it is the one that takes `a` and `a ` for the same.
        ("ALTER TABLE auth_role CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "auth_role.guard"),
    ] {
        database.run(change).await.unwrap();
        let refused = migrate(&store).await;
        assert!(matches!(&refused, Err(MigrateError::Collation(found)) if found == column), "{refused:?}");
    }
    database.run("ALTER TABLE auth_role CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin").await.unwrap();
    migrate(&store).await.unwrap();
    close(&store).await;
    database.remove().await;
}
