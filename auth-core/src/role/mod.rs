//! Roles and permissions: what a user may do, granted in namespaces called *role guards*.
//!
//! A role is identified by role guard, name and the tenant that has defined it, if one has; it carries permissions.
//! Users hold roles everywhere, as members of a tenant, or as staff of the platform ([`RoleScope`]), and what they hold
//! counts where they act there. Everything is read anew with each request, so a grant or a revocation is felt at once.
//!
//! Programs [`seed`] the roles that they are built on, and [`grant`] them; a person does the same by their own
//! authority with [`grant_as`].

mod config;
mod grant;
mod model;
mod service;
mod store;

pub use config::{PermissionGrammar, PermissionRules, WildcardPolicy};
pub use grant::{
    Granter, RolePlace, grant, grant_as, grant_role, grant_role_within, grant_within, replace_as, revoke, revoke_as,
    revoke_role, revoke_within,
};
pub(crate) use grant::{expect_dispensable, expect_guard, grant_to_anybody, is_held};
pub(crate) use model::permissions_of;
pub use model::{
    GrantedRole, HeldRole, InvalidName, Permission, Role, RoleGrant, RoleScope, RoleSpec, StoredGrant, UnknownScope,
};
pub(crate) use service::RoleGuards;
pub use service::{define, define_role, delete_role, roles, seed};
pub use store::RoleStore;
