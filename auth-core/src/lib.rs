//! The engine of an embeddable authentication and authorization library: users, passwords, mailed links and codes,
//! sessions, roles, guards, hooks. It knows no web framework and no SQL; `auth-axum` or `auth-actix` and `auth-sqlx`
//! join it to them.
//!
//! # Where to start
//! - Using it: [`Auth::builder`], then the guide of your framework's crate. [`prelude`] has what most programs need.
//! - Who may call what: [`guard`].
//! - Joining in: [`hooks`].
//! - Tokens of an issuer of your own: [`issuer`].
//! - An endpoint of your own: [`http::Endpoint`].
//! - A store of your own: [`store`], and the conformance suite `store::suite` (feature `suite`) that it must pass.
//!
//! # Example
//! Without HTTP, over the store that forgets (feature `memory`):
//!
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use auth_core::prelude::*;
//! use auth_core::store::MemoryStore;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = Auth::builder()
//!     .base_url("https://api.example.com")
//!     .secret(Secret::from_env("AUTH_SECRET")?)
//!     .store(MemoryStore::new())
//!     .role_guards(["ADMIN", "PORTAL"])
//!     .password(password::Config::default())
//!     .build()?; // every configuration problem at once
//!
//! let cx = auth.background_cx();
//! let signup = SignUp::new(Email::parse("ada@example.com")?, "Ada");
//! let user = password::create_user(&cx, signup, Password::new("correct horse battery")).await?;
//! role::define_role(&cx, "ADMIN", "editor", ["articles:write"]).await?;
//! role::grant_role(&cx, user.id, "ADMIN", "editor").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `memory`: the in-memory store. `suite`: the conformance suite. `http-client`: an HTTP client over reqwest. `mail`:
//! a mailer over SMTP. `time-zones`: business hours by the clocks of a place. All are off by default and change nothing
//! else.
#![deny(missing_docs)]

pub mod account;
pub mod anonymous;
pub mod api_key;
pub mod audit;
mod auth;
pub mod base;
pub mod code;
mod config;
pub mod crypto;
pub mod customer;
mod cx;
pub mod email;
pub mod email_otp;
pub mod error;
pub mod gateway;
pub mod guard;
pub mod hooks;
pub mod http;
pub mod issuer;
pub mod limit;
pub mod magic_link;
pub mod outbox;
pub mod password;
pub mod phone;
pub mod portal;
pub mod ports;
pub mod retention;
pub mod role;
mod routes;
pub mod session;
pub mod status;
pub mod store;
pub mod tenant;
pub mod token;
pub mod user;
pub mod username;

pub use auth::{Auth, AuthBuilder};
pub use cx::{Cx, RequestInfo, Work};
pub use error::{ConfigErrors, Error, Result};

/// What most programs need, in one line.
///
/// ```
/// use auth_core::prelude::*;
/// ```
pub mod prelude {
    pub use async_trait::async_trait;
    pub use http::Method;

    pub use crate::base::{Email, Secret, TenantId, UserId};
    pub use crate::crypto::password_hash::Password;
    pub use crate::error::{Code, Error, ErrorKind, Result};
    pub use crate::guard::{
        CurrentCustomer, CurrentPrincipal, CurrentService, CurrentSession, CurrentUser, Fresh, Guard, MaybePrincipal,
        PermissionName, Policy, PolicyExt, Principal, RequirePermission, RequireRole, Requirement, RoleName, Scoped,
        Tenancy, Tenant, TenantAccess, TenantRequirement, all, any, any_role_in, fresh, not_yourself, owner_or,
        permission, role, signed_in, staff,
    };
    pub use crate::hooks::{Event, EventSink, Hooks, LoginAttempt, LoginContext};
    pub use crate::http::{Endpoint, Json};
    pub use crate::role::Permission;
    pub use crate::session::SessionCheck;
    pub use crate::store::{Store, Tx};
    pub use crate::user::{SignUp, User};
    pub use crate::{
        Auth, Cx, Work, account, anonymous, api_key, code, customer, email, email_otp, gateway, issuer, limit,
        magic_link, outbox, password, phone, retention, role, session, tenant, token, user, username,
    };
}
