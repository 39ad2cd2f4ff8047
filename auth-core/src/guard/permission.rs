//! Claims about permissions.

use std::fmt;
use std::marker::PhantomData;

use super::{CurrentPrincipal, Guard, permission};
use crate::cx::Cx;
use crate::error::Result;

/// Names a permission for [`RequirePermission`]: implement it for a unit struct.
pub trait PermissionName: Send + Sync + 'static {
    /// The permission, compared exactly.
    const NAME: &'static str;
}

/// The caller holds the permission `P`.
pub struct RequirePermission<P>(PhantomData<P>);

impl<P: PermissionName> Guard for RequirePermission<P> {
    async fn check(cx: &Cx) -> Result<Self> {
        let caller = CurrentPrincipal::check(cx).await?;
        permission(P::NAME).check(&caller, cx.auth())?;
        Ok(Self(PhantomData))
    }
}

impl<P: PermissionName> fmt::Debug for RequirePermission<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequirePermission({})", P::NAME)
    }
}
