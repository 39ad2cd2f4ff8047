//! Claims about roles.

use std::fmt;
use std::marker::PhantomData;

use super::{CurrentPrincipal, Guard, role};
use crate::cx::Cx;
use crate::error::{Error, Result};

/// Names a role for [`RequireRole`]: implement it for a unit struct.
///
/// ```
/// use auth_core::guard::RoleName;
///
/// struct SuperAdmin;
///
/// impl RoleName for SuperAdmin {
///     const GUARD: &'static str = "ADMIN";
///     const NAME: &'static str = "super_admin";
/// }
/// ```
pub trait RoleName: Send + Sync + 'static {
    /// The role guard (namespace).
    const GUARD: &'static str;
    /// The role's name within it.
    const NAME: &'static str;
}

/// The caller holds the role `R`, as the pair of name and role guard.
pub struct RequireRole<R>(PhantomData<R>);

impl<R: RoleName> Guard for RequireRole<R> {
    async fn check(cx: &Cx) -> Result<Self> {
        if !cx.auth().knows_role_guard(R::GUARD) {
            let cause = format!("RequireRole names the role guard {:?}: register it with role_guards()", R::GUARD);
            return Err(Error::internal(cause));
        }
        let caller = CurrentPrincipal::check(cx).await?;
        role(R::NAME).in_guard(R::GUARD).check(&caller, cx.auth())?;
        Ok(Self(PhantomData))
    }
}

impl<R: RoleName> fmt::Debug for RequireRole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequireRole({}/{})", R::GUARD, R::NAME)
    }
}
