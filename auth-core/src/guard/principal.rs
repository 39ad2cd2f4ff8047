//! Who acts.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::base::{Email, SessionId, TenantId, Timestamp, UserId};
use crate::role::{GrantedRole, Permission, Role};
use crate::session::{Assurance, AuthMethod, Resolved, Session};
use crate::user::User;

/// What a principal is. Kinds are separate pools: an id of one never names something of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A user of the application.
    User,
    /// A customer of the application's users.
    Customer,
    /// A program that acts for nobody but itself.
    Service,
}

impl PrincipalKind {
    /// The name in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Customer => "customer",
            Self::Service => "service",
        }
    }
}

/// The id of a principal, unique within its kind: one of ours, or the subject of an external issuer.
///
/// Two subjects of two issuers are never equal, however they are spelt, and neither is ever one of ours. Written out,
/// it is the subject alone: an application that files rows by that text must trust one issuer only, or file the
/// [issuer](Self::issuer) too.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PrincipalId(Origin);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Origin {
    Ours(Uuid),
    External(Arc<(String, String)>),
}

impl PrincipalId {
    /// A subject of an external issuer (OpenID Connect Core §2: unique within its issuer, never reassigned).
    pub fn external(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self(Origin::External(Arc::new((issuer.into(), subject.into()))))
    }

    /// The id of ours, if it is one. What it names says the principal's kind.
    pub const fn as_uuid(&self) -> Option<Uuid> {
        match self.0 {
            Origin::Ours(id) => Some(id),
            Origin::External(_) => None,
        }
    }

    /// Whose subject it is; `None` for ours.
    pub fn issuer(&self) -> Option<&str> {
        match &self.0 {
            Origin::Ours(_) => None,
            Origin::External(pair) => Some(&pair.0),
        }
    }
}

impl From<UserId> for PrincipalId {
    fn from(id: UserId) -> Self {
        Self(Origin::Ours(id.as_uuid()))
    }
}

impl PartialEq<UserId> for PrincipalId {
    fn eq(&self, id: &UserId) -> bool {
        self.as_uuid() == Some(id.as_uuid())
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::Ours(id) => fmt::Display::fmt(&id.simple(), f),
            Origin::External(pair) => f.write_str(&pair.1),
        }
    }
}

impl fmt::Debug for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.issuer() {
            None => write!(f, "PrincipalId({self})"),
            Some(issuer) => write!(f, "PrincipalId({self} of {issuer})"),
        }
    }
}

impl Serialize for PrincipalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What says what a principal is and may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PrincipalSource {
    /// The row of a session with its user and roles: as of this request.
    Session,
    /// The user's row and roles, without a session: as of this request.
    Store,
    /// The claims of a token: as of when it was issued.
    Claims,
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
    /// The tenant that the credential speaks for.
    pub tenant: Option<TenantId>,
    /// The address, if one is known: a token of an external issuer may name none.
    pub email: Option<Email>,
    /// Whether that mailbox has been proved to be theirs.
    pub email_verified: bool,
    /// The display name, if one is known.
    pub name: Option<String>,
    /// The roles held, as pairs of name and role guard.
    pub roles: BTreeSet<GrantedRole>,
    /// What may be done: the union of what the roles permit, or what the credential is limited to of it.
    pub permissions: BTreeSet<Permission>,
    /// How it was proved.
    pub method: AuthMethod,
    /// How sure we are.
    pub assurance: Assurance,
    /// When the person last proved who they are; `None` where no person did, as with an API key.
    pub authenticated_at: Option<Timestamp>,
    /// The session behind it.
    pub session: Option<SessionId>,
    /// What says so.
    pub source: PrincipalSource,
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

    /// Which of our users it is; `None` for everybody else.
    pub fn user_id(&self) -> Option<UserId> {
        self.id.as_uuid().filter(|_| self.kind == PrincipalKind::User).map(UserId::from_uuid)
    }

    /// What to call them: the name, else the address, else the id.
    pub fn display_name(&self) -> String {
        let name = self.name.clone().filter(|name| !name.is_empty());
        name.or_else(|| self.email.as_ref().map(ToString::to_string)).unwrap_or_else(|| self.id.to_string())
    }
}

/// A proved request: the principal, and the rows that proved it as far as there were any.
#[derive(Clone, Debug)]
pub struct Authentication {
    principal: Principal,
    proof: Proof,
}

#[derive(Clone, Debug)]
enum Proof {
    Session(Arc<SessionProof>),
}

/// A session that is alive, and whose it is.
#[derive(Debug)]
pub(super) struct SessionProof {
    pub(super) session: Session,
    pub(super) user: User,
}

impl Authentication {
    /// Who acts.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The row of who acts; `None` when a token's claims were believed without looking.
    pub fn user(&self) -> Option<&User> {
        match &self.proof {
            Proof::Session(proof) => Some(&proof.user),
        }
    }

    /// The session behind it; `None` for credentials that have none, and when a token's claims were believed.
    pub fn session(&self) -> Option<&Session> {
        self.session_proof().map(|proof| &proof.session)
    }

    pub(super) fn session_proof(&self) -> Option<&Arc<SessionProof>> {
        match &self.proof {
            Proof::Session(proof) => Some(proof),
        }
    }
}

impl From<Resolved> for Authentication {
    fn from(resolved: Resolved) -> Self {
        let Resolved { session, user, roles } = resolved;
        let (roles, permissions) = authority(roles);
        let principal = Principal {
            kind: PrincipalKind::User,
            id: user.id.into(),
            tenant: None,
            email: Some(user.email.clone()),
            email_verified: user.email_verified,
            name: Some(user.name.clone()),
            roles,
            permissions,
            method: session.method,
            assurance: session.assurance,
            authenticated_at: Some(session.authenticated_at),
            session: Some(session.id),
            source: PrincipalSource::Session,
        };
        Self { principal, proof: Proof::Session(Arc::new(SessionProof { session, user })) }
    }
}

/// What these roles make of whoever holds them.
pub(crate) fn authority(roles: Vec<Role>) -> (BTreeSet<GrantedRole>, BTreeSet<Permission>) {
    let (mut names, mut permissions) = (BTreeSet::new(), BTreeSet::new());
    for role in roles {
        permissions.extend(role.permissions);
        names.insert(GrantedRole { name: role.name, guard: role.guard });
    }
    (names, permissions)
}
