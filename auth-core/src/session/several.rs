//! Several sessions in one browser: one for each user, one of them in use.
//!
//! Each session has a cookie of its own beside the one of the session in use. What is in them is worth as much as a
//! session cookie and no more: every token is looked up.

use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cache::SessionKey;
use super::config::SessionCheck;
use super::endpoints::SessionView;
use super::model::Session;
use super::service::{Resolved, resolve, sign_out, user_view};
use crate::base::{SessionId, Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, ErrorKind, Result};
use crate::guard::{Anyone, CurrentSession};
use crate::http::{Done, Endpoint, Json, Reply, Route, TokenText, drop_kept_session, forget_session, put_into_use};
use crate::limit::EndpointLimit;

pub(crate) const SEVERAL_ROUTES: &[Route] =
    &[Route::of::<ListDeviceSessions>(), Route::of::<SetActiveSession>(), Route::of::<RevokeDeviceSession>()];

/// A session that the browser keeps, and that is alive.
struct Kept {
    token: Token,
    session: Session,
    user: Map<String, Value>,
}

/// What the browser keeps and is alive; cookies of what is not are taken away.
async fn alive(cx: &Cx) -> Result<Vec<(Token, Resolved)>> {
    let mut alive = Vec::new();
    for (id, token) in cx.kept_sessions() {
        cx.before_auth().await?;
        match resolve(cx, SessionKey::Token(token.hash()), SessionCheck::Strict).await? {
            Some(found) if found.session.id == id => alive.push((token, found)),
            Some(_) | None => drop_kept_session(cx, id),
        }
    }
    Ok(alive)
}

/// Of what is alive what may act here: whatever a request with that session alone would be refused for leaves it out.
async fn kept(cx: &Cx) -> Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for (token, found) in alive(cx).await? {
        match cx.admit_beside(&found).await {
            Err(error) if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unavailable) => return Err(error),
            Err(_) => {}
            Ok(()) => {
                let Resolved { session, user, .. } = found;
                kept.push(Kept { token, session, user: user_view(cx, &user).await? });
            }
        }
    }
    Ok(kept)
}

/// Whether this names the session: by the handle of a list, or by its own secret.
fn is_named(name: &str, session: &Session, token: &Token) -> bool {
    let hash = Token::parse(TokenKind::Session, name).ok().map(|token| token.hash());
    name.parse::<SessionId>() == Ok(session.id) || hash.is_some_and(|hash| hash.matches(&token.hash()))
}

/// A kept session as clients see it.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct DeviceSession {
    /// The session; its `token` is a handle.
    pub session: SessionView,
    /// Whose it is.
    pub user: Map<String, Value>,
}

impl From<Kept> for DeviceSession {
    fn from(kept: Kept) -> Self {
        Self { session: SessionView::from(&*kept.session), user: kept.user }
    }
}

/// `GET /multi-session/list-device-sessions`: the users as whom this browser is signed in.
#[derive(Debug, Deserialize)]
pub struct ListDeviceSessions {}

impl Endpoint for ListDeviceSessions {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/multi-session/list-device-sessions";
    const NAME: &'static str = "list_device_sessions";
    type Caller = Anyone;
    type Reply = Json<Vec<DeviceSession>>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        Ok(Json(kept(cx).await?.into_iter().map(DeviceSession::from).collect()))
    }
}

/// `POST /multi-session/set-active`: puts another of the browser's sessions into use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetActiveSession {
    /// The handle from a list, or the session's own secret.
    pub session_token: TokenText,
}

/// The session that is in use now; its cookie is set on the way out.
pub struct ActiveSession(Kept);

impl fmt::Debug for ActiveSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActiveSession").field(&self.0.session).finish()
    }
}

impl Reply for ActiveSession {
    fn into_response(self, cx: &Cx) -> Result<http::Response<bytes::Bytes>> {
        put_into_use(cx, &self.0.session, &self.0.token);
        Json(DeviceSession::from(self.0)).into_response(cx)
    }
}

impl Endpoint for SetActiveSession {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/multi-session/set-active";
    const NAME: &'static str = "set_active_session";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = ActiveSession;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<ActiveSession> {
        let named = |kept: &Kept| is_named(self.session_token.expose(), &kept.session, &kept.token);
        let found = kept(cx).await?.into_iter().find(named).ok_or(Code::InvalidSessionToken)?;
        Ok(ActiveSession(found))
    }
}

/// `POST /multi-session/revoke`: ends one of the browser's sessions. If it is the one in use, another one takes its
/// place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokeDeviceSession {
    /// The handle from a list, or the session's own secret.
    pub session_token: TokenText,
}

impl Endpoint for RevokeDeviceSession {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/multi-session/revoke";
    const NAME: &'static str = "revoke_device_session";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        let named = |(token, found): &(Token, Resolved)| is_named(self.session_token.expose(), &found.session, token);
        let (_, Resolved { session, .. }) =
            alive(cx).await?.into_iter().find(named).ok_or(Code::InvalidSessionToken)?;
        // Looked for before anything ends: what fails then has done nothing.
        let next = if session.id == current.id { kept(cx).await? } else { Vec::new() };
        sign_out(cx, session.user_id, session.id).await?;
        drop_kept_session(cx, session.id);
        if session.id == current.id {
            match next.into_iter().find(|kept| kept.session.id != session.id) {
                Some(next) => put_into_use(cx, &next.session, &next.token),
                None => forget_session(cx),
            }
        }
        Ok(Json(Done::status()))
    }
}
