//! Sessions: opened at sign-in, found by an opaque token, ended at any moment.
//!
//! A session is a row; the client holds a random token of which the row keeps the hash. Revocation is the row's
//! removal and takes effect with the next request. There is one way to a session, `complete_login`:
//! every method of signing in ends there, so a rule that is applied there is applied everywhere.

mod authority;
mod cache;
mod config;
mod endpoints;
mod login;
mod model;
mod service;
mod several;
mod store;

pub(crate) use authority::{Acting, Authority};
pub(crate) use cache::{SessionCache, SessionKey};
pub use config::{Config, SessionCheck};
pub(crate) use endpoints::ROUTES;
pub use endpoints::{
    GetSession, ListSessions, NewSessionReply, OptionalSessionReply, ProvedUser, RevokeOtherSessions, RevokeSession,
    RevokeSessions, SessionAndUser, SessionView, SignOut, TokenAndUser,
};
pub use login::SignedIn;
pub(crate) use login::{AuthEvent, Entry, complete_login, pretend_login};
pub use model::{Assurance, AuthMethod, NewSession, Persistence, Session, SessionWithUser, StoredSession, UnknownName};
pub(crate) use service::{
    Resolved, end, expect_may_switch, extend, judge, latest_end, resolve, resolve_opened, slide_if_due, still_holds,
    switch_tenant, switch_tenant_within,
};
pub use service::{sign_out, sign_out_everywhere, user_view};
pub(crate) use several::SEVERAL_ROUTES;
pub use several::{ActiveSession, DeviceSession, ListDeviceSessions, RevokeDeviceSession, SetActiveSession};
pub use store::SessionStore;

/// Lets the suite of the stores write sessions that nobody signed in for.
#[cfg(feature = "suite")]
pub(crate) fn for_the_suite(row: StoredSession, token_hash: crate::base::TokenHash) -> NewSession {
    NewSession::new(Session::proven(row), token_hash)
}
