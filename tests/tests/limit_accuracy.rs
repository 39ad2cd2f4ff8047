//! A limit holds under load, to the last place: fifty who ask ten thousand times each get a hundred answers together.
//!
//! Over databases each of them asks a thousand times unless `LIMIT_REQUESTS` says otherwise: a refusal is a question to
//! the database there.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::env;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use auth_core::error::Code;
use auth_core::guard::AccessRule;
use auth_core::http::enforce;
use auth_core::limit::{Config, Quota, RateLimit, RateLimitKey};
use auth_core::{Auth, RequestInfo};
use auth_tests::{Stack, StoreKind, TransportKind};
use http::{HeaderMap, Method};

const ASKERS: usize = 50;
const LIMIT: u32 = 100;

fn requests(default: usize) -> usize {
    env::var("LIMIT_REQUESTS").map_or(default, |text| text.parse().unwrap())
}

/// How many of a client's requests come through, and how many are refused.
async fn ask(auth: &Auth, rule: &AccessRule, requests: usize) -> (usize, usize) {
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..requests {
        let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let cx = auth.cx(RequestInfo::new(Method::GET, "/prices", HeaderMap::new(), Some(peer)));
        match enforce(&cx, rule, Ok(Vec::new())).await {
            Ok(()) => passed += 1,
            Err(error) if error.is(Code::TooManyRequests) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
        // Others have their turn.
        tokio::task::yield_now().await;
    }
    (passed, refused)
}

async fn exactly_the_limit_passes(kind: StoreKind, config: Config, requests: usize) {
    if !kind.is_available().await {
        return;
    }
    let stack = Stack { transport: TransportKind::Core, store: kind };
    // The clock of tests stands still: all of it is one window.
    let app = stack.app_with(|builder| builder.rate_limits(config)).await;
    let quotas = [Quota::per_minute(LIMIT).unwrap(), Quota::per_hour(10 * LIMIT).unwrap()];
    let rule = Arc::new(AccessRule::default().public().rate_limit(RateLimit::per(RateLimitKey::Client, quotas)));
    let begun = Instant::now();
    let askers = (0..ASKERS).map(|_| {
        let (auth, rule) = (app.auth().clone(), Arc::clone(&rule));
        tokio::spawn(async move { ask(&auth, &rule, requests).await })
    });
    let (mut passed, mut refused) = (0, 0);
    for asker in askers.collect::<Vec<_>>() {
        let counted = asker.await.unwrap();
        (passed, refused) = (passed + counted.0, refused + counted.1);
    }
    println!("{kind:?}: {} requests, {passed} passed, {:.1} s", passed + refused, begun.elapsed().as_secs_f64());
    assert_eq!((passed, refused), (LIMIT as usize, ASKERS * requests - LIMIT as usize));
}

/// Fifty threads, and not fifty tasks on two.
#[tokio::test(flavor = "multi_thread", worker_threads = 50)]
async fn in_memory() {
    exactly_the_limit_passes(StoreKind::Memory, Config::default(), requests(10_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 50)]
async fn in_the_store_of_tests() {
    exactly_the_limit_passes(StoreKind::Memory, Config::default().in_database(), requests(1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 50)]
async fn in_sqlite() {
    exactly_the_limit_passes(StoreKind::SqliteFile, Config::default().in_database(), requests(1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 50)]
async fn in_postgres() {
    exactly_the_limit_passes(StoreKind::Postgres, Config::default().in_database(), requests(1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 50)]
async fn in_mariadb() {
    exactly_the_limit_passes(StoreKind::Mariadb, Config::default().in_database(), requests(1_000)).await;
}
