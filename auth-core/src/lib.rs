//! Framework-agnostic authentication and authorization engine.
#![deny(missing_docs)]

pub mod account;
pub mod audit;
mod auth;
pub mod base;
mod config;
pub mod crypto;
mod cx;
pub mod error;
pub mod guard;
pub mod hooks;
pub mod http;
pub mod password;
pub mod ports;
pub mod role;
mod routes;
pub mod session;
pub mod status;
pub mod store;
pub mod user;

pub use auth::{Auth, AuthBuilder};
pub use config::ConfigErrors;
pub use cx::{Cx, RequestInfo, Work};
pub use error::{Error, Result};

/// What most programs need, in one line.
///
/// ```
/// use auth_core::prelude::*;
/// ```
pub mod prelude {
    pub use async_trait::async_trait;
    pub use http::Method;

    pub use crate::base::{Email, Secret, UserId};
    pub use crate::error::{Code, Error, ErrorKind, Result};
    pub use crate::guard::{
        CurrentPrincipal, CurrentSession, CurrentUser, Fresh, Guard, MaybePrincipal, PermissionName, Principal,
        RequirePermission, RequireRole, Requirement, RoleName, all, any, fresh, permission, role, signed_in,
    };
    pub use crate::hooks::{Event, EventSink, Hooks, LoginContext};
    pub use crate::http::{Endpoint, Json};
    pub use crate::store::{Store, Tx};
    pub use crate::user::{SignUp, User};
    pub use crate::{Auth, Cx, Work, password, session};
}
