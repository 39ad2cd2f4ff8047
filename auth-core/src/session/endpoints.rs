//! The endpoints of sessions: read, list, end.

use http::{HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cache::SessionKey;
use super::config::SessionCheck;
use super::login::SignedIn;
use super::model::{Session, StoredSession};
use super::service::{Resolved, resolve, sign_out, still_holds, user_view};
use crate::base::{SessionId, TenantId, Timestamp, Token, TokenKind, UserId};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::guard::{Anyone, CurrentSession, Fresh};
use crate::hooks::Event;
use crate::http::{
    Credential, Done, Endpoint, Json, Reply, Route, ShownToken, TokenText, clear_access_cookie, clear_session_cookie,
    drop_kept_session, forget_session, give_session, slide,
};
use crate::token::{Subject, issue_access, revoke_shown};
use crate::user::{Pool, User};

pub(crate) const ROUTES: &[Route] = &[
    Route::of::<GetSession>(),
    Route::of::<PostGetSession>(),
    Route::of::<SignOut>(),
    Route::of::<ListSessions>(),
    Route::of::<RevokeSession>(),
    Route::of::<RevokeSessions>(),
    Route::of::<RevokeOtherSessions>(),
];

/// A session as clients see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionView {
    /// Names the session.
    pub id: SessionId,
    /// A handle by which `revoke-session` finds it. Never the secret: that is shown once, at sign-in.
    pub token: String,
    /// Whose it is.
    pub user_id: UserId,
    /// When it ends unless it is used before.
    pub expires_at: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Where it was opened from; empty when unknown.
    pub ip_address: String,
    /// What opened it; empty when unknown.
    pub user_agent: String,
    /// The tenant that it acts in, if it acts in one. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// The only role guard whose roles count, if it is only one. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_guard: Option<String>,
}

impl From<&StoredSession> for SessionView {
    fn from(row: &StoredSession) -> Self {
        Self {
            id: row.id,
            token: row.id.to_string(),
            user_id: row.user_id,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            ip_address: Session::ip_text(row),
            user_agent: row.user_agent.clone().unwrap_or_default(),
            tenant_id: row.scope.tenant().cloned(),
            role_guard: row.role_guard.clone(),
        }
    }
}

/// `GET /get-session`: who is signed in, or `null`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetSession {
    /// Leaves the expiry as it is.
    pub disable_refresh: Option<bool>,
}

/// The session and its user.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SessionAndUser {
    /// The session.
    pub session: SessionView,
    /// The user, with what hooks added.
    pub user: Map<String, Value>,
}

impl Endpoint for GetSession {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/get-session";
    const NAME: &'static str = "get_session";
    type Caller = Anyone;
    type Reply = Json<Option<SessionAndUser>>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let (token, place) = match Credential::of(cx) {
            Ok(Some(Credential::Session { token, place })) => (token, place),
            Ok(Some(Credential::AccessCookie { pool, .. })) => return by_access_cookie(cx, pool).await,
            Ok(Some(Credential::Jwt(_) | Credential::ApiKey(_))) => return by_another_credential(cx).await,
            Ok(None) => return Ok(Json(None)),
            Err(error) => return stale(cx, error),
        };
        // As whoever asks for the credential of a request would, but for what becomes of a cookie.
        cx.before_auth().await?;
        let key = SessionKey::Token(token.hash());
        let found = resolve(cx, key, SessionCheck::Strict).await?;
        let Some(mut found) = found else { return stale(cx, Code::Unauthorized.into()) };
        cx.admit_session(&found).await?;
        if self.disable_refresh != Some(true) {
            slide(cx, place, &mut found, &token).await?;
        }
        show_access_token(cx, &found).await;
        let Resolved { session, user, .. } = found;
        let user = user_view(cx, &user).await?;
        Ok(Json(Some(SessionAndUser { session: SessionView::from(&*session), user })))
    }
}

/// A good credential that is no session's secret: an access token shows its session, whatever has none shows `null`.
async fn by_another_credential(cx: &Cx) -> Result<Json<Option<SessionAndUser>>> {
    let Some(authentication) = cx.authentication().await? else { return Ok(Json(None)) };
    let (Some(session), Some(user)) = (authentication.session(), authentication.user()) else { return Ok(Json(None)) };
    Ok(Json(Some(SessionAndUser { session: SessionView::from(&**session), user: user_view(cx, user).await? })))
}

/// An access token that a browser shows by itself: one that proves nothing is taken from it, as a session cookie is.
/// What gets another one stays.
async fn by_access_cookie(cx: &Cx, pool: Pool) -> Result<Json<Option<SessionAndUser>>> {
    match by_another_credential(cx).await {
        Err(error) if error.is(Code::Unauthorized) => {
            clear_access_cookie(cx, pool);
            Ok(Json(None))
        }
        shown => shown,
    }
}

/// Tells an access token in the header `set-auth-jwt`, as the protocol has it. Whoever reads the session may ask for
/// one anyway; if it cannot be made, the session is shown all the same.
async fn show_access_token(cx: &Cx, found: &Resolved) {
    if cx.auth().tokens().is_none() {
        return;
    }
    let subject = Subject::of(found, found.session.scope.tenant());
    match issue_access(cx, subject).await.map(|token| HeaderValue::from_str(token.expose())) {
        Ok(Ok(value)) => {
            cx.set_header(HeaderName::from_static("set-auth-jwt"), value);
            cx.set_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("set-auth-jwt"));
        }
        Ok(Err(_)) => tracing::error!("an access token does not fit into a header"),
        Err(error) => tracing::error!(code = error.code(), "no access token could be issued with the session"),
    }
}

/// A browser whose session has ended is told so and loses its cookie; a bad bearer credential is refused.
fn stale(cx: &Cx, error: Error) -> Result<Json<Option<SessionAndUser>>> {
    if Credential::is_explicit(cx) || !error.is(Code::Unauthorized) {
        return Err(error);
    }
    clear_session_cookie(cx);
    Ok(Json(None))
}

/// `POST /get-session`: the protocol knows it for deferred refreshing, which is not offered.
#[derive(Debug, Deserialize)]
pub(super) struct PostGetSession {}

impl Endpoint for PostGetSession {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/get-session";
    const NAME: &'static str = "post_get_session";
    type Caller = Anyone;
    type Reply = Json<()>;

    async fn call(self, _: &Cx, _: Anyone) -> Result<Json<()>> {
        Err(Code::MethodNotAllowedDeferSessionRequired.into())
    }
}

/// `POST /sign-out`: ends every session that the request shows the secret of, or a refresh token in its cookie.
/// Succeeds whether there is one or not.
#[derive(Debug, Deserialize)]
pub struct SignOut {}

impl Endpoint for SignOut {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-out";
    const NAME: &'static str = "sign_out";
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        for token in Credential::all_tokens(cx) {
            // Whoever shows nothing that lives holds no transaction. One each: in one for all, whoever ends the same
            // ones in another order would meet it crosswise.
            let found = cx.conn().session_by_token(&token.hash()).await?;
            if let Some(found) = found.filter(|found| cx.accepts(found.user.pool)) {
                sign_out(cx, found.user.id, found.session.id).await?;
            }
        }
        revoke_shown(cx).await?;
        clear_session_cookie(cx);
        cx.kept_sessions().for_each(|(id, _)| drop_kept_session(cx, id));
        Ok(Json(Done::success()))
    }
}

/// `GET /list-sessions`: the caller's sessions that are alive, the latest first.
#[derive(Debug, Deserialize)]
pub struct ListSessions {}

impl Endpoint for ListSessions {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/list-sessions";
    const NAME: &'static str = "list_sessions";
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<Vec<SessionView>>;

    async fn call(self, cx: &Cx, session: Self::Caller) -> Result<Self::Reply> {
        let rows = cx.conn().sessions_of_user(session.user_id, cx.now()).await?;
        Ok(Json(rows.iter().map(SessionView::from).collect()))
    }
}

/// `POST /revoke-session`: ends one of the caller's sessions, who shows their own session's token. One that is unknown
/// or somebody else's is left alone, and the answer does not tell.
#[derive(Debug, Deserialize)]
pub struct RevokeSession {
    /// The handle from a list, or the session's own secret.
    pub token: TokenText,
}

impl Endpoint for RevokeSession {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/revoke-session";
    const NAME: &'static str = "revoke_session";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        current.expect_session_token()?;
        let Some(id) = self.named(cx, &current).await? else { return Ok(Json(Done::status())) };
        let mut work = cx.begin().await?;
        work.lock_user(current.user_id).await?;
        if work.end_session(current.user_id, id).await? {
            if id != current.id {
                // It may have been a thief's: what they have had sent to a mailbox of theirs opens nothing any more.
                work.end_codes_of_user(current.user_id).await?;
            }
            work.emit(Event::SessionsEnded { user: current.user_id, by: Some(current.id), count: 1 });
        }
        work.commit().await?;
        if id == current.id {
            forget_session(cx);
        }
        Ok(Json(Done::status()))
    }
}

impl RevokeSession {
    /// The session that the client named, if it is the caller's.
    async fn named(&self, cx: &Cx, current: &Session) -> Result<Option<SessionId>> {
        if let Ok(id) = self.token.expose().parse() {
            return Ok(Some(id));
        }
        let Ok(token) = Token::parse(TokenKind::Session, self.token.expose()) else { return Ok(None) };
        let found = cx.conn().session_by_token(&token.hash()).await?;
        Ok(found.filter(|found| found.user.id == current.user_id).map(|found| found.session.id))
    }
}

/// `POST /revoke-sessions`: ends all the caller's sessions, this one included.
#[derive(Debug, Deserialize)]
pub struct RevokeSessions {}

impl Endpoint for RevokeSessions {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/revoke-sessions";
    const NAME: &'static str = "revoke_sessions";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        end_all(cx, &current, None).await?;
        forget_session(cx);
        Ok(Json(Done::status()))
    }
}

/// `POST /revoke-other-sessions`: ends all the caller's sessions but this one.
#[derive(Debug, Deserialize)]
pub struct RevokeOtherSessions {}

impl Endpoint for RevokeOtherSessions {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/revoke-other-sessions";
    const NAME: &'static str = "revoke_other_sessions";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        end_all(cx, &current, Some(current.id)).await?;
        Ok(Json(Done::status()))
    }
}

/// Others see access tokens; the session's own token is asked for, so that none of them can sign its user out.
async fn end_all(cx: &Cx, current: &CurrentSession, keep: Option<SessionId>) -> Result<()> {
    current.expect_session_token()?;
    let mut work = cx.begin().await?;
    // The user's row is locked: a session that is being opened beside this one is there by then, or is not opened.
    still_holds(cx, &mut work, current.user(), current).await?;
    let count = work.end_sessions_of_user(current.user_id, keep).await?;
    work.end_codes_of_user(current.user_id).await?;
    work.emit(Event::SessionsEnded { user: current.user_id, by: Some(current.id), count });
    work.commit().await
}

impl From<&SignedIn> for ShownToken {
    fn from(signed_in: &SignedIn) -> Self {
        signed_in.token.clone().into()
    }
}

/// An answer that carries a new session: its cookie is set on the way out.
#[derive(Debug)]
pub struct NewSessionReply<T> {
    /// The session and its secret.
    pub(crate) signed_in: SignedIn,
    /// The body.
    pub(crate) body: T,
}

impl<T> NewSessionReply<T> {
    /// The session and its secret, for programs that call the endpoint without HTTP.
    pub fn signed_in(&self) -> &SignedIn {
        &self.signed_in
    }
}

/// The secret of a new session and its user.
#[derive(Debug, Serialize)]
pub struct TokenAndUser {
    token: ShownToken,
    user: Map<String, Value>,
}

impl NewSessionReply<TokenAndUser> {
    pub(crate) async fn of(cx: &Cx, signed_in: SignedIn) -> Result<Self> {
        let body = TokenAndUser { token: (&signed_in).into(), user: user_view(cx, &signed_in.user).await? };
        Ok(Self { signed_in, body })
    }
}

/// A new session, if there is one, and the body that goes with it.
#[derive(Debug)]
pub struct OptionalSessionReply<T> {
    /// The session, for the cookie.
    pub(crate) signed_in: Option<SignedIn>,
    /// The body.
    pub(crate) body: T,
}

impl<T> OptionalSessionReply<T> {
    /// The session and its secret, if there is one, for programs that call the endpoint without HTTP.
    pub const fn signed_in(&self) -> Option<&SignedIn> {
        self.signed_in.as_ref()
    }
}

/// That a code was right, whose it was, and the secret of a new session if it has opened one.
#[derive(Debug, Serialize)]
pub struct ProvedUser {
    status: bool,
    token: Option<ShownToken>,
    user: Map<String, Value>,
}

impl OptionalSessionReply<ProvedUser> {
    pub(crate) async fn of(cx: &Cx, user: &User, signed_in: Option<SignedIn>) -> Result<Self> {
        let token = signed_in.as_ref().map(ShownToken::from);
        let body = ProvedUser { status: true, token, user: user_view(cx, user).await? };
        Ok(Self { signed_in, body })
    }
}

impl<T: Serialize + Send> Reply for OptionalSessionReply<T> {
    fn into_response(self, cx: &Cx) -> Result<http::Response<bytes::Bytes>> {
        if let Some(signed_in) = &self.signed_in {
            give_session(cx, signed_in);
        }
        Json(self.body).into_response(cx)
    }
}

impl<T: Serialize + Send> Reply for NewSessionReply<T> {
    fn into_response(self, cx: &Cx) -> Result<http::Response<bytes::Bytes>> {
        give_session(cx, &self.signed_in);
        Json(self.body).into_response(cx)
    }
}
