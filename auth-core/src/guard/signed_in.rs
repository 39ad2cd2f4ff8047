//! Claims that somebody is signed in.

use std::ops::Deref;
use std::sync::Arc;

use super::{Authentication, Guard, Principal};
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::session::Session;
use crate::user::User;

/// No claim at all: for endpoints that everybody may call, signing in among them.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

impl Guard for Anyone {
    async fn check(_cx: &Cx) -> Result<Self> {
        Ok(Self)
    }
}

macro_rules! signed_in {
    ($($(#[$doc:meta])* $name:ident => $field:ident: $target:ty;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Arc<Authentication>);

        impl $name {
            /// The whole proof behind it.
            pub fn authentication(&self) -> &Authentication {
                &self.0
            }

            /// The session of this request.
            pub fn session(&self) -> &Session {
                &self.0.session
            }
        }

        impl Deref for $name {
            type Target = $target;

            fn deref(&self) -> &$target {
                &self.0.$field
            }
        }

        impl Guard for $name {
            async fn check(cx: &Cx) -> Result<Self> {
                cx.authentication().await?.map(Self).ok_or_else(|| Code::Unauthorized.into())
            }
        }
    )+};
}

signed_in! {
    /// The user who is signed in.
    CurrentUser => user: User;
    /// Whoever acts, of whatever kind.
    CurrentPrincipal => principal: Principal;
    /// The session of this request.
    CurrentSession => session: Session;
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
/// Older sessions are 403 `SESSION_NOT_FRESH`.
#[derive(Clone, Debug)]
pub struct Fresh<G>(pub G);

impl<G: Guard> Guard for Fresh<G> {
    async fn check(cx: &Cx) -> Result<Self> {
        let guard = G::check(cx).await?;
        let authentication = cx.authentication().await?.ok_or(Code::Unauthorized)?;
        if authentication.session.is_fresh(cx) { Ok(Self(guard)) } else { Err(Code::SessionNotFresh.into()) }
    }
}

impl<G> Deref for Fresh<G> {
    type Target = G;

    fn deref(&self) -> &G {
        &self.0
    }
}
