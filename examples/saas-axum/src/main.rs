//! Everything that the library has for a SaaS back end, below `/api/auth`. The official Better Auth client drives it.
//!
//! `cargo run -p saas-axum`, then open <http://127.0.0.1:3000>. The same program with actix-web is `saas-actix`.

use std::net::SocketAddr;

use auth_axum::{CurrentPrincipal, CurrentUser, Refusal, RequestCx, RouteExt, Router};
use auth_core::base::UserId;
use auth_core::guard::permission;
use auth_core::password::SignUpMode;
use auth_core::{
    Auth, anonymous, api_key, code, email_otp, magic_link, password, phone, retention, role, session, token, username,
};
use auth_sqlx::SqlStore;
use axum::Json;
use axum::extract::Query;
use axum::routing::get;
use example_support::{Demo, Page, Settings, for_axum::demo_routes, stop_signal};
use serde::Deserialize;
use serde_json::{Value, json};

/// The role guard (namespace) of those who run the service.
const ADMIN: &str = "ADMIN";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = example_support::start("saas-axum");
    let auth = engine(&settings).await?;
    // Known before the first request; a later start may change what the role permits.
    role::define_role(&auth.background_cx(), ADMIN, "admin", ["reports:read"]).await?;
    tokio::spawn(retention::prune_regularly(auth.clone()));

    let app = routes(settings.demo.as_ref()).auth(auth.clone())?.merge(demo_routes(settings.demo, &auth));
    let listener = tokio::net::TcpListener::from_std(settings.listener?)?;
    let stop = stop_signal();
    println!("listening on {}", settings.address);
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    Ok(server.with_graceful_shutdown(stop).await?)
}

async fn engine(settings: &Settings) -> anyhow::Result<Auth> {
    let store = SqlStore::connect(&settings.database_url).await?;
    auth_sqlx::migrate(&store).await?;
    let auth = Auth::builder()
        .base_url(&settings.base_url)
        .trusted_origins(&settings.trusted_origins)
        .secret(settings.secret.clone())
        .trusted_proxies(settings.trusted_proxies.clone())
        .store(store)
        .mailer(settings.mailer.clone())
        .outbox(settings.outbox())
        .role_guards([ADMIN])
        .session(session::Config::default().several_per_browser(5))
        .lockout(settings.lockout)
        .rate_limits(settings.rate_limits.clone())
        .password(password::Config::default())
        .magic_links(magic_link::Config::default())
        .email_otps(email_otp::Config::default())
        .usernames(username::Config::default())
        .anonymous(anonymous::Config::default())
        .tokens(token::Config::default())
        .one_time_tokens(code::OneTimeTokens::default())
        .api_keys(api_key::Config::default())
        .clock(settings.clock());
    // Text messages need a contract with somebody; the demonstration shows them in its outbox.
    let auth = match &settings.demo {
        Some(demo) => auth.sms(demo.clone()).phone_numbers(phone::Config::default().sign_up(SignUpMode::Open)),
        None => auth,
    };
    Ok(auth.build()?)
}

/// Who may reach what. A route that says nothing is for whoever is signed in.
fn routes(demo: Option<&Demo>) -> Router {
    let routes = Router::new()
        .route("/", get(async || Page::new("saas-axum", &["/me", "/reports", "/whoami"])).public())
        .route("/health", get(health).public())
        .route("/me", get(me))
        .route("/reports", get(reports).require(permission("reports:read")))
        .route("/whoami", get(whoami));
    match demo {
        Some(_) => routes.route("/__admin", get(make_admin).public()),
        None => routes,
    }
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn me(user: CurrentUser) -> Json<Value> {
    Json(json!({ "id": user.id, "email": user.email, "name": user.name }))
}

async fn reports() -> Json<Value> {
    Json(json!([{ "month": "2026-01", "revenue": 42 }]))
}

async fn whoami(caller: CurrentPrincipal) -> Json<Value> {
    Json(json!({
        "kind": caller.kind,
        "id": caller.id,
        "tenant": caller.tenant,
        "method": caller.method,
        "roles": caller.roles,
        "permissions": caller.permissions,
    }))
}

#[derive(Deserialize)]
struct NewAdmin {
    id: UserId,
}

/// `DEMO=1` only: anybody makes anybody an admin.
async fn make_admin(cx: RequestCx, Query(new): Query<NewAdmin>) -> Result<Json<Value>, Refusal> {
    role::grant_role(&cx, new.id, ADMIN, "admin").await?;
    Ok(Json(json!({ "status": true })))
}
