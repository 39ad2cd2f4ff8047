//! Hooks that hold a transaction open until a test has done something to the database.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auth_core::hooks::{Hooks, LoginContext};
use auth_core::store::StoreError;
use auth_core::user::{SignUp, User};
use auth_core::{Cx, Result, Work};
use auth_sqlx::{Connection, connection};
use sqlx::AssertSqlSafe;
use tokio::sync::Notify;

/// Where a request can be held: something has been written, and nothing is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    SignUp,
    SignIn,
    PasswordChange,
}

/// Holds the next request that comes to a turn. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    closed: Mutex<Option<Closed>>,
    arrived: Notify,
    opened: Notify,
}

#[derive(Debug)]
struct Closed {
    turn: Turn,
    statement: Option<&'static str>,
}

impl Gate {
    /// Closes it for the next request that comes to `turn`.
    pub(crate) fn close(&self, turn: Turn) {
        *self.0.closed.lock().unwrap() = Some(Closed { turn, statement: None });
    }

    /// As [`close`](Self::close); the request sends `statement` in its transaction when it goes on.
    pub(crate) fn close_then(&self, turn: Turn, statement: &'static str) {
        *self.0.closed.lock().unwrap() = Some(Closed { turn, statement: Some(statement) });
    }

    /// Waits until a request is held.
    pub(crate) async fn arrived(&self) {
        self.0.arrived.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.0.opened.notify_one();
    }

    async fn pass(&self, turn: Turn, work: &mut Work<'_>) -> Result<()> {
        let held = self.0.closed.lock().unwrap().take_if(|closed| closed.turn == turn);
        let Some(Closed { statement, .. }) = held else { return Ok(()) };
        self.0.arrived.notify_one();
        self.0.opened.notified().await;
        match statement {
            None => Ok(()),
            Some(statement) => send(work, statement).await.map_err(|error| StoreError::backend(error).into()),
        }
    }
}

async fn send(work: &mut Work<'_>, statement: &'static str) -> sqlx::Result<()> {
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    match connection(work.tx()).expect("a transaction of the SQL store") {
        Connection::Sqlite(sqlite) => statement.execute(sqlite).await.map(drop),
        Connection::Postgres(postgres) => statement.execute(postgres).await.map(drop),
        Connection::Mysql(mysql) => statement.execute(mysql).await.map(drop),
        other => panic!("{other:?} is none of ours"),
    }
}

#[async_trait]
impl Hooks for Gate {
    async fn on_signup(&self, _: &Cx, work: &mut Work<'_>, _: &User, _: &SignUp) -> Result<()> {
        self.pass(Turn::SignUp, work).await
    }

    async fn on_login(&self, _: &Cx, work: &mut Work<'_>, _: &mut LoginContext<'_>) -> Result<()> {
        self.pass(Turn::SignIn, work).await
    }

    async fn before_password_change(&self, _: &Cx, work: &mut Work<'_>, _: &User) -> Result<()> {
        self.pass(Turn::PasswordChange, work).await
    }
}
