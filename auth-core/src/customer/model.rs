//! What is known of a customer.

use serde::Serialize;

use crate::base::{CustomerId, Email, TenantId, Timestamp};
use crate::user::User;

/// A customer. Serialises as a [`User`] does.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Customer {
    /// Never changes and is never used again, for a user either.
    pub id: CustomerId,
    /// At most 255 characters, for display.
    pub name: String,
    /// The canonical address; unique among customers, or where accounts belong to tenants among those of one tenant.
    pub email: Email,
    /// Whether the mailbox has been proved to belong to this customer.
    pub email_verified: bool,
    /// A picture's address, at most 2,048 characters.
    pub image: Option<String>,
    /// When the customer signed up.
    pub created_at: Timestamp,
    /// When this row last changed.
    pub updated_at: Timestamp,
    /// Since when the customer may not sign in; `None` for everybody else.
    #[serde(skip)]
    pub disabled_at: Option<Timestamp>,
    /// The tenant that the account belongs to, where accounts do; never another one.
    #[serde(skip)]
    pub tenant: Option<TenantId>,
}

impl From<User> for Customer {
    fn from(row: User) -> Self {
        Self {
            id: CustomerId::from_uuid(row.id.as_uuid()),
            name: row.name,
            email: row.email,
            email_verified: row.email_verified,
            image: row.image,
            created_at: row.created_at,
            updated_at: row.updated_at,
            disabled_at: row.disabled_at,
            tenant: row.tenant,
        }
    }
}
