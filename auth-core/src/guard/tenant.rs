//! For which tenant somebody acts.
//!
//! A tenant is named by the credential (the session, a claim of another issuer, an API key) or by a header; if both
//! name one they must agree, or the request is 403, and a handler compares what a body names with
//! [`Tenant::agree_with`]. A name alone proves nothing. A credential of one tenant acts for that one; with a credential
//! of none, whoever names a tenant must be let in by [`TenantAccess`]. It is asked as well where a credential outlives
//! a membership: for the API key of a user, for an access token unless the route believes it without looking, when such
//! a token is refreshed, and for a user of ours whom another issuer vouches for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::signed_in::authenticated;
use super::{Authentication, Guard, Principal};
use crate::base::TenantId;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::role::RoleScope;
use crate::tenant::Membership;
use crate::user::{Pool, Population, User};

/// Whether a request must name a tenant. One that names two different ones is 403 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantRequirement {
    /// It need not.
    #[default]
    Optional,
    /// By the credential or by the configured header; otherwise 400 `TENANT_REQUIRED`.
    Required,
    /// By the credential itself; one without is no credential here: 401, and the answer does not tell why.
    RequiredInToken,
    /// Nobody looks for one, unless the handler asks.
    Disabled,
}

impl TenantRequirement {
    pub(super) async fn check(self, caller: &Principal, cx: &Cx) -> Result<()> {
        match self {
            Self::Disabled => Ok(()),
            Self::RequiredInToken if caller.tenant.is_none() => {
                Err(Error::from(Code::Unauthorized).caused_by("the credential names no tenant"))
            }
            Self::RequiredInToken | Self::Optional => cx.tenant().await.map(drop),
            Self::Required => Tenant::check(cx).await.map(drop),
        }
    }
}

/// Says who may act for a tenant on their own account: memberships, as the application keeps them.
#[async_trait]
pub trait TenantAccess: Send + Sync + 'static {
    /// Whether `caller` may act for `tenant` now. Asked with each request, before anything else knows the caller: go by
    /// `caller` and do not ask `cx` who it is, which would wait for this answer. As for a hook, there is a time limit.
    ///
    /// # Errors
    /// When it cannot be known; the request is refused then.
    async fn may_act(&self, cx: &Cx, caller: &Principal, tenant: &TenantId) -> Result<bool>;
}

/// Whether the engine keeps [memberships](crate::tenant).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// The application keeps them, or there are none.
    #[default]
    Disabled,
    /// One account may be a member of many tenants.
    Shared,
    /// An account belongs to one tenant, and the same address in another is another account.
    Isolated,
}

/// Where tenants are named, and who may act for them. By default only credentials name one, and nobody must.
///
/// ```
/// use auth_core::guard::Tenancy;
///
/// let _ = Tenancy::shared().header("x-tenant");
/// ```
#[derive(Clone, Default)]
pub struct Tenancy {
    mode: Mode,
    header: Option<&'static str>,
    is_header_always: bool,
    requirement: TenantRequirement,
    access: Option<Arc<dyn TenantAccess>>,
}

impl fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenancy")
            .field("mode", &self.mode)
            .field("header", &self.header)
            .field("is_header_always", &self.is_header_always)
            .field("requirement", &self.requirement)
            .finish_non_exhaustive()
    }
}

impl Tenancy {
    /// The engine keeps who belongs to which tenant, and one account may be a member of many. A session acts in one of
    /// them at most: whoever signs in names it (`tenantId`), and changes to another by `POST /switch-tenant`, for a
    /// session of its own. Who may act for a tenant says the membership, unless [`access`](Self::access) says so.
    pub fn shared() -> Self {
        Self { mode: Mode::Shared, ..Self::default() }
    }

    /// An account belongs to one tenant: the same address in another one is somebody else, with a password, sessions
    /// and counted attempts of their own. Whoever signs up or in names the tenant (`tenantId`, or the header; both
    /// agree), or a hook does ([`before_login`](crate::hooks::Hooks::before_login)); otherwise 400 `TENANT_REQUIRED`.
    /// Whoever signs up is a member of it from the start, their sessions act in it and in no other, and `POST
    /// /switch-tenant` is 400 `TENANT_SWITCHING_NOT_SUPPORTED`. Signing in to a tenant that does not exist is signing
    /// in as an unknown user; signing up to one is 404 `TENANT_NOT_FOUND`, since a tenant that takes people in is no
    /// secret.
    ///
    /// Staff of the platform belong to no tenant: programs create them, and they sign in where [platform
    /// access](super::PlatformAccess) is in force, without naming one. Accounts of an application that was run without
    /// this belong to no tenant either. Unless they are staff they can do nothing, and their sessions count no more.
    pub fn isolated() -> Self {
        Self { mode: Mode::Isolated, ..Self::default() }
    }

    /// A header that names the tenant, in lower case (`orgid`). Two of it, or one that is no name of a tenant, is 400.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    /// Demands the header of every request, before anybody is asked who they are: on public routes and for signing in
    /// as well, where it is read and not judged. Without it the answer is 400 `TENANT_REQUIRED`. Programs that read
    /// `/jwks` or look whether we are alive need none.
    #[must_use]
    pub fn header_always(mut self) -> Self {
        self.is_header_always = true;
        self
    }

    /// What routes demand that say nothing themselves; [`TenantRequirement::Optional`] unless said otherwise. An
    /// [`Endpoint`](crate::http::Endpoint) says it by its caller: `(CurrentUser, Tenant)`.
    #[must_use]
    pub fn require(mut self, requirement: TenantRequirement) -> Self {
        self.requirement = requirement;
        self
    }

    /// Says who may act for a tenant. Without it the memberships that the engine keeps decide, and where it keeps none
    /// nobody may act for a tenant that their credential does not name.
    #[must_use]
    pub fn access(mut self, access: impl TenantAccess) -> Self {
        self.access = Some(Arc::new(access));
        self
    }

    /// Whether sessions may act in tenants.
    pub(crate) fn keeps_members(&self) -> bool {
        matches!(self.mode, Mode::Shared | Mode::Isolated)
    }

    /// Whether accounts belong to tenants.
    pub(crate) fn is_isolated(&self) -> bool {
        self.mode == Mode::Isolated
    }

    /// Among whom somebody who signs in is looked for, once it is decided where they want to act.
    ///
    /// # Errors
    /// 400 where a tenant must be named and is not: accounts of none are those of staff, where platform access is in
    /// force.
    pub(crate) async fn population(&self, cx: &Cx, tenant: Option<&TenantId>) -> Result<Population> {
        let population = Population::from(cx.pool());
        match tenant {
            _ if !self.is_isolated() => Ok(population),
            Some(tenant) => Ok(population.in_tenant(tenant.clone())),
            None if population.pool == Pool::User && cx.has_platform_access().await? => Ok(population),
            None => Err(Code::TenantRequired.into()),
        }
    }

    /// Whether this user may act there at all: in the tenant that the account belongs to; with an account of none,
    /// where all others belong to one, on the platform.
    pub(crate) fn lets_act(&self, user: &User, scope: &RoleScope) -> bool {
        match &user.tenant {
            Some(home) => scope.tenant() == Some(home),
            None => !self.is_isolated() || *scope == RoleScope::Platform,
        }
    }

    /// Refuses what is bound to a tenant, where accounts are, in a request that names another one.
    pub(crate) fn expect_home(&self, cx: &Cx, home: Option<&TenantId>) -> Result<()> {
        match (home, self.named(cx)?) {
            (Some(home), Some(named)) if self.is_isolated() && *home != named => Err(Code::TenantMismatch.into()),
            (_, _) => Ok(()),
        }
    }

    /// The tenant that somebody who signs in, or up, wants to act in: what the body names and what the header says
    /// agree.
    ///
    /// # Errors
    /// 400 when no memberships are kept and the body names one, 403 when the two differ.
    pub(crate) fn at_sign_in(&self, cx: &Cx, in_body: Option<TenantId>) -> Result<Option<TenantId>> {
        if !self.keeps_members() {
            return if in_body.is_some() { Err(Code::TenantNotEnabled.into()) } else { Ok(None) };
        }
        match (self.named(cx)?, in_body) {
            (Some(named), Some(in_body)) if named != in_body => Err(Code::TenantMismatch.into()),
            (named, in_body) => Ok(named.or(in_body)),
        }
    }

    pub(crate) const fn requirement(&self) -> TenantRequirement {
        self.requirement
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let bad = self.header.filter(|name| !is_name(name));
        let bad = bad.map(|name| format!("tenancy header {name:?} must be lower-case letters, digits and -"));
        let taken =
            self.header.filter(|name| ["authorization", "cookie", "host", "origin", "x-api-key"].contains(name));
        let taken = taken.map(|name| format!("tenancy header {name:?} says something else"));
        let nameless = self.is_header_always && self.header.is_none();
        let nameless = nameless.then(|| "tenancy header_always() demands a header() that has no name".to_owned());
        bad.into_iter().chain(taken).chain(nameless).collect()
    }

    /// Refuses a request without the header where every one must have it.
    pub(crate) fn expect_header(&self, cx: &Cx) -> Result<()> {
        if self.is_header_always && self.named(cx)?.is_none() {
            return Err(Code::TenantRequired.into());
        }
        Ok(())
    }

    /// What the header says.
    fn named(&self, cx: &Cx) -> Result<Option<TenantId>> {
        let Some(name) = self.header else { return Ok(None) };
        let mut values = cx.request().headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let named = value.to_str().ok().and_then(|text| TenantId::parse(text.trim()).ok());
        match (named, values.next()) {
            (Some(tenant), None) => Ok(Some(tenant)),
            (None, _) | (_, Some(_)) => {
                Err(Error::invalid("header", name, "must be given once, as the identifier of a tenant"))
            }
        }
    }

    /// For which tenant the caller of this request acts.
    pub(crate) async fn resolve(&self, cx: &Cx) -> Result<Option<TenantId>> {
        // First, as a name that is none is 400 whoever sends it.
        self.named(cx)?;
        let Some(caller) = cx.authentication().await? else { return Err(Code::Unauthorized.into()) };
        self.judge(cx, &caller).await
    }

    /// For which tenant this caller acts.
    pub(crate) async fn judge(&self, cx: &Cx, caller: &Authentication) -> Result<Option<TenantId>> {
        let (named, principal) = (self.named(cx)?, caller.principal());
        match (&principal.tenant, named) {
            (None, None) => Ok(None),
            (Some(own), Some(named)) if *own != named => Err(Code::TenantMismatch.into()),
            (Some(own), _) => Ok(Some(own.clone())),
            // Where nobody keeps memberships, what a credential is bound to is all there is.
            (None, Some(tenant)) => self.ask(cx, principal, &tenant).await.map(|()| Some(tenant)),
        }
    }

    /// Refuses a credential that is bound to a tenant if its holder may not act for that one any more: it is good for
    /// nothing, wherever it is shown.
    pub(crate) async fn expect_membership(&self, cx: &Cx, caller: &Authentication) -> Result<()> {
        let is_kept_elsewhere = self.access.is_some();
        // What the engine keeps came along with a session or an API key when it was looked up, and was judged there.
        let is_unjudged = self.keeps_members() && !caller.came_with_membership();
        match &caller.principal().tenant {
            Some(tenant) if caller.acts_for_a_member() && (is_kept_elsewhere || is_unjudged) => {
                self.ask(cx, caller.principal(), tenant).await
            }
            // Of others the issuer has just said so, or nobody keeps memberships.
            Some(_) | None => Ok(()),
        }
    }

    async fn ask(&self, cx: &Cx, caller: &Principal, tenant: &TenantId) -> Result<()> {
        let may_act = match (&self.access, caller.user_id()) {
            (Some(access), _) => cx.hooks(cx.pool()).run("may_act", access.may_act(cx, caller, tenant)).await?,
            (None, Some(user)) if self.keeps_members() => {
                cx.conn().membership(user, tenant).await?.is_some_and(|membership| membership.is_active())
            }
            (None, _) => false,
        };
        if may_act { Ok(()) } else { Err(Code::TenantMismatch.into()) }
    }
}

/// The tenant for which the caller acts, and may. Without one the request is 400 `TENANT_REQUIRED`.
///
/// Functions that ask a database for rows of a tenant take it by reference: as only a guard makes one, none of them can
/// be called with a tenant that nobody has judged.
///
/// ```compile_fail
/// let forged = auth_core::guard::Tenant(auth_core::base::TenantId::parse("acme").unwrap());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(TenantId);

impl Tenant {
    /// Its identifier, for the `WHERE` of a statement.
    pub const fn id(&self) -> &TenantId {
        &self.0
    }

    /// Compares it with one that a body or a path names.
    ///
    /// # Errors
    /// 403 `TENANT_MISMATCH` when they are not the same.
    pub fn agree_with(&self, named: &TenantId) -> Result<()> {
        if self.0 == *named { Ok(()) } else { Err(Code::TenantMismatch.into()) }
    }
}

/// The tenant for which the caller acts, as an active member of it: not as staff, nor as somebody whom a
/// [`TenantAccess`] lets act there. Others are 403 `TENANT_MISMATCH`. One look-up more than [`Tenant`].
#[derive(Clone, Debug)]
pub struct Member {
    tenant: Tenant,
    membership: Membership,
}

impl Member {
    /// The tenant, for functions that take a judged one.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Since when they belong to it.
    pub const fn membership(&self) -> &Membership {
        &self.membership
    }
}

impl Guard for Member {
    async fn check(cx: &Cx) -> Result<Self> {
        let tenant = Tenant::check(cx).await?;
        let caller = authenticated(cx).await?;
        let principal = caller.principal();
        let may_belong = cx.auth().config().tenancy.keeps_members() && !principal.is_staff;
        let membership = match principal.user_id().filter(|_| may_belong) {
            Some(user) => cx.conn().membership(user, tenant.id()).await?,
            None => None,
        };
        let membership = membership.filter(Membership::is_active).ok_or(Code::TenantMismatch)?;
        Ok(Self { tenant, membership })
    }
}

impl Guard for Tenant {
    async fn check(cx: &Cx) -> Result<Self> {
        cx.tenant().await?.map(Self).ok_or_else(|| Code::TenantRequired.into())
    }
}

/// A value of one tenant, which nobody sees without saying for which tenant they ask.
///
/// What comes out of a database goes in with the tenant of its row, and comes out for a [`Tenant`] only. What goes into
/// a database is stamped with the caller's tenant, whatever the request said.
///
/// ```
/// use auth_core::base::TenantId;
/// use auth_core::guard::{Scoped, Tenant};
///
/// # struct Row { tenant: TenantId, name: String }
/// fn name(row: Row, tenant: &Tenant) -> auth_core::Result<String> {
///     Scoped::of_row(row.tenant, row.name).open(tenant) // 404 for everybody else's
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Scoped<T> {
    tenant: TenantId,
    value: T,
}

impl<T> Scoped<T> {
    /// A row and the tenant that its column names.
    pub const fn of_row(tenant: TenantId, value: T) -> Self {
        Self { tenant, value }
    }

    /// Something new of the caller's tenant.
    pub fn stamped(tenant: &Tenant, value: T) -> Self {
        Self { tenant: tenant.0.clone(), value }
    }

    /// Whose it is, for the column of a row.
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The value, for its own tenant.
    ///
    /// # Errors
    /// 404: for everybody else it does not exist.
    pub fn open(self, tenant: &Tenant) -> Result<T> {
        if self.tenant == tenant.0 { Ok(self.value) } else { Err(Code::NotFound.into()) }
    }

    /// The value, for its own tenant.
    ///
    /// # Errors
    /// 404: for everybody else it does not exist.
    pub fn open_ref(&self, tenant: &Tenant) -> Result<&T> {
        if self.tenant == tenant.0 { Ok(&self.value) } else { Err(Code::NotFound.into()) }
    }
}

/// Names the tenant and not the value.
impl<T> fmt::Debug for Scoped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_names_is_compared_exactly() {
        let [acme, other, shouted] = ["acme", "globex", "ACME"].map(|name| TenantId::parse(name).unwrap());
        let tenant = Tenant(acme.clone());
        assert!(tenant.agree_with(&acme).is_ok());
        for named in [other, shouted] {
            assert!(tenant.agree_with(&named).unwrap_err().is(Code::TenantMismatch));
        }
    }
}
