//! Two transactions stepped by hand: the first holds its locks, the second one is seen waiting for them, then the first
//! one ends, and the second one's verdict is known.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::prelude::*;
use auth_core::store::Tx;
use auth_tests::{Actor, PASSWORD, Reply, StoreKind};
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::stage::{Stage, Verdict, address};

/// Less than the 5 seconds after which a store gives a lock up.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two looks.
const MOMENT: Duration = Duration::from_millis(5);

/// What becomes of the first transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Committed,
    TakenBack,
}

impl End {
    pub(crate) const BOTH: [Self; 2] = [Self::Committed, Self::TakenBack];

    /// Tells the two apart in ids and addresses.
    pub(crate) const fn number(self) -> usize {
        match self {
            Self::Committed => 0,
            Self::TakenBack => 1,
        }
    }
}

/// The transaction that has its locks.
pub(crate) enum First {
    Transaction(Box<dyn Tx>),
    /// A sign-in that has written its session and stands before its commit.
    SignIn {
        door: oneshot::Sender<End>,
        reply: JoinHandle<Reply>,
    },
}

impl First {
    pub(crate) async fn ends(self, end: End) {
        match (self, end) {
            (Self::Transaction(tx), End::Committed) => tx.commit().await.unwrap(),
            (Self::Transaction(tx), End::TakenBack) => drop(tx),
            (Self::SignIn { door, reply }, end) => {
                door.send(end).unwrap();
                let status = if end == End::Committed { 200 } else { 422 };
                assert_eq!(reply.await.unwrap().status, status);
            }
        }
    }
}

/// What is done once in a transaction.
pub(crate) type Deed<Case, V> = for<'a> fn(&'a mut dyn Tx, Case) -> BoxFuture<'a, V>;

impl Stage {
    /// A transaction that has done something.
    pub(crate) async fn first<V: Verdict>(&self, deed: impl AsyncFnOnce(&mut dyn Tx) -> V) -> First {
        let mut tx = self.begin().await;
        assert!(deed(&mut *tx).await.won());
        First::Transaction(tx)
    }

    /// A sign-in under way.
    pub(crate) async fn first_signs_in(&self, actor: &Actor, n: usize) -> First {
        self.first_signs_in_to(actor, n, None).await
    }

    /// A sign-in to a tenant under way.
    pub(crate) async fn first_signs_in_to(&self, actor: &Actor, n: usize, tenant: Option<&str>) -> First {
        let (reached, arrival) = oneshot::channel();
        let (door, opened) = oneshot::channel();
        *self.doorman.0.lock().unwrap() = Some((reached, opened));
        let actor = actor.clone();
        let body = json!({"email": address(n), "password": PASSWORD, "tenantId": tenant});
        let reply = tokio::spawn(async move { actor.auth_post("/sign-in/email", body).await });
        arrival.await.unwrap();
        First::SignIn { door, reply }
    }

    /// Starts `second`, sees it wait, ends the first one, and gives what the second one came to.
    pub(crate) async fn then<F>(&self, first: First, end: End, second: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.app.tap().take_calls();
        let second = tokio::spawn(second(self.clone()));
        tokio::time::timeout(PATIENCE, self.somebody_waits()).await.expect("nobody waits for the first");
        assert!(!second.is_finished(), "it did not wait for the first");
        first.ends(end).await;
        tokio::time::timeout(PATIENCE, second).await.expect("it still waits").unwrap()
    }

    /// As [`then`](Self::then), for two that have no row in common: the second one waits only where one alone may
    /// write.
    pub(crate) async fn beside<F>(&self, first: First, end: End, second: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if self.has_one_writer() {
            return self.then(first, end, second).await;
        }
        let output = tokio::time::timeout(PATIENCE, second(self.clone())).await.expect("it waits for the first");
        first.ends(end).await;
        output
    }

    /// Two transactions do the same. The second one loses to a first that is committed, and wins when it is taken back.
    pub(crate) async fn twice<Case, V>(self, prepare: impl AsyncFn(&Self, usize) -> Case, deed: Deed<Case, V>)
    where
        Case: Clone + Send + 'static,
        V: Verdict + 'static,
    {
        for end in End::BOTH {
            let case = prepare(&self, end.number()).await;
            let first = self.first(async |tx: &mut dyn Tx| deed(tx, case.clone()).await).await;
            let second = |stage: Self| async move {
                let mut tx = stage.begin().await;
                let won = deed(&mut *tx, case).await.won();
                if won {
                    tx.commit().await.unwrap();
                }
                won
            };
            assert_eq!(self.then(first, end, second).await, end == End::TakenBack, "{end:?} over {:?}", self.kind);
        }
    }

    /// Whether a transaction that writes keeps every other from writing.
    const fn has_one_writer(&self) -> bool {
        matches!(self.kind, StoreKind::Memory | StoreKind::SqliteFile | StoreKind::SqliteMemory)
    }

    /// Returns when a statement waits for a lock.
    async fn somebody_waits(&self) {
        if !self.has_one_writer() {
            return self.app.database().somebody_waits().await;
        }
        // Nobody can be asked. It has turned to the store, and whoever would not wait has gone through by then.
        while self.app.tap().take_calls().is_empty() {
            tokio::time::sleep(MOMENT).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Stops the next sign-in before its commit, when it is told to.
#[derive(Clone, Default)]
pub(crate) struct Doorman(Arc<Mutex<Option<Door>>>);

/// Tells that somebody stands before it, and waits for what shall become of them.
type Door = (oneshot::Sender<()>, oneshot::Receiver<End>);

#[async_trait]
impl Hooks for Doorman {
    async fn on_login(&self, _cx: &Cx, _work: &mut Work<'_>, _login: &mut LoginContext<'_>) -> Result<()> {
        let Some((reached, opened)) = self.0.lock().unwrap().take() else { return Ok(()) };
        reached.send(()).unwrap();
        match opened.await.unwrap() {
            End::Committed => Ok(()),
            End::TakenBack => Err(Error::new(ErrorKind::Unprocessable, "NOT_TODAY", "Not today.")),
        }
    }
}
