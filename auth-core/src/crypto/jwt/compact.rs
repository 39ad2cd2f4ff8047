//! A compact JWS (RFC 7515 §7.1): taken apart first, trusted only after its signature.

use std::fmt;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::claims::{Expected, RegisteredClaims};
use super::error::JwtError;
use super::key::VerifyingKey;
use crate::base::json::{self, Unambiguous};

/// Longest token: what servers accept as one header line.
pub(super) const MOST_BYTES: usize = 8 * 1024;
pub(super) const MOST_TYP_CHARS: usize = 64;
pub(super) const MOST_KID_CHARS: usize = 256;

/// Header members that change how a token must be verified, bring a key of the sender's choice along or make an
/// encrypted token of it: RFC 7515 §4.1.2 to §4.1.8 and §4.1.11, RFC 7516 §4.1, RFC 7797 §3. None is harmless.
const DANGEROUS_MEMBERS: [&str; 11] =
    ["crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc", "epk"];

/// A token that is well formed and otherwise unknown: nobody has looked at its signature yet. What it says of itself
/// may choose the key, and decides nothing.
pub(crate) struct Unverified<'t> {
    header: Header,
    signing_input: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    issuer: OnceLock<Option<String>>,
}

impl<'t> Unverified<'t> {
    /// Reads a token as we issue them: no header members but `alg`, `typ` and `kid`.
    pub(crate) fn parse(text: &'t str) -> Result<Self, JwtError> {
        Self::read(text, OtherMembers::Refused)
    }

    /// Reads a token of somebody else, who may have put more into the header (RFC 7515 §4 has readers ignore it).
    pub(crate) fn parse_foreign(text: &'t str) -> Result<Self, JwtError> {
        Self::read(text, OtherMembers::Ignored)
    }

    fn read(text: &'t str, others: OtherMembers) -> Result<Self, JwtError> {
        if text.len() > MOST_BYTES {
            return Err(JwtError::TooLong);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwtError::Parts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwtError::Parts)?;
        if [header, payload, signature].contains(&"") || payload.contains('.') {
            return Err(JwtError::Parts);
        }
        Ok(Self {
            header: Header::parse(&decoded(header)?, others)?,
            signing_input,
            payload: decoded(payload)?,
            signature: decoded(signature)?,
            issuer: OnceLock::new(),
        })
    }

    /// The algorithm that the token claims.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The kind that the token claims.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The key that the token names.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The issuer that the token names, only to choose a verifier by, which compares it again when it is signed.
    pub(crate) fn issuer(&self) -> Option<&str> {
        let read = || match json::parse_object::<Map<String, Value>>(&self.payload).ok()?.remove("iss")? {
            Value::String(issuer) => Some(issuer),
            _ => None,
        };
        self.issuer.get_or_init(read).as_deref()
    }

    /// The claims, if the key signed them: the algorithm is compared first, then the key id if both sides have one,
    /// then the signature, and only then the payload is read. Says nothing about expiry or audience; see
    /// [`accept`](Self::accept).
    pub(crate) fn verify<C: DeserializeOwned>(&self, key: &VerifyingKey) -> Result<C, JwtError> {
        json::parse_object(self.authentic(key)?).map_err(|_| JwtError::Payload)
    }

    /// The registered claims and those of the token's kind, if the key signed them and they are as expected now.
    pub(crate) fn accept<C: DeserializeOwned>(
        &self,
        key: &VerifyingKey,
        expected: &Expected<'_>,
    ) -> Result<(RegisteredClaims, C), JwtError> {
        let payload = self.authentic(key)?;
        expected.judge_type(self.typ())?;
        let payload = Unambiguous::parse(payload).map_err(|_| JwtError::Payload)?;
        let registered: RegisteredClaims = payload.read().map_err(|_| JwtError::Claims)?;
        expected.judge(&registered)?;
        Ok((registered, payload.read().map_err(|_| JwtError::Payload)?))
    }

    pub(super) fn authentic(&self, key: &VerifyingKey) -> Result<&[u8], JwtError> {
        if self.algorithm() != key.algorithm() {
            return Err(JwtError::OtherAlgorithm);
        }
        if let (Some(named), Some(kid)) = (self.kid(), key.kid())
            && named != kid
        {
            return Err(JwtError::OtherKey);
        }
        key.verify(self.signing_input.as_bytes(), &self.signature)?;
        Ok(&self.payload)
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({}, [redacted])", self.algorithm())
    }
}

/// What happens to header members that we do not know.
#[derive(Clone, Copy)]
enum OtherMembers {
    Refused,
    Ignored,
}

struct Header {
    algorithm: Algorithm,
    typ: Option<String>,
    kid: Option<String>,
}

impl Header {
    fn parse(bytes: &[u8], others: OtherMembers) -> Result<Self, JwtError> {
        let members: Map<String, Value> = json::parse_object(bytes).map_err(|_| JwtError::Header)?;
        let (mut alg, mut typ, mut kid) = (None, None, None);
        for (name, value) in members {
            match (&*name, value, others) {
                ("alg", Value::String(value), _) => alg = Some(value),
                ("typ", Value::String(value), _) if is_visible(&value, MOST_TYP_CHARS) => typ = Some(value),
                ("kid", Value::String(value), _) if is_visible(&value, MOST_KID_CHARS) => kid = Some(value),
                ("alg" | "typ" | "kid", _, _) | (_, _, OtherMembers::Refused) => return Err(JwtError::Header),
                (other, _, OtherMembers::Ignored) if DANGEROUS_MEMBERS.contains(&other) => {
                    return Err(JwtError::Header);
                }
                (_, _, OtherMembers::Ignored) => {}
            }
        }
        let algorithm = alg.ok_or(JwtError::Header)?.parse().map_err(|_| JwtError::Algorithm)?;
        Ok(Self { algorithm, typ, kid })
    }
}

/// Without padding, stray characters or spare bits: there is one way to write a token.
fn decoded(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Encoding)
}

/// Whether it has 1 to `most` characters, all of them visible ASCII. What passes may stand in a log.
pub(super) fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
