//! The smallest complete program: sign up and in with e-mail and password, a route for whoever is signed in, and one
//! for holders of a role. `cargo run -p minimal-axum`, then open <http://127.0.0.1:3000>.
//!
//! Somebody who has signed up becomes an admin by `cargo run -p minimal-axum make-admin ada@example.com`.

use std::net::SocketAddr;

use anyhow::Context;
use auth_axum::{CurrentUser, RequireRole, RouteExt, Router};
use auth_core::guard::RoleName;
use auth_core::user::user_by_email;
use auth_core::{Auth, password, role};
use auth_sqlx::SqlStore;
use axum::Json;
use axum::routing::get;
use example_support::{Page, for_axum::demo_routes, stop_signal};
use serde_json::{Value, json};

/// Who may see `/admin`.
struct Admin;

impl RoleName for Admin {
    const GUARD: &'static str = "APP";
    const NAME: &'static str = "admin";
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = example_support::start("minimal-axum");
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
        .role_guards([Admin::GUARD])
        .lockout(settings.lockout)
        .rate_limits(settings.rate_limits.clone())
        .password(password::Config::default())
        .clock(settings.clock())
        .build()?;
    role::define_role(&auth.background_cx(), Admin::GUARD, Admin::NAME, []).await?;
    match &*std::env::args().skip(1).collect::<Vec<_>>() {
        [] => {}
        [command, email] if command == "make-admin" => return make_admin(&auth, email).await,
        _ => anyhow::bail!("the only command is `make-admin <e-mail>`"),
    }

    let app = Router::new()
        .route("/", get(async || Page::new("minimal-axum", &["/me", "/admin"])).public())
        .route("/health", get(health).public())
        .route("/me", get(me))
        .route("/admin", get(admin))
        .auth(auth.clone())?
        .merge(demo_routes(settings.demo, &auth));
    let listener = tokio::net::TcpListener::from_std(settings.listener?)?;
    let stop = stop_signal();
    println!("listening on {}", settings.address);
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    Ok(server.with_graceful_shutdown(stop).await?)
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn me(user: CurrentUser) -> Json<Value> {
    Json(json!({ "id": user.id, "email": user.email, "name": user.name }))
}

async fn admin(_: RequireRole<Admin>, user: CurrentUser) -> String {
    format!("Hello, {}. You are an admin.", user.display_name())
}

async fn make_admin(auth: &Auth, email: &str) -> anyhow::Result<()> {
    let cx = auth.background_cx();
    let user = user_by_email(&cx, &email.parse()?).await?.context("nobody has signed up with this address")?;
    role::grant_role(&cx, user.id, Admin::GUARD, Admin::NAME).await?;
    Ok(())
}
