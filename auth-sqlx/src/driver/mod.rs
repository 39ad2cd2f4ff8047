//! The seam to the drivers: the only folder that knows which one answers.
//!
//! A statement goes in as a [`Sql`] with [`Value`]s and comes out as a count or as [`Row`]s. Another driver
//! is one more variant of [`Pool`], `Begun`, [`Row`] and [`Connection`], and one more arm wherever the compiler
//! then asks for it; no feature file changes.

mod lease;
mod names;
#[cfg(feature = "sqlite")]
mod readers;
mod row;
mod settings;
mod transaction;
mod value;

use std::future::Future;
use std::time::Duration;

use auth_core::store::StoreError;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlPool;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePool;

use self::lease::{Lease, answered};
pub(crate) use self::names::Names;
#[cfg(feature = "sqlite")]
pub(crate) use self::readers::Readers;
pub(crate) use self::row::Row;
#[cfg(feature = "mysql")]
pub(crate) use self::settings::unsafe_mysql_setting;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::transaction::Begun;
pub use self::transaction::Connection;
pub(crate) use self::transaction::Transaction;
pub(crate) use self::value::Value;
use self::value::bound;
use crate::engine::Engine;
use crate::error::{is_victim, store_error};
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

/// Does the same on whichever driver it is. `$query` is the statement in the form that this driver reads, with the
/// names of the application's choice.
macro_rules! on_each {
    ($kind:ident, $on:expr, |$it:ident| $body:expr) => {
        match $on {
            #[cfg(feature = "sqlite")]
            $kind::Sqlite($it) => $body,
            #[cfg(feature = "postgres")]
            $kind::Postgres($it) => $body,
            #[cfg(feature = "mysql")]
            $kind::Mysql($it) => $body,
        }
    };
    ($kind:ident, $on:expr, $names:expr, $values:expr, $sql:expr, |$it:ident, $query:ident| $body:expr) => {
        match $on {
            #[cfg(feature = "sqlite")]
            $kind::Sqlite($it) => {
                let $query = bound!(sqlx::Sqlite, $names.text($sql.sqlite), $values);
                $body
            }
            #[cfg(feature = "postgres")]
            $kind::Postgres($it) => {
                let $query = bound!(sqlx::Postgres, $names.text($sql.postgres), $values);
                $body
            }
            #[cfg(feature = "mysql")]
            $kind::Mysql($it) => {
                let $query = bound!(sqlx::MySql, $names.text($sql.mysql), $values);
                $body
            }
        }
    };
}
use on_each;

/// Runs one statement on a connection of its own.
macro_rules! leased {
    ($pool:expr, |$connection:ident| $statement:expr) => {{
        let mut lease = Lease::of($pool).await?;
        let $connection = &mut *lease;
        let answer = answered($statement).await;
        lease.judge(answer)
    }};
}

/// The application's connections.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
    #[cfg(feature = "mysql")]
    Mysql(MySqlPool),
}

/// How often a statement is sent again after the database chose it to end a deadlock.
const RETRIES: u32 = 5;

/// How long the first of them waits, so that whoever won can finish.
const PAUSE: Duration = Duration::from_millis(5);

impl Pool {
    /// MariaDB is [`Engine::Mysql`] here: one has to ask the server to tell the two apart.
    pub(crate) const fn engine(&self) -> Engine {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Engine::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Engine::Postgres,
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => Engine::Mysql,
        }
    }

    #[cfg(feature = "sqlite")]
    fn is_closed(&self) -> bool {
        on_each!(Pool, self, |pool| pool.is_closed())
    }
}

/// Where single statements go: questions to the readers if there are any, everything else to the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Single<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) names: &'a Names,
    #[cfg(feature = "sqlite")]
    pub(crate) readers: Option<&'a Readers>,
}

impl Single<'_> {
    async fn execute_once(&self, sql: &Sql, values: &[Value<'_>]) -> sqlx::Result<u64> {
        on_each!(Pool, self.pool, self.names, values, sql, |pool, query| {
            leased!(pool, |connection| query.execute(connection)).map(|done| done.rows_affected())
        })
    }

    async fn fetch_all_once(&self, sql: &Sql, values: &[Value<'_>]) -> sqlx::Result<Vec<Row>> {
        #[cfg(feature = "sqlite")]
        if let Some(readers) = self.readers.filter(|_| !self.pool.is_closed()) {
            let rows = readers.fetch_all(bound!(sqlx::Sqlite, self.names.text(sql.sqlite), values)).await?;
            return Ok(rows.into_iter().map(Row::from).collect());
        }
        on_each!(Pool, self.pool, self.names, values, sql, |pool, query| {
            leased!(pool, |connection| query.fetch_all(connection))
                .map(|rows| rows.into_iter().map(Row::from).collect())
        })
    }
}

/// Each statement takes a connection and gives it back, so that a pool of one connection cannot lock itself up.
///
/// A statement that the database took back to end a deadlock, or because it could not be put in order with others, is
/// sent again. That is safe here and only here: it was alone, so nothing of it has happened, and nobody has acted on
/// what came before it. Inside a transaction the statements before it are gone as well.
impl Target for Single<'_> {
    async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut turn = 0;
        loop {
            match self.execute_once(sql, values).await {
                Err(error) if is_victim(&error) && turn < RETRIES => turn = pause(turn).await,
                result => return result.map_err(store_error),
            }
        }
    }

    async fn fetch_all(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut turn = 0;
        loop {
            match self.fetch_all_once(sql, values).await {
                Err(error) if is_victim(&error) && turn < RETRIES => turn = pause(turn).await,
                result => return result.map_err(store_error),
            }
        }
    }
}

async fn pause(turn: u32) -> u32 {
    tokio::time::sleep(PAUSE * 2_u32.pow(turn)).await;
    turn + 1
}
