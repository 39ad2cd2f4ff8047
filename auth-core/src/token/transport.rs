//! How pairs travel: given in a body or in cookies, and taken from either. What the endpoints do, for handlers of the
//! application as well.

use super::config::Delivery;
use super::refresh::{self, Known, TokenPair};
use super::service::Subject;
use crate::base::{SessionId, TenantId, Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::http::{
    Credential, CsrfToken, clear_token_cookies, delivery, expect_csrf, expect_origin, give_refresh_token, give_tokens,
    has_token_cookies, refresh_cookie, refresh_cookies,
};
use crate::session::{self, Session, SignedIn};
use crate::user::Pool;

/// Where a pair has gone. Exhaustive, so that no handler answers with tokens where it did not know better.
#[derive(Clone, Debug)]
pub enum Given {
    /// Nowhere yet: the answer's body must carry both tokens.
    InBody,
    /// The refresh token into a cookie of the answer; the body must carry the access token, and not the other.
    RefreshInCookie,
    /// Into cookies of the answer; its body must not carry the tokens.
    InCookies {
        /// The CSRF token of the session, which is in a cookie too. A page that cannot read that cookie, because it is
        /// of another host, needs it in the body.
        csrf_token: CsrfToken,
    },
}

impl TokenPair {
    /// Gives the pair to the client as [`Transport`](super::Transport) says, and tells whether the body must carry it.
    ///
    /// Nobody is to store the answer then (RFC 6749 §5.1).
    #[must_use = "where it is not in cookies, the body must carry it"]
    pub fn give(&self, cx: &Cx) -> Given {
        cx.forbid_storing();
        match self.delivery {
            Delivery::Body => Given::InBody,
            Delivery::RefreshCookie => {
                give_refresh_token(cx, self);
                Given::RefreshInCookie
            }
            Delivery::Cookies => Given::InCookies { csrf_token: give_tokens(cx, self) },
        }
    }
}

/// The first pair for a session that has just been opened, by a handler of the application's own that signs people in.
/// It says what the user holds now, and is bound to the tenant that the session acts in, or else to `tenant` if one is
/// named, for which they must be allowed to act. When there is no pair, be it that a hook has refused one
/// ([`token_claims`](crate::hooks::Hooks::token_claims)), that session ends: nobody has anything of it. Whoever has
/// just signed up stays signed up, and may sign in.
///
/// Have nobody call it by GET, and hold the request to [`expect_origin`](crate::http::expect_origin) where its route is
/// public: a page elsewhere could sign a visitor in as somebody else.
///
/// ```
/// use auth_core::http;
/// use auth_core::prelude::*;
/// use auth_core::token::Given;
/// use serde_json::{Value, json};
///
/// async fn sign_in(cx: &Cx, sign_in: password::SignInEmail) -> Result<Value> {
///     http::expect_origin(cx)?;
///     token::expect_transport(cx)?;
///     let reply = cx.auth().call(cx, sign_in).await?;
///     let pair = token::open(cx, reply.signed_in(), None).await?;
///     Ok(match pair.give(cx) {
///         Given::InCookies { csrf_token } => json!({"csrfToken": csrf_token}),
///         Given::RefreshInCookie => json!({"accessToken": pair.access.expose()}),
///         Given::InBody => json!({"accessToken": pair.access.expose(), "refreshToken": pair.refresh.expose()}),
///     })
/// }
/// ```
///
/// # Errors
/// 401 when the session has ended since; 403 when the user may not act for the tenant, or the request names another
/// one; 403 when cookies are to be given to a page that is no trusted origin; 400 when the request may choose how it
/// gets tokens and names no way; 404 when tokens are not configured; 503 when the store is down.
pub async fn open(cx: &Cx, signed_in: &SignedIn, tenant: Option<&TenantId>) -> Result<TokenPair> {
    let pair = match agreed_delivery(cx) {
        Ok(delivery) => pair_for(cx, signed_in, tenant, delivery).await,
        Err(error) => Err(error),
    };
    given_or_ended(cx, signed_in, pair).await
}

/// Ends a session that nobody has the tokens of.
async fn given_or_ended(cx: &Cx, signed_in: &SignedIn, pair: Result<TokenPair>) -> Result<TokenPair> {
    if pair.is_err()
        && let Err(error) = session::sign_out(cx, signed_in.user.id, signed_in.session.id).await
    {
        tracing::warn!(code = error.code(), "a session that nobody has the tokens of could not be ended");
    }
    pair
}

async fn pair_for(cx: &Cx, signed_in: &SignedIn, tenant: Option<&TenantId>, delivery: Delivery) -> Result<TokenPair> {
    let held = session::resolve_opened(cx, signed_in).await?;
    let own = held.session.scope.tenant();
    if own.is_some_and(|own| tenant.is_some_and(|tenant| tenant != own)) {
        return Err(Code::TenantMismatch.into());
    }
    let tenant = tenant.or(own);
    if let Some(tenant) = tenant {
        cx.expect_tenant(&held, tenant).await?;
    }
    Ok(refresh::open(cx, Subject::of(&held, tenant), delivery).await?.0)
}

/// Refuses a request to which [`open`] could not give a pair, for a handler that first signs somebody up or in, or
/// changes their password: what is refused here leaves no account and no session behind that nobody got the tokens of.
///
/// # Errors
/// 400 when the request may choose how it gets tokens and names no way; 403 when cookies are to be given to a page that
/// is no trusted origin.
pub fn expect_transport(cx: &Cx) -> Result<()> {
    agreed_delivery(cx).map(drop)
}

/// As [`open`], for whoever has proved their session with this request; and the session as it is then.
pub(super) async fn open_for(cx: &Cx, subject: Subject<'_>) -> Result<(TokenPair, Session)> {
    refresh::open(cx, subject, agreed_delivery(cx)?).await
}

/// How a pair is to be given, decided before anything is used up for it. Whoever sets cookies signs somebody in, so the
/// page that asks for it is judged, whatever route it came by.
fn agreed_delivery(cx: &Cx) -> Result<Delivery> {
    let delivery = delivery(cx)?;
    match delivery {
        Delivery::Body => {}
        Delivery::Cookies | Delivery::RefreshCookie => expect_origin(cx)?,
    }
    Ok(delivery)
}

/// The next pair for a refresh token: `token`, or where that is `None` the one in the cookie, which then counts from a
/// trusted page alone that shows the session's CSRF token, unless [only refresh tokens](super::Transport::RefreshCookie)
/// are in cookies. What came in a cookie goes back in cookies: otherwise a script could take tokens away that it cannot
/// read. When that is refused for good (401) the cookies are taken from
/// the client; a token of staff that is shown where they are none is 401 too, and stays.
///
/// # Errors
/// 401 for a token that is unknown, expired, of an ended session or a disabled user, for none at all, and for two
/// cookies of the name; also for one that was used before, and then its session has ended. 403
/// [`Code::CsrfTokenInvalid`](crate::error::Code::CsrfTokenInvalid), or for a page that is no trusted origin, or when
/// the user may not act for the tenant any more: the token is as good as before. 400 where tokens do not come in
/// cookies and `token` is `None`; otherwise as for [`open`].
pub async fn refresh(cx: &Cx, token: Option<&str>) -> Result<TokenPair> {
    let Shown { refresh, known, delivery } = Shown::of(cx, token).await?;
    match refresh::exchange(cx, &refresh, known, delivery).await {
        Err(error) if token.is_none() => Err(clear_if_dead(cx, error, &refresh).await),
        pair => pair,
    }
}

/// Has whoever shows a refresh token act in another tenant that they are a member of, or with `None` in none. They get
/// a pair of another session, and the one that they come from ends, and its tokens with it. `token` is as for
/// [`refresh`]; an access token gets nobody a pair.
///
/// # Errors
/// As for [`refresh`], and as for `POST /switch-tenant`: 403
/// [`Code::TenantMismatch`](crate::error::Code::TenantMismatch) for whoever may not act there, and then everything is
/// as it was. Where the pair for the new session cannot be given, be it that a hook refuses one, that session ends,
/// too, and whoever asked is signed out.
pub async fn switch_tenant(cx: &Cx, token: Option<&str>, tenant: Option<TenantId>) -> Result<TokenPair> {
    let Shown { refresh, known, delivery } = Shown::of(cx, token).await?;
    let signed_in = match refresh::switch_tenant(cx, &refresh, known, tenant, delivery).await {
        Err(error) if token.is_none() => return Err(clear_if_dead(cx, error, &refresh).await),
        signed_in => signed_in?,
    };
    given_or_ended(cx, &signed_in, pair_for(cx, &signed_in, None, delivery).await).await
}

/// A refresh token that counts in this request, and how the next pair goes.
struct Shown {
    refresh: Token,
    known: Known,
    delivery: Delivery,
}

impl Shown {
    async fn of(cx: &Cx, token: Option<&str>) -> Result<Self> {
        let delivery = agreed_delivery(cx)?;
        cx.before_auth().await?;
        let Some(text) = token else {
            expect_cookies(cx)?;
            let delivery = match delivery {
                Delivery::RefreshCookie => Delivery::RefreshCookie,
                // Whatever the request asks for: a script could take tokens away that it cannot read.
                Delivery::Body | Delivery::Cookies => Delivery::Cookies,
            };
            return Self::in_cookie(cx, delivery).await;
        };
        let (refresh, known) = known(cx, text).await?.ok_or(Code::Unauthorized)?;
        if known.counts_here() { Ok(Self { refresh, known, delivery }) } else { Err(Code::Unauthorized.into()) }
    }

    async fn in_cookie(cx: &Cx, delivery: Delivery) -> Result<Self> {
        expect_origin(cx)?;
        let found = found_in_cookie(cx).await;
        let (pool, refresh, known) = found.inspect_err(|error| clear_dead(cx, error))?;
        // Before the token is judged: no page of others is to use one up, nor to end a session by a second use.
        expect_csrf(cx, pool, known.session_id())?;
        if !known.counts_here() {
            // The cookies stay: at the front end of staff, which shares them, they are as good as before.
            return Err(Code::Unauthorized.into());
        }
        Ok(Self { refresh, known, delivery })
    }
}

async fn found_in_cookie(cx: &Cx) -> Result<(Pool, Token, Known)> {
    let (pool, text) = refresh_cookie(cx)?.ok_or(Code::Unauthorized)?;
    let (token, known) = known(cx, text).await?.ok_or(Code::Unauthorized)?;
    Ok((pool, token, known))
}

fn clear_dead(cx: &Cx, error: &Error) {
    if error.is(Code::Unauthorized) {
        clear_token_cookies(cx);
    }
}

/// Takes the cookies from the client if their token will never prove anything again. A hook may have refused it, too.
async fn clear_if_dead(cx: &Cx, error: Error, token: &Token) -> Error {
    if error.is(Code::Unauthorized) && matches!(Known::wherever(cx, token).await, Ok(None)) {
        clear_token_cookies(cx);
    }
    error
}

/// A refresh token that is alive, whether or not it counts in this request.
async fn known(cx: &Cx, text: &str) -> Result<Option<(Token, Known)>> {
    let Ok(token) = Token::parse(TokenKind::Refresh, text) else { return Ok(None) };
    Ok(Known::wherever(cx, &token).await?.map(|known| (token, known)))
}

/// Whoever names no token means the cookie, where there is one.
fn expect_cookies(cx: &Cx) -> Result<()> {
    if has_token_cookies(cx) {
        return Ok(());
    }
    Err(Error::invalid("body", "refreshToken", "required"))
}

/// Ends the session of a refresh token: `token`, or where that is `None` the one in the cookie, and then the cookies
/// are taken from the client, whatever they were worth. Succeeds whether there is a session or not.
///
/// # Errors
/// 403 when the cookie is meant and the page is no trusted origin; 400 where tokens do not come in cookies and `token`
/// is `None`; 503 when the store is down.
pub async fn revoke(cx: &Cx, token: Option<&str>) -> Result<()> {
    let Some(text) = token else {
        expect_cookies(cx)?;
        expect_origin(cx)?;
        return revoke_shown(cx).await;
    };
    revoke_text(cx, text).await
}

/// Ends the sessions of all refresh tokens in cookies, and takes those from the client.
pub(crate) async fn revoke_shown(cx: &Cx) -> Result<()> {
    for text in refresh_cookies(cx) {
        revoke_text(cx, text).await?;
    }
    clear_token_cookies(cx);
    Ok(())
}

async fn revoke_text(cx: &Cx, text: &str) -> Result<()> {
    match Token::parse(TokenKind::Refresh, text) {
        Ok(token) => refresh::revoke(cx, &token).await,
        Err(_) => Ok(()),
    }
}

/// Takes the cookies of tokens from the client, as many as the transport gives, of the pool that the request is for.
/// Ends nothing; [`revoke`] does.
pub fn clear_cookies(cx: &Cx) {
    clear_token_cookies(cx);
}

/// The session that a CSRF token must be of to be of use to this browser: that of its refresh token, which outlives the
/// access token, else that of the request. A cookie that proves nothing counts as none, or a browser that holds one
/// could never get rid of it.
///
/// # Errors
/// 401 for a bad credential that no browser sends by itself; 503 when the store is down.
pub(super) async fn shown_session(cx: &Cx) -> Result<Option<SessionId>> {
    let proved = match cx.authentication().await {
        Ok(found) => found.and_then(|found| found.principal().session),
        Err(error) if Credential::is_explicit(cx) || !error.is(Code::Unauthorized) => return Err(error),
        Err(_) => None,
    };
    let Ok(Some((_, text))) = refresh_cookie(cx) else { return Ok(proved) };
    Ok(known(cx, text).await?.map(|(_, known)| known.session_id()).or(proved))
}
