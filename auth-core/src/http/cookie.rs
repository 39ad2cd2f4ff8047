//! The session cookie.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::credential::CredentialSource;
use super::token_cookie::{clear_token_cookies, drop_earlier_tokens};
use crate::base::{SessionId, Token, TokenHash, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::session::{Persistence, Session, SignedIn};
use crate::user::Pool;

/// Name, prefix and domain of the session cookie.
///
/// By default it is `__Host-auth.session_token` on https (a browser then accepts it from this very host only, for
/// every path, over TLS) and `auth.session_token` on the plain http of a developer's machine. Always `HttpOnly`,
/// `SameSite=Lax`, `Path=/`. With a domain the prefix becomes `__Secure-`.
#[derive(Clone, Debug)]
pub struct CookieConfig {
    prefix: Cow<'static, str>,
    domain: Option<String>,
    name: String,
    customer_name: String,
    secure: bool,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            prefix: Cow::Borrowed("auth"),
            domain: None,
            name: String::new(),
            customer_name: String::new(),
            secure: true,
        }
    }
}

impl CookieConfig {
    /// What stands before `.session_token`; `auth` by default. Letters, digits, `-` and `_`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Shares the cookie with every host below `domain`. Each of them can then read and replace it.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The full name that follows from prefix, domain and scheme. A browser may hold a session of either pool.
    pub(crate) fn name(&self, pool: Pool) -> &str {
        match pool {
            Pool::User => &self.name,
            Pool::Customer => &self.customer_name,
        }
    }

    pub(crate) fn problems(&self, host: Option<&str>, https: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if self.prefix.is_empty() || !self.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            problems.push(format!("cookie prefix {:?} may have letters, digits, - and _ only", self.prefix));
        }
        problems.extend(self.domain.iter().flat_map(|domain| domain_problems(domain, host, https)));
        problems
    }

    pub(crate) fn for_scheme(mut self, https: bool) -> Self {
        let guard = name_prefix(https, self.domain.as_deref());
        self.name = format!("{guard}{}.session_token", self.prefix);
        self.customer_name = format!("{guard}{}.customer_token", self.prefix);
        self.secure = https;
        self
    }

    fn build(&self, name: String, value: String, max_age: Option<Duration>) -> Cookie<'static> {
        let mut cookie = cookie(name, value, self.domain.as_deref(), max_age);
        cookie.set_http_only(true);
        cookie.set_secure(self.secure);
        cookie.set_same_site(SameSite::Lax);
        cookie
    }
}

/// What is wrong with sharing cookies below `domain`.
pub(super) fn domain_problems(domain: &str, host: Option<&str>, https: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let labels_ok = domain.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    if !labels_ok || !domain.contains('.') {
        problems.push(format!("cookie domain {domain:?} must be a lower-case domain name such as example.com"));
    }
    let covers = |host: &str| host == domain || host.ends_with(&format!(".{domain}"));
    if !host.is_none_or(covers) {
        problems.push(format!(
            "cookie domain {domain:?} is not base_url's host or a parent of it: browsers would refuse it"
        ));
    }
    if !https {
        problems.push("a cookie domain needs an https base_url".to_owned());
    }
    problems
}

/// What a browser takes for a promise: `__Host-` of a cookie that is this host's alone, `__Secure-` of one that is
/// shared.
pub(super) const fn name_prefix(https: bool, domain: Option<&str>) -> &'static str {
    match (https, domain) {
        (true, None) => "__Host-",
        (true, Some(_)) => "__Secure-",
        (false, _) => "",
    }
}

/// A cookie of the whole host, or of all below `domain`, for `max_age` or until the browser closes.
pub(super) fn cookie(name: String, value: String, domain: Option<&str>, max_age: Option<Duration>) -> Cookie<'static> {
    let mut cookie = Cookie::new(name, value);
    cookie.set_path("/");
    if let Some(domain) = domain {
        cookie.set_domain(domain.to_owned());
    }
    if let Some(max_age) = max_age {
        // Rounded up: a session of seven days is not to look like one of a second less.
        let seconds = max_age.saturating_add(Duration::from_nanos(999_999_999)).as_secs();
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        cookie.set_max_age(time::Duration::seconds(seconds));
    }
    cookie
}

/// How a bearer client that keeps no cookies learns its new token, as the protocol has it.
const SET_AUTH_TOKEN: &str = "set-auth-token";
/// More kept sessions than this in one request are somebody's flood.
pub(super) const MOST_KEPT: usize = 32;

/// Gives the client a session that has just been made: its cookie, its token in a header for clients that keep none,
/// and with several sessions in one browser also the cookie that it is kept in beside the others.
pub(crate) fn give_session(cx: &Cx, signed_in: &SignedIn) {
    let SignedIn { session, token, user, replaced } = signed_in;
    set_session_cookie(cx, user.pool, session, token);
    drop_earlier_tokens(cx, user.pool);
    let reads_bearers = cx.auth().config().credentials.contains(&CredentialSource::Bearer);
    if let (true, Ok(value)) = (reads_bearers, HeaderValue::from_str(token.expose())) {
        cx.set_header(HeaderName::from_static(SET_AUTH_TOKEN), value);
        cx.set_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SET_AUTH_TOKEN));
    }
    for id in replaced {
        drop_kept_session(cx, *id);
    }
    let config = cx.auth().config();
    let kept = kept_sessions(cx).filter(|(id, _)| !replaced.contains(id)).count();
    if config.session.several.is_some_and(|most| kept < most as usize) {
        let (name, value) = (kept_name(cx, session.id), token.expose().to_owned());
        cx.set_cookie(config.cookies.build(name, value, max_age(cx, session)));
    }
}

/// Tells the client its session, which it knows already: until when it lasts, or that it is the one in use.
pub(crate) fn set_session_cookie(cx: &Cx, pool: Pool, session: &Session, token: &Token) {
    let cookies = &cx.auth().config().cookies;
    cx.set_cookie(cookies.build(cookies.name(pool).to_owned(), token.expose().to_owned(), max_age(cx, session)));
}

/// Has the browser use another session that it keeps. Tokens that it holds are of the one that it used before.
pub(crate) fn put_into_use(cx: &Cx, session: &Session, token: &Token) {
    set_session_cookie(cx, cx.pool(), session, token);
    drop_earlier_tokens(cx, cx.pool());
}

/// Until the session expires, or until the browser closes.
fn max_age(cx: &Cx, session: &Session) -> Option<Duration> {
    match session.persistence {
        Persistence::Persistent => Some(session.expires_at.since(cx.now())),
        Persistence::Browser => None,
    }
}

/// Takes the session cookie from the client.
pub(crate) fn clear_session_cookie(cx: &Cx) {
    let cookies = &cx.auth().config().cookies;
    cx.set_cookie(cookies.build(cookies.name(cx.pool()).to_owned(), String::new(), Some(Duration::ZERO)));
}

/// Takes everything from the client that shows the session in use.
pub(crate) fn forget_session(cx: &Cx) {
    clear_session_cookie(cx);
    clear_token_cookies(cx);
}

/// The cookie in which a browser keeps one of several sessions.
fn kept_name(cx: &Cx, id: SessionId) -> String {
    format!("{}_multi-{id}", cx.auth().config().cookies.name(cx.pool()))
}

/// The sessions that the browser keeps beside the one in use, whatever they are worth.
pub(crate) fn kept_sessions(cx: &Cx) -> impl Iterator<Item = (SessionId, Token)> {
    let wanted = cx.auth().config().session.several.is_some();
    let mut found: Vec<(SessionId, Token)> = Vec::new();
    for (name, value) in cookie_pairs(&cx.request().headers).filter(|_| wanted) {
        let own =
            name.strip_prefix(cx.auth().config().cookies.name(cx.pool())).and_then(|rest| rest.strip_prefix("_multi-"));
        let (Some(Ok(id)), Ok(token)) = (own.map(str::parse), Token::parse(TokenKind::Session, value)) else {
            continue;
        };
        // As with the session cookie: one of two was planted, and nothing tells which.
        match found.iter().position(|(known, _)| *known == id) {
            Some(at) => drop(found.swap_remove(at)),
            None if found.len() < MOST_KEPT => found.push((id, token)),
            None => {}
        }
    }
    found.into_iter()
}

/// Takes the cookie of a kept session from the client.
pub(crate) fn drop_kept_session(cx: &Cx, id: SessionId) {
    cx.set_cookie(cx.auth().config().cookies.build(kept_name(cx, id), String::new(), Some(Duration::ZERO)));
}

/// Has the browser keep a secret for so long; what it is known by.
pub(crate) fn mark_browser(cx: &Cx, ttl: Duration) -> String {
    let token = Token::random(TokenKind::Browser, cx.random());
    cx.set_cookie(cx.auth().config().cookies.build(browser_name(cx), token.expose().to_owned(), Some(ttl)));
    URL_SAFE_NO_PAD.encode(token.hash().as_bytes())
}

/// Whether the browser keeps the secret that is known by this.
pub(crate) fn is_marked_browser(cx: &Cx, known: &str) -> bool {
    let name = browser_name(cx);
    let kept = single_cookie(&name, &cx.request().headers).ok().flatten();
    let kept = kept.and_then(|text| Token::parse(TokenKind::Browser, text).ok());
    let known = URL_SAFE_NO_PAD.decode(known).ok().and_then(|bytes| TokenHash::from_stored(&bytes));
    kept.zip(known).is_some_and(|(kept, known)| kept.hash().matches(&known))
}

fn browser_name(cx: &Cx) -> String {
    format!("{}_browser", cx.auth().config().cookies.name(cx.pool()))
}

/// The value of the session cookie. Two cookies of the name are an error: one of them was planted from a sibling
/// host, and nothing tells which ("cookie tossing").
pub(crate) fn session_cookie_value(cx: &Cx, pool: Pool) -> Result<Option<&str>> {
    let (name, headers) = (cx.auth().config().cookies.name(pool), &cx.request().headers);
    single_cookie(name, headers).map_err(|Duplicate| Error::from(Code::Unauthorized).caused_by("two session cookies"))
}

/// Two cookies bear the name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate;

pub(super) fn single_cookie<'a>(name: &'a str, headers: &'a HeaderMap) -> Result<Option<&'a str>, Duplicate> {
    let mut values = cookies_of(name, headers);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Duplicate),
        (value, None) => Ok(value.filter(|value| !value.is_empty())),
    }
}

/// Every value of the session cookie, planted ones included.
pub(crate) fn session_cookie_values(cx: &Cx) -> impl Iterator<Item = &str> {
    cookies_of(cx.auth().config().cookies.name(cx.pool()), &cx.request().headers)
}

/// Every value of a name, planted ones included.
pub(super) fn cookies_of<'a>(name: &'a str, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    cookie_pairs(headers).filter_map(move |(key, value)| (key == name).then_some(value))
}

/// Reads bytes, not text: another application's odd cookie must not hide ours.
fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(|pair| {
        let (key, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        Some((key.trim_matches(' '), value.trim_matches(' ')))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn config(https: bool) -> CookieConfig {
        CookieConfig::default().for_scheme(https)
    }

    fn cookies(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, http::HeaderValue::from_bytes(line).unwrap())).collect()
    }

    #[test]
    fn on_https_the_cookie_is_bound_to_this_host() {
        let shown = |config: CookieConfig, max_age| {
            config.build(config.name(Pool::User).to_owned(), "v".to_owned(), max_age).to_string()
        };
        let minute = Some(Duration::from_secs(60));
        let own = "__Host-auth.session_token=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60";
        assert_eq!(shown(config(true), minute), own);
        let shared = CookieConfig::default().domain("example.com").for_scheme(true);
        let sibling = "__Secure-auth.session_token=v; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com";
        assert_eq!(shown(shared, None), sibling);
        assert!(!shown(config(false), None).contains("Secure"));
    }

    #[test]
    fn two_cookies_of_the_name_are_refused_wherever_they_stand() {
        let one = cookies(&[b"a=1; auth.session_token=x; b=\xff"]);
        assert_eq!(single_cookie("auth.session_token", &one), Ok(Some("x")));
        for tossed in [
            cookies(&[b"auth.session_token=x; auth.session_token=y"]),
            cookies(&[b"auth.session_token=x", b"auth.session_token="]),
        ] {
            assert_eq!(single_cookie("auth.session_token", &tossed), Err(Duplicate));
        }
    }

    #[test]
    fn a_name_matches_whole_and_an_empty_value_is_none() {
        let others =
            cookies(&[b"xauth.session_token=1; auth.session_token2=2; AUTH.session_token=3; auth.session_token="]);
        assert_eq!(single_cookie("auth.session_token", &others), Ok(None));
    }

    proptest! {
        #[test]
        fn no_cookie_header_makes_the_parser_stumble(line in proptest::collection::vec(0x20_u8..0x7f, 0..200)) {
            let headers = cookies(&[&line]);
            let _ = single_cookie("auth.session_token", &headers);
        }

        #[test]
        fn the_value_comes_back_as_it_was_sent(value in "[A-Za-z0-9_-]{1,60}", other in "[a-z]{1,5}=[a-z]{0,5}") {
            let headers = cookies(&[format!("{other}; auth.session_token={value}; {other}").as_bytes()]);
            prop_assert_eq!(single_cookie("auth.session_token", &headers), Ok(Some(&*value)));
        }
    }
}
