//! What is known of a user.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::base::{Email, PhoneNumber, TenantId, Timestamp, UserId, Username};
use crate::error::{Code, Error, Result};
use crate::role::HeldRole;
use crate::tenant::Membership;

/// One of the two kinds of people that an application knows: those who run it, and those whom it serves.
///
/// The same address may be in both and means two different accounts, with a password, sessions and roles of its own. An
/// id of one pool is never one of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Pool {
    /// Staff, members, whoever works with the application.
    User,
    /// Whoever buys from it or is served by it.
    Customer,
}

impl Pool {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Customer => "customer",
        }
    }
}

impl FromStr for Pool {
    type Err = UnknownPool;

    fn from_str(text: &str) -> Result<Self, UnknownPool> {
        match text {
            "user" => Ok(Self::User),
            "customer" => Ok(Self::Customer),
            _ => Err(UnknownPool),
        }
    }
}

/// The text names none of the pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pool is `user` or `customer`")]
pub struct UnknownPool;

/// Those among whom an address is one account: a pool, or where accounts belong to tenants
/// ([`Tenancy::isolated`](crate::guard::Tenancy::isolated)) what one tenant has of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Population {
    /// The pool.
    pub pool: Pool,
    /// The tenant whose accounts are meant; `None` for those that belong to no tenant.
    pub tenant: Option<TenantId>,
}

impl Population {
    /// What this tenant has of the same pool.
    #[must_use]
    pub fn in_tenant(self, tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..self }
    }
}

/// Those of the pool who belong to no tenant: where accounts do not, all of them.
impl From<Pool> for Population {
    fn from(pool: Pool) -> Self {
        Self { pool, tenant: None }
    }
}

/// A person with an account. Serialises in the form of the protocol (`camelCase`, explicit `null`).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Never changes and is never used again.
    pub id: UserId,
    /// At most 255 characters, for display.
    pub name: String,
    /// The canonical address; unique in its [`Population`].
    pub email: Email,
    /// Whether the mailbox has been proved to belong to this user.
    pub email_verified: bool,
    /// A picture's address, at most 2,048 characters.
    pub image: Option<String>,
    /// When the user signed up.
    pub created_at: Timestamp,
    /// When this row last changed.
    pub updated_at: Timestamp,
    /// Since when the user may not sign in; `None` for everybody else.
    #[serde(skip)]
    pub disabled_at: Option<Timestamp>,
    /// Raised with every change of credentials. A sign-in that began under an older version makes no session.
    #[serde(skip)]
    pub credential_version: i64,
    /// Which pool they belong to; never changes.
    #[serde(skip)]
    pub pool: Pool,
    /// The tenant that the account belongs to, and never another one. `None` where accounts belong to no tenant
    /// ([`Tenancy::shared`](crate::guard::Tenancy::shared), or no tenants at all), and for staff of the platform.
    #[serde(skip)]
    pub tenant: Option<TenantId>,
    /// What else they are known by.
    #[serde(skip)]
    pub identifiers: Identifiers,
}

/// What else than an address somebody is known by. Clients see of it what the application has switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifiers {
    /// The name that they sign in with; unique in their [`Population`].
    pub username: Option<Username>,
    /// How it is shown: at most 30 characters of the user's choice. It is not unique and need not be like the name, so
    /// identify nobody by it.
    pub display_username: Option<String>,
    /// Their telephone number; unique in their [`Population`].
    pub phone_number: Option<PhoneNumber>,
    /// Whether the number has been proved to be theirs.
    pub phone_number_verified: bool,
    /// Whether nobody knows who they are: they have signed in by nothing, and their address is nobody's mailbox.
    pub is_anonymous: bool,
}

/// Somebody who belongs to a tenant.
#[derive(Clone, Debug)]
pub struct TenantMember {
    /// Who.
    pub user: User,
    /// Since when, and whether it counts.
    pub membership: Membership,
    /// What they hold there and everywhere, ordered by guard and name. What that comes to in a session of theirs
    /// depends on more, such as the role guard that it is opened under.
    pub roles: Vec<HeldRole>,
}

impl User {
    /// Whether it is a customer's account.
    pub fn is_customer(&self) -> bool {
        self.pool == Pool::Customer
    }

    /// Among whom the address is theirs.
    pub fn population(&self) -> Population {
        Population { pool: self.pool, tenant: self.tenant.clone() }
    }
}

/// What a user may change about themselves; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// A new display name.
    pub name: Option<String>,
    /// A new picture, or `Some(None)` to remove it.
    pub image: Option<Option<String>>,
}

/// What somebody asks for when signing up. The password is not among it: no hook sees it.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignUp {
    /// The address the account will have.
    pub email: Email,
    /// The display name.
    pub name: String,
    /// A picture's address.
    pub image: Option<String>,
    /// The tenant that they want to act in. Naming it makes nobody a member: a hook may. But where accounts belong to
    /// tenants ([`Tenancy::isolated`](crate::guard::Tenancy::isolated)) it is the one that the account will belong to,
    /// with a membership from the start; what a hook makes of it then moves no account.
    pub tenant: Option<TenantId>,
    /// What else they are to be known by.
    pub(crate) identifiers: Identifiers,
    /// Fields of the request that the engine does not know. They reach hooks and never the user row.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// Names the extra fields and shows none of their values: a form may send a password twice.
impl fmt::Debug for SignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra: Vec<&String> = self.extra.keys().collect();
        f.debug_struct("SignUp")
            .field("email", &self.email)
            .field("tenant", &self.tenant)
            .field("extra", &extra)
            .finish_non_exhaustive()
    }
}

impl SignUp {
    /// A sign-up with an address and a name, for programs that create users themselves.
    pub fn new(email: Email, name: impl Into<String>) -> Self {
        let (identifiers, extra) = (Identifiers::default(), serde_json::Map::new());
        Self { email, name: name.into(), image: None, tenant: None, identifiers, extra }
    }

    /// With a [`tenant`](Self::tenant).
    #[must_use]
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// With a name to sign in with.
    #[must_use]
    pub fn with_username(mut self, username: Username) -> Self {
        self.identifiers.username = Some(username);
        self
    }
}

/// The longest display name, in characters.
const MAX_NAME_CHARS: usize = 255;
/// The longest picture address, in characters.
const MAX_IMAGE_CHARS: usize = 2_048;

/// Fields of a user, account or session that no request may set, however it spells them.
const PROTECTED_FIELDS: [&str; 19] = [
    "id",
    "userid",
    "role",
    "roles",
    "permissions",
    "emailverified",
    "createdat",
    "updatedat",
    "disabledat",
    "banned",
    "banreason",
    "banexpires",
    "twofactorenabled",
    "credentialversion",
    "passwordhash",
    "pool",
    "tenantid",
    "phonenumberverified",
    "isanonymous",
];

/// Refuses a request that tries to set what only the engine sets.
pub(crate) fn refuse_protected_fields(extra: &serde_json::Map<String, serde_json::Value>) -> Result<()> {
    let folded = |name: &str| name.chars().filter(|c| *c != '_' && *c != '-').collect::<String>().to_ascii_lowercase();
    match extra.keys().find(|name| PROTECTED_FIELDS.contains(&&*folded(name))) {
        Some(name) => Err(Error::from(Code::FieldNotAllowed).field(name.clone(), "may not be set")),
        None => Ok(()),
    }
}

/// Refuses a name or picture address that is too long or has control characters.
pub(crate) fn check_profile(name: Option<&str>, image: Option<&str>) -> Result<()> {
    for (field, value, max) in [("name", name, MAX_NAME_CHARS), ("image", image, MAX_IMAGE_CHARS)] {
        let Some(value) = value else { continue };
        if value.chars().count() > max || value.chars().any(char::is_control) {
            let problem = format!("at most {max} characters, none of them a control character");
            return Err(Error::invalid("body", field, problem));
        }
    }
    // Pages put it where a browser would run a script address.
    let scheme = image.and_then(|image| url::Url::parse(image).ok()).map(|url| url.scheme().to_owned());
    if scheme.is_some_and(|scheme| !matches!(&*scheme, "https" | "http" | "data")) {
        return Err(Error::invalid("body", "image", "must be a web address"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_one_spelling() {
        for pool in [Pool::User, Pool::Customer] {
            assert_eq!(pool.as_str().parse(), Ok(pool));
        }
        for other in ["", "User", "CUSTOMER", " user", "user ", "users", "staff"] {
            assert_eq!(other.parse::<Pool>(), Err(UnknownPool), "{other:?}");
        }
    }
}
