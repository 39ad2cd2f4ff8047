//! Who acts.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::base::{SessionId, UserId};
use crate::role::{GrantedRole, Permission};
use crate::session::{Assurance, AuthMethod, Resolved, Session};
use crate::user::User;

/// What a principal is. Kinds are separate pools: an id of one never names something of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A user of the application.
    User,
}

/// The id of a principal, unique within its kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrincipalId(Uuid);

impl From<UserId> for PrincipalId {
    fn from(id: UserId) -> Self {
        Self(id.as_uuid())
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.simple(), f)
    }
}

impl fmt::Debug for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrincipalId({self})")
    }
}

impl Serialize for PrincipalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who acts, with what authority, and how that was proved: the same shape for every kind of credential.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Principal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Which one it is.
    pub id: PrincipalId,
    /// The roles held, as pairs of name and role guard.
    pub roles: BTreeSet<GrantedRole>,
    /// The union of what these roles permit.
    pub permissions: BTreeSet<Permission>,
    /// How it was proved.
    pub method: AuthMethod,
    /// How sure we are.
    pub assurance: Assurance,
    /// The session behind it.
    pub session: Option<SessionId>,
}

impl Principal {
    /// Whether the permission of exactly this name is held.
    pub fn has_permission(&self, name: &str) -> bool {
        self.permissions.contains(name)
    }

    /// Whether the role is held in exactly this role guard; the same name in another guard does not count.
    pub fn has_role(&self, guard: &str, name: &str) -> bool {
        self.roles.iter().any(|role| role.guard == guard && role.name == name)
    }
}

/// A proved request: the principal, and the rows that proved it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authentication {
    /// Who acts.
    pub principal: Principal,
    /// The user behind it.
    pub user: User,
    /// The session behind it.
    pub session: Session,
}

impl From<Resolved> for Authentication {
    fn from(resolved: Resolved) -> Self {
        let Resolved { session, user, roles } = resolved;
        let (mut names, mut permissions) = (BTreeSet::new(), BTreeSet::new());
        for role in roles {
            permissions.extend(role.permissions);
            names.insert(GrantedRole { name: role.name, guard: role.guard });
        }
        let principal = Principal {
            kind: PrincipalKind::User,
            id: user.id.into(),
            roles: names,
            permissions,
            method: session.method,
            assurance: session.assurance,
            session: Some(session.id),
        };
        Self { principal, user, session }
    }
}
