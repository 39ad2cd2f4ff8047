//! The keys of an issuer, and which of them a token is verified by.

use std::fmt;

use super::verifier::Refusal;
use crate::crypto::jwt::{Algorithm, JwkSet, JwtError, VerifyingKey};

/// Keys, each of which has one algorithm.
#[derive(Clone, Default)]
pub(super) struct KeySet(Vec<IssuerKey>);

#[derive(Clone)]
pub(super) struct IssuerKey {
    pub(super) key: VerifyingKey,
    /// For whose tokens it is good, if the set says so: a member that Microsoft has added.
    pub(super) issuer: Option<String>,
}

/// What a set of keys says to a token.
pub(super) enum Choice<'k> {
    Key(&'k IssuerKey),
    /// It names a key that is not there. A newer set may have it.
    Unknown,
    Refused(Refusal),
}

impl KeySet {
    /// The published keys that have one of these algorithms. An RSA key that does not name its own gets the one for
    /// RSA.
    pub(super) fn published(set: &JwkSet, algorithms: &[Algorithm]) -> Self {
        let verifying_key = |jwk: &crate::crypto::jwt::Jwk| {
            let jwk = match jwk.algorithm() {
                Some(_) => jwk.clone(),
                None => jwk.clone().with_algorithm(Algorithm::Rs256).ok()?,
            };
            VerifyingKey::from_jwk(&jwk).ok().filter(|key| algorithms.contains(&key.algorithm()))
        };
        Self(set.keys().iter().filter_map(verifying_key).map(|key| IssuerKey { key, issuer: None }).collect())
    }

    pub(super) fn push(&mut self, key: VerifyingKey) {
        self.0.push(IssuerKey { key, issuer: None });
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut IssuerKey> {
        self.0.iter_mut()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one key that a token may be verified by: that of its algorithm which it names, or the only one if it names
    /// none. What it names chooses among keys and never how they are used.
    pub(super) fn choose(&self, algorithm: Algorithm, kid: Option<&str>) -> Choice<'_> {
        let of_algorithm = |key: &&IssuerKey| key.key.algorithm() == algorithm;
        let Some(kid) = kid else { return Self::only(self.0.iter().filter(of_algorithm), Refusal::UnknownKey.into()) };
        let named = |key: &&IssuerKey| key.key.kid() == Some(kid);
        if self.0.iter().any(|key| named(&key)) {
            let other_algorithm = Refusal::Token(JwtError::OtherAlgorithm).into();
            return Self::only(self.0.iter().filter(named).filter(of_algorithm), other_algorithm);
        }
        // A name says nothing to a key that has none.
        let nameless = self.0.iter().filter(|key| key.key.kid().is_none());
        Self::only(nameless.filter(of_algorithm), Choice::Unknown)
    }

    fn only<'k>(mut fitting: impl Iterator<Item = &'k IssuerKey>, none: Choice<'k>) -> Choice<'k> {
        match (fitting.next(), fitting.next()) {
            (None, _) => none,
            (Some(key), None) => Choice::Key(key),
            (Some(_), Some(_)) => Refusal::AmbiguousKey.into(),
        }
    }
}

impl From<Refusal> for Choice<'_> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({} keys)", self.0.len())
    }
}
