//! What a guard costs a `GET`, and what a limit costs on top: a bare handler, a guarded one, and one that is guarded and
//! limited, through axum and actix-web, in one run. Sessions and buckets are in memory, so that no database hides the
//! difference.
//!
//! `cargo bench -p auth-tests --bench rate_limit`
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

use std::net::SocketAddr;
use std::time::Instant;

use actix_web::{App, test, web};
use auth_core::Auth;
use auth_core::limit::{Config, Quota};
use auth_core::password::SignUpEmail;
use auth_core::store::MemoryStore;
use auth_core::user::SignUp;
use auth_tests::builder;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, header};
use tower::ServiceExt;

/// Requests of one sample, and samples of each.
const REQUESTS: u32 = 5_000;
const ROUNDS: usize = 31;

/// What is compared, in this order.
const KINDS: [&str; 3] = ["bare", "guarded", "guarded and limited"];

/// An engine, and the token of somebody's session. The limit is never met.
async fn engine(limits: Config) -> (Auth, String) {
    let auth = builder().rate_limits(limits).store(MemoryStore::new()).build().unwrap();
    let cx = auth.background_cx();
    let SignUp { email, .. } = SignUp::new("ada@example.com".parse().unwrap(), "Ada");
    let sign_up = SignUpEmail::new(email, "Ada", auth_core::crypto::password_hash::Password::new(auth_tests::PASSWORD));
    let reply = auth.call(&cx, sign_up).await.unwrap();
    let token = reply.signed_in().unwrap().token.expose().to_owned();
    (auth, token)
}

fn limits() -> Config {
    Config::default().signed_in([Quota::new(u32::MAX, std::time::Duration::from_secs(3_600)).unwrap()])
}

async fn answer() -> &'static str {
    "ok"
}

async fn over_axum() -> [Vec<f64>; 3] {
    let guarded =
        |auth: &Auth| auth_axum::Router::new().route("/x", axum::routing::get(answer)).auth(auth.clone()).unwrap();
    let (plain, token) = engine(Config::default()).await;
    let (limited, other) = engine(limits()).await;
    let bare = axum::Router::new().route("/x", axum::routing::get(answer));
    let apps = [(bare, token.clone()), (guarded(&plain), token), (guarded(&limited), other)];
    let mut samples = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        for turn in 0..3 {
            // Whoever is always first could be favoured.
            let kind = (turn + round) % 3;
            let (app, token) = &apps[kind];
            let begun = Instant::now();
            for _ in 0..REQUESTS {
                let request = Request::get("/x").header(header::AUTHORIZATION, format!("Bearer {token}"));
                let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 50_000)));
                let request = request.extension(peer).body(Body::empty()).unwrap();
                let response = app.clone().oneshot(request).await.unwrap();
                assert!(response.status().is_success());
            }
            keep(&mut samples[kind], round, begun);
        }
    }
    samples
}

async fn over_actix() -> [Vec<f64>; 3] {
    let guarded =
        |auth: &Auth| auth_actix::Router::new().route("/x", web::get().to(answer)).auth(auth.clone()).unwrap();
    let (plain, token) = engine(Config::default()).await;
    let (limited, other) = engine(limits()).await;
    let bare = test::init_service(App::new().route("/x", web::get().to(answer))).await;
    let guarded_app = test::init_service(App::new().service(guarded(&plain))).await;
    let limited_app = test::init_service(App::new().service(guarded(&limited))).await;
    let mut samples = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        for turn in 0..3 {
            let kind = (turn + round) % 3;
            let token = if kind == 2 { &other } else { &token };
            let begun = Instant::now();
            for _ in 0..REQUESTS {
                let request = test::TestRequest::get()
                    .uri("/x")
                    .insert_header(("authorization", format!("Bearer {token}")))
                    .peer_addr(SocketAddr::from(([192, 0, 2, 1], 50_000)))
                    .to_request();
                let status = match kind {
                    0 => test::call_service(&bare, request).await.status(),
                    1 => test::call_service(&guarded_app, request).await.status(),
                    _ => test::call_service(&limited_app, request).await.status(),
                };
                assert!(status.is_success());
            }
            keep(&mut samples[kind], round, begun);
        }
    }
    samples
}

/// The first round warms up.
fn keep(samples: &mut Vec<f64>, round: usize, begun: Instant) {
    if round > 0 {
        samples.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS));
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn report(framework: &str, samples: &[Vec<f64>; 3]) {
    for (kind, taken) in KINDS.iter().zip(samples) {
        println!("| {framework} | {kind} | {:.2} µs |", median(taken.clone()));
    }
    let ratios = samples[2].iter().zip(&samples[1]).map(|(limited, guarded)| limited / guarded);
    println!("| {framework} | limited / guarded | {:.3} × |", median(ratios.collect()));
}

fn main() {
    println!("| framework | `GET` | median of one request |\n|---|---|---|");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    report("axum", &runtime.block_on(over_axum()));
    report("actix-web", &actix_web::rt::System::new().block_on(over_actix()));
}
