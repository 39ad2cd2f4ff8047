//! The seam to the drivers: the only file that knows which one answers.
//!
//! A statement goes in as a [`Sql`] with [`Value`]s and comes out as a count or as [`Row`]s. Another driver
//! is one more variant of [`Pool`], [`Transaction`], [`Row`] and [`Connection`], and one more arm wherever
//! the compiler then asks for it; no feature file changes.

use std::future::Future;

use auth_core::base::{AccountId, AuditId, Email, RoleId, SessionId, Timestamp, UserId};
use auth_core::store::StoreError;
use sqlx::Row as _;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool, SqliteRow};
use uuid::Uuid;

use crate::error::{MigrateError, corrupt, store_error};
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

/// One parameter. It has no `Debug`, as [`Row`] has none: both may hold the hash of a password.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Id(Uuid),
    OptId(Option<Uuid>),
    Text(&'a str),
    OptText(Option<&'a str>),
    Bytes(&'a [u8]),
    Int(i64),
    OptInt(Option<i64>),
    Bool(bool),
}

/// Prepared once for each connection and kept: sqlx caches statements by their text.
macro_rules! bound {
    ($database:ty, $text:expr, $values:expr) => {{
        let mut query = sqlx::query::<$database>($text);
        for value in $values {
            query = match *value {
                Value::Id(id) => query.bind(id),
                Value::OptId(id) => query.bind(id),
                Value::Text(text) => query.bind(text),
                Value::OptText(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::Int(int) => query.bind(int),
                Value::OptInt(int) => query.bind(int),
                Value::Bool(bool) => query.bind(bool),
            };
        }
        query
    }};
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

/// One row; columns are read by their place in the statement.
pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteRow),
}

/// Always as an `Option`: sqlx reads an SQLite NULL as zero or as an empty text when asked for a plain value.
macro_rules! read {
    ($row:expr, $column:expr, $kind:ty) => {
        match $row {
            #[cfg(feature = "sqlite")]
            Row::Sqlite(row) => row.try_get::<Option<$kind>, usize>($column),
        }
        .map_err(StoreError::backend)
    };
}

impl Row {
    pub(crate) fn opt_id(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        read!(self, column, Uuid)
    }

    pub(crate) fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        present(self.opt_id(column)?)
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        read!(self, column, &str)
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, StoreError> {
        present(self.opt_text(column)?)
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        present(read!(self, column, &[u8])?)
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        present(read!(self, column, i64)?)
    }

    pub(crate) fn bool(&self, column: usize) -> Result<bool, StoreError> {
        present(read!(self, column, bool)?)
    }

    pub(crate) fn instant(&self, column: usize) -> Result<Timestamp, StoreError> {
        present(self.opt_instant(column)?)
    }

    pub(crate) fn opt_instant(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let Some(micros) = read!(self, column, i64)? else { return Ok(None) };
        let instant = Timestamp::from_micros(micros);
        // `from_micros` takes the nearest instant it knows; an expiry must not be guessed at.
        if instant.as_micros() == micros { Ok(Some(instant)) } else { Err(corrupt("an instant out of range")) }
    }
}

fn present<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| corrupt("NULL in a column that may not be empty"))
}

macro_rules! id_values {
    ($($id:ident),+) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.as_uuid())
            }
        }

        impl From<Option<$id>> for Value<'_> {
            fn from(id: Option<$id>) -> Self {
                Self::OptId(id.map($id::as_uuid))
            }
        }
    )+};
}

id_values!(UserId, SessionId, AccountId, RoleId, AuditId);

impl From<Timestamp> for Value<'_> {
    fn from(instant: Timestamp) -> Self {
        Self::Int(instant.as_micros())
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(instant: Option<Timestamp>) -> Self {
        Self::OptInt(instant.map(Timestamp::as_micros))
    }
}

impl<'a> From<&'a Email> for Value<'a> {
    fn from(email: &'a Email) -> Self {
        Self::Text(email.as_str())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::OptText(text)
    }
}

impl<'a> From<&'a [u8; 32]> for Value<'a> {
    fn from(bytes: &'a [u8; 32]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for Value<'_> {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value<'_> {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}
