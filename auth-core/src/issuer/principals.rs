//! What the application makes of those whom an external issuer vouches for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::chain::VerifierChain;
use super::claims::VerifiedClaims;
use crate::base::UserId;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};

/// Names the user of this application that an external subject is, for [`ExternalIssuers::users`].
///
/// Somebody is known by [issuer](VerifiedClaims::issuer) and [subject](VerifiedClaims::subject) together. An e-mail
/// address alone proves nothing: it may be unverified, and it changes hands.
#[async_trait]
pub trait ExternalUsers: Send + Sync + 'static {
    /// The user, who may be [created](crate::user::create_user) here; `None` refuses the request (401). Called with
    /// each request that bears such a token, before anything else knows the caller: do not ask `cx` who it is, which
    /// would wait for this answer. As for a hook, there is a time limit.
    ///
    /// # Errors
    /// When it cannot be known; the request is refused then, with 401 unless the error says 403, 500 or 503.
    async fn user_of(&self, cx: &Cx, claims: &VerifiedClaims) -> Result<Option<UserId>>;
}

/// External issuers whose tokens prove who sends a request, and what their words are worth here.
///
/// By default a principal is what the token says, as of when it was issued: nothing is looked up. Its roles are in no
/// role guard of the application until [`role_guard`](Self::role_guard) names one, so that no route can demand them.
#[derive(Clone)]
pub struct ExternalIssuers {
    pub(crate) chain: VerifierChain,
    pub(crate) role_guard: Option<String>,
    pub(crate) users: Option<Arc<dyn ExternalUsers>>,
    issuer_of_users: Option<String>,
}

/// The role guard of external roles that have none of the application's. With a space in it, none can be registered.
pub(crate) const NO_GUARD: &str = "external issuer";

impl From<VerifierChain> for ExternalIssuers {
    fn from(chain: VerifierChain) -> Self {
        Self { chain, role_guard: None, users: None, issuer_of_users: None }
    }
}

impl ExternalIssuers {
    /// The role guard that the roles of tokens live in, one of the registered ones. Whoever controls an issuer then
    /// gives every role of that guard.
    #[must_use]
    pub fn role_guard(mut self, guard: impl Into<String>) -> Self {
        self.role_guard = Some(guard.into());
        self
    }

    /// Has each subject be a user of this application: name, roles and permissions are those of the user's row, looked
    /// up with each request, and a disabled user is refused. The token says who it is and nothing more.
    #[must_use]
    pub fn users(mut self, users: impl ExternalUsers) -> Self {
        self.users = Some(Arc::new(users));
        self
    }

    /// Says that the subjects of one issuer are ids of users of this application, for programs of yours that sign tokens
    /// as this one does. [`owner_or`](crate::guard::owner_or) and [`not_yourself`](crate::guard::not_yourself) then judge
    /// such a token by its user. `issuer` is its `iss`, or what a
    /// [`StaticKeyVerifier`](super::StaticKeyVerifier) is `known_as`. A subject that is no id stays external; an id in
    /// another spelling, and a service that is called like one, are refused (401): one user would be two. Nothing is
    /// looked up, so that disabled and deleted users count until the token expires; whoever has the issuer's key can be
    /// any user. The last call counts, and [`users`](Self::users) goes before it.
    #[must_use]
    pub fn subjects_are_users(mut self, issuer: impl Into<String>) -> Self {
        self.issuer_of_users = Some(issuer.into());
        self
    }

    /// The user of ours that a token is about, where its issuer speaks of them.
    ///
    /// # Errors
    /// 401 for what only looks like one.
    pub(crate) fn user_named_by(&self, claims: &VerifiedClaims) -> Result<Option<UserId>> {
        if self.issuer_of_users.as_deref() != Some(claims.issuer()) {
            return Ok(None);
        }
        match claims.subject().parse() {
            Ok(user) if !claims.is_service => Ok(Some(user)),
            Err(_) if Uuid::try_parse(claims.subject()).is_err() => Ok(None),
            Ok(_) | Err(_) => {
                Err(Error::from(Code::Unauthorized).caused_by("a subject that looks like a user of ours"))
            }
        }
    }

    /// What is wrong with it, a sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let unknown = self.issuer_of_users.iter().filter(|issuer| !self.chain.answers_for(issuer));
        unknown.map(|issuer| format!("subjects_are_users({issuer:?}): no verifier answers for that issuer")).collect()
    }

    pub(crate) fn guard(&self) -> &str {
        self.role_guard.as_deref().unwrap_or(NO_GUARD)
    }
}

impl fmt::Debug for ExternalIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalIssuers")
            .field("chain", &self.chain)
            .field("role_guard", &self.role_guard)
            .finish_non_exhaustive()
    }
}
