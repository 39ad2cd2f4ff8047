//! Users: who they are, apart from how they prove it.

mod endpoints;
mod model;
mod service;
mod store;

pub use endpoints::{ConfirmDeletion, DeleteUser, FollowDeletion, UpdateUser};
pub(crate) use endpoints::{MAIL_ROUTES, ROUTES};
pub use model::{Identifiers, Pool, Population, ProfileChange, SignUp, TenantMember, UnknownPool, User};
pub(crate) use model::{check_profile, refuse_protected_fields};
pub use service::{
    create_user, create_user_within, delete_user, disable_user, enable_user, list_users, members_of_tenant,
    user_by_email, user_by_email_in_tenant, user_by_id,
};
pub(crate) use service::{expect_accepted, expect_known, home, insert, new, remove, set_disabled, signed_up};
pub use store::{UserEmailStore, UserIdentifierStore, UserStandingStore, UserStore};
