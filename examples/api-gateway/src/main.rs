//! The edge of an API: a permission opens each route, and a policy behind it says what the business allows. Whoever calls
//! too often waits.
//!
//! ```sh
//! JWT_SECRET=$(openssl rand -base64 32) DEMO=1 cargo run -p api-gateway    # then open http://127.0.0.1:3000
//! ```
//!
//! With `DEMO=1` there are `alice@example.com`, who may read and create users, `bob@`, who may read them, `ops@`, who
//! processes orders, and `root@`, who may delete users. The password of all is `Correct-Horse-9`.
//!
//! Access tokens are believed until they expire, whether this program, another one with the same secret, or Auth0 has
//! signed them: see [`settings`]. Start reading at [`routes`].

mod accounts;
mod bodies;
mod fixture;
mod orders;
mod settings;
mod users;

use actix_web::web::{self, Json};
use actix_web::{App, HttpServer, Route};
use auth_actix::{AuthLayer, Protected, Refusal, RequestContext, RouteExt, Router};
use auth_core::error::Code;
use auth_core::guard::{BusinessHours, PolicyExt, all, not_yourself, owner_or, permission, public, signed_in};
use auth_core::limit::{Quota, RateLimit, RateLimitKey};
use auth_core::role::{PermissionGrammar, PermissionRules};
use auth_core::session::SessionCheck;
use auth_core::{Auth, password, retention};
use auth_sqlx::SqlStore;
use example_support::{Page, Settings, for_actix::demo_routes, start_with, stop_signal};
use serde_json::{Value, json};

use crate::settings::Gateway;
use crate::users::Account;

/// The role guard (namespace) of everybody's roles.
const API: &str = "API";

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let (settings, gateway) = start_with("api-gateway", settings::gateway);
    let auth = engine(&settings, gateway).await?;
    fixture::seed_roles(&auth).await?;
    if settings.demo.is_some() {
        fixture::seed_people(&auth).await?;
    }
    tokio::spawn(retention::prune_regularly(auth.clone()));

    let (hours, imports) = (BusinessHours::between(9, 17)?, Quota::per_hour(10)?);
    let service = auth_actix::service(auth.clone(), move || routes(hours.clone(), imports))?;
    let nothing = AuthLayer::new(auth.clone(), public())?;
    let demo = settings.demo;
    let server = HttpServer::new(move || {
        App::new()
            .configure(demo_routes(demo.clone(), auth.clone()))
            .service(service())
            .default_service(web::to(nowhere).wrap(nothing.clone()))
    });
    let server = server.listen(settings.listener?)?.shutdown_signal(stop_signal());
    println!("listening on {}", settings.address);
    Ok(server.run().await?)
}

async fn engine(settings: &Settings, Gateway { config, environment }: Gateway) -> anyhow::Result<Auth> {
    let store = SqlStore::connect(&settings.database_url).await?;
    auth_sqlx::migrate(&store).await?;
    let limits = settings.rate_limits.clone();
    let auth = Auth::builder()
        .gateway(config)
        .secret(settings.secret.clone())
        .base_url(&settings.base_url)
        // Where links in mail lead. Everything else has a route below.
        .base_path("/account")
        .only_link_endpoints()
        .trusted_origins(&settings.trusted_origins)
        .trusted_proxies(settings.trusted_proxies.clone())
        .environment(environment)
        .store(store)
        .mailer(settings.mailer.clone())
        .outbox(settings.outbox())
        .role_guards([API])
        .permissions(PermissionRules::default().grammar(PermissionGrammar::ResourceAction))
        .deny_unscoped_routes()
        .password(password::Config::default().policy(bodies::password_policy()))
        .lockout(settings.lockout)
        .rate_limits(limits.signed_in([Quota::per_minute(100)?]).anonymous([Quota::per_minute(10)?]))
        .clock(settings.clock())
        .build()?;
    Ok(auth)
}

/// Who may reach what. `require` is the first layer, and `policy` the second: it judges what stands in the path.
fn routes(hours: BusinessHours, imports: Quota) -> Router {
    let [read, create, delete, admin] = ["users:read", "users:create", "users:delete", "users:admin"].map(permission);
    let process = all(["orders:read", "orders:process"].map(permission));
    // users:delete opens the route; on whom it may be used is for administrators.
    let not_oneself = not_yourself("You cannot delete your own account.");
    Router::new()
        .route("/", web::get().to(page).public().unlimited())
        .route("/health", web::get().to(health).public().unlimited())
        .route("/api/auth/register", for_strangers(web::post().to(accounts::register)))
        .route("/api/auth/login", for_strangers(web::post().to(accounts::log_in)))
        .route("/api/auth/refresh", for_strangers(web::post().to(accounts::refresh)))
        .route("/api/auth/logout", for_strangers(web::post().to(accounts::log_out)))
        .route("/api/auth/reset-password", for_strangers(web::post().to(accounts::reset_password)))
        .route("/api/products", web::get().to(products).public())
        .route("/api/context", believed(web::get().to(context).require(signed_in())))
        .route("/api/users", believed(web::get().to(users::list).require(read)))
        .route("/api/users", believed(web::post().to(users::create).require(create.clone())))
        .route(
            "/api/users/{id}",
            believed(web::get().to(users::find).require(signed_in()).policy::<Account>("id", owner_or("users:admin"))),
        )
        .route(
            "/api/users/{id}",
            believed(web::delete().to(users::delete).require(delete).policy::<Account>("id", not_oneself.and(admin))),
        )
        .route(
            "/api/orders/{id}/process",
            believed(web::post().to(orders::process).require(process).policy::<u64>("id", hours)),
        )
        .route(
            "/api/bulk-import",
            believed(
                web::post()
                    .to(users::import)
                    .require(create)
                    .rate_limit(RateLimit::per(RateLimitKey::Caller, [imports])),
            ),
        )
}

/// Whoever has an account signs up and in no more often than others.
fn for_strangers(route: Route) -> Protected {
    route.public().count_as_anonymous()
}

/// A token is believed until it expires, and nothing is looked up: what it permits is as old as it is.
fn believed(route: Protected) -> Protected {
    route.session_check(SessionCheck::Stateless)
}

/// Whatever else is asked for is refused in the same form.
async fn nowhere() -> Result<Json<Value>, Refusal> {
    Err(Refusal(Code::NotFound.into()))
}

async fn page() -> Page {
    Page::of("api-gateway", include_str!("page.html"))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn products() -> Json<Value> {
    Json(json!([{ "id": 1, "name": "Kettle", "price": "34.90" }, { "id": 2, "name": "Teapot", "price": "27.50" }]))
}

/// What a handler knows of its caller.
async fn context(context: RequestContext) -> Json<auth_core::guard::RequestContext> {
    Json(context.0)
}
