//! One request, as everything in the engine sees it.

mod work;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use cookie::Cookie;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::sync::OnceCell;

pub use work::Work;

use crate::audit;
use crate::auth::Auth;
use crate::base::{Random, SessionId, TenantId, Timestamp, Token, UserId};
use crate::error::{Error, Result};
use crate::guard::{Admits, Authentication, Principal, PrincipalSource};
use crate::hooks::{self, Event, HookChain};
use crate::limit::Standing;
use crate::session::{Resolved, SessionCheck};
use crate::store::Conn;
use crate::user::Pool;

/// What a request says about itself, in the engine's own terms.
#[derive(Clone)]
#[non_exhaustive]
pub struct RequestInfo {
    /// The method.
    pub method: Method,
    /// The pattern of the matched route (`/api/projects/{id}`), never the raw path.
    pub route: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The address of the other end of the connection; a proxy's when there is one.
    pub peer: Option<IpAddr>,
}

/// Names the headers and shows none of their values: credentials are among them.
impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("method", &self.method)
            .field("route", &self.route)
            .field("headers", &self.headers.keys())
            .field("peer", &self.peer)
            .finish()
    }
}

impl RequestInfo {
    /// Describes a request for [`Auth::cx`].
    pub fn new(method: Method, route: impl Into<String>, headers: HeaderMap, peer: Option<IpAddr>) -> Self {
        Self { method, route: route.into(), headers, peer }
    }
}

/// One request: who sent it, from where, what the engine needs to answer it, and what it leaves behind.
///
/// Guards, hooks and endpoints get it by reference; its answers are remembered, so that three extractors of one
/// request cost one look-up.
pub struct Cx {
    auth: Auth,
    request: RequestInfo,
    client_ip: Option<IpAddr>,
    correlation_id: String,
    realm: Mutex<Option<Realm>>,
    demanded: OnceLock<SessionCheck>,
    is_strict: AtomicBool,
    as_demanded: Memo<Arc<Authentication>>,
    strictly: Memo<Arc<Authentication>>,
    tenant: Memo<TenantId>,
    platform_access: OnceCell<Result<bool>>,
    before_auth: OnceCell<Result<()>>,
    after_auth: OnceCell<Result<()>>,
    limited: OnceCell<Result<()>>,
    left: Mutex<Left>,
}

/// Whose request it is to be, where that is known before anybody has proved anything.
#[derive(Clone, Copy, Debug)]
enum Realm {
    /// A route of the application: those whom it does not admit are told so (403).
    Route(Admits),
    /// An endpoint of one pool: a credential of the other is none (401).
    Endpoint(Pool),
}

/// What was asked once; `None` is an answer.
type Memo<T> = OnceCell<Result<Option<T>>>;

/// What a request leaves behind for the response.
#[derive(Default)]
struct Left {
    cookies: Vec<Cookie<'static>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    refusal: Option<Error>,
    standing: Option<Standing>,
    is_secret: bool,
}

impl Cx {
    pub(crate) fn new(auth: Auth, request: RequestInfo) -> Self {
        let client_ip = auth.config().trusted_proxies.client_ip(request.peer, &request.headers);
        let correlation_id = crate::http::correlation_id(&request.headers, auth.random());
        Self {
            auth,
            request,
            client_ip,
            correlation_id,
            realm: Mutex::new(None),
            demanded: OnceLock::new(),
            is_strict: AtomicBool::new(false),
            as_demanded: OnceCell::new(),
            strictly: OnceCell::new(),
            tenant: OnceCell::new(),
            platform_access: OnceCell::new(),
            before_auth: OnceCell::new(),
            after_auth: OnceCell::new(),
            limited: OnceCell::new(),
            left: Mutex::new(Left::default()),
        }
    }

    /// The engine this request came to.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The present instant, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.auth.now()
    }

    /// The engine's randomness.
    pub fn random(&self) -> &dyn Random {
        self.auth.random()
    }

    /// The request itself.
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    /// The client's address: the right-most hop that is no trusted proxy. `None` when the connection has no address.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }

    /// What counts as one client when attempts are counted: an IPv4 address, or an IPv6 /64, which one subscriber owns
    /// whole.
    pub(crate) fn client_unit(&self) -> Option<IpAddr> {
        if self.client_ip.is_none() && !self.request.route.is_empty() {
            warn_of_unknown_clients();
        }
        self.client_ip.map(crate::http::counting_unit)
    }

    /// The name of this request in logs, audit rows and the `x-correlation-id` header.
    pub fn correlation_id(&self) -> &str {
        &self.correlation_id
    }

    /// Rows as they are: no hook, no event, no audit line. Statements outside a transaction; no connection is held
    /// between them.
    pub fn conn(&self) -> Box<dyn Conn + '_> {
        self.auth.store().conn()
    }

    /// Starts a unit of work: changes and the events that tell of them, together or not at all.
    ///
    /// # Errors
    /// [`Code::Unavailable`](crate::error::Code::Unavailable) when the store gives no transaction.
    pub async fn begin(&self) -> Result<Work<'_>> {
        let tx = self.auth.store().begin().await?;
        Ok(Work::new(self, tx))
    }

    /// The same context, for what is done to customers: signing in through it looks among them, and so on.
    #[must_use]
    pub fn for_customers(self) -> Self {
        self.enter_endpoint(Pool::Customer);
        self
    }

    /// The pool that sign-ins and look-ups by address are about; users unless said otherwise.
    pub fn pool(&self) -> Pool {
        self.expected_pool().unwrap_or(Pool::User)
    }

    /// The path of an endpoint of this request's pool, such as `/api/auth/verify-email`.
    pub(crate) fn endpoint_path(&self, path: &str) -> String {
        let pool = match self.pool() {
            Pool::User => "",
            Pool::Customer => "/customer",
        };
        format!("{}{pool}{path}", self.auth.base_path())
    }

    /// Its whole address. It is made of what is configured, never of what the request says (`Host`, `Forwarded`).
    pub(crate) fn endpoint_url(&self, path: &str) -> String {
        format!("{}{}", self.auth.base_url(), self.endpoint_path(path))
    }

    /// Whether it is a request to a route of the application.
    pub(crate) fn is_at_route(&self) -> bool {
        matches!(self.realm(), Some(Realm::Route(_)))
    }

    /// The pool that the request is for, where it is for one.
    pub(crate) fn expected_pool(&self) -> Option<Pool> {
        match self.realm()? {
            Realm::Route(admits) => admits.pool(),
            Realm::Endpoint(pool) => Some(pool),
        }
    }

    /// The pools whose cookies are looked at, in this order: the one that the request is for, or all there are.
    pub(crate) fn pools(&self) -> impl Iterator<Item = Pool> {
        let pools = match self.expected_pool() {
            Some(pool) => [Some(pool), None],
            None => [Some(Pool::User), Some(Pool::Customer).filter(|_| self.auth.has_customers())],
        };
        pools.into_iter().flatten()
    }

    /// Whether a credential of this pool counts here at all.
    pub(crate) fn accepts(&self, pool: Pool) -> bool {
        if pool == Pool::Customer && !self.auth.has_customers() {
            return false;
        }
        match self.realm() {
            Some(Realm::Endpoint(own)) => own == pool,
            Some(Realm::Route(_)) | None => true,
        }
    }

    pub(crate) fn enter_endpoint(&self, pool: Pool) {
        self.enter(Realm::Endpoint(pool));
    }

    /// Of rules around each other the inner one is the route's own.
    pub(crate) fn enter_route(&self, admits: Admits) {
        self.enter(Realm::Route(admits));
    }

    /// An endpoint stays one.
    fn enter(&self, realm: Realm) {
        let mut entered = self.realm.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*entered, Some(Realm::Endpoint(_))) {
            *entered = Some(realm);
        }
    }

    fn realm(&self) -> Option<Realm> {
        *self.realm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hooks of the pool that this is about.
    pub(crate) fn hooks(&self, pool: Pool) -> &HookChain {
        self.auth.hooks(pool)
    }

    /// How old what is known of the caller's session may be, as the layer around a route says. Where nobody says
    /// anything, or two layers differ, it is looked up.
    pub(crate) fn demand(&self, check: SessionCheck) {
        if *self.demanded.get_or_init(|| check) != check {
            self.is_strict.store(true, Ordering::Relaxed);
        }
    }

    /// Who sends this request; asked once, remembered for every guard. `None` is an anonymous request.
    ///
    /// # Errors
    /// A credential that proves nothing is 401 and never counts as anonymous; one of somebody whom the route does not
    /// admit is 403; a store that is down is 503.
    pub async fn authentication(&self) -> Result<Option<Arc<Authentication>>> {
        let found = self.proved().await?;
        if let (Some(Realm::Route(admits)), Some(found)) = (self.realm(), &found) {
            admits.check(found.principal().kind)?;
        }
        Ok(found)
    }

    /// The look-up is boxed: it takes some 3 KB, which every future that asks would otherwise have room for, and carry
    /// along wherever it is moved.
    async fn proved(&self) -> Result<Option<Arc<Authentication>>> {
        let demanded = self.demanded.get().filter(|_| !self.is_strict.load(Ordering::Relaxed));
        match demanded {
            None | Some(SessionCheck::Strict) => {
                if let Some(looked_up) = self.looked_up() {
                    return Ok(Some(looked_up));
                }
                let asked = || Box::pin(crate::http::authenticate(self, SessionCheck::Strict));
                self.strictly.get_or_init(asked).await.clone()
            }
            Some(check @ (SessionCheck::Cached(_) | SessionCheck::Stateless)) => {
                let asked = || Box::pin(crate::http::authenticate(self, *check));
                self.as_demanded.get_or_init(asked).await.clone()
            }
        }
    }

    /// Who was looked up for a rule that would have believed a token, but was shown something else. Nobody has to ask
    /// twice, and an API key is used once.
    fn looked_up(&self) -> Option<Arc<Authentication>> {
        let found = self.as_demanded.get().filter(|_| self.demanded.get() == Some(&SessionCheck::Stateless))?;
        let found = found.as_ref().ok()?.as_ref()?;
        match found.principal().source {
            PrincipalSource::Session | PrincipalSource::Store => Some(Arc::clone(found)),
            PrincipalSource::Claims => None,
        }
    }

    /// Runs the hook of this name, unless it has run in this request: a handler may want more of a proof than its
    /// route.
    pub(crate) async fn before_auth(&self) -> Result<()> {
        self.before_auth.get_or_init(|| self.hooks(self.pool()).before_auth(self)).await.clone()
    }

    /// Refuses whoever has proved themselves and may still not act here, whatever their credential.
    pub(crate) async fn admit(&self, caller: &Authentication) -> Result<()> {
        self.expect_to_act(caller).await?;
        self.after_auth(caller.principal()).await
    }

    /// [`admit`](Self::admit), of the session whose token is the credential of the request.
    pub(crate) async fn admit_session(&self, held: &Resolved) -> Result<()> {
        self.admit(&Authentication::by_session_token(held.clone())).await
    }

    /// [`admit`](Self::admit), of a session that something beside the credential of the request has proved: one of
    /// several that a browser keeps, or that of a one-time token. Whatever was said of others says nothing of it.
    pub(crate) async fn admit_beside(&self, held: &Resolved) -> Result<()> {
        let caller = Authentication::by_session_token(held.clone());
        self.expect_to_act(&caller).await?;
        self.hooks(held.user.pool).after_auth(self, caller.principal()).await
    }

    /// [`admit`](Self::admit), of a session for which there are to be new tokens for this tenant.
    pub(crate) async fn admit_refresh(&self, held: &Resolved, tenant: Option<&TenantId>) -> Result<()> {
        if let Some(tenant) = tenant {
            self.expect_tenant(held, tenant).await?;
        }
        let caller = Authentication::by_session(held.clone(), tenant.cloned());
        self.hooks(held.user.pool).after_auth(self, caller.principal()).await
    }

    async fn expect_to_act(&self, caller: &Authentication) -> Result<()> {
        let tenancy = &self.auth.config().tenancy;
        tenancy.expect_home(self, caller.principal().tenant.as_ref())?;
        tenancy.expect_membership(self, caller).await
    }

    /// As [`before_auth`](Self::before_auth).
    async fn after_auth(&self, principal: &Principal) -> Result<()> {
        let hooks = self.hooks(principal.pool());
        self.after_auth.get_or_init(|| hooks.after_auth(self, principal)).await.clone()
    }

    /// Counts the request by the limit of all routes, unless that was done: of several rules around each other one does
    /// it.
    pub(crate) async fn limited_once<F: Future<Output = Result<()>>>(&self, count: impl FnOnce() -> F) -> Result<()> {
        self.limited.get_or_init(count).await.clone()
    }

    /// For which tenant the caller acts, and may; asked once. `None` when nothing names one.
    ///
    /// # Errors
    /// As [`authentication`](Self::authentication), and 401 for an anonymous request; 400 when a header is malformed,
    /// 403 when a tenant is named for which the caller may not act.
    pub async fn tenant(&self) -> Result<Option<TenantId>> {
        self.tenant.get_or_init(|| self.auth.config().tenancy.resolve(self)).await.clone()
    }

    /// Whether [platform access](crate::guard::PlatformAccess) is in force in this request; asked once. It says nothing
    /// of who sends it: whether somebody acts as staff says [`Principal::is_staff`](crate::guard::Principal::is_staff).
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn has_platform_access(&self) -> Result<bool> {
        let Some(access) = self.auth.platform_access() else { return Ok(false) };
        let asked = || self.hooks(self.pool()).run("in_force", access.in_force(self));
        self.platform_access.get_or_init(asked).await.clone()
    }

    /// Refuses somebody whose session is known, but who may not act for this tenant, or when a header names another
    /// one.
    pub(crate) async fn expect_tenant(&self, held: &Resolved, tenant: &TenantId) -> Result<()> {
        let caller = Authentication::by_session(held.clone(), Some(tenant.clone()));
        let tenancy = &self.auth.config().tenancy;
        tenancy.expect_membership(self, &caller).await?;
        tenancy.judge(self, &caller).await.map(drop)
    }

    /// Writes down and tells what is no change, such as a refusal. A line that cannot be written is an error in the
    /// log: there is nothing that it could undo. Changes are told through [`Work::emit`].
    pub(crate) async fn record(&self, event: Event) {
        if let Err(error) = self.conn().insert_audit(&audit::entry(self, &event)).await {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(action = event.action(), cause, "an audit row could not be written");
        }
        hooks::deliver(self, &[event]).await;
    }

    /// Who is known by now to have sent this request, without looking anything up.
    pub(crate) fn signed_in_user(&self) -> Option<UserId> {
        match self.strictly.get().or_else(|| self.as_demanded.get()) {
            Some(Ok(Some(authentication))) => authentication.user().map(|user| user.id),
            Some(Ok(None) | Err(_)) | None => None,
        }
    }

    /// Adds a `Set-Cookie` to the response, in place of an earlier one of the same name.
    pub(crate) fn set_cookie(&self, cookie: Cookie<'static>) {
        let mut left = self.left();
        left.cookies.retain(|earlier| earlier.name() != cookie.name());
        left.cookies.push(cookie);
    }

    /// Adds a `Set-Cookie` to the response, unless one of the same name is there.
    pub(crate) fn set_cookie_beside(&self, cookie: Cookie<'static>) {
        let mut left = self.left();
        if left.cookies.iter().all(|earlier| earlier.name() != cookie.name()) {
            left.cookies.push(cookie);
        }
    }

    /// Adds a header to the response.
    pub(crate) fn set_header(&self, name: HeaderName, value: HeaderValue) {
        self.left().headers.push((name, value));
    }

    /// Has nobody store the response.
    pub(crate) fn forbid_storing(&self) {
        self.left().is_secret = true;
    }

    /// Whether nobody is to store the response.
    pub(crate) fn forbids_storing(&self) -> bool {
        self.left().is_secret
    }

    /// Takes the headers that wait for the response.
    pub(crate) fn take_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        std::mem::take(&mut self.left().headers)
    }

    /// Remembers a bucket that the request was counted in. The response tells of the one nearest to being full, and of
    /// two of them of the one that lasts longer.
    pub(crate) fn note_standing(&self, standing: Standing) {
        let tightness = |standing: &Standing| (standing.remaining, std::cmp::Reverse(standing.resets_at));
        let mut left = self.left();
        if left.standing.as_ref().is_none_or(|known| tightness(&standing) < tightness(known)) {
            left.standing = Some(standing);
        }
    }

    /// Remembers the bucket in which there was no room: the response tells of that one.
    pub(crate) fn note_full(&self, standing: Standing) {
        self.left().standing = Some(standing);
    }

    /// The bucket that the response tells of.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.left().standing
    }

    /// The sessions that the browser keeps beside the one in use, whatever they are worth.
    pub(crate) fn kept_sessions(&self) -> impl Iterator<Item = (SessionId, Token)> {
        crate::http::kept_sessions(self)
    }

    /// Has the browser keep a secret for so long; what it is known by.
    pub(crate) fn mark_browser(&self, ttl: std::time::Duration) -> String {
        crate::http::mark_browser(self, ttl)
    }

    /// Whether the browser keeps the secret that is known by this.
    pub(crate) fn is_marked_browser(&self, known: &str) -> bool {
        crate::http::is_marked_browser(self, known)
    }

    /// The token of a session that the request shows, whatever it is worth.
    pub(crate) fn shown_session(&self) -> Option<Token> {
        crate::http::shown_session(self)
    }

    /// Takes the cookies that wait for the response.
    pub(crate) fn take_cookies(&self) -> Vec<Cookie<'static>> {
        std::mem::take(&mut self.left().cookies)
    }

    #[doc(hidden)]
    /// Remembers that an extractor refused, for frameworks in which a handler can overlook it.
    pub fn refuse(&self, error: &Error) {
        self.left().refusal.get_or_insert_with(|| error.clone());
    }

    #[doc(hidden)]
    /// The first refusal of an extractor, if there was one.
    pub fn refusal(&self) -> Option<Error> {
        self.left().refusal.clone()
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("method", &self.request.method)
            .field("route", &self.request.route)
            .field("correlation_id", &self.correlation_id)
            .finish_non_exhaustive()
    }
}

/// Says once what is missing: a server that does not pass the address of its connections on.
fn warn_of_unknown_clients() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!("clients have no address, so requests and attempts are not limited by it; with axum, serve the app by into_make_service_with_connect_info::<SocketAddr>()");
    });
}
