//! Statements that take effect together, and the connection they run on.

use auth_core::store::StoreError;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use sqlx::SqlStr;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlConnection;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgConnection;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteConnection;

use super::lease::{Lease, answered};
use super::{Names, Pool, Row, Target, Value, bound, on_each};
use crate::error::store_error;
use crate::sql::Sql;

impl Pool {
    /// On PostgreSQL and MySQL each statement sees what is committed when it begins (READ COMMITTED), whatever the
    /// default of the application's connection: a guarded statement that had to wait then judges the present row, and
    /// the lock that it takes holds until the end of the transaction. The stricter levels would refuse it instead, and
    /// MySQL would lock the gaps between rows, by which transactions that have nothing in common deadlock.
    pub(crate) async fn begin(&self, names: &Names) -> Result<Transaction, StoreError> {
        let begun = match self {
            // IMMEDIATE takes the write lock at once and waits for it. A deferred transaction that reads first
            // and writes later is refused without waiting as soon as somebody else has written in between.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => Lease::begin(pool, "BEGIN IMMEDIATE").await.map(Begun::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                Lease::begin(pool, "BEGIN ISOLATION LEVEL READ COMMITTED").await.map(Begun::Postgres)
            }
            // Without SESSION the level is that of the next transaction and of no other.
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => {
                Lease::begin(pool, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN").await.map(Begun::Mysql)
            }
        };
        Ok(Transaction { begun: begun.map_err(store_error)?, names: names.clone() })
    }
}

/// A transaction under way. Dropped without a commit, it is rolled back before its connection is used again.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) begun: Begun,
    names: Names,
}

/// A transaction in the form of its driver.
#[derive(Debug)]
pub(crate) enum Begun {
    #[cfg(feature = "sqlite")]
    Sqlite(Lease<sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Lease<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    Mysql(Lease<sqlx::MySql>),
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        on_each!(Begun, self.begun, |tx| tx.commit().await).map_err(StoreError::backend)
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.begun {
            #[cfg(feature = "sqlite")]
            Begun::Sqlite(tx) => Connection::Sqlite(&mut *tx),
            #[cfg(feature = "postgres")]
            Begun::Postgres(tx) => Connection::Postgres(&mut *tx),
            #[cfg(feature = "mysql")]
            Begun::Mysql(tx) => Connection::Mysql(&mut *tx),
        }
    }

    /// Runs a text of several statements, without parameters.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) async fn run_script(&mut self, script: SqlStr) -> Result<(), StoreError> {
        on_each!(Begun, &mut self.begun, |tx| sqlx::raw_sql(script).execute(&mut **tx).await.map(drop))
            .map_err(StoreError::backend)
    }
}

impl Target for Transaction {
    async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        on_each!(Begun, &mut self.begun, self.names, values, sql, |tx, query| {
            answered(query.execute(&mut **tx)).await.map(|done| done.rows_affected())
        })
        .map_err(store_error)
    }

    async fn fetch_all(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        on_each!(Begun, &mut self.begun, self.names, values, sql, |tx, query| {
            answered(query.fetch_all(&mut **tx)).await.map(|rows| rows.into_iter().map(Row::from).collect())
        })
        .map_err(store_error)
    }
}

/// The connection of a transaction, in the form of its driver; see [`connection`](crate::connection).
#[derive(Debug)]
#[non_exhaustive]
pub enum Connection<'a> {
    /// An SQLite connection inside a transaction that began with `BEGIN IMMEDIATE`.
    #[cfg(feature = "sqlite")]
    Sqlite(&'a mut SqliteConnection),
    /// A PostgreSQL connection inside a transaction at READ COMMITTED.
    #[cfg(feature = "postgres")]
    Postgres(&'a mut PgConnection),
    /// A MySQL or MariaDB connection inside a transaction at READ COMMITTED. Statements that change tables would
    /// commit it.
    #[cfg(feature = "mysql")]
    Mysql(&'a mut MySqlConnection),
}
