//! Through `auth_actix`, whose handlers live on one thread: requests travel there and back through channels.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::web::{self, Json};
use actix_web::{App, test};
use async_trait::async_trait;
use auth_actix::{
    CurrentCustomer, CurrentPrincipal, CurrentSession, CurrentUser, Fresh, Guarded, JsonBody, MaybePrincipal, Member,
    RequestContext, RequireRole, RouteExt, Router, Routes, Tenant,
};
use auth_core::guard::{self, permission};
use auth_core::session::SessionCheck;
use auth_core::{Auth, ConfigErrors};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::Transport;
use crate::routes::{self, Invitation, REMEMBERED, ReadReports, SuperAdmin};

#[derive(Debug)]
pub(super) struct Actix(mpsc::UnboundedSender<Job>);

/// A request on its way to the thread, with where to bring the response.
#[derive(Debug)]
struct Job {
    request: Request<Bytes>,
    peer: IpAddr,
    reply: oneshot::Sender<Response<Bytes>>,
}

impl Actix {
    /// Starts the thread; it ends when this is dropped.
    pub(super) fn start(auth: Auth) -> Self {
        let (sender, jobs) = mpsc::unbounded_channel();
        std::thread::spawn(move || actix_web::rt::System::new().block_on(serve(auth, jobs)));
        Self(sender)
    }
}

#[async_trait]
impl Transport for Actix {
    async fn send(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let (reply, response) = oneshot::channel();
        self.0.send(Job { request, peer, reply }).expect("the actix thread runs");
        response.await.expect("the actix thread answers")
    }
}

async fn serve(auth: Auth, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let service = Rc::new(test::init_service(App::new().service(routes(auth).unwrap())).await);
    while let Some(Job { request, peer, reply }) = jobs.recv().await {
        let service = Rc::clone(&service);
        actix_web::rt::spawn(async move {
            let (parts, body) = request.into_parts();
            let method = actix_web::http::Method::from_bytes(parts.method.as_str().as_bytes()).unwrap();
            let mut draft = test::TestRequest::default().method(method).uri(&parts.uri.to_string());
            for (name, value) in &parts.headers {
                draft = draft.append_header((name.as_str(), value.as_bytes()));
            }
            let draft = draft.peer_addr(SocketAddr::new(peer, 50_000)).set_payload(body);
            let response = test::try_call_service(&*service, draft.to_request()).await.unwrap();
            // Nobody waits for it any more when the test has given up.
            let _ = reply.send(converted(response).await);
        });
    }
}

async fn converted(response: ServiceResponse) -> Response<Bytes> {
    let mut converted = Response::new(Bytes::new());
    *converted.status_mut() = StatusCode::from_u16(response.status().as_u16()).unwrap();
    for (name, value) in response.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).unwrap();
        converted.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    *converted.body_mut() = to_bytes(response.into_body()).await.expect("a body in memory");
    converted
}

/// The application as a user of `auth_actix` writes it. At `/optional` a handler overlooks a refusal.
pub fn routes(auth: Auth) -> Result<Routes, ConfigErrors> {
    Router::new()
        .route("/me", web::get().to(me))
        .route("/reports", web::get().to(reports).require(permission("reports:read")).for_everybody())
        .route("/products", web::get().to(products).public())
        .route("/maybe", web::get().to(maybe).public())
        .route("/optional", web::get().to(optional).public())
        .route("/fresh", web::get().to(fresh))
        .route("/staff", web::get().to(staff).for_everybody())
        .route("/pair", web::get().to(pair))
        .route("/change", web::post().to(change))
        .route("/invite", web::post().to(invite))
        .route("/principal", web::get().to(principal).for_everybody())
        .route("/cached", web::get().to(principal).session_check(SessionCheck::Cached(REMEMBERED)).for_everybody())
        .route("/stateless", web::get().to(principal).session_check(SessionCheck::Stateless).for_everybody())
        .route(
            "/stateless/reports",
            web::get()
                .to(principal)
                .require(permission("reports:read"))
                .session_check(SessionCheck::Stateless)
                .for_everybody(),
        )
        .route("/stateless/session", web::get().to(session).session_check(SessionCheck::Stateless))
        .route("/tenant", web::get().to(tenant))
        .route("/member", web::get().to(member))
        .route("/users", web::get().to(users).for_everybody())
        .route("/customers", web::get().to(customers).for_everybody())
        .route("/cart", web::get().to(customers).for_customers())
        .route("/accounts/{id}", web::get().to(account).policy("id", routes::may_see()))
        .route(
            "/accounts/{id}",
            web::delete().to(account).require(permission("users:delete")).policy("id", routes::may_delete()),
        )
        .route("/context", web::get().to(context))
        .route("/imports", web::get().to(imports).rate_limit(routes::imports()))
        .route("/join", web::get().to(imports).public().count_as_anonymous())
        .route("/by-client", web::get().to(imports).public().rate_limit(routes::by_client()))
        .route("/by-text", web::get().to(imports).rate_limit(routes::by_text()))
        .route("/by-key", web::get().to(imports).rate_limit(routes::by_key()))
        .route("/health", web::get().to(health).public().unlimited())
        .route("/shop", web::get().to(maybe).public().for_everybody())
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

async fn account(id: web::Path<String>) -> Json<Value> {
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

async fn optional(user: Option<CurrentUser>) -> Json<Value> {
    Json(serde_json::json!({"somebody": user.is_some()}))
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
