//! Claims about the caller. A handler or endpoint that takes a [`Guard`] runs only if the claim holds.
//!
//! | a handler takes | it runs for |
//! |---|---|
//! | [`CurrentUser`], [`CurrentPrincipal`], [`CurrentSession`] | whoever is signed in |
//! | [`MaybePrincipal`] | everybody; a *bad* credential is still refused |
//! | [`Fresh<G>`](Fresh) | `G`, proved a short while ago |
//! | [`RequireRole<R>`](RequireRole), [`RequirePermission<P>`](RequirePermission) | holders of a role or a permission |
//! | `(A, B)` | whom both hold for |
//!
//! No credential, or one that proves nothing, is 401; a proven caller who may not is 403; a store that is down is
//! 503. `Option<CurrentUser>` does not exist: it would turn each of these into "nobody".
//!
//! A [`Requirement`] says the same as data, for route rules and for places without HTTP.

mod credential;
mod permission;
mod principal;
mod requirement;
mod role;
mod signed_in;

use std::future::Future;
use std::sync::Arc;

pub(crate) use credential::Credential;
pub use permission::{PermissionName, RequirePermission};
pub use principal::{Authentication, Principal, PrincipalId, PrincipalKind};
pub use requirement::{
    AccessRule, Requirement, RoleRequirement, all, any, fresh, kind, permission, public, role, signed_in,
};
pub use role::{RequireRole, RoleName};
pub use signed_in::{Anyone, CurrentPrincipal, CurrentSession, CurrentUser, Fresh, MaybePrincipal};

use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::session;

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

/// Who sends this request: the first credential present decides, a bad one never falls through to the next.
pub(crate) async fn authenticate(cx: &Cx) -> Result<Option<Arc<Authentication>>> {
    let Some(credential) = Credential::of(cx)? else { return Ok(None) };
    let mut proven = session::resolve(cx, credential.token()).await?.ok_or(Code::Unauthorized)?;
    if session::slide_if_due(cx, &mut proven.session).await? {
        credential.renew(cx, &proven.session);
    }
    Ok(Some(Arc::new(Authentication::from(proven))))
}
