//! Tokens whose keys their issuer publishes (RFC 7517), found and kept by the rules of OpenID Connect Discovery and of
//! HTTP caching.

mod cache;
mod fetch;
mod freshness;
mod missing;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use self::cache::KeyCache;
use self::fetch::{KeyIssuers, Place, Schemes, Source};
use super::audience::AudienceRule;
use super::builder::VerifierBuilder;
use super::claims::VerifiedClaims;
use super::map;
use super::rules::{Provider, TokenRules};
use super::verifier::{Answers, PresentedToken, Refusal, TokenVerifier, VerifyError};
use crate::base::Timestamp;
use crate::crypto::jwt::{Algorithm, JwtError};
use crate::error::ConfigErrors;
use crate::ports::HttpClient;

/// What a lifetime is clamped to, whatever an issuer says: less would have it asked for every request, more would keep
/// a key alive that was withdrawn.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 60 * 60);
const MOST_STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// Requests of people wait for it.
const MOST_TIME: Duration = Duration::from_secs(30);

/// Verifies tokens by the keys that their issuer publishes.
///
/// The presets know the rules of their provider, and [`custom`](Self::custom) is for every other issuer of OpenID
/// Connect. Each is a builder that can be told more.
///
/// Keys are read when the first token needs them, once for however many requests wait. They are kept as long as the
/// response allows, clamped to between a minute and a day, 10 minutes where it says nothing. A token that names an
/// unknown key has them read again, but not twice within 30 seconds. While an issuer is out of order, its last keys go
/// on for an hour, unless the response forbade that; without keys the answer is 503.
///
/// ```
/// use std::sync::Arc;
/// use auth_core::issuer::{ClaimMap, ClaimsProfile, JwksVerifier};
/// # use auth_core::ports::HttpClient;
///
/// # fn example(client: Arc<dyn HttpClient>) -> Result<(), auth_core::ConfigErrors> {
/// let verifier = JwksVerifier::auth0("acme.eu.auth0.com", "https://api.acme.example")
///     .map_claims(|claims| claims.organization(["org_id"]).email(["https://acme.example/email"]))
///     .profile(ClaimsProfile::apso())
///     .build(client)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JwksVerifier {
    issuers: Vec<String>,
    algorithms: Vec<Algorithm>,
    rules: TokenRules,
    keys: Arc<KeyCache>,
}

#[async_trait]
impl TokenVerifier for JwksVerifier {
    fn answers_for(&self) -> Answers<'_> {
        Answers::Issuers(&self.issuers)
    }

    async fn verify(&self, token: &PresentedToken<'_>, now: Timestamp) -> Result<VerifiedClaims, VerifyError> {
        let unverified = token.unverified();
        // What can be refused without asking anybody is refused first.
        let issuer = unverified.issuer().filter(|issuer| self.issuers.iter().any(|own| own == issuer));
        let issuer = issuer.ok_or(JwtError::Issuer)?;
        if !self.algorithms.contains(&unverified.algorithm()) {
            return Err(Refusal::Algorithm.into());
        }
        self.rules.judge_type(token)?;

        let key = self.keys.key(unverified.algorithm(), unverified.kid(), now).await?;
        if key.issuer.is_some_and(|template| !self.rules.provider.is_key_for(&template, issuer)) {
            return Err(Refusal::UnknownKey.into());
        }
        Ok(self.rules.judge(token, &key.key, self.answers_for(), now)?)
    }
}

/// Where the published keys of an issuer are, and how long they are kept.
#[derive(Clone, Debug)]
pub struct KeySource {
    location: Location,
    hosts: Vec<String>,
    lifetime: RangeInclusive<Duration>,
    stale_for: Duration,
    time_limit: Duration,
    schemes: Schemes,
}

/// How the address of the keys is found.
#[derive(Clone, Debug)]
pub(super) enum Location {
    /// By the metadata of the issuer.
    Discovery,
    /// At this path below the issuer.
    Below(&'static str),
    /// At this address.
    At(String),
    /// Where Microsoft Entra has those of its tenants.
    Entra,
}

impl KeySource {
    pub(super) fn at(location: Location) -> Self {
        Self {
            location,
            hosts: Vec::new(),
            lifetime: LIFETIMES,
            stale_for: Duration::from_secs(60 * 60),
            time_limit: Duration::from_secs(5),
            schemes: Schemes::HttpsOnly,
        }
    }
}

impl VerifierBuilder<KeySource> {
    /// The address of the keys (`jwks_uri`), instead of asking the issuer's metadata or deriving it.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.keys.location = Location::At(url.into());
        self
    }

    /// Hosts, apart from the issuer's own, on which its metadata may say that its keys are: `keys.example.com`, or
    /// `keys.example.com:8443` for another port than the usual one. Google's are on `www.googleapis.com`.
    pub fn jwks_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.keys.hosts = map::names(hosts);
        self
    }

    /// The least and the most time for which keys are kept, whatever the response says: within 60 seconds to 24 hours,
    /// which is the default. A key that the issuer withdraws is accepted for that long at worst.
    pub fn key_lifetime(mut self, lifetime: RangeInclusive<Duration>) -> Self {
        self.keys.lifetime = lifetime;
        self
    }

    /// How long keys go on beyond their lifetime while the issuer is out of order: an hour by default, 24 at most. A
    /// response with `no-cache`, `no-store` or `must-revalidate` forbids it (RFC 9111 §4.2.4).
    pub fn stale_for(mut self, stale_for: Duration) -> Self {
        self.keys.stale_for = stale_for;
        self
    }

    /// How long reading the metadata and the keys may take together: 5 seconds by default, 30 at most.
    pub fn time_limit(mut self, time_limit: Duration) -> Self {
        self.keys.time_limit = time_limit;
        self
    }

    /// Lets issuer and keys have plain `http` addresses: whoever is on the way could then put keys of their own in
    /// their place. For loopback and the private network of a developer's machine; never in production. The client must
    /// be told the same.
    pub fn allow_plain_http_insecurely(mut self) -> Self {
        self.keys.schemes = Schemes::PlainHttpToo;
        self
    }

    /// What is wrong with these settings, in sentences; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.rules.problems();
        problems.extend(self.rules.provider.problems());
        let issuers = self.issuers_of_tenants();
        problems.extend(issuers.iter().filter_map(|issuer| self.keys.schemes.problem_of_issuer(issuer)));
        // Without a tenant there is no issuer yet, and that was told.
        if !issuers.is_empty() {
            problems.extend(self.place().err());
        }
        if self.rules.audience == AudienceRule::None && !self.rules.is_bound_by_a_claim() {
            problems.push("no audience is named, and nothing else binds its tokens to this application.".to_owned());
        }
        if self.algorithms.is_empty() || self.algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
            problems
                .push("published keys are for RS256, ES256 and EdDSA, and at least one must be accepted.".to_owned());
        }
        let lifetime = &self.keys.lifetime;
        if lifetime.is_empty() || !LIFETIMES.contains(lifetime.start()) || !LIFETIMES.contains(lifetime.end()) {
            problems.push("the lifetime of its keys must lie between 60 seconds and 24 hours.".to_owned());
        }
        if self.keys.stale_for > MOST_STALE {
            problems.push("its keys go on for more than 24 hours while it is out of order.".to_owned());
        }
        if self.keys.time_limit.is_zero() || self.keys.time_limit > MOST_TIME {
            problems.push("the time limit must be more than 0 and at most 30 seconds.".to_owned());
        }
        problems.dedup();
        self.named(problems)
    }

    /// The verifier, which reads keys through `client` when it needs them. Nothing is read before.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn build(self, client: Arc<dyn HttpClient>) -> Result<JwksVerifier, ConfigErrors> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(ConfigErrors::new(problems));
        }
        let place = self.place().map_err(|problem| ConfigErrors::new(vec![problem]))?;
        let issuers = self.issuers_of_tenants();
        let Self { rules, algorithms, keys, .. } = self;
        let source = Source {
            client,
            place,
            schemes: keys.schemes,
            algorithms: algorithms.clone(),
            key_issuers: match rules.provider {
                Provider::Entra { .. } => KeyIssuers::Read,
                Provider::Any | Provider::Firebase => KeyIssuers::Ignored,
            },
            time_limit: keys.time_limit,
        };
        let name = issuers.first().cloned().unwrap_or_default();
        let keys = KeyCache::new(source, name, keys.lifetime, keys.stale_for);
        Ok(JwksVerifier { issuers, algorithms, rules, keys })
    }

    fn issuers_of_tenants(&self) -> Vec<String> {
        self.rules.provider.issuers().unwrap_or_else(|| self.issuers.clone())
    }

    /// Where the keys are, or what is wrong with that.
    fn place(&self) -> Result<Place, String> {
        let issuers = self.issuers_of_tenants();
        let issuer = issuers.first().map_or("", |issuer| issuer.trim_end_matches('/'));
        let url = match &self.keys.location {
            Location::At(url) => url.clone(),
            Location::Below(path) => format!("{issuer}/{path}"),
            Location::Entra => match self.rules.provider.entra_keys() {
                Some(url) => url,
                None => return self.discovered(&issuers),
            },
            Location::Discovery => return self.discovered(&issuers),
        };
        let url = Url::parse(&url).ok().filter(|url| self.keys.schemes.allow(url));
        url.map(Place::At).ok_or_else(|| "the address of its keys is not an https one.".to_owned())
    }

    fn discovered(&self, issuers: &[String]) -> Result<Place, String> {
        if self.keys.hosts.iter().any(|host| host.is_empty() || host.contains(['/', '@', ' '])) {
            return Err("a host on which its keys may be is not `host` or `host:port`.".to_owned());
        }
        let issuer = issuers.first().map_or("", |issuer| issuer);
        Place::discovered(issuer, self.keys.hosts.clone()).map_err(|_| "its metadata has no address.".to_owned())
    }
}

impl Schemes {
    /// OpenID Connect Core §2: an https address without query and fragment.
    fn problem_of_issuer(self, issuer: &str) -> Option<String> {
        let url = Url::parse(issuer).ok().filter(|url| url.query().is_none() && url.fragment().is_none());
        match url {
            Some(url) if self.allow(&url) => None,
            Some(url) if url.scheme() == "http" => Some(
                "plain http lets whoever is on the way replace its keys: use https, and for development \
                 `allow_plain_http_insecurely`."
                    .to_owned(),
            ),
            Some(_) | None => Some("an issuer is an https address without query and fragment.".to_owned()),
        }
    }
}
