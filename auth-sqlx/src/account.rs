//! Accounts, and the counters of attempts.

use async_trait::async_trait;
use auth_core::account::{Account, AccountStore, Attempt, AttemptCount, AttemptKey};
use auth_core::base::{AccountId, Timestamp, UserId};
use auth_core::store::StoreError;

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

/// What [`opt_counter`] reads, in its order, from a table called `t`.
pub(crate) const COUNTER_COLUMNS: &str = "t.attempt_key, t.attempts, t.window_ends_at";

const ACCOUNTS_OF_USER: Sql = sql!(
    "SELECT id, provider_id, account_id, user_id, created_at, updated_at FROM auth_account WHERE user_id = $1 \
     ORDER BY created_at, id"
);
const DELETE_ACCOUNTS_OF_USER: Sql = sql!("DELETE FROM auth_account WHERE user_id = $1");
// MySQL has no ON CONFLICT. There the second assignment would see what the first one wrote: the count, which
// looks at the window, must come before the window.
const RAISE_ATTEMPTS: Sql = sql!(
    "INSERT INTO auth_attempt (attempt_key, attempts, window_ends_at) VALUES ($1, 1, $2), ($3, 1, $4) \
     ON CONFLICT (attempt_key) DO UPDATE SET \
     attempts = CASE WHEN auth_attempt.window_ends_at <= $5 THEN 1 ELSE auth_attempt.attempts + 1 END, \
     window_ends_at = CASE WHEN auth_attempt.window_ends_at <= $6 THEN excluded.window_ends_at \
     ELSE auth_attempt.window_ends_at END",
    mysql: "INSERT INTO auth_attempt (attempt_key, attempts, window_ends_at) VALUES (?, 1, ?), (?, 1, ?) \
     ON DUPLICATE KEY UPDATE \
     attempts = CASE WHEN window_ends_at <= ? THEN 1 ELSE attempts + 1 END, \
     window_ends_at = CASE WHEN window_ends_at <= ? THEN VALUES(window_ends_at) ELSE window_ends_at END"
);
const ATTEMPTS: Sql =
    sql!("SELECT ", COUNTER_COLUMNS, " FROM auth_attempt t WHERE t.attempt_key IN ($1, $2) AND t.window_ends_at > $3");
// A window that ended in 1970 is a counter that was never raised. MySQL assigns in this order: the count, which looks
// at the window, comes before the window. The two rows must be locked in the order of their keys, as RAISE_ATTEMPTS
// locks them, or the two would deadlock: MySQL walks its primary key, PostgreSQL promises no order unless it is told.
const SETTLE_ATTEMPTS: Sql = sql!(
    "UPDATE auth_attempt SET \
     attempts = CASE WHEN attempt_key = $1 OR attempts = 0 THEN 0 WHEN window_ends_at > $2 THEN attempts \
     ELSE attempts - 1 END, \
     window_ends_at = CASE WHEN attempt_key = $3 THEN 0 ELSE window_ends_at END \
     WHERE attempt_key IN ($4, $5)",
    postgres: "UPDATE auth_attempt SET \
     attempts = CASE WHEN attempt_key = $1 OR attempts = 0 THEN 0 WHEN window_ends_at > $2 THEN attempts \
     ELSE attempts - 1 END, \
     window_ends_at = CASE WHEN attempt_key = $3 THEN 0 ELSE window_ends_at END \
     WHERE attempt_key IN (SELECT locked.attempt_key FROM auth_attempt locked \
     WHERE locked.attempt_key IN ($4, $5) ORDER BY locked.attempt_key FOR UPDATE)"
);
// Locks as SETTLE_ATTEMPTS does.
const REFUND_ATTEMPTS: Sql = sql!(
    "UPDATE auth_attempt SET attempts = attempts - 1 \
     WHERE attempt_key IN ($1, $2) AND attempts > 0 AND window_ends_at <= $3",
    postgres: "UPDATE auth_attempt SET attempts = attempts - 1 \
     WHERE attempt_key IN (SELECT locked.attempt_key FROM auth_attempt locked \
     WHERE locked.attempt_key IN ($1, $2) ORDER BY locked.attempt_key FOR UPDATE) \
     AND attempts > 0 AND window_ends_at <= $3"
);

pub(crate) const STATEMENTS: &[&Sql] =
    &[&REFUND_ATTEMPTS, &ACCOUNTS_OF_USER, &DELETE_ACCOUNTS_OF_USER, &RAISE_ATTEMPTS, &ATTEMPTS, &SETTLE_ATTEMPTS];

#[async_trait]
impl<T: Target> AccountStore for SqlConn<T> {
    async fn accounts_of_user(&mut self, user: UserId) -> Result<Vec<Account>, StoreError> {
        self.0.fetch_all(&ACCOUNTS_OF_USER, &[user.into()]).await?.iter().map(account).collect()
    }

    async fn delete_accounts_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.0.execute(&DELETE_ACCOUNTS_OF_USER, &[user.into()]).await
    }

    async fn raise_attempts(&mut self, attempts: &[Attempt; 2], now: Timestamp) -> Result<(), StoreError> {
        // Always in the same order: two clients that lock the same two rows crosswise would deadlock.
        let [first, second] = attempts;
        let (first, second) = if second.key < first.key { (second, first) } else { (first, second) };
        let values = [
            first.key.as_bytes().into(),
            first.window_ends_at.into(),
            second.key.as_bytes().into(),
            second.window_ends_at.into(),
            now.into(),
            now.into(),
        ];
        self.0.execute(&RAISE_ATTEMPTS, &values).await.map(drop)
    }

    async fn attempts(&mut self, keys: &[AttemptKey; 2], now: Timestamp) -> Result<Vec<AttemptCount>, StoreError> {
        let values = [keys[0].as_bytes().into(), keys[1].as_bytes().into(), now.into()];
        let rows = self.0.fetch_all(&ATTEMPTS, &values).await?;
        rows.iter().filter_map(|row| opt_counter(row, 0).transpose()).collect()
    }

    async fn refund_attempts(&mut self, counted: &[Attempt; 2]) -> Result<(), StoreError> {
        let [one, other] = counted;
        // Both were counted at the same instant, so their windows would have ended together.
        let ends_at = one.window_ends_at.min(other.window_ends_at);
        let values = [one.key.as_bytes().into(), other.key.as_bytes().into(), ends_at.into()];
        self.0.execute(&REFUND_ATTEMPTS, &values).await.map(drop)
    }

    async fn settle_attempts(&mut self, cleared: AttemptKey, refunded: Attempt) -> Result<(), StoreError> {
        let cleared = cleared.as_bytes().into();
        let values = [cleared, refunded.window_ends_at.into(), cleared, cleared, refunded.key.as_bytes().into()];
        self.0.execute(&SETTLE_ATTEMPTS, &values).await.map(drop)
    }
}

fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId::from_uuid(row.id(0)?),
        provider_id: row.text(1)?.to_owned(),
        account_id: row.text(2)?.to_owned(),
        user_id: UserId::from_uuid(row.id(3)?),
        created_at: row.instant(4)?,
        updated_at: row.instant(5)?,
    })
}

/// Reads [`COUNTER_COLUMNS`] from the column `at` on; `None` where a join found no counter.
pub(crate) fn opt_counter(row: &Row, at: usize) -> Result<Option<AttemptCount>, StoreError> {
    let Some(key) = row.opt_bytes(at)? else { return Ok(None) };
    let key = key.try_into().map_err(|_| corrupt("auth_attempt.attempt_key"))?;
    let (attempts, window_ends_at) = (row.int(at + 1)?, row.instant(at + 2)?);
    Ok(Some(AttemptCount { key: AttemptKey::from_bytes(key), attempts, window_ends_at }))
}
