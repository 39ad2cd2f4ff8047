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
#[rustfmt::skip]
macro_rules! prune {
    ($table:literal as $alias:literal by $key:literal where $column:literal $operator:literal) => {
        Sql {
            postgres: sql!(concat!(
                "DELETE FROM ", $table, " WHERE ", $key, " = ANY (ARRAY (SELECT ", $alias, ".", $key,
                " FROM ", $table, " ", $alias, " WHERE ", $alias, ".", $column, " ", $operator, " $1",
                " ORDER BY ", $alias, ".", $column, " LIMIT $2 FOR UPDATE SKIP LOCKED))"
            ))
            .postgres,
            mysql: sql!(concat!(
                "DELETE FROM ", $table, " WHERE ", $column, " ", $operator, " $1 ORDER BY ", $column, " LIMIT $2"
            ))
            .mysql,
            ..sql!(concat!(
                "DELETE FROM ", $table, " WHERE ", $key, " IN (SELECT ", $alias, ".", $key,
                " FROM ", $table, " ", $alias, " WHERE ", $alias, ".", $column, " ", $operator, " $1",
                " ORDER BY ", $alias, ".", $column, " LIMIT $2)"
            ))
        }
    };
}

const PRUNE_SESSIONS: Sql = prune!("auth_session" as "s" by "id" where "expires_at" "<=");
const PRUNE_ATTEMPTS: Sql = prune!("auth_attempt" as "t" by "attempt_key" where "window_ends_at" "<=");
const PRUNE_CODES: Sql = prune!("auth_code" as "c" by "code_hash" where "expires_at" "<=");
const PRUNE_SIGNING_KEYS: Sql = prune!("auth_signing_key" as "k" by "id" where "verifies_until" "<=");
const PRUNE_API_KEYS: Sql = prune!("auth_api_key" as "k" by "id" where "expires_at" "<=");
const PRUNE_API_KEY_SECRETS: Sql = prune!("auth_api_key_secret" as "x" by "key_hash" where "expires_at" "<=");
const PRUNE_AUDIT: Sql = prune!("auth_audit" as "e" by "id" where "id" "<");

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
