//! The SQL of `docs/schema.md` runs as it is printed there.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test speaks by panicking")]

use auth_core::base::{Email, SeededRandom, Timestamp, UserId};
use auth_core::store::{Store, StoreError};
use auth_core::user::{Pool, User};
use auth_sqlx::{SqlStore, migrate};
use auth_tests::servers::Server;

const GUIDE: &str = include_str!("../../docs/schema.md");
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_123_456);

#[tokio::test]
async fn tables_of_the_application_join_on_sqlite() {
    let store = SqlStore::connect("sqlite::memory:").await.unwrap();
    migrate(&store).await.unwrap();
    joins(&store, "sqlite").await;
}

#[tokio::test]
async fn tables_of_the_application_join_on_postgres() {
    joins_on(Server::Postgres, "postgres").await;
}

#[tokio::test]
async fn tables_of_the_application_join_on_mariadb() {
    joins_on(Server::Mariadb, "mysql").await;
}

async fn joins_on(server: Server, name: &str) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    joins(&store, name).await;
    drop(store);
    database.remove().await;
}

async fn joins(store: &SqlStore, name: &str) {
    let ada = User {
        id: UserId::new(NOW, &SeededRandom::predictable(1)),
        name: "Ada".to_owned(),
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
    };
    store.conn().insert_user(&ada).await.unwrap();
    run(store, block(name)).await;
    run(store, "INSERT INTO invoice (user_id, total) SELECT id, 42 FROM auth_user").await;

    let found = rows(store, block("every")).await;
    assert_eq!(found, [(ada.id.to_string(), "ada@example.com".to_owned(), 1)]);
    let question = "SELECT substr(cast(signed_up_at AS char(19)), 1, 19), email, count(*) FROM customer GROUP BY 1, 2";
    // PostgreSQL writes it in the time zone of the session, which sqlx sets to UTC.
    assert_eq!(rows(store, question).await[0].0, "2026-01-01 00:00:00");

    assert!(matches!(store.conn().delete_user(ada.id).await, Err(StoreError::Conflict)));
    run(store, "DELETE FROM invoice").await;
    assert!(store.conn().delete_user(ada.id).await.unwrap());
}

/// The block of SQL that is marked for this engine.
fn block(name: &str) -> &'static str {
    let (_, rest) = GUIDE.split_once(&format!("```sql {name}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

async fn run(store: &SqlStore, sql: &'static str) {
    let sql = sqlx::raw_sql(sql);
    match (store.sqlite_pool(), store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), _, _) => sql.execute(pool).await.map(drop).unwrap(),
        (_, Some(pool), _) => sql.execute(pool).await.map(drop).unwrap(),
        (_, _, Some(pool)) => sql.execute(pool).await.map(drop).unwrap(),
        (None, None, None) => panic!("no database"),
    }
}

async fn rows(store: &SqlStore, sql: &'static str) -> Vec<(String, String, i64)> {
    match (store.sqlite_pool(), store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), _, _) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
        (_, Some(pool), _) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
        (_, _, Some(pool)) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
        (None, None, None) => panic!("no database"),
    }
}
