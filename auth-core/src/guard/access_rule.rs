//! Who may reach a route, and how.

use std::str::FromStr;

use super::limits::limit_route;
use super::path_policy::PathPolicy;
use super::requirement::check_all;
use super::signed_in::authenticated;
use super::{Policy, PrincipalKind, Requirement, TenantRequirement};
use crate::auth::Auth;
use crate::cx::Cx;
use crate::error::{Code, ConfigErrors, Error, Result};
use crate::limit::{RateLimit, RouteLimit};
use crate::session::SessionCheck;
use crate::user::Pool;

/// Who may reach a route of the application, and how far their credential is believed: whoever is signed in and no
/// customer, looked up with each request, unless more is required, less is looked up, or it is made public.
#[derive(Clone, Debug, Default)]
pub struct AccessRule {
    is_public: bool,
    requirements: Vec<Requirement>,
    session_check: SessionCheck,
    tenant: Option<TenantRequirement>,
    admits: Admits,
    limit: RouteLimit,
    policies: Vec<PathPolicy>,
}

/// Whom a route is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Admits {
    /// Customers sign themselves up, so they are let in where somebody has said so.
    #[default]
    AllButCustomers,
    CustomersOnly,
    Everybody,
}

impl Admits {
    /// The pool whose session cookie is looked at, if it is one.
    pub(crate) const fn pool(self) -> Option<Pool> {
        match self {
            Self::AllButCustomers => Some(Pool::User),
            Self::CustomersOnly => Some(Pool::Customer),
            Self::Everybody => None,
        }
    }

    pub(crate) fn check(self, kind: PrincipalKind) -> Result<()> {
        let problem = match (self, kind == PrincipalKind::Customer) {
            (Self::AllButCustomers, true) => "This is not for customers.",
            (Self::CustomersOnly, false) => "This is for customers.",
            (Self::AllButCustomers, false) | (Self::CustomersOnly, true) | (Self::Everybody, _) => return Ok(()),
        };
        Err(Error::from(Code::Forbidden).saying(problem))
    }
}

impl AccessRule {
    /// Opens the route to everybody. A handler that asks who somebody is still meets no customer there, unless the
    /// route is [for them](Self::for_everybody) too.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Demands one thing more.
    #[must_use]
    pub fn require(mut self, requirement: Requirement) -> Self {
        self.requirements.push(requirement);
        self
    }

    /// Makes it a route of customers: their session cookie is looked at, and no other; users and programs are 403.
    #[must_use]
    pub fn for_customers(mut self) -> Self {
        self.admits = Admits::CustomersOnly;
        self
    }

    /// Makes it a route of customers as well as of users and programs; of two session cookies the user's counts.
    #[must_use]
    pub fn for_everybody(mut self) -> Self {
        self.admits = Admits::Everybody;
        self
    }

    /// How old what is known of a session may be; looked up each time unless said otherwise.
    #[must_use]
    pub fn session_check(mut self, check: SessionCheck) -> Self {
        self.session_check = check;
        self
    }

    /// Whether a tenant must be named, in place of what [`tenancy`](crate::AuthBuilder::tenancy) says.
    #[must_use]
    pub fn tenant(mut self, requirement: TenantRequirement) -> Self {
        self.tenant = Some(requirement);
        self
    }

    /// Judges what stands in this segment of the path, once everything else is fulfilled: `{id}` of `/users/{id}` is
    /// `"id"`. What cannot be read as the policy's input is 400.
    #[must_use]
    pub fn policy<I: FromStr + Send + Sync + 'static>(
        mut self,
        segment: &'static str,
        policy: impl Policy<I> + 'static,
    ) -> Self {
        self.policies.push(PathPolicy::new(segment, policy));
        self
    }

    /// Whether a policy is about the path: whoever [enforces](crate::http::enforce) the rule then hands its segments
    /// over.
    pub fn reads_path(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Limits how often the route is called, in place of what [`limit::Config`](crate::limit::Config) says of all. Of
    /// several limits all must have room.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limit.add(limit);
        self
    }

    /// Lifts every limit: for what machines ask all the time, such as whether the program is well.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.limit.lift();
        self
    }

    /// Counts everybody as anonymous, by their address and in the bucket that
    /// [`anonymous`](crate::limit::Config::anonymous) gives it, whatever credential they show: for public routes where
    /// people sign in and up. Otherwise whoever has one account has its bucket for making others.
    #[must_use]
    pub fn count_as_anonymous(mut self) -> Self {
        self.limit.count_as_anonymous();
        self
    }

    /// Judges a request.
    ///
    /// # Errors
    /// 429 when it is called too often; 401 without a valid credential, 403 when it does not suffice, 503 when the store
    /// is down; what the demand for a tenant refuses; then 400 for a path that cannot be read, and what policies refuse.
    pub(crate) async fn check(&self, cx: &Cx, path: Result<Vec<(String, String)>>) -> Result<()> {
        // Also where everybody may come in: a handler there may ask who it is.
        cx.demand(self.session_check);
        cx.enter_route(self.admits);
        limit_route(cx, &self.limit, self.is_public).await?;
        cx.auth().config().tenancy.expect_header(cx)?;
        if self.is_public {
            return Ok(());
        }
        let caller = authenticated(cx).await?;
        self.tenant.unwrap_or(cx.auth().config().tenancy.requirement()).check(caller.principal(), cx).await?;
        check_all(&self.requirements, caller.principal(), cx.auth())?;
        if self.reads_path() {
            let path = path?;
            for policy in &self.policies {
                policy.check(cx, &path).await?;
            }
        }
        Ok(())
    }

    /// The path of a route below a prefix: `/api` and `/users` are `/api/users`, `/api` and `/` are `/api`.
    pub fn nested_path(prefix: &str, path: &str) -> String {
        if path == "/" && !prefix.is_empty() { prefix.to_owned() } else { format!("{prefix}{path}") }
    }

    /// What makes the rule of the route at `path` contradictory or impossible, one sentence each: for start-up.
    pub fn problems(&self, path: &str, auth: &Auth) -> Vec<String> {
        let mut problems: Vec<String> = self.requirements.iter().flat_map(|rule| rule.problems(auth)).collect();
        if self.requirements.iter().any(Requirement::is_public) {
            problems.push("public() is no requirement: mark the route with .public()".to_owned());
        }
        if self.is_public && !self.requirements.is_empty() {
            problems.push("it is public and also names a requirement: it can be only one of them".to_owned());
        }
        if self.admits == Admits::AllButCustomers && self.requirements.iter().any(Requirement::is_for_customers) {
            problems.push("it requires customers and is not for them: say .for_customers()".to_owned());
        }
        if self.is_public && self.tenant.is_some() {
            problems.push("it is public and also names a tenant: nobody would look for one".to_owned());
        }
        problems.extend(self.session_check.problem());
        problems.extend(self.limit.problems());
        problems.extend(self.policies.iter().flat_map(|policy| policy.problems(path, auth)));
        if self.is_public && self.reads_path() {
            problems.push("it is public and also has a policy: nobody would be judged".to_owned());
        }
        problems.into_iter().map(|problem| format!("route {path}: {problem}")).collect()
    }

    /// Whether it is closed, and says nothing of who may come in.
    fn is_unscoped(&self) -> bool {
        !self.is_public
            && self.requirements.is_empty()
            && self.policies.is_empty()
            && self.admits != Admits::CustomersOnly
    }
}

/// Judges the rules of an application's routes, each with its path, before the first request.
///
/// What is dubious is a line in the log. A route that only wants somebody to be signed in may be meant so, or may have
/// been forgotten: [`AuthBuilder::deny_unscoped_routes`](crate::AuthBuilder::deny_unscoped_routes) has each say it.
///
/// # Errors
/// [`ConfigErrors`] with everything that is contradictory or impossible, by path.
pub fn check_rules<'a>(
    auth: &Auth,
    rules: impl IntoIterator<Item = (&'a str, &'a AccessRule)>,
) -> Result<(), ConfigErrors> {
    let rules: Vec<_> = rules.into_iter().collect();
    let mut problems: Vec<String> = rules.iter().flat_map(|(path, rule)| rule.problems(path, auth)).collect();
    let unscoped: Vec<&str> = rules.iter().filter(|(_, rule)| rule.is_unscoped()).map(|(path, _)| *path).collect();
    if auth.config().denies_unscoped_routes {
        let problem = "it says nothing of who may reach it: require something, signed_in() at least";
        problems.extend(unscoped.iter().map(|path| format!("route {path}: {problem}")));
    } else if !unscoped.is_empty() {
        tracing::info!(routes = unscoped.join(" "), "routes for whoever is signed in");
    }
    if !problems.is_empty() {
        return Err(ConfigErrors::new(problems));
    }
    for (path, rule) in rules {
        for doubt in rule.requirements.iter().flat_map(|requirement| requirement.doubts(auth)) {
            tracing::warn!(route = path, doubt, "a requirement is dubious");
        }
    }
    Ok(())
}

/// Of a layer that stands around routes from elsewhere: [`public`](super::public) opens them.
impl From<Requirement> for AccessRule {
    fn from(requirement: Requirement) -> Self {
        if requirement.is_public() { Self::default().public() } else { Self::default().require(requirement) }
    }
}
