//! Where a request comes from: the check against cross-site request forgery, and the addresses we may send people to.

use http::{HeaderMap, Method, header};
use url::{Host, Url};

use crate::cx::Cx;
use crate::error::{Code, Result};

/// Longer than any address that somebody is sent to.
const MAX_TARGET_BYTES: usize = 2_048;
/// An honest address is encoded once, perhaps twice.
const MAX_DECODINGS: usize = 3;

/// The origins whose pages may call us and to which we may redirect.
#[derive(Clone, Debug)]
pub(crate) struct TrustedOrigins(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    scheme: String,
    host: HostPattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    /// This host alone.
    Exactly(String),
    /// Every host that ends with this (`.example.com`).
    Below(String),
}

impl TrustedOrigins {
    /// Reads the configured origins; the base URL's own comes first.
    pub(crate) fn parse(base: Option<&Url>, origins: &[String]) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut patterns: Vec<Pattern> = base.and_then(Pattern::of_url).into_iter().collect();
        for text in origins {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self(patterns)) } else { Err(problems) }
    }

    /// Whether `origin`, as a browser writes it, is trusted.
    pub(crate) fn trusts_origin(&self, origin: &str) -> bool {
        // Exactly as browsers write it: another spelling comes from something else.
        Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin && self.trusts_url(&url))
    }

    /// Whether somebody may be sent to `target`: a strictly relative path, or an address on a trusted origin.
    pub(crate) fn trusts_target(&self, target: &str) -> bool {
        // Whatever is none of these is percent-encoded in an address (RFC 3986, section 2).
        let is_allowed = |b: u8| b.is_ascii_graphic() && b != b'\\';
        if target.len() > MAX_TARGET_BYTES || !target.bytes().all(is_allowed) {
            return false;
        }
        if target.starts_with('/') {
            return is_safe_path(target);
        }
        Url::parse(target)
            .is_ok_and(|url| url.username().is_empty() && url.password().is_none() && self.trusts_url(&url))
    }

    /// Whether all that `other` trusts is trusted.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|pattern| self.0.iter().any(|own| own == pattern || own.matches(pattern)))
    }

    fn trusts_url(&self, url: &Url) -> bool {
        Pattern::of_url(url).is_some_and(|this| self.0.iter().any(|pattern| pattern.matches(&this)))
    }
}

impl Pattern {
    /// The exact pattern of a web address; `None` for other schemes.
    fn of_url(url: &Url) -> Option<Self> {
        // One dot makes a name absolute; with more it is none.
        let host = url.host_str()?;
        let host = host.strip_suffix('.').unwrap_or(host).to_owned();
        matches!(url.scheme(), "http" | "https").then(|| Self {
            scheme: url.scheme().to_owned(),
            host: HostPattern::Exactly(host),
            port: url.port_or_known_default(),
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let problem = || {
            format!(
                "trusted origin {text:?} must be an origin such as https://app.example.com or https://*.example.com"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(problem)?;
        let below = rest.strip_prefix("*.");
        let host = below.unwrap_or(rest);
        // An asterisk is a legal host character: elsewhere it would silently trust nobody.
        let url = Url::parse(&format!("{scheme}://{host}")).ok().filter(|_| !host.contains('*')).ok_or_else(problem)?;
        let mut pattern =
            Self::of_url(&url).filter(|_| is_bare_origin(&url) && !rest.ends_with('/')).ok_or_else(problem)?;
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(format!(
                "trusted origin {text:?} must be https: over http anybody on the way can speak for it"
            ));
        }
        if below.is_some() {
            // `https://*.com` would trust the world, and an address has no sub-domains.
            match url.host() {
                Some(Host::Domain(domain)) if domain.contains('.') => {
                    pattern.host = HostPattern::Below(format!(".{domain}"))
                }
                _ => return Err(problem()),
            }
        }
        Ok(pattern)
    }

    fn matches(&self, exact: &Self) -> bool {
        let HostPattern::Exactly(host) = &exact.host else { return false };
        let host_matches = match &self.host {
            HostPattern::Exactly(own) => own == host,
            HostPattern::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        };
        self.scheme == exact.scheme && self.port == exact.port && host_matches
    }
}

/// Whether the host is this very machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

pub(crate) fn is_bare_origin(url: &Url) -> bool {
    url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// A path on this very host, judged after percent-decoding and dot-segment removal: `/.//evil.test` is foreign.
fn is_safe_path(target: &str) -> bool {
    let Ok(base) = Url::parse("https://base.invalid") else { return false };
    let Ok(resolved) = base.join(target) else { return false };
    let path = target.split(['?', '#']).next().unwrap_or(target);
    let Some(decoded) = percent_decoded(path) else { return false };
    let slashes = |text: &[u8]| text.windows(2).any(|pair| pair == b"//");
    resolved.origin() == base.origin()
        && !slashes(path.as_bytes())
        && !slashes(&decoded)
        && !slashes(resolved.path().as_bytes())
        && !decoded.iter().any(|b| *b == b'\\' || b.is_ascii_control())
        && !path.to_ascii_lowercase().contains("%2f")
        && !path.to_ascii_lowercase().contains("%5c")
}

/// Decoded until nothing changes, so that `%252f` hides nothing; `None` when it is wrapped more often than any honest
/// address, for each round costs the length of the text.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=MAX_DECODINGS {
        let decoded: Vec<u8> = percent_encoding::percent_decode(&bytes).collect();
        if decoded == bytes {
            return Some(decoded);
        }
        bytes = decoded;
    }
    None
}

/// Refuses a request that a page of others may have caused, for handlers that sign people in on a public route of their
/// own: endpoints of the engine are held to it anyway, and so is every credential that a browser sends by itself.
///
/// Of what may change something (every method but GET, HEAD and OPTIONS, RFC 9110 §9.2.1), with any cookie `Origin`,
/// else `Referer`, must name a trusted origin. Without cookies a request that names an origin, or that a browser has
/// sent (fetch metadata), is held to the same; that of a program, which has neither, passes.
///
/// # Errors
/// 403 [`Code::InvalidOrigin`], [`Code::MissingOrNullOrigin`], [`Code::CrossSiteNavigationLoginBlocked`].
pub fn expect_origin(cx: &Cx) -> Result<()> {
    let request = cx.request();
    check_origin(&request.method, &request.headers, &cx.auth().config().trusted_origins)
}

/// Whether a request may change something: every one but GET, HEAD and OPTIONS (RFC 9110 §9.2.1), and one that opens a
/// channel.
pub(super) fn is_unsafe(method: &Method, headers: &HeaderMap) -> bool {
    // A WebSocket begins with a GET, is not held back by SameSite between sibling hosts, and then does anything.
    let opens_channel = headers.contains_key(header::UPGRADE) || headers.contains_key(header::SEC_WEBSOCKET_KEY);
    opens_channel || !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// [`expect_origin`]. Sources: Fetch Metadata (W3C), OWASP CSRF prevention.
fn check_origin(method: &Method, headers: &HeaderMap, trusted: &TrustedOrigins) -> Result<()> {
    if !is_unsafe(method, headers) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fetch = |name: &str| text(name).unwrap_or_default();
    let from_browser =
        ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].iter().any(|name| headers.contains_key(*name));
    let has_cookie = headers.contains_key(header::COOKIE);

    if !has_cookie && fetch("sec-fetch-site") == "cross-site" && fetch("sec-fetch-mode") == "navigate" {
        return Err(Code::CrossSiteNavigationLoginBlocked.into());
    }
    if headers.get_all(header::ORIGIN).iter().count() > 1 {
        return Err(Code::InvalidOrigin.into());
    }
    let origin = match headers.get(header::ORIGIN) {
        // A browser hides the origin of a same-origin form behind a strict referrer policy, but vouches for it.
        Some(value) if value == "null" && fetch("sec-fetch-site") == "same-origin" => return Ok(()),
        Some(value) if value == "null" => return Err(Code::MissingOrNullOrigin.into()),
        Some(value) => Some(value.to_str().map_err(|_| Code::InvalidOrigin)?.to_owned()),
        None => text("referer").map(origin_of),
    };
    match origin {
        Some(origin) if trusted.trusts_origin(&origin) => Ok(()),
        Some(_) => Err(Code::InvalidOrigin.into()),
        None if has_cookie || from_browser => Err(Code::MissingOrNullOrigin.into()),
        None => Ok(()),
    }
}

/// The origin of a referrer, as browsers spell one; of anything else the text itself, which no pattern matches.
fn origin_of(referer: &str) -> String {
    let origin = Url::parse(referer).ok().map(|url| url.origin().ascii_serialization());
    origin.filter(|origin| referer.starts_with(&**origin)).unwrap_or_else(|| referer.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> TrustedOrigins {
        let base = Url::parse("https://api.example.com").unwrap();
        TrustedOrigins::parse(
            Some(&base),
            &["https://*.apps.example.com".to_owned(), "http://localhost:5173".to_owned()],
        )
        .unwrap()
    }

    fn check(pairs: &[(&'static str, &str)]) -> Option<String> {
        let headers =
            pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        check_origin(&Method::POST, &headers, &trusted()).err().map(|error| error.code().to_owned())
    }

    #[test]
    fn only_the_configured_origins_are_trusted() {
        for good in [
            "https://api.example.com",
            "https://a.apps.example.com",
            "https://a.b.apps.example.com",
            "http://localhost:5173",
        ] {
            assert!(trusted().trusts_origin(good), "{good}");
        }
        for bad in [
            "https://API.example.com",
            "https://api.example.com:443",
            "https://api.example.com/",
            "http:localhost:5173",
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://api.example.com.evil.test",
            "https://evil-api.example.com",
            "https://apps.example.com",
            "https://evilapps.example.com",
            "https://.apps.example.com",
            "https://api.example.com..",
            "https://a.apps.example.com..",
            "http://localhost:51730",
            "http://localhost",
            "https://user@api.example.com",
            "https://api.example.com/path",
            "null",
            "",
            "api.example.com",
            "file:///etc/passwd",
        ] {
            assert!(!trusted().trusts_origin(bad), "{bad}");
        }
    }

    #[test]
    fn patterns_that_trust_too_much_are_configuration_errors() {
        for bad in [
            "*",
            "https://*",
            "https://*.com",
            "*.example.com",
            "https://a.test/",
            "https://a.test/x",
            "https://*.127.0.0.1",
            "ftp://a.test",
            "http://a.test",
        ] {
            assert!(TrustedOrigins::parse(None, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_relative_target_must_stay_on_this_host() {
        for good in
            ["/", "/dashboard", "/a/b?next=/c//d", "/a#b", "https://api.example.com/x", "http://localhost:5173/x?y"]
        {
            assert!(trusted().trusts_target(good), "{good}");
        }
        for bad in [
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/.//evil.test",
            "/..//evil.test",
            "/%2f/evil.test",
            "/%2Fevil.test",
            "/%5cevil.test",
            "/%252fevil.test",
            "/a/%2e%2e//evil.test",
            "/\tevil",
            "/a\r\nb",
            "/\u{ff0f}evil.test",
            "/caf\u{e9}",
            "/a b",
            " https://api.example.com/x",
            "evil",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://evil.test",
            "https://api.example.com@evil.test",
            "https://user:pw@api.example.com/",
            "https:evil.test",
            "",
            " /a",
        ] {
            assert!(!trusted().trusts_target(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_target_that_is_wrapped_endlessly_is_refused_at_once() {
        assert!(!trusted().trusts_target(&format!("/%{}", "25".repeat(32_000))));
        assert!(!trusted().trusts_target(&format!("/%{}2f", "25".repeat(500))));
        assert!(trusted().trusts_target("/caf%25C3%25A9"));
    }

    #[test]
    fn a_foreign_page_is_refused_with_and_without_cookies() {
        let origin = ("origin", "https://evil.test");
        assert_eq!(check(&[origin]).as_deref(), Some("INVALID_ORIGIN"));
        assert_eq!(check(&[origin, ("cookie", "a=b")]).as_deref(), Some("INVALID_ORIGIN"));
        assert_eq!(check(&[("referer", "https://evil.test/x"), ("cookie", "a=b")]).as_deref(), Some("INVALID_ORIGIN"));
        let navigation =
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("origin", "https://evil.test")];
        assert_eq!(check(&navigation).as_deref(), Some("CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"));
    }

    #[test]
    fn a_cookie_or_a_browser_must_name_its_origin_and_a_program_need_not() {
        assert_eq!(check(&[]), None);
        assert_eq!(check(&[("cookie", "a=b")]).as_deref(), Some("MISSING_OR_NULL_ORIGIN"));
        assert_eq!(check(&[("sec-fetch-mode", "cors")]).as_deref(), Some("MISSING_OR_NULL_ORIGIN"));
        assert_eq!(check(&[("cookie", "a=b"), ("origin", "null")]).as_deref(), Some("MISSING_OR_NULL_ORIGIN"));
        assert_eq!(check(&[("cookie", "a=b"), ("origin", "null"), ("sec-fetch-site", "same-origin")]), None);
        assert_eq!(check(&[("cookie", "a=b"), ("origin", "https://api.example.com")]), None);
        assert_eq!(check(&[("cookie", "a=b"), ("referer", "https://api.example.com/page?x")]), None);
    }

    #[test]
    fn a_websocket_must_come_from_a_trusted_page() {
        let pairs = [("origin", "https://evil.test"), ("upgrade", "websocket"), ("cookie", "a=b")];
        let headers = pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        assert!(check_origin(&Method::GET, &headers.collect(), &trusted()).is_err());
    }

    #[test]
    fn reading_is_not_checked() {
        let headers = HeaderMap::from_iter([(header::ORIGIN, "https://evil.test".parse().unwrap())]);
        assert!(check_origin(&Method::GET, &headers, &trusted()).is_ok());
    }
}
