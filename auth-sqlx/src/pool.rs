//! The store's handle.

#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlPool;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePool;

use crate::connect;
#[cfg(feature = "sqlite")]
use crate::driver::Readers;
use crate::driver::{Names, Pool, Single};
use crate::error::{ConnectError, TablesError};
use crate::statements::statements;
use crate::tables::Tables;

/// A store in a SQL database. Clones share its connections.
///
/// Bring the tables up to date with [`migrate`](crate::migrate) before anything else.
#[derive(Clone, Debug)]
pub struct SqlStore {
    pool: Pool,
    names: Names,
    #[cfg(feature = "sqlite")]
    readers: Option<Readers>,
}

impl SqlStore {
    /// Opens the database at `url`; its scheme decides which one. It waits at most 5 seconds for a connection or for
    /// a lock, and 10 for an answer: a dead or exhausted database is an error soon, while a short queue is none.
    ///
    /// - `sqlite://app.db?mode=rwc` opens a file and makes it when it is not there. It runs in WAL mode with
    ///   `synchronous=FULL`, so that a committed change survives a power failure, and enforces foreign keys.
    ///   Questions outside a transaction have connections of their own, which cannot write and wait for no writer.
    ///   `sqlite::memory:` is one connection that stays open; what it holds is gone with the last clone of the store.
    /// - `postgres://user:password@host/database` or `postgresql://`. [`with_tables`](Self::with_tables) keeps the
    ///   tables in a schema of their own.
    /// - `mysql://user:password@host/database` or `mariadb://`. The server must be in strict mode.
    ///
    /// A server gets at most 10 connections. They are encrypted when it offers that; demand it, and that it proves
    /// its name, with `?sslmode=verify-full` (PostgreSQL) or `?ssl-mode=VERIFY_IDENTITY` (MySQL) wherever the
    /// network is not your own.
    ///
    /// # Errors
    /// [`ConnectError`] when the scheme has no driver in this build, the address cannot be read, the database does not
    /// open or its settings are unsafe.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => connect::sqlite(url).await,
            Some("postgres" | "postgresql") => connect::postgres(url).await,
            Some("mysql" | "mariadb") => connect::mysql(url).await,
            Some(_) | None => Err(ConnectError::UnknownScheme),
        }
    }

    /// Takes the application's own pool, with its settings. Foreign keys must be enforced, as sqlx does
    /// unless told otherwise; [`migrate`](crate::migrate) checks it. A database in memory needs a pool of
    /// exactly one connection that is never closed. Choose WAL and `synchronous=FULL` yourself; questions share the
    /// pool's connections here, and each costs a ping more than with [`connect`](Self::connect).
    #[cfg(feature = "sqlite")]
    pub const fn sqlite(pool: SqlitePool) -> Self {
        Self { pool: Pool::Sqlite(pool), names: Names::DEFAULT, readers: None }
    }

    /// Takes the application's own pool, with its settings. The tables are where its `search_path` says, unless
    /// [`with_tables`](Self::with_tables) names a schema. Transactions of the store run at READ COMMITTED, whatever the
    /// default of the pool is.
    #[cfg(feature = "postgres")]
    pub const fn postgres(pool: PgPool) -> Self {
        Self {
            pool: Pool::Postgres(pool),
            names: Names::DEFAULT,
            #[cfg(feature = "sqlite")]
            readers: None,
        }
    }

    /// Takes the application's own pool, with its settings. MySQL must be in strict mode, commit by itself and enforce
    /// foreign keys on its connections; [`migrate`](crate::migrate) checks it. Transactions of the store run at READ
    /// COMMITTED, whatever the default of the pool is; make that the default too if you can, for single statements
    /// then lock no gaps either.
    #[cfg(feature = "mysql")]
    pub const fn mysql(pool: MySqlPool) -> Self {
        Self {
            pool: Pool::Mysql(pool),
            names: Names::DEFAULT,
            #[cfg(feature = "sqlite")]
            readers: None,
        }
    }

    /// The same store with other names for its tables. Call it before [`migrate`](crate::migrate()).
    ///
    /// # Errors
    /// [`TablesError::NoSchemas`] when they are in a schema and the database is not PostgreSQL.
    pub fn with_tables(self, tables: Tables) -> Result<Self, TablesError> {
        let engine = self.pool.engine();
        tables.expect_known_to(engine)?;
        Ok(Self { names: Names::new(tables, statements(engine)), ..self })
    }

    /// The SQLite pool, for the application's own tables in the same database, and to close it at the end;
    /// `None` when this is another database.
    #[cfg(feature = "sqlite")]
    pub const fn sqlite_pool(&self) -> Option<&SqlitePool> {
        match &self.pool {
            Pool::Sqlite(pool) => Some(pool),
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => None,
            #[cfg(feature = "mysql")]
            Pool::Mysql(_) => None,
        }
    }

    /// The PostgreSQL pool; `None` when this is another database.
    #[cfg(feature = "postgres")]
    pub const fn postgres_pool(&self) -> Option<&PgPool> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => None,
            Pool::Postgres(pool) => Some(pool),
            #[cfg(feature = "mysql")]
            Pool::Mysql(_) => None,
        }
    }

    /// The MySQL or MariaDB pool; `None` when this is another database.
    #[cfg(feature = "mysql")]
    pub const fn mysql_pool(&self) -> Option<&MySqlPool> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => None,
            Pool::Mysql(pool) => Some(pool),
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn with_readers(self, readers: Option<Readers>) -> Self {
        Self { readers, ..self }
    }

    /// Where single statements go.
    pub(crate) const fn single(&self) -> Single<'_> {
        Single {
            pool: &self.pool,
            names: &self.names,
            #[cfg(feature = "sqlite")]
            readers: self.readers.as_ref(),
        }
    }

    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }
}
