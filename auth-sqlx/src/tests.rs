//! What the conformance suite cannot see: the driver, the pool, the statements as such and damaged rows.

mod damaged;

use std::time::Duration;

use auth_core::base::{AccountId, Email, RoleId, SeededRandom, Timestamp, TokenHash, UserId};
use auth_core::code::CodePurpose;
use auth_core::crypto::password_hash::PasswordHash;
use auth_core::role::{Permission, Role, RoleScope, StoredGrant};
use auth_core::session::{AuthMethod, Persistence};
use auth_core::store::{Store, StoreError};
use auth_core::user::{Pool, User};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Executor as _, Row as _, SqlSafeStr as _};
use tempfile::TempDir;

use crate::sql::{Sql, marked_parameters, numbered_parameters};
use crate::{ConnectError, Connection, MigrateError, SqlStore, UnsafeSetting, connection, migrate};

const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_123_456);
const LATER: Timestamp = Timestamp::from_micros(1_767_225_601_000_000);

async fn memory() -> SqlStore {
    let store = SqlStore::connect("sqlite::memory:").await.unwrap();
    migrate(&store).await.unwrap();
    store
}

async fn file(folder: &TempDir) -> SqlStore {
    SqlStore::connect(&url(folder)).await.unwrap()
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}?mode=rwc", folder.path().join("auth.db").display())
}

fn pool(store: &SqlStore) -> &SqlitePool {
    store.sqlite_pool().unwrap()
}

async fn run(store: &SqlStore, statement: &'static str) {
    sqlx::raw_sql(statement).execute(pool(store)).await.unwrap();
}

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

fn everywhere(user: UserId, role: RoleId) -> StoredGrant {
    StoredGrant { user, role, scope: RoleScope::Everywhere }
}

fn role(seed: u64, name: &str, permissions: &[&str]) -> Role {
    Role {
        id: RoleId::new(NOW, &SeededRandom::predictable(seed)),
        guard: "ADMIN".to_owned(),
        name: name.to_owned(),
        tenant: None,
        is_system: false,
        manages: false,
        permissions: permissions.iter().map(|name| Permission::parse(*name).unwrap()).collect(),
        created_at: NOW,
    }
}

/// Only the engine can make a session to insert, so this one goes in by hand.
async fn insert_session(store: &SqlStore, user: &User, hash: &[u8]) {
    let insert = "INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, \
        expires_at, absolute_expires_at, persistent, method, assurance, ip_address, user_agent) \
        VALUES (randomblob(16), $1, $2, 1, 2, 3, 4, 5, 0, 'password', 2, '2001:db8::1', 'curl')";
    sqlx::query(insert).bind(hash).bind(user.id.as_uuid()).execute(pool(store)).await.unwrap();
}

fn statements() -> impl Iterator<Item = &'static Sql> {
    crate::statements::all().chain(crate::migrate::STATEMENTS.iter().copied())
}

#[tokio::test]
async fn every_statement_prepares() {
    let store = memory().await;
    for sql in statements() {
        let prepared = pool(&store).prepare(sql.sqlite.into_sql_str()).await;
        assert!(prepared.is_ok(), "{}: {:?}", sql.sqlite, prepared.err());
        assert_eq!(numbered_parameters(sql.sqlite), marked_parameters(sql.mysql), "{}", sql.sqlite);
        assert_eq!(numbered_parameters(sql.sqlite), numbered_parameters(sql.postgres), "{}", sql.sqlite);
    }
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let store = memory().await;
    for sql in statements().filter(|sql| sql.sqlite.contains(" WHERE ")) {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
        for step in sqlx::query(explain).fetch_all(pool(&store)).await.unwrap() {
            let step: String = step.get("detail");
            let harmless = ["SCAN kept", "SCAN page", "SCAN CONSTANT ROW"].contains(&&*step);
            assert!(!step.starts_with("SCAN") || harmless, "{}: {step}", sql.sqlite);
        }
    }
}

#[tokio::test]
async fn connect_sets_what_durability_and_integrity_need() {
    let folder = TempDir::new().unwrap();
    let store = file(&folder).await;
    for (question, expected) in [
        ("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys", "1"),
        ("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2"),
        ("SELECT CAST(timeout AS TEXT) FROM pragma_busy_timeout", "5000"),
        ("SELECT journal_mode FROM pragma_journal_mode", "wal"),
    ] {
        let setting: String = sqlx::query_scalar(question).fetch_one(pool(&store)).await.unwrap();
        assert_eq!(setting, expected, "{question}");
    }
}

#[tokio::test]
async fn an_address_without_a_driver_is_refused_by_name_and_never_shown() {
    for (url, expected) in [
        #[cfg(not(feature = "postgres"))]
        ("postgres://app:hunter2@db/app", "no driver for PostgreSQL"),
        #[cfg(feature = "postgres")]
        ("postgres://app:hunter2@127.0.0.1:1/app", "did not open"),
        #[cfg(not(feature = "mysql"))]
        ("mysql://app:hunter2@db/app", "no driver for MySQL"),
        #[cfg(feature = "mysql")]
        ("mysql://app:hunter2@127.0.0.1:1/app", "did not open"),
        ("hunter2:hunter2@db/app", "must begin with its scheme"),
        ("app.db", "must begin with its scheme"),
        ("sqlite://", "names no file"),
        ("sqlite://app.db?mode=hunter2x", "could not be read"),
        ("sqlite:///nowhere/hunter2.db", "?mode=rwc"),
    ] {
        let message = SqlStore::connect(url).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{url}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[tokio::test]
async fn a_file_is_only_made_when_asked_for() {
    let folder = TempDir::new().unwrap();
    let url = url(&folder).replace("?mode=rwc", "");
    assert!(matches!(SqlStore::connect(&url).await, Err(ConnectError::Unreachable(_))));
}

#[tokio::test]
async fn a_database_in_memory_is_one_connection_for_all_clones() {
    let store = memory().await;
    let ada = user(1, "ada@example.com");
    store.conn().insert_user(&ada).await.unwrap();
    let found = tokio::spawn({
        let store = store.clone();
        async move { store.conn().user_by_id(ada.id).await.unwrap().map(|user| user.email) }
    });
    assert_eq!(found.await.unwrap(), Some(ada.email));
    assert_eq!(pool(&store).size(), 1);
}

#[tokio::test]
async fn a_pool_that_ignores_foreign_keys_is_refused() {
    let options: sqlx::sqlite::SqliteConnectOptions = "sqlite::memory:".parse().unwrap();
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options.foreign_keys(false)).await.unwrap();
    let store = SqlStore::sqlite(pool);
    assert!(matches!(migrate(&store).await, Err(MigrateError::Unsafe(UnsafeSetting::ForeignKeysOff))));
}

#[tokio::test]
async fn one_connection_serves_a_transaction_and_then_statements() {
    let store = memory().await;
    let (ada, grace) = (user(1, "ada@example.com"), user(2, "grace@example.com"));
    let story = async {
        let mut tx = store.begin().await.unwrap();
        tx.insert_user(&ada).await.unwrap();
        assert!(tx.user_by_id(ada.id).await.unwrap().is_some());
        tx.commit().await.unwrap();
        let mut conn = store.conn();
        let mut other = store.conn();
        conn.insert_user(&grace).await.unwrap();
        assert!(other.user_by_id(grace.id).await.unwrap().is_some());
        assert!(store.begin().await.unwrap().claim_login(ada.id, 1).await.unwrap());
    };
    tokio::time::timeout(Duration::from_secs(10), story).await.expect("the connection was not given back");
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let store = file(&folder).await;
    migrate(&store).await.unwrap();
    let ada = user(1, "ada@example.com");
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&ada).await.unwrap();
    assert!(store.conn().user_by_id(ada.id).await.unwrap().is_none(), "not visible before the commit");
    drop(tx);
    assert!(store.conn().user_by_id(ada.id).await.unwrap().is_none());
    store.begin().await.unwrap().insert_user(&ada).await.expect("the write lock was released");
}

#[tokio::test]
async fn the_applications_rows_share_the_fate_of_ours() {
    let store = memory().await;
    run(&store, "CREATE TABLE customer (user_id BLOB NOT NULL REFERENCES auth_user (id)) STRICT").await;
    for commits in [false, true] {
        let ada = user(1, "ada@example.com");
        let mut tx = store.begin().await.unwrap();
        tx.insert_user(&ada).await.unwrap();
        let Some(Connection::Sqlite(sqlite)) = connection(&mut *tx) else { panic!("this is SQLite") };
        let insert = sqlx::query("INSERT INTO customer (user_id) VALUES ($1)").bind(ada.id.as_uuid());
        insert.execute(sqlite).await.unwrap();
        if commits {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM customer").fetch_one(pool(&store)).await.unwrap();
        assert_eq!((count, store.conn().user_by_id(ada.id).await.unwrap().is_some()), (i64::from(commits), commits));
    }
}

#[tokio::test]
async fn conflicts_are_told_from_failures() {
    let store = memory().await;
    let (ada, twin) = (user(1, "ada@example.com"), user(2, "ada@example.com"));
    let mut conn = store.conn();
    conn.insert_user(&ada).await.unwrap();
    assert!(matches!(conn.insert_user(&twin).await, Err(StoreError::Conflict)), "unique");
    let hash = PasswordHash::from_stored("$hash".to_owned());
    let account = AccountId::new(NOW, &SeededRandom::predictable(3));
    assert!(
        matches!(conn.insert_password(account, twin.id, &hash, NOW).await, Err(StoreError::Conflict)),
        "foreign key"
    );
    let too_long = User { name: "x".repeat(256), ..user(4, "grace@example.com") };
    assert!(matches!(conn.insert_user(&too_long).await, Err(StoreError::Backend(_))), "check");
}

#[tokio::test]
async fn questions_to_a_file_see_every_commit_and_end_with_the_pool() {
    let folder = TempDir::new().unwrap();
    let store = file(&folder).await;
    migrate(&store).await.unwrap();
    let ada = user(1, "ada@example.com");
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&ada).await.unwrap();
    assert!(store.conn().user_by_id(ada.id).await.unwrap().is_none(), "what is not committed was seen");
    tx.commit().await.unwrap();
    assert!(store.conn().user_by_id(ada.id).await.unwrap().is_some());
    pool(&store).close().await;
    assert!(matches!(store.conn().user_by_id(ada.id).await, Err(StoreError::Backend(_))));
}

#[tokio::test]
async fn a_dead_database_is_an_error_and_not_an_answer() {
    let store = memory().await;
    pool(&store).close().await;
    let ada = user(1, "ada@example.com");
    assert!(matches!(store.conn().user_by_id(ada.id).await, Err(StoreError::Backend(_))));
    assert!(matches!(store.conn().claim_login(ada.id, 1).await, Err(StoreError::Backend(_))));
    assert!(matches!(store.begin().await, Err(StoreError::Backend(_))));
    assert!(matches!(migrate(&store).await, Err(MigrateError::Store(StoreError::Backend(_)))));
}

#[tokio::test]
async fn a_session_comes_with_its_user_and_every_role() {
    let store = memory().await;
    let ada = user(1, "ada@example.com");
    let mut conn = store.conn();
    conn.insert_user(&ada).await.unwrap();
    insert_session(&store, &ada, &[7; 32]).await;
    let hash = TokenHash::from_stored(&[7; 32]).unwrap();
    assert!(conn.session_by_token(&hash).await.unwrap().unwrap().roles.is_empty());

    for role in [role(2, "reader", &["b:read", "a:read", "b:read"]), role(3, "quoter", &["\"\\,[x]"])] {
        conn.put_role(&role).await.unwrap();
        assert!(conn.grant_role(&everywhere(ada.id, role.id), NOW).await.unwrap());
        assert!(!conn.grant_role(&everywhere(ada.id, role.id), LATER).await.unwrap());
    }
    let mut found = conn.session_by_token(&hash).await.unwrap().unwrap();
    found.roles.sort_by(|a, b| a.role.name.cmp(&b.role.name));
    let names: Vec<_> = found.roles.iter().map(|it| (&*it.role.name, format!("{:?}", it.role.permissions))).collect();
    assert_eq!(
        names,
        [
            ("quoter", "[Permission(\"\\,[x])]".to_owned()),
            ("reader", "[Permission(a:read), Permission(b:read)]".to_owned())
        ]
    );
    assert_eq!(found.user.email, ada.email);
    assert_eq!(found.session.user_id, ada.id);
    assert_eq!(found.session.absolute_expires_at.as_micros(), 5);
    assert_eq!((found.session.persistence, found.session.method), (Persistence::Browser, AuthMethod::Password));
    assert_eq!(found.session.ip_address, Some("2001:db8::1".parse().unwrap()));
}

/// The suite knows one purpose; here is one of a later version.
#[tokio::test]
async fn a_code_of_another_purpose_is_not_good() {
    let store = memory().await;
    store.conn().insert_user(&user(1, "ada@example.com")).await.unwrap();
    let insert = "INSERT INTO auth_code (purpose, subject_id, code_hash, user_id, created_at, expires_at) \
        SELECT 'another', id, zeroblob(32), id, 1, 9000000000000000 FROM auth_user";
    run(&store, insert).await;
    let hash = TokenHash::from_stored(&[0; 32]).unwrap();
    let consumed = store.conn().consume_code(CodePurpose::OneTimeToken, &hash, NOW).await.unwrap();
    assert!(!consumed, "it was redeemed for what it is not for");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM auth_code").fetch_one(pool(&store)).await.unwrap();
    assert_eq!(count, 1, "it was consumed");
}

#[tokio::test]
async fn a_role_that_somebody_holds_cannot_be_deleted() {
    let store = memory().await;
    let (ada, reader) = (user(1, "ada@example.com"), role(2, "reader", &["a:read"]));
    let mut conn = store.conn();
    conn.insert_user(&ada).await.unwrap();
    conn.put_role(&reader).await.unwrap();
    conn.grant_role(&everywhere(ada.id, reader.id), NOW).await.unwrap();
    assert!(sqlx::query("DELETE FROM auth_role").execute(pool(&store)).await.is_err());
    assert!(conn.revoke_role(&everywhere(ada.id, reader.id)).await.unwrap());
    assert!(sqlx::query("DELETE FROM auth_role").execute(pool(&store)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_wait_for_each_other() {
    let folder = TempDir::new().unwrap();
    let store = file(&folder).await;
    migrate(&store).await.unwrap();
    let ada = user(1, "ada@example.com");
    store.conn().insert_user(&ada).await.unwrap();
    let raises: Vec<_> = (0..40)
        .map(|turn| {
            let store = store.clone();
            tokio::spawn(async move {
                if turn % 2 == 0 {
                    return store.conn().raise_credential_version(ada.id, LATER).await.unwrap();
                }
                let mut tx = store.begin().await.unwrap();
                let raised = tx.user_by_id(ada.id).await.unwrap().is_some()
                    && tx.raise_credential_version(ada.id, LATER).await.unwrap();
                tx.commit().await.unwrap();
                raised
            })
        })
        .collect();
    for raise in raises {
        assert!(raise.await.unwrap());
    }
    assert_eq!(store.conn().user_by_id(ada.id).await.unwrap().unwrap().credential_version, 41);
}
