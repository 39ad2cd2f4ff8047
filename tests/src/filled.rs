//! Databases with many rows: ten sessions, one role, one membership, one account and one API key for each user; a
//! counter, an audit entry, a code and a refresh family for each session; a few signing keys. Every row is derived from
//! its number, so that any of them can be asked for without keeping a list.
//!
//! Or, for keys alone, ten of them for each user and no sessions.

use auth_core::account::AttemptKey;
use auth_core::base::{ApiKeyId, TokenHash, UserId};
use auth_sqlx::SqlStore;
use sha2::{Digest, Sha256};
use sqlx::mysql::MySqlPool;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, SqlSafeStr};

/// Sessions of one user, or keys where there are keys alone.
const EACH: u32 = 10;
const ROLES: u32 = 50;
const KEYS: u32 = 5;

/// The present of these rows, in microseconds since 1970. Sessions expire long after it.
pub const NOW: i64 = 1_790_000_000_000_000;

/// The token hash of a session, counted from 1.
pub fn token_hash(session: u32) -> TokenHash {
    TokenHash::from_stored(&digest("session", session)).expect("it has 32 bytes")
}

/// The hash that names the refresh family of a session.
pub fn family_hash(session: u32) -> TokenHash {
    TokenHash::from_stored(&digest("family", session)).expect("it has 32 bytes")
}

/// The hash of the refresh token of a session that is good now.
pub fn refresh_hash(session: u32) -> TokenHash {
    TokenHash::from_stored(&digest("refresh", session)).expect("it has 32 bytes")
}

/// The hash of the code of a session.
pub fn code_hash(session: u32) -> TokenHash {
    TokenHash::from_stored(&digest("code", session)).expect("it has 32 bytes")
}

/// The key of the counter of a session.
pub fn attempt_key(session: u32) -> AttemptKey {
    AttemptKey::from_bytes(digest("counter", session))
}

/// The user whose session this is.
pub fn user_of(session: u32) -> UserId {
    UserId::from_uuid(id("user", session.div_ceil(EACH)))
}

/// The id of a session.
pub fn session_id(session: u32) -> Uuid {
    id("id", session)
}

/// The hash of the API key of the user whose session this is.
pub fn key_hash(session: u32) -> TokenHash {
    secret_hash(session.div_ceil(EACH))
}

/// The hash of an API key, counted from 1.
pub fn secret_hash(key: u32) -> TokenHash {
    TokenHash::from_stored(&digest("secret", key)).expect("it has 32 bytes")
}

/// The id of that key.
pub fn api_key_id(session: u32) -> ApiKeyId {
    ApiKeyId::from_uuid(id("key", session.div_ceil(EACH)))
}

fn digest(kind: &str, number: u32) -> [u8; 32] {
    Sha256::digest(format!("{kind} {number}")).into()
}

fn id(kind: &str, number: u32) -> Uuid {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = digest(kind, number);
    Uuid::from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
}

/// Fills an empty store with so many sessions, a multiple of ten, and has the database look at what it holds.
pub async fn fill(store: &SqlStore, sessions: u32) {
    let of_users = ["user", "account", "key", "secret"].map(|kind| (kind, sessions / EACH));
    let of_sessions = ["id", "session", "code", "family", "refresh", "counter", "audit"].map(|kind| (kind, sessions));
    let digests = [("role", ROLES)].into_iter().chain(of_users).chain(of_sessions).collect();
    write(store, &Rows { script: with_sessions, count: sessions, digests }).await;
}

/// As [`fill`], with so many API keys and no sessions.
pub async fn fill_api_keys(store: &SqlStore, keys: u32) {
    let of_users = ["user", "account"].map(|kind| (kind, keys / EACH));
    let of_keys = ["key", "secret"].map(|kind| (kind, keys));
    let digests = [("role", ROLES)].into_iter().chain(of_users).chain(of_keys).collect();
    write(store, &Rows { script: with_keys, count: keys, digests }).await;
}

/// What is stored.
struct Rows {
    script: fn(&Words, u32) -> String,
    count: u32,
    /// Of which kinds the script asks for digests, and up to which number.
    digests: Vec<(&'static str, u32)>,
}

async fn write(store: &SqlStore, rows: &Rows) {
    if let Some(pool) = store.sqlite_pool() {
        fill_sqlite(pool, rows).await;
    } else if let Some(pool) = store.postgres_pool() {
        fill_postgres(pool, rows).await;
    } else if let Some(pool) = store.mysql_pool() {
        fill_mariadb(pool, rows).await;
    }
}

/// What `SELECT`s give the rows, in the words of one engine. Its `digest` of a number is that of [`digest`].
struct Words {
    digest: fn(&str, &str) -> String,
    id: fn(&str, &str) -> String,
    /// An id in a binary column.
    binary: fn(&str) -> String,
    /// An id as it is written.
    hex: fn(&str) -> String,
    yes: &'static str,
    /// A table `n` of the numbers from 1 on.
    numbers: fn(u32) -> String,
    divide: &'static str,
    concat: fn(&str, &str, &str) -> String,
}

/// Users with a role, an account and a membership each.
fn people(words: &Words, users: u32) -> String {
    let Words { id, yes, numbers, concat, .. } = words;
    format!(
        "INSERT INTO auth_role (id, guard, name, permissions, created_at)
             SELECT {role_id}, 'ADMIN', {role_name}, '[\"reports:read\"]', {NOW} FROM {roles};
         INSERT INTO auth_user (id, name, email, email_verified, created_at, updated_at, credential_version)
             SELECT {user_id}, 'Ada Lovelace', {email}, {yes}, {NOW}, {NOW}, 0 FROM {users};
         INSERT INTO auth_user_role (user_id, role_id, granted_at)
             SELECT {user_id}, {role_of_user}, {NOW} FROM {users};
         INSERT INTO auth_tenant (id, name, created_at) SELECT {tenant}, {tenant}, {NOW} FROM {roles};
         INSERT INTO auth_membership (user_id, tenant, status, created_at, updated_at)
             SELECT {user_id}, {tenant_of_user}, 'active', {NOW}, {NOW} FROM {users};
         INSERT INTO auth_account (id, user_id, provider_id, account_id, created_at, updated_at)
             SELECT {account_id}, {user_id}, 'credential', {subject}, {NOW}, {NOW} FROM {users};",
        role_id = id("role", "n"),
        role_name = concat("role", "n", ""),
        roles = numbers(ROLES),
        user_id = id("user", "n"),
        email = concat("user", "n", "@example.com"),
        users = numbers(users),
        tenant = concat("tenant", "n", ""),
        tenant_of_user = concat("tenant", &format!("(n % {ROLES} + 1)"), ""),
        role_of_user = id("role", &format!("(n % {ROLES} + 1)")),
        account_id = id("account", "n"),
        subject = concat("subject", "n", ""),
    )
}

/// API keys with a limit each, where `owner` is the number of the user whose key `n` is.
fn api_keys(words: &Words, keys: u32, owner: &str) -> String {
    let Words { digest, id, hex, yes, numbers, .. } = words;
    format!(
        "INSERT INTO auth_api_key (id, owner_kind, owner_ref, user_id, config_id, key_start, enabled, expires_at,
             created_at, updated_at, usage_count, rotation)
             SELECT {key_id}, 'user', {user_hex}, {user_id}, 'default', 'ak_liv', {yes}, {NOW} * 2, {NOW}, {NOW}, 0, 0
             FROM {keys};
         INSERT INTO auth_api_key_secret (key_hash, key_id, expires_at) SELECT {secret}, {key_id}, {NOW} * 2 FROM {keys};
         INSERT INTO auth_api_key_limit (key_id, quota_1, window_1, used_1, ends_at_1)
             SELECT {key_id}, 60, 60000000, 0, 0 FROM {keys};",
        key_id = id("key", "n"),
        user_hex = hex(&id("user", owner)),
        user_id = id("user", owner),
        secret = digest("secret", "n"),
        keys = numbers(keys),
    )
}

/// The number of the user whose the `n`th is, where each has [`EACH`].
fn owner(words: &Words) -> String {
    format!("((n + {EACH} - 1) {} {EACH})", words.divide)
}

fn with_keys(words: &Words, keys: u32) -> String {
    people(words, keys / EACH) + &api_keys(words, keys, &owner(words))
}

fn with_sessions(words: &Words, sessions: u32) -> String {
    let Words { binary, digest, id, yes, numbers, .. } = words;
    let beside = format!(
        "INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at,
             absolute_expires_at, persistent, method, assurance, ip_address, user_agent)
             SELECT {session_id}, {token_hash}, {session_user}, {NOW}, {NOW}, {NOW}, {NOW} * 2, {NOW} * 2, {yes},
                 'password', 1, '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
             FROM {sessions};
         INSERT INTO auth_code (purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at)
             SELECT 'one-time-token', {subject}, {code_hash}, {session_user}, {session_id}, {NOW}, {NOW} * 2
             FROM {sessions};
         INSERT INTO auth_refresh_family (session_id, family_hash, token_hash, generation, created_at, rotated_at,
             expires_at)
             SELECT {session_id}, {family_hash}, {refresh_hash}, 0, {NOW}, {NOW}, {NOW} * 2 FROM {sessions};
         INSERT INTO auth_signing_key (id, algorithm, generation, public_jwk, sealed_private, created_at, signs_from,
             signs_until, verifies_until)
             SELECT {role_id}, 'EdDSA', n, '{{}}', {token_hash}, {NOW}, {NOW}, {NOW} * 2, {NOW} * 2 FROM {keys};
         INSERT INTO auth_attempt (attempt_key, attempts, window_ends_at) SELECT {key}, 1, {NOW} * 2 FROM {sessions};
         INSERT INTO auth_audit (id, happened_at, action, succeeded, user_id)
             SELECT {audit_id}, {NOW}, 'signed_in', {yes}, {session_user} FROM {sessions};",
        role_id = id("role", "n"),
        session_id = id("id", "n"),
        subject = binary(&id("id", "n")),
        token_hash = digest("session", "n"),
        session_user = id("user", &owner(words)),
        sessions = numbers(sessions),
        code_hash = digest("code", "n"),
        family_hash = digest("family", "n"),
        refresh_hash = digest("refresh", "n"),
        keys = numbers(KEYS),
        key = digest("counter", "n"),
        audit_id = id("audit", "n"),
    );
    people(words, sessions / EACH) + &api_keys(words, sessions / EACH, "n") + &beside
}

async fn fill_postgres(pool: &PgPool, rows: &Rows) {
    let words = Words {
        digest: |kind, number| format!("sha256(convert_to('{kind} ' || {number}, 'UTF8'))"),
        id: |kind, number| {
            format!("encode(substring(sha256(convert_to('{kind} ' || {number}, 'UTF8')) FOR 16), 'hex')::uuid")
        },
        binary: |id| format!("uuid_send({id})"),
        hex: |id| format!("replace({id}::text, '-', '')"),
        yes: "true",
        numbers: |count| format!("generate_series(1, {count}) n"),
        divide: "/",
        concat: |before, number, after| format!("'{before}' || {number} || '{after}'"),
    };
    sqlx::raw_sql(AssertSqlSafe((rows.script)(&words, rows.count))).execute(pool).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await.unwrap();
}

async fn fill_mariadb(pool: &MySqlPool, rows: &Rows) {
    let words = Words {
        digest: |kind, number| format!("UNHEX(SHA2(CONCAT('{kind} ', {number}), 256))"),
        id: |kind, number| format!("UNHEX(LEFT(SHA2(CONCAT('{kind} ', {number}), 256), 32))"),
        binary: str::to_owned,
        hex: |id| format!("lower(hex({id}))"),
        yes: "1",
        numbers: |count| format!("(SELECT seq AS n FROM seq_1_to_{count}) numbers"),
        divide: "DIV",
        concat: |before, number, after| format!("CONCAT('{before}', {number}, '{after}')"),
    };
    sqlx::raw_sql(AssertSqlSafe((rows.script)(&words, rows.count))).execute(pool).await.unwrap();
    let tables = "auth_user, auth_role, auth_user_role, auth_tenant, auth_membership, auth_session, auth_code, auth_refresh_family, auth_attempt, \
        auth_audit";
    let keys = "auth_api_key, auth_api_key_secret, auth_api_key_limit";
    let analyze = AssertSqlSafe(format!("ANALYZE TABLE {tables}, {keys}")).into_sql_str();
    sqlx::raw_sql(analyze).execute(pool).await.unwrap();
}

/// SQLite has no SHA-256 of its own, so its digests come from a table.
async fn fill_sqlite(pool: &SqlitePool, rows: &Rows) {
    let words = Words {
        digest: |kind, number| format!("(SELECT digest FROM digests WHERE kind = '{kind}' AND number = {number})"),
        id: |kind, number| {
            format!("(SELECT substr(digest, 1, 16) FROM digests WHERE kind = '{kind}' AND number = {number})")
        },
        binary: str::to_owned,
        hex: |id| format!("lower(hex({id}))"),
        yes: "1",
        numbers: |count| {
            format!(
                "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c)"
            )
        },
        divide: "/",
        concat: |before, number, after| format!("'{before}' || {number} || '{after}'"),
    };
    let mut connection = pool.acquire().await.unwrap();
    let mut run = async |text: String| {
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *connection).await.unwrap();
    };
    run("CREATE TEMP TABLE digests (kind TEXT, number INTEGER, digest BLOB, PRIMARY KEY (kind, number)) WITHOUT ROWID; BEGIN"
        .to_owned())
    .await;
    for &(kind, count) in &rows.digests {
        let numbers: Vec<u32> = (1..=count).collect();
        for batch in numbers.chunks(1_000) {
            let rows = batch.iter().map(|&number| format!("('{kind}', {number}, x'{}')", hex(&digest(kind, number))));
            run(format!("INSERT INTO digests VALUES {}", rows.collect::<Vec<_>>().join(", "))).await;
        }
    }
    run((rows.script)(&words, rows.count)).await;
    run("COMMIT; DROP TABLE digests; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)".to_owned()).await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
