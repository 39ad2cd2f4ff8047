//! What a request proves itself with.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::cookie::{kept_sessions, session_cookie_value, session_cookie_values, set_session_cookie};
use super::origin::check_origin;
use crate::base::{Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::guard::Authentication;
use crate::session::{self, Session, SessionCheck, SessionKey};

/// A place where a request may carry a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialSource {
    /// `Authorization: Bearer …` (RFC 6750 §2.1): a session's token or an access token.
    Bearer,
    /// The session cookie.
    SessionCookie,
    /// `x-api-key: …` or `Authorization: ApiKey …`.
    ApiKey,
}

impl CredentialSource {
    /// All of them, in the order in which they are looked at unless the application says otherwise.
    pub(crate) const DEFAULT: [Self; 3] = [Self::Bearer, Self::SessionCookie, Self::ApiKey];
}

/// Who sends this request: the first credential present decides, a bad one never falls through to the next.
pub(crate) async fn authenticate(cx: &Cx, check: SessionCheck) -> Result<Option<Arc<Authentication>>> {
    let Some(credential) = Credential::of(cx)? else { return Ok(None) };
    let authentication = match &credential {
        Credential::Bearer(token) | Credential::Cookie(token) => {
            let key = SessionKey::Token(token.hash());
            let mut proven = session::resolve(cx, key, check).await?.ok_or(Code::Unauthorized)?;
            if session::slide_if_due(cx, &mut proven.session).await? {
                cx.auth().session_cache().forget(key);
                credential.renew(cx, &proven.session);
            }
            Authentication::from(proven)
        }
    };
    Ok(Some(Arc::new(authentication)))
}

/// The credential of a request: the first of these that is present.
#[derive(Debug)]
pub(crate) enum Credential {
    /// A session's token in `Authorization: Bearer …`.
    Bearer(Token),
    /// A session's token in the session cookie.
    Cookie(Token),
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
                CredentialSource::ApiKey => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn in_bearer(cx: &Cx) -> Result<Option<Self>> {
        let Some(text) = authorization(&cx.request().headers, "bearer")? else { return Ok(None) };
        Ok(Some(Self::Bearer(parse(text)?)))
    }

    fn in_cookie(cx: &Cx) -> Result<Option<Self>> {
        let request = cx.request();
        let Some(text) = session_cookie_value(cx, &request.headers)? else { return Ok(None) };
        check_origin(&request.method, &request.headers, &cx.auth().config().trusted_origins)?;
        Ok(Some(Self::Cookie(parse(text)?)))
    }

    /// Every session token that the request shows, in whatever place and number: for ending the sessions they open.
    pub(crate) fn all_tokens(cx: &Cx) -> Vec<Token> {
        let headers = &cx.request().headers;
        let bearer = authorization(headers, "bearer").ok().flatten();
        let texts = bearer.into_iter().chain(session_cookie_values(cx, headers));
        let shown = texts.filter_map(|text| parse(text).ok());
        shown.chain(kept_sessions(cx).map(|(_, token)| token)).collect()
    }

    /// Whether the request bears a credential, good or bad, that is no cookie.
    pub(crate) fn is_bearer(cx: &Cx) -> bool {
        !matches!(authorization(&cx.request().headers, "bearer"), Ok(None))
    }

    pub(crate) fn token(&self) -> &Token {
        match self {
            Self::Bearer(token) | Self::Cookie(token) => token,
        }
    }

    /// Tells a browser the new expiry of its session; a bearer keeps its own time.
    pub(crate) fn renew(&self, cx: &Cx, session: &Session) {
        match self {
            Self::Cookie(token) => set_session_cookie(cx, session, token),
            Self::Bearer(_) => {}
        }
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
