//! Claims about the caller. A handler or endpoint that takes a [`Guard`] runs only if the claim holds.
//!
//! | a handler takes | it runs for |
//! |---|---|
//! | [`CurrentPrincipal`] | whoever proved who they are |
//! | [`CurrentUser`], [`CurrentCustomer`], [`CurrentService`] | those of one kind |
//! | [`CurrentSession`] | whoever has a session |
//! | [`Tenant`] | whoever acts for a tenant |
//! | [`Member`] | whoever does so as a member of it |
//! | [`RequestContext`] | whoever proved who they are; what handlers log and hand on |
//! | [`MaybePrincipal`] | everybody; a *bad* credential is still refused |
//! | [`Fresh<G>`](Fresh) | `G`, proved a short while ago |
//! | [`RequireRole<R>`](RequireRole), [`RequirePermission<P>`](RequirePermission) | holders of a role or a permission |
//! | `(A, B)` | whom both hold for |
//!
//! No credential, or one that proves nothing, is 401; a proven caller who may not is 403; a store that is down is
//! 503. `Option<CurrentUser>` does not exist: it would turn each of these into "nobody".
//!
//! A [`Requirement`] says the same as data, for route rules and for places without HTTP. A [`Policy`] is the second
//! layer: whether this caller may do this to that, judged with a handler's input.

mod access_rule;
mod business_hours;
mod context;
mod development;
mod limits;
mod path_policy;
mod permission;
mod platform;
mod policy;
mod principal;
mod requirement;
mod role;
mod signed_in;
mod tenant;

use std::future::Future;

pub(crate) use access_rule::Admits;
pub use access_rule::{AccessRule, check_rules};
pub use business_hours::BusinessHours;
pub use context::RequestContext;
pub use development::{DevelopmentAuth, Environment};
pub use permission::{PermissionName, RequirePermission};
pub use platform::PlatformAccess;
pub use policy::{
    And, Decision, Not, NotYourself, Or, Owned, OwnerOr, Policy, PolicyContext, PolicyExt, PolicyFn, RequiredRoleOr,
    RequiresRole, not, not_yourself, owner_or, policy, required_role_or,
};
pub use principal::{Authentication, Principal, PrincipalId, PrincipalKind, PrincipalSource};
pub use requirement::{
    Requirement, RoleRequirement, all, any, any_role_in, fresh, kind, permission, public, role, signed_in, staff,
};
pub use role::{RequireRole, RoleName};
pub use signed_in::{
    Anyone, CurrentCustomer, CurrentPrincipal, CurrentService, CurrentSession, CurrentUser, Fresh, MaybePrincipal,
};
pub use tenant::{Member, Scoped, Tenancy, Tenant, TenantAccess, TenantRequirement};

use crate::cx::Cx;
use crate::error::Result;

/// A claim about the caller, proved by having the value.
pub trait Guard: Sized + Send + 'static {
    /// Checks the claim.
    ///
    /// # Errors
    /// 401, 403 or 503, see the [module](self).
    fn check(cx: &Cx) -> impl Future<Output = Result<Self>> + Send;
}

/// Both claims hold. The first one that does not decides the refusal.
impl<A: Guard, B: Guard> Guard for (A, B) {
    async fn check(cx: &Cx) -> Result<Self> {
        Ok((A::check(cx).await?, B::check(cx).await?))
    }
}
