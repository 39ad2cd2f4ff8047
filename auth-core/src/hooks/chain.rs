//! Runs the registered hooks in order, each within its time limit and with its panics caught.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Map, Value};

use super::{Hooks, LoginAttempt, LoginContext};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::guard::Principal;
use crate::role::{GrantedRole, Permission};
use crate::user::{SignUp, User};

/// The hooks of an application, in the order of registration.
#[derive(Clone)]
pub(crate) struct HookChain {
    hooks: Vec<Arc<dyn Hooks>>,
    time_limit: Duration,
}

impl fmt::Debug for HookChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookChain").field("hooks", &self.hooks.len()).field("time_limit", &self.time_limit).finish()
    }
}

/// Generates the method that runs one hook of every registered set.
macro_rules! run_in_order {
    ($($hook:ident($($argument:ident: $type:ty),*);)+) => {$(
        pub(crate) async fn $hook(&self, $($argument: $type),*) -> Result<()> {
            for hooks in &self.hooks {
                within(self.time_limit, stringify!($hook), hooks.$hook($($argument),*)).await?;
            }
            Ok(())
        }
    )+};
}

impl HookChain {
    pub(crate) fn new(hooks: Vec<Arc<dyn Hooks>>, time_limit: Duration) -> Self {
        Self { hooks, time_limit }
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }

    /// Awaits what another port of the application says, as one of its hooks.
    pub(crate) async fn run<T>(&self, name: &'static str, hook: impl Future<Output = Result<T>> + Send) -> Result<T> {
        within(self.time_limit, name, hook).await
    }

    run_in_order! {
        before_signup(cx: &Cx, work: &mut Work<'_>, signup: &mut SignUp);
        on_signup(cx: &Cx, work: &mut Work<'_>, user: &User, signup: &SignUp);
        before_login(cx: &Cx, attempt: &mut LoginAttempt<'_>);
        on_login(cx: &Cx, work: &mut Work<'_>, login: &mut LoginContext<'_>);
        on_link_account(cx: &Cx, work: &mut Work<'_>, anonymous: &User, user: &User);
        before_auth(cx: &Cx);
        after_auth(cx: &Cx, principal: &Principal);
        resolve_roles(cx: &Cx, user: &User, roles: &mut BTreeSet<GrantedRole>);
        resolve_permissions(
            cx: &Cx,
            user: &User,
            roles: &BTreeSet<GrantedRole>,
            permissions: &mut BTreeSet<Permission>
        );
        before_password_change(cx: &Cx, work: &mut Work<'_>, user: &User);
        before_user_delete(cx: &Cx, work: &mut Work<'_>, user: &User);
        token_claims(cx: &Cx, user: &User, claims: &mut Map<String, Value>);
        session_user_data(cx: &Cx, user: &User, data: &mut Map<String, Value>);
    }
}

/// Awaits `hook`; a panic is 500 and a time-out 503, both refusals.
async fn within<T>(limit: Duration, name: &'static str, hook: impl Future<Output = Result<T>> + Send) -> Result<T> {
    match tokio::time::timeout(limit, AssertUnwindSafe(hook).catch_unwind()).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => Err(Error::internal(format!("the hook {name} panicked"))),
        Err(_) => Err(Error::from(Code::Unavailable).caused_by(format!("the hook {name} took longer than {limit:?}"))),
    }
}
