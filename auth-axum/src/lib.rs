//! `auth-core` for [axum](https://docs.rs/axum) 0.8: the built-in endpoints, routes that are closed unless marked
//! public, and extractors that prove who is calling.
//!
//! ```
//! use auth_axum::{CurrentUser, RouteExt, Router};
//! use auth_core::Auth;
//! use auth_core::guard::permission;
//! use axum::routing::get;
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
//! fn app(auth: Auth) -> Result<axum::Router, auth_core::ConfigErrors> {
//!     Router::new()
//!         .route("/me", get(me))
//!         .route("/reports", get(reports).require(permission("reports:read")))
//!         .route("/products", get(products).public())
//!         .auth(auth)
//! }
//! ```
//!
//! Serve it with `app.into_make_service_with_connect_info::<SocketAddr>()`: without the peer's address, attempts can
//! be counted by account only.
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
pub use routes::{Protected, RouteExt, Router, endpoints};
