//! Roles: bundles of permissions, each in a namespace of its own.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::base::{RoleId, Timestamp};

/// Leave to do one thing, such as `reports:read`. An opaque string, compared exactly: no wildcards,
/// no hierarchy, `users:admin` does not imply `users:read`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(String);

impl Permission {
    /// At most 128 visible ASCII characters without spaces.
    pub const MAX_LENGTH: usize = 128;

    /// Takes a permission's name.
    ///
    /// # Errors
    /// [`InvalidName`] when it is empty, too long or has a character other than visible ASCII.
    pub fn parse(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        if is_name(&name, Self::MAX_LENGTH) { Ok(Self(name)) } else { Err(InvalidName) }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Permission {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permission({})", self.0)
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The name of a role, a role guard or a permission must be visible ASCII without spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name must be 1 to 64 (permissions: 128) visible ASCII characters without spaces")]
pub struct InvalidName;

/// Whether `name` is visible ASCII of at most `max` characters.
pub(crate) fn is_name(name: &str, max: usize) -> bool {
    !name.is_empty() && name.len() <= max && name.bytes().all(|b| b.is_ascii_graphic())
}

/// A role as it is defined: a name within a role guard, and what it permits.
///
/// The *role guard* is a namespace (`ADMIN`, `PORTAL`): `admin` in one and `admin` in the other are two roles.
#[derive(Clone, Debug)]
pub struct Role {
    /// Never changes.
    pub id: RoleId,
    /// The namespace, one of those registered with the builder.
    pub guard: String,
    /// The name, unique within its guard.
    pub name: String,
    /// What holding the role permits; sorted, without repeats.
    pub permissions: Vec<Permission>,
    /// When the role was defined.
    pub created_at: Timestamp,
}

/// A role that somebody holds. It matches only as the pair of name and role guard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GrantedRole {
    /// The role's name.
    pub name: String,
    /// The namespace it lives in.
    pub guard: String,
}

/// What holding these roles comes to: their names, and the union of what they permit.
pub(crate) fn authority(roles: &[Role]) -> (BTreeSet<GrantedRole>, BTreeSet<Permission>) {
    let name = |role: &Role| GrantedRole { name: role.name.clone(), guard: role.guard.clone() };
    (roles.iter().map(name).collect(), roles.iter().flat_map(|role| role.permissions.iter().cloned()).collect())
}
