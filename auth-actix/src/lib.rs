//! `auth-core` for [actix-web](https://docs.rs/actix-web) 4: the built-in endpoints, routes that are closed unless
//! marked public, and extractors that prove who is calling.
//!
//! ```
//! use actix_web::{App, HttpServer, web};
//! use auth_actix::{CurrentUser, RouteExt, Router};
//! use auth_core::Auth;
//! use auth_core::guard::permission;
//!
//! async fn me(user: CurrentUser) -> String {
//!     user.display_name()
//! }
//!
//! async fn reports() -> &'static str {
//!     "42"
//! }
//!
//! async fn products() -> &'static str {
//!     "[]"
//! }
//!
//! fn routes() -> Router {
//!     Router::new()
//!         .route("/me", web::get().to(me))
//!         .route("/reports", web::get().to(reports).require(permission("reports:read")))
//!         .route("/products", web::get().to(products).public())
//! }
//!
//! async fn serve(auth: Auth) -> Result<(), Box<dyn std::error::Error>> {
//!     let service = auth_actix::service(auth, routes)?; // the rules are checked here
//!     HttpServer::new(move || App::new().service(service())).bind("127.0.0.1:3000")?.run().await?;
//!     Ok(())
//! }
//! ```
#![deny(missing_docs)]

mod convert;
mod extract;
mod guard;
mod layer;
mod routes;

pub use extract::{Guarded, JsonBody, Refusal, RequestCx};
pub use guard::{
    CurrentCustomer, CurrentPrincipal, CurrentService, CurrentSession, CurrentUser, Fresh, MaybePrincipal, Member,
    RequestContext, RequirePermission, RequireRole, Tenant,
};
pub use layer::AuthLayer;
pub use routes::{Protected, RouteExt, Router, Routes, endpoints, service};
