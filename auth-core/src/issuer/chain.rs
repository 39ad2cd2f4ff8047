//! Several issuers at once.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::builder::VerifierBuilder;
use super::claims::VerifiedClaims;
use super::fixed::StaticKeys;
use super::jwks::KeySource;
use super::verifier::{Answers, PresentedToken, Refusal, TokenVerifier, VerifyError};
use crate::base::Timestamp;
use crate::crypto::jwt::JwtError;
use crate::error::ConfigErrors;
use crate::ports::HttpClient;

/// No verifier may be more patient with a token that has expired.
const MOST_LEEWAY: Duration = Duration::from_secs(60);

/// The verifiers of a program. A token is brought to the one that answers for its `iss`, exactly, and to nobody if
/// there is none: what a stranger writes into a token causes no request to anybody.
///
/// ```
/// use std::sync::Arc;
/// use auth_core::issuer::{JwksVerifier, VerifierChain};
/// # use auth_core::ports::HttpClient;
///
/// # fn example(client: Arc<dyn HttpClient>) -> Result<(), auth_core::ConfigErrors> {
/// let chain = VerifierChain::builder()
///     .http_client(client)
///     .jwks(JwksVerifier::clerk("clerk.acme.example", ["https://app.acme.example"]))
///     .jwks(JwksVerifier::keycloak("https://sso.acme.example/realms/staff", "backoffice"))
///     .build()?; // every problem of every issuer at once
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct VerifierChain {
    verifiers: Arc<[Arc<dyn TokenVerifier>]>,
}

impl VerifierChain {
    /// A chain to which verifiers are added.
    pub fn builder() -> VerifierChainBuilder {
        VerifierChainBuilder::default()
    }

    /// What a token proves at the instant `now`.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] when it proves nothing, [`VerifyError::Unavailable`] when that cannot be told. Both
    /// become an [`Error`](crate::Error), 401 and 503.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedClaims, VerifyError> {
        let token = PresentedToken::parse(token)?;
        let issuer = token.unverified().issuer();
        let verifier = self.verifier_for(issuer).ok_or(Refusal::UnknownIssuer)?;
        let claims = verifier.verify(&token, now).await?;
        // It was chosen by what an unsigned text says. Whoever it was, it must not speak for another issuer.
        let speaks_for = match verifier.answers_for() {
            Answers::Issuers(_) => issuer,
            Answers::Others { known_as } => Some(known_as),
        };
        if speaks_for != Some(claims.issuer()) {
            return Err(JwtError::Issuer.into());
        }
        if now >= claims.expires_at.plus(MOST_LEEWAY) {
            return Err(JwtError::Expired.into());
        }
        Ok(claims)
    }

    /// Whether tokens may be of this issuer, by the name that claims give it.
    pub(super) fn answers_for(&self, issuer: &str) -> bool {
        self.verifiers.iter().any(|verifier| match verifier.answers_for() {
            Answers::Issuers(issuers) => issuers.iter().any(|own| own == issuer),
            Answers::Others { known_as } => known_as == issuer,
        })
    }

    fn verifier_for(&self, issuer: Option<&str>) -> Option<&dyn TokenVerifier> {
        let answers = |verifier: &&Arc<dyn TokenVerifier>| match verifier.answers_for() {
            Answers::Issuers(issuers) => issuer.is_some_and(|issuer| issuers.iter().any(|own| own == issuer)),
            Answers::Others { .. } => false,
        };
        let takes_others =
            |verifier: &&Arc<dyn TokenVerifier>| matches!(verifier.answers_for(), Answers::Others { .. });
        let found = self.verifiers.iter().find(answers).or_else(|| self.verifiers.iter().find(takes_others));
        found.map(|verifier| &**verifier)
    }
}

impl fmt::Debug for VerifierChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.verifiers.iter().map(|verifier| verifier.answers_for())).finish()
    }
}

/// A [`VerifierChain`] to be.
#[derive(Clone, Default)]
#[must_use]
pub struct VerifierChainBuilder {
    client: Option<Arc<dyn HttpClient>>,
    jwks: Vec<VerifierBuilder<KeySource>>,
    fixed: Vec<VerifierBuilder<StaticKeys>>,
    others: Vec<Arc<dyn TokenVerifier>>,
}

impl VerifierChainBuilder {
    /// What published keys are read through.
    pub fn http_client(self, client: Arc<dyn HttpClient>) -> Self {
        Self { client: Some(client), ..self }
    }

    /// Adds an issuer that publishes its keys.
    pub fn jwks(mut self, verifier: VerifierBuilder<KeySource>) -> Self {
        self.jwks.push(verifier);
        self
    }

    /// Adds tokens whose keys are known beforehand.
    pub fn static_keys(mut self, verifier: VerifierBuilder<StaticKeys>) -> Self {
        self.fixed.push(verifier);
        self
    }

    /// Adds a verifier of the application's own, or one that was built already.
    pub fn verifier(mut self, verifier: impl TokenVerifier) -> Self {
        self.others.push(Arc::new(verifier));
        self
    }

    /// What is wrong with the chain and everything in it, in sentences; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        match self.assemble() {
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        }
    }

    /// The chain.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem of every verifier, two that answer for one issuer included.
    pub fn build(self) -> Result<VerifierChain, ConfigErrors> {
        self.assemble().map_err(ConfigErrors::new)
    }

    fn assemble(&self) -> Result<VerifierChain, Vec<String>> {
        let (mut verifiers, mut problems) = (self.others.clone(), Vec::new());
        for fixed in &self.fixed {
            match fixed.clone().build() {
                Ok(verifier) => verifiers.push(Arc::new(verifier)),
                Err(errors) => problems.extend_from_slice(errors.problems()),
            }
        }
        for jwks in &self.jwks {
            match &self.client {
                None => problems.extend(jwks.problems()),
                Some(client) => match jwks.clone().build(Arc::clone(client)) {
                    Ok(verifier) => verifiers.push(Arc::new(verifier)),
                    Err(errors) => problems.extend_from_slice(errors.problems()),
                },
            }
        }
        if self.client.is_none() && !self.jwks.is_empty() {
            problems.push("Issuers publish keys, and there is no HTTP client to read them through.".to_owned());
        }
        if verifiers.is_empty() && problems.is_empty() {
            problems.push("There is no verifier, so every token would be refused.".to_owned());
        }
        problems.extend(overlaps(&verifiers));
        if problems.is_empty() { Ok(VerifierChain { verifiers: verifiers.into() }) } else { Err(problems) }
    }
}

impl fmt::Debug for VerifierChainBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verifiers = self.jwks.len() + self.fixed.len() + self.others.len();
        write!(f, "VerifierChainBuilder({verifiers} verifiers)")
    }
}

/// Two verifiers for one issuer: which of them decides would be chance.
fn overlaps(verifiers: &[Arc<dyn TokenVerifier>]) -> Vec<String> {
    let (mut issuers, mut takes_others, mut problems) = (HashSet::new(), 0, Vec::new());
    for verifier in verifiers {
        let own = match verifier.answers_for() {
            Answers::Issuers(own) => own,
            Answers::Others { known_as } => {
                takes_others += 1;
                &[known_as.to_owned()]
            }
        };
        if own.is_empty() {
            problems.push("A verifier answers for no issuer.".to_owned());
        }
        let twice = own.iter().filter(|issuer| !issuers.insert((*issuer).clone()));
        problems.extend(twice.map(|issuer| format!("Two verifiers answer for the issuer `{issuer}`.")));
    }
    if takes_others > 1 {
        problems.push("Two verifiers answer for tokens of any issuer.".to_owned());
    }
    problems
}
