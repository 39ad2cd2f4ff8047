//! Signing up, in and out, and one's own sessions.

use auth_axum::{CurrentPrincipal, CurrentSession, JsonBody, Refusal, RequestCx};
use auth_core::base::{Email, SessionId, TenantId, Timestamp, UserId};
use auth_core::crypto::password_hash::Password;
use auth_core::error::{Code, Error, ErrorKind};
use auth_core::guard::Principal;
use auth_core::password::{SignInEmail, SignUpEmail};
use auth_core::session::{SignedIn, StoredSession};
use auth_core::token::{GetCsrf, Given, TokenPair};
use auth_core::user::User;
use auth_core::{Cx, Result, password, session, token};
use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::input::{self, Place};
use crate::refusals::taken;

/// `POST /auth/signup`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccount {
    email: Email,
    password: Password,
    #[serde(default)]
    name: String,
    tenant_id: Option<TenantId>,
    /// `guard` and whatever else: it reaches the hooks, and never the user's row.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(crate) async fn sign_up(
    cx: RequestCx,
    JsonBody(new): JsonBody<NewAccount>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let NewAccount { email, password, name, tenant_id, rest } = new;
    token::expect_transport(&cx)?;
    let sign_up = SignUpEmail { tenant_id, extra: rest, ..SignUpEmail::new(email, name, password) };
    let reply = taken(cx.auth().call(&cx, sign_up).await)?;
    let signed_in = reply.signed_in().ok_or_else(|| Error::from(Code::EmailNotVerified))?;
    Ok((StatusCode::CREATED, Json(welcome(&cx, signed_in).await?)))
}

/// `POST /auth/login`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Login {
    provider_name: String,
    credentials: Credentials,
    tenant_id: Option<TenantId>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: Password,
}

pub(crate) async fn log_in(cx: RequestCx, JsonBody(login): JsonBody<Login>) -> Result<Json<Value>, Refusal> {
    let Login { provider_name, credentials: Credentials { email, password }, tenant_id, rest } = login;
    if provider_name != "email" {
        return Err(Error::new(ErrorKind::Unauthorized, "INVALID_PROVIDER", "There is no such provider.").into());
    }
    token::expect_transport(&cx)?;
    let sign_in = SignInEmail { tenant_id, extra: rest, ..SignInEmail::new(email, password) };
    let reply = cx.auth().call(&cx, sign_in).await?;
    Ok(Json(welcome(&cx, reply.signed_in()).await?))
}

/// Tokens for a session that has just been opened, and whose it is.
async fn welcome(cx: &Cx, signed_in: &SignedIn) -> Result<Value> {
    let pair = token::open(cx, signed_in, None).await?;
    let principal = Principal::of(cx, signed_in).await?;
    let mut body = tokens(cx, &pair);
    body.insert("user".to_owned(), user_view(cx, &signed_in.user, &principal).await?);
    Ok(body.into())
}

/// The tokens, or where they have gone into cookies the CSRF token alone.
fn tokens(cx: &Cx, pair: &TokenPair) -> Map<String, Value> {
    let body = match pair.give(cx) {
        Given::InCookies { csrf_token } => json!({ "csrfToken": csrf_token }),
        Given::RefreshInCookie => json!({ "accessToken": pair.access.expose() }),
        Given::InBody => json!({ "accessToken": pair.access.expose(), "refreshToken": pair.refresh.expose() }),
    };
    body.as_object().cloned().unwrap_or_default()
}

/// The user with what hooks add, and the roles that count in this session.
async fn user_view(cx: &Cx, user: &User, principal: &Principal) -> Result<Value> {
    let mut view = session::user_view(cx, user).await?;
    let roles = principal.roles.iter();
    let roles = roles.map(|role| json!({ "name": role.name, "guard": role.guard, "tenantId": role.tenant }));
    view.insert("roles".to_owned(), roles.collect());
    view.insert("tenantId".to_owned(), json!(principal.tenant));
    Ok(view.into())
}

/// A refresh token in a body; without one that in the cookie counts.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RefreshToken {
    refresh_token: Option<String>,
}

pub(crate) async fn refresh(cx: RequestCx, JsonBody(body): JsonBody<RefreshToken>) -> Result<Json<Value>, Refusal> {
    let pair = token::refresh(&cx, body.refresh_token.as_deref()).await?;
    Ok(Json(tokens(&cx, &pair).into()))
}

/// `POST /auth/logout`: ends the session of whatever is shown. Succeeds whether there is one or not.
pub(crate) async fn log_out(cx: RequestCx, JsonBody(body): JsonBody<RefreshToken>) -> Result<Json<Value>, Refusal> {
    // An access token in a cookie ends nothing without the CSRF token; a refresh token does.
    let caller = match proved(&cx).await {
        Err(error) if error.kind() == ErrorKind::Forbidden && shows_refresh_token(&cx, &body) => None,
        caller => caller?,
    };
    revoke_shown(&cx, &body).await?;
    if let Some((user, session)) = caller {
        session::sign_out(&cx, user, session).await?;
    }
    Ok(Json(json!({ "success": true })))
}

/// `POST /auth/logout-all`: ends all sessions of whoever is proved. Succeeds for whoever is signed out.
pub(crate) async fn log_out_everywhere(
    cx: RequestCx,
    JsonBody(body): JsonBody<RefreshToken>,
) -> Result<Json<Value>, Refusal> {
    let Some((user, _)) = proved(&cx).await? else {
        // Whoever shows nothing is signed out. Of a token that has expired nobody knows whether there are sessions left.
        if cx.request().headers.contains_key("authorization") || shows_refresh_token(&cx, &body) {
            return Err(Error::from(Code::Unauthorized).into());
        }
        return Ok(Json(json!({ "success": true })));
    };
    revoke_shown(&cx, &body).await?;
    session::sign_out_everywhere(&cx, user, None).await?;
    Ok(Json(json!({ "success": true })))
}

/// Whose session the request proves. Whoever shows nothing that counts is signed out already; a store that is down has
/// signed nobody out.
async fn proved(cx: &Cx) -> Result<Option<(UserId, SessionId)>> {
    match cx.authentication().await {
        Ok(caller) => Ok(caller.and_then(|caller| Some((caller.user()?.id, caller.principal().session?)))),
        Err(error) if error.is(Code::Unauthorized) => Ok(None),
        Err(error) => Err(error),
    }
}

fn shows_refresh_token(cx: &Cx, body: &RefreshToken) -> bool {
    let cookies = cx.request().headers.get("cookie").map(|line| String::from_utf8_lossy(line.as_bytes()));
    body.refresh_token.is_some() || cookies.is_some_and(|line| line.contains("refresh_token="))
}

/// Ends the sessions of the refresh tokens that are shown, if any are, and takes the cookies.
async fn revoke_shown(cx: &Cx, body: &RefreshToken) -> Result<()> {
    if let Some(text) = &body.refresh_token {
        token::revoke(cx, Some(text)).await?;
    }
    if cx.request().headers.contains_key("cookie") {
        token::revoke(cx, None).await?;
    }
    Ok(())
}

pub(crate) async fn csrf(cx: RequestCx) -> Result<Json<Value>, Refusal> {
    let shown = cx.auth().call(&cx, GetCsrf {}).await?;
    Ok(Json(json!(shown.0)))
}

pub(crate) async fn me(cx: RequestCx, caller: CurrentPrincipal) -> Result<Json<Value>, Refusal> {
    let user = caller.row().ok_or(Code::Unauthorized).map_err(Error::from)?;
    let view = user_view(&cx, user, &caller).await?;
    Ok(Json(json!({ "user": view, "isPlatformAccess": caller.is_staff })))
}

/// `POST /auth/change-password`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordChange {
    current_password: Password,
    new_password: Password,
}

/// The other sessions end, and this one goes on under the tokens of the answer.
pub(crate) async fn change_password(
    cx: RequestCx,
    current: CurrentSession,
    JsonBody(change): JsonBody<PasswordChange>,
) -> Result<Json<Value>, Refusal> {
    let PasswordChange { current_password, new_password } = change;
    token::expect_transport(&cx)?;
    let signed_in = password::change_password(&cx, current.user(), &current, current_password, new_password).await?;
    Ok(Json(welcome(&cx, &signed_in).await?))
}

pub(crate) async fn sessions(cx: RequestCx, current: CurrentSession) -> Result<Json<Value>, Refusal> {
    let rows = cx.conn().sessions_of_user(current.user_id, cx.now()).await.map_err(Error::from)?;
    let sessions: Vec<Value> = rows.iter().map(|row| session_view(row, current.id)).collect();
    Ok(Json(json!({ "sessions": sessions })))
}

fn session_view(row: &StoredSession, current: SessionId) -> Value {
    let StoredSession { id, role_guard, ip_address, user_agent, .. } = row;
    let [created_at, last_seen_at]: [Timestamp; 2] = [row.created_at, row.updated_at];
    json!({
        "id": id,
        "current": *id == current,
        "guard": role_guard,
        "createdAt": created_at,
        "lastSeenAt": last_seen_at,
        "ipAddress": ip_address,
        "userAgent": user_agent,
    })
}

/// One that is unknown or somebody else's is left alone, and the answer does not tell.
pub(crate) async fn end_session(
    cx: RequestCx,
    current: CurrentSession,
    Place(id): Place<String>,
) -> Result<StatusCode, Refusal> {
    let id: SessionId = input::id("id", &id)?;
    session::sign_out(&cx, current.user_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
