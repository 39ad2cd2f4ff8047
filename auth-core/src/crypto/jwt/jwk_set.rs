//! The keys of an issuer as one document (RFC 7517 §5).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jwk::Jwk;
use crate::base::json;

/// A document is read whole before it is judged.
const MOST_BYTES: usize = 1024 * 1024;
/// More keys than any issuer rotates through; each costs a check of its point.
const MOST_KEYS: usize = 200;

/// The public keys that an issuer publishes.
///
/// ```
/// use auth_core::crypto::jwt::{Algorithm, JwkSet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::EdDsa, "2026-01")?;
/// let published: JwkSet = key.public_jwk().into_iter().collect();
/// let document = serde_json::to_vec(&published)?;
/// assert_eq!(JwkSet::parse(&document)?.keys()[0].kid(), Some("2026-01"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    #[serde(skip)]
    skipped: usize,
}

impl JwkSet {
    /// Reads a document of at most 1 MiB and 200 keys. A key that we could not use is skipped and counted, since
    /// issuers publish keys for others too (RFC 7517 §5). Two keys of one type with the same `kid` are both skipped:
    /// which of them a token means would be a guess.
    ///
    /// # Errors
    /// [`InvalidJwkSet`] if the document is too large, has too many keys, is no object with an array `keys`, or names a
    /// member twice anywhere.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidJwkSet> {
        if document.len() > MOST_BYTES {
            return Err(InvalidJwkSet::TooLarge);
        }
        let Document { keys: entries } = json::parse_object(document).map_err(|_| InvalidJwkSet::Malformed)?;
        if entries.len() > MOST_KEYS {
            return Err(InvalidJwkSet::TooManyKeys);
        }
        let published = entries.len();
        let usable: Vec<Jwk> = entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect();
        let keys: Vec<Jwk> = usable.iter().filter(|key| !is_ambiguous(key, &usable)).cloned().collect();
        Ok(Self { skipped: published - keys.len(), keys })
    }

    /// The usable keys, in the order of the document.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// How many keys of the document were skipped.
    pub const fn skipped(&self) -> usize {
        self.skipped
    }
}

impl FromIterator<Jwk> for JwkSet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), skipped: 0 }
    }
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwkSet({} keys, {} skipped)", self.keys.len(), self.skipped)
    }
}

/// Why a document is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwkSet {
    /// More than 1 MiB.
    #[error("the key set has more than 1 MiB")]
    TooLarge,
    /// More than 200 keys.
    #[error("the key set has more than {MOST_KEYS} keys")]
    TooManyKeys,
    /// No JSON object with an array `keys`, or one that could be read in two ways.
    #[error("the key set is not an unambiguous JSON object with an array of keys")]
    Malformed,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

fn is_ambiguous(key: &Jwk, among: &[Jwk]) -> bool {
    let is_namesake = |other: &&Jwk| other.kid() == key.kid() && other.material.family() == key.material.family();
    key.kid().is_some() && among.iter().filter(is_namesake).count() > 1
}
