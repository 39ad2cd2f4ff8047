//! A connection on loan, and what becomes of it when no answer comes.
//!
//! A server that is lost without a word, by its power, its network or a firewall, leaves connections that look sound
//! and answer nothing for as long as the system tries to deliver: a quarter of an hour. And whoever waits may go, at
//! any `await`: a framework drops what it was doing for a client that has hung up. sqlx has a limit for neither, and
//! passes a connection on over which a `BEGIN` has been sent and not been answered: whoever is next then works inside a
//! transaction that nobody commits. Nor does it count when SQLite, whose disk is full, rolls a transaction back by
//! itself: the connection never begins another. So every wait ends here, and what has become doubtful is closed.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long to wait for the answer to one statement. Longer than a wait for a lock, which the database ends by itself.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a connection that is given back has for what is left: a statement that nobody waits for, a ROLLBACK, a
/// test.
const CLEANING: Duration = Duration::from_secs(5);

/// One connection of a pool, back there when this is dropped.
pub(crate) struct Lease<DB: Database> {
    connection: Option<PoolConnection<DB>>,
    condition: Condition,
    /// Begins an empty transaction, after which the connection is again as it was on loan.
    parting: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
enum Condition {
    /// Whatever is under way can be awaited or rolled back.
    Sound,
    /// Nothing can be known of it any more.
    InDoubt,
}

/// Waits for the answer to one statement, within bounds.
pub(super) async fn answered<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let no_answer = |_| sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer"));
    timeout(ANSWER, answer).await.unwrap_or_else(|elapsed| Err(no_answer(elapsed)))
}

impl<DB: Database> Lease<DB> {
    /// For one statement.
    pub(super) async fn of(pool: &sqlx::Pool<DB>) -> sqlx::Result<Self> {
        Ok(Self { connection: Some(pool.acquire().await?), condition: Condition::Sound, parting: None })
    }

    /// For a transaction that begins with this statement. It ends with [`commit`](Self::commit), or is rolled back.
    pub(super) async fn begin(pool: &sqlx::Pool<DB>, statement: &'static str) -> sqlx::Result<Self> {
        Self::of(pool).await?.begun(statement).await
    }

    /// As [`begin`](Self::begin), for a `statement` that also changes a setting of the connection. `parting` changes it
    /// back; a connection that does not answer to it is closed.
    #[cfg(feature = "sqlite")]
    pub(super) async fn begin_set(
        pool: &sqlx::Pool<DB>,
        statement: &'static str,
        parting: &'static str,
    ) -> sqlx::Result<Self> {
        let mut lease = Self::of(pool).await?;
        lease.parting = Some(parting);
        lease.begun(statement).await
    }

    async fn begun(mut self, statement: &'static str) -> sqlx::Result<Self> {
        // SQLite's thread takes back by itself what nobody waits for; and its connection may be the whole database.
        if DB::NAME != "SQLite" {
            self.condition = Condition::InDoubt;
        }
        let answer = answered(DB::TransactionManager::begin(&mut self, Some(statement.into_sql_str()))).await;
        self.condition = Condition::Sound;
        self.judge(answer)?;
        Ok(self)
    }

    /// Begins a transaction again that the database has taken back.
    pub(super) async fn begin_again(&mut self, statement: &'static str) -> sqlx::Result<()> {
        self.condition = Condition::InDoubt;
        answered(DB::TransactionManager::rollback(self)).await?;
        answered(DB::TransactionManager::begin(self, Some(statement.into_sql_str()))).await?;
        self.condition = Condition::Sound;
        Ok(())
    }

    /// Looks at the answer to a statement: from a connection that breaks down or says nothing, none will come.
    pub(super) fn judge<T>(&mut self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        if let Err(sqlx::Error::Io(_)) = answer {
            self.condition = Condition::InDoubt;
        }
        answer
    }

    /// Makes the transaction durable.
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        // Less, and a rollback has got in between; more, and one of the application's own is still open inside. Either
        // way sqlx would say that it is done.
        if DB::TransactionManager::get_transaction_depth(&self) != 1 {
            self.condition = Condition::InDoubt;
            return Err(sqlx::Error::Protocol("a transaction was not ended in the order in which it began".to_owned()));
        }
        let answer = answered(DB::TransactionManager::commit(&mut self)).await;
        self.judge(answer)
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match (self.condition, Handle::try_current()) {
            (Condition::Sound, Ok(runtime)) => drop(runtime.spawn(give_back(connection, self.parting))),
            // Closed, it is rolled back by the server.
            (Condition::InDoubt, _) | (_, Err(_)) => drop(connection.detach()),
        }
    }
}

/// Rolls back what was not committed, and returns the connection to its pool, which tests it. One that does not answer
/// even now is closed.
async fn give_back<DB: Database>(mut connection: PoolConnection<DB>, parting: Option<&'static str>) {
    if DB::TransactionManager::get_transaction_depth(&connection) > 0 {
        let rolled_back = timeout(CLEANING, DB::TransactionManager::rollback(&mut connection)).await;
        if !matches!(rolled_back, Ok(Ok(()))) {
            drop(connection.detach());
            return;
        }
    }
    if let Some(parting) = parting {
        let set_back = timeout(CLEANING, set_back::<DB>(&mut connection, parting)).await;
        if !matches!(set_back, Ok(Ok(()))) {
            drop(connection.detach());
            return;
        }
    }
    // By itself, the pool would wait for ever.
    let _closed = timeout(CLEANING, connection.return_to_pool()).await;
}

async fn set_back<DB: Database>(connection: &mut DB::Connection, parting: &'static str) -> sqlx::Result<()> {
    DB::TransactionManager::begin(connection, Some(parting.into_sql_str())).await?;
    DB::TransactionManager::rollback(connection).await
}

impl<DB: Database> Deref for Lease<DB> {
    type Target = DB::Connection;

    #[expect(clippy::expect_used, reason = "only `drop` takes the connection")]
    fn deref(&self) -> &DB::Connection {
        // `drop` alone takes it, and nobody has the lease after that.
        self.connection.as_ref().expect("a lease has a connection")
    }
}

impl<DB: Database> DerefMut for Lease<DB> {
    #[expect(clippy::expect_used, reason = "only `drop` takes the connection")]
    fn deref_mut(&mut self) -> &mut DB::Connection {
        // As above.
        self.connection.as_mut().expect("a lease has a connection")
    }
}

impl<DB: Database> fmt::Debug for Lease<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("condition", &self.condition).finish_non_exhaustive()
    }
}
