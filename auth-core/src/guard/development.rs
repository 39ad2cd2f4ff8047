//! Somebody to be while an application is written.

use crate::auth::Auth;
use crate::base::{Email, Timestamp};
use crate::error::Error;
use crate::guard::Authentication;
use crate::issuer::VerifiedClaims;
use crate::role::Permission;

/// Where a program runs. Nobody who forgets to say it gets what is for development alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// Before real users, or where they could be.
    #[default]
    Production,
    /// On a developer's machine.
    Development,
}

/// Who a request without any credential is, on the routes of an application that is being written. It replaces no
/// sign-in: endpoints of the engine know nothing of it, a bad credential is 401 as ever, and what changes something is
/// refused from a page of another origin.
///
/// Only with [`Environment::Development`] and a base URL on this machine; otherwise nothing starts. Each start says so in
/// the log.
///
/// ```
/// use auth_core::Auth;
/// use auth_core::guard::{DevelopmentAuth, Environment};
///
/// let builder = Auth::builder()
///     .environment(Environment::Development)
///     .development_auth(DevelopmentAuth::default().permissions(["users:read", "users:create"]));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DevelopmentAuth {
    name: String,
    email: String,
    permissions: Vec<String>,
    roles: Vec<(String, String)>,
}

/// The issuer of no token.
const ISSUER: &str = "development";

impl Default for DevelopmentAuth {
    fn default() -> Self {
        Self {
            name: "Developer".to_owned(),
            email: "developer@localhost.invalid".to_owned(),
            permissions: Vec::new(),
            roles: Vec::new(),
        }
    }
}

impl DevelopmentAuth {
    /// What they are called.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Their address.
    pub fn email(self, email: impl Into<String>) -> Self {
        Self { email: email.into(), ..self }
    }

    /// What they may do.
    pub fn permissions<T: Into<String>>(mut self, permissions: impl IntoIterator<Item = T>) -> Self {
        self.permissions.extend(permissions.into_iter().map(Into::into));
        self
    }

    /// One more role that they hold.
    pub fn role(mut self, guard: impl Into<String>, name: impl Into<String>) -> Self {
        self.roles.push((guard.into(), name.into()));
        self
    }

    /// Them, as a caller; or what is wrong.
    fn claims(&self) -> Result<VerifiedClaims, String> {
        let wrong = |what: &str| format!("development_auth() has no valid {what}");
        let never = Timestamp::from_micros(i64::MAX);
        let mut claims = VerifiedClaims::new(ISSUER, "developer", never).map_err(|_| wrong("name"))?;
        claims.email = Some(Email::parse(&self.email).map_err(|_| wrong("e-mail address"))?);
        claims.name = Some(self.name.clone());
        let permissions = self.permissions.iter().map(|name| Permission::parse(name.as_str()));
        claims.permissions = permissions.collect::<Result<_, _>>().map_err(|_| wrong("permissions"))?;
        Ok(claims)
    }

    /// What is wrong with having it here.
    pub(crate) fn problems(&self, environment: Environment, is_on_this_machine: bool) -> Vec<String> {
        let mut problems: Vec<String> = self.claims().err().into_iter().collect();
        if environment != Environment::Development {
            problems.push(
                "development_auth() lets everybody in: it is for environment(Environment::Development) alone"
                    .to_owned(),
            );
        }
        if !is_on_this_machine {
            problems.push("development_auth() lets everybody in: base_url must be on this machine".to_owned());
        }
        problems
    }

    /// # Errors
    /// When a configuration was not checked.
    pub(crate) fn authentication(&self, auth: &Auth) -> Result<Authentication, Error> {
        let mut claims = self.claims().map_err(Error::internal)?;
        claims.authenticated_at = Some(auth.now());
        Ok(Authentication::by_development(claims, &self.roles))
    }
}
