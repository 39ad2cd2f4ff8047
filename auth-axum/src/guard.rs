//! The engine's guards under the names that handlers use.

use auth_core::guard;

use crate::extract::Guarded;

/// A user, whatever the credential.
pub type CurrentUser = Guarded<guard::CurrentUser>;
/// A customer, whatever the credential.
pub type CurrentCustomer = Guarded<guard::CurrentCustomer>;
/// A service: a program that acts for nobody but itself.
pub type CurrentService = Guarded<guard::CurrentService>;
/// Whoever acts, of whatever kind.
pub type CurrentPrincipal = Guarded<guard::CurrentPrincipal>;
/// A session that is alive, and whose it is.
pub type CurrentSession = Guarded<guard::CurrentSession>;
/// Whoever acts, with what handlers log and hand on.
pub type RequestContext = Guarded<guard::RequestContext>;
/// Somebody or nobody; a bad credential is still refused.
pub type MaybePrincipal = Guarded<guard::MaybePrincipal>;
/// The tenant for which the caller acts, and may.
pub type Tenant = Guarded<guard::Tenant>;
/// The tenant for which the caller acts, as an active member of it.
pub type Member = Guarded<guard::Member>;
/// `G`, proved a short while ago.
pub type Fresh<G> = Guarded<guard::Fresh<G>>;
/// The caller holds the role `R`.
pub type RequireRole<R> = Guarded<guard::RequireRole<R>>;
/// The caller holds the permission `P`.
pub type RequirePermission<P> = Guarded<guard::RequirePermission<P>>;
