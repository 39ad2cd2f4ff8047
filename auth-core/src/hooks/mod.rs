//! Where the application joins in: hooks before things happen, events after they have.
//!
//! A *hook* that is given the unit of work runs inside the transaction, may edit what it is given, and refuses by
//! returning an error: then nothing persists. Several run in the order of registration, the first error wins. A hook that
//! panics or exceeds its time limit refuses. An *event* is told after the commit and can refuse nothing.

mod chain;
mod deliver;
mod event;

use async_trait::async_trait;
use serde_json::{Map, Value};

pub(crate) use chain::HookChain;
pub use deliver::EventSink;
pub(crate) use deliver::deliver;
pub use event::Event;

use crate::cx::{Cx, Work};
use crate::error::Result;
use crate::session::{AuthMethod, Session};
use crate::user::{SignUp, User};

/// What the application does at the turning points of an account. Every method does nothing by default.
///
/// Within a hook, statements go through `work`: it is the transaction that the built-in change is part of. Services
/// such as [`grant_role_within`](crate::role::grant_role_within) take it too. `auth_sqlx::connection(work.tx())` gives the database connection behind it.
///
/// ```
/// use auth_core::prelude::*;
///
/// struct CompanyOnly;
///
/// #[async_trait]
/// impl Hooks for CompanyOnly {
///     async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, signup: &mut SignUp) -> Result<()> {
///         if signup.email.as_str().ends_with("@example.com") {
///             return Ok(());
///         }
///         Err(Error::new(ErrorKind::Forbidden, "COMPANY_ONLY", "Use your company address."))
///     }
/// }
/// ```
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// Before a user exists. May edit the address, name and picture, or refuse.
    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _signup: &mut SignUp) -> Result<()> {
        Ok(())
    }

    /// The user exists, in this transaction only, and has no session yet. A role granted here is in the first session.
    async fn on_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User, _signup: &SignUp) -> Result<()> {
        Ok(())
    }

    /// The first proof was right; no session exists yet.
    async fn before_login(&self, _cx: &Cx, _work: &mut Work<'_>, _login: &LoginContext<'_>) -> Result<()> {
        Ok(())
    }

    /// The session is written, in this transaction only. Refusing with
    /// [`Code::InvalidEmailOrPassword`](crate::error::Code::InvalidEmailOrPassword) looks like a wrong password.
    async fn on_login(
        &self,
        _cx: &Cx,
        _work: &mut Work<'_>,
        _login: &LoginContext<'_>,
        _session: &Session,
    ) -> Result<()> {
        Ok(())
    }

    /// The current password was right, or a first one is being set; the policy has accepted the new one.
    async fn before_password_change(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        Ok(())
    }

    /// The user asked to be deleted and proved who they are. The application removes its own rows here.
    async fn before_user_delete(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        Ok(())
    }

    /// Adds claims to an access token, for whoever verifies it. Claims of the engine's own cannot be set. Runs when a token
    /// is issued or refreshed, which with tokens on each `get-session` does; refusing issues none.
    async fn token_claims(&self, _cx: &Cx, _user: &User, _claims: &mut Map<String, Value>) -> Result<()> {
        Ok(())
    }

    /// Adds fields to the `user` object that sign-in and `get-session` return. Built-in fields cannot be replaced.
    /// Runs after the commit and can refuse nothing: an error is logged and leaves the fields out.
    async fn session_user_data(&self, _cx: &Cx, _user: &User, _data: &mut Map<String, Value>) -> Result<()> {
        Ok(())
    }
}

/// Who is about to get a session, and how they proved who they are.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LoginContext<'a> {
    /// The user as they were when the proof was checked; the session is only made if they are still enabled and their
    /// credentials unchanged.
    pub user: &'a User,
    /// How they proved it.
    pub method: AuthMethod,
}

impl<'a> LoginContext<'a> {
    pub(crate) const fn new(user: &'a User, method: AuthMethod) -> Self {
        Self { user, method }
    }
}
