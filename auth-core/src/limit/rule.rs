//! Limits of single routes and endpoints.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Quota;
use crate::cx::Cx;

/// More quotas than a minute's, an hour's, a day's and a month's is a mistake.
pub(super) const MOST_QUOTAS: usize = 4;

/// By what requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateLimitKey {
    /// Who sends it, whatever the credential: the principal, and else the client's address.
    Caller,
    /// The client's address, whoever sends it: an IPv4 address, or an IPv6 /64, which one subscriber owns whole.
    Client,
    /// The API key. Requests without one are not limited by this.
    ApiKey,
    /// The tenant for which the request acts. Requests that act for none are not limited by this.
    Tenant,
}

impl RateLimitKey {
    /// What it is called in the name of a bucket, of those that are counted in a database as well: it stays as it is.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "Caller",
            Self::Client => "Client",
            Self::ApiKey => "ApiKey",
            Self::Tenant => "Tenant",
        }
    }
}

/// How often a route may be called.
#[derive(Clone)]
pub struct RateLimit {
    key: Key,
    quotas: Vec<Quota>,
}

#[derive(Clone)]
pub(crate) enum Key {
    Known(RateLimitKey),
    Custom { name: Cow<'static, str>, of: Finder },
}

/// Finds what a request is counted by.
pub(crate) type Finder = Arc<dyn Fn(&Cx) -> Option<String> + Send + Sync>;

impl RateLimit {
    /// So many requests for each of these. All quotas must have room.
    pub fn per(key: RateLimitKey, quotas: impl IntoIterator<Item = Quota>) -> Self {
        Self { key: Key::Known(key), quotas: quotas.into_iter().collect() }
    }

    /// So many for each text that `of` finds in a request; one without is not limited by this. `name` tells the limits
    /// of a route apart. The text is counted under a pseudonym, and is written nowhere.
    pub fn per_custom(
        name: impl Into<Cow<'static, str>>,
        of: impl Fn(&Cx) -> Option<String> + Send + Sync + 'static,
        quotas: impl IntoIterator<Item = Quota>,
    ) -> Self {
        Self { key: Key::Custom { name: name.into(), of: Arc::new(of) }, quotas: quotas.into_iter().collect() }
    }

    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    fn problem(&self) -> Option<&'static str> {
        match self.quotas.len() {
            0 => Some("its rate limit has no quota: say .unlimited() if that is meant"),
            1..=MOST_QUOTAS => None,
            _ => Some("its rate limit has more than 4 quotas"),
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: &dyn fmt::Debug = match &self.key {
            Key::Known(key) => key,
            Key::Custom { name, .. } => name,
        };
        f.debug_struct("RateLimit").field("key", key).field("quotas", &self.quotas).finish()
    }
}

/// How often one client address may call an endpoint, and what holds when that cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointLimit {
    pub(super) quota: Quota,
    pub(super) must_count: bool,
}

impl EndpointLimit {
    /// 100 in 10 seconds; passes while it cannot be counted.
    pub const ORDINARY: Self = Self { quota: Quota::known(100, 10), must_count: false };
    /// Signing in, signing up, and what asks for the password: 3 in 10 seconds.
    pub(crate) const SIGN_IN: Self = Self::counted(Quota::known(3, 10));
    /// What sends mail: 3 in a minute.
    pub(crate) const MAIL: Self = Self::counted(Quota::known(3, 60));
    /// Mailed codes: 3 in a minute.
    pub(crate) const EMAIL_OTP: Self = Self::counted(Quota::known(3, 60));
    /// Magic links: 5 in a minute.
    pub(crate) const MAGIC_LINK: Self = Self::counted(Quota::known(5, 60));
    /// Texted codes: 10 in a minute.
    pub(crate) const PHONE: Self = Self::counted(Quota::known(10, 60));
    /// What takes or gives a token or a link's secret, or tells what is taken: as often as [`ORDINARY`](Self::ORDINARY),
    /// but counted.
    pub(crate) const TOKEN: Self = Self::counted(Quota::known(100, 10));

    /// For an endpoint at which nobody can guess anything: it passes while it cannot be counted.
    pub const fn new(quota: Quota) -> Self {
        Self { quota, must_count: false }
    }

    /// For an endpoint at which somebody could: it is refused (503) while it cannot be counted.
    pub const fn counted(quota: Quota) -> Self {
        Self { quota, must_count: true }
    }
}

/// What limits a route of the application: what [`Config`](super::Config) says of all, unless there are limits of its
/// own or they are lifted.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteLimit {
    pub(crate) own: Vec<RateLimit>,
    pub(crate) is_lifted: bool,
    /// Whether everybody counts as whoever has shown no credential.
    pub(crate) is_for_strangers: bool,
}

impl RouteLimit {
    pub(crate) fn add(&mut self, limit: RateLimit) {
        self.own.push(limit);
    }

    pub(crate) const fn lift(&mut self) {
        self.is_lifted = true;
    }

    pub(crate) const fn count_as_anonymous(&mut self) {
        self.is_for_strangers = true;
    }

    pub(crate) fn problems(&self) -> impl Iterator<Item = String> {
        let is_both = self.is_lifted && !self.own.is_empty();
        let both = is_both.then_some("it is unlimited and also has a rate limit: it can be only one of them");
        let is_told_twice = self.is_for_strangers && (self.is_lifted || !self.own.is_empty());
        let twice = "everybody is counted as anonymous there, and it says itself how they are counted";
        let both = both.or(is_told_twice.then_some(twice));
        self.own.iter().filter_map(RateLimit::problem).chain(both).map(str::to_owned)
    }
}
