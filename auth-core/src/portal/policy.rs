//! One user base, several front ends: who may sign in where.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::resolver::{Address, RoleGuardResolver, Site};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::guard::PlatformAccess;
use crate::hooks::{Hooks, LoginAttempt, LoginContext, LoginOccasion};
use crate::role::{self, RoleGrant};
use crate::tenant;
use crate::user::{SignUp, User};

/// What a request may name its front end by, beside the address that it comes from.
const FIELD: &str = "guard";

/// Lets people in where a role lets them in: each front end has a role guard, and whoever signs in there must hold a
/// role of it. The session is bound to it, so that no role of another counts, whatever front end its token leaks into.
///
/// - The role guard is that of the front end ([`RoleGuardResolver`]), or the one that the body names (`guard`). Two
///   that differ are 400 `GUARD_MISMATCH`, none is 401 `GUARD_REQUIRED`, one that is not registered is a wrong
///   password, and at sign-up ignored. All of this is decided before the account is looked at, so that it tells nothing
///   of it.
/// - Whoever holds no role there is told what a wrong password is told, for the same work. The audit trail tells them
///   apart: `sign_in_refused_late`.
/// - In a tenant the roles of its members count, one that the tenant has defined for itself included. Whoever names
///   none (`tenantId`) and has a role in one gets that one; in several, 400 `TENANT_REQUIRED`. Into another tenant
///   (`/switch-tenant`) goes whoever could sign in to it there, others are 403 `TENANT_MISMATCH`.
/// - While [platform access](PlatformAccess) is in force, only what is held on the platform lets anybody in; roles that
///   are held everywhere count beside it. What a person is to hold as staff is granted
///   [`on_platform`](crate::role::RoleGrant::on_platform).
/// - Whoever signs up needs no role yet. What they are given by [`on_signup`](Hooks::on_signup) is in the first
///   session. Without a role they do not get in again: [`join_by_signing_up`](Self::join_by_signing_up) gives one to
///   whoever names a tenant, and hooks of yours give others or refuse the rest.
///
/// It is a set of hooks, and does nothing that an application's own could not do.
///
/// ```
/// use auth_core::portal::{AtOrigin, MultiPortal, OriginGuardResolver};
/// use auth_core::prelude::*;
///
/// let front_ends = OriginGuardResolver::default()
///     .origin("https://admin.example.com", "ADMIN")
///     .origin("https://app.example.com", "PORTAL")
///     .mobile("FRONTEND");
/// let builder = Auth::builder()
///     .role_guards(["ADMIN", "PORTAL", "FRONTEND"])
///     .tenancy(Tenancy::shared())
///     .platform_access(AtOrigin::new("https://admin.example.com"))
///     .hooks(MultiPortal::new(front_ends));
/// # let _ = builder;
/// ```
#[derive(Clone)]
pub struct MultiPortal {
    resolver: Arc<dyn RoleGuardResolver>,
    joining: Option<RoleGrant>,
}

impl fmt::Debug for MultiPortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiPortal").field("joining", &self.joining).finish_non_exhaustive()
    }
}

impl MultiPortal {
    /// The policy for these front ends.
    pub fn new(resolver: impl RoleGuardResolver) -> Self {
        Self { resolver: Arc::new(resolver), joining: None }
    }

    /// Makes whoever signs up and names a tenant (`tenantId`) a member of it, with this role if it is defined. A
    /// sign-up that comes from no front end then gets a session of this role guard. **Anybody who knows the name of a
    /// tenant joins it**: for tenants that are open to all.
    #[must_use]
    pub fn join_by_signing_up(mut self, guard: impl Into<String>, role: impl Into<String>) -> Self {
        self.joining = Some(RoleGrant::new(guard, role));
        self
    }

    /// The role guard that the request asks for, if it asks for one, by its address and by its body together.
    async fn asked_for(&self, cx: &Cx, input: &Map<String, Value>) -> Result<Option<String>> {
        let of_request = self.resolver.resolve(cx).await?;
        let in_body = named_guard(cx, input).map(str::to_owned);
        match (of_request, in_body) {
            (Some(of_request), Some(in_body)) if of_request != in_body => {
                Err(Error::from(Code::GuardMismatch).saying("Invalid request"))
            }
            (of_request, in_body) => Ok(in_body.or(of_request)),
        }
    }
}

/// What the body names, if it is registered: letter by letter.
fn named_guard<'a>(cx: &Cx, input: &'a Map<String, Value>) -> Option<&'a str> {
    input.get(FIELD).and_then(Value::as_str).filter(|guard| cx.auth().knows_role_guard(guard))
}

/// Whether the body names something that is no role guard of ours.
fn names_another(cx: &Cx, input: &Map<String, Value>) -> bool {
    input.get(FIELD).is_some_and(|value| !value.is_null()) && named_guard(cx, input).is_none()
}

#[async_trait]
impl Hooks for MultiPortal {
    fn problems(&self, knows: &dyn Fn(&str) -> bool) -> Vec<String> {
        let unknown = self.joining.as_ref().map(RoleGrant::guard).filter(|guard| !knows(guard));
        let unknown = unknown.map(|guard| {
            format!("whoever signs up holds a role of the role guard {guard:?}, which role_guards() does not name")
        });
        self.resolver.problems(knows).into_iter().chain(unknown).collect()
    }

    async fn before_login(&self, cx: &Cx, attempt: &mut LoginAttempt<'_>) -> Result<()> {
        let asked_for = match attempt.occasion {
            // The role guard of its session stays.
            LoginOccasion::Renewal => return Ok(()),
            LoginOccasion::SignIn => {
                let asked_for = self.asked_for(cx, attempt.input).await?;
                if names_another(cx, attempt.input) {
                    return Err(Code::InvalidEmailOrPassword.into());
                }
                asked_for
            }
            LoginOccasion::SignUp => {
                let joining = || self.joining.as_ref().map(|role| role.guard().to_owned());
                self.asked_for(cx, attempt.input).await?.or_else(joining)
            }
        };
        attempt.role_guard = Some(asked_for.ok_or(Code::GuardRequired)?);
        Ok(())
    }

    async fn on_signup(&self, cx: &Cx, work: &mut Work<'_>, user: &User, signup: &SignUp) -> Result<()> {
        let (Some(role), Some(tenant)) = (&self.joining, &signup.tenant) else { return Ok(()) };
        tenant::add_member_within(cx, work, user.id, tenant).await?;
        let granted = role::grant_within(cx, work, user.id, &role.clone().in_tenant(tenant.clone())).await;
        match granted {
            Err(error) if error.is(Code::RoleNotFound) => Ok(()),
            granted => granted.map(drop),
        }
    }

    async fn on_login(&self, cx: &Cx, _work: &mut Work<'_>, login: &mut LoginContext<'_>) -> Result<()> {
        let Some(guard) = login.role_guard.clone() else { return Err(Code::GuardRequired.into()) };
        match login.occasion {
            LoginOccasion::SignIn => enter(login, &guard),
            LoginOccasion::SignUp => choose_tenant(login, &guard),
            LoginOccasion::Renewal => {
                // From another front end nobody renews what was opened in this one.
                if self.resolver.resolve(cx).await?.is_some_and(|of_request| of_request != guard) {
                    return Err(Code::Unauthorized.into());
                }
                expect_to_move(login, &guard)
            }
        }
    }
}

/// Lets somebody in who holds a role of this guard, and says where they act.
fn enter(login: &mut LoginContext<'_>, guard: &str) -> Result<()> {
    let holds = if login.has_platform_access {
        // Staff act in no tenant, whichever they have named.
        login.tenant = None;
        login.is_staff_in(guard)
    } else {
        choose_tenant(login, guard)?;
        login.holds_any_in(guard, login.tenant.as_ref())
    };
    if holds { Ok(()) } else { Err(Code::InvalidEmailOrPassword.into()) }
}

/// Into another tenant nobody goes who could not sign in to it here.
fn expect_to_move(login: &LoginContext<'_>, guard: &str) -> Result<()> {
    let from = login.renews.and_then(|session| session.scope.tenant());
    let is_elsewhere = login.tenant.is_some() && login.tenant.as_ref() != from;
    if is_elsewhere && !login.holds_any_in(guard, login.tenant.as_ref()) {
        return Err(Code::TenantMismatch.into());
    }
    Ok(())
}

/// Whoever names no tenant, and has no role that counts without one, means the one in which they have a role.
fn choose_tenant(login: &mut LoginContext<'_>, guard: &str) -> Result<()> {
    if login.tenant.is_none() && !login.holds_any_in(guard, None) {
        login.tenant = match login.tenants_in(guard)[..] {
            [] => None,
            [only] => Some(only.clone()),
            [_, _, ..] => return Err(Code::TenantRequired.into()),
        };
    }
    Ok(())
}

/// Platform access for the pages of one origin, such as an admin console: in force when `Origin` says so, or where
/// there is none `Referer`. A request that says neither has none.
///
/// A browser vouches for these headers and for nothing else: this keeps a token that has leaked into another front end
/// from being worth anything there, and does not keep a thief out.
#[derive(Clone, Debug)]
pub struct AtOrigin(Address);

impl AtOrigin {
    /// The origin, as [`OriginGuardResolver::origin`](super::OriginGuardResolver::origin) takes it. Empty text is no
    /// origin, and nobody has access.
    pub fn new(origin: impl Into<String>) -> Self {
        Self(Address::new(origin))
    }
}

#[async_trait]
impl PlatformAccess for AtOrigin {
    async fn in_force(&self, cx: &Cx) -> Result<bool> {
        Ok(Site::of(&cx.request().headers).is_some_and(|site| self.0.matches(&site)))
    }

    fn problems(&self) -> Vec<String> {
        self.0.problem().map(|problem| format!("platform access: {problem}")).into_iter().collect()
    }
}
