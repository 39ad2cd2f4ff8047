//! Finding, sliding and ending sessions.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::authority::{Acting, Authority};
use super::cache::SessionKey;
use super::config::SessionCheck;
use super::login::{AuthEvent, SignedIn, complete_login};
use super::model::{Persistence, Session, SessionWithUser, StoredSession};
use crate::base::{SessionId, TenantId, Timestamp, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::role::RoleScope;
use crate::tenant::MembershipStatus;
use crate::user::User;

/// A session found by its token: alive, its user enabled, with what counts for them where it acts.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) session: Session,
    pub(crate) user: User,
    pub(crate) authority: Authority,
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
    let event = AuthEvent::beside(user.clone(), session, session.method).in_tenant(tenant);
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

impl Session {
    /// Whether the person proved who they are within `session::Config::fresh_age`.
    pub fn is_fresh(&self, cx: &Cx) -> bool {
        cx.auth().config().session.is_fresh(self.authenticated_at, cx.now())
    }

    /// The address as the protocol shows it: the empty string when unknown.
    pub(super) fn ip_text(row: &StoredSession) -> String {
        row.ip_address.as_ref().map(IpAddr::to_string).unwrap_or_default()
    }
}
