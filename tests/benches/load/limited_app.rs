//! The programs under load that have sessions and buckets in memory: no database hides what a guard and a limit cost.

use std::net::{Ipv4Addr, SocketAddr};

use auth_core::Auth;
use auth_core::crypto::password_hash::Password;
use auth_core::limit::{self, Quota, RateLimit, RateLimitKey};
use auth_core::password::SignUpEmail;
use auth_core::store::MemoryStore;
use auth_core::user::SignUp;
use axum::routing::get;

use crate::app::{Framework, GUARDED, Profile, WORKERS, block_on_workers};
use crate::child;

/// A handler that the library knows nothing of.
pub(crate) const BARE: &str = "/bare";
/// A guarded handler whose callers are counted, and never refused.
pub(crate) const LIMITED: &str = "/limited";

/// Several times as many as there are connections, so that two requests seldom meet in one bucket.
pub(crate) const CALLERS: usize = 100;

/// Serves until the parent process goes away.
pub(crate) fn serve(framework: Framework) {
    match framework {
        Framework::Axum => block_on_workers(serve_axum()),
        Framework::Actix => actix_web::rt::System::new().block_on(serve_actix()),
    }
}

/// An engine, and the token of a session of each caller.
async fn engine() -> (Auth, Vec<String>) {
    // The limits of the test engines are off, whatever a route says.
    let builder = auth_tests::builder().rate_limits(limit::Config::default());
    let auth = builder.store(MemoryStore::new()).build().unwrap();
    let cx = auth.background_cx();
    let mut tokens = Vec::with_capacity(CALLERS);
    for number in 0..CALLERS {
        let name = format!("User Number {number}");
        let email = format!("user{number}@example.com").parse().unwrap();
        let SignUp { email, .. } = SignUp::new(email, name.as_str());
        let sign_up = SignUpEmail::new(email, name, Password::new(auth_tests::PASSWORD));
        let reply = auth.call(&cx, sign_up).await.unwrap();
        tokens.push(reply.signed_in().unwrap().token.expose().to_owned());
    }
    (auth, tokens)
}

/// One that is counted as any other, and far from being met.
fn never_met() -> RateLimit {
    RateLimit::per(RateLimitKey::Caller, [Quota::per_hour(1_000_000_000).unwrap()])
}

async fn serve_axum() {
    use auth_axum::{CurrentUser, RouteExt, Router};
    use axum::Json;

    async fn bare() -> Json<Profile> {
        Json(Profile::of_nobody())
    }

    async fn guarded(user: CurrentUser) -> Json<Profile> {
        Json(Profile::of(&user))
    }

    let (auth, tokens) = engine().await;
    let ours = Router::new()
        .route(GUARDED, get(guarded))
        .route(LIMITED, get(guarded).rate_limit(never_met()))
        .auth(auth)
        .unwrap();
    let app = axum::Router::new().route(BARE, get(bare)).merge(ours);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    child::announce(listener.local_addr().unwrap(), &tokens);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
}

async fn serve_actix() {
    use actix_web::web::{self, Json};
    use actix_web::{App, HttpServer};
    use auth_actix::{CurrentUser, RouteExt, Router};

    async fn bare() -> Json<Profile> {
        Json(Profile::of_nobody())
    }

    async fn guarded(user: CurrentUser) -> Json<Profile> {
        Json(Profile::of(&user))
    }

    let (auth, tokens) = engine().await;
    let server = HttpServer::new(move || {
        let routes = Router::new()
            .route(GUARDED, web::get().to(guarded))
            .route(LIMITED, web::get().to(guarded).rate_limit(never_met()))
            .auth(auth.clone())
            .unwrap();
        App::new().route(BARE, web::get().to(bare)).service(routes)
    });
    let server = server.workers(WORKERS).bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    child::announce(server.addrs()[0], &tokens);
    server.run().await.unwrap();
}
