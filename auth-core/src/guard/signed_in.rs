//! Claims that somebody is signed in.

use std::ops::Deref;
use std::sync::Arc;

use super::principal::SessionProof;
use super::{Authentication, Guard, Principal, PrincipalKind};
use crate::auth::Auth;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::session::{Session, SessionCheck};
use crate::user::User;

/// No claim at all: for endpoints that everybody may call, signing in among them.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

impl Guard for Anyone {
    async fn check(_cx: &Cx) -> Result<Self> {
        Ok(Self)
    }
}

/// Whoever proved who they are with this request.
pub(super) async fn authenticated(cx: &Cx) -> Result<Arc<Authentication>> {
    cx.authentication().await?.ok_or_else(|| Code::Unauthorized.into())
}

macro_rules! principals {
    ($($(#[$doc:meta])* $name:ident: $kind:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Arc<Authentication>);

        impl $name {
            /// The whole proof behind it.
            pub fn authentication(&self) -> &Authentication {
                &self.0
            }

            /// Their row; `None` when a token's claims were believed without looking.
            pub fn row(&self) -> Option<&User> {
                self.0.user()
            }
        }

        impl Deref for $name {
            type Target = Principal;

            fn deref(&self) -> &Principal {
                self.0.principal()
            }
        }

        impl Guard for $name {
            async fn check(cx: &Cx) -> Result<Self> {
                let found = authenticated(cx).await?;
                let kind: Option<PrincipalKind> = $kind;
                if kind.is_none_or(|kind| found.principal().kind == kind) {
                    Ok(Self(found))
                } else {
                    Err(Error::from(Code::Forbidden).saying(concat!("Required: ", stringify!($name), ".")))
                }
            }
        }
    )+};
}

principals! {
    /// A user, whatever the credential: the same in a handler whether a session, an access token, an API key or a
    /// token of an external issuer proves it. A customer or a service is 403.
    CurrentUser: Some(PrincipalKind::User);
    /// A customer, whatever the credential. A user or a service is 403.
    CurrentCustomer: Some(PrincipalKind::Customer);
    /// A service: a program that acts for nobody but itself. A person is 403.
    CurrentService: Some(PrincipalKind::Service);
    /// Whoever acts, of whatever kind.
    CurrentPrincipal: None;
}

/// A session that is alive, and whose it is: looked up with this request, whatever the layer around the route says. Who
/// comes without one, with an API key for example, is 403.
#[derive(Clone, Debug)]
pub struct CurrentSession {
    authentication: Arc<Authentication>,
    proof: Arc<SessionProof>,
}

impl CurrentSession {
    /// The whole proof behind it.
    pub fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// Whose session it is.
    pub fn user(&self) -> &User {
        &self.proof.user
    }

    /// Refuses who has shown an access token: it is good for minutes, and must not get its holder anything that is good
    /// for longer.
    pub(crate) fn expect_session_token(&self) -> Result<()> {
        if self.authentication.is_by_session_token() {
            return Ok(());
        }
        Err(Error::from(Code::Forbidden).saying("Required: the session's own token."))
    }
}

impl Deref for CurrentSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.proof.session
    }
}

impl Guard for CurrentSession {
    async fn check(cx: &Cx) -> Result<Self> {
        cx.demand(SessionCheck::Strict);
        let authentication = authenticated(cx).await?;
        match authentication.session_proof().map(Arc::clone) {
            Some(proof) => Ok(Self { authentication, proof }),
            None => Err(Error::from(Code::Forbidden).saying("Required: a session.")),
        }
    }
}

/// Somebody or nobody. Only a request without a credential is anonymous; one with a bad credential is refused.
#[derive(Clone, Debug)]
pub enum MaybePrincipal {
    /// No credential came along.
    Anonymous,
    /// Somebody proved who they are.
    Principal(CurrentPrincipal),
}

impl Guard for MaybePrincipal {
    async fn check(cx: &Cx) -> Result<Self> {
        Ok(cx.authentication().await?.map_or(Self::Anonymous, |found| Self::Principal(CurrentPrincipal(found))))
    }
}

/// `G`, and the person proved who they are a short while ago (`session::Config::fresh_age`, 1 day by default).
/// Older proofs, and credentials that no person proves, are 403 `SESSION_NOT_FRESH`.
#[derive(Clone, Debug)]
pub struct Fresh<G>(pub G);

impl<G: Guard> Guard for Fresh<G> {
    async fn check(cx: &Cx) -> Result<Self> {
        let guard = G::check(cx).await?;
        authenticated(cx).await?.principal().expect_fresh(cx.auth())?;
        Ok(Self(guard))
    }
}

impl<G> Deref for Fresh<G> {
    type Target = G;

    fn deref(&self) -> &G {
        &self.0
    }
}

impl Principal {
    /// Refuses who did not prove who they are within `session::Config::fresh_age`.
    pub(super) fn expect_fresh(&self, auth: &Auth) -> Result<()> {
        let is_fresh = self.authenticated_at.is_some_and(|at| auth.config().session.is_fresh(at, auth.now()));
        if is_fresh { Ok(()) } else { Err(Code::SessionNotFresh.into()) }
    }
}
