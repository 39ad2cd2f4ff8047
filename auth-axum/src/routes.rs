//! Routes with their access rules: closed unless marked public.

use std::str::FromStr;
use std::sync::Arc;

use auth_core::guard::{AccessRule, Policy, Requirement, TenantRequirement, check_rules};
use auth_core::http::{Route, dispatch, not_found};
use auth_core::limit::RateLimit;
use auth_core::session::SessionCheck;
use auth_core::{Auth, ConfigErrors};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any};

use crate::convert;
use crate::layer::{AuthLayer, cors};

/// Says who may reach a route. A route that says nothing demands that somebody is signed in.
pub trait RouteExt<S>: Sized {
    /// Changes the rule of the route: what the methods below do.
    fn with_rule(self, change: impl FnOnce(AccessRule) -> AccessRule) -> Protected<S>;

    /// Opens the route to everybody, without looking at credentials but to count the request.
    fn public(self) -> Protected<S> {
        self.with_rule(AccessRule::public)
    }

    /// Demands more than being signed in; several demands must all be fulfilled.
    fn require(self, requirement: Requirement) -> Protected<S> {
        self.with_rule(|rule| rule.require(requirement))
    }

    /// How old what is known of the caller's session may be; looked up with each request unless said otherwise.
    fn session_check(self, check: SessionCheck) -> Protected<S> {
        self.with_rule(|rule| rule.session_check(check))
    }

    /// Whether a tenant must be named here.
    fn tenant(self, requirement: TenantRequirement) -> Protected<S> {
        self.with_rule(|rule| rule.tenant(requirement))
    }

    /// Makes it a route of customers: their session cookie is looked at, and no other; users and programs are 403.
    fn for_customers(self) -> Protected<S> {
        self.with_rule(AccessRule::for_customers)
    }

    /// Makes it a route of customers as well, who are let in nowhere else; of two session cookies the user's counts.
    fn for_everybody(self) -> Protected<S> {
        self.with_rule(AccessRule::for_everybody)
    }

    /// Judges what stands in this segment of its path: `"id"` of `/users/{id}`.
    fn policy<I: FromStr + Send + Sync + 'static>(
        self,
        segment: &'static str,
        policy: impl Policy<I> + 'static,
    ) -> Protected<S> {
        self.with_rule(|rule| rule.policy(segment, policy))
    }

    /// Limits how often it is called, in place of what is said of all routes; several limits must all have room.
    fn rate_limit(self, limit: RateLimit) -> Protected<S> {
        self.with_rule(|rule| rule.rate_limit(limit))
    }

    /// Counts everybody by their address, whatever credential they show: for routes where people sign in and up.
    fn count_as_anonymous(self) -> Protected<S> {
        self.with_rule(AccessRule::count_as_anonymous)
    }

    /// Lifts every limit.
    fn unlimited(self) -> Protected<S> {
        self.with_rule(AccessRule::unlimited)
    }
}

/// A route's handlers and who may reach them.
#[derive(Debug)]
pub struct Protected<S = ()> {
    handlers: MethodRouter<S>,
    rule: AccessRule,
}

impl<S> From<MethodRouter<S>> for Protected<S> {
    fn from(handlers: MethodRouter<S>) -> Self {
        Self { handlers, rule: AccessRule::default() }
    }
}

impl<S> RouteExt<S> for Protected<S> {
    fn with_rule(self, change: impl FnOnce(AccessRule) -> AccessRule) -> Self {
        Self { rule: change(self.rule), ..self }
    }
}

impl<S> RouteExt<S> for MethodRouter<S> {
    fn with_rule(self, change: impl FnOnce(AccessRule) -> AccessRule) -> Protected<S> {
        Protected::from(self).with_rule(change)
    }
}

/// Collects routes with their access rules and becomes an [`axum::Router`] by [`auth`](Self::auth).
#[derive(Debug)]
#[must_use]
pub struct Router<S = ()> {
    routes: Vec<(String, Protected<S>)>,
}

impl<S> Default for Router<S> {
    fn default() -> Self {
        Self { routes: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Router<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route. Different methods of one path may be added separately, under different rules.
    pub fn route(mut self, path: impl Into<String>, handlers: impl Into<Protected<S>>) -> Self {
        self.routes.push((path.into(), handlers.into()));
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
    pub fn auth(self, auth: Auth) -> Result<axum::Router<S>, ConfigErrors> {
        check_rules(&auth, self.routes.iter().map(|(path, protected)| (&**path, &protected.rule)))?;
        let mut router = nested_endpoints(&auth);
        for (path, protected) in self.routes {
            let layer = AuthLayer::checked(auth.clone(), protected.rule);
            // Not `route_layer`: that would leave the method fallback open, which is also what `any` is made of.
            router = router.route(&path, protected.handlers.layer(layer));
        }
        Ok(shared(&auth, router))
    }
}

/// The engine's own endpoints alone, below [`Auth::base_path`]. An unknown path there, or a known one with another
/// method, is 404 with an empty body.
pub fn endpoints<S: Clone + Send + Sync + 'static>(auth: &Auth) -> axum::Router<S> {
    shared(auth, nested_endpoints(auth))
}

/// Only around what is routed: what is not answered here, the application answers.
fn shared<S: Clone + Send + Sync + 'static>(auth: &Auth, router: axum::Router<S>) -> axum::Router<S> {
    if auth.has_cors() { router.route_layer(from_fn_with_state(auth.clone(), cors)) } else { router }
}

fn nested_endpoints<S: Clone + Send + Sync + 'static>(auth: &Auth) -> axum::Router<S> {
    let unknown = || async { convert::response(not_found()) };
    let mut router = axum::Router::new().fallback(unknown);
    for (path, rows) in auth.routes_by_path() {
        let (auth, rows): (Auth, Arc<[Route]>) = (auth.clone(), rows.into());
        let handler = async move |params: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            let incoming = convert::incoming(&auth, params, request).await;
            convert::response(dispatch(&auth, &rows, incoming).await)
        };
        router = router.route(path, any(handler));
    }
    axum::Router::new().nest(auth.base_path(), router)
}
