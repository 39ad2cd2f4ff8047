//! Who may reach a route, and how.

use super::signed_in::authenticated;
use super::{PrincipalKind, Requirement, TenantRequirement};
use crate::auth::Auth;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::limit::{RateLimit, RouteLimit, limit_route};
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

    /// Judges a request.
    ///
    /// # Errors
    /// 429 when it is called too often; 401 without a valid credential, 403 when it does not suffice, 503 when the store
    /// is down; what the demand for a tenant refuses.
    pub(crate) async fn check(&self, cx: &Cx) -> Result<()> {
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
        self.requirements.iter().try_for_each(|requirement| requirement.check(&caller, cx))
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
        problems.into_iter().map(|problem| format!("route {path}: {problem}")).collect()
    }
}

/// Of a layer that stands around routes from elsewhere: [`public`] opens them.
impl From<Requirement> for AccessRule {
    fn from(requirement: Requirement) -> Self {
        if requirement.is_public() { Self::default().public() } else { Self::default().require(requirement) }
    }
}
