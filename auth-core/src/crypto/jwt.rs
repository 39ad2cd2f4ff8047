//! Signed tokens (JWS and JWT, RFC 7515 and 7519), read more strictly than the crate beneath.
//!
//! `jsonwebtoken` knows how to make and check signatures, and it is asked for nothing else. Left to itself it accepts
//! much that is a known attack or leads to one. Each of these is closed here, before or after the signature:
//!
//! | The crate alone | Here |
//! | --- | --- |
//! | picks the verification by the header's `alg` out of a list | a key has one algorithm; another in the header is refused before any cryptography (RFC 8725 §3.1) |
//! | takes any bytes as an HMAC secret, a public key's too | HS256 keys are made from a [`Secret`](crate::base::Secret) of 32 bytes or more that is not obviously chosen; nothing is made from PEM |
//! | parses `crit` and `b64` and ignores them | refused, with every other member that changes the verification or brings a key along (`jku`, `jwk`, `x5…`, `zip`, `enc`) |
//! | ignores header members that it does not know, twice over too | tokens of our own have `alg`, `typ` and `kid`, each once; those of others may have more that is harmless |
//! | ignores `kid` | compared when token and key both have one |
//! | accepts any `typ` | compared as a media type (RFC 8725 §3.11) |
//! | reads claims with duplicate names, in which the last or the first one counts | refused at any depth, as is nesting beyond 32 levels |
//! | reads an array as a struct of claims, by position | only an object is read |
//! | accepts a missing or mistyped `iss` or `aud` unless told otherwise, and an array `iss` that holds an allowed one | `iss` is one string and equal; `aud` is a name or several, of which one fits |
//! | accepts a `sub` that is empty or a number | refused |
//! | accepts a token in the second of its `exp`, 60 s later too, and does not look at `nbf` and `iat` | `now >= exp` is dead, leeway is what the caller says and at most 60 s, `nbf` and `iat` must have come |
//! | takes dates of any size | from 1970 to 9999; nothing wraps or is moved into range |
//! | takes input of any size | 8 KiB |
//! | takes RSA and Ed25519 keys of any kind until they are used | sizes, exponents, points and uses are judged when a [`Jwk`] is read |
//! | asks a process-wide default for its cryptography, and panics if there is none | asks AWS-LC |
//!
//! Two things no reader can close. A valid ECDSA signature can be changed into another valid one of the same text, so
//! that a token is told apart by its `jti` and never by its characters. And whoever holds an HS256 secret for
//! verifying can sign as well.
//!
//! Verifying takes one signature check whatever the token says, and reads neither files nor the network. There is no
//! way to read a token without verifying it.
//!
//! Start reading at `Unverified`, which a token is until its signature was checked, then at `Expected`.

mod algorithm;
mod claims;
mod compact;
mod error;
mod jwk;
mod jwk_set;
mod key;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub(crate) use claims::{Audience, Expected, Presence, RegisteredClaims};
pub(crate) use compact::Unverified;
pub use error::{InvalidKey, JwtError, SignError};
pub use jwk::Jwk;
pub use jwk_set::{InvalidJwkSet, JwkSet};
pub use key::{SigningKey, VerifyingKey};
