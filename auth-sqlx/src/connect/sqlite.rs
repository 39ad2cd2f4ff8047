//! SQLite, from an address.

use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::PATIENCE;
use crate::driver::Readers;
use crate::error::ConnectError;
use crate::pool::SqlStore;

/// How long to leave a busy file alone.
const RETRY: Duration = Duration::from_millis(20);

/// Readers at the same time; SQLite has one writer anyway.
const MAX_CONNECTIONS: u32 = 8;

pub(crate) async fn sqlite(url: &str) -> Result<SqlStore, ConnectError> {
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
            Ok(pool) => {
                // In memory, another connection would see another database.
                let readers = (!in_memory).then(|| Readers::new(options, MAX_CONNECTIONS, PATIENCE));
                return Ok(SqlStore::sqlite(pool).with_readers(readers));
            }
        }
    }
}

/// `SQLITE_BUSY` in any of its extended forms: <https://www.sqlite.org/rescode.html#busy>.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// The two spellings that sqlx knows; its options do not tell.
fn is_in_memory(url: &str) -> bool {
    let (database, parameters) = url.split_once('?').unwrap_or((url, ""));
    database.ends_with(":memory:") || parameters.split('&').any(|parameter| parameter == "mode=memory")
}
