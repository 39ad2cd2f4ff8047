//! Bring your own authentication: somebody else signs people in and gives them tokens, and this program keeps the
//! projects of their organisations apart.
//!
//! With a secret that is shared with whoever issues the tokens:
//!
//! ```sh
//! export JWT_SECRET=$(openssl rand -base64 32)
//! cargo run -p byo-auth                                    # then open http://127.0.0.1:3000
//! sh examples/byo-auth/token.sh ada@example.com acme       # a token to try it with
//! ```
//!
//! With an issuer that publishes its keys, such as Auth0 or Keycloak: `AUTH_ISSUER=https://… AUTH_AUDIENCE=…`, see
//! [`settings`]. Nothing else changes: no handler knows who issued a token. Programs come with an API key of their
//! organisation instead, in the header `x-api-key`.

mod input;
mod keys;
mod permissions;
mod projects;
mod settings;

use std::collections::BTreeSet;

use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpServer};
use auth_actix::{CurrentPrincipal, RouteExt, Router, Tenant};
use auth_core::guard::{Tenancy, TenantRequirement, any, permission};
use auth_core::http::CredentialSource;
use auth_core::issuer::{ExternalIssuers, VerifierChain};
use auth_core::{Auth, api_key, retention};
use auth_sqlx::SqlStore;
use example_support::{Page, Settings, for_actix::demo_routes, start_with, stop_signal};
use serde_json::{Value, json};

use crate::projects::Projects;

/// The role guard (namespace) that the roles of tokens live in.
const ISSUER: &str = "ISSUER";

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let (settings, trusted) = start_with("byo-auth", settings::trusted_tokens);
    let auth = engine(&settings, trusted).await?;
    tokio::spawn(retention::prune_regularly(auth.clone()));

    let (demo, projects, cx) = (settings.demo, Data::new(Projects::default()), auth.background_cx());
    let service = auth_actix::service(auth.clone(), routes)?;
    let server = HttpServer::new(move || {
        App::new().app_data(projects.clone()).configure(demo_routes(demo.clone(), auth.clone())).service(service())
    });
    let server = server.listen(settings.listener?)?.shutdown_signal(stop_signal());
    println!("listening on {}", settings.address);
    server.run().await?;
    // How often keys were used is written down now and then, and at the end.
    Ok(api_key::write_usage(&cx).await?)
}

async fn engine(settings: &Settings, trusted: VerifierChain) -> anyhow::Result<Auth> {
    let store = SqlStore::connect(&settings.database_url).await?;
    auth_sqlx::migrate(&store).await?;
    let auth = Auth::builder()
        .base_url(&settings.base_url)
        .trusted_origins(&settings.trusted_origins)
        .secret(settings.secret.clone())
        .trusted_proxies(settings.trusted_proxies.clone())
        .store(store)
        .role_guards([ISSUER])
        .issuers(ExternalIssuers::from(trusted).role_guard(ISSUER))
        // Nobody signs in here, so that there are no sessions and no cookies.
        .credentials([CredentialSource::Bearer, CredentialSource::ApiKey])
        // Whoever comes without an organisation is nobody: 401, and the answer does not tell why.
        .tenancy(Tenancy::default().require(TenantRequirement::RequiredInToken))
        .api_keys(keys::config())
        .clock(settings.clock())
        .build()?;
    Ok(auth)
}

/// Who may reach what. A route that says nothing is for whoever proves who they are.
fn routes() -> Router {
    let [read, write, manage] = [permissions::READ, permissions::WRITE, permissions::MANAGE_KEYS].map(permission);
    let delete = any([write.clone(), permission(permissions::DELETE)]);
    Router::new()
        .route("/", web::get().to(async || Page::of("byo-auth", include_str!("page.html"))).public())
        .route("/health", web::get().to(health).public())
        .route("/public/ping", web::get().to(ping).public())
        .route("/me", web::get().to(me))
        .route("/projects", web::get().to(projects::list).require(read.clone()))
        .route("/projects", web::post().to(projects::create).require(write.clone()))
        .route("/projects/{id}", web::get().to(projects::find).require(read))
        .route("/projects/{id}", web::put().to(projects::rename).require(write))
        .route("/projects/{id}", web::delete().to(projects::remove).require(delete))
        .route("/keys", web::post().to(keys::create).require(manage.clone()))
        .route("/keys", web::get().to(keys::list).require(manage.clone()))
        .route("/keys/{id}", web::delete().to(keys::revoke).require(manage))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn ping() -> Json<Value> {
    Json(json!({ "pong": true }))
}

async fn me(caller: CurrentPrincipal, organization: Tenant) -> Json<Value> {
    let roles: BTreeSet<&str> = caller.roles.iter().map(|role| &*role.name).collect();
    // A key speaks for its organisation, in the name of whoever made it.
    let maker = keys::maker_of(caller.authentication().api_key()).cloned();
    Json(json!({
        "id": maker.unwrap_or_else(|| json!(caller.id)),
        "email": caller.email,
        "organizationId": organization.id(),
        "roles": roles,
    }))
}
