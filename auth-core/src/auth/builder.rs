//! How an engine is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Auth, Engine};
use crate::account::Lockout;
use crate::base::{Clock, OsRandom, Random, Secret, SystemClock};
use crate::config::Draft;
use crate::crypto::password_hash::PasswordHasher;
use crate::error::ConfigErrors;
use crate::guard::{DevelopmentAuth, Environment, PlatformAccess, Tenancy};
use crate::hooks::{EventSink, HookChain, Hooks};
use crate::http::{
    CookieConfig, Cors, CredentialSource, Endpoint, ErrorRenderer, Pages, PlainPages, ProtocolErrors,
    ResponseTransformer, Route, TrustedProxies,
};
use crate::issuer::ExternalIssuers;
use crate::limit::Limiter;
use crate::outbox::{self, Postman};
use crate::ports::{Mailer, SmsSender};
use crate::store::Store;
use crate::{
    anonymous, api_key, code, customer, email, email_otp, limit, magic_link, password, phone, retention, role, session,
    token, username,
};

/// Collects a configuration. What is not set has a safe default; what has none is a problem that
/// [`build`](Self::build) reports.
#[derive(Default)]
#[must_use]
pub struct AuthBuilder {
    draft: Draft,
    store: Option<Box<dyn Store>>,
    clock: Option<Arc<dyn Clock>>,
    random: Option<Arc<dyn Random>>,
    hooks: Vec<Arc<dyn Hooks>>,
    customers: Option<customer::Config>,
    platform_access: Option<Box<dyn PlatformAccess>>,
    mailer: Option<Box<dyn Mailer>>,
    sms: Option<Box<dyn SmsSender>>,
    sinks: Vec<Box<dyn EventSink>>,
    renderer: Option<Box<dyn ErrorRenderer>>,
    pages: Option<Box<dyn Pages>>,
    transformer: Option<Box<dyn ResponseTransformer>>,
    routes: Vec<Route>,
    problems: Vec<String>,
}

impl AuthBuilder {
    /// The origin under which clients reach this program, such as `https://api.example.com`. Links and cookie
    /// attributes follow from it, never from what a request claims. Plain http is accepted for this machine only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.draft.base_url = Some(url.into());
        self
    }

    /// Mounts of the engine's endpoints those alone that links in mail lead to, for an application that has routes of its
    /// own for everything else. It [calls](crate::Auth::call) the others all the same. Its own
    /// [`endpoint`](Self::endpoint)s are mounted.
    pub fn only_link_endpoints(mut self) -> Self {
        self.draft.has_link_endpoints_only = true;
        self
    }

    /// Where the endpoints live; `/api/auth` unless said otherwise.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.draft.base_path = path.into();
        self
    }

    /// The application's secret: at least 32 random bytes. Every key is derived from it, one for each purpose.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.draft.secret = Some(secret);
        self
    }

    /// An earlier secret: what was sealed under it can still be opened, nothing new is.
    pub fn previous_secret(mut self, secret: Secret) -> Self {
        self.draft.previous_secrets.push(secret);
        self
    }

    /// Where rows live.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Other origins whose pages may call the endpoints: exactly (`https://app.example.com`), or all hosts below
    /// one (`https://*.example.com`). The base URL's own origin is always trusted.
    pub fn trusted_origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.draft.trusted_origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// The proxies whose forwarding headers count; none by default.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.draft.trusted_proxies = proxies;
        self
    }

    /// Name, prefix and domain of the session cookie.
    pub fn cookies(mut self, cookies: CookieConfig) -> Self {
        self.draft.cookies = cookies;
        self
    }

    /// Where credentials are looked for, in this order; the first one present decides, and a bad one is 401 whatever
    /// follows. Unless said otherwise: bearer token, session cookie, access token in a cookie, API key.
    pub fn credentials(mut self, sources: impl IntoIterator<Item = CredentialSource>) -> Self {
        self.draft.credentials = sources.into_iter().collect();
        self
    }

    /// The role guards (namespaces) in which roles may exist. A role elsewhere is an error.
    pub fn role_guards<T: Into<String>>(mut self, guards: impl IntoIterator<Item = T>) -> Self {
        self.draft.role_guards.extend(guards.into_iter().map(Into::into));
        self
    }

    /// What permissions are called, and whether a held one may stand for several.
    pub fn permissions(mut self, rules: role::PermissionRules) -> Self {
        self.draft.permission_rules = rules;
        self
    }

    /// Makes it an error that a route of the application is closed and says nothing of who may reach it: each must
    /// require something, be it [`signed_in`](crate::guard::signed_in), or be public.
    pub fn deny_unscoped_routes(mut self) -> Self {
        self.draft.denies_unscoped_routes = true;
        self
    }

    /// Where the program runs; in production unless said otherwise.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.draft.environment = environment;
        self
    }

    /// Who requests without a credential are while the application is written: refused in production.
    pub fn development_auth(mut self, developer: DevelopmentAuth) -> Self {
        self.draft.development_auth = Some(developer);
        self
    }

    /// Where tenants are named, and who may act for them.
    pub fn tenancy(mut self, tenancy: Tenancy) -> Self {
        self.draft.tenancy = tenancy;
        self
    }

    /// Says when the roles that staff hold on the platform count. Without it they never do.
    pub fn platform_access(mut self, access: impl PlatformAccess) -> Self {
        self.platform_access = Some(Box::new(access));
        self
    }

    /// Lifetimes and number of sessions.
    pub fn session(mut self, config: session::Config) -> Self {
        self.draft.session = config;
        self
    }

    /// How many wrong proofs are answered before somebody has to wait, whatever is proved: one count for all.
    pub fn lockout(mut self, lockout: Lockout) -> Self {
        self.draft.lockout = lockout;
        self
    }

    /// How often the endpoints and the routes of the application may be called, and where that is counted. The limits
    /// of the endpoints are on unless said otherwise.
    pub fn rate_limits(mut self, config: limit::Config) -> Self {
        self.draft.limits = config;
        self
    }

    /// Which pages of other origins may read what this program answers. Without it none may.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.draft.cors = Some(cors);
        self
    }

    /// Switches e-mail and password on.
    pub fn password(mut self, config: password::Config) -> Self {
        self.draft.password = Some(config);
        self
    }

    /// Switches access and refresh tokens on.
    pub fn tokens(mut self, config: token::Config) -> Self {
        self.draft.tokens = Some(config);
        self
    }

    /// Accepts the tokens of external issuers as bearer tokens: bring your own authentication. Beside sessions and
    /// access tokens of our own, or in their place.
    pub fn issuers(mut self, issuers: impl Into<ExternalIssuers>) -> Self {
        self.draft.issuers = Some(issuers.into());
        self
    }

    /// Switches one-time tokens on, which hand a session from one client of its user to another.
    pub fn one_time_tokens(mut self, config: code::OneTimeTokens) -> Self {
        self.draft.one_time_tokens = Some(config);
        self
    }

    /// Switches magic links on: whoever follows a link that was mailed to them is signed in.
    pub fn magic_links(mut self, config: magic_link::Config) -> Self {
        self.draft.magic_links = Some(config);
        self
    }

    /// Switches codes on that are mailed and typed in.
    pub fn email_otps(mut self, config: email_otp::Config) -> Self {
        self.draft.email_otps = Some(config);
        self
    }

    /// Switches names on that people sign in with, beside their address. Signing in with one takes a password.
    pub fn usernames(mut self, config: username::Config) -> Self {
        self.draft.usernames = Some(config);
        self
    }

    /// Switches telephone numbers on: proved by a code in a text message, and then a way to sign in.
    pub fn phone_numbers(mut self, config: phone::Config) -> Self {
        self.draft.phones = Some(config);
        self
    }

    /// Lets people try the application before they say who they are. An anonymous user is signed in: every route that
    /// only demands a sign-in lets them in, and [`MaybePrincipal`](crate::guard::MaybePrincipal) shows them as a
    /// principal. A route for people who are known asks for a role that hooks give to nobody else, or looks at the
    /// user's `identifiers.is_anonymous`.
    pub fn anonymous(mut self, config: anonymous::Config) -> Self {
        self.draft.anonymous = Some(config);
        self
    }

    /// Switches API keys on. Without it none is made and none is accepted.
    pub fn api_keys(mut self, config: api_key::Config) -> Self {
        self.draft.api_keys = Some(config);
        self
    }

    /// Who sends mail. What needs mail is not there without it.
    pub fn mailer(mut self, mailer: impl Mailer) -> Self {
        self.mailer = Some(Box::new(mailer));
        self.draft.has_mailer = true;
        self
    }

    /// Whether mailboxes must be proved, and what else depends on addresses.
    pub fn email(mut self, config: email::Config) -> Self {
        self.draft.email = config;
        self
    }

    /// Who sends text messages. What needs them is not there without it.
    pub fn sms(mut self, sender: impl SmsSender) -> Self {
        self.sms = Some(Box::new(sender));
        self.draft.has_sms = true;
        self
    }

    /// How messages are sent that wait.
    pub fn outbox(mut self, config: outbox::Config) -> Self {
        self.draft.outbox = config;
        self
    }

    /// For how long rows are kept that have no use any more.
    pub fn retention(mut self, config: retention::Config) -> Self {
        self.draft.retention = config;
        self
    }

    /// Adds hooks, to run after those added before.
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks.push(Arc::new(hooks));
        self
    }

    /// Gives the application customers beside its users: a pool of their own, with the endpoints of signing up and in
    /// below `/customer`, and hooks of its own. Hooks that were written for users never see one.
    pub fn customers(mut self, config: customer::Config) -> Self {
        self.customers = Some(config);
        self
    }

    /// How long one hook or event sink may take before it counts as refusing; 5 s by default.
    pub fn hook_time_limit(mut self, limit: Duration) -> Self {
        self.draft.hook_time_limit = limit;
        self
    }

    /// Adds a listener for what has happened. The audit trail is kept in any case.
    pub fn event_sink(mut self, sink: impl EventSink) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Decides the JSON of every refusal, of guards and endpoints alike.
    pub fn error_renderer(mut self, renderer: impl ErrorRenderer) -> Self {
        self.renderer = Some(Box::new(renderer));
        self
    }

    /// Writes the pages that people see who follow a link out of a mail.
    pub fn pages(mut self, pages: impl Pages) -> Self {
        self.pages = Some(Box::new(pages));
        self
    }

    /// Decides the JSON that the engine's own endpoints answer with.
    pub fn response_transformer(mut self, transformer: impl ResponseTransformer) -> Self {
        self.transformer = Some(Box::new(transformer));
        self
    }

    /// Mounts an endpoint of the application's own beside the built-in ones.
    pub fn endpoint<E: Endpoint>(mut self) -> Self {
        self.routes.push(Route::of::<E>());
        self
    }

    /// The largest body that an endpoint reads, and the adapters' `JsonBody`; 64 KiB by default.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.draft.body_limit = bytes;
        self
    }

    /// Another clock, for tests and demonstrations.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Other randomness, for tests. Whoever can predict it can forge every session.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = Some(random);
        self
    }

    /// Problems that somebody else has found, for [`build`](Self::build) to tell.
    pub(crate) fn with_problems(mut self, problems: &[String]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }

    /// Checks the whole configuration.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem at once.
    pub fn build(self) -> Result<Auth, ConfigErrors> {
        let mut problems = self.problems;
        if self.store.is_none() {
            problems.push("store is missing: say where users and sessions are kept".to_owned());
        }
        let random = self.random.unwrap_or_else(|| Arc::new(OsRandom));
        let config = self.draft.check(&mut problems);
        let has_customers = self.customers.is_some();
        let customer_hooks = self.customers.map(customer::Config::into_hooks).unwrap_or_default();
        if let Some(config) = &config {
            let knows = |guard: &str| config.role_guards.contains(guard);
            problems.extend(self.hooks.iter().chain(&customer_hooks).flat_map(|hooks| hooks.problems(&knows)));
        }
        problems.extend(self.platform_access.iter().flat_map(|access| access.problems()));
        let routes = crate::routes::routes(config.as_ref(), has_customers, self.routes, &mut problems);
        let (Some(config), Some(store), true) = (config, self.store, problems.is_empty()) else {
            return Err(ConfigErrors::new(problems));
        };
        let hasher = match &config.password {
            None => None,
            Some(password) => Some(
                PasswordHasher::new(password.hash.clone(), Arc::clone(&random))
                    .map_err(|error| ConfigErrors::new(vec![error.to_string()]))?,
            ),
        };
        let base_url = config.base_url.as_str().trim_end_matches('/');
        if config.development_auth.is_some() {
            tracing::warn!("development_auth() is on: whoever reaches this program is signed in");
        }
        let limiter = Limiter::new(config.limits.clone(), &config.keyring);
        let tokens = config.tokens.clone().map(|tokens| token::Tokens::new(tokens, base_url));
        Ok(Auth(Arc::new(Engine {
            hooks: HookChain::new(self.hooks, config.hook_time_limit),
            has_customers,
            platform_access: self.platform_access,
            customer_hooks: HookChain::new(customer_hooks, config.hook_time_limit),
            config,
            store,
            hasher,
            session_cache: session::SessionCache::default(),
            tokens,
            key_usage: api_key::UsageBatch::default(),
            limiter,
            postman: Postman::new(self.mailer, self.sms),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
            random,
            sinks: self.sinks,
            renderer: self.renderer.unwrap_or_else(|| Box::new(ProtocolErrors)),
            pages: self.pages.unwrap_or_else(|| Box::new(PlainPages)),
            transformer: self.transformer,
            routes,
        })))
    }
}

impl fmt::Debug for AuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthBuilder").field("draft", &self.draft).finish_non_exhaustive()
    }
}
