//! The cookies in which access and refresh tokens come and go.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::HeaderMap;

use super::cookie::{Duplicate, cookie, cookies_of, domain_problems, name_prefix, single_cookie};
use super::csrf::{self, CsrfToken, expect_pair};
use crate::base::{SessionId, Timestamp};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::session::Persistence;
use crate::token::{Delivery, InCookies, Reach, TokenCookies, TokenPair, Transport};
use crate::user::Pool;

/// By which a client says how it wants a pair.
const TOKEN_TYPE: &str = "x-access-token-type";
/// A browser keeps 4,096 bytes of name and value (RFC 6265bis §5.6), and the access token wants most of them.
const MOST_CHARS_OF_A_NAME: usize = 64;
/// What the names of customers' cookies begin with.
const OF_CUSTOMERS: &str = "customer_";
/// More refresh tokens than this in one request are somebody's flood.
const MOST_SHOWN: usize = 8;

/// Name and attributes of each cookie, as they follow from configuration and scheme.
#[derive(Clone, Debug)]
pub(crate) struct TokenJar {
    holds: InCookies,
    users: Names,
    customers: Names,
    domain: Option<String>,
    same_site: SameSite,
    is_secure: bool,
}

#[derive(Clone, Debug)]
struct Names {
    access: String,
    refresh: String,
    csrf: String,
}

impl TokenJar {
    pub(crate) fn new(config: &TokenCookies, holds: InCookies, https: bool) -> Self {
        let is_secure = https || config.is_always_secure;
        let prefix = if config.is_prefixed { name_prefix(is_secure, config.domain.as_deref()) } else { "" };
        let names = |pool: &str| Names {
            access: format!("{prefix}{pool}{}", config.access),
            refresh: format!("{prefix}{pool}{}", config.refresh),
            csrf: format!("{prefix}{pool}{}", config.csrf),
        };
        let same_site = match config.reach {
            Reach::SameSite => SameSite::Lax,
            Reach::CrossSite => SameSite::None,
        };
        let (users, customers) = (names(""), names(OF_CUSTOMERS));
        Self { holds, users, customers, domain: config.domain.clone(), same_site, is_secure }
    }

    /// Whether access tokens are in cookies too, and CSRF tokens beside them.
    pub(crate) fn holds_pairs(&self) -> bool {
        self.holds == InCookies::Pair
    }

    pub(crate) fn problems(config: &TokenCookies, host: Option<&str>, https: bool) -> Vec<String> {
        let mut problems = Vec::new();
        let names = [&config.access, &config.refresh, &config.csrf];
        for (at, name) in names.iter().enumerate() {
            let fits = (1..=MOST_CHARS_OF_A_NAME).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if !fits || name.starts_with("__") || name.starts_with(OF_CUSTOMERS) {
                problems.push(format!(
                    "token cookie name {name:?} may have letters, digits, - and _ only, {MOST_CHARS_OF_A_NAME} at most, \
                     and begins neither with __ nor with {OF_CUSTOMERS}"
                ));
            }
            if names[..at].contains(name) {
                problems.push(format!("two token cookies are called {name:?}"));
            }
        }
        let is_secure = https || config.is_always_secure;
        problems.extend(config.domain.iter().flat_map(|domain| domain_problems(domain, host, is_secure)));
        if config.reach == Reach::CrossSite && !is_secure {
            problems.push("token cookies for other sites need an https base_url, or always_secure()".to_owned());
        }
        problems
    }

    const fn names(&self, pool: Pool) -> &Names {
        match pool {
            Pool::User => &self.users,
            Pool::Customer => &self.customers,
        }
    }

    /// A cookie that no script reads.
    fn sealed(&self, name: &str, value: &str, max_age: Option<Duration>) -> Cookie<'static> {
        let mut cookie = self.open(name, value, max_age);
        cookie.set_http_only(true);
        cookie
    }

    /// A cookie that a page's script reads.
    fn open(&self, name: &str, value: &str, max_age: Option<Duration>) -> Cookie<'static> {
        let mut cookie = cookie(name.to_owned(), value.to_owned(), self.domain.as_deref(), max_age);
        cookie.set_secure(self.is_secure);
        cookie.set_same_site(self.same_site);
        cookie
    }

    /// What takes them all from the client.
    fn cleared(&self, pool: Pool) -> Vec<Cookie<'static>> {
        let (names, gone) = (self.names(pool), Some(Duration::ZERO));
        let mut cleared = vec![self.sealed(&names.refresh, "", gone)];
        if self.holds_pairs() {
            cleared.extend([self.sealed(&names.access, "", gone), self.open(&names.csrf, "", gone)]);
        }
        cleared
    }
}

/// Whether refresh tokens come in cookies here.
pub(crate) fn has_token_cookies(cx: &Cx) -> bool {
    jar(cx).is_some()
}

fn jar(cx: &Cx) -> Option<&TokenJar> {
    cx.auth().config().token_jar.as_ref()
}

/// How the pair that this request asks for is given.
///
/// # Errors
/// 400 [`Code::ValidationError`] when the request may choose and names neither form.
pub(crate) fn delivery(cx: &Cx) -> Result<Delivery> {
    match cx.auth().config().tokens.as_ref().map(|config| config.transport) {
        None | Some(Transport::Header) => Ok(Delivery::Body),
        Some(Transport::Cookie) => Ok(Delivery::Cookies),
        Some(Transport::RefreshCookie) => Ok(Delivery::RefreshCookie),
        Some(Transport::Negotiated) => asked_for(&cx.request().headers),
    }
}

fn asked_for(headers: &HeaderMap) -> Result<Delivery> {
    let mut values = headers.get_all(TOKEN_TYPE).iter().map(http::HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (None, _) | (Some(b"header"), None) => Ok(Delivery::Body),
        (Some(b"cookie"), None) => Ok(Delivery::Cookies),
        (Some(_), _) => Err(Error::invalid("header", TOKEN_TYPE, "expected cookie or header")),
    }
}

/// Gives a pair in cookies, and beside it a CSRF token of its session, so that no page has to ask for one.
pub(crate) fn give_tokens(cx: &Cx, pair: &TokenPair) -> CsrfToken {
    let token = CsrfToken::new(cx, Some(pair.holder.session));
    let Some(jar) = jar(cx) else { return token };
    let names = jar.names(pair.holder.pool);
    let max_age = |until| max_age(cx, pair.holder.persistence, until);
    cx.set_cookie(jar.sealed(&names.access, pair.access.expose(), max_age(pair.access.expires_at())));
    give_refresh_token(cx, pair);
    cx.set_cookie(jar.open(&names.csrf, token.expose(), max_age(pair.refresh_expires_at)));
    token
}

/// Gives the refresh token in its cookie.
pub(crate) fn give_refresh_token(cx: &Cx, pair: &TokenPair) {
    let Some(jar) = jar(cx) else { return };
    let max_age = max_age(cx, pair.holder.persistence, pair.refresh_expires_at);
    cx.set_cookie(jar.sealed(&jar.names(pair.holder.pool).refresh, pair.refresh.expose(), max_age));
}

/// Until the token expires, or until the browser closes where the person is not to be remembered.
fn max_age(cx: &Cx, persistence: Persistence, until: Timestamp) -> Option<Duration> {
    match persistence {
        Persistence::Persistent => Some(until.since(cx.now())),
        Persistence::Browser => None,
    }
}

/// Gives a CSRF token of this session, or of none, until the browser closes: the page asks again when it begins. One
/// that the browser keeps stays, or a page elsewhere that has the browser ask would have ours show a token that is none
/// any more.
pub(crate) fn give_csrf_token(cx: &Cx, session: Option<SessionId>) -> CsrfToken {
    let Some(jar) = jar(cx) else { return CsrfToken::new(cx, session) };
    let name = &jar.names(cx.pool()).csrf;
    if let Some(kept) = session.and_then(|session| csrf::kept(cx, name, session)) {
        return kept;
    }
    let token = CsrfToken::new(cx, session);
    cx.set_cookie(jar.open(name, token.expose(), None));
    token
}

/// Takes the cookies of tokens from the client.
pub(crate) fn clear_token_cookies(cx: &Cx) {
    let Some(jar) = jar(cx) else { return };
    cx.pools().flat_map(|pool| jar.cleared(pool)).for_each(|cookie| cx.set_cookie(cookie));
}

/// Takes the cookie of the access token alone: what the browser has besides may get it another one.
pub(crate) fn clear_access_cookie(cx: &Cx, pool: Pool) {
    if let Some(jar) = jar(cx) {
        cx.set_cookie(jar.sealed(&jar.names(pool).access, "", Some(Duration::ZERO)));
    }
}

/// Takes tokens of an earlier session from a browser that gets another session, or that one would come back when the
/// new one ends. Those that this very answer gives stay.
pub(super) fn drop_earlier_tokens(cx: &Cx, pool: Pool) {
    let (Some(jar), headers) = (jar(cx), &cx.request().headers) else { return };
    let names = jar.names(pool);
    let held = match jar.holds {
        InCookies::RefreshToken => &[&names.refresh][..],
        InCookies::Pair => &[&names.access, &names.refresh],
    };
    if held.iter().any(|name| cookies_of(name, headers).next().is_some()) {
        jar.cleared(pool).into_iter().for_each(|cookie| cx.set_cookie_beside(cookie));
    }
}

/// The access token in its cookie, and the pool whose cookie it is.
///
/// # Errors
/// 401 when the cookie was given twice: one of the two was planted, and nothing tells which.
pub(super) fn access_cookie(cx: &Cx) -> Result<Option<(Pool, &str)>> {
    if !jar(cx).is_some_and(TokenJar::holds_pairs) {
        return Ok(None);
    }
    named(cx, |names| &names.access)
}

/// The refresh token in its cookie, and the pool whose cookie it is.
///
/// # Errors
/// As for [`access_cookie`].
pub(crate) fn refresh_cookie(cx: &Cx) -> Result<Option<(Pool, &str)>> {
    named(cx, |names| &names.refresh)
}

fn named<'c>(cx: &'c Cx, name: impl Fn(&'c Names) -> &'c String) -> Result<Option<(Pool, &'c str)>> {
    let Some(jar) = jar(cx) else { return Ok(None) };
    let value = |pool| {
        let found = single_cookie(name(jar.names(pool)), &cx.request().headers);
        found.map(|value| value.map(|value| (pool, value))).transpose()
    };
    let found = cx.pools().find_map(value).transpose();
    found.map_err(|Duplicate| Error::from(Code::Unauthorized).caused_by("two cookies of one token"))
}

/// Every refresh token in a cookie, planted ones included, and no more than anybody keeps: for ending their sessions.
pub(crate) fn refresh_cookies(cx: &Cx) -> impl Iterator<Item = &str> {
    let names = jar(cx).into_iter().flat_map(|jar| cx.pools().map(|pool| &*jar.names(pool).refresh));
    names.flat_map(|name| cookies_of(name, &cx.request().headers)).take(MOST_SHOWN)
}

/// Refuses a request that shows a token in a cookie and cannot show the CSRF token of the session too. Where the access
/// token is in no cookie, whose origin was checked may exchange the other one: the answer is for a page that can read
/// it.
///
/// # Errors
/// 403 [`Code::CsrfTokenInvalid`].
pub(crate) fn expect_csrf(cx: &Cx, pool: Pool, session: SessionId) -> Result<()> {
    match jar(cx) {
        Some(jar) if jar.holds_pairs() => expect_pair(cx, &jar.names(pool).csrf, session),
        Some(_) => Ok(()),
        None => Err(Code::CsrfTokenInvalid.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &TokenCookies, https: bool) -> String {
        TokenJar::problems(config, Some("api.example.com"), https).join("\n")
    }

    #[test]
    fn names_and_attributes_follow_from_scheme_and_settings() {
        let shown = |config: TokenCookies, https| {
            let jar = TokenJar::new(&config, InCookies::Pair, https);
            jar.sealed(&jar.names(Pool::Customer).refresh, "v", None).to_string()
        };
        let default = TokenCookies::default;
        for (config, https, expected) in [
            (default(), true, "__Host-customer_refresh_token=v; HttpOnly; SameSite=Lax; Secure; Path=/"),
            (default(), false, "customer_refresh_token=v; HttpOnly; SameSite=Lax; Path=/"),
            (default().without_prefix(), true, "customer_refresh_token=v; HttpOnly; SameSite=Lax; Secure; Path=/"),
            (
                default().always_secure().cross_site(),
                false,
                "__Host-customer_refresh_token=v; HttpOnly; SameSite=None; Secure; Path=/",
            ),
        ] {
            assert_eq!(shown(config, https), expected);
        }
    }

    #[test]
    fn what_no_browser_would_keep_is_a_problem() {
        let default = TokenCookies::default;
        for (config, https) in [(default(), false), (default().cross_site().domain("example.com"), true)] {
            assert_eq!(problems(&config, https), "");
        }
        assert_eq!(problems(&default().cross_site().always_secure(), false), "");
        for (config, word) in [
            (default().access(""), "may have"),
            (default().refresh("a.b"), "may have"),
            (default().refresh("a;b"), "may have"),
            (default().csrf("__Host-csrf"), "may have"),
            (default().access("customer_access"), "may have"),
            (default().access("a".repeat(65)), "may have"),
            (default().access("refresh_token"), "are called"),
            (default().cross_site(), "need an https"),
            (default().domain("example.com"), "https"),
            (default().always_secure().domain("example.org"), "base_url's host"),
        ] {
            assert!(problems(&config, false).contains(word), "{config:?}");
        }
    }
}
