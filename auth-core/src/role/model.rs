//! Roles: bundles of permissions, each in a namespace of its own.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::base::{RoleId, TenantId, Timestamp, UserId};

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
/// The *role guard* is a namespace (`ADMIN`, `PORTAL`): `admin` in one and `admin` in the other are two roles. So are
/// the `admin` of the program and one that a tenant has defined for itself.
#[derive(Clone, Debug)]
pub struct Role {
    /// Never changes.
    pub id: RoleId,
    /// The namespace, one of those registered with the builder.
    pub guard: String,
    /// The name, unique within its guard and tenant.
    pub name: String,
    /// The tenant that has defined it for its own members; `None` for a role of the program.
    pub tenant: Option<TenantId>,
    /// What holding the role permits; sorted, without repeats.
    pub permissions: Vec<Permission>,
    /// Part of the program: only [`seed`](super::seed) changes it, and nothing removes it.
    pub is_system: bool,
    /// Whether its holders may give roles of its role guard to others, see [`grant_as`](super::grant_as). It is
    /// never taken from the last one who holds it.
    pub manages: bool,
    /// When the role was defined.
    pub created_at: Timestamp,
}

/// Where a role is held, and where a session acts: what is held in one tenant counts nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleScope {
    /// Wherever the user acts, in every tenant.
    #[default]
    Everywhere,
    /// As a member of this tenant.
    Tenant(TenantId),
    /// As staff of the platform, across all tenants, while [`PlatformAccess`](crate::guard::PlatformAccess) says so.
    Platform,
}

impl RoleScope {
    /// The tenant, if it is one.
    pub const fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::Everywhere | Self::Platform => None,
        }
    }
}

impl From<Option<TenantId>> for RoleScope {
    fn from(tenant: Option<TenantId>) -> Self {
        tenant.map_or(Self::Everywhere, Self::Tenant)
    }
}

/// What a tenant's name stands behind. It has a space, which no name has.
const IN_TENANT: &str = "tenant ";

/// The stored form: `everywhere`, `platform`, `tenant acme`.
impl fmt::Display for RoleScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::Platform => f.write_str("platform"),
            Self::Tenant(tenant) => write!(f, "{IN_TENANT}{tenant}"),
        }
    }
}

impl FromStr for RoleScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        match text {
            "everywhere" => Ok(Self::Everywhere),
            "platform" => Ok(Self::Platform),
            _ => {
                let tenant = text.strip_prefix(IN_TENANT).ok_or(UnknownScope)?;
                TenantId::parse(tenant).map(Self::Tenant).map_err(|_| UnknownScope)
            }
        }
    }
}

/// The text is the stored form of no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `everywhere`, `platform` or `tenant` with the name of one")]
pub struct UnknownScope;

/// A role that somebody holds, and where. Whether it counts depends on where they act.
#[derive(Clone, Debug)]
pub struct HeldRole {
    /// The role.
    pub role: Role,
    /// Where it is held.
    pub scope: RoleScope,
}

/// That somebody holds a role, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredGrant {
    /// Who holds it.
    pub user: UserId,
    /// The role.
    pub role: RoleId,
    /// Where.
    pub scope: RoleScope,
}

/// A role that counts for whoever acts. It matches only as the pair of name and role guard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GrantedRole {
    /// The role's name.
    pub name: String,
    /// The namespace it lives in.
    pub guard: String,
    /// The tenant in which it is held; `None` when it is held everywhere, or on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Whether that tenant has defined it for itself. Such a role permits, and fulfils no demand for a role: a program
    /// that asks for a `super_admin` means its own.
    #[serde(default, rename = "isCustom", skip_serializing_if = "std::ops::Not::not")]
    pub is_custom: bool,
}

impl GrantedRole {
    /// A role of the program, held everywhere.
    pub fn new(guard: impl Into<String>, name: impl Into<String>) -> Self {
        Self { name: name.into(), guard: guard.into(), tenant: None, is_custom: false }
    }
}

impl From<&HeldRole> for GrantedRole {
    fn from(HeldRole { role, scope }: &HeldRole) -> Self {
        let tenant = scope.tenant().cloned();
        Self { tenant, is_custom: role.tenant.is_some(), ..Self::new(&*role.guard, &*role.name) }
    }
}

/// A role to be given or taken, by its names, and where: everywhere, unless it says otherwise.
///
/// ```
/// use auth_core::base::TenantId;
/// use auth_core::role::RoleGrant;
///
/// let acme = TenantId::parse("acme").unwrap();
/// let member = RoleGrant::new("PORTAL", "member").in_tenant(acme);
/// let support = RoleGrant::new("ADMIN", "support").on_platform();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct RoleGrant {
    pub(super) guard: String,
    pub(super) name: String,
    pub(super) scope: RoleScope,
}

impl RoleGrant {
    /// The role of this guard and name, wherever its holder acts.
    pub fn new(guard: impl Into<String>, name: impl Into<String>) -> Self {
        Self { guard: guard.into(), name: name.into(), scope: RoleScope::Everywhere }
    }

    /// In one tenant only, whose member the holder must be. A role that the tenant has defined itself is found before
    /// one of the program that is called the same.
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.scope = RoleScope::Tenant(tenant);
        self
    }

    /// On the platform: for staff, whatever the tenant, while [`PlatformAccess`](crate::guard::PlatformAccess) is in
    /// force.
    pub fn on_platform(mut self) -> Self {
        self.scope = RoleScope::Platform;
        self
    }

    /// The role guard.
    pub fn guard(&self) -> &str {
        &self.guard
    }

    /// Where.
    pub const fn scope(&self) -> &RoleScope {
        &self.scope
    }
}

/// A role as a program wishes it to be.
///
/// ```
/// use auth_core::role::RoleSpec;
///
/// let roles = [
///     RoleSpec::new("ADMIN", "super_admin").permissions(["tickets:read", "staff:manage"]).manages(),
///     RoleSpec::new("ADMIN", "support").permissions(["tickets:read"]),
/// ];
/// # let _ = roles;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RoleSpec {
    pub(super) guard: String,
    pub(super) name: String,
    pub(super) tenant: Option<TenantId>,
    pub(super) permissions: Vec<String>,
    pub(super) manages: bool,
}

impl RoleSpec {
    /// A role that permits nothing yet. Guard and name are 1 to 64 visible ASCII characters.
    pub fn new(guard: impl Into<String>, name: impl Into<String>) -> Self {
        Self { guard: guard.into(), name: name.into(), tenant: None, permissions: Vec::new(), manages: false }
    }

    /// What it permits, in place of anything said before.
    pub fn permissions<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.permissions = names.into_iter().map(Into::into).collect();
        self
    }

    /// Its holders may give and take roles of its guard, as far as their own authority goes; somebody always holds it.
    pub fn manages(mut self) -> Self {
        self.manages = true;
        self
    }

    /// Of one tenant's own making, for its members.
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }
}

/// The union of what these roles permit.
pub(crate) fn permissions_of(roles: &[HeldRole]) -> BTreeSet<Permission> {
    roles.iter().flat_map(|held| held.role.permissions.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_spelling() {
        let acme = RoleScope::Tenant(TenantId::parse("acme").unwrap());
        for scope in [RoleScope::Everywhere, RoleScope::Platform, acme] {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for other in ["", "Platform", "tenant", "tenant ", "tenant a b", "tenantacme", " everywhere", "acme"] {
            assert_eq!(other.parse::<RoleScope>(), Err(UnknownScope), "{other:?}");
        }
    }

    #[test]
    fn no_tenant_is_called_like_another_scope() {
        for name in ["platform", "everywhere"] {
            let tenant = RoleScope::Tenant(TenantId::parse(name).unwrap());
            assert_eq!(tenant.to_string().parse(), Ok(tenant));
        }
    }
}
