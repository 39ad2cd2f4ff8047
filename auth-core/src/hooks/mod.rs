//! Where the application joins in: hooks before things happen, events after they have.
//!
//! A *hook* that is given the unit of work runs inside the transaction, may edit what it is given, and refuses by
//! returning an error: then nothing persists. Several run in the order of registration, the first error wins. A hook
//! that panics or exceeds its time limit refuses. An *event* is told after the commit and can refuse nothing.

mod chain;
mod deliver;
mod event;
mod login;

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value};

pub(crate) use chain::HookChain;
pub use deliver::EventSink;
pub(crate) use deliver::deliver;
pub use event::Event;
pub use login::{LoginAttempt, LoginContext, LoginOccasion};

use crate::cx::{Cx, Work};
use crate::error::Result;
use crate::guard::Principal;
use crate::role::{GrantedRole, Permission};
use crate::user::{SignUp, User};

/// What the application does at the turning points of an account. Every method does nothing by default.
///
/// Within a hook, statements go through `work`: it is the transaction that the built-in change is part of. Services
/// such as [`grant_role_within`](crate::role::grant_role_within) take it too. `auth_sqlx::connection(work.tx())` gives
/// the database connection behind it.
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
    /// What is wrong with their configuration, a sentence each; `knows` tells the registered role guards. Asked when
    /// the engine is built, which fails with what is said here.
    fn problems(&self, _knows: &dyn Fn(&str) -> bool) -> Vec<String> {
        Vec::new()
    }

    /// Before a user exists. May edit the address, name and picture, or refuse.
    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _signup: &mut SignUp) -> Result<()> {
        Ok(())
    }

    /// The user exists, in this transaction only, and has no session yet. A role granted here is in the first session.
    async fn on_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User, _signup: &SignUp) -> Result<()> {
        Ok(())
    }

    /// Somebody who has no session wants one, and nothing has been looked up: neither whether the account exists nor
    /// the password. May say where the session is to act, or refuse: the answer is the same for every account. Runs for
    /// whoever signs in or up or redeems a token, before any other hook; not for what a session asks for itself.
    async fn before_login(&self, _cx: &Cx, _attempt: &mut LoginAttempt<'_>) -> Result<()> {
        Ok(())
    }

    /// The proof was right, and no session is written yet; memberships and roles are at hand. May say where the session
    /// is to act, or refuse. Refusing with [`Code::InvalidEmailOrPassword`](crate::error::Code::InvalidEmailOrPassword)
    /// looks like a wrong password.
    async fn on_login(&self, _cx: &Cx, _work: &mut Work<'_>, _login: &mut LoginContext<'_>) -> Result<()> {
        Ok(())
    }

    /// Somebody who was anonymous in this browser has signed in or up as `user`, who has a session by now, in this
    /// transaction only. The application moves here what belongs to `anonymous`, who is removed next.
    async fn on_link_account(&self, _cx: &Cx, _work: &mut Work<'_>, _anonymous: &User, _user: &User) -> Result<()> {
        Ok(())
    }

    /// A request carries a credential, and it has not been looked at. Runs once in each such request, so it must be
    /// quick.
    async fn before_auth(&self, _cx: &Cx) -> Result<()> {
        Ok(())
    }

    /// A request has proved whose it is, and nothing has come of it yet. Runs once in each such request, whatever the
    /// credential (one-time and refresh tokens that are exchanged, too), and for each of several sessions that a
    /// browser shows, so it must be quick.
    async fn after_auth(&self, _cx: &Cx, _principal: &Principal) -> Result<()> {
        Ok(())
    }

    /// Adds to the roles that count for a user where they act, or takes from them. A role that is taken permits
    /// nothing; one that is added permits what [`resolve_permissions`](Self::resolve_permissions) says, and counts as
    /// one that is held: in a session of one role guard only if it is of that guard. Does not run for a session of
    /// staff where they are none. Runs whenever rows are looked up for a request or a token, so it must be quick. An
    /// error refuses the request.
    async fn resolve_roles(&self, _cx: &Cx, _user: &User, _roles: &mut BTreeSet<GrantedRole>) -> Result<()> {
        Ok(())
    }

    /// Adds to what a user may do, or takes from it: what their roles permit is there already. Runs after
    /// [`resolve_roles`](Self::resolve_roles).
    async fn resolve_permissions(
        &self,
        _cx: &Cx,
        _user: &User,
        _roles: &BTreeSet<GrantedRole>,
        _permissions: &mut BTreeSet<Permission>,
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

    /// Adds claims to an access token, for whoever verifies it. Claims of the engine's own cannot be set. Runs when a
    /// token is issued or refreshed, which with tokens on each `get-session` does; refusing issues none.
    async fn token_claims(&self, _cx: &Cx, _user: &User, _claims: &mut Map<String, Value>) -> Result<()> {
        Ok(())
    }

    /// Adds fields to the `user` object that sign-in and `get-session` return. Built-in fields cannot be replaced.
    /// Runs after the commit and can refuse nothing: an error is logged and leaves the fields out.
    async fn session_user_data(&self, _cx: &Cx, _user: &User, _data: &mut Map<String, Value>) -> Result<()> {
        Ok(())
    }
}
