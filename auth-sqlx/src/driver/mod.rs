//! The seam to the drivers: the only folder that knows which one answers.
//!
//! A statement goes in as a [`Sql`] with [`Value`]s and comes out as a count or as [`Row`]s. Another driver
//! is one more variant of [`Pool`], [`Transaction`], [`Row`] and [`Connection`], and one more arm wherever
//! the compiler then asks for it; no feature file changes.

mod row;
mod value;

use std::future::Future;

use auth_core::store::StoreError;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool};

pub(crate) use self::row::Row;
pub(crate) use self::value::Value;
use self::value::bound;
use crate::error::{MigrateError, store_error};
use crate::sql::Sql;

/// Where statements are sent: to the pool, or into one transaction.
pub(crate) trait Target: Send {
    /// Runs a statement to its end; the number of rows it affected.
    fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Runs a statement to its end; its rows.
    fn fetch_all(
        &mut self,
        sql: &Sql,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// As [`fetch_all`](Target::fetch_all), for statements that give at most one row.
    fn fetch_optional(
        &mut self,
        sql: &Sql,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<Row>, StoreError>> + Send {
        async move { Ok(self.fetch_all(sql, values).await?.pop()) }
    }

    /// Whether a statement affected a row: the verdict of every guarded write.
    fn affects(&mut self, sql: &Sql, values: &[Value<'_>]) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move { Ok(self.execute(sql, values).await? > 0) }
    }
}

/// The application's connections.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
}

impl Pool {
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        match self {
            // IMMEDIATE takes the write lock at once and waits for it. A deferred transaction that reads first
            // and writes later is refused without waiting as soon as somebody else has written in between.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => pool.begin_with("BEGIN IMMEDIATE").await.map(Transaction::Sqlite),
        }
        .map_err(store_error)
    }
}

/// Each statement takes a connection and gives it back, so that a pool of one connection cannot lock itself up.
impl Target for &Pool {
    async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => bound!(Sqlite, sql.text, values).execute(pool).await.map(|done| done.rows_affected()),
        }
        .map_err(store_error)
    }

    async fn fetch_all(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => bound!(Sqlite, sql.text, values)
                .fetch_all(pool)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
        }
        .map_err(store_error)
    }
}

/// A transaction under way. Dropped without a commit, it is rolled back before its connection is used again.
#[derive(Debug)]
pub(crate) enum Transaction {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.commit().await,
        }
        .map_err(StoreError::backend)
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => Connection::Sqlite(&mut *tx),
        }
    }

    /// Runs a text of several statements, without parameters.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => sqlx::raw_sql(script).execute(&mut **tx).await.map(drop),
        }
        .map_err(StoreError::backend)
    }

    /// Refuses a connection on which the promises of the store would not hold.
    pub(crate) async fn check_settings(&mut self) -> Result<(), MigrateError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => {
                let foreign_keys: i64 =
                    sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut **tx).await.map_err(store_error)?;
                let synchronous: i64 =
                    sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut **tx).await.map_err(store_error)?;
                if foreign_keys != 1 {
                    return Err(MigrateError::ForeignKeysOff);
                }
                if synchronous < 2 {
                    tracing::warn!(synchronous, "a power failure may undo committed changes: set synchronous to FULL");
                }
                Ok(())
            }
        }
    }
}

impl Target for Transaction {
    async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => {
                bound!(Sqlite, sql.text, values).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
        .map_err(store_error)
    }

    async fn fetch_all(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => bound!(Sqlite, sql.text, values)
                .fetch_all(&mut **tx)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
        }
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
}
