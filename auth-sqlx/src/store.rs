//! The store's two faces, statements outside a transaction and inside one, and the way to the connection below.

use std::any::Any;

use async_trait::async_trait;
use auth_core::store::{Conn, Store, StoreError, Tx};

use crate::driver::{Connection, Pool, Transaction};
use crate::pool::SqlStore;

/// Answers every feature's questions through its target. The answers exist once: a target is the pool or a
/// transaction, and only with a transaction is there anything to commit.
#[derive(Debug)]
pub(crate) struct SqlConn<T>(pub(crate) T);

#[async_trait]
impl Store for SqlStore {
    fn conn(&self) -> Box<dyn Conn + '_> {
        Box::new(SqlConn::<&Pool>(self.pool()))
    }

    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        Ok(Box::new(SqlConn(self.pool().begin().await?)))
    }
}

#[async_trait]
impl Tx for SqlConn<Transaction> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit().await
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The connection below a transaction, to write the application's own rows together with ours.
///
/// `None` when the transaction belongs to another kind of store, such as one in memory for tests. Do not
/// send `COMMIT` or `ROLLBACK` through it: the transaction ends with [`Tx::commit`] or when it is dropped.
///
/// ```
/// use auth_core::store::{StoreError, Tx};
/// use auth_sqlx::{Connection, connection};
///
/// async fn record(tx: &mut dyn Tx, name: &str) -> Result<(), StoreError> {
///     let Some(Connection::Sqlite(sqlite)) = connection(tx) else {
///         return Err(StoreError::backend("the customers are kept in SQLite"));
///     };
///     let insert = sqlx::query("INSERT INTO customer (name) VALUES ($1)").bind(name);
///     insert.execute(sqlite).await.map(drop).map_err(StoreError::backend)
/// }
/// ```
pub fn connection(tx: &mut dyn Tx) -> Option<Connection<'_>> {
    tx.as_any().downcast_mut::<SqlConn<Transaction>>().map(|tx| tx.0.connection())
}
