//! Opening, finding and sliding sessions.

use std::net::IpAddr;
use std::sync::Arc;

use http::header;
use serde_json::{Map, Value};

use super::cache::SessionKey;
use super::config::SessionCheck;
use super::model::{Assurance, AuthMethod, NewSession, Persistence, Session, SessionWithUser, StoredSession};
use crate::base::{SessionId, Timestamp, Token, TokenKind, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::{Event, LoginContext};
use crate::role::Role;
use crate::user::User;

/// The longest `User-Agent` that is kept, in characters.
const USER_AGENT_CHARS: usize = 512;

/// That a user proved who they are. Whoever makes one has checked a credential; nothing has been decided yet.
#[derive(Debug)]
pub(crate) struct AuthEvent {
    /// The user as they were when the credential was checked.
    pub(crate) user: User,
    /// What was checked.
    pub(crate) method: AuthMethod,
    /// Whether the client keeps its cookie.
    pub(crate) persistence: Persistence,
    /// The session that vouches for them, where they have proved nothing anew.
    pub(crate) origin: Option<StoredSession>,
}

impl AuthEvent {
    /// They have just proved who they are.
    pub(crate) const fn proved(user: User, method: AuthMethod, persistence: Persistence) -> Self {
        Self { user, method, persistence, origin: None }
    }

    /// They come with something that another session of theirs was asked for.
    pub(crate) fn beside(origin: &Resolved, method: AuthMethod) -> Self {
        let Resolved { session, user, .. } = origin;
        let persistence = session.persistence;
        Self { user: user.clone(), method, persistence, origin: Some(StoredSession::clone(session)) }
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

/// A session found by its token: alive, its user enabled.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) session: Session,
    pub(crate) user: User,
    pub(crate) roles: Vec<Role>,
}

/// The only way to a session. Whatever the method: hooks may refuse, the user must be enabled and must not have
/// changed credentials since the proof, the cap holds, and all of it is one transaction.
pub(crate) async fn complete_login(cx: &Cx, work: &mut Work<'_>, event: AuthEvent) -> Result<SignedIn> {
    let AuthEvent { ref user, method, .. } = event;
    let hooks = cx.hooks(user.pool);
    let login = LoginContext::new(user, method);
    hooks.before_login(cx, work, &login).await?;

    let token = Token::random(TokenKind::Session, cx.random());
    let session = Session::proven(new_row(cx, &event));
    // Locks the user's row: a change of password comes wholly before this sign-in, which then fails, or wholly
    // after it, and then ends the new session with all others.
    if !work.open_session(&NewSession::new(session.clone(), token.hash()), user.credential_version).await? {
        return Err(Code::InvalidEmailOrPassword.into());
    }
    // Whatever the clock says, the new session is not the one that has to go.
    let others = cx.auth().config().session.max_per_user.saturating_sub(1);
    work.evict_sessions(user.id, session.id, others).await?;
    let replaced = end_kept(cx, work, user.id).await?;

    hooks.on_login(cx, work, &login, &session).await?;
    work.emit(Event::SignedIn { user: user.id, session: session.id, method });
    Ok(SignedIn { session, token, user: event.user, replaced })
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

/// A row for a proof of this moment, or one that is as old, as sure and as mortal as the session that vouches for it.
fn new_row(cx: &Cx, event: &AuthEvent) -> StoredSession {
    let AuthEvent { user, method, persistence, origin } = event;
    let (now, config) = (cx.now(), &cx.auth().config().session);
    let longest = now.plus(config.absolute);
    let absolute_expires_at = origin.as_ref().map_or(longest, |origin| origin.absolute_expires_at.min(longest));
    let lifetime = match persistence {
        Persistence::Persistent => config.idle,
        Persistence::Browser => config.browser,
    };
    StoredSession {
        id: SessionId::new(now, cx.random()),
        user_id: user.id,
        created_at: now,
        updated_at: now,
        authenticated_at: origin.as_ref().map_or(now, |origin| origin.authenticated_at),
        expires_at: now.plus(lifetime).min(absolute_expires_at),
        absolute_expires_at,
        persistence: *persistence,
        method: *method,
        assurance: origin.as_ref().map_or(Assurance::Aal1, |origin| origin.assurance),
        ip_address: cx.client_ip(),
        user_agent: user_agent(cx),
    }
}

fn user_agent(cx: &Cx) -> Option<String> {
    let value = cx.request().headers.get(header::USER_AGENT)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    Some(text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect())
}

/// The session of this key, if it is alive and its user enabled and of a pool that counts here: looked up, or remembered where `check` allows it.
pub(crate) async fn resolve(cx: &Cx, key: SessionKey, check: SessionCheck) -> Result<Option<Resolved>> {
    let found = match check {
        SessionCheck::Strict | SessionCheck::Stateless => look_up(cx, key).await?,
        SessionCheck::Cached(ttl) => match cx.auth().session_cache().recent(key, cx.now(), ttl) {
            Some(known) if known.session.is_alive(cx.now()) => Some(SessionWithUser::clone(&known)),
            // Its end may have been moved since.
            Some(_) | None => remembered(cx, key).await?,
        },
    };
    Ok(found.and_then(|found| judge(cx, found)))
}

/// What was found by a proof, if it is alive now and its user enabled and of a pool that counts here.
pub(crate) fn judge(cx: &Cx, found: SessionWithUser) -> Option<Resolved> {
    if !found.session.is_alive(cx.now()) || found.user.disabled_at.is_some() || !cx.accepts(found.user.pool) {
        return None;
    }
    let roles = cx.auth().counted(found.roles);
    Some(Resolved { session: Session::proven(found.session), user: found.user, roles })
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

/// Ends a session that others may be extending at this moment. Like them it takes the user's row first: InnoDB would end
/// one of two that meet in another order.
pub(crate) async fn end(work: &mut Work<'_>, user: &User, id: SessionId) -> Result<bool> {
    work.claim_login(user.id, user.credential_version).await?;
    Ok(work.end_session(user.id, id).await?)
}

/// The user as clients see them: the built-in fields, and what hooks add beside them. What they see is decided by now,
/// so a hook that fails only leaves its fields out.
pub(crate) async fn user_view(cx: &Cx, user: &User) -> Result<Map<String, Value>> {
    let mut view = Map::new();
    if let Err(error) = cx.hooks(user.pool).session_user_data(cx, user, &mut view).await {
        let cause = std::error::Error::source(&error).map(tracing::field::display);
        tracing::error!(code = error.code(), cause, "session_user_data failed: its fields are left out");
        view.clear();
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
