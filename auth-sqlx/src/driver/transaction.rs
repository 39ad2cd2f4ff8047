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
use super::{Names, Pool, RETRIES, Row, Target, Value, bound, on_each, pause};
use crate::error::{is_victim, store_error};
use crate::sql::Sql;

// IMMEDIATE takes the write lock at once and waits for it. A deferred transaction that reads first and writes later is
// refused without waiting as soon as somebody else has written in between.
#[cfg(feature = "sqlite")]
const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE";
// SQLite takes no notice of the setting inside a transaction.
#[cfg(feature = "sqlite")]
const BEGIN_UNENFORCED: &str = "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE";
#[cfg(feature = "sqlite")]
const BEGIN_ENFORCED: &str = "PRAGMA foreign_keys = ON; BEGIN";
#[cfg(feature = "postgres")]
const BEGIN_POSTGRES: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
// Without SESSION the level is that of the next transaction and of no other.
#[cfg(feature = "mysql")]
const BEGIN_MYSQL: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN; SAVEPOINT auth_work";

impl Pool {
    /// On PostgreSQL and MySQL each statement sees what is committed when it begins (READ COMMITTED), whatever the
    /// default of the application's connection: a guarded statement that had to wait then judges the present row, and
    /// the lock that it takes holds until the end of the transaction. The stricter levels would refuse it instead, and
    /// MySQL would lock the gaps between rows, by which transactions that have nothing in common deadlock.
    pub(crate) async fn begin(&self, names: &Names) -> Result<Transaction, StoreError> {
        let begun = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => Lease::begin(pool, BEGIN_SQLITE).await.map(Begun::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Lease::begin(pool, BEGIN_POSTGRES).await.map(Begun::Postgres),
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => Lease::begin(pool, BEGIN_MYSQL).await.map(Begun::Mysql),
        };
        Ok(Transaction::of(begun.map_err(store_error)?, names))
    }

    /// As [`begin`](Self::begin), for changes of tables. On SQLite foreign keys are not enforced in it, as its manual
    /// advises (<https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes>): a table that
    /// is made anew would take along what refers to it. Before the connection is used again they are.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) async fn begin_migration(&self, names: &Names) -> Result<Transaction, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => {
                let begun = Lease::begin_set(pool, BEGIN_UNENFORCED, BEGIN_ENFORCED).await.map(Begun::Sqlite);
                Ok(Transaction::of(begun.map_err(store_error)?, names))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.begin(names).await,
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => self.begin(names).await,
        }
    }
}

/// A transaction under way. Dropped without a commit, it is rolled back before its connection is used again.
#[derive(Debug)]
pub(crate) struct Transaction {
    begun: Begun,
    names: Names,
    progress: Progress,
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing has been sent in it yet.
    Begun,
    /// What was sent has come about.
    UnderWay,
    /// A statement failed, or the application sent some of its own. Databases say "committed" of a transaction that
    /// they have taken back by then, so it is asked for before.
    InDoubt,
    /// It is gone: what was sent now would be committed by itself.
    TakenBack,
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
    fn of(begun: Begun, names: &Names) -> Self {
        Self { begun, names: names.clone(), progress: Progress::Begun }
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        match self.progress {
            Progress::Begun | Progress::UnderWay => {}
            Progress::InDoubt => self.begun.still_stands().await.map_err(StoreError::backend)?,
            Progress::TakenBack => return Err(StoreError::backend(TakenBack)),
        }
        on_each!(Begun, self.begun, |tx| tx.commit().await).map_err(StoreError::backend)
    }

    /// For statements that are not seen here.
    pub(crate) fn begun(&mut self) -> &mut Begun {
        if self.progress != Progress::TakenBack {
            self.progress = Progress::InDoubt;
        }
        &mut self.begun
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match self.begun() {
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
        on_each!(Begun, self.begun(), |tx| sqlx::raw_sql(script).execute(&mut **tx).await.map(drop))
            .map_err(StoreError::backend)
    }

    /// Before a statement is sent; whether it is the first. If nobody waits for its answer, it was sent all the same.
    fn sends(&mut self) -> Result<bool, StoreError> {
        match self.progress {
            Progress::Begun => {
                self.progress = Progress::UnderWay;
                Ok(true)
            }
            Progress::UnderWay | Progress::InDoubt => Ok(false),
            Progress::TakenBack => Err(StoreError::backend(TakenBack)),
        }
    }

    fn fails(&mut self, error: sqlx::Error) -> StoreError {
        self.progress = if is_victim(&error) { Progress::TakenBack } else { Progress::InDoubt };
        store_error(error)
    }

    /// Begins anew when the database has taken back the first statement of a transaction, and so nothing but that.
    async fn begin_again(&mut self) -> Result<(), StoreError> {
        match &mut self.begun {
            #[cfg(feature = "sqlite")]
            Begun::Sqlite(tx) => tx.begin_again(BEGIN_SQLITE).await,
            #[cfg(feature = "postgres")]
            Begun::Postgres(tx) => tx.begin_again(BEGIN_POSTGRES).await,
            #[cfg(feature = "mysql")]
            Begun::Mysql(tx) => tx.begin_again(BEGIN_MYSQL).await,
        }
        .map_err(store_error)?;
        self.progress = Progress::Begun;
        Ok(())
    }

    async fn execute_once(&mut self, sql: &Sql, values: &[Value<'_>]) -> sqlx::Result<u64> {
        on_each!(Begun, &mut self.begun, self.names, values, sql, |tx, query| {
            answered(query.execute(&mut **tx)).await.map(|done| done.rows_affected())
        })
    }

    async fn fetch_all_once(&mut self, sql: &Sql, values: &[Value<'_>]) -> sqlx::Result<Vec<Row>> {
        on_each!(Begun, &mut self.begun, self.names, values, sql, |tx, query| {
            answered(query.fetch_all(&mut **tx)).await.map(|rows| rows.into_iter().map(Row::from).collect())
        })
    }
}

impl Begun {
    /// Fails when the database has taken the transaction back.
    async fn still_stands(&mut self) -> sqlx::Result<()> {
        match self {
            // Its COMMIT says so itself.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Ok(()),
            // Refused in a transaction in which something has failed.
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => answered(sqlx::raw_sql("SELECT 1").execute(&mut **tx)).await.map(drop),
            // It went with the transaction that it was set in.
            #[cfg(feature = "mysql")]
            Self::Mysql(tx) => {
                answered(sqlx::raw_sql("RELEASE SAVEPOINT auth_work").execute(&mut **tx)).await.map(drop)
            }
        }
    }
}

/// Why nothing more can be done in a transaction.
#[derive(Debug, thiserror::Error)]
#[error("the database has taken the transaction back to end a deadlock")]
struct TakenBack;

impl Target for Transaction {
    async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut turn = 0;
        loop {
            let is_first = self.sends()?;
            match self.execute_once(sql, values).await {
                Err(error) if is_first && is_victim(&error) && turn < RETRIES => {
                    turn = pause(turn).await;
                    self.begin_again().await?;
                }
                result => return result.map_err(|error| self.fails(error)),
            }
        }
    }

    async fn fetch_all(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut turn = 0;
        loop {
            let is_first = self.sends()?;
            match self.fetch_all_once(sql, values).await {
                Err(error) if is_first && is_victim(&error) && turn < RETRIES => {
                    turn = pause(turn).await;
                    self.begin_again().await?;
                }
                result => return result.map_err(|error| self.fails(error)),
            }
        }
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
