//! The store's two faces, statements outside a transaction and inside one, and the way to the connection below.

use std::any::Any;

use async_trait::async_trait;
use auth_core::store::{Conn, Store, StoreError, Tx};

use crate::driver::{Connection, Transaction};
use crate::pool::SqlStore;

/// Answers every feature's questions through its target. The answers exist once: a target is the pool or a
/// transaction, and only with a transaction is there anything to commit.
#[derive(Debug)]
pub(crate) struct SqlConn<T>(pub(crate) T);

#[async_trait]
impl Store for SqlStore {
    fn conn(&self) -> Box<dyn Conn + '_> {
        Box::new(SqlConn(self.single()))
    }

    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        Ok(Box::new(SqlConn(self.pool().begin(self.names()).await?)))
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
/// use auth_core::prelude::*;
/// use auth_sqlx::{Connection, connection};
///
/// struct Customers;
///
/// #[async_trait]
/// impl Hooks for Customers {
///     async fn on_signup(&self, _cx: &Cx, work: &mut Work<'_>, user: &User, _signup: &SignUp) -> Result<()> {
///         let Some(Connection::Sqlite(sqlite)) = connection(work.tx()) else {
///             return Err(Error::internal("the customers are kept in SQLite"));
///         };
///         let insert = sqlx::query("INSERT INTO customer (user_id) VALUES ($1)").bind(user.id.as_uuid());
///         insert.execute(sqlite).await.map(drop).map_err(Error::internal)
///     }
/// }
/// ```
pub fn connection(tx: &mut dyn Tx) -> Option<Connection<'_>> {
    tx.as_any().downcast_mut::<SqlConn<Transaction>>().map(|tx| tx.0.connection())
}
