//! What is known of a user.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::base::{Email, TenantId, Timestamp, UserId};
use crate::error::{Code, Error, Result};

/// One of the two populations of an application: those who run it, and those whom it serves.
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

/// A person with an account. Serialises in the form of the protocol (`camelCase`, explicit `null`).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Never changes and is never used again.
    pub id: UserId,
    /// At most 255 characters, for display.
    pub name: String,
    /// The canonical address; unique in its pool.
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
    /// Which population they belong to; never changes.
    #[serde(skip)]
    pub pool: Pool,
}

impl User {
    /// Whether it is a customer's account.
    pub fn is_customer(&self) -> bool {
        self.pool == Pool::Customer
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
    /// The tenant that they want to act in. Naming it makes nobody a member: a hook may.
    pub tenant: Option<TenantId>,
    /// Fields of the request that the engine does not know. They reach hooks and never the user row.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// Names the extra fields and shows none of their values: a form may send a password twice.
impl fmt::Debug for SignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra: Vec<&String> = self.extra.keys().collect();
        f.debug_struct("SignUp").field("email", &self.email).field("extra", &extra).finish_non_exhaustive()
    }
}

impl SignUp {
    /// A sign-up with an address and a name, for programs that create users themselves.
    pub fn new(email: Email, name: impl Into<String>) -> Self {
        Self { email, name: name.into(), image: None, tenant: None, extra: serde_json::Map::new() }
    }
}

/// The longest display name, in characters.
const MAX_NAME_CHARS: usize = 255;
/// The longest picture address, in characters.
const MAX_IMAGE_CHARS: usize = 2_048;

/// Fields of a user, account or session that no request may set, however it spells them.
const PROTECTED_FIELDS: [&str; 16] = [
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
            return Err(Error::from(Code::ValidationError)
                .saying(format!("[body.{field}] {problem}"))
                .field(field, problem));
        }
    }
    // Pages put it where a browser would run a script address.
    let scheme = image.and_then(|image| url::Url::parse(image).ok()).map(|url| url.scheme().to_owned());
    if scheme.is_some_and(|scheme| !matches!(&*scheme, "https" | "http" | "data")) {
        let problem = "must be a web address";
        return Err(Error::from(Code::ValidationError)
            .saying(format!("[body.image] {problem}"))
            .field("image", problem));
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
