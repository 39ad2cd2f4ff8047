//! The engine's handle.

mod builder;

use std::fmt;
use std::sync::{Arc, Weak};

use http::{HeaderMap, Method};

pub use self::builder::AuthBuilder;
use crate::base::{Clock, Random, Timestamp};
use crate::config::Config;
use crate::crypto::mac::CsrfKeys;
use crate::crypto::password_hash::PasswordHasher;
use crate::crypto::seal::Sealer;
use crate::cx::{Cx, RequestInfo};
use crate::error::{Error, Result};
use crate::guard::{Guard, PlatformAccess, Principal, Requirement};
use crate::hooks::{EventSink, HookChain};
use crate::http::{Endpoint, ErrorRenderer, Pages, ResponseTransformer, Route};
use crate::limit::Limiter;
use crate::outbox::Postman;
use crate::ports::{Mailer, SmsSender};
use crate::store::Store;
use crate::user::Pool;
use crate::{api_key, password, session, token};

/// One engine: configuration, store, hooks. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct Auth(Arc<Engine>);

struct Engine {
    config: Config,
    store: Box<dyn Store>,
    hasher: Option<PasswordHasher>,
    session_cache: session::SessionCache,
    tokens: Option<token::Tokens>,
    key_usage: api_key::UsageBatch,
    limiter: Limiter,
    postman: Postman,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    hooks: HookChain,
    customer_hooks: HookChain,
    has_customers: bool,
    platform_access: Option<Box<dyn PlatformAccess>>,
    sinks: Vec<Box<dyn EventSink>>,
    renderer: Box<dyn ErrorRenderer>,
    pages: Box<dyn Pages>,
    transformer: Option<Box<dyn ResponseTransformer>>,
    routes: Vec<Route>,
}

impl Auth {
    /// Starts a configuration; [`build`](AuthBuilder::build) checks it.
    pub fn builder() -> AuthBuilder {
        AuthBuilder::default()
    }

    /// The context of a request that an adapter received.
    pub fn cx(&self, request: RequestInfo) -> Cx {
        self.0.postman.see_to_it(self, &self.0.config.outbox);
        Cx::new(self.clone(), request)
    }

    /// A context without a request: for jobs, commands and tests. Nobody is signed in there.
    pub fn background_cx(&self) -> Cx {
        self.cx(RequestInfo::new(Method::GET, "", HeaderMap::new(), None))
    }

    /// Calls an endpoint without HTTP, under the same guard, hooks and rules. What belongs to HTTP is not done: the
    /// origin of the request and the addresses in it are not judged, nothing is counted by client, and nothing is rendered.
    ///
    /// # Errors
    /// Whatever the guard or the endpoint refuses.
    pub async fn call<E: Endpoint>(&self, cx: &Cx, endpoint: E) -> Result<E::Reply> {
        if !self.is_same_engine(cx.auth()) {
            return Err(Error::internal("the context belongs to another engine"));
        }
        let caller = E::Caller::check(cx).await?;
        endpoint.call(cx, caller).await
    }

    /// Whether somebody fulfils a requirement, outside of a request: an operation of GraphQL, a message of a WebSocket, a
    /// job. What policies say, [`Policy::decide`](crate::guard::Policy::decide) tells in the same way.
    ///
    /// ```
    /// use auth_core::guard::{Principal, permission};
    /// # fn of(auth: auth_core::Auth, principal: &Principal) -> auth_core::Result<()> {
    /// auth.authorize(principal, &permission("reports:read"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// 403 [`Code::Forbidden`](crate::error::Code::Forbidden), naming what is missing;
    /// [`Code::SessionNotFresh`](crate::error::Code::SessionNotFresh).
    pub fn authorize(&self, principal: &Principal, requirement: &Requirement) -> Result<()> {
        requirement.check(principal, self)
    }

    /// Whether somebody holds the permission, or one that [stands for it](crate::role::WildcardPolicy).
    pub fn permits(&self, principal: &Principal, permission: &str) -> bool {
        let rules = self.0.config.permission_rules;
        let stands_for_it = || principal.permissions.iter().any(|held| rules.covers(held, permission));
        principal.has_permission(permission) || rules.has_wildcards() && stands_for_it()
    }

    /// Whether both handles are of one engine. What one engine has proved means nothing to another.
    pub fn is_same_engine(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The endpoints that adapters mount: those of every configured feature, and the application's own.
    pub fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    /// The same rows, those of one path together: what an adapter mounts as one address.
    pub fn routes_by_path(&self) -> Vec<(&str, Vec<Route>)> {
        let mut paths: Vec<(&str, Vec<Route>)> = Vec::new();
        for route in self.routes() {
            match paths.iter_mut().find(|(path, _)| *path == route.path()) {
                Some((_, rows)) => rows.push(route.clone()),
                None => paths.push((route.path(), vec![route.clone()])),
            }
        }
        paths
    }

    /// The configured origin of this program, such as `https://api.example.com`.
    pub fn base_url(&self) -> &str {
        self.0.config.base_url.as_str().trim_end_matches('/')
    }

    /// Where the endpoints live, `/api/auth` by default.
    pub fn base_path(&self) -> &str {
        &self.0.config.base_path
    }

    /// The largest body that an endpoint reads, in bytes.
    pub fn body_limit(&self) -> usize {
        self.0.config.body_limit
    }

    /// Whether pages of this origin may call the endpoints; for the application's own CORS rules.
    pub fn trusts_origin(&self, origin: &str) -> bool {
        self.0.config.trusted_origins.trusts_origin(origin)
    }

    /// Whether any page of another origin may read answers.
    pub fn has_cors(&self) -> bool {
        self.0.config.cors.is_some()
    }

    /// Whether roles may be required in this role guard.
    pub fn knows_role_guard(&self, guard: &str) -> bool {
        self.0.config.role_guards.contains(guard)
    }

    /// Seals columns under the current secret, and opens what earlier ones sealed.
    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(&self.0.config.keyring)
    }

    /// Makes and checks the tokens that a page shows beside its cookies.
    pub(crate) fn csrf_keys(&self) -> CsrfKeys {
        CsrfKeys::new(&self.0.config.keyring)
    }

    /// The present instant, by the configured clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The configured randomness.
    pub fn random(&self) -> &dyn Random {
        &*self.0.random
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// What access tokens are issued and verified with; `None` when they are not configured.
    pub(crate) fn tokens(&self) -> Option<&token::Tokens> {
        self.0.tokens.as_ref()
    }

    pub(crate) fn platform_access(&self) -> Option<&dyn PlatformAccess> {
        self.0.platform_access.as_deref()
    }

    pub(crate) fn session_cache(&self) -> &session::SessionCache {
        &self.0.session_cache
    }

    pub(crate) fn hooks(&self, pool: Pool) -> &HookChain {
        match pool {
            Pool::User => &self.0.hooks,
            Pool::Customer => &self.0.customer_hooks,
        }
    }

    /// Whether there are customers beside users.
    pub(crate) fn has_customers(&self) -> bool {
        self.0.has_customers
    }

    pub(crate) fn event_sinks(&self) -> &[Box<dyn EventSink>] {
        &self.0.sinks
    }

    pub(crate) fn response_transformer(&self) -> Option<&dyn ResponseTransformer> {
        self.0.transformer.as_deref()
    }

    pub(crate) fn pages(&self) -> &dyn Pages {
        &*self.0.pages
    }

    pub(crate) fn renderer(&self) -> &dyn ErrorRenderer {
        &*self.0.renderer
    }

    /// The password feature's configuration and hasher; `None` when it is not configured.
    pub(crate) fn passwords(&self) -> Option<(&password::Config, &PasswordHasher)> {
        self.0.config.password.as_ref().zip(self.0.hasher.as_ref())
    }

    /// The configuration of API keys; `None` when there are none.
    pub(crate) fn api_keys(&self) -> Option<&api_key::Config> {
        self.0.config.api_keys.as_ref()
    }

    /// Who counts requests.
    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Who sends what waits in the outbox.
    pub(crate) fn postman(&self) -> &Postman {
        &self.0.postman
    }

    pub(crate) fn mailer(&self) -> Option<&dyn Mailer> {
        self.0.postman.mailer()
    }

    pub(crate) fn sms_sender(&self) -> Option<&dyn SmsSender> {
        self.0.postman.sms_sender()
    }

    /// The same engine, for whoever must not keep it alive.
    pub(crate) fn downgrade(&self) -> WeakAuth {
        WeakAuth(Arc::downgrade(&self.0))
    }

    /// Uses of API keys that have not been written down yet.
    pub(crate) fn key_usage(&self) -> &api_key::UsageBatch {
        &self.0.key_usage
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("config", &self.0.config).finish_non_exhaustive()
    }
}

/// An engine that lives as long as others want it to.
pub(crate) struct WeakAuth(Weak<Engine>);

impl WeakAuth {
    /// The engine, if anybody wants it still.
    pub(crate) fn upgrade(&self) -> Option<Auth> {
        self.0.upgrade().map(Auth)
    }
}
