//! Through `auth_axum`.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use auth_axum::{
    CurrentCustomer, CurrentPrincipal, CurrentSession, CurrentUser, Fresh, Guarded, JsonBody, MaybePrincipal, Member,
    Refusal, RequestContext, RequireRole, RouteExt, Router, Tenant,
};
use auth_core::guard::{self, permission};
use auth_core::session::SessionCheck;
use auth_core::{Auth, ConfigErrors};
use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::Transport;
use crate::routes::{self, Invitation, REMEMBERED, ReadReports, SuperAdmin};

#[derive(Debug)]
pub(super) struct Axum(axum::Router);

impl Axum {
    pub(super) fn new(auth: Auth) -> Self {
        Self(routes(auth).unwrap())
    }
}

#[async_trait]
impl Transport for Axum {
    async fn send(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 50_000)));
        let (parts, body) = self.0.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }
}

/// The application as a user of `auth_axum` writes it.
pub fn routes(auth: Auth) -> Result<axum::Router, ConfigErrors> {
    Router::new()
        .route("/me", get(me))
        .route("/reports", get(reports).require(permission("reports:read")).for_everybody())
        .route("/products", get(products).public())
        .route("/maybe", get(maybe).public())
        .route("/optional", get(optional).public())
        .route("/fresh", get(fresh))
        .route("/staff", get(staff).for_everybody())
        .route("/pair", get(pair))
        .route("/change", post(change))
        .route("/invite", post(invite))
        .route("/principal", get(principal).for_everybody())
        .route("/cached", get(principal).session_check(SessionCheck::Cached(REMEMBERED)).for_everybody())
        .route("/stateless", get(principal).session_check(SessionCheck::Stateless).for_everybody())
        .route(
            "/stateless/reports",
            get(principal).require(permission("reports:read")).session_check(SessionCheck::Stateless).for_everybody(),
        )
        .route("/stateless/session", get(session).session_check(SessionCheck::Stateless))
        .route("/tenant", get(tenant))
        .route("/member", get(member))
        .route("/users", get(users).for_everybody())
        .route("/customers", get(customers).for_everybody())
        .route("/cart", get(customers).for_customers())
        .route("/accounts/{id}", get(account).policy("id", routes::may_see()))
        .route("/accounts/{id}", delete(account).require(permission("users:delete")).policy("id", routes::may_delete()))
        .route("/context", get(context))
        .route("/imports", get(imports).rate_limit(routes::imports()))
        .route("/join", get(imports).public().count_as_anonymous())
        .route("/by-client", get(imports).public().rate_limit(routes::by_client()))
        .route("/by-text", get(imports).rate_limit(routes::by_text()))
        .route("/by-key", get(imports).rate_limit(routes::by_key()))
        .route("/health", get(health).public().unlimited())
        .route("/shop", get(maybe).public().for_everybody())
        .auth(auth)
}

async fn principal(caller: CurrentPrincipal) -> Json<Value> {
    Json(routes::principal(&caller))
}

async fn users(user: CurrentUser) -> Json<Value> {
    Json(routes::principal(&user))
}

async fn customers(customer: CurrentCustomer) -> Json<Value> {
    Json(routes::principal(&customer))
}

async fn session(session: CurrentSession) -> Json<Value> {
    Json(routes::session(&session))
}

async fn member(member: Member) -> Json<Value> {
    Json(routes::member(&member))
}

async fn tenant(tenant: Tenant) -> Json<Value> {
    Json(routes::tenant(&tenant))
}

async fn me(user: CurrentUser) -> Json<Value> {
    Json(routes::me(&user))
}

async fn reports() -> Json<Value> {
    Json(routes::reports())
}

async fn account(Path(id): Path<String>) -> Json<Value> {
    Json(routes::account(&id))
}

async fn context(context: RequestContext) -> Json<Value> {
    Json(routes::context(&context))
}

async fn imports() -> Json<Value> {
    Json(routes::imported())
}

async fn health() -> Json<Value> {
    Json(routes::health())
}

async fn products() -> Json<Value> {
    Json(routes::products())
}

async fn maybe(caller: MaybePrincipal) -> Json<Value> {
    Json(routes::who(&caller))
}

async fn optional(user: Result<CurrentUser, Refusal>) -> Json<Value> {
    Json(serde_json::json!({"somebody": user.is_ok()}))
}

async fn fresh(user: Fresh<CurrentUser>) -> Json<Value> {
    Json(routes::me(&user))
}

async fn staff(_: RequireRole<SuperAdmin>) -> Json<Value> {
    Json(routes::staff())
}

async fn pair(_: Guarded<(guard::RequireRole<SuperAdmin>, guard::RequirePermission<ReadReports>)>) -> Json<Value> {
    Json(routes::pair())
}

async fn invite(JsonBody(invitation): JsonBody<Invitation>) -> Json<Value> {
    Json(routes::invite(&invitation))
}

async fn change() -> Json<Value> {
    Json(routes::changed())
}
