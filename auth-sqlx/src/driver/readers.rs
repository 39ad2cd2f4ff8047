//! SQLite connections for single questions, beside the pool.
//!
//! A pool of sqlx sends every connection that comes back a ping, and hands it out again once that is answered. To
//! SQLite that is one more trip to the connection's thread for each statement, a third of what looking a session up
//! costs. A question leaves nothing behind that would have to be tested for, so its connection just waits for the next.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::lease::answered;

/// A bounded number of connections that cannot write, each opened when it is first needed. Clones share them.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Shared>);

struct Shared {
    options: SqliteConnectOptions,
    turns: Semaphore,
    patience: Duration,
    /// The last one to come back is the first to go: its cache is the warmest.
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    /// Up to `number` connections to a database file; whoever waits for one longer than `patience` is refused.
    pub(crate) fn new(options: SqliteConnectOptions, number: u32, patience: Duration) -> Self {
        let options = options.pragma("query_only", "ON");
        let (turns, idle) = (Semaphore::new(number as usize), Mutex::default());
        Self(Arc::new(Shared { options, turns, patience, idle }))
    }

    /// The rows that answer one question.
    pub(crate) async fn fetch_all(&self, query: Query<'_, Sqlite, SqliteArguments>) -> sqlx::Result<Vec<SqliteRow>> {
        let _turn = timeout(self.0.patience, self.0.turns.acquire()).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let waiting = self.idle().pop();
        let mut connection = match waiting {
            Some(connection) => connection,
            None => answered(self.0.options.connect()).await?,
        };
        let rows = answered(query.fetch_all(&mut connection)).await?;
        // Not reached after an error, or when nobody waits for the answer any more: that connection is closed.
        self.idle().push(connection);
        Ok(rows)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("idle", &self.idle().len()).finish_non_exhaustive()
    }
}
