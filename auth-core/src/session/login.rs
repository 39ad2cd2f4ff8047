//! Opening a session: the one way to it.

use http::header;
use serde_json::{Map, Value};

use super::model::{Assurance, AuthMethod, NewSession, Persistence, Session, StoredSession};
use crate::base::{SessionId, TenantId, Token, TokenKind, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::{Event, LoginAttempt, LoginContext, LoginOccasion};
use crate::role::{HeldRole, RoleScope};
use crate::store::StoreError;
use crate::tenant::Membership;
use crate::user::{Pool, User};

/// The longest `User-Agent` that is kept, in characters.
const USER_AGENT_CHARS: usize = 512;

/// That a user proved who they are. Whoever makes one has checked a credential; nothing has been decided yet.
#[derive(Debug)]
pub(crate) struct AuthEvent {
    /// The user as they were when the credential was checked.
    user: User,
    /// What was checked.
    method: AuthMethod,
    /// Whether the client keeps its cookie.
    persistence: Persistence,
    /// What it is for.
    occasion: LoginOccasion,
    /// Where the session is to act.
    entry: Entry,
    /// The session that the new one stands beside, or in place of.
    renews: Option<StoredSession>,
    /// Whether that session vouches for them: they have proved nothing anew.
    is_vouched_for: bool,
}

/// Where a session is to act, and what the request says beyond that.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    pub(crate) role_guard: Option<String>,
    pub(crate) tenant: Option<TenantId>,
    /// Fields of the request that the engine does not know.
    pub(crate) input: Map<String, Value>,
}

/// Shows nothing of what a person typed.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("role_guard", &self.role_guard)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Where somebody who wants a session is to act: as the request names it, and as the hooks decide, before anything
    /// is looked up. That somebody was not let in goes into the audit trail.
    ///
    /// # Errors
    /// What the hooks refuse.
    pub(crate) async fn decide(cx: &Cx, mut attempt: LoginAttempt<'_>) -> Result<Self> {
        if let Err(error) = cx.hooks(cx.pool()).before_login(cx, &mut attempt).await {
            if attempt.occasion != LoginOccasion::SignUp {
                cx.record(Event::SignInRefused { user: None, reason: "sign_in_refused_early" }).await;
            }
            return Err(error);
        }
        let LoginAttempt { role_guard, tenant, input, .. } = attempt;
        Ok(Self { role_guard, tenant, input: input.clone() })
    }

    /// Where another session acts.
    fn as_of(session: &StoredSession) -> Self {
        let tenant = session.scope.tenant().cloned();
        Self { role_guard: session.role_guard.clone(), tenant, input: Map::new() }
    }
}

impl AuthEvent {
    /// They have just proved who they are.
    pub(crate) const fn proved(user: User, method: AuthMethod, persistence: Persistence, entry: Entry) -> Self {
        Self { user, method, persistence, occasion: LoginOccasion::SignIn, entry, renews: None, is_vouched_for: false }
    }

    /// They have just signed up.
    pub(crate) const fn signed_up(user: User, method: AuthMethod, persistence: Persistence, entry: Entry) -> Self {
        Self { user, method, persistence, occasion: LoginOccasion::SignUp, entry, renews: None, is_vouched_for: false }
    }

    /// They have just proved who they are, in this session, which the new one replaces.
    pub(crate) fn again(user: User, method: AuthMethod, session: &Session) -> Self {
        let (persistence, occasion) = (session.persistence, LoginOccasion::Renewal);
        let (entry, renews) = (Entry::as_of(session), Some(StoredSession::clone(session)));
        Self { user, method, persistence, occasion, entry, renews, is_vouched_for: false }
    }

    /// They come with something that another session of theirs was asked for.
    pub(crate) fn beside(user: User, session: &Session, method: AuthMethod) -> Self {
        Self { is_vouched_for: true, ..Self::again(user, method, session) }
    }

    /// The same, to act in this tenant, or in none.
    pub(super) fn in_tenant(mut self, tenant: Option<TenantId>) -> Self {
        self.entry.tenant = tenant;
        self
    }

    /// Who they are, where no session is wanted after all.
    pub(crate) fn into_user(self) -> User {
        self.user
    }

    /// The session that vouches for them.
    fn origin(&self) -> Option<&StoredSession> {
        self.renews.as_ref().filter(|_| self.is_vouched_for)
    }
}

/// A new session, with the token that only this answer shows.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Its secret.
    pub token: Token,
    /// Whose it is.
    pub user: User,
    /// Sessions of the same user that the browser kept and that this one replaces.
    pub(crate) replaced: Vec<SessionId>,
}

/// The only way to a session. Whatever the method: hooks may refuse, the user must be enabled, a member of the tenant
/// that they want to act in, and must not have changed credentials since the proof, the cap holds, and all of it is one
/// transaction.
pub(crate) async fn complete_login(cx: &Cx, work: &mut Work<'_>, event: AuthEvent) -> Result<SignedIn> {
    let mut session = new_row(cx, &event);
    let AuthEvent { user, method, occasion, entry, .. } = &event;
    let Entry { role_guard, tenant, input } = entry;
    cx.auth().config().tenancy.expect_home(cx, user.tenant.as_ref())?;
    // Whoever has a session already is not judged by what was demanded later.
    let is_new = *occasion != LoginOccasion::Renewal;
    let has_mailbox = !user.email.is_placeholder();
    if is_new && has_mailbox && cx.auth().config().email.requires_verified() && !user.email_verified {
        return Err(Code::EmailNotVerified.into());
    }
    let has_platform_access = cx.has_platform_access().await?;
    let facts = LoginFacts::read(cx, work, user).await?;
    let mut login = LoginContext {
        user,
        method: *method,
        occasion: *occasion,
        input,
        session: session.id,
        memberships: facts.memberships,
        roles: facts.roles,
        has_platform_access,
        renews: event.renews.as_ref(),
        role_guard: role_guard.clone(),
        tenant: tenant.clone(),
    };
    cx.hooks(user.pool).on_login(cx, work, &mut login).await?;
    session.scope = scope(cx, &login, event.origin())?;
    session.role_guard = login.role_guard;

    let token = Token::random(TokenKind::Session, cx.random());
    let session = Session::proven(session);
    // Locks the user's row, if it is not locked yet: a change of password comes wholly before this sign-in, which then
    // fails, or wholly after it, and then ends the new session with all others.
    let new = NewSession::new(session.clone(), token.hash());
    let opened =
        work.open_session(&new, user.credential_version).await.map_err(|error| match (error, &session.scope) {
            // The membership has ended since it was read.
            (StoreError::Conflict, RoleScope::Tenant(_)) => Error::from(Code::TenantMismatch),
            (error, _) => error.into(),
        })?;
    if !opened {
        return Err(Code::InvalidEmailOrPassword.into());
    }
    // Whatever the clock says, the new session is not the one that has to go.
    let others = cx.auth().config().session.max_per_user.saturating_sub(1);
    work.evict_sessions(user.id, session.id, others).await?;
    let replaced = end_kept(cx, work, user.id).await?;
    if cx.auth().config().anonymous.is_some() && is_new {
        take_over_anonymous(cx, work, user).await?;
    }
    work.emit(Event::SignedIn { user: user.id, session: session.id, method: *method });
    Ok(SignedIn { session, token, user: event.user, replaced })
}

/// What somebody belongs to and holds, as far as a sign-in is judged by it.
#[derive(Default)]
struct LoginFacts {
    memberships: Vec<Membership>,
    roles: Vec<HeldRole>,
}

impl LoginFacts {
    /// Reads them with the user's row locked, so that they are as true when the session is written. Where there are no
    /// hooks, no tenants and no platform, nobody looks at them and nothing is asked.
    async fn read(cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<Self> {
        if !Self::are_wanted(cx, user.pool).await? {
            return Ok(Self::default());
        }
        if !work.claim_login(user.id, user.credential_version).await? {
            return Err(Code::InvalidEmailOrPassword.into());
        }
        Self::of(cx, work, user.id).await
    }

    async fn of(cx: &Cx, work: &mut Work<'_>, user: UserId) -> Result<Self> {
        let keeps_members = cx.auth().config().tenancy.keeps_members();
        let memberships = if keeps_members { work.memberships_of_user(user).await? } else { Vec::new() };
        Ok(Self { memberships, roles: work.roles_of_user(user, None).await? })
    }

    async fn are_wanted(cx: &Cx, pool: Pool) -> Result<bool> {
        let keeps_members = cx.auth().config().tenancy.keeps_members();
        Ok(cx.has_platform_access().await? || keeps_members || !cx.hooks(pool).is_empty())
    }
}

/// What a right proof costs that hooks or memberships refuse, for one that is wrong: or whoever is told of a wrong
/// password would know by the time it took that it was none. It is nobody whose sign-in is pretended, so nobody waits
/// for it.
pub(crate) async fn pretend_login(cx: &Cx) -> Result<()> {
    if !LoginFacts::are_wanted(cx, cx.pool()).await? {
        return Ok(());
    }
    let nobody = UserId::from_uuid(uuid::Uuid::nil());
    let mut work = cx.begin().await?;
    work.claim_login(nobody, 0).await?;
    LoginFacts::of(cx, &mut work, nobody).await.map(drop)
}

/// Where the session will act. Platform access that is in force goes before any tenant, for whoever has just proved who
/// they are, but for an account that belongs to a tenant: that acts there or not at all. What another session vouches
/// for is on the platform if and only if that one is: neither does a token of one front end become one of the staff's
/// there, nor the other way round.
fn scope(cx: &Cx, login: &LoginContext<'_>, origin: Option<&StoredSession>) -> Result<RoleScope> {
    let is_of_guard = |held: &HeldRole| login.role_guard.as_ref().is_none_or(|guard| *guard == held.role.guard);
    let holds_there = login.roles.iter().any(|held| held.scope == RoleScope::Platform && is_of_guard(held));
    let is_staff = login.has_platform_access && holds_there && login.user.tenant.is_none();
    let is_vouched_for = origin.map(|origin| origin.scope == RoleScope::Platform);
    match is_vouched_for {
        Some(true) | None if is_staff => return Ok(RoleScope::Platform),
        Some(true) => return Err(Code::Unauthorized.into()),
        Some(false) | None => {}
    }
    let tenancy = &cx.auth().config().tenancy;
    let scope = RoleScope::from(login.tenant.as_ref().or(login.user.tenant.as_ref()).cloned());
    let is_member = scope.tenant().is_none_or(|tenant| tenancy.keeps_members() && login.is_member_of(tenant));
    if is_member && tenancy.lets_act(login.user, &scope) { Ok(scope) } else { Err(Code::TenantMismatch.into()) }
}

/// Ends what the browser keeps of this user already: it is signed in as several users, and as each of them once.
async fn end_kept(cx: &Cx, work: &mut Work<'_>, user: UserId) -> Result<Vec<SessionId>> {
    let mut ended = Vec::new();
    for (id, token) in cx.kept_sessions() {
        let found = work.session_by_token(&token.hash()).await?;
        if found.is_some_and(|found| found.user.id == user && found.session.id == id) {
            work.end_session(user, id).await?;
            ended.push(id);
        }
    }
    Ok(ended)
}

/// Whoever was anonymous in this browser is somebody now: the application moves what they have made, and then they are
/// gone.
async fn take_over_anonymous(cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<()> {
    let Some(token) = cx.shown_session() else { return Ok(()) };
    let Some(found) = work.session_by_token(&token.hash()).await? else { return Ok(()) };
    if !found.user.identifiers.is_anonymous || user.identifiers.is_anonymous || !work.lock_user(found.user.id).await? {
        return Ok(());
    }
    // As it is once nobody else can take them over.
    let Some(found) = work.session_by_token(&token.hash()).await? else { return Ok(()) };
    let (session, former) = (found.session, found.user);
    if !session.is_alive(cx.now()) || former.disabled_at.is_some() || former.population() != user.population() {
        return Ok(());
    }
    cx.hooks(user.pool).on_link_account(cx, work, &former, user).await?;
    if work.delete_user(former.id).await? {
        work.emit(Event::AnonymousLinked { user: user.id, former: former.id });
    }
    Ok(())
}

/// A row for a proof of this moment, or one that is as old, as sure and as mortal as the session that vouches for it.
fn new_row(cx: &Cx, event: &AuthEvent) -> StoredSession {
    let (AuthEvent { user, method, persistence, .. }, origin) = (event, event.origin());
    let (now, config) = (cx.now(), &cx.auth().config().session);
    let longest = now.plus(config.absolute);
    let absolute_expires_at = origin.map_or(longest, |origin| origin.absolute_expires_at.min(longest));
    let lifetime = match persistence {
        Persistence::Persistent => config.idle,
        Persistence::Browser => config.browser,
    };
    StoredSession {
        id: SessionId::new(now, cx.random()),
        user_id: user.id,
        created_at: now,
        updated_at: now,
        authenticated_at: origin.map_or(now, |origin| origin.authenticated_at),
        expires_at: now.plus(lifetime).min(absolute_expires_at),
        absolute_expires_at,
        persistence: *persistence,
        method: *method,
        assurance: origin.map_or(Assurance::Aal1, |origin| origin.assurance),
        ip_address: cx.client_ip(),
        user_agent: user_agent(cx),
        scope: RoleScope::Everywhere,
        role_guard: None,
    }
}

fn user_agent(cx: &Cx) -> Option<String> {
    let value = cx.request().headers.get(header::USER_AGENT)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    Some(text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect())
}
