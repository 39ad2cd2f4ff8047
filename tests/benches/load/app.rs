//! The programs under load, in axum and in actix-web: the same three routes, and the library's own endpoints.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use auth_core::base::{Clock, Secret, SystemClock};
use auth_core::{Auth, password};
use auth_sqlx::SqlStore;
use axum::routing::get;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqlitePool;
use sqlx::types::Uuid;

use crate::child;

/// One look-up by hand: what somebody without a library would write.
pub(crate) const FLOOR: &str = "/floor";
/// The same answer from a guarded handler.
pub(crate) const GUARDED: &str = "/guarded";
/// The same answer to everybody.
pub(crate) const PUBLIC: &str = "/public";
pub(crate) const SIGN_IN: &str = "/api/auth/sign-in/email";

const WORKERS: usize = 2;

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
struct Profile {
    id: String,
    email: String,
    name: String,
}

impl Profile {
    fn of(user: &auth_core::guard::Principal) -> Self {
        let email = user.email.as_ref().map_or("", |email| email.as_str());
        Self { id: user.id.to_string(), email: email.to_owned(), name: user.display_name() }
    }

    fn of_nobody() -> Self {
        Self {
            id: "01890a5d00007000800000000000000f".to_owned(),
            email: "user1234@example.com".to_owned(),
            name: "User Number 1234".to_owned(),
        }
    }
}

/// Serves until the parent process goes away.
pub(crate) fn serve(framework: Framework, database: &str) {
    match framework {
        Framework::Axum => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(WORKERS).enable_all().build().unwrap().block_on(serve_axum(database));
        }
        Framework::Actix => actix_web::rt::System::new().block_on(serve_actix(database)),
    }
}

async fn engine(database: &str) -> (Auth, SqlitePool) {
    let store = SqlStore::connect(database).await.unwrap();
    let pool = store.sqlite_pool().unwrap().clone();
    // Counting attempts belongs to a sign-in; only the load's own address must not run into the limit.
    let lockout = password::Lockout::default().per_address(u32::MAX);
    let auth = Auth::builder()
        .base_url("http://127.0.0.1:3000")
        .secret(Secret::new(*b"only-for-this-benchmark:7Qz!mK4v"))
        .store(store)
        .role_guards(["PORTAL"])
        .password(password::Config::default().lockout(lockout))
        .build()
        .unwrap();
    (auth, pool)
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

async fn serve_axum(database: &str) {
    use auth_axum::{CurrentUser, RouteExt, Router};
    use axum::Json;
    use axum::extract::State;
    use http::{HeaderMap, StatusCode, header};

    async fn floor(State(pool): State<SqlitePool>, headers: HeaderMap) -> Result<Json<Profile>, StatusCode> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        look_up(&pool, authorization).await.map(Json).ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn guarded(user: CurrentUser) -> Json<Profile> {
        Json(Profile::of(&user))
    }

    async fn public() -> Json<Profile> {
        Json(Profile::of_nobody())
    }

    let (auth, pool) = engine(database).await;
    let ours = Router::new().route(GUARDED, get(guarded)).route(PUBLIC, get(public).public()).auth(auth).unwrap();
    let app = axum::Router::new().route(FLOOR, get(floor)).with_state(pool).merge(ours);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    child::announce(listener.local_addr().unwrap());
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
}

async fn serve_actix(database: &str) {
    use actix_web::web::{self, Data, Json};
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
    use auth_actix::{CurrentUser, RouteExt, Router};

    async fn floor(pool: Data<SqlitePool>, request: HttpRequest) -> HttpResponse {
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        match look_up(&pool, authorization).await {
            Some(profile) => HttpResponse::Ok().json(profile),
            None => HttpResponse::Unauthorized().finish(),
        }
    }

    async fn guarded(user: CurrentUser) -> Json<Profile> {
        Json(Profile::of(&user))
    }

    async fn public() -> Json<Profile> {
        Json(Profile::of_nobody())
    }

    let (auth, pool) = engine(database).await;
    let server = HttpServer::new(move || {
        let routes = Router::new()
            .route(GUARDED, web::get().to(guarded))
            .route(PUBLIC, web::get().to(public).public())
            .auth(auth.clone())
            .unwrap();
        App::new().app_data(Data::new(pool.clone())).route(FLOOR, web::get().to(floor)).service(routes)
    });
    let server = server.workers(WORKERS).bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    child::announce(server.addrs()[0]);
    server.run().await.unwrap();
}
