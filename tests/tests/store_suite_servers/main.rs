//! What is particular to PostgreSQL and MariaDB. That they keep every rule of the suite is in `store_suite.rs`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test speaks by panicking")]

mod migrations;
mod transactions;

use std::time::Duration;

use auth_core::base::{Email, SeededRandom, Timestamp, UserId};
use auth_core::store::{Store, StoreError};
use auth_core::user::{Pool, User};
use auth_sqlx::{Connection, SqlStore, connection, migrate};
use auth_tests::servers::Server;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

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

use on_each_server;

on_each_server!(
    every_statement_prepares,
    an_address_opens_the_store,
    one_connection_serves_a_transaction_and_then_statements,
    the_applications_rows_share_the_fate_of_ours,
    a_value_that_is_too_long_is_refused_and_no_conflict,
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
        pool: Pool::User,
        tenant: None,
        identifiers: auth_core::user::Identifiers::default(),
    }
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
