//! Messages that wait to be sent.

use async_trait::async_trait;
use auth_core::base::{MessageId, Timestamp};
use auth_core::outbox::{Backlog, OutboxStore, QueuedMessage};
use auth_core::store::StoreError;

use crate::driver::{Row, Target, Value};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

const INSERT_MESSAGE: Sql = sql!(
    "INSERT INTO auth_outbox (id, sealed, attempts, created_at, due_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"
);
const DUE_MESSAGES: Sql = sql!(
    "SELECT id, sealed, attempts, created_at, due_at, expires_at FROM auth_outbox WHERE due_at <= $1 \
     ORDER BY due_at, id LIMIT $2"
);
// Whoever raises the number of attempts has it: of two who have read the same, one.
const CLAIM_MESSAGE: Sql =
    sql!("UPDATE auth_outbox SET attempts = attempts + 1, due_at = $1 WHERE id = $2 AND attempts = $3");
const DELETE_MESSAGE: Sql = sql!("DELETE FROM auth_outbox WHERE id = $1");
// Every instant is later than zero: the index is read, and not the sealed messages.
const BACKLOG: Sql =
    sql!("SELECT count(*), count(CASE WHEN attempts > 1 THEN 1 END) FROM auth_outbox WHERE due_at >= $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT_MESSAGE, &DUE_MESSAGES, &CLAIM_MESSAGE, &DELETE_MESSAGE, &BACKLOG];

#[async_trait]
impl<T: Target> OutboxStore for SqlConn<T> {
    async fn insert_message(&mut self, message: &QueuedMessage) -> Result<(), StoreError> {
        let values = [
            message.id.into(),
            Value::Bytes(&message.sealed),
            message.attempts.into(),
            message.created_at.into(),
            message.due_at.into(),
            message.expires_at.into(),
        ];
        self.0.execute(&INSERT_MESSAGE, &values).await.map(drop)
    }

    async fn due_messages(&mut self, now: Timestamp, limit: u32) -> Result<Vec<QueuedMessage>, StoreError> {
        let rows = self.0.fetch_all(&DUE_MESSAGES, &[now.into(), i64::from(limit).into()]).await?;
        rows.iter().map(message).collect()
    }

    async fn claim_message(&mut self, message: &QueuedMessage, due_at: Timestamp) -> Result<bool, StoreError> {
        self.0.affects(&CLAIM_MESSAGE, &[due_at.into(), message.id.into(), message.attempts.into()]).await
    }

    async fn delete_message(&mut self, id: MessageId) -> Result<bool, StoreError> {
        self.0.affects(&DELETE_MESSAGE, &[id.into()]).await
    }

    async fn backlog(&mut self) -> Result<Backlog, StoreError> {
        let row = self.0.fetch_optional(&BACKLOG, &[0.into()]).await?.ok_or_else(|| corrupt("auth_outbox"))?;
        let count = |column| u64::try_from(row.int(column)?).map_err(|_| corrupt("auth_outbox"));
        Ok(Backlog::new(count(0)?, count(1)?))
    }
}

fn message(row: &Row) -> Result<QueuedMessage, StoreError> {
    Ok(QueuedMessage {
        id: MessageId::from_uuid(row.id(0)?),
        sealed: row.bytes(1)?.to_vec(),
        attempts: row.int(2)?,
        created_at: row.instant(3)?,
        due_at: row.instant(4)?,
        expires_at: row.instant(5)?,
    })
}
