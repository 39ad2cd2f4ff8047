//! Routes with their access rules: closed unless marked public.

use std::str::FromStr;

use actix_web::dev::{AppService, HttpServiceFactory, Payload, ServiceRequest};
use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, Scope, web};
use auth_core::guard::{AccessRule, Policy, Requirement, TenantRequirement, check_rules};
use auth_core::http::{dispatch, not_found};
use auth_core::limit::RateLimit;
use auth_core::session::SessionCheck;
use auth_core::{Auth, ConfigErrors};

use crate::convert;
use crate::layer::{AuthLayer, cors};

/// The middleware [`cors`] of an engine. Its type has no name, and what it stands around has another body each time.
macro_rules! shared {
    ($auth:expr) => {{
        let auth = $auth.clone();
        from_fn(move |request: ServiceRequest, next: Next<_>| cors(auth.clone(), request, next))
    }};
}

/// Says who may reach a route. A route that says nothing demands that somebody is signed in.
pub trait RouteExt: Sized {
    /// Changes the rule of the route: what the methods below do.
    fn with_rule(self, change: impl FnOnce(AccessRule) -> AccessRule) -> Protected;

    /// Opens the route to everybody, without looking at credentials but to count the request.
    fn public(self) -> Protected {
        self.with_rule(AccessRule::public)
    }

    /// Demands more than being signed in; several demands must all be fulfilled.
    fn require(self, requirement: Requirement) -> Protected {
        self.with_rule(|rule| rule.require(requirement))
    }

    /// How old what is known of the caller's session may be; looked up with each request unless said otherwise.
    fn session_check(self, check: SessionCheck) -> Protected {
        self.with_rule(|rule| rule.session_check(check))
    }

    /// Whether a tenant must be named here.
    fn tenant(self, requirement: TenantRequirement) -> Protected {
        self.with_rule(|rule| rule.tenant(requirement))
    }

    /// Makes it a route of customers: their session cookie is looked at, and no other; users and programs are 403.
    fn for_customers(self) -> Protected {
        self.with_rule(AccessRule::for_customers)
    }

    /// Makes it a route of customers as well, who are let in nowhere else; of two session cookies the user's counts.
    fn for_everybody(self) -> Protected {
        self.with_rule(AccessRule::for_everybody)
    }

    /// Judges what stands in this segment of its path: `"id"` of `/users/{id}`.
    fn policy<I: FromStr + Send + Sync + 'static>(
        self,
        segment: &'static str,
        policy: impl Policy<I> + 'static,
    ) -> Protected {
        self.with_rule(|rule| rule.policy(segment, policy))
    }

    /// Limits how often it is called, in place of what is said of all routes; several limits must all have room.
    fn rate_limit(self, limit: RateLimit) -> Protected {
        self.with_rule(|rule| rule.rate_limit(limit))
    }

    /// Counts everybody by their address, whatever credential they show: for routes where people sign in and up.
    fn count_as_anonymous(self) -> Protected {
        self.with_rule(AccessRule::count_as_anonymous)
    }

    /// Lifts every limit.
    fn unlimited(self) -> Protected {
        self.with_rule(AccessRule::unlimited)
    }
}

/// A route's handler and who may reach it.
pub struct Protected {
    route: Route,
    rule: AccessRule,
}

impl std::fmt::Debug for Protected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protected").field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl From<Route> for Protected {
    fn from(route: Route) -> Self {
        Self { route, rule: AccessRule::default() }
    }
}

impl RouteExt for Protected {
    fn with_rule(self, change: impl FnOnce(AccessRule) -> AccessRule) -> Self {
        Self { rule: change(self.rule), ..self }
    }
}

impl RouteExt for Route {
    fn with_rule(self, change: impl FnOnce(AccessRule) -> AccessRule) -> Protected {
        Protected::from(self).with_rule(change)
    }
}

/// Collects routes with their access rules and becomes a service by [`auth`](Self::auth).
#[derive(Debug, Default)]
#[must_use]
pub struct Router {
    routes: Vec<(String, Protected)>,
}

impl Router {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route. Different methods of one path may be added separately, under different rules.
    pub fn route(mut self, path: impl Into<String>, route: impl Into<Protected>) -> Self {
        self.routes.push((path.into(), route.into()));
        self
    }

    /// Adds the routes of another collection below `prefix` (`/api`), with their rules.
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        self.routes.extend(
            other.routes.into_iter().map(|(path, protected)| (AccessRule::nested_path(prefix, &path), protected)),
        );
        self
    }

    /// Adds the routes of another collection, with their rules.
    pub fn merge(self, other: Self) -> Self {
        self.nest("", other)
    }

    /// Closes every route by its rule, and adds the engine's own endpoints.
    ///
    /// # Errors
    /// [`ConfigErrors`] naming each route whose rule is contradictory or asks for an unknown role guard.
    pub fn auth(self, auth: Auth) -> Result<Routes, ConfigErrors> {
        self.check(&auth)?;
        Ok(self.mounted(&auth))
    }

    fn check(&self, auth: &Auth) -> Result<(), ConfigErrors> {
        check_rules(auth, self.routes.iter().map(|(path, protected)| (&**path, &protected.rule)))
    }

    fn mounted(self, auth: &Auth) -> Routes {
        let mut paths: Vec<(String, Resource, AuthLayer)> = Vec::new();
        for (path, Protected { route, rule }) in self.routes {
            let layer = AuthLayer::checked(auth.clone(), rule);
            let route = route.wrap(layer.clone());
            match paths.iter_mut().find(|(known, ..)| *known == path) {
                Some((_, resource, last)) => {
                    *resource = std::mem::replace(resource, web::resource("")).route(route);
                    *last = layer;
                }
                None => paths.push((path.clone(), web::resource(path).route(route), layer)),
            }
        }
        // Other methods of a known path are for the same callers to ask about as the path itself.
        let resources = paths
            .into_iter()
            .map(|(_, resource, layer)| resource.route(web::route().to(HttpResponse::MethodNotAllowed).wrap(layer)))
            .collect();
        Routes { auth: auth.clone(), endpoints: endpoints(auth), resources }
    }
}

/// Checks the rules of `routes` once, and gives what makes the service anew for each worker of an `HttpServer`.
///
/// # Errors
/// [`ConfigErrors`] naming each route whose rule is contradictory or asks for an unknown role guard.
pub fn service<F>(auth: Auth, routes: F) -> Result<impl Fn() -> Routes + Clone + Send + 'static, ConfigErrors>
where
    F: Fn() -> Router + Clone + Send + 'static,
{
    routes().check(&auth)?;
    Ok(move || routes().mounted(&auth))
}

/// Routes behind their rules, and the engine's endpoints: give it to [`actix_web::App::service`].
pub struct Routes {
    auth: Auth,
    endpoints: Scope,
    resources: Vec<Resource>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").field("resources", &self.resources.len()).finish_non_exhaustive()
    }
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        self.endpoints.register(config);
        self.resources.into_iter().for_each(|resource| resource.wrap(shared!(self.auth)).register(config));
    }
}

/// The engine's own endpoints alone, below [`Auth::base_path`]. An unknown path there, or a known one with another
/// method, is 404 with an empty body.
pub fn endpoints(auth: &Auth) -> Scope {
    let mut scope = web::scope(auth.base_path());
    for (path, rows) in auth.routes_by_path() {
        let engine = auth.clone();
        let handler = move |request: HttpRequest, payload: web::Payload| {
            let (auth, rows) = (engine.clone(), rows.clone());
            async move {
                let payload: Payload = payload.into_inner();
                let incoming = convert::incoming(&auth, &request, payload).await;
                convert::response(dispatch(&auth, &rows, incoming).await)
            }
        };
        scope = scope.service(web::resource(path).wrap(shared!(auth)).to(handler));
    }
    scope.default_service(web::to(|| async { convert::response(not_found()) }).wrap(shared!(auth)))
}
