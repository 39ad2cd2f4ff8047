//! The second layer: what the business allows, judged with what a handler is about to do.
//!
//! A [`Requirement`] says who may come to a route. A policy says whether this caller may do this to that, and runs with
//! the handler's input.
//!
//! ```
//! use auth_core::base::UserId;
//! use auth_core::guard::{Policy, PolicyExt, not_yourself, owner_or, permission};
//! use auth_core::{Cx, Result};
//!
//! async fn show(cx: &Cx, id: UserId) -> Result<()> {
//!     owner_or("users:admin").enforce(cx, &id).await?;
//!     // …
//!     Ok(())
//! }
//!
//! async fn delete(cx: &Cx, id: UserId) -> Result<()> {
//!     not_yourself("Nobody deletes their own account.").and(permission("users:admin")).enforce(cx, &id).await?;
//!     // …
//!     Ok(())
//! }
//! ```

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use super::signed_in::authenticated;
use super::{Principal, PrincipalId, Requirement, permission};
use crate::auth::Auth;
use crate::base::{CustomerId, TenantId, Timestamp, UserId};
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a decision that nobody looks at allows everything"]
pub enum Decision {
    /// It may be done.
    Allow,
    /// Not by this caller: 403 [`Code::Forbidden`].
    Deny,
    /// Not before the caller has signed in again: 403 [`Code::SessionNotFresh`].
    SignInAgain,
    /// By nobody, or not now: 422 [`Code::RuleViolation`], with this sentence for a person.
    RuleViolation(Cow<'static, str>),
}

impl Decision {
    /// [`RuleViolation`](Self::RuleViolation) of this sentence.
    pub fn violation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::RuleViolation(message.into())
    }

    /// [`Allow`](Self::Allow) if it holds, else [`RuleViolation`](Self::RuleViolation) of this sentence.
    pub fn violation_unless(holds: bool, message: impl Into<Cow<'static, str>>) -> Self {
        if holds { Self::Allow } else { Self::violation(message) }
    }

    /// [`Allow`](Self::Allow) if it holds, else [`Deny`](Self::Deny).
    pub const fn allow_if(holds: bool) -> Self {
        if holds { Self::Allow } else { Self::Deny }
    }

    /// # Errors
    /// 403 or 422 for everything but [`Allow`](Self::Allow).
    pub fn into_result(self) -> Result<()> {
        match self {
            Self::Allow => Ok(()),
            Self::Deny => Err(Code::Forbidden.into()),
            Self::SignInAgain => Err(Code::SessionNotFresh.into()),
            Self::RuleViolation(message) => Err(Error::from(Code::RuleViolation).saying(message)),
        }
    }
}

/// What a policy knows besides its input.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PolicyContext<'a> {
    /// The engine, for policies that look something up.
    pub auth: &'a Auth,
    /// Who acts.
    pub principal: &'a Principal,
    /// For which tenant.
    pub tenant: Option<&'a TenantId>,
    /// The name of the request in logs; empty outside of one.
    pub correlation_id: &'a str,
    /// The present instant, by the engine's clock.
    pub now: Timestamp,
}

impl<'a> PolicyContext<'a> {
    /// Of something that is no request: a job, a message of a WebSocket. The tenant is the principal's own.
    pub fn new(auth: &'a Auth, principal: &'a Principal) -> Self {
        Self { auth, principal, tenant: principal.tenant.as_ref(), correlation_id: "", now: auth.now() }
    }
}

/// What the business allows. `I` is what a handler is about to act on: the id in its path, a row, the whole input.
///
/// A policy may look things up; it holds what it needs for that. One that fails refuses.
pub trait Policy<I: ?Sized + Sync>: Send + Sync {
    /// Judges.
    ///
    /// # Errors
    /// When it cannot be known.
    fn decide(&self, context: &PolicyContext<'_>, input: &I) -> impl Future<Output = Result<Decision>> + Send;

    /// What makes it impossible, one sentence each: asked at start-up where a route has it.
    fn problems(&self, auth: &Auth) -> Vec<String> {
        let _ = auth;
        Vec::new()
    }
}

/// How policies are asked, and how they combine.
pub trait PolicyExt: Sized {
    /// Refuses the caller of this request what the policy does not allow.
    ///
    /// # Errors
    /// 401 for nobody; 403 [`Code::Forbidden`], [`Code::SessionNotFresh`]; 422 [`Code::RuleViolation`]; when it cannot
    /// be known.
    fn enforce<I: ?Sized + Sync>(&self, cx: &Cx, input: &I) -> impl Future<Output = Result<()>> + Send
    where
        Self: Policy<I>,
    {
        async {
            let caller = authenticated(cx).await?;
            let tenant = cx.tenant().await?;
            let context = PolicyContext {
                tenant: tenant.as_ref(),
                correlation_id: cx.correlation_id(),
                ..PolicyContext::new(cx.auth(), caller.principal())
            };
            self.decide(&context, input).await?.into_result()
        }
    }

    /// Both: the first that does not allow it decides, and what comes after it is not asked.
    fn and<P>(self, other: P) -> And<Self, P> {
        And(self, other)
    }

    /// Either of them. If neither allows it, the other one's decision is told.
    fn or<P>(self, other: P) -> Or<Self, P> {
        Or(self, other)
    }
}

impl<P> PolicyExt for P {}

/// A policy by [`PolicyExt::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B>(A, B);

impl<I: ?Sized + Sync, A: Policy<I>, B: Policy<I>> Policy<I> for And<A, B> {
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        match self.0.decide(context, input).await? {
            Decision::Allow => self.1.decide(context, input).await,
            refused => Ok(refused),
        }
    }

    fn problems(&self, auth: &Auth) -> Vec<String> {
        [self.0.problems(auth), self.1.problems(auth)].concat()
    }
}

/// A policy by [`PolicyExt::or`].
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B>(A, B);

impl<I: ?Sized + Sync, A: Policy<I>, B: Policy<I>> Policy<I> for Or<A, B> {
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        match self.0.decide(context, input).await? {
            Decision::Allow => Ok(Decision::Allow),
            Decision::Deny | Decision::SignInAgain | Decision::RuleViolation(_) => self.1.decide(context, input).await,
        }
    }

    fn problems(&self, auth: &Auth) -> Vec<String> {
        [self.0.problems(auth), self.1.problems(auth)].concat()
    }
}

/// A policy by [`not`].
#[derive(Clone, Copy, Debug)]
pub struct Not<P>(P);

/// What the policy allows is denied, and what it refuses is allowed. One that fails still refuses.
pub const fn not<P>(policy: P) -> Not<P> {
    Not(policy)
}

impl<I: ?Sized + Sync, P: Policy<I>> Policy<I> for Not<P> {
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        Ok(match self.0.decide(context, input).await? {
            Decision::Allow => Decision::Deny,
            Decision::Deny | Decision::SignInAgain | Decision::RuleViolation(_) => Decision::Allow,
        })
    }

    fn problems(&self, auth: &Auth) -> Vec<String> {
        self.0.problems(auth)
    }
}

/// A policy by [`policy`].
pub struct PolicyFn<I: ?Sized, F>(F, PhantomData<fn(&I)>);

/// A policy that looks nothing up.
///
/// ```
/// use auth_core::guard::{Decision, policy};
///
/// struct Order {
///     is_paid: bool,
/// }
///
/// let unpaid = policy(|_, order: &Order| match order.is_paid {
///     false => Decision::Allow,
///     true => Decision::violation("A paid order cannot be changed."),
/// });
/// ```
pub const fn policy<I, F>(decide: F) -> PolicyFn<I, F>
where
    I: ?Sized,
    F: Fn(&PolicyContext<'_>, &I) -> Decision,
{
    PolicyFn(decide, PhantomData)
}

impl<I, F> Policy<I> for PolicyFn<I, F>
where
    I: ?Sized + Sync,
    F: Fn(&PolicyContext<'_>, &I) -> Decision + Send + Sync,
{
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        Ok((self.0)(context, input))
    }
}

impl<I: ?Sized, F> fmt::Debug for PolicyFn<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyFn")
    }
}

/// A requirement, whatever the input: for combining it with policies.
impl<I: ?Sized + Sync> Policy<I> for Requirement {
    async fn decide(&self, context: &PolicyContext<'_>, _input: &I) -> Result<Decision> {
        match self.rule().check(context.principal, context.auth) {
            Ok(()) => Ok(Decision::Allow),
            Err(error) if error.is(Code::SessionNotFresh) => Ok(Decision::SignInAgain),
            Err(error) if error.kind() == ErrorKind::Forbidden => Ok(Decision::Deny),
            Err(error) => Err(error),
        }
    }

    fn problems(&self, auth: &Auth) -> Vec<String> {
        Requirement::problems(self, auth)
    }
}

/// What is somebody's.
pub trait Owned {
    /// Whether it is this principal's own.
    fn is_owned_by(&self, principal: &Principal) -> bool;
}

/// An account is its user's own.
impl Owned for UserId {
    fn is_owned_by(&self, principal: &Principal) -> bool {
        principal.user_id() == Some(*self)
    }
}

/// An account is its customer's own.
impl Owned for CustomerId {
    fn is_owned_by(&self, principal: &Principal) -> bool {
        principal.customer_id() == Some(*self)
    }
}

/// What is written as of a principal is theirs.
impl Owned for PrincipalId {
    fn is_owned_by(&self, principal: &Principal) -> bool {
        *self == principal.id
    }
}

/// A policy by [`owner_or`].
#[derive(Clone, Debug)]
pub struct OwnerOr(Cow<'static, str>);

/// Whose it is, and whoever holds the permission. An API key acts as its owner.
pub fn owner_or(permission: impl Into<Cow<'static, str>>) -> OwnerOr {
    OwnerOr(permission.into())
}

impl<I: Owned + ?Sized + Sync> Policy<I> for OwnerOr {
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        let principal = context.principal;
        Ok(Decision::allow_if(input.is_owned_by(principal) || context.auth.permits(principal, &self.0)))
    }

    fn problems(&self, auth: &Auth) -> Vec<String> {
        permission(self.0.clone()).problems(auth)
    }
}

/// A policy by [`not_yourself`].
#[derive(Clone, Debug)]
pub struct NotYourself(Cow<'static, str>);

/// Everybody but whose it is, whatever they hold: 422 with this sentence.
pub fn not_yourself(message: impl Into<Cow<'static, str>>) -> NotYourself {
    NotYourself(message.into())
}

impl<I: Owned + ?Sized + Sync> Policy<I> for NotYourself {
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        Ok(if input.is_owned_by(context.principal) { Decision::RuleViolation(self.0.clone()) } else { Decision::Allow })
    }
}

/// A record that may say itself whose role it takes.
pub trait RequiresRole {
    /// The role guard and the name of the role, if it says so.
    fn required_role(&self) -> Option<(&str, &str)>;
}

/// A policy by [`required_role_or`].
#[derive(Clone, Debug)]
pub struct RequiredRoleOr(Requirement);

/// Holders of the role that the record requires, and of no other, whatever they may do elsewhere; where it requires
/// none, whoever fulfils the requirement. What a record says replaces the matrix: it is not added to it.
pub const fn required_role_or(requirement: Requirement) -> RequiredRoleOr {
    RequiredRoleOr(requirement)
}

impl<I: RequiresRole + ?Sized + Sync> Policy<I> for RequiredRoleOr {
    async fn decide(&self, context: &PolicyContext<'_>, input: &I) -> Result<Decision> {
        match input.required_role() {
            Some((guard, name)) => Ok(Decision::allow_if(context.principal.has_role(guard, name))),
            None => self.0.decide(context, input).await,
        }
    }

    fn problems(&self, auth: &Auth) -> Vec<String> {
        self.0.problems(auth)
    }
}
