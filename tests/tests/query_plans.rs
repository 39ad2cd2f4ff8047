//! How each database goes about the statements that are sent often or over many rows: through an index, never through
//! a whole table that grows. The plans are kept as snapshots, for the versions that they were made with.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test speaks by panicking")]

use auth_core::base::TokenHash;
use auth_sqlx::SqlStore;
use auth_tests::filled::{self, NOW};
use auth_tests::servers::Server;
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;

/// Enough that no planner would rather read all of it.
const SESSIONS: u32 = 20_000;

/// A value for a parameter.
enum Value {
    Id(Uuid),
    Bytes(Vec<u8>),
    Text(&'static str),
    Int(i64),
    Bool(bool),
}

/// A statement by the words that no other has (`…` stands for any others between them), with values for its parameters.
struct Hot {
    name: &'static str,
    words: &'static str,
    values: Vec<Value>,
}

fn hot() -> Vec<Hot> {
    use Value::{Bool, Bytes, Id, Int, Text};
    let (user, session) = (|| Id(filled::user_of(7).as_uuid()), || Id(filled::session_id(7)));
    let hash = |hash: TokenHash| Bytes(hash.as_bytes().to_vec());
    let token = |n| hash(filled::token_hash(n));
    let key = |n| Bytes(filled::attempt_key(n).as_bytes().to_vec());
    let opened = vec![
        Id(Uuid::from_u128(1)),
        Bytes(vec![1; 32]),
        Int(NOW),
        Int(NOW),
        Int(NOW),
        Int(NOW),
        Int(NOW),
        Bool(true),
        Text("password"),
        Int(1),
        Text("192.0.2.1"),
        Text("curl"),
        Text("tenant acme"),
        Text("acme"),
        Text("PORTAL"),
        user(),
        Int(0),
    ];
    let key_id = || Id(filled::api_key_id(7).as_uuid());
    let secret = Bytes(filled::key_hash(7).as_bytes().to_vec());
    let mut spent: Vec<Value> = (0..20).map(|_| Int(NOW)).collect();
    spent.push(key_id());
    let issued = vec![
        Text("one-time-token"),
        Bytes(vec![1; 16]),
        Bytes(vec![1; 32]),
        Text("{}"),
        Int(NOW),
        Int(NOW),
        user(),
        session(),
    ];
    let slid = vec![Int(NOW * 2), Int(NOW * 2), Int(NOW), session(), Int(NOW)];
    let rotated = vec![
        Bytes(vec![1; 32]),
        hash(filled::refresh_hash(7)),
        Bytes(vec![2; 99]),
        Int(NOW),
        Int(NOW * 2),
        session(),
        hash(filled::refresh_hash(7)),
        Int(NOW),
    ];
    [
        ("session by token", "= ur.role_id WHERE s.token_hash", vec![token(7)]),
        ("session by id", "WHERE s.id =", vec![session()]),
        ("refresh family by its name", "FROM auth_refresh_family f", vec![hash(filled::family_hash(7))]),
        (
            "facts of a sign-in",
            "anchor LEFT JOIN",
            vec![Text("user"), Text(""), Text("user7@example.com"), Text("credential"), key(7), key(8), Int(NOW)],
        ),
        ("open a session", "INSERT INTO auth_session", opened),
        ("roles of a user", "ur.user_id = … ORDER BY r.guard, r.name, ur.scope", vec![user()]),
        ("membership of a user", "FROM auth_membership m … AND m.tenant =", vec![user(), Text("acme")]),
        ("memberships of a user", "ORDER BY m.tenant", vec![user()]),
        ("evict sessions", "AS kept)", vec![user(), session(), user(), session(), Int(19)]),
        ("slide a session", "UPDATE auth_session SET expires_at", slid),
        ("sessions of a user", "AND s.expires_at >", vec![user(), Int(NOW), Int(NOW)]),
        ("rotate a refresh family", "UPDATE auth_refresh_family", rotated),
        ("issue a code", "INSERT INTO auth_code", issued),
        (
            "find a good code",
            "SELECT subject_id … FROM auth_code WHERE code_hash",
            vec![hash(filled::code_hash(7)), Text("one-time-token"), Int(NOW)],
        ),
        (
            "try a code",
            "UPDATE auth_code SET attempts = attempts + 1",
            vec![Text("one-time-token"), Bytes(vec![1; 16])],
        ),
        ("end the codes of a user", "DELETE FROM auth_code WHERE user_id", vec![user()]),
        ("settle attempts", "window_ends_at = CASE WHEN attempt_key", vec![key(7), Int(NOW), key(7), key(7), key(8)]),
        ("look into a bucket", "SELECT attempts, window_ends_at", vec![key(7)]),
        (
            "take a place in a bucket",
            "THEN 1 ELSE attempts + 1 END … AND (window_ends_at <=",
            vec![Int(NOW), Int(NOW), Int(NOW * 2), key(7), Int(NOW), Int(3)],
        ),
        ("audit of a user", "FROM auth_audit WHERE user_id", vec![user(), Id(Uuid::max()), Int(100)]),
        ("API key by its hash", "WHERE x.key_hash =", vec![secret]),
        ("spend an API key", "UPDATE auth_api_key_limit", spent),
        ("record the use of an API key", "usage_count +", vec![Int(1), Int(NOW), Int(NOW), key_id()]),
        (
            "API keys of an owner",
            "ORDER BY k.created_at,",
            vec![Text("user"), Text("0190c6a0f6f77c7f8d1f0a0b0c0d0e0f"), Int(100), Int(0)],
        ),
        ("prune API keys", "DELETE FROM auth_api_key WHERE … expires_at <=", vec![Int(NOW), Int(1_000)]),
        (
            "prune secrets of API keys",
            "DELETE FROM auth_api_key_secret WHERE … expires_at <=",
            vec![Int(NOW), Int(1_000)],
        ),
        ("prune sessions", "DELETE FROM auth_session … expires_at <=", vec![Int(NOW), Int(1_000)]),
        ("prune attempts", "DELETE FROM auth_attempt", vec![Int(NOW), Int(1_000)]),
        ("prune codes", "DELETE FROM auth_code … expires_at <=", vec![Int(NOW), Int(1_000)]),
        ("prune the audit trail", "DELETE FROM auth_audit", vec![Id(Uuid::nil()), Int(1_000)]),
    ]
    .into_iter()
    .map(|(name, words, values)| Hot { name, words, values })
    .collect()
}

/// The statement that has the words and takes as many values.
fn text(hot: &Hot, engine: auth_sqlx::Engine, mark: char) -> String {
    let has_words = |sql: &str| hot.words.split(" … ").all(|words| sql.contains(words));
    let fits = |sql: &&str| has_words(sql) && sql.matches(mark).count() == hot.values.len();
    let found: Vec<_> = auth_sqlx::statements(engine).filter(fits).collect();
    match found[..] {
        [one] => one.to_owned(),
        _ => panic!("{} statements are meant by {:?}", found.len(), hot.name),
    }
}

macro_rules! bound {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for value in $values {
            query = match value {
                Value::Id(id) => query.bind(*id),
                Value::Bytes(bytes) => query.bind(bytes.clone()),
                Value::Text(text) => query.bind(*text),
                Value::Int(int) => query.bind(*int),
                Value::Bool(bool) => query.bind(*bool),
            };
        }
        query
    }};
}

/// What the database says it would do, a line a step.
async fn plan(store: &SqlStore, hot: &Hot) -> Vec<String> {
    if let Some(pool) = store.sqlite_pool() {
        let sql = format!("EXPLAIN QUERY PLAN {}", text(hot, auth_sqlx::Engine::Sqlite, '$'));
        let rows = bound!(sql, &hot.values).fetch_all(pool).await.unwrap();
        rows.iter().map(|row: &SqliteRow| row.get::<String, _>(3)).collect()
    } else if let Some(pool) = store.postgres_pool() {
        let sql = format!("EXPLAIN (COSTS OFF) {}", text(hot, auth_sqlx::Engine::Postgres, '$'));
        let rows = bound!(sql, &hot.values).fetch_all(pool).await.unwrap();
        rows.iter().map(|row: &PgRow| row.get::<String, _>(0)).collect()
    } else {
        let sql = format!("EXPLAIN {}", text(hot, auth_sqlx::Engine::Mariadb, '?'));
        let rows = bound!(sql, &hot.values).fetch_all(store.mysql_pool().unwrap()).await.unwrap();
        let word =
            |row: &MySqlRow, column: &str| row.get::<Option<String>, _>(column).unwrap_or_else(|| "-".to_owned());
        let columns = ["table", "type", "key", "Extra"];
        rows.iter().map(|row| columns.map(|column| word(row, column)).join("  ").trim_end().to_owned()).collect()
    }
}

/// Whether a step reads a whole table that grows. Roles do not: programs define a few.
fn reads_all(step: &str) -> bool {
    const GROWING: [&str; 11] = [
        "auth_user",
        "auth_user_role",
        "auth_session",
        "auth_account",
        "auth_attempt",
        "auth_audit",
        "auth_api_key",
        "auth_api_key_secret",
        "auth_api_key_limit",
        "auth_code",
        "auth_refresh_family",
    ];
    const THEIR_ALIASES: [&str; 11] = ["s", "u", "ur", "a", "t", "e", "k", "x", "l", "c", "f"];
    let words: Vec<_> = step.split_whitespace().collect();
    let [first, second, ..] = words[..] else { return false };
    let sqlite = first == "SCAN" && THEIR_ALIASES.contains(&second);
    let mariadb = second == "ALL" && THEIR_ALIASES.contains(&first);
    let named = GROWING.iter().any(|table| step.contains(&format!("Seq Scan on {table}")));
    sqlite || mariadb || named
}

async fn plans(store: &SqlStore) -> String {
    let mut plans = String::new();
    for hot in hot() {
        let steps = plan(store, &hot).await;
        assert!(!steps.iter().any(|step| reads_all(step)), "{} reads all rows:\n{}", hot.name, steps.join("\n"));
        plans.push_str(&format!("# {}\n{}\n\n", hot.name, steps.join("\n")));
    }
    plans
}

#[tokio::test]
async fn on_sqlite() {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("auth.db").display());
    let store = SqlStore::connect(&url).await.unwrap();
    auth_sqlx::migrate(&store).await.unwrap();
    filled::fill(&store, SESSIONS).await;
    // A connection that has made and filled tables knows them otherwise than one that has found them so.
    store.sqlite_pool().unwrap().close().await;
    let store = SqlStore::connect(&url).await.unwrap();
    insta::assert_snapshot!("sqlite", plans(&store).await);
}

#[tokio::test]
async fn on_postgres() {
    let Some(database) = Server::Postgres.database().await else { return };
    let store = database.store().await;
    filled::fill(&store, SESSIONS).await;
    let plans = plans(&store).await;
    let version: String =
        sqlx::query_scalar("SHOW server_version").fetch_one(store.postgres_pool().unwrap()).await.unwrap();
    if version.starts_with("15.") {
        insta::assert_snapshot!("postgres_15", plans);
    }
    store.postgres_pool().unwrap().close().await;
    database.remove().await;
}

#[tokio::test]
async fn on_mariadb() {
    let Some(database) = Server::Mariadb.database().await else { return };
    let store = database.store().await;
    filled::fill(&store, SESSIONS).await;
    let plans = plans(&store).await;
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(store.mysql_pool().unwrap()).await.unwrap();
    if version.starts_with("10.11.") {
        insta::assert_snapshot!("mariadb_10_11", plans);
    }
    store.mysql_pool().unwrap().close().await;
    database.remove().await;
}
