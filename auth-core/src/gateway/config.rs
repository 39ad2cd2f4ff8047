//! The variables of a gateway, read and judged together.

use std::env::VarError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::AuthBuilder;
use crate::base::Secret;
use crate::crypto::keys::Keyring;
use crate::error::ConfigErrors;
use crate::guard::DevelopmentAuth;
use crate::http::{Cors, CredentialSource, GatewayErrors, TrustedOrigins};
use crate::issuer::{
    ClaimField, ClaimType, ClaimsProfile, ExternalIssuers, JwksVerifier, KeySource, StaticKeyVerifier, StaticKeys,
    VerifierBuilder, VerifierChain,
};
use crate::ports::HttpClient;
use crate::token::{self, Transport};

/// The longest that `access_ttl` takes, and that `access_ttl_insecurely` takes.
const DEFAULT_TTL: Duration = Duration::from_mins(15);
const LONGEST_TTL: Duration = Duration::from_hours(24);

const VARIABLES: [&str; 8] = [
    "JWT_SECRET",
    "JWT_EXPIRATION",
    "AUTH0_DOMAIN",
    "AUTH0_AUDIENCE",
    "AUTH0_ISSUER",
    "JWKS_URL",
    "CORS_ORIGINS",
    "DEVELOPMENT_AUTH_ENABLED",
];

/// As whose subjects users of ours are known in tokens that bear the secret.
const LOCAL: &str = "local";

/// What an API gateway is configured by, for [`AuthBuilder::gateway`].
///
/// | variable | default | |
/// |---|---|---|
/// | `JWT_SECRET` | | at least 32 random bytes: tokens are signed with exactly these (HS256) |
/// | `JWT_EXPIRATION` | `900` | for how many seconds a token is good, 1 to 86,400; more than 900 are warned of |
/// | `AUTH0_DOMAIN` | | or another issuer besides: its host, such as `acme.eu.auth0.com` |
/// | `AUTH0_AUDIENCE` | | for whom its tokens must be (`aud`); needed with the domain |
/// | `AUTH0_ISSUER` | `https://{AUTH0_DOMAIN}/` | who they are from (`iss`), letter by letter; a slash at the end counts |
/// | `JWKS_URL` | `{AUTH0_ISSUER}.well-known/jwks.json` | where its keys are |
/// | `CORS_ORIGINS` | none | whose pages may read the answers and use cookies, with commas between them; no `*` |
/// | `DEVELOPMENT_AUTH_ENABLED` | `false` | `true`: requests without a credential are of the [`developer`](Self::developer); needs [`environment`](AuthBuilder::environment) and a base URL on this machine |
///
/// An empty variable counts as unset. A token counts that another program has signed with the secret, if it says `sub`,
/// `email`, `name`, `permissions` and `exp`; one that names this program in `iss` must be of ours. One of Auth0 counts
/// that says `permissions`.
///
/// The engine's own endpoints stay mounted, sign-up and the deletion of one's account among them: a program with routes
/// of its own for these says [`only_link_endpoints`](AuthBuilder::only_link_endpoints).
///
/// ```
/// use auth_core::{Auth, AuthBuilder, ConfigErrors, gateway};
///
/// fn builder() -> Result<AuthBuilder, ConfigErrors> {
///     Ok(Auth::builder().gateway(gateway::Config::from_env()?))
/// }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Config {
    secret: Secret,
    access_ttl: Duration,
    auth0: Option<Auth0>,
    origins: Vec<String>,
    is_open_to_developers: bool,
    developer: DevelopmentAuth,
    http_client: Option<Arc<dyn HttpClient>>,
    allows_plain_http: bool,
}

#[derive(Clone)]
struct Auth0 {
    domain: String,
    audience: String,
    issuer: Option<String>,
    keys: Option<String>,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Every problem at once, each a sentence that begins with the name of its variable.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        let is_no_text = |name: &&&str| matches!(std::env::var(**name), Err(VarError::NotUnicode(_)));
        let mut problems: Vec<String> =
            VARIABLES.iter().filter(is_no_text).map(|name| format!("{name} is not UTF-8")).collect();
        match Self::from_variables(|name| std::env::var(name).ok()) {
            Ok(config) if problems.is_empty() => Ok(config),
            Ok(_) => Err(ConfigErrors::new(problems)),
            Err(errors) => {
                problems.extend_from_slice(errors.problems());
                Err(ConfigErrors::new(problems))
            }
        }
    }

    /// As [`from_env`](Self::from_env), with variables from elsewhere.
    ///
    /// # Errors
    /// As for [`from_env`](Self::from_env).
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let secret = secret(set("JWT_SECRET"), &mut problems);
        let access_ttl = access_ttl(set("JWT_EXPIRATION"), &mut problems);
        let auth0 = Auth0::of(&set, &mut problems);
        let origins = origins(set("CORS_ORIGINS"), &mut problems);
        let is_open_to_developers = is_open_to_developers(set("DEVELOPMENT_AUTH_ENABLED"), &mut problems);
        match secret {
            Some(secret) if problems.is_empty() => Ok(Self {
                secret,
                access_ttl,
                auth0,
                origins,
                is_open_to_developers,
                developer: DevelopmentAuth::default(),
                http_client: None,
                allows_plain_http: false,
            }),
            _ => Err(ConfigErrors::new(problems)),
        }
    }

    /// Through which the keys of Auth0 are read. Without it a domain is an error.
    pub fn http_client(self, client: Arc<dyn HttpClient>) -> Self {
        Self { http_client: Some(client), ..self }
    }

    /// Accepts a `JWKS_URL` of plain http. Whoever stands between can give keys of their own, and with them any token.
    pub fn allow_plain_http_insecurely(self) -> Self {
        Self { allows_plain_http: true, ..self }
    }

    /// Who requests without a credential are of with `DEVELOPMENT_AUTH_ENABLED=true`; somebody who may do nothing unless
    /// said otherwise. Nothing starts with it but in `Environment::Development` and with a base URL on this machine.
    pub fn developer(self, developer: DevelopmentAuth) -> Self {
        Self { developer, ..self }
    }

    /// What is wrong with it as a whole, for programs that tell all their problems at once; else
    /// [`AuthBuilder::build`] tells them.
    pub fn problems(&self) -> Vec<String> {
        self.issuers().err().map(|errors| errors.problems().to_vec()).unwrap_or_default()
    }

    /// Whose tokens count, besides those that this program has issued for a session.
    fn issuers(&self) -> Result<ExternalIssuers, ConfigErrors> {
        let mut chain = VerifierChain::builder().static_keys(self.local());
        if let Some(auth0) = &self.auth0 {
            let Some(client) = &self.http_client else {
                let problem = "AUTH0_DOMAIN is set, and there is no http_client() to read its keys through";
                return Err(ConfigErrors::new(vec![problem.to_owned()]));
            };
            chain = chain.http_client(Arc::clone(client)).jwks(auth0.verifier(self.allows_plain_http));
        }
        Ok(ExternalIssuers::from(chain.build()?).subjects_are_users(LOCAL))
    }

    /// Whoever has the secret is one of us, and our clocks are right: from `exp` on a token is dead.
    fn local(&self) -> VerifierBuilder<StaticKeys> {
        StaticKeyVerifier::secret(self.secret.clone())
            .known_as(LOCAL)
            .profile(ClaimsProfile::gateway())
            .leeway(Duration::ZERO)
    }

    fn tokens(&self) -> token::Config {
        let config = token::Config::default().shared_secret(self.secret.clone()).transport(Transport::RefreshCookie);
        if self.access_ttl > DEFAULT_TTL {
            config.access_ttl_insecurely(self.access_ttl)
        } else {
            config.access_ttl(self.access_ttl)
        }
    }
}

impl Auth0 {
    fn of(set: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> Option<Self> {
        let [domain, audience, issuer, keys] =
            ["AUTH0_DOMAIN", "AUTH0_AUDIENCE", "AUTH0_ISSUER", "JWKS_URL"].map(|name| (name, set(name)));
        match (domain.1, audience.1) {
            (Some(domain), Some(audience)) => Some(Self { domain, audience, issuer: issuer.1, keys: keys.1 }),
            (Some(_), None) => {
                problems.push("AUTH0_AUDIENCE is not set: tokens for other programs would count here".to_owned());
                None
            }
            (None, audience) => {
                let told = [("AUTH0_AUDIENCE", audience), issuer, keys];
                let alone = told.into_iter().filter(|(_, value)| value.is_some());
                problems.extend(alone.map(|(name, _)| format!("{name} is about Auth0, and AUTH0_DOMAIN is not set")));
                None
            }
        }
    }

    /// An address and a name are in its tokens where an Action adds them.
    fn verifier(&self, allows_plain_http: bool) -> VerifierBuilder<KeySource> {
        let mut verifier = JwksVerifier::auth0(&self.domain, &self.audience)
            .profile(ClaimsProfile::minimal().require(ClaimField::Permissions, ClaimType::TextList));
        if let Some(issuer) = &self.issuer {
            verifier = verifier.issuer(issuer);
        }
        if let Some(keys) = &self.keys {
            verifier = verifier.jwks_url(keys);
        }
        if allows_plain_http { verifier.allow_plain_http_insecurely() } else { verifier }
    }
}

fn secret(text: Option<String>, problems: &mut Vec<String>) -> Option<Secret> {
    let Some(text) = text else {
        let advice = "give it at least 32 random bytes, for example from `openssl rand -base64 32`";
        problems.push(format!("JWT_SECRET is not set: {advice}"));
        return None;
    };
    let secret = Secret::new(text);
    if let Err(error) = Keyring::new(secret.clone(), Vec::new()) {
        problems.extend(error.problems().iter().map(|found| format!("JWT_SECRET {}", found.weakness)));
    }
    Some(secret)
}

fn access_ttl(text: Option<String>, problems: &mut Vec<String>) -> Duration {
    let Some(text) = text else { return DEFAULT_TTL };
    let ttl =
        text.parse().map(Duration::from_secs).ok().filter(|ttl| (Duration::from_secs(1)..=LONGEST_TTL).contains(ttl));
    ttl.unwrap_or_else(|| {
        problems.push(format!("JWT_EXPIRATION is {text:?}: it must be a number of seconds from 1 to 86400"));
        DEFAULT_TTL
    })
}

fn origins(text: Option<String>, problems: &mut Vec<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    let origins: Vec<String> =
        text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
    if origins.iter().any(|origin| origin == "*") {
        let problem = "CORS_ORIGINS is \"*\": any page could act as whoever looks at it; name the origins";
        problems.push(problem.to_owned());
    } else if let Err(found) = TrustedOrigins::parse(None, &origins) {
        problems.extend(found.into_iter().map(|problem| format!("CORS_ORIGINS: {problem}")));
    }
    origins
}

fn is_open_to_developers(text: Option<String>, problems: &mut Vec<String>) -> bool {
    match text.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(text) => {
            problems.push(format!("DEVELOPMENT_AUTH_ENABLED is {text:?}: it must be true or false"));
            false
        }
    }
}

/// Without secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("gateway::Config")
            .field("access_ttl", &self.access_ttl)
            .field("auth0", &self.auth0.as_ref().map(|auth0| &auth0.domain))
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl AuthBuilder {
    /// What the environment says of an API gateway: the secret, of which every key is derived unless
    /// [`secret`](Self::secret) names another one afterwards; access tokens in bodies and refresh tokens in a cookie;
    /// whose tokens count; bearer tokens as the only credential; the pages that may read answers; [`GatewayErrors`]; and
    /// the developer, where they are let in. Each may be set again afterwards. Those pages are trusted origins, to which
    /// later ones are added.
    pub fn gateway(self, config: Config) -> Self {
        let tokens = config.tokens();
        let mut builder = match config.issuers() {
            Ok(issuers) => self.issuers(issuers),
            Err(errors) => self.with_problems(errors.problems()),
        };
        builder = builder
            .secret(config.secret)
            .tokens(tokens)
            .credentials([CredentialSource::Bearer])
            .error_renderer(GatewayErrors);
        if !config.origins.is_empty() {
            builder = builder.cors(Cors::of_origins(&config.origins)).trusted_origins(config.origins);
        }
        if config.is_open_to_developers { builder.development_auth(config.developer) } else { builder }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::Bytes;

    use super::*;
    use crate::auth::Auth;
    use crate::ports::PortError;

    const SECRET: (&str, &str) = ("JWT_SECRET", "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK");

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let variable = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
        Config::from_variables(variable).map_err(|errors| errors.problems().to_vec())
    }

    /// Nobody asks it.
    struct Silent;

    #[async_trait]
    impl HttpClient for Silent {
        async fn send(&self, _request: http::Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
            Err(PortError::new("silent", "nothing"))
        }
    }

    #[test]
    fn a_secret_is_all_that_is_needed() {
        let config = read(&[SECRET, ("JWT_EXPIRATION", ""), ("CORS_ORIGINS", "")]).unwrap();
        assert_eq!((config.access_ttl, &*config.origins, config.is_open_to_developers), (DEFAULT_TTL, &[][..], false));
        assert!(config.problems().is_empty());
        assert!(!format!("{config:?}").contains(SECRET.1));
    }

    #[test]
    fn every_problem_is_told_at_once_by_the_name_of_its_variable() {
        let problems = read(&[
            ("JWT_SECRET", "hunter2"),
            ("JWT_EXPIRATION", "1h"),
            ("AUTH0_ISSUER", "https://acme.eu.auth0.com/"),
            ("JWKS_URL", "https://acme.eu.auth0.com/keys"),
            ("CORS_ORIGINS", "https://app.example.com, *"),
            ("DEVELOPMENT_AUTH_ENABLED", "yes"),
        ])
        .unwrap_err();
        let names: Vec<&str> = problems.iter().filter_map(|problem| problem.split([' ', ':']).next()).collect();
        let expected =
            ["JWT_SECRET", "JWT_EXPIRATION", "AUTH0_ISSUER", "JWKS_URL", "CORS_ORIGINS", "DEVELOPMENT_AUTH_ENABLED"];
        assert_eq!(names, expected, "{problems:?}");
        assert!(!problems.join("\n").contains("hunter2"));
        for (name, value) in [
            ("JWT_EXPIRATION", "0"),
            ("JWT_EXPIRATION", "-1"),
            ("JWT_EXPIRATION", "86401"),
            ("AUTH0_DOMAIN", "acme.eu.auth0.com"),
            ("AUTH0_AUDIENCE", "https://api.acme.example"),
            ("CORS_ORIGINS", "app.example.com"),
            ("CORS_ORIGINS", "https://app.example.com/path"),
            ("DEVELOPMENT_AUTH_ENABLED", "TRUE"),
        ] {
            assert_eq!(read(&[SECRET, (name, value)]).unwrap_err().len(), 1, "{name}={value}");
        }
        assert_eq!(read(&[]).unwrap_err().len(), 1);
    }

    #[test]
    fn auth0_wants_somebody_to_read_its_keys_through() {
        let auth0 = [SECRET, ("AUTH0_DOMAIN", "acme.eu.auth0.com"), ("AUTH0_AUDIENCE", "https://api.acme.example")];
        let config = read(&auth0).unwrap();
        assert_eq!(config.problems().len(), 1);
        let build = |config: Config| Auth::builder().base_url("http://localhost:3000").gateway(config).build();
        let problems = build(config.clone()).unwrap_err();
        assert!(problems.to_string().contains("http_client"), "{problems}");
        assert!(config.http_client(Arc::new(Silent)).problems().is_empty());
        let plain = [&auth0[..], &[("JWKS_URL", "http://127.0.0.1:8080/keys")]].concat();
        let config = read(&plain).unwrap().http_client(Arc::new(Silent));
        assert_eq!(config.problems().len(), 1, "{:?}", config.problems());
        assert!(config.allow_plain_http_insecurely().problems().is_empty());
    }

    #[test]
    fn users_are_those_of_an_issuer_that_somebody_answers_for() {
        let config = read(&[SECRET]).unwrap();
        let build = |issuer: &str| {
            let issuers = config.issuers().unwrap().subjects_are_users(issuer);
            let builder = Auth::builder().base_url("http://localhost:3000").gateway(config.clone()).issuers(issuers);
            builder.build().unwrap_err().to_string()
        };
        assert!(build("locale").contains("no verifier answers"), "{}", build("locale"));
        assert!(!build(LOCAL).contains("no verifier answers"), "{}", build(LOCAL));
    }

    #[test]
    fn a_long_life_is_possible() {
        let config = read(&[SECRET, ("JWT_EXPIRATION", "3600")]).unwrap();
        assert_eq!(config.tokens().problems(), [""; 0]);
        assert_eq!(config.access_ttl, Duration::from_hours(1));
    }
}
