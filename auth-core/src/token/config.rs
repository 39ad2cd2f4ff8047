//! What access and refresh tokens are like.

use std::time::Duration;

use super::claims::is_ours;
use crate::base::Secret;
use crate::crypto::jwt::{Algorithm, SigningKey};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A gigabyte of tokens, about.
const MOST_REMEMBERED: usize = 1_000_000;

/// What access tokens are signed with.
#[derive(Clone, Debug)]
pub(crate) enum Signing {
    /// Key pairs that the engine makes, keeps sealed in the store, publishes and replaces.
    Managed(Algorithm),
    /// One secret of the application's own, which whoever verifies must have too.
    Shared(Secret),
}

/// How clients get pairs of tokens, and show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// In bodies, and back in `Authorization` and bodies: for clients that keep their tokens themselves. A token in a
    /// cookie is nothing then.
    #[default]
    Header,
    /// In cookies that no script can read, and never in a body. What changes something then needs the CSRF token too. A
    /// bearer token counts as ever.
    Cookie,
    /// The access token in the body and back in `Authorization`, for a page that keeps it in its memory; the refresh
    /// token in a cookie that no script can read, which opens no route. Exchange, revocation and change of tenant by it
    /// are held to the origin and need no CSRF token: only a trusted page can read the answer. A refresh token in a body
    /// counts as well.
    RefreshCookie,
    /// As the request says for each pair, in the header `x-access-token-type`: `cookie` or `header`, which is meant
    /// where it says nothing. A pair for a refresh token that came in a cookie goes back in cookies whatever it says.
    Negotiated,
}

/// Where a pair goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Body,
    Cookies,
    /// The refresh token alone goes in a cookie.
    RefreshCookie,
}

/// What of a pair may go in cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InCookies {
    RefreshToken,
    /// Both, and a CSRF token beside them.
    Pair,
}

/// How far the cookies of tokens go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Pages of this site, and whoever follows a link to it: `SameSite=Lax`.
    SameSite,
    /// Pages of every site: `SameSite=None`.
    CrossSite,
}

/// Names and attributes of the cookies that tokens are given in.
///
/// By default `access_token`, `refresh_token` and `csrf_token`, each behind `__Host-` on https: a browser then takes
/// them from this very host only, over TLS, and no sibling host can plant one. With a domain the prefix is `__Secure-`,
/// and on the plain http of a developer's machine there is none. Those of customers are called `customer_access_token`
/// and so on, so that a browser may hold tokens of either pool. Always `Path=/`, and `SameSite=Lax` unless
/// [`cross_site`](Self::cross_site); the two tokens are `HttpOnly`, and a page's script must read the third. Each lasts
/// as long as its token, the third as the refresh token; with a session that is not to be remembered, until the browser
/// closes. The header of the third is `x-csrf-token`.
#[derive(Clone, Debug)]
pub struct TokenCookies {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) csrf: String,
    pub(crate) is_prefixed: bool,
    pub(crate) domain: Option<String>,
    pub(crate) reach: Reach,
    pub(crate) is_always_secure: bool,
}

impl Default for TokenCookies {
    fn default() -> Self {
        Self {
            access: "access_token".to_owned(),
            refresh: "refresh_token".to_owned(),
            csrf: "csrf_token".to_owned(),
            is_prefixed: true,
            domain: None,
            reach: Reach::SameSite,
            is_always_secure: false,
        }
    }
}

impl TokenCookies {
    /// The name of the cookie with the access token, without a prefix. Letters, digits, `-` and `_`.
    #[must_use]
    pub fn access(mut self, name: impl Into<String>) -> Self {
        self.access = name.into();
        self
    }

    /// The name of the cookie with the refresh token, likewise.
    #[must_use]
    pub fn refresh(mut self, name: impl Into<String>) -> Self {
        self.refresh = name.into();
        self
    }

    /// The name of the cookie with the CSRF token, likewise.
    #[must_use]
    pub fn csrf(mut self, name: impl Into<String>) -> Self {
        self.csrf = name.into();
        self
    }

    /// Keeps the bare names on https, for pages that know them. What is lost: every host of the same site, and over
    /// plain http anybody on the way, can plant a cookie of the name. Beside ours that makes two, which prove nothing,
    /// so they can sign the person out; where there is none of ours they can sign them in as somebody else.
    #[must_use]
    pub fn without_prefix(mut self) -> Self {
        self.is_prefixed = false;
        self
    }

    /// Shares the cookies with every host below `domain`. Each of them can then read and replace them.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// For pages of another site (`SameSite=None`; they must be trusted origins): a browser then sends the cookies
    /// along with whatever any page asks of us, and the origin check and the CSRF token alone tell ours from others.
    /// Needs `Secure`, so on plain http also [`always_secure`](Self::always_secure). Browsers that block cookies of
    /// other sites keep none of these.
    #[must_use]
    pub fn cross_site(mut self) -> Self {
        self.reach = Reach::CrossSite;
        self
    }

    /// Has them as on https, `Secure` and with its prefix, although the base URL is plain http: where TLS ends before
    /// us and the base URL does not say so. A client that does come over plain http does not keep them.
    #[must_use]
    pub fn always_secure(mut self) -> Self {
        self.is_always_secure = true;
        self
    }
}

/// Access tokens, which prove a session for a short while without a look at it, and refresh tokens, which are exchanged
/// for new ones.
///
/// By default: Ed25519 keys that are made and replaced by the engine, access tokens of 15 minutes, refresh tokens of 30
/// days that are good once.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::crypto::jwt::Algorithm;
/// use auth_core::token;
///
/// let config = token::Config::default().algorithm(Algorithm::Es256).access_ttl(Duration::from_secs(5 * 60));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) signing: Signing,
    pub(crate) issuer: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) client_id: String,
    pub(crate) tenant_claims: Vec<String>,
    pub(crate) access_ttl: Duration,
    pub(crate) is_long_lived: bool,
    pub(crate) refresh_ttl: Duration,
    pub(crate) reuse_grace: Duration,
    pub(crate) rotate_every: Duration,
    pub(crate) publish_ahead: Duration,
    pub(crate) remembered: usize,
    pub(crate) transport: Transport,
    pub(crate) cookies: TokenCookies,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signing: Signing::Managed(Algorithm::EdDsa),
            issuer: None,
            audiences: Vec::new(),
            client_id: "first-party".to_owned(),
            tenant_claims: Vec::new(),
            access_ttl: 15 * MINUTE,
            is_long_lived: false,
            refresh_ttl: 30 * DAY,
            reuse_grace: Duration::ZERO,
            rotate_every: 30 * DAY,
            publish_ahead: DAY,
            remembered: 10_000,
            transport: Transport::Header,
            cookies: TokenCookies::default(),
        }
    }
}

impl Config {
    /// The algorithm of the key pairs: EdDSA unless said otherwise. HS256 has none; see
    /// [`shared_secret`](Self::shared_secret).
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.signing = Signing::Managed(algorithm);
        self
    }

    /// Signs with HS256 under this secret, of at least 32 random bytes, in place of key pairs. Whoever verifies such a
    /// token can make one: give the secret to nobody but programs that you would let sign. Nothing is published then,
    /// and nothing replaced.
    #[must_use]
    pub fn shared_secret(mut self, secret: Secret) -> Self {
        self.signing = Signing::Shared(secret);
        self
    }

    /// The `iss` of tokens; the base URL unless said otherwise.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The `aud` of tokens, all of these; the base URL unless said otherwise. We accept tokens for any of them.
    #[must_use]
    pub fn audiences<T: Into<String>>(mut self, audiences: impl IntoIterator<Item = T>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// The `client_id` of tokens (RFC 9068 §2.2); `first-party` unless said otherwise.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// Names under which a token says its tenant beside `tenant`, for programs that look for it there
    /// (`organizationId`, `org_id`). None unless said otherwise.
    #[must_use]
    pub fn tenant_claims<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.tenant_claims = names.into_iter().map(Into::into).collect();
        self
    }

    /// How long an access token is good: 15 minutes by default, 1 second to 15 minutes. On routes that look nothing up
    /// it is also how long a session that was ended, a disabled user and a revoked role work on.
    #[must_use]
    pub fn access_ttl(mut self, ttl: Duration) -> Self {
        (self.access_ttl, self.is_long_lived) = (ttl, false);
        self
    }

    /// As [`access_ttl`](Self::access_ttl), up to a day. A token that is stolen, or whose session was ended, is good
    /// for as long on every route that looks nothing up, and with every program that verifies it by our keys.
    #[must_use]
    pub fn access_ttl_insecurely(mut self, ttl: Duration) -> Self {
        (self.access_ttl, self.is_long_lived) = (ttl, true);
        self
    }

    /// How long a refresh token is good if it is not used: 30 days by default, a minute to 400 days. Its session lives
    /// for at least as long, however short a time without use ends others, but not beyond its own
    /// [`absolute`](crate::session::Config::absolute) end; one that is not remembered lives for its day, and its
    /// refresh token with it.
    #[must_use]
    pub fn refresh_ttl(mut self, ttl: Duration) -> Self {
        self.refresh_ttl = ttl;
        self
    }

    /// For this long after a refresh token was used, its second use gives the same new one again, as long as that is
    /// unused, instead of ending the session: for clients that lose answers. None by default, at most 10 seconds.
    /// Whoever steals a refresh token may use it unnoticed in this time.
    #[must_use]
    pub fn reuse_grace(mut self, grace: Duration) -> Self {
        self.reuse_grace = grace;
        self
    }

    /// How long a key pair signs before the next one does: 30 days by default, an hour to 400 days. Its tokens are
    /// verified until the last of them has expired.
    #[must_use]
    pub fn rotate_every(mut self, age: Duration) -> Self {
        self.rotate_every = age;
        self.publish_ahead = self.publish_ahead.min(age / 2);
        self
    }

    /// How long before it signs a key pair is published, so that others have it in time: a day by default, at most half
    /// of `rotate_every`.
    #[must_use]
    pub fn publish_ahead(mut self, lead: Duration) -> Self {
        self.publish_ahead = lead;
        self
    }

    /// How many verified access tokens this process remembers until they expire, so that one that comes again is not
    /// taken apart again: 10,000 by default, at most a million. Each takes about a kilobyte. A token whose session is
    /// looked up, and one whose key was revoked, are judged anew all the same.
    #[must_use]
    pub fn remembered(mut self, tokens: usize) -> Self {
        self.remembered = tokens;
        self
    }

    /// How clients get pairs, and show them: in bodies and headers unless said otherwise.
    ///
    /// ```
    /// use auth_core::token::{self, TokenCookies, Transport};
    ///
    /// let pages_elsewhere = TokenCookies::default().cross_site();
    /// let config = token::Config::default().transport(Transport::Cookie).cookies(pages_elsewhere);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Names and attributes of the cookies, where the transport knows any.
    #[must_use]
    pub fn cookies(mut self, cookies: TokenCookies) -> Self {
        self.cookies = cookies;
        self
    }

    /// Which tokens come and go in cookies, always or on demand.
    pub(crate) fn in_cookies(&self) -> Option<InCookies> {
        match self.transport {
            Transport::Header => None,
            Transport::RefreshCookie => Some(InCookies::RefreshToken),
            Transport::Cookie | Transport::Negotiated => Some(InCookies::Pair),
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut range = |name: &str, value: Duration, allowed: std::ops::RangeInclusive<Duration>| {
            if !allowed.contains(&value) {
                let (least, most) = (allowed.start(), allowed.end());
                problems.push(format!("token {name} is {value:?}: allowed are {least:?} to {most:?}"));
            }
        };
        let longest = if self.is_long_lived { DAY } else { 15 * MINUTE };
        range("access_ttl", self.access_ttl, SECOND..=longest);
        range("refresh_ttl", self.refresh_ttl, MINUTE..=400 * DAY);
        range("reuse_grace", self.reuse_grace, Duration::ZERO..=10 * SECOND);
        range("rotate_every", self.rotate_every, HOUR..=400 * DAY);
        range("publish_ahead", self.publish_ahead, Duration::ZERO..=self.rotate_every / 2);
        if !self.is_long_lived && self.access_ttl > longest {
            problems.push("token access_ttl: access_ttl_insecurely() allows up to a day".to_owned());
        }
        match &self.signing {
            Signing::Managed(algorithm) if algorithm.is_symmetric() => {
                problems.push("token algorithm HS256 has no key pairs: use shared_secret()".to_owned());
            }
            Signing::Managed(_) => {}
            Signing::Shared(secret) => {
                problems.extend(SigningKey::hs256(secret, None).err().map(|error| format!("token secret: {error}")));
            }
        }
        if self.remembered > MOST_REMEMBERED {
            problems.push(format!("token remembered is {}: allowed are up to {MOST_REMEMBERED}", self.remembered));
        }
        let names = self.issuer.iter().chain(&self.audiences).chain([&self.client_id]);
        if names.into_iter().any(|name| name.trim().is_empty()) {
            problems.push("token issuer, audiences and client_id must not be empty".to_owned());
        }
        let taken = self.tenant_claims.iter().filter(|name| name.is_empty() || is_ours(name));
        problems.extend(taken.map(|name| format!("token tenant_claims: {name:?} is not free for it")));
        problems
    }
}
