//! An application under test: an engine that serves, its clock, and a tap on its store.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::audit::AuditEntry;
use auth_core::base::{Clock, Email, ManualClock, Secret, SeededRandom, Timestamp, UserId};
use auth_core::crypto::password_hash::HashConfig;
use auth_core::hooks::{Event, EventSink};
use auth_core::session::StoredSession;
use auth_core::store::Store;
use auth_core::user::Pool;
use auth_core::{Auth, AuthBuilder, Cx, api_key, limit, password, role};
use bytes::Bytes;
use http::{Request, Response};

use crate::actor::Actor;
use crate::stack::Database;
use crate::tap::{Tap, TappedStore};
use crate::transport::{Transport, TransportKind};

/// The address of the application, and the one origin that it trusts.
pub const BASE_URL: &str = "http://localhost:3000";

/// A password that the default policy accepts.
pub const PASSWORD: &str = "Wombat-Violet-Thunder-42";

/// Some afternoon in 2026.
const START: Timestamp = Timestamp::from_micros(1_780_000_000_123_456);

/// No two engines of one test draw the same ids.
static SEED: AtomicU64 = AtomicU64::new(1);

/// Settings that every test starts from, but for store and clock.
pub fn builder() -> AuthBuilder {
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    Auth::builder()
        .base_url(BASE_URL)
        .secret(Secret::new("a secret that is good enough for tests 0123456789"))
        .role_guards(["ADMIN", "PORTAL"])
        .password(password_config())
        .api_keys(api_key::Config::default())
        // Tests call more often than people; those of the limits put them back.
        .rate_limits(limit::Config::disabled_insecurely())
        .random(Arc::new(SeededRandom::predictable(seed)))
}

/// E-mail and password with a hash that costs nothing.
pub fn password_config() -> password::Config {
    password::Config::default().hash(HashConfig::insecure_fast_for_tests())
}

/// Remembers the events that were told, by their names.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<&'static str>>>);

impl Recorder {
    /// Takes what was told since the last time.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl EventSink for Recorder {
    async fn deliver(&self, _cx: &Cx, event: &Event) {
        self.0.lock().unwrap().push(event.action());
    }
}

/// A running application. Clones are the same one.
#[derive(Clone, Debug)]
pub struct TestApp {
    auth: Auth,
    clock: Arc<ManualClock>,
    events: Recorder,
    tap: Arc<Tap>,
    store: TappedStore,
    database: Database,
    transport: Arc<dyn Transport>,
}

impl TestApp {
    /// Serves the application over `database` with settings of its own.
    pub async fn start(
        transport: TransportKind,
        database: Database,
        change: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        Self::start_at(transport, database, clock, change).await
    }

    /// A new process over the same database, at the same time of day.
    pub async fn restarted(&self, transport: TransportKind) -> Self {
        self.restarted_with(transport, |builder| builder).await
    }

    /// As [`restarted`](Self::restarted), with settings of its own.
    pub async fn restarted_with(
        &self,
        transport: TransportKind,
        change: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        Self::start_at(transport, self.database.clone(), Arc::clone(&self.clock), change).await
    }

    async fn start_at(
        transport: TransportKind,
        database: Database,
        clock: Arc<ManualClock>,
        change: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        let (events, tap) = (Recorder::default(), Arc::new(Tap::default()));
        let store = database.open(Arc::clone(&tap)).await;
        let settings = builder().store(store.clone()).clock(Arc::clone(&clock) as Arc<dyn Clock>);
        let auth = change(settings.event_sink(events.clone())).build().unwrap();
        let transport = transport.serve(&auth);
        Self { auth, clock, events, tap, store, database, transport }
    }

    /// The engine.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The tap on the store.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Where rows live.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The store, through the tap.
    pub fn store(&self) -> &TappedStore {
        &self.store
    }

    /// The events told so far.
    pub fn events(&self) -> &Recorder {
        &self.events
    }

    /// A context without a request.
    pub fn cx(&self) -> Cx {
        self.auth.background_cx()
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Somebody with a browser and no cookie yet.
    pub fn anon(&self) -> Actor {
        Actor::browser(self.clone())
    }

    /// A program: no cookies, no `Origin`.
    pub fn program(&self) -> Actor {
        Actor::program(self.clone())
    }

    /// Somebody with a browser who has just signed up.
    pub async fn signed_up(&self, email: &str) -> Actor {
        let actor = self.anon();
        actor.sign_up(email).await.ok();
        actor
    }

    /// Somebody with another browser who has just signed in.
    pub async fn signed_in(&self, email: &str) -> Actor {
        let actor = self.anon();
        actor.sign_in(email, PASSWORD).await.ok();
        actor
    }

    /// Somebody with another browser who has just signed in with this password.
    pub async fn signed_in_with(&self, email: &str, password: &str) -> Actor {
        let actor = self.anon();
        actor.sign_in(email, password).await.ok();
        actor
    }

    /// Defines a role and gives it to a user.
    pub async fn grant(&self, email: &str, guard: &str, name: &str, permissions: &[&str]) {
        let cx = self.cx();
        role::define_role(&cx, guard, name, permissions.iter().copied()).await.unwrap();
        role::grant_role(&cx, self.user_id(email).await, guard, name).await.unwrap();
    }

    /// The id of the user of this address.
    pub async fn user_id(&self, email: &str) -> UserId {
        self.find_user(email).await.expect("a user of this address")
    }

    /// The id of the user of this address, if there is one.
    pub async fn find_user(&self, email: &str) -> Option<UserId> {
        let user = self.store.conn().user_by_email(&Pool::User.into(), &Email::parse(email).unwrap()).await.unwrap();
        user.map(|user| user.id)
    }

    /// The live sessions of the user of this address.
    pub async fn sessions(&self, email: &str) -> Vec<StoredSession> {
        let user = self.user_id(email).await;
        self.store.conn().sessions_of_user(user, self.auth.now()).await.unwrap()
    }

    /// The audit trail of a user, the latest entry first.
    pub async fn audit(&self, user: UserId) -> Vec<AuditEntry> {
        self.store.conn().audit_of_user(user, None, 1_000).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        self.transport.send(request, peer).await
    }
}
