//! Everything that the library has for a SaaS back end, below `/api/auth`. The official Better Auth client drives it.
//!
//! `cargo run -p saas-actix`, then open <http://127.0.0.1:3000>. The same program with axum is `saas-axum`.

use actix_web::web::{self, Json, Query};
use actix_web::{App, HttpServer};
use auth_actix::{CurrentPrincipal, CurrentUser, Refusal, RequestCx, RouteExt, Router};
use auth_core::base::UserId;
use auth_core::guard::permission;
use auth_core::password::SignUpMode;
use auth_core::{
    Auth, anonymous, api_key, code, email_otp, magic_link, password, phone, retention, role, session, token, username,
};
use auth_sqlx::SqlStore;
use example_support::{Page, Settings, for_actix::demo_routes, stop_signal};
use serde::Deserialize;
use serde_json::{Value, json};

/// The role guard (namespace) of those who run the service.
const ADMIN: &str = "ADMIN";

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let settings = example_support::start("saas-actix");
    let auth = engine(&settings).await?;
    // Known before the first request; a later start may change what the role permits.
    role::define_role(&auth.background_cx(), ADMIN, "admin", ["reports:read"]).await?;
    tokio::spawn(retention::prune_regularly(auth.clone()));

    let demo = settings.demo;
    let with_demo = demo.is_some();
    let service = auth_actix::service(auth.clone(), move || routes(with_demo))?;
    let server =
        HttpServer::new(move || App::new().configure(demo_routes(demo.clone(), auth.clone())).service(service()));
    let server = server.listen(settings.listener?)?.shutdown_signal(stop_signal());
    println!("listening on {}", settings.address);
    Ok(server.run().await?)
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
fn routes(with_demo: bool) -> Router {
    let routes = Router::new()
        .route("/", web::get().to(async || Page::new("saas-actix", &["/me", "/reports", "/whoami"])).public())
        .route("/health", web::get().to(health).public())
        .route("/me", web::get().to(me))
        .route("/reports", web::get().to(reports).require(permission("reports:read")))
        .route("/whoami", web::get().to(whoami));
    if with_demo { routes.route("/__admin", web::get().to(make_admin).public()) } else { routes }
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
