//! Access tokens, which prove a session without a look at it, and refresh tokens, which are exchanged for new ones.
//!
//! An *access token* is a JWT (RFC 9068) that is good for minutes and names the session it stands for. A route chooses
//! by [`SessionCheck`](crate::session::SessionCheck) whether that session is looked up. A *refresh token* is opaque,
//! good once, and gets the next pair; using one twice ends its session. The keys of access tokens are made, published
//! and replaced by the engine ([`rotate_signing_key`] and [`revoke_signing_key`] do so by command).
//!
//! Pairs of both go in bodies or in cookies ([`Transport`]). [`open`], [`refresh`], [`revoke`] and [`TokenPair::give`]
//! do for handlers of the application what the endpoints do.
//!
//! Tokens are off until [`AuthBuilder::tokens`](crate::AuthBuilder::tokens) switches them on.
//!
//! ```
//! use auth_core::Auth;
//! use auth_core::token::{self, AccessToken};
//!
//! let builder = Auth::builder().tokens(token::Config::default());
//! # let _ = builder;
//! ```

mod claims;
mod config;
mod endpoints;
mod keys;
mod model;
mod refresh;
mod service;
mod store;
mod transport;

pub use config::{Config, TokenCookies, Transport};
pub(crate) use config::{Delivery, InCookies, Reach};
pub(crate) use endpoints::{COOKIE_ROUTES, ROUTES};
pub use endpoints::{
    CsrfBody, GetCsrf, GetToken, Jwks, OpenTokens, PublishedKeys, RefreshTokens, RevokeTokens, TokenReply,
};
pub use model::{FamilyWithSession, RefreshFamily, Rotation, StoredSigningKey};
pub use refresh::TokenPair;
pub use service::{AccessToken, revoke_signing_key, rotate_signing_key};
pub(crate) use service::{Subject, Tokens, VerifiedAccess, issue_access, names_us, verify_access};
pub use store::{RefreshStore, SigningKeyStore};
pub(crate) use transport::revoke_shown;
pub use transport::{Given, clear_cookies, expect_transport, open, refresh, revoke, switch_tenant};
