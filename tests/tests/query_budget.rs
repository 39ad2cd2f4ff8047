//! How many statements a request costs, counted where sqlx sends them.
//!
//! One process has one counter, so the tests here wait for each other.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::fmt;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use auth_core::api_key::{self, NewApiKey, Quota};
use auth_core::crypto::password_hash::HashConfig;
use auth_tests::{PASSWORD, Stack, TestApp, password_config};
use tokio::sync::MutexGuard;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const ADA: &str = "ada@example.com";

/// Every engine that has statements, through either adapter.
const STACKS: [Stack; 6] = [
    Stack::AXUM_SQLITE,
    Stack::ACTIX_SQLITE,
    Stack::AXUM_POSTGRES,
    Stack::ACTIX_POSTGRES,
    Stack::AXUM_MARIADB,
    Stack::ACTIX_MARIADB,
];

/// What says which statements belong together, and what a connection is set up with when it is opened.
const NOT_COUNTED: [&str; 4] = ["BEGIN", "COMMIT", "SET ", "PRAGMA "];

/// A statement that was sent, and when.
#[derive(Clone, Debug)]
struct Sent {
    sql: String,
    begun: Instant,
    ended: Instant,
}

static SENT: Mutex<Vec<Sent>> = Mutex::new(Vec::new());

/// The right to count, for one test at a time.
async fn counter() -> Counter {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    static LISTENING: OnceLock<()> = OnceLock::new();
    let turn = TURN.lock().await;
    LISTENING.get_or_init(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Listener)).unwrap();
    });
    Counter { _turn: turn }
}

struct Counter {
    _turn: MutexGuard<'static, ()>,
}

impl Counter {
    /// What was sent while `act` ran, and nothing before it.
    async fn count<T>(&self, act: impl Future<Output = T>) -> (T, Vec<Sent>) {
        SENT.lock().unwrap().clear();
        let done = act.await;
        let mut sent = std::mem::take(&mut *SENT.lock().unwrap());
        sent.retain(|statement| !NOT_COUNTED.iter().any(|word| statement.sql.starts_with(word)));
        (done, sent)
    }
}

/// Hears what sqlx says of each statement when it has ended.
struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() <= Level::DEBUG
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut told = Told::default();
        event.record(&mut told);
        let ended = Instant::now();
        let begun = ended.checked_sub(Duration::from_secs_f64(told.seconds)).unwrap();
        let sql = if told.statement.is_empty() { told.summary } else { told.statement };
        SENT.lock().unwrap().push(Sent { sql: sql.trim().to_owned(), begun, ended });
    }
}

#[derive(Default)]
struct Told {
    summary: String,
    statement: String,
    seconds: f64,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[track_caller]
fn assert_at_most(budget: usize, sent: &[Sent], stack: Stack, what: &str) {
    let texts: Vec<_> = sent.iter().map(|statement| statement.sql.as_str()).collect();
    assert!((1..=budget).contains(&texts.len()), "{what} on {stack:?} sent {}:\n{}", texts.len(), texts.join("\n"));
}

/// An application with a role to ask for, its connections open and its statements prepared.
async fn warm(stack: Stack) -> Option<TestApp> {
    if !stack.store.is_available().await {
        return None;
    }
    let app = stack.app().await;
    app.signed_up("warm@example.com").await;
    app.signed_in("warm@example.com").await.get("/me").await.ok();
    Some(app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guarded_request_is_one_statement() {
    let counter = counter().await;
    for stack in STACKS {
        let Some(app) = warm(stack).await else { continue };
        let ada = app.signed_up(ADA).await;
        app.grant(ADA, "ADMIN", "super_admin", &["reports:read"]).await;
        for route in ["/me", "/reports", "/pair"] {
            let (reply, sent) = counter.count(ada.get(route)).await;
            reply.ok();
            assert_at_most(1, &sent, stack, route);
            let (reply, sent) = counter.count(ada.bearer().get(route)).await;
            reply.ok();
            assert_at_most(1, &sent, stack, route);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_use_of_an_api_key_is_one_statement_and_with_limits_two() {
    let counter = counter().await;
    for stack in STACKS {
        let Some(app) = warm(stack).await else { continue };
        app.signed_up(ADA).await;
        app.grant(ADA, "ADMIN", "super_admin", &["reports:read"]).await;
        for (quotas, statements) in [(vec![], 1), (vec![Quota::per_minute(9).unwrap(), Quota::per_day(9).unwrap()], 2)]
        {
            let mut new = NewApiKey::of_user(app.user_id(ADA).await);
            (new.remaining, new.quotas) = (quotas.first().map(|_| 9), Some(quotas));
            let key = api_key::create(&app.cx(), new).await.unwrap();
            for _ in 0..2 {
                let cx = app.cx();
                let (verified, sent) = counter.count(api_key::verify(&cx, key.secret.expose())).await;
                assert_eq!(verified.unwrap().permissions.len(), 1);
                assert_at_most(statements, &sent, stack, "a use of a key");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_credential_asks_nothing() {
    let counter = counter().await;
    for stack in STACKS {
        let Some(app) = warm(stack).await else { continue };
        let (reply, sent) = counter.count(app.anon().get("/me")).await;
        reply.refused(401, "UNAUTHORIZED");
        assert!(sent.is_empty(), "{stack:?} sent {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_is_six_statements_and_a_refused_one_three() {
    let counter = counter().await;
    for stack in STACKS {
        let Some(app) = warm(stack).await else { continue };
        app.signed_up(ADA).await;
        let (reply, sent) = counter.count(app.anon().sign_in(ADA, PASSWORD)).await;
        reply.ok();
        assert_at_most(6, &sent, stack, "signing in");
        let (reply, sent) = counter.count(app.anon().sign_in(ADA, "wrong")).await;
        reply.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        assert_at_most(3, &sent, stack, "a wrong password");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_is_six_statements() {
    let counter = counter().await;
    for stack in STACKS {
        let Some(app) = warm(stack).await else { continue };
        let (reply, sent) = counter.count(app.anon().sign_up(ADA)).await;
        reply.ok();
        assert_at_most(6, &sent, stack, "signing up");
    }
}

/// A sign-in says by its statements when it hashes: the one long pause lies between what it reads and what it writes,
/// and nothing is sent in it, for the statements are those of the budget.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_while_a_password_is_hashed() {
    let counter = counter().await;
    let dear = HashConfig::insecure_fast_for_tests().memory_kib(64 * 1024).iterations(4);
    for stack in STACKS {
        let Some(app) = warm(stack).await else { continue };
        drop(app);
        let password = password_config().hash(dear.clone());
        let app = stack.app_with(|builder| builder.password(password)).await;
        let (_, sent) = counter.count(app.signed_up(ADA)).await;
        // Before the first statement of a sign-up everything is hashed.
        assert!(sent.len() <= 6, "{stack:?}: {sent:?}");
        for (password, statements) in [(PASSWORD, 6), ("wrong", 3)] {
            let (_, sent) = counter.count(app.anon().sign_in(ADA, password)).await;
            assert_eq!(sent.len(), statements, "{stack:?}: {sent:?}");
            let pauses = sent.windows(2).map(|pair| pair[1].begun.saturating_duration_since(pair[0].ended));
            let (longest, _) = pauses.enumerate().max_by_key(|(_, pause)| *pause).unwrap();
            // After the counters were raised and the hash was read.
            assert_eq!(longest, 1, "{stack:?}: {sent:?}");
        }
    }
}
