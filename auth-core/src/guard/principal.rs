//! Who acts.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::api_key::{ApiKey, KeyOwner, ResolvedKey};
use crate::base::{CustomerId, Email, SessionId, TenantId, Timestamp, UserId};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::issuer::{ExternalIssuers, VerifiedClaims};
use crate::role::{GrantedRole, Granter, Permission};
use crate::session::{self, Assurance, AuthMethod, Authority, Resolved, Session, SignedIn};
use crate::token::VerifiedAccess;
use crate::user::{Pool, User};

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

impl From<Pool> for PrincipalKind {
    fn from(pool: Pool) -> Self {
        match pool {
            Pool::User => Self::User,
            Pool::Customer => Self::Customer,
        }
    }
}

/// The id of a principal, unique within its kind: one of ours, the subject of an external issuer, or the name of a
/// service.
///
/// Two subjects of two issuers are never equal, however they are spelt, and neither is ever one of ours. Written out, a
/// service is `service:nightly` or `organization:acme`, and everything else what it is called alone: an application
/// that files rows by that text must trust one issuer only and have no users of its own, or file the
/// [issuer](Self::issuer) too. Better that it files [`Principal::user_id`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PrincipalId(Origin);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Origin {
    Ours(Uuid),
    /// A service, or an organisation as one: whichever key it shows.
    Owner(Arc<KeyOwner>),
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
            Origin::Owner(_) | Origin::External(_) => None,
        }
    }

    /// Whose subject it is; `None` for ours and for services of ours.
    pub fn issuer(&self) -> Option<&str> {
        match &self.0 {
            Origin::Ours(_) | Origin::Owner(_) => None,
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
            Origin::Owner(owner) => write!(f, "{}:{}", owner.kind(), owner.reference()),
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
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
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
    /// The tenant that the credential is bound to. For which one a request acts, which a header may say, is
    /// [`Cx::tenant`](crate::Cx::tenant) and the guard [`Tenant`](super::Tenant).
    pub tenant: Option<TenantId>,
    /// The address, if one is known: a token of an external issuer may name none.
    pub email: Option<Email>,
    /// Whether that mailbox has been proved to be theirs.
    pub email_verified: bool,
    /// The display name, if one is known.
    pub name: Option<String>,
    /// Whether they act as staff of the platform: platform access is in force.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_staff: bool,
    /// The role guard that their session was opened under: no others count. `None` where there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_guard: Option<String>,
    /// The roles that count where they act, as pairs of name and role guard.
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

    /// Whether the role is held in exactly this role guard; the same name in another guard does not count, nor does a
    /// role that a tenant has defined for itself.
    pub fn has_role(&self, guard: &str, name: &str) -> bool {
        self.roles.iter().any(|role| role.guard == guard && role.name == name && !role.is_custom)
    }

    /// Whether any role is held in this role guard, but one that a tenant has defined for itself.
    pub fn has_role_in(&self, guard: &str) -> bool {
        self.roles.iter().any(|role| role.guard == guard && !role.is_custom)
    }

    /// Whom a session proves that has just been opened: what guards will see of them.
    ///
    /// # Errors
    /// 401 when it has ended since; when the store is down.
    pub async fn of(cx: &Cx, signed_in: &SignedIn) -> Result<Self> {
        Ok(of_session(session::resolve_opened(cx, signed_in).await?).0)
    }

    /// The population it belongs to; programs are of no other than users.
    pub(crate) fn pool(&self) -> Pool {
        match self.kind {
            PrincipalKind::Customer => Pool::Customer,
            PrincipalKind::User | PrincipalKind::Service => Pool::User,
        }
    }

    /// Them, as somebody who gives and takes roles: with [`role::grant_as`](crate::role::grant_as).
    ///
    /// # Errors
    /// [`Code::Forbidden`] for whoever is no user of ours with a session that was looked up: a token that is believed
    /// without looking may be of a session that has ended.
    pub fn granter(&self) -> Result<Granter<'_>> {
        match (self.user_id(), self.source) {
            (Some(user), PrincipalSource::Session) => {
                Ok(Granter::new(user, &self.roles, &self.permissions, self.is_staff))
            }
            (Some(_) | None, _) => Err(Code::Forbidden.into()),
        }
    }

    /// Which of our users it is; `None` for everybody else.
    pub fn user_id(&self) -> Option<UserId> {
        self.id.as_uuid().filter(|_| self.kind == PrincipalKind::User).map(UserId::from_uuid)
    }

    /// Which of our customers it is; `None` for everybody else.
    pub fn customer_id(&self) -> Option<CustomerId> {
        self.id.as_uuid().filter(|_| self.kind == PrincipalKind::Customer).map(CustomerId::from_uuid)
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
    /// The session's own secret.
    SessionToken(Arc<SessionProof>),
    /// An access token whose session was looked up.
    Session(Arc<SessionProof>),
    /// An access token that was believed.
    Claims(Arc<VerifiedAccess>),
    /// A token of an external issuer that was believed.
    External(Arc<VerifiedClaims>),
    /// The row of somebody whom an external issuer vouched for.
    User(Arc<User>),
    /// An API key.
    ApiKey(Arc<ResolvedKey>),
}

/// A session that is alive, and whose it is.
#[derive(Debug)]
pub(super) struct SessionProof {
    pub(super) session: Session,
    pub(super) user: User,
}

impl Authentication {
    /// Proved by the secret of a session.
    pub(crate) fn by_session_token(resolved: Resolved) -> Self {
        let (principal, proof) = of_session(resolved);
        Self { principal, proof: Proof::SessionToken(proof) }
    }

    /// Proved by an access token, bound to this tenant, whose session was looked up.
    pub(crate) fn by_session(resolved: Resolved, tenant: Option<TenantId>) -> Self {
        let (principal, proof) = of_session(resolved);
        Self { principal: Principal { tenant, ..principal }, proof: Proof::Session(proof) }
    }

    /// Proved by an access token that is believed until it expires.
    pub(crate) fn by_claims(verified: Arc<VerifiedAccess>) -> Result<Self> {
        let claims = &verified.claims;
        let damaged = || Error::from(Code::Unauthorized).caused_by("an access token of ours has claims of no meaning");
        let permissions = claims.permissions.iter().map(|name| Permission::parse(name.as_str()));
        let principal = Principal {
            kind: verified.pool.into(),
            id: verified.user_id.into(),
            tenant: claims.tenant.clone(),
            email: Some(claims.email.clone()),
            email_verified: claims.email_verified,
            name: Some(claims.name.clone()),
            is_staff: false,
            role_guard: claims.role_guard.clone(),
            roles: claims.roles.iter().cloned().collect(),
            permissions: permissions.collect::<Result<_, _>>().map_err(|_| damaged())?,
            method: claims.method.parse().map_err(|_| damaged())?,
            assurance: Assurance::from_level(claims.aal).ok_or_else(damaged)?,
            authenticated_at: Some(Timestamp::from_micros(claims.auth_time.saturating_mul(1_000_000))),
            session: Some(claims.sid),
            source: PrincipalSource::Claims,
        };
        Ok(Self { principal, proof: Proof::Claims(verified) })
    }

    /// Proved by a token of an external issuer that is believed until it expires.
    ///
    /// # Errors
    /// 401 for a subject that could be taken for a user of ours.
    pub(crate) fn by_issuer(claims: VerifiedClaims, issuers: &ExternalIssuers) -> Result<Self> {
        let external = || PrincipalId::external(claims.issuer(), claims.subject());
        let id = issuers.user_named_by(&claims)?.map_or_else(external, PrincipalId::from);
        Ok(Self::by_claims_of(claims, id, issuers.guard()))
    }

    fn by_claims_of(claims: VerifiedClaims, id: PrincipalId, role_guard: &str) -> Self {
        let role = |name: &String| GrantedRole::new(role_guard, &**name);
        let principal = Principal {
            kind: if claims.is_service { PrincipalKind::Service } else { PrincipalKind::User },
            id,
            tenant: claims.tenant.clone(),
            email: claims.email.clone(),
            email_verified: claims.email_verified,
            name: claims.name.clone(),
            is_staff: false,
            role_guard: None,
            roles: claims.roles.iter().map(role).collect(),
            permissions: claims.permissions.iter().cloned().collect(),
            method: AuthMethod::External,
            assurance: Assurance::Aal1,
            authenticated_at: claims.authenticated_at,
            session: None,
            source: PrincipalSource::Claims,
        };
        Self { principal, proof: Proof::External(Arc::new(claims)) }
    }

    /// Nobody has proved anything: somebody to be while an application is written.
    pub(super) fn by_development(claims: VerifiedClaims, roles: &[(String, String)]) -> Self {
        let id = PrincipalId::external(claims.issuer(), claims.subject());
        let mut caller = Self::by_claims_of(claims, id, "");
        caller.principal.roles = roles.iter().map(|(guard, name)| GrantedRole::new(&**guard, &**name)).collect();
        caller
    }

    /// A user of ours, whom an external issuer vouched for.
    pub(crate) fn by_row(user: User, authority: Authority, claims: VerifiedClaims) -> Self {
        let principal = Principal {
            kind: user.pool.into(),
            id: user.id.into(),
            tenant: claims.tenant,
            email: Some(user.email.clone()),
            email_verified: user.email_verified,
            name: Some(user.name.clone()),
            is_staff: false,
            role_guard: None,
            roles: authority.roles,
            permissions: authority.permissions,
            method: AuthMethod::External,
            assurance: Assurance::Aal1,
            authenticated_at: claims.authenticated_at,
            session: None,
            source: PrincipalSource::Store,
        };
        Self { principal, proof: Proof::User(Arc::new(user)) }
    }

    /// Proved by an API key: its owner, with what the key may do of what they may.
    pub(crate) fn by_api_key(resolved: ResolvedKey) -> Self {
        let (key, owner) = (&resolved.key, resolved.owner.as_ref());
        let principal = Principal {
            kind: owner.map_or(PrincipalKind::Service, |owner| owner.pool.into()),
            id: owner.map_or_else(|| PrincipalId(Origin::Owner(Arc::new(key.owner.clone()))), |owner| owner.id.into()),
            tenant: key.tenant.clone(),
            email: owner.map(|owner| owner.email.clone()),
            email_verified: owner.is_some_and(|owner| owner.email_verified),
            name: owner.map(|owner| owner.name.clone()).or_else(|| key.name.clone()),
            is_staff: false,
            role_guard: key.role_guard.clone(),
            roles: resolved.roles.clone(),
            permissions: resolved.permissions.clone(),
            method: AuthMethod::ApiKey,
            assurance: Assurance::Aal1,
            authenticated_at: None,
            session: None,
            source: PrincipalSource::Store,
        };
        Self { principal, proof: Proof::ApiKey(Arc::new(resolved)) }
    }

    /// Who acts.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The row of who acts; `None` when a token's claims were believed without looking.
    pub fn user(&self) -> Option<&User> {
        match &self.proof {
            Proof::SessionToken(proof) | Proof::Session(proof) => Some(&proof.user),
            Proof::User(user) => Some(user),
            Proof::ApiKey(resolved) => resolved.owner.as_ref(),
            Proof::Claims(_) | Proof::External(_) => None,
        }
    }

    /// The session behind it; `None` for credentials that have none, and when a token's claims were believed.
    pub fn session(&self) -> Option<&Session> {
        self.session_proof().map(|proof| &proof.session)
    }

    /// The claims of a token that was believed: of an external issuer all of them, of our own those that the hook
    /// `token_claims` added. `None` where rows were looked up.
    pub fn claims(&self) -> Option<&Map<String, Value>> {
        match &self.proof {
            Proof::Claims(verified) => Some(&verified.claims.more),
            Proof::External(claims) => Some(&claims.raw),
            Proof::SessionToken(_) | Proof::Session(_) | Proof::User(_) | Proof::ApiKey(_) => None,
        }
    }

    /// The API key that proved it, if one did.
    pub fn api_key(&self) -> Option<&ApiKey> {
        match &self.proof {
            Proof::ApiKey(resolved) => Some(&resolved.key),
            Proof::SessionToken(_) | Proof::Session(_) | Proof::Claims(_) | Proof::External(_) | Proof::User(_) => None,
        }
    }

    /// Whether it is a user of ours who acts for the credential's tenant, on the strength of a membership that may have
    /// ended since: with a session that acts in it, an access token or an API key of theirs, or vouched for by another
    /// issuer. A token that is believed without looking is believed in this as well.
    pub(super) fn acts_for_a_member(&self) -> bool {
        match &self.proof {
            Proof::SessionToken(_) | Proof::Session(_) | Proof::User(_) => true,
            Proof::ApiKey(resolved) => resolved.owner.is_some(),
            Proof::Claims(_) | Proof::External(_) => false,
        }
    }

    /// Whether the membership was looked up with what proved it: that of a session which acts in a tenant, or of a key.
    pub(super) fn came_with_membership(&self) -> bool {
        match &self.proof {
            Proof::SessionToken(proof) | Proof::Session(proof) => proof.session.scope.tenant().is_some(),
            Proof::ApiKey(_) => true,
            Proof::User(_) | Proof::Claims(_) | Proof::External(_) => false,
        }
    }

    /// Whether the caller has shown the session's own secret, and not something that was made from it.
    pub(crate) const fn is_by_session_token(&self) -> bool {
        matches!(self.proof, Proof::SessionToken(_))
    }

    pub(super) const fn session_proof(&self) -> Option<&Arc<SessionProof>> {
        match &self.proof {
            Proof::SessionToken(proof) | Proof::Session(proof) => Some(proof),
            Proof::Claims(_) | Proof::External(_) | Proof::User(_) | Proof::ApiKey(_) => None,
        }
    }
}

fn of_session(resolved: Resolved) -> (Principal, Arc<SessionProof>) {
    let Resolved { session, user, authority } = resolved;
    let principal = Principal {
        kind: user.pool.into(),
        id: user.id.into(),
        tenant: session.scope.tenant().cloned(),
        email: Some(user.email.clone()),
        email_verified: user.email_verified,
        name: Some(user.name.clone()),
        is_staff: authority.is_staff,
        role_guard: session.role_guard.clone(),
        roles: authority.roles,
        permissions: authority.permissions,
        method: session.method,
        assurance: session.assurance,
        authenticated_at: Some(session.authenticated_at),
        session: Some(session.id),
        source: PrincipalSource::Session,
    };
    (principal, Arc::new(SessionProof { session, user }))
}
