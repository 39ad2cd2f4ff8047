//! What has no use any more.

use async_trait::async_trait;
use auth_core::base::{AuditId, Timestamp};
use auth_core::retention::RetentionStore;
use auth_core::store::StoreError;

use crate::driver::Target;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

// SQLite and PostgreSQL have no DELETE … LIMIT, and MySQL takes no LIMIT in an IN subquery. PostgreSQL leaves out what
// somebody else has locked, so that nobody waits for a batch nor the batch for anybody; as an array, the list is made
// once, where a plain subquery may be run for each row and so exceed its limit.
const PRUNE_SESSIONS: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_session WHERE id = ANY (ARRAY (SELECT s.id FROM auth_session s WHERE s.expires_at <= $1 \
         ORDER BY s.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_session WHERE id IN (SELECT s.id FROM auth_session s WHERE s.expires_at <= $1 \
         ORDER BY s.expires_at LIMIT $2)",
        mysql: "DELETE FROM auth_session WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    )
};
const PRUNE_ATTEMPTS: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_attempt WHERE attempt_key = ANY (ARRAY (SELECT t.attempt_key FROM auth_attempt t \
         WHERE t.window_ends_at <= $1 ORDER BY t.window_ends_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_attempt WHERE attempt_key IN (SELECT t.attempt_key FROM auth_attempt t \
         WHERE t.window_ends_at <= $1 ORDER BY t.window_ends_at LIMIT $2)",
        mysql: "DELETE FROM auth_attempt WHERE window_ends_at <= ? ORDER BY window_ends_at LIMIT ?"
    )
};
const PRUNE_CODES: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_code WHERE code_hash = ANY (ARRAY (SELECT c.code_hash FROM auth_code c \
         WHERE c.expires_at <= $1 ORDER BY c.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_code WHERE code_hash IN (SELECT c.code_hash FROM auth_code c WHERE c.expires_at <= $1 \
         ORDER BY c.expires_at LIMIT $2)",
        mysql: "DELETE FROM auth_code WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    )
};
const PRUNE_SIGNING_KEYS: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_signing_key WHERE id = ANY (ARRAY (SELECT k.id FROM auth_signing_key k \
         WHERE k.verifies_until <= $1 ORDER BY k.verifies_until LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_signing_key WHERE id IN (SELECT k.id FROM auth_signing_key k WHERE k.verifies_until <= $1 \
         ORDER BY k.verifies_until LIMIT $2)",
        mysql: "DELETE FROM auth_signing_key WHERE verifies_until <= ? ORDER BY verifies_until LIMIT ?"
    )
};
const PRUNE_API_KEYS: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_api_key WHERE id = ANY (ARRAY (SELECT k.id FROM auth_api_key k WHERE k.expires_at <= $1 \
         ORDER BY k.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_api_key WHERE id IN (SELECT k.id FROM auth_api_key k WHERE k.expires_at <= $1 \
         ORDER BY k.expires_at LIMIT $2)",
        mysql: "DELETE FROM auth_api_key WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    )
};
const PRUNE_API_KEY_SECRETS: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_api_key_secret WHERE key_hash = ANY (ARRAY (SELECT x.key_hash FROM auth_api_key_secret x \
         WHERE x.expires_at <= $1 ORDER BY x.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_api_key_secret WHERE key_hash IN (SELECT x.key_hash FROM auth_api_key_secret x \
         WHERE x.expires_at <= $1 ORDER BY x.expires_at LIMIT $2)",
        mysql: "DELETE FROM auth_api_key_secret WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    )
};
const PRUNE_AUDIT: Sql = Sql {
    postgres: sql!(
        "DELETE FROM auth_audit WHERE id = ANY (ARRAY (SELECT e.id FROM auth_audit e WHERE e.id < $1 \
         ORDER BY e.id LIMIT $2 FOR UPDATE SKIP LOCKED))"
    )
    .postgres,
    ..sql!(
        "DELETE FROM auth_audit WHERE id IN (SELECT e.id FROM auth_audit e WHERE e.id < $1 ORDER BY e.id LIMIT $2)",
        mysql: "DELETE FROM auth_audit WHERE id < ? ORDER BY id LIMIT ?"
    )
};

pub(crate) const STATEMENTS: &[&Sql] = &[
    &PRUNE_SESSIONS,
    &PRUNE_ATTEMPTS,
    &PRUNE_CODES,
    &PRUNE_SIGNING_KEYS,
    &PRUNE_API_KEYS,
    &PRUNE_API_KEY_SECRETS,
    &PRUNE_AUDIT,
];

#[async_trait]
impl<T: Target> RetentionStore for SqlConn<T> {
    async fn prune_sessions(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_SESSIONS, &[now.into(), i64::from(limit).into()]).await
    }

    async fn prune_attempts(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_ATTEMPTS, &[now.into(), i64::from(limit).into()]).await
    }

    async fn prune_codes(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_CODES, &[now.into(), i64::from(limit).into()]).await
    }

    async fn prune_signing_keys(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_SIGNING_KEYS, &[now.into(), i64::from(limit).into()]).await
    }

    async fn prune_api_keys(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_API_KEYS, &[now.into(), i64::from(limit).into()]).await
    }

    async fn prune_api_key_secrets(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_API_KEY_SECRETS, &[now.into(), i64::from(limit).into()]).await
    }

    async fn prune_audit(&mut self, before: AuditId, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(&PRUNE_AUDIT, &[before.into(), i64::from(limit).into()]).await
    }
}
