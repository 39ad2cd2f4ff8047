//! Which role guard a request belongs to.

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, header};
use url::{Host, Url};

use crate::cx::Cx;
use crate::error::Result;

/// Says to which role guard (`ADMIN`, `PORTAL`) the front end belongs that sends a request.
///
/// Outside browsers headers are claims of the client. The answer chooses a namespace and proves nothing: never grant
/// anything because of it.
///
/// [`OriginGuardResolver`] goes by addresses known at start-up. Where they are known later, or elsewhere:
///
/// ```
/// use auth_core::portal::{OriginGuardResolver, RoleGuardResolver};
/// use auth_core::prelude::*;
///
/// struct Settings;
/// # impl Settings {
/// #     async fn admin_url(&self) -> Result<String> { Ok("https://admin.example.com".to_owned()) }
/// # }
///
/// #[async_trait]
/// impl RoleGuardResolver for Settings {
///     async fn resolve(&self, cx: &Cx) -> Result<Option<String>> {
///         OriginGuardResolver::default().origin(self.admin_url().await?, "ADMIN").resolve(cx).await
///     }
/// }
/// ```
#[async_trait]
pub trait RoleGuardResolver: Send + Sync + 'static {
    /// The role guard of the front end, by the name under which it is registered; `None` when it belongs to none. Asked
    /// before anybody has proved anything: go by [`Cx::request`], not by who the caller is.
    ///
    /// # Errors
    /// When it cannot be known; the request is refused then. A front end that nobody knows is `None`.
    async fn resolve(&self, cx: &Cx) -> Result<Option<String>>;

    /// What is wrong with the configuration, a sentence each; `knows` tells the registered role guards. Asked when the
    /// engine is built, which fails with what is said here. Nothing, unless the resolver has something to check.
    fn problems(&self, knows: &dyn Fn(&str) -> bool) -> Vec<String> {
        let _ = knows;
        Vec::new()
    }
}

/// Goes by the address of the page (`Origin`, else `Referer`), and by what mobile apps say of themselves.
///
/// Host and port are parsed and compared whole, so that `admin.example.com.evil.test` is not `admin.example.com`. The
/// scheme makes no difference, nor do upper case, the dot at the end of an absolute name, and one `www.` in front:
/// `www.example.com` is `example.com`. An `Origin` that is `null`, given twice or no origin belongs to no role guard,
/// and `Referer` is not asked then. A role guard that is not registered is never the answer.
///
/// This decides whose roles count, not whose pages may call: an origin must be trusted besides.
///
/// ```
/// use auth_core::portal::OriginGuardResolver;
///
/// let address = |name: &str| std::env::var(name).unwrap_or_default();
/// let resolver = OriginGuardResolver::default()
///     .origin(address("ADMIN_URL"), "ADMIN") // matches nothing while it is unset
///     .origin(address("PORTAL_URL"), "PORTAL")
///     .origin("https://*.shops.example.com", "PORTAL")
///     .origin("localhost:3000", "PORTAL")
///     .mobile("FRONTEND");
/// ```
#[derive(Clone, Debug, Default)]
pub struct OriginGuardResolver {
    front_ends: Vec<FrontEnd>,
    mobile: Mobile,
}

impl OriginGuardResolver {
    /// Pages of `origin` belong to `guard`. Of several that match, the first one counts.
    ///
    /// `https://admin.example.com`, `admin.example.com:8443`, or all hosts below a domain, however deep, and not the
    /// domain itself: `*.example.com`. Without a port, the default one of the request's scheme is meant. Empty text
    /// matches nothing, as a variable may be unset; other text that is no origin is a problem. There is no list of
    /// public suffixes: `*.co.uk` is taken at its word.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>, guard: impl Into<String>) -> Self {
        self.front_ends.push(FrontEnd { address: Address::new(origin), guard: guard.into() });
        self
    }

    /// Lets mobile apps say that they are: they belong to the role guard that they name, else to `default_guard`.
    /// Without this, what they say counts for nothing.
    ///
    /// It goes before the origin: a page that sends these headers, as one of our own origin can and another one where
    /// CORS allows them, leaves its own role guard for any that is registered.
    #[must_use]
    pub fn mobile(mut self, default_guard: impl Into<String>) -> Self {
        self.mobile.default_guard = Some(default_guard.into());
        self
    }

    /// The headers that name the platform, in lower case: `x-platform`, `x-app-platform`, `x-client-type`, unless said
    /// otherwise. The first one in this order that is present decides, whatever the others say.
    ///
    /// Given twice it does not say mobile, though both lines may: a proxy and a client that disagree prove no app, and
    /// the origin, for which a browser vouches, still holds a page to its own role guard. No role guard at all would
    /// hold it to nothing.
    #[must_use]
    pub fn platform_headers(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.mobile.platform_headers = names.into_iter().collect();
        self
    }

    /// The values that mean a mobile app, exactly as they are: `mobile` and `app`, unless said otherwise.
    #[must_use]
    pub fn mobile_values(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.mobile.values = values.into_iter().map(Into::into).collect();
        self
    }

    /// The header in which a mobile app names its role guard, in lower case: `x-mobile-guard`, unless said otherwise.
    /// Given twice, or naming none that is registered, it counts as absent; upper and lower case differ.
    #[must_use]
    pub fn mobile_guard_header(mut self, name: &'static str) -> Self {
        self.mobile.guard_header = name;
        self
    }

    /// The role guard, by nothing but the headers.
    fn of_headers(&self, headers: &HeaderMap, knows: impl Fn(&str) -> bool) -> Option<String> {
        let guard = match &self.mobile.default_guard {
            Some(default) if self.mobile.sent(headers) => {
                sole(headers, self.mobile.guard_header).filter(|named| knows(named)).unwrap_or(default)
            }
            Some(_) | None => self.of_page(headers)?,
        };
        // Addresses that come from elsewhere with each request have been checked by nobody.
        knows(guard).then(|| guard.to_owned())
    }

    fn of_page(&self, headers: &HeaderMap) -> Option<&str> {
        let site = Site::of(headers)?;
        let front_end = self.front_ends.iter().find(|front_end| front_end.address.matches(&site));
        front_end.map(|front_end| front_end.guard.as_str())
    }
}

#[async_trait]
impl RoleGuardResolver for OriginGuardResolver {
    async fn resolve(&self, cx: &Cx) -> Result<Option<String>> {
        Ok(self.of_headers(&cx.request().headers, |guard| cx.auth().knows_role_guard(guard)))
    }

    fn problems(&self, knows: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut problems = Vec::new();
        for FrontEnd { address, guard } in &self.front_ends {
            problems.extend(address.problem().map(|problem| format!("{problem} (of role guard {guard:?})")));
            if !knows(guard) {
                let text = &address.text;
                problems.push(format!(
                    "pages of {text:?} have the role guard {guard:?}, which role_guards() does not name"
                ));
            }
        }
        self.mobile.problems(knows, &mut problems);
        problems
    }
}

/// The value of a header that is given once. Of two nobody knows which one somebody else goes by.
fn sole<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_none() { value.to_str().ok() } else { None }
}

#[derive(Clone, Debug)]
struct FrontEnd {
    address: Address,
    guard: String,
}

/// Where pages come from, as it was configured.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// For messages.
    text: String,
    /// `None` matches nothing: the text is empty, or a problem.
    pattern: Option<Pattern>,
}

impl Address {
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into().trim().to_owned();
        Self { pattern: Pattern::parse(&text), text }
    }

    pub(super) fn problem(&self) -> Option<String> {
        let Self { text, pattern } = self;
        let is_problem = pattern.is_none() && !text.is_empty();
        is_problem.then(|| {
            format!("origin {text:?} must be such as https://app.example.com, localhost:3000 or *.example.com")
        })
    }

    pub(super) fn matches(&self, site: &Site) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.matches(site))
    }
}

/// How mobile apps make themselves known; without a default guard they do not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mobile {
    default_guard: Option<String>,
    platform_headers: Vec<&'static str>,
    values: Vec<String>,
    guard_header: &'static str,
}

impl Default for Mobile {
    fn default() -> Self {
        Self {
            default_guard: None,
            platform_headers: vec!["x-platform", "x-app-platform", "x-client-type"],
            values: vec!["mobile".to_owned(), "app".to_owned()],
            guard_header: "x-mobile-guard",
        }
    }
}

impl Mobile {
    /// Whether a mobile app sent this.
    fn sent(&self, headers: &HeaderMap) -> bool {
        let deciding = self.platform_headers.iter().find(|name| headers.contains_key(**name));
        let value = deciding.and_then(|name| sole(headers, name));
        value.is_some_and(|value| self.values.iter().any(|mobile| mobile == value))
    }

    fn problems(&self, knows: &dyn Fn(&str) -> bool, problems: &mut Vec<String>) {
        match &self.default_guard {
            Some(guard) if !knows(guard) => {
                problems.push(format!("mobile apps have the role guard {guard:?}, which role_guards() does not name"));
            }
            None if *self != Self::default() => {
                problems.push("headers and values of mobile apps count for nothing without mobile()".to_owned());
            }
            Some(_) | None => {}
        }
        if self.platform_headers.is_empty() || self.values.is_empty() || self.values.iter().any(String::is_empty) {
            problems
                .push("mobile apps need a header that names the platform, and values that are not empty".to_owned());
        }
        for name in self.platform_headers.iter().chain([&self.guard_header]) {
            if HeaderName::from_lowercase(name.as_bytes()).is_err() {
                problems.push(format!("header {name:?} of mobile apps must be the name of a header in lower case"));
            }
            if ["authorization", "cookie", "host", "origin", "referer"].contains(name) {
                problems.push(format!("header {name:?} of mobile apps says something else"));
            }
        }
    }
}

/// What a configured origin matches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    host: HostPattern,
    /// `None` is the default port of the request's scheme.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    /// This host alone.
    Exactly(Host),
    /// Every host that ends with this (`.example.com`).
    Below(String),
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) => default_port(scheme).map(|_| rest)?,
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let Some(below) = rest.strip_prefix("*.") else {
            let (host, port) = host_and_port(rest)?;
            return Some(Self { host: HostPattern::Exactly(without_www(host)), port });
        };
        // `*.com` would take in the world, and an address has no sub-domains.
        match host_and_port(below)? {
            // `www.` stays: without it the pattern would match more than it says.
            (Host::Domain(name), port) if name.contains('.') => {
                Some(Self { host: HostPattern::Below(format!(".{name}")), port })
            }
            (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_), _) => None,
        }
    }

    fn matches(&self, site: &Site) -> bool {
        let host_matches = match (&self.host, &site.host) {
            (HostPattern::Exactly(own), host) => own == host,
            (HostPattern::Below(suffix), Host::Domain(name)) => name.ends_with(suffix.as_str()),
            (HostPattern::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        };
        host_matches && self.port.unwrap_or(site.default_port) == site.port
    }
}

/// Where a page comes from, as far as it is compared.
pub(super) struct Site {
    host: Host,
    port: u16,
    default_port: u16,
}

impl Site {
    /// By `Origin`, or where there is none by `Referer`; given twice neither says anything.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(header::ORIGIN) {
            Self::of_origin(sole(headers, header::ORIGIN.as_str())?)
        } else {
            Self::of_address(sole(headers, header::REFERER.as_str())?)
        }
    }

    /// Of an `Origin`, which ends with its host or port.
    fn of_origin(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let default_port = default_port(scheme)?;
        let (host, port) = host_and_port(authority)?;
        Some(Self { host: without_www(host), port: port.unwrap_or(default_port), default_port })
    }

    /// Of the origin part of a whole address.
    fn of_address(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Self::of_origin(&format!("{scheme}://{authority}"))
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The parts of `host[:port]`; of anything else nothing.
fn host_and_port(text: &str) -> Option<(Host, Option<u16>)> {
    // What the parser would strip, decode or read as a user or a path: it mends what browsers never write.
    let is_foreign = |c: char| c.is_whitespace() || c.is_control() || "/\\?#@%*".contains(c);
    if text.contains(is_foreign) || text.ends_with(':') {
        return None;
    }
    let url = Url::parse(&format!("http://{text}")).ok()?;
    let host = match url.host()?.to_owned() {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            name.split('.').all(|label| !label.is_empty()).then(|| Host::Domain(name.to_owned()))?
        }
        address @ (Host::Ipv4(_) | Host::Ipv6(_)) => address,
    };
    // The parser forgets a port that is the scheme's own, and the scheme is only a stand-in.
    let after_address = text.rsplit_once(']').map_or(text, |(_, rest)| rest);
    let port = if after_address.contains(':') { url.port_or_known_default() } else { None };
    Some((host, port))
}

/// `www.example.com` is `example.com`. It is in lower case by now.
fn without_www(host: Host) -> Host {
    match host {
        Host::Domain(name) => Host::Domain(name.strip_prefix("www.").unwrap_or(&name).to_owned()),
        address @ (Host::Ipv4(_) | Host::Ipv6(_)) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knows(guard: &str) -> bool {
        ["ADMIN", "PORTAL", "FRONTEND"].contains(&guard)
    }

    fn resolver() -> OriginGuardResolver {
        OriginGuardResolver::default()
            .origin("https://admin.example.com", "ADMIN")
            .origin("", "ADMIN")
            .origin("https://www.example.com/", "PORTAL")
            .origin("http://localhost:3000", "PORTAL")
            .origin("*.shops.example.com", "FRONTEND")
    }

    fn guard(resolver: &OriginGuardResolver, pairs: &[(&'static str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        resolver.of_headers(&headers, knows)
    }

    /// Whether a page of `origin` has a role guard where this alone is configured.
    fn matches(configured: &str, origin: &str) -> bool {
        guard(&OriginGuardResolver::default().origin(configured, "ADMIN"), &[("origin", origin)]).is_some()
    }

    #[test]
    fn a_page_belongs_to_the_role_guard_of_its_origin() {
        for (origin, expected) in [
            ("https://admin.example.com", "ADMIN"),
            ("http://admin.example.com", "ADMIN"),
            ("https://ADMIN.EXAMPLE.COM", "ADMIN"),
            ("https://admin.example.com:443", "ADMIN"),
            ("https://admin.example.com.", "ADMIN"),
            ("https://www.admin.example.com", "ADMIN"),
            ("https://WWW.admin.example.com", "ADMIN"),
            ("https://example.com", "PORTAL"),
            ("https://www.example.com", "PORTAL"),
            ("http://localhost:3000", "PORTAL"),
            ("https://a.shops.example.com", "FRONTEND"),
            ("https://a.b.shops.example.com", "FRONTEND"),
        ] {
            assert_eq!(guard(&resolver(), &[("origin", origin)]).as_deref(), Some(expected), "{origin}");
        }
    }

    #[test]
    fn a_page_of_another_origin_belongs_to_none() {
        for origin in [
            "https://admin.example.com.evil.test",
            "https://evil-admin.example.com",
            "https://eviladmin.example.com",
            "https://x.admin.example.com",
            "https://www.www.admin.example.com",
            "https://admin.example.com@evil.test",
            "https://evil.test@admin.example.com",
            "https://user:pw@admin.example.com",
            "https://@admin.example.com",
            "https://evil.test/admin.example.com",
            "https://evil.test/https://admin.example.com",
            "https://evil.test?https://admin.example.com",
            "https://evil.test#admin.example.com",
            "https://evil.test\\admin.example.com",
            "https://admin.example.com\\@evil.test",
            "https://admin.example.com/",
            "https://admin.example.com/path",
            "https://admin.example.com:8443",
            "http://admin.example.com:443",
            "https://admin.example.com:80",
            "https://admin.example.com:",
            "https://admin.example.com..",
            "https://.admin.example.com",
            "https://%61dmin.example.com",
            "https://adm\tin.example.com",
            "https:///admin.example.com",
            "https:admin.example.com",
            "https:\\\\admin.example.com",
            "https://https://admin.example.com",
            "https://admin.example.com https://evil.test",
            "https://admin.example.com, https://evil.test",
            "ftp://admin.example.com",
            "chrome-extension://admin.example.com",
            "file:///admin.example.com",
            "admin.example.com",
            "https://xn--dmin-moa.example.com",
            "http://localhost:30001",
            "http://localhost:300",
            "http://localhost",
            "http://127.0.0.1:3000",
            "https://shops.example.com",
            "https://www.shops.example.com",
            "https://evilshops.example.com",
            "https://.shops.example.com",
            "https://a..shops.example.com",
            "https://a.shops.example.com:8443",
            "https://a.shops.example.com.evil.test",
            "https://*.shops.example.com",
            "https://",
            "null",
            "",
        ] {
            assert_eq!(guard(&resolver(), &[("origin", origin)]), None, "{origin:?}");
        }
    }

    #[test]
    fn every_spelling_of_the_configuration_means_the_same_host_and_port() {
        for (configured, origin) in [
            ("admin.example.com", "https://admin.example.com"),
            (" https://WWW.Admin.Example.com/\n", "https://admin.example.com"),
            ("HTTPS://admin.example.com.", "https://www.admin.example.com"),
            ("admin.example.com:8443", "https://admin.example.com:8443"),
            ("admin.example.com:8443", "http://admin.example.com:8443"),
            ("http://admin.example.com:443", "https://admin.example.com"),
            ("admin.example.com:80", "http://admin.example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "https://XN--BCHER-KVA.example"),
            ("*.bücher.example", "https://a.xn--bcher-kva.example"),
            ("*.example.com:8443/", "https://a.example.com:8443"),
            ("https://*.www.example.com", "https://a.www.example.com"),
            ("192.0.2.7", "http://192.0.2.7"),
            ("192.0.2.7:8080", "http://192.0.2.7:8080"),
            ("http://[2001:DB8::1]:3000", "http://[2001:db8:0::1]:3000"),
            ("[2001:db8::1]", "https://[2001:db8::1]"),
        ] {
            assert!(matches(configured, origin), "{configured:?} {origin}");
        }
        for (configured, origin) in [
            ("https://admin.example.com:443", "http://admin.example.com"),
            ("admin.example.com:80", "https://admin.example.com"),
            ("admin.example.com:8443", "https://admin.example.com"),
            ("*.example.com:8443", "https://a.example.com"),
            ("*.example.com", "https://example.com"),
            ("*.example.com", "https://www.example.com"),
            ("https://*.www.example.com", "https://a.example.com"),
            ("192.0.2.7", "http://1192.0.2.7.nip.test"),
            ("192.0.2.7", "http://192.0.2.71"),
            ("[2001:db8::1]", "http://[2001:db8::11]"),
            ("[2001:db8::1]", "http://[2001:db8::1]:8080"),
        ] {
            assert!(!matches(configured, origin), "{configured:?} {origin}");
        }
    }

    #[test]
    fn text_that_is_no_origin_is_a_problem_and_matches_nothing_and_empty_text_is_none() {
        for bad in [
            "*",
            "https://*",
            "*.com",
            "https://*.com.",
            "*.localhost",
            "*.127.0.0.1",
            "*.[::1]",
            "*.",
            "a.*.example.com",
            "*.*.example.com",
            "www.*.example.com",
            "admin*.example.com",
            "ftp://a.test",
            "://a.test",
            "https://",
            "/",
            "a.test//",
            "a.test/path",
            "a.test?query",
            "a.test#fragment",
            "user@a.test",
            "a.test:",
            "a.test:x",
            "a.test:99999",
            "a..test",
            "a test",
            "a.test, b.test",
            "%61.test",
            "::1",
            "https://https://a.test",
        ] {
            let resolver = OriginGuardResolver::default().origin(bad, "ADMIN");
            assert_eq!(resolver.problems(&knows).len(), 1, "{bad:?}");
            assert_eq!(guard(&resolver, &[("origin", "https://a.test")]), None, "{bad:?}");
        }
        let unset = OriginGuardResolver::default().origin("", "ADMIN").origin(" ", "PORTAL");
        assert!(unset.problems(&knows).is_empty());
        for origin in ["", "null", "https://", "https://a.test"] {
            assert_eq!(guard(&unset, &[("origin", origin)]), None, "{origin:?}");
        }
    }

    #[test]
    fn the_first_origin_that_matches_counts() {
        let resolver = OriginGuardResolver::default()
            .origin("app.example.com", "PORTAL")
            .origin("*.example.com", "FRONTEND")
            .origin("admin.example.com", "ADMIN");
        assert_eq!(guard(&resolver, &[("origin", "https://app.example.com")]).as_deref(), Some("PORTAL"));
        assert_eq!(guard(&resolver, &[("origin", "https://admin.example.com")]).as_deref(), Some("FRONTEND"));
    }

    #[test]
    fn a_referer_is_asked_only_where_there_is_no_origin() {
        let by_referer = |referer: &str| guard(&resolver(), &[("referer", referer)]);
        for good in
            ["https://admin.example.com", "https://admin.example.com/users?page=1#top", "http://admin.example.com?x"]
        {
            assert_eq!(by_referer(good).as_deref(), Some("ADMIN"), "{good}");
        }
        for bad in [
            "https://evil.test/https://admin.example.com",
            "https://admin.example.com@evil.test/",
            "https://user@admin.example.com/",
            "https://admin.example.com\\@evil.test/",
            "https://admin.example.com.evil.test/admin.example.com",
            "https:admin.example.com/",
            "admin.example.com",
            "admin.example.com/users",
            "about:blank",
            "",
        ] {
            assert_eq!(by_referer(bad), None, "{bad:?}");
        }
        let referer = ("referer", "https://admin.example.com/");
        for origin in ["null", "", "https://evil.test", "nonsense"] {
            assert_eq!(guard(&resolver(), &[("origin", origin), referer]), None, "{origin:?}");
        }
        assert_eq!(guard(&resolver(), &[referer, referer]), None);
        assert_eq!(guard(&resolver(), &[]), None);
    }

    #[test]
    fn several_origins_belong_to_none() {
        let admin = ("origin", "https://admin.example.com");
        let referer = ("referer", "https://admin.example.com/");
        assert_eq!(guard(&resolver(), &[admin, ("origin", "https://evil.test"), referer]), None);
        assert_eq!(guard(&resolver(), &[admin, admin, referer]), None);
    }

    #[test]
    fn what_an_app_says_counts_for_nothing_until_apps_are_expected() {
        let app = [("x-platform", "mobile"), ("x-mobile-guard", "ADMIN")];
        assert_eq!(guard(&resolver(), &app), None);
        assert_eq!(guard(&resolver().mobile("FRONTEND"), &app).as_deref(), Some("ADMIN"));
    }

    #[test]
    fn an_app_belongs_to_the_registered_role_guard_that_it_names_else_to_the_default() {
        let resolver = resolver().mobile("FRONTEND");
        let app = ("x-platform", "mobile");
        assert_eq!(guard(&resolver, &[app]).as_deref(), Some("FRONTEND"));
        assert_eq!(guard(&resolver, &[app, ("x-mobile-guard", "PORTAL")]).as_deref(), Some("PORTAL"));
        for unknown in ["portal", "FOO", "", "PORTAL,ADMIN", "PORTAL\u{fc}"] {
            assert_eq!(guard(&resolver, &[app, ("x-mobile-guard", unknown)]).as_deref(), Some("FRONTEND"), "{unknown}");
        }
        let twice = [app, ("x-mobile-guard", "PORTAL"), ("x-mobile-guard", "PORTAL")];
        assert_eq!(guard(&resolver, &twice).as_deref(), Some("FRONTEND"));
        // It goes before the origin, and the other header alone says nothing.
        assert_eq!(guard(&resolver, &[("origin", "https://admin.example.com"), app]).as_deref(), Some("FRONTEND"));
        assert_eq!(guard(&resolver, &[("x-mobile-guard", "PORTAL")]), None);
    }

    #[test]
    fn the_first_platform_header_decides_and_exactly() {
        let resolver = resolver().mobile("FRONTEND");
        let admin = ("origin", "https://admin.example.com");
        for (headers, expected) in [
            (vec![("x-platform", "app")], "FRONTEND"),
            (vec![("x-app-platform", "mobile")], "FRONTEND"),
            (vec![("x-client-type", "app")], "FRONTEND"),
            (vec![("x-client-type", "web"), ("x-platform", "mobile")], "FRONTEND"),
            (vec![("x-platform", "web"), ("x-app-platform", "mobile")], "ADMIN"),
            (vec![("x-platform", ""), ("x-app-platform", "mobile")], "ADMIN"),
            (vec![("x-platform", "Mobile")], "ADMIN"),
            (vec![("x-platform", "mobile, app")], "ADMIN"),
            // Two lines of it: the page stays in its role guard.
            (vec![("x-platform", "mobile"), ("x-platform", "web")], "ADMIN"),
            (vec![("x-platform", "mobile"), ("x-platform", "mobile")], "ADMIN"),
            (vec![("x-platform", "web"), ("x-platform", "mobile"), ("x-app-platform", "app")], "ADMIN"),
        ] {
            let all = [headers.clone(), vec![admin]].concat();
            assert_eq!(guard(&resolver, &all).as_deref(), Some(expected), "{headers:?}");
        }
    }

    #[test]
    fn how_apps_make_themselves_known_can_be_said() {
        let resolver = resolver()
            .platform_headers(["x-kind"])
            .mobile_values(["phone"])
            .mobile_guard_header("x-guard")
            .mobile("FRONTEND");
        assert!(resolver.problems(&knows).is_empty());
        assert_eq!(guard(&resolver, &[("x-kind", "phone"), ("x-guard", "PORTAL")]).as_deref(), Some("PORTAL"));
        assert_eq!(guard(&resolver, &[("x-kind", "mobile")]), None);
        assert_eq!(guard(&resolver, &[("x-platform", "phone")]), None);
    }

    #[test]
    fn a_role_guard_that_is_not_registered_is_a_problem_and_never_the_answer() {
        let resolver = OriginGuardResolver::default().origin("a.test", "Admin").origin("", "FOO").mobile("BAR");
        assert_eq!(resolver.problems(&knows).len(), 3);
        assert_eq!(guard(&resolver, &[("origin", "https://a.test")]), None);
        assert_eq!(guard(&resolver, &[("x-platform", "mobile")]), None);
    }

    #[test]
    fn headers_that_cannot_work_are_problems() {
        let mobile = || resolver().mobile("FRONTEND");
        for bad in [
            mobile().platform_headers([]),
            mobile().platform_headers(["X-Platform"]),
            mobile().platform_headers(["cookie"]),
            mobile().mobile_values([""]),
            mobile().mobile_values(Vec::<String>::new()),
            mobile().mobile_guard_header("x guard"),
            mobile().mobile_guard_header("origin"),
            resolver().mobile_values(["phone"]),
        ] {
            assert_eq!(bad.problems(&knows).len(), 1, "{bad:?}");
        }
        assert!(resolver().problems(&knows).is_empty());
        assert!(mobile().problems(&knows).is_empty());
    }
}
