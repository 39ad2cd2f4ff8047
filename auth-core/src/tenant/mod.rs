//! Tenants and their members: the organisations that share a program, and who belongs to which.
//!
//! A user is one account that may be a member of many tenants, with roles of its own in each. What a member may do
//! counts in sessions of that tenant only, and ends with the membership.
//!
//! Where accounts belong to tenants ([`Tenancy::isolated`](crate::guard::Tenancy::isolated)) everybody is a member of
//! the one that theirs belongs to, from the moment they sign up, and of no other.
//!
//! ```
//! use auth_core::prelude::*;
//! use auth_core::role::RoleGrant;
//!
//! # async fn run(cx: &Cx, ada: UserId) -> Result<()> {
//! let acme = TenantId::parse("acme").expect("a name");
//! tenant::create(cx, &acme, "Acme Ltd.").await?;
//! tenant::add_member(cx, ada, &acme).await?;
//! role::grant(cx, ada, &RoleGrant::new("PORTAL", "member").in_tenant(acme)).await?;
//! # Ok(())
//! # }
//! ```

mod endpoints;
mod model;
mod service;
mod store;

pub(crate) use endpoints::ROUTES;
pub use endpoints::{SwitchTenant, SwitchedBody};
pub use model::{Membership, MembershipStatus, TenantRecord, UnknownStatus};
pub(crate) use service::admit;
pub use service::{
    add_member, add_member_within, by_id, create, delete, memberships_of_user, reinstate_member, remove_member,
    suspend_member,
};
pub use store::{MembershipStore, TenantStore};
