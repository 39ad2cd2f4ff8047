//! An application over a database that can be broken, and those who use it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use auth_core::crypto::password_hash::HashConfig;
use auth_core::{AuthBuilder, password};
use auth_sqlx::SqlStore;
use auth_tests::{Actor, Database, PASSWORD, Reply, StoreKind, Tap, TappedStore, TestApp, TransportKind};
use serde_json::json;

use crate::Place;
use crate::gate::Gate;
use crate::ledger::Ledger;
use crate::reached::{Reached, SqliteFile};

/// How long `SqlStore::connect` waits for a connection, or for a lock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the store waits for the answer to a statement.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// How many connections it opens.
pub(crate) const CONNECTIONS: usize = 10;

/// A machine that is busy with other tests takes its time as well.
pub(crate) const MARGIN: Duration = Duration::from_secs(5);

/// An application, who uses it, and what they were told.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) app: TestApp,
    /// A way to the database that no fault stands in.
    pub(crate) database: Reached,
    pub(crate) store: SqlStore,
    /// What the store was asked.
    pub(crate) tap: Arc<Tap>,
    pub(crate) gate: Gate,
    pub(crate) ledger: Mutex<Ledger>,
    /// No answer may take longer.
    bound: Duration,
}

impl World {
    /// With the settings of `SqlStore::connect`; `None` where there is no such server.
    pub(crate) async fn at(place: Place) -> Option<Self> {
        let database = place.server.database().await?;
        let store = SqlStore::connect(database.url()).await.unwrap();
        Some(Self::over(place.transport, database, store).await)
    }

    /// Over a SQLite file.
    pub(crate) async fn over_sqlite() -> Self {
        let file = SqliteFile::new();
        let store = SqlStore::connect(&format!("{}?mode=rwc", file.url())).await.unwrap();
        auth_sqlx::migrate(&store).await.unwrap();
        Self::over(TransportKind::Axum, file, store).await
    }

    /// Over a store of the test's own to this database.
    pub(crate) async fn over(transport: TransportKind, database: impl Into<Reached>, store: SqlStore) -> Self {
        Self::hashing(HashConfig::insecure_fast_for_tests(), transport, database, store).await
    }

    /// The same with hashes of this cost.
    pub(crate) async fn hashing(
        hash: HashConfig,
        transport: TransportKind,
        database: impl Into<Reached>,
        store: SqlStore,
    ) -> Self {
        let (gate, tap) = (Gate::default(), Arc::new(Tap::default()));
        let (given, hooks) = (TappedStore::new(store.clone(), Arc::clone(&tap)), gate.clone());
        // The store takes the place of the one in memory.
        let change = |builder: AuthBuilder| {
            let builder = builder.store(given).hooks(hooks).hook_time_limit(MARGIN * 12);
            builder.password(password::Config::default().hash(hash))
        };
        let app = TestApp::start(transport, Database::new(StoreKind::Memory).await, change).await;
        Self { app, database: database.into(), store, tap, gate, ledger: Mutex::default(), bound: PATIENCE + MARGIN }
    }

    /// The same, in which an answer may take so long.
    pub(crate) fn answering_within(self, bound: Duration) -> Self {
        Self { bound, ..self }
    }

    /// Signs up with the usual password.
    pub(crate) async fn sign_up(&self, email: &str) -> Reply {
        let reply = self.timed(self.somebody().sign_up(email)).await;
        self.ledger.lock().unwrap().signed_up(email, Some(&reply));
        reply
    }

    /// Somebody who signed up while all was well; the secret of the session.
    pub(crate) async fn signed_up(&self, email: &str) -> String {
        self.sign_up(email).await.token()
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Reply {
        let reply = self.timed(self.somebody().sign_in(email, password)).await;
        self.ledger.lock().unwrap().signed_in(email, password, Some(&reply));
        reply
    }

    /// Changes the usual password to another one.
    pub(crate) async fn change_password(&self, email: &str, token: &str, new: &str) -> Reply {
        let reply = self.timed(self.holder(token).change_password(PASSWORD, new)).await;
        self.ledger.lock().unwrap().changed_password(email, new, Some(&reply));
        reply
    }

    pub(crate) async fn sign_out(&self, token: &str) -> Reply {
        let reply = self.timed(self.holder(token).auth_post("/sign-out", json!({}))).await;
        self.ledger.lock().unwrap().signed_out(token, Some(&reply));
        reply
    }

    pub(crate) async fn revoke_all(&self, email: &str, token: &str) -> Reply {
        let reply = self.timed(self.holder(token).auth_post("/revoke-sessions", json!({}))).await;
        self.ledger.lock().unwrap().revoked(email, Some(&reply));
        reply
    }

    /// A guarded route.
    pub(crate) async fn me(&self, token: &str) -> Reply {
        let reply = self.timed(async { self.holder(token).get("/me").await }).await;
        self.ledger.lock().unwrap().asked(token, &reply);
        reply
    }

    /// Asks until every connection that the fault has killed is replaced. None is tested within a second of its last
    /// use, so each passes its death on, once.
    pub(crate) async fn replace_connections(&self, token: &str) {
        let mut refused = 0;
        loop {
            let replies = futures_util::future::join_all((0..CONNECTIONS).map(|_| self.me(token))).await;
            let dead = replies.iter().filter(|reply| reply.status == 503).count();
            refused += dead;
            assert!(refused <= CONNECTIONS, "more answers were refused than there are connections");
            if dead == 0 {
                return;
            }
        }
    }

    async fn timed(&self, answer: impl Future<Output = Reply>) -> Reply {
        let begun = Instant::now();
        let reply = tokio::time::timeout(MARGIN * 4, answer).await.expect("nobody waits for ever");
        assert!(begun.elapsed() <= self.bound, "{} after {:?}", reply.status, begun.elapsed());
        reply
    }

    fn holder(&self, token: &str) -> Actor {
        self.app.program().with_bearer(token)
    }

    /// Somebody from an address of their own: what is tried here must not add up to a flood.
    fn somebody(&self) -> Actor {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + NEXT.fetch_add(1, Ordering::Relaxed));
        self.app.anon().from_ip(&address.to_string())
    }
}
