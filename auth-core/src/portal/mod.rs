//! Several front ends over one engine: which of them sends a request, and so in which role guard its user acts.
//!
//! An admin console, a portal and a mobile app share users, and a role counts in the one for which it was granted. What
//! a request says of its front end is a claim: a browser vouches for the origin of a page, and everything else writes
//! what it likes. So a resolver chooses a namespace of roles and proves nothing: roles are looked up for the user in
//! that namespace afterwards, and somebody who has none there gets nothing by naming it.
//!
//! Start reading at [`MultiPortal`], the policy ready made; [`OriginGuardResolver`] tells it which front end is which.

mod policy;
mod resolver;

pub use policy::{AtOrigin, MultiPortal};
pub use resolver::{OriginGuardResolver, RoleGuardResolver};
