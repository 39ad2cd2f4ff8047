//! Claims about the caller as data: for rules on routes, and for places that have no handler arguments.

use std::borrow::Cow;
use std::fmt;

use super::signed_in::authenticated;
use super::{Authentication, PrincipalKind, TenantRequirement};
use crate::auth::Auth;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::role::Permission;
use crate::session::SessionCheck;
use crate::user::Pool;

/// What a caller must fulfil. Made by [`permission`], [`role`], [`any_role_in`], [`kind`], [`staff`], [`all`], [`any`],
/// [`fresh`], [`signed_in`] and [`public`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Public,
    SignedIn,
    Fresh,
    Kind(PrincipalKind),
    Permission(Cow<'static, str>),
    Role { guard: Cow<'static, str>, name: Cow<'static, str> },
    AnyRole { guard: Cow<'static, str> },
    Staff,
    All(Vec<Rule>),
    Any(Vec<Rule>),
}

/// Everybody, without looking at credentials.
pub fn public() -> Requirement {
    Requirement(Rule::Public)
}

/// Whoever is signed in.
pub fn signed_in() -> Requirement {
    Requirement(Rule::SignedIn)
}

/// Whoever proved who they are a short while ago.
pub fn fresh() -> Requirement {
    Requirement(Rule::Fresh)
}

/// Principals of this kind.
pub fn kind(kind: PrincipalKind) -> Requirement {
    Requirement(Rule::Kind(kind))
}

/// Holders of the permission of exactly this name.
pub fn permission(name: impl Into<Cow<'static, str>>) -> Requirement {
    Requirement(Rule::Permission(name.into()))
}

/// Holders of a role; say [`in_guard`](RoleRequirement::in_guard) which role guard it lives in.
pub fn role(name: impl Into<Cow<'static, str>>) -> RoleRequirement {
    RoleRequirement(name.into())
}

/// Holders of any role in this role guard, but of one that a tenant has defined for itself.
pub fn any_role_in(guard: impl Into<Cow<'static, str>>) -> Requirement {
    Requirement(Rule::AnyRole { guard: guard.into() })
}

/// Staff of the platform, while [platform access](super::PlatformAccess) is in force in the request.
pub fn staff() -> Requirement {
    Requirement(Rule::Staff)
}

/// Callers who fulfil each of these. The empty list is nobody's: it is a mistake and refuses everyone.
pub fn all(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Rule::All(requirements.into_iter().map(|requirement| requirement.0).collect()))
}

/// Callers who fulfil one of these. Nobody fulfils the empty list.
pub fn any(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Rule::Any(requirements.into_iter().map(|requirement| requirement.0).collect()))
}

/// A role's name that still lacks its role guard; it requires nothing until it has one.
#[derive(Clone, Debug)]
#[must_use = "a role exists only within a role guard: say .in_guard(\"…\")"]
pub struct RoleRequirement(Cow<'static, str>);

impl RoleRequirement {
    /// Names the role guard.
    pub fn in_guard(self, guard: impl Into<Cow<'static, str>>) -> Requirement {
        Requirement(Rule::Role { guard: guard.into(), name: self.0 })
    }
}

impl Requirement {
    /// Whether nothing is required.
    pub fn is_public(&self) -> bool {
        self.0 == Rule::Public
    }

    /// Judges the caller of a request: for operations that are no routes, such as those of GraphQL or a WebSocket.
    ///
    /// # Errors
    /// 401 without a valid credential, 503 when the store is down, and what [`check`](Self::check) refuses.
    pub async fn judge(&self, cx: &Cx) -> Result<()> {
        if self.is_public() {
            return Ok(());
        }
        let caller = authenticated(cx).await?;
        self.check(&caller, cx)
    }

    /// Judges a proved caller.
    ///
    /// # Errors
    /// 403 [`Code::Forbidden`], naming what is missing; [`Code::SessionNotFresh`].
    pub fn check(&self, caller: &Authentication, cx: &Cx) -> Result<()> {
        self.0.check(caller, cx)
    }

    /// What makes this requirement impossible or contradictory, one sentence each: for start-up.
    pub fn problems(&self, auth: &Auth) -> Vec<String> {
        let mut problems = Vec::new();
        self.0.collect_problems(auth, &mut problems, Place::Top);
        problems
    }
}

/// Who may reach a route of the application, and how far their credential is believed: whoever is signed in and no
/// customer, looked up with each request, unless more is required, less is looked up, or it is made public.
#[derive(Clone, Debug, Default)]
pub struct AccessRule {
    is_public: bool,
    requirements: Vec<Requirement>,
    session_check: SessionCheck,
    tenant: Option<TenantRequirement>,
    admits: Admits,
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

    /// Judges a request.
    ///
    /// # Errors
    /// 401 without a valid credential, 403 when it does not suffice, 503 when the store is down; what the demand for a
    /// tenant refuses.
    pub(crate) async fn check(&self, cx: &Cx) -> Result<()> {
        // Also where everybody may come in: a handler there may ask who it is.
        cx.demand(self.session_check);
        cx.enter_route(self.admits);
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
        let wants_customers = |requirement: &Requirement| requirement.0 == Rule::Kind(PrincipalKind::Customer);
        if self.admits == Admits::AllButCustomers && self.requirements.iter().any(wants_customers) {
            problems.push("it requires customers and is not for them: say .for_customers()".to_owned());
        }
        if self.is_public && self.tenant.is_some() {
            problems.push("it is public and also names a tenant: nobody would look for one".to_owned());
        }
        problems.extend(self.session_check.problem());
        problems.into_iter().map(|problem| format!("route {path}: {problem}")).collect()
    }
}

/// Of a layer that stands around routes from elsewhere: [`public`] opens them.
impl From<Requirement> for AccessRule {
    fn from(requirement: Requirement) -> Self {
        if requirement.is_public() { Self::default().public() } else { Self::default().require(requirement) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Nested,
}

impl Rule {
    fn check(&self, caller: &Authentication, cx: &Cx) -> Result<()> {
        let principal = caller.principal();
        let fulfilled = match self {
            Self::Public | Self::SignedIn => true,
            Self::Fresh => return principal.expect_fresh(cx),
            Self::Kind(kind) => principal.kind == *kind,
            Self::Permission(name) => principal.has_permission(name),
            Self::Role { guard, name } => principal.has_role(guard, name),
            Self::AnyRole { guard } => principal.has_role_in(guard),
            Self::Staff => principal.is_staff,
            Self::All(rules) if !rules.is_empty() => return rules.iter().try_for_each(|rule| rule.check(caller, cx)),
            Self::All(_) => false,
            Self::Any(rules) => rules.iter().any(|rule| rule.check(caller, cx).is_ok()),
        };
        if fulfilled { Ok(()) } else { Err(Error::from(Code::Forbidden).saying(format!("Required: {self}."))) }
    }

    fn collect_problems(&self, auth: &Auth, problems: &mut Vec<String>, place: Place) {
        match self {
            Self::Public if place == Place::Nested => {
                problems.push("public() cannot be combined with a requirement".to_owned())
            }
            Self::Staff if auth.platform_access().is_none() => {
                problems.push("nobody is staff: platform_access() is not set".to_owned());
            }
            Self::Role { guard, .. } | Self::AnyRole { guard } if !auth.knows_role_guard(guard) => {
                problems.push(format!("the role guard {guard:?} is not registered with role_guards()"));
            }
            Self::All(rules) | Self::Any(rules) if rules.is_empty() => {
                problems.push("an empty list of requirements refuses everyone".to_owned())
            }
            Self::All(rules) | Self::Any(rules) => {
                rules.iter().for_each(|rule| rule.collect_problems(auth, problems, Place::Nested));
            }
            Self::Permission(name) if Permission::parse(name.as_ref()).is_err() => {
                problems.push(format!("nobody can hold the permission {name:?}: it is no name of one"));
            }
            Self::Public
            | Self::SignedIn
            | Self::Fresh
            | Self::Kind(_)
            | Self::Permission(_)
            | Self::Role { .. }
            | Self::AnyRole { .. }
            | Self::Staff => {}
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = |rule: &Self| match rule {
            Self::All(rules) | Self::Any(rules) if rules.len() > 1 => format!("({rule})"),
            rule => rule.to_string(),
        };
        let list = |f: &mut fmt::Formatter<'_>, rules: &[Self], word: &str| {
            f.write_str(&rules.iter().map(nested).collect::<Vec<_>>().join(word))
        };
        match self {
            Self::Public => f.write_str("nothing"),
            Self::SignedIn => f.write_str("signed in"),
            Self::Fresh => f.write_str("a fresh sign-in"),
            Self::Kind(kind) => write!(f, "{kind:?}"),
            Self::Permission(name) => write!(f, "permission {name}"),
            Self::Role { guard, name } => write!(f, "role {name} in {guard}"),
            Self::AnyRole { guard } => write!(f, "any role in {guard}"),
            Self::Staff => f.write_str("staff of the platform, with platform access in force"),
            Self::All(rules) => list(f, rules, " and "),
            Self::Any(rules) => list(f, rules, " or "),
        }
    }
}
