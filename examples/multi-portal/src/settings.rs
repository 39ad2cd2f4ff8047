//! The front ends, as the environment says, beside what [`example_support::Settings`] reads.
//!
//! | variable | default | |
//! |---|---|---|
//! | `JWT_SECRET` | | access tokens are signed with exactly these bytes (HS256), at least 32; without it nothing starts |
//! | `ADMIN_URL` | | where the admin console is; only there staff are staff |
//! | `PORTAL_URL`, `FRONT_URL` | | where the portal and the public site are, both of the role guard `PORTAL` |
//! | `COOKIE_DOMAIN` | this host alone | whose hosts share the token cookies |
//! | `ACCESS_TTL` | 3600 | for how many seconds an access token is good |
//! | `REFRESH_TTL` | 2592000 | for how many a refresh token is, if it is not used |
//! | `APP_NAME` | `My App` | what the program is called |
//!
//! With `APP_ENV=local` cookies go over plain http and are `SameSite=Lax`; otherwise they are `Secure` and
//! `SameSite=None`, as front ends are on other sites.

use std::time::Duration;

use auth_core::base::Secret;
use auth_core::portal::{OriginGuardResolver, RoleGuardResolver};
use auth_core::token::{self, TokenCookies, Transport};
use example_support::{Env, Environment, Settings};

use crate::{ADMIN, FRONTEND, PORTAL};

/// Longer ones are allowed, but are asked for by a name that says what they are.
const SHORT: Duration = Duration::from_mins(15);

/// The front ends of this program.
pub(crate) struct Portals {
    pub(crate) admin_url: String,
    portal_url: String,
    front_url: String,
    cookie_domain: Option<String>,
    is_local: bool,
    app_name: String,
    jwt_secret: Secret,
    access_ttl: Duration,
    refresh_ttl: Duration,
}

/// Reads them; `None` after a problem.
pub(crate) fn portals(env: &mut Env<'_>) -> Option<Portals> {
    if env.get("JWT_SECRET").is_none() {
        env.problem(
            "JWT_SECRET is not set: give it at least 32 random bytes, for example from `openssl rand -base64 32`",
        );
    }
    let jwt_secret = env.jwt_secret();
    let access_ttl = seconds(env, "ACCESS_TTL", 60 * 60, 24 * 60 * 60);
    let refresh_ttl = seconds(env, "REFRESH_TTL", 30 * 24 * 60 * 60, 400 * 24 * 60 * 60);
    let [admin_url, portal_url, front_url] = ["ADMIN_URL", "PORTAL_URL", "FRONT_URL"].map(|name| address(env, name));
    if admin_url.is_empty() {
        tracing::warn!("ADMIN_URL is not set: staff cannot sign in");
    }
    let is_local = env.environment() == Environment::Local;
    let cookie_domain = env.get("COOKIE_DOMAIN").map(|domain| domain.trim_start_matches('.').to_owned());
    let cookie_domain = cookie_domain.filter(|domain| domain != "localhost");
    if let Some(domain) = &cookie_domain
        && !domain.split('.').all(is_label)
    {
        env.problem(format!("COOKIE_DOMAIN is {domain:?}: it must be a domain such as example.com"));
    }
    if is_local && cookie_domain.is_some() {
        tracing::warn!("COOKIE_DOMAIN counts for nothing with APP_ENV=local: a cookie of several hosts needs https");
    }
    Some(Portals {
        admin_url,
        portal_url,
        front_url,
        cookie_domain: cookie_domain.filter(|_| !is_local),
        is_local,
        app_name: env.get("APP_NAME").unwrap_or_else(|| "My App".to_owned()),
        jwt_secret: jwt_secret?,
        access_ttl: access_ttl?,
        refresh_ttl: refresh_ttl?,
    })
}

/// Where a front end is; empty where there is none.
fn address(env: &mut Env<'_>, name: &str) -> String {
    let address = env.get(name).unwrap_or_default();
    let resolver = OriginGuardResolver::default().origin(&address, PORTAL);
    if !RoleGuardResolver::problems(&resolver, &|_| true).is_empty() {
        env.problem(format!("{name} is {address:?}: it must be an origin such as https://app.example.com"));
    }
    address
}

/// Whether this may stand between the dots of a domain.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A number of seconds from 1 to `most`.
fn seconds(env: &mut Env<'_>, name: &str, default: u64, most: u64) -> Option<Duration> {
    let Some(text) = env.get(name) else { return Some(Duration::from_secs(default)) };
    let seconds = text.parse().ok().filter(|seconds| (1..=most).contains(seconds));
    if seconds.is_none() {
        env.problem(format!("{name} is {text:?}: it must be a number of seconds from 1 to {most}"));
    }
    seconds.map(Duration::from_secs)
}

impl Portals {
    /// What the program is called.
    pub(crate) fn app_name(&self) -> &str {
        &self.app_name
    }

    /// Which front end is which. The public site is part of the portal.
    pub(crate) fn resolver(&self) -> OriginGuardResolver {
        OriginGuardResolver::default()
            .origin(&self.admin_url, ADMIN)
            .origin(&self.portal_url, PORTAL)
            .origin(&self.front_url, PORTAL)
            .mobile(FRONTEND)
    }

    /// The address of the program itself. Where cookies belong to a domain, it is a host of that domain.
    pub(crate) fn base_url(&self, settings: &Settings) -> String {
        match &self.cookie_domain {
            Some(domain) if settings.base_url == settings.address => format!("https://{domain}"),
            Some(_) | None => settings.base_url.clone(),
        }
    }

    /// Whose pages may use cookies: those of the front ends and our own. A page that came over plain http proves
    /// nothing to anybody, unless it is of this machine.
    pub(crate) fn trusted_origins(&self, settings: &Settings) -> Vec<String> {
        let pages = [&self.admin_url, &self.portal_url, &self.front_url];
        let pages = pages.into_iter().map(|url| url.trim_end_matches('/').to_owned());
        let is_local = |url: &str| url.starts_with("http://localhost") || url.starts_with("http://127.0.0.1");
        let pages = pages.filter(|url| url.starts_with("https://") || is_local(url));
        pages.chain(settings.trusted_origins.iter().cloned()).chain([settings.address.clone()]).collect()
    }

    /// How tokens are made, and how they travel.
    pub(crate) fn tokens(&self) -> token::Config {
        let mut cookies = TokenCookies::default().without_prefix();
        if !self.is_local {
            cookies = cookies.always_secure().cross_site();
        }
        if let Some(domain) = &self.cookie_domain {
            cookies = cookies.domain(domain);
        }
        let config = token::Config::default()
            .shared_secret(self.jwt_secret.clone())
            .refresh_ttl(self.refresh_ttl)
            .transport(Transport::Negotiated)
            .cookies(cookies);
        if self.access_ttl > SHORT {
            config.access_ttl_insecurely(self.access_ttl)
        } else {
            config.access_ttl(self.access_ttl)
        }
    }
}
