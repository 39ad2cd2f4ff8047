//! The store's handle, and how a database is opened.

#[cfg(feature = "sqlite")]
use std::time::{Duration, Instant};

#[cfg(feature = "sqlite")]
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::driver::Pool;
use crate::error::ConnectError;

/// How long to wait for a connection, and on SQLite for another writer: a dead or exhausted database is an
/// error soon, while a short queue is none.
#[cfg(feature = "sqlite")]
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to leave a busy file alone.
#[cfg(feature = "sqlite")]
const RETRY: Duration = Duration::from_millis(20);

/// Readers at the same time; SQLite has one writer anyway.
#[cfg(feature = "sqlite")]
const MAX_CONNECTIONS: u32 = 8;

/// A store in a SQL database. Clones share its connections.
///
/// Bring the tables up to date with [`migrate`](crate::migrate) before anything else.
#[derive(Clone, Debug)]
pub struct SqlStore {
    pool: Pool,
}

impl SqlStore {
    /// Opens the database at `url`; its scheme decides which one.
    ///
    /// `sqlite://app.db?mode=rwc` opens a file and makes it when it is not there. It runs in WAL mode with
    /// `synchronous=FULL`, so that a committed change survives a power failure, enforces foreign keys, and
    /// waits at most 5 seconds for a connection or for another writer. `sqlite::memory:` is one connection
    /// that stays open; what it holds is gone with the last clone of the store.
    ///
    /// # Errors
    /// [`ConnectError`] when the scheme has no driver in this build, the address cannot be read or the
    /// database does not open.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => connect_sqlite(url).await,
            Some("postgres" | "postgresql") => Err(ConnectError::NoDriver { database: "PostgreSQL" }),
            Some("mysql" | "mariadb") => Err(ConnectError::NoDriver { database: "MySQL and MariaDB" }),
            Some(_) | None => Err(ConnectError::UnknownScheme),
        }
    }

    /// Takes the application's own pool, with its settings. Foreign keys must be enforced, as sqlx does
    /// unless told otherwise; [`migrate`](crate::migrate) checks it. A database in memory needs a pool of
    /// exactly one connection that is never closed.
    #[cfg(feature = "sqlite")]
    pub const fn sqlite(pool: SqlitePool) -> Self {
        Self { pool: Pool::Sqlite(pool) }
    }

    /// The SQLite pool, for the application's own tables in the same database, and to close it at the end;
    /// `None` when this is another database.
    #[cfg(feature = "sqlite")]
    pub const fn sqlite_pool(&self) -> Option<&SqlitePool> {
        match &self.pool {
            Pool::Sqlite(pool) => Some(pool),
        }
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }
}

#[cfg(not(feature = "sqlite"))]
async fn connect_sqlite(_: &str) -> Result<SqlStore, ConnectError> {
    Err(ConnectError::NoDriver { database: "SQLite" })
}

#[cfg(feature = "sqlite")]
async fn connect_sqlite(url: &str) -> Result<SqlStore, ConnectError> {
    let options: SqliteConnectOptions = url.parse().map_err(ConnectError::InvalidAddress)?;
    let in_memory = is_in_memory(url);
    if options.get_filename().as_os_str().is_empty() && !in_memory {
        return Err(ConnectError::NoFile);
    }
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(PATIENCE)
        .min_connections(1)
        // A file has no connection to lose: each one is tested when it is given back, that is enough.
        .test_before_acquire(false);
    // Every connection to a database in memory would be a database of its own, and closing it the end of it.
    let pool = if in_memory {
        pool.max_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        pool.max_connections(MAX_CONNECTIONS)
    };
    // The first process on a new file switches it to WAL, and SQLite has the others fail at once instead of
    // waiting: https://github.com/launchbadge/sqlx/pull/1930#issuecomment-1168165414
    let begun = Instant::now();
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => tokio::time::sleep(RETRY).await,
            Err(error) => return Err(ConnectError::Unreachable(error)),
            Ok(pool) => return Ok(SqlStore::sqlite(pool)),
        }
    }
}

/// `SQLITE_BUSY` in any of its extended forms: <https://www.sqlite.org/rescode.html#busy>.
#[cfg(feature = "sqlite")]
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// The two spellings that sqlx knows; its options do not tell.
#[cfg(feature = "sqlite")]
fn is_in_memory(url: &str) -> bool {
    let (database, parameters) = url.split_once('?').unwrap_or((url, ""));
    database.ends_with(":memory:") || parameters.split('&').any(|parameter| parameter == "mode=memory")
}
