//! What hooks are shown of a sign-in.

use serde_json::{Map, Value};

use crate::base::{Email, SessionId, TenantId};
use crate::role::{HeldRole, RoleScope};
use crate::session::{AuthMethod, StoredSession};
use crate::tenant::Membership;
use crate::user::User;

/// Somebody wants to sign in. Nothing of it has been checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginAttempt<'a> {
    /// How they mean to prove who they are.
    pub method: AuthMethod,
    /// What for.
    pub occasion: LoginOccasion,
    /// The account that they name, if they name one by its address.
    pub email: Option<&'a Email>,
    /// Fields of the request that the engine does not know. A stranger writes them.
    pub input: &'a Map<String, Value>,
    /// The role guard that the session is to be opened under; `None` unless a hook says so. What another session
    /// vouches for acts where that one does, whatever is said here.
    pub role_guard: Option<String>,
    /// The tenant that the session is to act in, as the request names it.
    pub tenant: Option<TenantId>,
}

impl<'a> LoginAttempt<'a> {
    pub(crate) const fn new(method: AuthMethod, occasion: LoginOccasion, input: &'a Map<String, Value>) -> Self {
        Self { method, occasion, email: None, input, role_guard: None, tenant: None }
    }

    pub(crate) fn wanting(mut self, tenant: Option<TenantId>) -> Self {
        self.tenant = tenant;
        self
    }

    pub(crate) fn naming(mut self, email: &'a Email, tenant: Option<TenantId>) -> Self {
        (self.email, self.tenant) = (Some(email), tenant);
        self
    }
}

/// What a session is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginOccasion {
    /// Somebody has signed in.
    SignIn,
    /// Somebody has signed up, in the same transaction.
    SignUp,
    /// Somebody who was signed in gets another session: for another client or tenant, or after a change of password.
    Renewal,
}

/// Who is about to get a session, how they proved who they are, and what they hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginContext<'a> {
    /// The user as they were when the proof was checked; the session is only made if they are still enabled and their
    /// credentials unchanged.
    pub user: &'a User,
    /// How they proved it.
    pub method: AuthMethod,
    /// What it is for.
    pub occasion: LoginOccasion,
    /// Fields of the request that the engine does not know. A stranger writes them.
    pub input: &'a Map<String, Value>,
    /// The id that the session will have. It is not written yet.
    pub session: SessionId,
    /// What they belong to, suspended memberships included.
    pub memberships: Vec<Membership>,
    /// What they hold, wherever it is held.
    pub roles: Vec<HeldRole>,
    /// Whether platform access is in force in this request: then whoever holds a role on the platform acts there, and
    /// what they hold in tenants does not count.
    pub has_platform_access: bool,
    /// The session that this one stands beside, or in place of, on a [renewal](LoginOccasion::Renewal).
    pub renews: Option<&'a StoredSession>,
    /// The role guard that the session is opened under: only roles of it will count. `None` for no such limit.
    pub role_guard: Option<String>,
    /// The tenant that the session will act in. Staff of the platform act in none.
    pub tenant: Option<TenantId>,
}

impl LoginContext<'_> {
    /// Whether they are an active member of the tenant.
    pub fn is_member_of(&self, tenant: &TenantId) -> bool {
        self.memberships.iter().any(|membership| membership.tenant == *tenant && membership.is_active())
    }

    /// Whether they hold a role of this guard as staff of the platform, be platform access in force or not.
    pub fn is_staff_in(&self, guard: &str) -> bool {
        self.roles.iter().any(|held| held.scope == RoleScope::Platform && held.role.guard == guard)
    }

    /// Whether they hold any role of this guard that would count in the tenant, or with `None` in no tenant: there, or
    /// everywhere; not on the platform. One that the tenant has defined for itself is a role, too.
    pub fn holds_any_in(&self, guard: &str, tenant: Option<&TenantId>) -> bool {
        let counts = |scope: &RoleScope| match scope {
            RoleScope::Everywhere => true,
            RoleScope::Tenant(own) => Some(own) == tenant && self.is_member_of(own),
            RoleScope::Platform => false,
        };
        self.roles.iter().any(|held| held.role.guard == guard && counts(&held.scope))
    }

    /// The tenants whose active member they are, with any role of this guard in it.
    pub fn tenants_in(&self, guard: &str) -> Vec<&TenantId> {
        let tenants = self.memberships.iter().filter(|membership| membership.is_active()).map(|it| &it.tenant);
        let holds = |tenant: &TenantId| {
            let is_here = |held: &HeldRole| held.scope.tenant() == Some(tenant);
            self.roles.iter().any(|held| held.role.guard == guard && is_here(held))
        };
        tenants.filter(|tenant| holds(tenant)).collect()
    }
}
