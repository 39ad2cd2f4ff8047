//! Roles and permissions: what a user may do, granted in namespaces called *role guards*.
//!
//! A role is identified by the pair of role guard and name, and carries permissions; users hold roles. Everything is
//! read anew with each request, so a grant or a revocation is felt at once.

mod model;
mod service;
mod store;

pub(crate) use model::authority;
pub use model::{GrantedRole, InvalidName, Permission, Role};
pub(crate) use service::{RoleGuards, grant};
pub use service::{define_role, grant_role, grant_role_within, revoke_role};
pub use store::RoleStore;
