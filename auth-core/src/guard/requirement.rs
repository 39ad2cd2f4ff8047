//! Claims about the caller as data: for rules on routes, and for places that have no handler arguments.

use std::borrow::Cow;
use std::fmt;

use super::signed_in::authenticated;
use super::{Principal, PrincipalKind};
use crate::auth::Auth;
use crate::cx::Cx;
use crate::error::{Code, Error, MissingPermissions, Result};

/// What a caller must fulfil. Made by [`permission`], [`role`], [`any_role_in`], [`kind`], [`staff`], [`all`], [`any`],
/// [`fresh`], [`signed_in`] and [`public`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
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

/// Everybody, without looking at credentials but to count the request.
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

/// Holders of the permission: of exactly this name, unless [wildcards](crate::role::WildcardPolicy) count.
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
    /// Whether it can be fulfilled by customers alone.
    pub(super) fn is_for_customers(&self) -> bool {
        self.0 == Rule::Kind(PrincipalKind::Customer)
    }

    /// Whether nothing is required.
    pub fn is_public(&self) -> bool {
        self.0 == Rule::Public
    }

    /// Judges the caller of a request: for operations that are no routes, such as those of GraphQL or a WebSocket.
    ///
    /// # Errors
    /// 401 without a valid credential, 503 when the store is down, and what [`Auth::authorize`] refuses.
    pub async fn judge(&self, cx: &Cx) -> Result<()> {
        if self.is_public() {
            return Ok(());
        }
        let caller = authenticated(cx).await?;
        self.check(caller.principal(), cx.auth())
    }

    pub(super) const fn rule(&self) -> &Rule {
        &self.0
    }

    /// [`Auth::authorize`].
    pub(crate) fn check(&self, principal: &Principal, auth: &Auth) -> Result<()> {
        check_all(std::slice::from_ref(self), principal, auth)
    }

    /// The names of the permissions that are required, all or some of them.
    fn permissions(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.collect_permissions(&mut names);
        names
    }

    /// What is dubious about it, one sentence each: for start-up.
    pub(super) fn doubts(&self, auth: &Auth) -> impl Iterator<Item = String> {
        let rules = auth.config().permission_rules;
        self.permissions().into_iter().filter_map(move |name| rules.doubt(name))
    }

    /// What makes this requirement impossible or contradictory, one sentence each: for start-up.
    pub fn problems(&self, auth: &Auth) -> Vec<String> {
        let mut problems = Vec::new();
        self.0.collect_problems(auth, &mut problems, Place::Top);
        problems
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Nested,
}

/// Each of them. A refusal says what all of them require, and what of that is missing.
pub(super) fn check_all(requirements: &[Requirement], principal: &Principal, auth: &Auth) -> Result<()> {
    let refusal = |requirement: &Requirement| requirement.0.check(principal, auth).err();
    let is_missing = |name: &&str| !auth.permits(principal, name);
    let first = requirements.iter().find_map(|requirement| Some((requirement, refusal(requirement)?)));
    let Some((first, error)) = first else { return Ok(()) };
    if !first.permissions().iter().any(&is_missing) {
        return Err(error);
    }
    let unfulfilled = requirements.iter().filter(|requirement| refusal(requirement).is_some());
    Err(error.lacking(MissingPermissions {
        required: requirements.iter().flat_map(Requirement::permissions).map(str::to_owned).collect(),
        missing: unfulfilled.flat_map(Requirement::permissions).filter(is_missing).map(str::to_owned).collect(),
        held: principal.permissions.iter().map(ToString::to_string).collect(),
    }))
}

impl Rule {
    fn collect_permissions<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Permission(name) => names.push(name),
            Self::All(rules) | Self::Any(rules) => rules.iter().for_each(|rule| rule.collect_permissions(names)),
            Self::Public
            | Self::SignedIn
            | Self::Fresh
            | Self::Kind(_)
            | Self::Role { .. }
            | Self::AnyRole { .. }
            | Self::Staff => {}
        }
    }

    pub(super) fn check(&self, principal: &Principal, auth: &Auth) -> Result<()> {
        let fulfilled = match self {
            Self::Public | Self::SignedIn => true,
            Self::Fresh => return principal.expect_fresh(auth),
            Self::Kind(kind) => principal.kind == *kind,
            Self::Permission(name) => auth.permits(principal, name),
            Self::Role { guard, name } => principal.has_role(guard, name),
            Self::AnyRole { guard } => principal.has_role_in(guard),
            Self::Staff => principal.is_staff,
            Self::All(rules) if !rules.is_empty() => {
                return rules.iter().try_for_each(|rule| rule.check(principal, auth));
            }
            Self::All(_) => false,
            Self::Any(rules) => rules.iter().any(|rule| rule.check(principal, auth).is_ok()),
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
            Self::Permission(name) => problems.extend(auth.config().permission_rules.problem(name)),
            Self::Public
            | Self::SignedIn
            | Self::Fresh
            | Self::Kind(_)
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
