//! The programs under load, in axum and in actix-web: the same routes, and the library's own endpoints.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use auth_core::account::Lockout;
use auth_core::base::{Clock, Secret, SystemClock};
use auth_core::crypto::jwt::Algorithm;
use auth_core::session::SessionCheck;
use auth_core::{Auth, limit, password};
use auth_sqlx::SqlStore;
use axum::routing::get;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqlitePool;
use sqlx::types::Uuid;

use crate::child;
use crate::tokens::{self, ByHand};

/// One look-up by hand: what somebody without a library would write.
pub(crate) const FLOOR: &str = "/floor";
/// The same answer from a guarded handler.
pub(crate) const GUARDED: &str = "/guarded";
/// An access token decoded by hand, and nothing looked up: what somebody without a library would write.
pub(crate) const DECODED: &str = "/decoded";
/// The same answer from a guarded handler that believes the token.
pub(crate) const BELIEVED: &str = "/believed";
/// The same answer to everybody.
pub(crate) const PUBLIC: &str = "/public";
pub(crate) const SIGN_IN: &str = "/api/auth/sign-in/email";

pub(crate) const WORKERS: usize = 2;

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Framework {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Actix => "actix-web",
        }
    }
}

impl FromStr for Framework {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Axum, Self::Actix].into_iter().find(|one| one.name() == text).ok_or_else(|| text.to_owned())
    }
}

#[derive(Serialize)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
}

impl Profile {
    pub(crate) fn of(user: &auth_core::guard::Principal) -> Self {
        let email = user.email.as_ref().map_or("", |email| email.as_str());
        Self { id: user.id.to_string(), email: email.to_owned(), name: user.display_name() }
    }

    pub(crate) fn of_nobody() -> Self {
        Self {
            id: "01890a5d00007000800000000000000f".to_owned(),
            email: "user1234@example.com".to_owned(),
            name: "User Number 1234".to_owned(),
        }
    }
}

/// Serves until the parent process goes away.
pub(crate) fn serve(framework: Framework, algorithm: Algorithm, database: &str) {
    match framework {
        Framework::Axum => block_on_workers(serve_axum(algorithm, database)),
        Framework::Actix => actix_web::rt::System::new().block_on(serve_actix(algorithm, database)),
    }
}

/// Runs a server of axum on as many threads as actix-web has workers.
pub(crate) fn block_on_workers(server: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(WORKERS).enable_all().build().unwrap().block_on(server);
}

/// The engine of every server over the database, and of whoever issues tokens for it.
pub(crate) async fn engine(algorithm: Algorithm, database: &str) -> (Auth, SqlitePool) {
    let store = SqlStore::connect(database).await.unwrap();
    let pool = store.sqlite_pool().unwrap().clone();
    // Counting attempts belongs to a sign-in; only the load's own address must not run into the limit.
    let lockout = Lockout::default().per_address(u32::MAX);
    let auth = Auth::builder()
        .base_url("http://127.0.0.1:3000")
        .secret(Secret::new(*b"only-for-this-benchmark:7Qz!mK4v"))
        .store(store)
        .role_guards(["PORTAL"])
        .lockout(lockout)
        // One client does all of it.
        .rate_limits(limit::Config::disabled_insecurely())
        .password(password::Config::default())
        .tokens(tokens::config(algorithm))
        .build()
        .unwrap();
    (auth, pool)
}

/// What handlers need that do without the library.
#[derive(Clone)]
struct Floor {
    pool: SqlitePool,
    by_hand: Arc<ByHand>,
}

impl Floor {
    async fn of(auth: &Auth, pool: SqlitePool, algorithm: Algorithm) -> Self {
        Self { pool, by_hand: Arc::new(ByHand::new(auth, algorithm).await) }
    }
}

/// The session and its user, judged by the database: by hand, one would do no more.
async fn look_up(pool: &SqlitePool, authorization: Option<&str>) -> Option<Profile> {
    let token = authorization?.strip_prefix("Bearer ")?;
    let hash = Sha256::new().chain_update(b"session\0").chain_update(token).finalize();
    let row: (Uuid, String, String) = sqlx::query_as(
        "SELECT u.id, u.email, u.name FROM auth_session s JOIN auth_user u ON u.id = s.user_id \
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL",
    )
    .bind(hash.as_slice())
    .bind(SystemClock.now().as_micros())
    .fetch_optional(pool)
    .await
    .unwrap()?;
    Some(Profile { id: row.0.simple().to_string(), email: row.1, name: row.2 })
}

async fn serve_axum(algorithm: Algorithm, database: &str) {
    use auth_axum::{CurrentUser, RouteExt, Router};
    use axum::Json;
    use axum::extract::State;
    use http::{HeaderMap, StatusCode, header};

    fn authorization(headers: &HeaderMap) -> Option<&str> {
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
    }

    async fn floor(State(floor): State<Floor>, headers: HeaderMap) -> Result<Json<Profile>, StatusCode> {
        look_up(&floor.pool, authorization(&headers)).await.map(Json).ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn decoded(State(floor): State<Floor>, headers: HeaderMap) -> Result<Json<Profile>, StatusCode> {
        floor.by_hand.decode(authorization(&headers)).map(Json).ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn guarded(user: CurrentUser) -> Json<Profile> {
        Json(Profile::of(&user))
    }

    async fn public() -> Json<Profile> {
        Json(Profile::of_nobody())
    }

    let (auth, pool) = engine(algorithm, database).await;
    let by_hand = Floor::of(&auth, pool, algorithm).await;
    let ours = Router::new()
        .route(GUARDED, get(guarded))
        .route(BELIEVED, get(guarded).session_check(SessionCheck::Stateless))
        .route(PUBLIC, get(public).public())
        .auth(auth)
        .unwrap();
    let app = axum::Router::new().route(FLOOR, get(floor)).route(DECODED, get(decoded)).with_state(by_hand).merge(ours);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    child::announce(listener.local_addr().unwrap(), &[]);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
}

async fn serve_actix(algorithm: Algorithm, database: &str) {
    use actix_web::web::{self, Data, Json};
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
    use auth_actix::{CurrentUser, RouteExt, Router};

    fn authorization(request: &HttpRequest) -> Option<&str> {
        request.headers().get("authorization").and_then(|value| value.to_str().ok())
    }

    fn answer(profile: Option<Profile>) -> HttpResponse {
        match profile {
            Some(profile) => HttpResponse::Ok().json(profile),
            None => HttpResponse::Unauthorized().finish(),
        }
    }

    async fn floor(floor: Data<Floor>, request: HttpRequest) -> HttpResponse {
        answer(look_up(&floor.pool, authorization(&request)).await)
    }

    async fn decoded(floor: Data<Floor>, request: HttpRequest) -> HttpResponse {
        answer(floor.by_hand.decode(authorization(&request)))
    }

    async fn guarded(user: CurrentUser) -> Json<Profile> {
        Json(Profile::of(&user))
    }

    async fn public() -> Json<Profile> {
        Json(Profile::of_nobody())
    }

    let (auth, pool) = engine(algorithm, database).await;
    let by_hand = Data::new(Floor::of(&auth, pool, algorithm).await);
    let server = HttpServer::new(move || {
        let routes = Router::new()
            .route(GUARDED, web::get().to(guarded))
            .route(BELIEVED, web::get().to(guarded).session_check(SessionCheck::Stateless))
            .route(PUBLIC, web::get().to(public).public())
            .auth(auth.clone())
            .unwrap();
        let app = App::new().app_data(by_hand.clone());
        app.route(FLOOR, web::get().to(floor)).route(DECODED, web::get().to(decoded)).service(routes)
    });
    let server = server.workers(WORKERS).bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    child::announce(server.addrs()[0], &[]);
    server.run().await.unwrap();
}
