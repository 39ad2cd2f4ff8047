//! Tokens whose keys are known beforehand.

use std::fmt;

use async_trait::async_trait;

use super::audience::AudienceRule;
use super::builder::VerifierBuilder;
use super::claims::VerifiedClaims;
use super::keys::{Choice, KeySet};
use super::rules::TokenRules;
use super::verifier::{Answers, PresentedToken, Refusal, TokenVerifier, VerifyError};
use crate::base::{Secret, Timestamp};
use crate::crypto::jwt::{Algorithm, InvalidKey, JwkSet, VerifyingKey};
use crate::error::ConfigErrors;

/// What tokens are known as whose key takes the place of the issuer.
const LOCAL: &str = "local";

/// Verifies tokens by keys that never change while the program runs: a secret that the issuer shares with us, or public
/// keys that came another way than over the network.
///
/// ```
/// use auth_core::base::{OsRandom, Random, Secret};
/// use auth_core::issuer::{ClaimsProfile, StaticKeyVerifier};
///
/// # let mut bytes = [0; 32];
/// # OsRandom.fill(&mut bytes);
/// # let secret = Secret::new(bytes);
/// let verifier = StaticKeyVerifier::secret(secret).profile(ClaimsProfile::apso()).build()?;
/// # Ok::<(), auth_core::ConfigErrors>(())
/// ```
pub struct StaticKeyVerifier {
    issuers: Vec<String>,
    known_as: String,
    algorithms: Vec<Algorithm>,
    rules: TokenRules,
    keys: KeySet,
}

impl StaticKeyVerifier {
    /// Tokens by HS256, signed with a secret of at least 32 random bytes. Whoever has it can issue tokens, which is why
    /// it must be shared with one issuer only and with nobody else who verifies.
    ///
    /// The secret takes the place of issuer and audience: tokens may have no `iss` and must have no `aud`, until
    /// [`issuer`](VerifierBuilder::issuer) and [`audience`](VerifierBuilder::audience) name what they have.
    pub fn secret(secret: Secret) -> VerifierBuilder<StaticKeys> {
        let builder = VerifierBuilder::new(Vec::new(), vec![Algorithm::Hs256], StaticKeys::of_secret(secret));
        builder.audience_rule(AudienceRule::None)
    }

    /// Tokens of `issuer` by RS256, ES256 or EdDSA, signed with one of these keys. An audience must be named.
    pub fn public_keys(issuer: impl Into<String>, keys: JwkSet) -> VerifierBuilder<StaticKeys> {
        let keys = StaticKeys { secrets: Vec::new(), published: keys, known_as: LOCAL.to_owned() };
        VerifierBuilder::new(vec![issuer.into()], vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa], keys)
    }
}

#[async_trait]
impl TokenVerifier for StaticKeyVerifier {
    fn answers_for(&self) -> Answers<'_> {
        match &*self.issuers {
            [] => Answers::Others { known_as: &self.known_as },
            issuers => Answers::Issuers(issuers),
        }
    }

    async fn verify(&self, token: &PresentedToken<'_>, now: Timestamp) -> Result<VerifiedClaims, VerifyError> {
        let unverified = token.unverified();
        if !self.algorithms.contains(&unverified.algorithm()) {
            return Err(Refusal::Algorithm.into());
        }
        let key = match self.keys.choose(unverified.algorithm(), unverified.kid()) {
            Choice::Key(key) => &key.key,
            Choice::Unknown => return Err(Refusal::UnknownKey.into()),
            Choice::Refused(refusal) => return Err(refusal.into()),
        };
        Ok(self.rules.judge(token, key, self.answers_for(), now)?)
    }
}

impl fmt::Debug for StaticKeyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKeyVerifier").field("answers_for", &self.answers_for()).finish_non_exhaustive()
    }
}

/// Keys that are given beforehand.
#[derive(Clone, Debug)]
pub struct StaticKeys {
    secrets: Vec<(Secret, Option<String>)>,
    published: JwkSet,
    known_as: String,
}

impl StaticKeys {
    pub(super) fn of_secret(secret: Secret) -> Self {
        Self { secrets: vec![(secret, None)], published: JwkSet::from_iter([]), known_as: LOCAL.to_owned() }
    }

    fn secret_keys(&self) -> impl Iterator<Item = Result<VerifyingKey, InvalidKey>> {
        self.secrets.iter().map(|(secret, kid)| VerifyingKey::hs256(secret, kid.clone()))
    }
}

impl VerifierBuilder<StaticKeys> {
    /// What [`VerifiedClaims::issuer`] says of tokens as long as no issuer is named; `local` by default. Somebody's
    /// identity is this name and their subject, so it must not change.
    pub fn known_as(mut self, name: impl Into<String>) -> Self {
        self.keys.known_as = name.into();
        self
    }

    /// Names the secret: a token that names another key is refused. Without a name, what tokens say of it is ignored.
    pub fn key_id(mut self, kid: impl Into<String>) -> Self {
        if let [(_, name)] = &mut *self.keys.secrets {
            *name = Some(kid.into());
        }
        self
    }

    /// What is wrong with these settings, in sentences; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.rules.problems();
        if self.issuers.iter().any(|issuer| issuer.trim().is_empty()) || self.keys.known_as.trim().is_empty() {
            problems.push("its name is empty.".to_owned());
        }
        problems.extend(self.keys.secret_keys().filter_map(Result::err).map(|error| format!("{error}.")));
        let is_secret = !self.keys.secrets.is_empty();
        if !is_secret && self.keyset().is_empty() {
            problems.push("it has no key that could be used.".to_owned());
        }
        // A public key says nothing about whom a token is for: its owner issues them for others as well.
        if self.rules.audience == AudienceRule::None && !is_secret && !self.rules.is_bound_by_a_claim() {
            problems.push("no audience is named, and nothing else binds its tokens to this application.".to_owned());
        }
        if self.algorithms.is_empty() || self.algorithms.iter().any(|name| name.is_symmetric() != is_secret) {
            problems.push("its algorithms do not fit its keys.".to_owned());
        }
        self.named(problems)
    }

    /// The verifier.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn build(self) -> Result<StaticKeyVerifier, ConfigErrors> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(ConfigErrors::new(problems));
        }
        let keys = self.keyset();
        let Self { issuers, rules, algorithms, keys: StaticKeys { known_as, .. } } = self;
        Ok(StaticKeyVerifier { issuers, known_as, algorithms, rules, keys })
    }

    fn keyset(&self) -> KeySet {
        let mut keys = KeySet::published(&self.keys.published, &self.algorithms);
        self.keys.secret_keys().filter_map(Result::ok).for_each(|key| keys.push(key));
        keys
    }
}
