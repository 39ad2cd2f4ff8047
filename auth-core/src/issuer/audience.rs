//! Whom a token must be for.

use serde_json::{Map, Value};

use super::map;
use super::verifier::Refusal;
use crate::crypto::jwt::{Audience, JwtError};

/// How it is told that a token was meant for this application, and not for another one of the same issuer.
///
/// Without such a rule, any application that shares the issuer could use the tokens of its users here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudienceRule {
    /// `aud` names one of these (RFC 7519 §4.1.3).
    AnyOf(Vec<String>),
    /// `aud` or `azp` (OpenID Connect Core §2) names one of these. With `azp`, what a client was given for another
    /// service is good here too: for issuers that fill in no audience, such as Keycloak without a mapper.
    AnyOfOrAuthorizedParty(Vec<String>),
    /// These are the clients of an Amazon Cognito user pool: `client_id` is one of them where `token_use` is `access`,
    /// `aud` where it is `id`, and anything else is refused.
    CognitoClients(Vec<String>),
    /// The token must not name an audience at all: one that does is for somebody else (RFC 7519 §4.1.3). Only where
    /// something else binds it: a secret that nobody else verifies by, or a claim such as `azp` or `client_id` that
    /// must have one of certain values.
    None,
}

impl AudienceRule {
    pub(super) fn any_of(audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::AnyOf(map::names(audiences))
    }

    /// What is wrong with the rule in itself.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let (Self::AnyOf(names) | Self::AnyOfOrAuthorizedParty(names) | Self::CognitoClients(names)) = self else {
            return None;
        };
        if names.is_empty() {
            return Some("no audience is named: give those that its tokens are for.");
        }
        names.iter().any(|name| name.trim().is_empty()).then_some("the name of an audience is empty.")
    }

    pub(super) fn judge(&self, audience: &Audience, claims: &Map<String, Value>) -> Result<(), Refusal> {
        let is_for = |names: &[String]| audience.names().iter().any(|name| names.contains(name));
        let names = |claim: &str, names: &[String]| one_of(claims, claim, names);
        let fits = match self {
            Self::AnyOf(audiences) => is_for(audiences),
            Self::AnyOfOrAuthorizedParty(clients) => is_for(clients) || names("azp", clients)?,
            Self::CognitoClients(clients) => match map::at(claims, "token_use")?.and_then(Value::as_str) {
                Some("access") => audience.is_empty() && names("client_id", clients)?,
                Some("id") => is_for(clients),
                Some(_) | None => return Err(Refusal::value("token_use")),
            },
            Self::None => audience.is_empty(),
        };
        if fits { Ok(()) } else { Err(JwtError::Audience.into()) }
    }
}

/// Whether the claim has one of these values; `false` if it is not there.
pub(super) fn one_of(claims: &Map<String, Value>, claim: &str, values: &[String]) -> Result<bool, Refusal> {
    match map::at(claims, claim)? {
        None => Ok(false),
        Some(Value::String(value)) => Ok(values.contains(value)),
        Some(_) => Err(Refusal::mistyped(claim)),
    }
}
