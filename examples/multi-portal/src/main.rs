//! One user base and three front ends: staff work in an admin console, members of a tenant in its portal, customers in
//! a mobile app. Each front end has a role guard, and whoever signs in there must hold a role of it.
//!
//! ```sh
//! export JWT_SECRET=$(openssl rand -base64 32)
//! export ADMIN_URL=https://admin.example.com PORTAL_URL=https://app.example.com
//! DEMO=1 cargo run -p multi-portal      # with a few people to try it with; then open http://127.0.0.1:3000
//! ```
//!
//! [`recipe`] is the policy, written as hooks; `auth_core::portal::MultiPortal` is much the same ready made.
//! [`accounts`] and [`staff`] are the routes, [`refusals`] the form of every error.

mod accounts;
mod fixture;
mod input;
mod recipe;
mod refusals;
mod settings;
mod staff;

use std::net::SocketAddr;

use auth_axum::{AuthLayer, Refusal, RouteExt, Router};
use auth_core::error::Code;
use auth_core::guard::{Tenancy, any_role_in, public, role};
use auth_core::http::CredentialSource;
use auth_core::portal::AtOrigin;
use auth_core::{Auth, ConfigErrors, password, retention, session};
use auth_sqlx::SqlStore;
use axum::Json;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};
use example_support::{Page, Settings, for_axum::demo_routes, start_with, stop_signal};
use serde_json::{Value, json};

use crate::recipe::Recipe;
use crate::refusals::FlatErrors;
use crate::settings::Portals;

/// The role guards (namespaces of roles), one for each front end.
pub(crate) const ADMIN: &str = "ADMIN";
pub(crate) const PORTAL: &str = "PORTAL";
pub(crate) const FRONTEND: &str = "FRONTEND";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (settings, portals) = start_with("multi-portal", settings::portals);
    let auth = engine(&settings, &portals).await?;
    fixture::seed_roles(&auth).await?;
    if settings.demo.is_some() {
        fixture::seed_people(&auth).await?;
    }
    tokio::spawn(retention::prune_regularly(auth.clone()));

    let limit = DefaultBodyLimit::max(auth.body_limit());
    let app = routes().auth(auth.clone())?.merge(demo_routes(settings.demo, &auth)).fallback_service(nothing(auth)?);
    let app = app.layer(limit);
    let listener = tokio::net::TcpListener::from_std(settings.listener?)?;
    let stop = stop_signal();
    println!("listening on {}", settings.address);
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    Ok(server.with_graceful_shutdown(stop).await?)
}

async fn engine(settings: &Settings, portals: &Portals) -> anyhow::Result<Auth> {
    let store = SqlStore::connect(&settings.database_url).await?;
    auth_sqlx::migrate(&store).await?;
    let auth = Auth::builder()
        .base_url(portals.base_url(settings))
        .trusted_origins(portals.trusted_origins(settings))
        .secret(settings.secret.clone())
        .trusted_proxies(settings.trusted_proxies.clone())
        .store(store)
        .role_guards([ADMIN, PORTAL, FRONTEND])
        .tenancy(Tenancy::shared())
        // Staff are staff at the admin console alone.
        .platform_access(AtOrigin::new(&portals.admin_url))
        .hooks(Recipe::new(portals))
        .session(session::Config::default().max_per_user(10))
        .lockout(settings.lockout)
        .rate_limits(settings.rate_limits.clone())
        .password(password::Config::default())
        .tokens(portals.tokens())
        .credentials([CredentialSource::Bearer, CredentialSource::AccessTokenCookie])
        .error_renderer(FlatErrors)
        .clock(settings.clock())
        .build()?;
    Ok(auth)
}

/// Who may reach what. A route that says nothing is for whoever is signed in.
fn routes() -> Router {
    Router::new()
        .route("/", get(async || Page::of("multi-portal", include_str!("page.html"))).public())
        .route("/health", get(health).public())
        .route("/auth/signup", post(accounts::sign_up).public())
        .route("/auth/login", post(accounts::log_in).public())
        .route("/auth/refresh-token", post(accounts::refresh).public())
        .route("/auth/logout", post(accounts::log_out).public())
        .route("/auth/csrf", get(accounts::csrf).public())
        .route("/auth/logout-all", post(accounts::log_out_everywhere).public())
        .route("/auth/me", get(accounts::me))
        .route("/auth/change-password", post(accounts::change_password))
        .route("/auth/sessions", get(accounts::sessions))
        .route("/auth/sessions/{id}", delete(accounts::end_session))
        .route("/staff", post(staff::set_roles).require(role("super_admin").in_guard(ADMIN)))
        .route("/staff/users/{id}/sessions/{sid}", delete(staff::end_session).require(any_role_in(ADMIN)))
        .route("/staff-area", get(area).require(any_role_in(ADMIN)))
        .route("/staff-area/admin", get(area).require(role("admin").in_guard(ADMIN)))
        .route("/portal-area", get(area).require(any_role_in(PORTAL)))
        .route("/shop-area", get(area).require(any_role_in(FRONTEND)))
}

/// Whatever else is asked for is refused in the same form.
fn nothing(auth: Auth) -> Result<axum::Router, ConfigErrors> {
    let nothing = async || Refusal(Code::NotFound.into());
    Ok(axum::Router::new().fallback(nothing).layer(AuthLayer::new(auth, public())?))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// What is behind a door that a role has opened.
async fn area(user: auth_axum::CurrentUser) -> Json<Value> {
    Json(json!({ "welcome": user.display_name() }))
}
