//! What a request proves itself with.

use std::collections::HashSet;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::cookie::{MOST_KEPT, kept_sessions, session_cookie_value, session_cookie_values, set_session_cookie};
use super::origin::{expect_origin, is_unsafe};
use super::token_cookie::{access_cookie, expect_csrf};
use crate::base::{Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};
use crate::guard::Authentication;
use crate::issuer::ExternalIssuers;
use crate::role::RoleScope;
use crate::session::{self, Acting, Authority, Resolved, Session, SessionCheck, SessionKey};
use crate::token::VerifiedAccess;
use crate::user::Pool;
use crate::{api_key, token};

/// A place where a request may carry a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialSource {
    /// `Authorization: Bearer …` (RFC 6750 §2.1): a session's token or an access token.
    Bearer,
    /// The session cookie.
    SessionCookie,
    /// The cookie of an access token of ours, where [`token::Config::transport`](crate::token::Config::transport) gives
    /// access tokens in cookies: with an unsafe request it counts from a trusted page alone that shows the session's CSRF token too.
    AccessTokenCookie,
    /// `x-api-key: …` or `Authorization: ApiKey …`.
    ApiKey,
}

impl CredentialSource {
    /// All of them, in the order in which they are looked at unless the application says otherwise.
    pub(crate) const DEFAULT: [Self; 4] = [Self::Bearer, Self::SessionCookie, Self::AccessTokenCookie, Self::ApiKey];
}

/// More session tokens than this in one request are somebody's flood: all that a browser may keep, and some.
const MOST_SHOWN: usize = MOST_KEPT + 8;

/// The header of an API key.
const API_KEY: &str = "x-api-key";

/// Who sends this request: the first credential present decides, a bad one never falls through to the next.
pub(crate) async fn authenticate(cx: &Cx, check: SessionCheck) -> Result<Option<Arc<Authentication>>> {
    let Some(credential) = Credential::of(cx)? else { return developer(cx) };
    cx.before_auth().await?;
    let authentication = match &credential {
        Credential::Session { token, place } => by_session_token(cx, check, token, *place).await?,
        Credential::Jwt(text) => by_jwt(cx, check, text).await?,
        Credential::AccessCookie { text, pool } => by_access_cookie(cx, check, text, *pool).await?,
        Credential::ApiKey(token) => by_api_key(cx, token).await?,
    };
    cx.admit(&authentication).await?;
    Ok(Some(Arc::new(authentication)))
}

/// Who a request without a credential is while an application is written: nobody, unless it says so. A page of others
/// must not be able to act as them either.
fn developer(cx: &Cx) -> Result<Option<Arc<Authentication>>> {
    let Some(developer) = cx.auth().config().development_auth.as_ref().filter(|_| cx.is_at_route()) else {
        return Ok(None);
    };
    expect_origin(cx)?;
    developer.authentication(cx.auth()).map(|caller| Some(Arc::new(caller)))
}

/// The session token that the request shows, if its credential is one.
pub(crate) fn shown_session(cx: &Cx) -> Option<Token> {
    match Credential::of(cx) {
        Ok(Some(Credential::Session { token, .. })) => Some(token),
        Ok(Some(Credential::Jwt(_) | Credential::AccessCookie { .. } | Credential::ApiKey(_)) | None) | Err(_) => None,
    }
}

async fn by_session_token(cx: &Cx, check: SessionCheck, token: &Token, place: Place) -> Result<Authentication> {
    let key = SessionKey::Token(token.hash());
    let mut proven = session::resolve(cx, key, check).await?.ok_or(Code::Unauthorized)?;
    slide(cx, place, &mut proven, token).await?;
    Ok(Authentication::by_session_token(proven))
}

/// Moves the end of a session that is used, if that is due, and tells a browser; a bearer keeps its own time.
pub(crate) async fn slide(cx: &Cx, place: Place, proven: &mut Resolved, token: &Token) -> Result<()> {
    if session::slide_if_due(cx, &mut proven.session).await? {
        cx.auth().session_cache().forget(SessionKey::Token(token.hash()));
        match place {
            Place::Cookie => set_session_cookie(cx, proven.user.pool, &proven.session, token),
            Place::Bearer => {}
        }
    }
    Ok(())
}

async fn by_jwt(cx: &Cx, check: SessionCheck, text: &str) -> Result<Authentication> {
    match &cx.auth().config().issuers {
        // Who issued it, says the token; whoever is asked then looks whether that is true.
        Some(issuers) if !token::names_us(cx, text) => by_issuer(cx, issuers, text).await,
        Some(_) | None if cx.auth().tokens().is_some() => by_access_token(cx, check, text).await,
        Some(_) | None => Err(Error::from(Code::Unauthorized).caused_by("no bearer tokens with a dot are configured")),
    }
}

async fn by_access_token(cx: &Cx, check: SessionCheck, text: &str) -> Result<Authentication> {
    by_verified(cx, check, token::verify_access(cx, text).await?).await
}

/// A cookie holds a token of ours and no other, whatever issuers are accepted besides. Which session a CSRF token must
/// be of is known once the token was verified.
async fn by_access_cookie(cx: &Cx, check: SessionCheck, text: &str, pool: Pool) -> Result<Authentication> {
    let verified = token::verify_access(cx, text).await?;
    if is_unsafe(&cx.request().method, &cx.request().headers) {
        expect_csrf(cx, pool, verified.claims.sid)?;
    }
    by_verified(cx, check, verified).await
}

async fn by_verified(cx: &Cx, check: SessionCheck, verified: Arc<VerifiedAccess>) -> Result<Authentication> {
    if !cx.accepts(verified.pool) {
        return Err(Error::from(Code::Unauthorized).caused_by("an access token of the other pool"));
    }
    if check == SessionCheck::Stateless && verified.speaks_for_itself(cx) {
        return Authentication::by_claims(verified);
    }
    let found = session::resolve(cx, SessionKey::Id(verified.claims.sid), check).await?;
    let tenant = &verified.claims.tenant;
    // A session that acts in a tenant has no tokens of another.
    let own = found.filter(|found| {
        let acts_elsewhere = found.session.scope.tenant().is_some_and(|own| Some(own) != tenant.as_ref());
        found.user.id == verified.user_id && found.user.pool == verified.pool && !acts_elsewhere
    });
    Ok(Authentication::by_session(own.ok_or(Code::Unauthorized)?, tenant.clone()))
}

/// What an external issuer vouches for: its words, or the user of ours whom they mean.
async fn by_issuer(cx: &Cx, issuers: &ExternalIssuers, text: &str) -> Result<Authentication> {
    let mut claims = issuers.chain.verify(text, cx.now()).await?;
    let Some(users) = &issuers.users else { return Authentication::by_issuer(claims, issuers) };
    let named = cx.hooks(cx.pool()).run("user_of", users.user_of(cx, &claims)).await.map_err(as_refusal)?;
    let id = named.ok_or(Code::Unauthorized)?;
    let user = cx.conn().user_by_id(id).await?.filter(|user| user.disabled_at.is_none() && cx.accepts(user.pool));
    let user = user.ok_or(Code::Unauthorized)?;
    claims.tenant = claims.tenant.or_else(|| user.tenant.clone());
    let scope = RoleScope::from(claims.tenant.clone());
    if !cx.auth().config().tenancy.lets_act(&user, &scope) {
        return Err(Error::from(Code::Unauthorized).caused_by("the account does not belong to the token's tenant"));
    }
    let held = cx.conn().roles_of_user(id, scope.tenant()).await?;
    let authority = Authority::of(cx, &user, Acting::from(&scope), held).await?;
    Ok(Authentication::by_row(user, authority, claims))
}

/// Why somebody could not be taken in is no answer to what they have asked for: they are nobody here.
fn as_refusal(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Forbidden | ErrorKind::Unauthorized => error,
        _ => Error::from(Code::Unauthorized).caused_by(error),
    }
}

/// A key is looked up with each request, whatever the route says: it has no session whose end could be waited for.
async fn by_api_key(cx: &Cx, token: &Token) -> Result<Authentication> {
    Ok(Authentication::by_api_key(api_key::resolve(cx, token).await?.ok_or(Code::Unauthorized)?))
}

/// The credential of a request: the first that is present, in the configured order.
pub(crate) enum Credential {
    /// A session's own secret.
    Session {
        /// The secret.
        token: Token,
        /// Where it stood.
        place: Place,
    },
    /// A JWT in `Authorization: Bearer …`, unread.
    Jwt(String),
    /// An access token in its cookie, unread.
    AccessCookie {
        /// The token.
        text: String,
        /// Whose cookie it is.
        pool: Pool,
    },
    /// An API key.
    ApiKey(Token),
}

/// Where a session's secret stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    Bearer,
    /// The session cookie.
    Cookie,
}

/// Tells a browser the new end of the session that it has shown.
///
/// # Errors
/// As for [`Credential::of`].
pub(crate) fn renew_cookie(cx: &Cx, pool: Pool, session: &Session) -> Result<()> {
    if let Some(Credential::Session { token, place: Place::Cookie }) = Credential::of(cx)? {
        set_session_cookie(cx, pool, session, &token);
    }
    Ok(())
}

impl Credential {
    /// Reads the credential. A browser sends cookies along whoever asks for it, so one that comes with an unsafe
    /// request counts only when the page that sent it is trusted.
    ///
    /// # Errors
    /// 401 when it is malformed or given twice, 403 when a foreign page may have sent it.
    pub(crate) fn of(cx: &Cx) -> Result<Option<Self>> {
        for source in &cx.auth().config().credentials {
            let found = match source {
                CredentialSource::Bearer => Self::in_bearer(cx)?,
                CredentialSource::SessionCookie => Self::in_cookie(cx)?,
                CredentialSource::AccessTokenCookie => Self::in_access_cookie(cx)?,
                CredentialSource::ApiKey => Self::in_api_key(cx)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn in_bearer(cx: &Cx) -> Result<Option<Self>> {
        let Some(text) = authorization(&cx.request().headers, "bearer")? else { return Ok(None) };
        // A token of ours that is no JWT has no dot in it.
        if text.contains('.') {
            return Ok(Some(Self::Jwt(text.to_owned())));
        }
        Ok(Some(Self::Session { token: parse(text)?, place: Place::Bearer }))
    }

    fn in_cookie(cx: &Cx) -> Result<Option<Self>> {
        let mut values = cx.pools().map(|pool| session_cookie_value(cx, pool));
        let Some(text) = values.find_map(Result::transpose).transpose()? else { return Ok(None) };
        expect_origin(cx)?;
        Ok(Some(Self::Session { token: parse(text)?, place: Place::Cookie }))
    }

    fn in_access_cookie(cx: &Cx) -> Result<Option<Self>> {
        let Some((pool, text)) = access_cookie(cx)? else { return Ok(None) };
        expect_origin(cx)?;
        Ok(Some(Self::AccessCookie { text: text.to_owned(), pool }))
    }

    /// One that is given in both places is given twice.
    fn in_api_key(cx: &Cx) -> Result<Option<Self>> {
        let headers = &cx.request().headers;
        let header = single(headers, API_KEY)?.map(|value| std::str::from_utf8(value.as_bytes()));
        let text = match (header, authorization(headers, "apikey")?) {
            (None, None) => return Ok(None),
            (Some(Ok(text)), None) => text.trim_matches(' '),
            (None, Some(text)) => text,
            (Some(_), _) => return Err(Code::Unauthorized.into()),
        };
        let token = Token::parse(TokenKind::ApiKey, text).map_err(|_| Code::Unauthorized)?;
        Ok(Some(Self::ApiKey(token)))
    }

    /// The session tokens that the request shows, in whatever place, each once, and no more than anybody keeps: for
    /// ending the sessions they open.
    pub(crate) fn all_tokens(cx: &Cx) -> Vec<Token> {
        let headers = &cx.request().headers;
        let bearer = authorization(headers, "bearer").ok().flatten();
        let texts = bearer.into_iter().chain(session_cookie_values(cx));
        let shown = texts.filter_map(|text| parse(text).ok());
        let mut known = HashSet::new();
        let all = shown.chain(kept_sessions(cx).map(|(_, token)| token));
        all.filter(|token| known.insert(*token.hash().as_bytes())).take(MOST_SHOWN).collect()
    }

    /// Whether the request shows a credential, good or bad, that no browser sends by itself.
    pub(crate) fn is_explicit(cx: &Cx) -> bool {
        let headers = &cx.request().headers;
        headers.contains_key(API_KEY) || headers.contains_key(header::AUTHORIZATION)
    }
}

fn parse(text: &str) -> Result<Token> {
    Token::parse(TokenKind::Session, text).map_err(|_| Code::Unauthorized.into())
}

/// The one value of a header that carries a credential; two prove nothing, because two readers could each see another.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Error::from(Code::Unauthorized).caused_by("a header with a credential was given twice")),
        (value, None) => Ok(value),
    }
}

/// What `Authorization` says in this scheme (in lower case). Other schemes belong to somebody else.
fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Result<Option<&'h str>> {
    let Some(value) = single(headers, header::AUTHORIZATION.as_str())? else { return Ok(None) };
    let bytes = value.as_bytes();
    let Some((given, rest)) = bytes.split_at_checked(scheme.len()) else { return Ok(None) };
    if !given.eq_ignore_ascii_case(scheme.as_bytes()) || rest.first().is_some_and(|b| !b.is_ascii_whitespace()) {
        return Ok(None);
    }
    let text = std::str::from_utf8(rest).map_err(|_| Code::Unauthorized)?;
    Ok(Some(text.trim_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<String>> {
        let headers: HeaderMap = values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap())).collect();
        authorization(&headers, "bearer").map(|found| found.map(str::to_owned))
    }

    #[test]
    fn the_scheme_is_matched_whole_and_in_any_case() {
        assert_eq!(of(&["bEaReR abc"]).unwrap().as_deref(), Some("abc"));
        // Present but empty is a bad credential, not an absent one.
        assert_eq!(of(&["Bearer"]).unwrap().as_deref(), Some(""));
        assert_eq!(of(&["Basic abc"]).unwrap(), None);
        assert_eq!(of(&["Bearerabc"]).unwrap(), None);
    }

    #[test]
    fn two_authorization_headers_prove_nothing() {
        assert!(of(&["Bearer a", "Bearer a"]).is_err());
    }
}
