//! Opening, finding and sliding sessions.

use std::net::IpAddr;
use std::sync::Arc;

use http::header;
use serde_json::{Map, Value, json};

use super::authority::{Acting, Authority};
use super::cache::SessionKey;
use super::config::SessionCheck;
use super::model::{Assurance, AuthMethod, NewSession, Persistence, Session, SessionWithUser, StoredSession};
use crate::base::{SessionId, TenantId, Timestamp, Token, TokenKind, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::{Event, LoginAttempt, LoginContext, LoginOccasion};
use crate::role::{HeldRole, RoleScope};
use crate::store::StoreError;
use crate::tenant::{Membership, MembershipStatus};
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

/// A session found by its token: alive, its user enabled, with what counts for them where it acts.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) session: Session,
    pub(crate) user: User,
    pub(crate) authority: Authority,
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

/// Whoever was anonymous in this browser is somebody now: the application moves what they have made, and then they are gone.
async fn take_over_anonymous(cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<()> {
    let Some(token) = cx.shown_session() else { return Ok(()) };
    let Some(found) = work.session_by_token(&token.hash()).await? else { return Ok(()) };
    let (session, former) = (found.session, found.user);
    let is_theirs =
        session.is_alive(cx.now()) && former.disabled_at.is_none() && former.population() == user.population();
    if !is_theirs || !former.identifiers.is_anonymous || user.identifiers.is_anonymous || former.id == user.id {
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

/// The session of this key, if it is alive and its user enabled and of a pool that counts here: looked up, or
/// remembered where `check` allows it.
pub(crate) async fn resolve(cx: &Cx, key: SessionKey, check: SessionCheck) -> Result<Option<Resolved>> {
    let found = match check {
        SessionCheck::Strict | SessionCheck::Stateless => look_up(cx, key).await?,
        SessionCheck::Cached(ttl) => match cx.auth().session_cache().recent(key, cx.now(), ttl) {
            Some(known) if known.session.is_alive(cx.now()) => Some(SessionWithUser::clone(&known)),
            // Its end may have been moved since.
            Some(_) | None => remembered(cx, key).await?,
        },
    };
    match found {
        Some(found) => judge(cx, found).await,
        None => Ok(None),
    }
}

/// What a session stands for that has just been opened.
///
/// # Errors
/// 401 when it has ended since.
pub(crate) async fn resolve_opened(cx: &Cx, signed_in: &SignedIn) -> Result<Resolved> {
    let id = SessionKey::Id(signed_in.session.id);
    resolve(cx, id, SessionCheck::Strict).await?.ok_or_else(|| Code::Unauthorized.into())
}

/// What was found by a proof, if it is alive now, its user enabled and of a pool that counts here, and an active member
/// where it acts.
pub(crate) async fn judge(cx: &Cx, found: SessionWithUser) -> Result<Option<Resolved>> {
    let SessionWithUser { session, user, membership, roles } = found;
    let tenancy = &cx.auth().config().tenancy;
    let is_member = match session.scope {
        RoleScope::Everywhere | RoleScope::Platform => true,
        RoleScope::Tenant(_) => tenancy.keeps_members() && membership == Some(MembershipStatus::Active),
    };
    // A row that somebody has changed by hand, or that another mode has left, opens nothing.
    let is_member = is_member && tenancy.lets_act(&user, &session.scope);
    if !session.is_alive(cx.now()) || user.disabled_at.is_some() || !cx.accepts(user.pool) || !is_member {
        return Ok(None);
    }
    let authority = Authority::of(cx, &user, Acting::from(&session), roles).await?;
    Ok(Some(Resolved { session: Session::proven(session), user, authority }))
}

async fn look_up(cx: &Cx, key: SessionKey) -> Result<Option<SessionWithUser>> {
    match key {
        SessionKey::Token(hash) => Ok(cx.conn().session_by_token(&hash).await?),
        SessionKey::Id(id) => Ok(cx.conn().session_by_id(id).await?),
    }
}

async fn remembered(cx: &Cx, key: SessionKey) -> Result<Option<SessionWithUser>> {
    // As of before the look-up: what changes meanwhile is not taken for newer than it is.
    let now = cx.now();
    let found = look_up(cx, key).await?;
    match &found {
        Some(found) => cx.auth().session_cache().put(key, Arc::new(found.clone()), now),
        None => cx.auth().session_cache().forget(key),
    }
    Ok(found)
}

/// Moves the expiry of a session that has been used for `update_age`; whether it did. Costs nothing while it is not
/// due, which is for all but one request a day.
pub(crate) async fn slide_if_due(cx: &Cx, session: &mut Session) -> Result<bool> {
    let (now, config) = (cx.now(), &cx.auth().config().session);
    let due = session.expires_at.minus(config.idle).plus(config.update_age);
    let expires_at = now.plus(config.idle).min(session.absolute_expires_at);
    if session.persistence == Persistence::Browser || now < due || expires_at <= session.expires_at {
        return Ok(false);
    }
    if !cx.conn().slide_session(session.id, expires_at, now).await? {
        // Ended between the look-up and now.
        return Err(Code::Unauthorized.into());
    }
    *session = Session::proven(StoredSession { expires_at, updated_at: now, ..StoredSession::clone(session) });
    Ok(true)
}

/// Judges once more, inside the transaction of a change, what was judged when the request began: that the session has
/// not been ended, and the user neither disabled nor given other credentials. Both rows stay locked until its end.
pub(crate) async fn still_holds(cx: &Cx, work: &mut Work<'_>, user: &User, session: &Session) -> Result<()> {
    hold(cx, work, user, session, session.expires_at).await
}

async fn hold(cx: &Cx, work: &mut Work<'_>, user: &User, session: &Session, expires_at: Timestamp) -> Result<()> {
    let holds = work.claim_login(user.id, user.credential_version).await?
        && work.slide_session(session.id, expires_at, cx.now()).await?;
    if holds { Ok(()) } else { Err(Code::Unauthorized.into()) }
}

/// [`still_holds`], and the session lives on as if it had been used, at least until then; not beyond
/// [`latest_end`]. The session as it is then.
pub(crate) async fn extend(
    cx: &Cx,
    work: &mut Work<'_>,
    user: &User,
    session: &Session,
    until: Timestamp,
) -> Result<Session> {
    let used = cx.now().plus(cx.auth().config().session.idle);
    let expires_at = used.max(until).min(latest_end(session)).max(session.expires_at);
    hold(cx, work, user, session, expires_at).await?;
    Ok(Session::proven(StoredSession { expires_at, updated_at: cx.now(), ..StoredSession::clone(session) }))
}

/// Beyond this instant use does not move the end of a session.
pub(crate) fn latest_end(session: &Session) -> Timestamp {
    match session.persistence {
        Persistence::Persistent => session.absolute_expires_at,
        Persistence::Browser => session.expires_at,
    }
}

/// Ends a session that others may be extending at this moment. Like them it takes the user's row first: InnoDB would
/// end one of two that meet in another order.
pub(crate) async fn end(work: &mut Work<'_>, user: &User, id: SessionId) -> Result<bool> {
    work.lock_user(user.id).await?;
    Ok(work.end_session(user.id, id).await?)
}

/// Has somebody act in another tenant, or in none: in a session of its own, as no session changes what may be done in
/// it (OWASP Session Management: a new id with each change of privilege). The one that they come from ends.
///
/// # Errors
/// 400 where an account belongs to one tenant; 403 for whoever is no active member of it, and for staff of the
/// platform, who act in none. Nothing changes then.
pub(crate) async fn switch_tenant(
    cx: &Cx,
    user: &User,
    session: &Session,
    tenant: Option<TenantId>,
) -> Result<SignedIn> {
    expect_may_switch(cx, session)?;
    let mut work = cx.begin().await?;
    still_holds(cx, &mut work, user, session).await?;
    let signed_in = switch_tenant_within(cx, &mut work, user, session, tenant).await?;
    work.commit().await?;
    Ok(signed_in)
}

/// Refuses a session that acts where it does and nowhere else.
///
/// # Errors
/// As for [`switch_tenant`].
pub(crate) fn expect_may_switch(cx: &Cx, session: &Session) -> Result<()> {
    if cx.auth().config().tenancy.is_isolated() {
        return Err(Code::TenantSwitchingNotSupported.into());
    }
    if session.scope == RoleScope::Platform { Err(Code::TenantMismatch.into()) } else { Ok(()) }
}

/// [`switch_tenant`], of a session that [still holds](still_holds) and may.
pub(crate) async fn switch_tenant_within(
    cx: &Cx,
    work: &mut Work<'_>,
    user: &User,
    session: &Session,
    tenant: Option<TenantId>,
) -> Result<SignedIn> {
    let mut event = AuthEvent::beside(user.clone(), session, session.method);
    event.entry.tenant = tenant;
    let signed_in = complete_login(cx, work, event).await?;
    if work.end_session(user.id, session.id).await? {
        work.emit(Event::SignedOut { user: user.id, session: session.id });
    }
    Ok(signed_in)
}

/// Ends all sessions of a user but `keep`, for an application's own way of signing out everywhere; how many there were.
///
/// # Errors
/// When the store is down.
pub async fn sign_out_everywhere(cx: &Cx, user: UserId, keep: Option<SessionId>) -> Result<u64> {
    let mut work = cx.begin().await?;
    // Whoever opens a session holds it: a session that is opened meanwhile comes wholly before, and ends with the
    // others.
    work.lock_user(user).await?;
    let count = work.end_sessions_of_user(user, keep).await?;
    // What one of them has had sent to a mailbox of its choice opens nothing any more.
    work.end_codes_of_user(user).await?;
    work.emit(Event::SessionsEnded { user, by: keep, count });
    work.commit().await?;
    Ok(count)
}

/// Ends one session of a user, who asks for it, or for whom somebody does who may. Nothing happens when it has ended
/// already, or is somebody else's.
///
/// # Errors
/// When the store is down.
pub async fn sign_out(cx: &Cx, user: UserId, id: SessionId) -> Result<()> {
    let mut work = cx.begin().await?;
    if work.end_session(user, id).await? {
        work.emit(Event::SignedOut { user, session: id });
    }
    work.commit().await
}

/// The user as clients see them: the built-in fields, and what hooks add beside them
/// ([`session_user_data`](crate::hooks::Hooks::session_user_data)). What they see is decided by now, so a hook that
/// fails only leaves its fields out.
///
/// # Errors
/// None that is expected: a user can be written out.
pub async fn user_view(cx: &Cx, user: &User) -> Result<Map<String, Value>> {
    let mut view = Map::new();
    if let Err(error) = cx.hooks(user.pool).session_user_data(cx, user, &mut view).await {
        let cause = std::error::Error::source(&error).map(tracing::field::display);
        tracing::error!(code = error.code(), cause, "session_user_data failed: its fields are left out");
        view.clear();
    }
    let (config, known) = (cx.auth().config(), &user.identifiers);
    if config.usernames.is_some() {
        view.insert("username".to_owned(), json!(known.username));
        view.insert("displayUsername".to_owned(), json!(known.display_username));
    }
    if config.phones.is_some() {
        view.insert("phoneNumber".to_owned(), json!(known.phone_number));
        view.insert("phoneNumberVerified".to_owned(), json!(known.phone_number_verified));
    }
    if config.anonymous.is_some() {
        view.insert("isAnonymous".to_owned(), json!(known.is_anonymous));
    }
    match serde_json::to_value(user).map_err(Error::internal)? {
        // Last, so that no hook can show another id or address than the real one.
        Value::Object(fields) => view.extend(fields),
        other => return Err(Error::internal(format!("a user serialised as {other}"))),
    }
    Ok(view)
}

/// Whether a proof of this instant is younger than `session::Config::fresh_age`.
pub(crate) fn is_fresh(cx: &Cx, authenticated_at: Timestamp) -> bool {
    cx.now().since(authenticated_at) < cx.auth().config().session.fresh_age
}

impl Session {
    /// Whether the person proved who they are within `session::Config::fresh_age`.
    pub fn is_fresh(&self, cx: &Cx) -> bool {
        is_fresh(cx, self.authenticated_at)
    }

    /// The address as the protocol shows it: the empty string when unknown.
    pub(super) fn ip_text(row: &StoredSession) -> String {
        row.ip_address.as_ref().map(IpAddr::to_string).unwrap_or_default()
    }
}
