//! The engine's guards under the names that handlers use.

use auth_core::guard;

use crate::extract::Guarded;

/// The user who is signed in.
pub type CurrentUser = Guarded<guard::CurrentUser>;
/// Whoever acts, of whatever kind.
pub type CurrentPrincipal = Guarded<guard::CurrentPrincipal>;
/// The session of this request.
pub type CurrentSession = Guarded<guard::CurrentSession>;
/// Somebody or nobody; a bad credential is still refused.
pub type MaybePrincipal = Guarded<guard::MaybePrincipal>;
/// `G`, proved a short while ago.
pub type Fresh<G> = Guarded<guard::Fresh<G>>;
/// The caller holds the role `R`.
pub type RequireRole<R> = Guarded<guard::RequireRole<R>>;
/// The caller holds the permission `P`.
pub type RequirePermission<P> = Guarded<guard::RequirePermission<P>>;
