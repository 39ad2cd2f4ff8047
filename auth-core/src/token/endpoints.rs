//! The endpoints of tokens.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use serde::{Deserialize, Serialize};

use super::refresh::TokenPair;
use super::service::{AccessToken, Subject, feature, issue_access};
use super::transport::{self, Given, shown_session};
use crate::base::TenantId;
use crate::crypto::jwt::JwkSet;
use crate::cx::Cx;
use crate::error::Result;
use crate::guard::{Anyone, CurrentSession, Principal};
use crate::http::{CsrfToken, Done, Endpoint, Json, Reply, Route, TokenText, give_csrf_token, renew_cookie};
use crate::limit::EndpointLimit;

pub(crate) const ROUTES: &[Route] = &[
    Route::of::<GetToken>(),
    Route::of::<Jwks>(),
    Route::of::<OpenTokens>(),
    Route::of::<RefreshTokens>(),
    Route::of::<RevokeTokens>(),
];

/// Where tokens come in cookies.
pub(crate) const COOKIE_ROUTES: &[Route] = &[Route::of::<GetCsrf>()];

/// How long verifiers may keep our keys: a key that was revoked is believed by them for as long.
const JWKS_MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Whom a token is for: the caller, proved by the session's own secret. An access token gets nobody another one, or it
/// would never expire.
fn subject<'a>(current: &'a CurrentSession, tenant: &'a Option<TenantId>) -> Result<Subject<'a>> {
    current.expect_session_token()?;
    let Principal { roles, permissions, .. } = current.authentication().principal();
    Ok(Subject { user: current.user(), session: current, tenant: tenant.as_ref(), roles, permissions })
}

/// `GET /token`: an access token for the caller's session, bound to the tenant that the request names, if it names one.
#[derive(Debug, Deserialize)]
pub struct GetToken {}

/// The one token of an answer.
#[derive(Debug)]
pub struct TokenReply(AccessToken);

impl TokenReply {
    /// The token, for programs that call the endpoint without HTTP.
    pub const fn token(&self) -> &AccessToken {
        &self.0
    }
}

impl Reply for TokenReply {
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
        }
        Json(Body { token: self.0.expose() }).into_response(cx)
    }
}

impl Endpoint for GetToken {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/token";
    const NAME: &'static str = "get_token";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = CurrentSession;
    type Reply = TokenReply;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<TokenReply> {
        let tenant = cx.tenant().await?;
        issue_access(cx, subject(&current, &tenant)?).await.map(TokenReply)
    }
}

/// `GET /jwks`: the public keys that access tokens are verified with (RFC 7517 §5).
#[derive(Debug, Deserialize)]
pub struct Jwks {}

/// A key set, which others may keep for five minutes.
#[derive(Debug)]
pub struct PublishedKeys(JwkSet);

impl Reply for PublishedKeys {
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>> {
        let mut response = Json(self.0).into_response(cx)?;
        response.headers_mut().insert(header::CACHE_CONTROL, JWKS_MAX_AGE);
        Ok(response)
    }
}

impl Endpoint for Jwks {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/jwks";
    const NAME: &'static str = "jwks";
    type Caller = Anyone;
    type Reply = PublishedKeys;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<PublishedKeys> {
        let tokens = feature(cx)?;
        tokens.keys.published(cx, &tokens.config).await.map(PublishedKeys)
    }
}

/// In cookies the same less the tokens, and the CSRF token for pages that cannot read our cookies.
impl Reply for TokenPair {
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct InBody<'a> {
            access_token: &'a str,
            token_type: &'static str,
            /// Seconds.
            expires_in: i64,
            refresh_token: &'a str,
            /// Seconds.
            refresh_expires_in: u64,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct RefreshInCookie<'a> {
            access_token: &'a str,
            token_type: &'static str,
            expires_in: i64,
            refresh_expires_in: u64,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct InCookies {
            expires_in: i64,
            refresh_expires_in: u64,
            csrf_token: CsrfToken,
        }
        let expires_in = self.access.expires_in_seconds();
        let refresh_expires_in = self.refresh_expires_at.since(cx.now()).as_secs();
        let (access_token, token_type) = (self.access.expose(), "Bearer");
        match self.give(cx) {
            Given::RefreshInCookie => {
                Json(RefreshInCookie { access_token, token_type, expires_in, refresh_expires_in }).into_response(cx)
            }
            Given::InBody => {
                let refresh_token = self.refresh.expose();
                Json(InBody { access_token, token_type, expires_in, refresh_token, refresh_expires_in })
                    .into_response(cx)
            }
            Given::InCookies { csrf_token } => {
                Json(InCookies { expires_in, refresh_expires_in, csrf_token }).into_response(cx)
            }
        }
    }
}

/// `POST /token`: an access token and a refresh token for the caller's session, bound to the tenant that the request
/// names, if it names one. An earlier refresh token of the session is dead from then on.
#[derive(Debug, Deserialize)]
pub struct OpenTokens {}

impl Endpoint for OpenTokens {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/token";
    const NAME: &'static str = "open_tokens";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = CurrentSession;
    type Reply = TokenPair;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<TokenPair> {
        let tenant = cx.tenant().await?;
        let (pair, session) = transport::open_for(cx, subject(&current, &tenant)?).await?;
        renew_cookie(cx, current.user().pool, &session)?;
        Ok(pair)
    }
}

/// `POST /token/refresh`: a new pair for a refresh token, which is good once. The second use of one ends its session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshTokens {
    /// The refresh token; the one of the cookie where there is none.
    #[serde(alias = "refresh_token")]
    pub refresh_token: Option<TokenText>,
}

impl Endpoint for RefreshTokens {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/token/refresh";
    const NAME: &'static str = "refresh_tokens";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = TokenPair;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<TokenPair> {
        transport::refresh(cx, self.refresh_token.as_ref().map(TokenText::expose)).await
    }
}

/// `POST /token/revoke`: ends the session of a refresh token (RFC 7009 §2.1). Succeeds whether there is one or not.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokeTokens {
    /// The refresh token; the one of the cookie where there is none, and then the cookies are taken from the client.
    #[serde(alias = "refresh_token")]
    pub refresh_token: Option<TokenText>,
}

impl Endpoint for RevokeTokens {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/token/revoke";
    const NAME: &'static str = "revoke_tokens";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        transport::revoke(cx, self.refresh_token.as_ref().map(TokenText::expose)).await?;
        Ok(Json(Done::success()))
    }
}

/// `GET /csrf`: a CSRF token for the session whose tokens the browser holds, in the body and in its cookie. Without a
/// session, or with a cookie that proves nothing, it is a token for none, which opens nothing.
#[derive(Debug, Deserialize)]
pub struct GetCsrf {}

/// What a page shows in the header `x-csrf-token`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CsrfBody {
    /// The token.
    pub csrf_token: CsrfToken,
}

impl Endpoint for GetCsrf {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/csrf";
    const NAME: &'static str = "get_csrf";
    type Caller = Anyone;
    type Reply = Json<CsrfBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<CsrfBody>> {
        let session = shown_session(cx).await?;
        Ok(Json(CsrfBody { csrf_token: give_csrf_token(cx, session) }))
    }
}
