//! What a request proves itself with.

use std::sync::Arc;

use http::{HeaderMap, header};

use super::cookie::{session_cookie_value, session_cookie_values, set_session_cookie};
use super::origin::check_origin;
use crate::base::{Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::guard::Authentication;
use crate::session::{self, Session, SessionCheck};

/// Who sends this request: the first credential present decides, a bad one never falls through to the next.
pub(crate) async fn authenticate(cx: &Cx, _check: SessionCheck) -> Result<Option<Arc<Authentication>>> {
    let Some(credential) = Credential::of(cx)? else { return Ok(None) };
    let mut proven = session::resolve(cx, credential.token()).await?.ok_or(Code::Unauthorized)?;
    if session::slide_if_due(cx, &mut proven.session).await? {
        credential.renew(cx, &proven.session);
    }
    Ok(Some(Arc::new(Authentication::from(proven))))
}

/// The credential of a request: the first of these that is present.
#[derive(Debug)]
pub(crate) enum Credential {
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    Bearer(Token),
    /// The session cookie.
    Cookie(Token),
}

impl Credential {
    /// Reads the credential. A browser sends cookies along whoever asks for it, so one that comes with an unsafe
    /// request counts only when the page that sent it is trusted.
    ///
    /// # Errors
    /// 401 when it is malformed or given twice, 403 when a foreign page may have sent it.
    pub(crate) fn of(cx: &Cx) -> Result<Option<Self>> {
        let request = cx.request();
        if let Some(text) = bearer(&request.headers)? {
            return Ok(Some(Self::Bearer(parse(text)?)));
        }
        let Some(text) = session_cookie_value(cx, &request.headers)? else { return Ok(None) };
        check_origin(&request.method, &request.headers, &cx.auth().config().trusted_origins)?;
        Ok(Some(Self::Cookie(parse(text)?)))
    }

    /// Every token that the request shows, in whatever place and number: for ending the sessions they open.
    pub(crate) fn all_tokens(cx: &Cx) -> Vec<Token> {
        let headers = &cx.request().headers;
        let bearer = bearer(headers).ok().flatten();
        let texts = bearer.into_iter().chain(session_cookie_values(cx, headers));
        texts.filter_map(|text| parse(text).ok()).collect()
    }

    /// Whether the request bears a token, good or bad, rather than a cookie.
    pub(crate) fn is_bearer(cx: &Cx) -> bool {
        !matches!(bearer(&cx.request().headers), Ok(None))
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

/// The bearer token. Other schemes belong to somebody else; two headers prove nothing.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Code::Unauthorized.into());
    }
    let bytes = value.as_bytes();
    if bytes.len() < 6
        || !bytes[..6].eq_ignore_ascii_case(b"bearer")
        || bytes.get(6).is_some_and(|b| !b.is_ascii_whitespace())
    {
        return Ok(None);
    }
    let text = std::str::from_utf8(&bytes[6..]).map_err(|_| Code::Unauthorized)?;
    Ok(Some(text.trim_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<String>> {
        let headers: HeaderMap = values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap())).collect();
        bearer(&headers).map(|found| found.map(str::to_owned))
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
