//! What can be wrong with a key or a token. No text here quotes what was wrong.

use crate::crypto::keys::KeyWeakness;

/// Why a key is refused. Nothing of the key is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// HS256 has a secret and no key pair: see [`SigningKey::hs256`](super::SigningKey::hs256).
    #[error("HS256 has a secret and no key pair")]
    Symmetric,
    /// The secret of HS256 is short or obviously not random.
    #[error("the secret {0}")]
    Weak(KeyWeakness),
    /// A key id has 1 to 256 visible ASCII characters.
    #[error("the key id must have 1 to 256 visible ASCII characters")]
    KeyId,
    /// Not a key in the expected form: PKCS#8 of this algorithm, or a JWK (RFC 7517).
    #[error("not a well-formed key of its algorithm")]
    Malformed,
    /// A key type, curve or algorithm other than those of [`Algorithm`](super::Algorithm).
    #[error("a key of a type, curve or algorithm that is not supported")]
    Unsupported,
    /// `alg` is not an algorithm of this `kty` and `crv`.
    #[error("the key's type does not fit its algorithm")]
    Disagreement,
    /// An RSA key does not say which algorithm it is for: see [`Jwk::with_algorithm`](super::Jwk::with_algorithm).
    #[error("the key does not say which algorithm it is for")]
    NoAlgorithm,
    /// A JWK holds a private or a symmetric key. Whoever published it should replace it.
    #[error("not a public key")]
    NotPublic,
    /// `use` or `key_ops` say that the key does not verify signatures (RFC 7517 §4.2, §4.3).
    #[error("the key is not meant for verifying signatures")]
    OtherUse,
    /// An RSA modulus has 2048 to 8192 bits and is odd: shorter ones are broken, longer ones cost whoever verifies.
    #[error("an RSA modulus must be odd and have 2048 to 8192 bits")]
    RsaModulus,
    /// An RSA exponent is odd, at least 65537 (FIPS 186-5 §A.1.1) and below 2^32.
    #[error("an RSA exponent must be odd, at least 65537 and below 2^32")]
    RsaExponent,
    /// A point that is not on the curve, or an Ed25519 point of small order, which would verify anything.
    #[error("the key is no point of its curve, or one of small order")]
    Point,
    /// No key could be generated.
    #[error("no key could be generated")]
    NotGenerated,
}

/// Why a token was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// `typ` has 1 to 64 visible ASCII characters.
    #[error("the token's type must have 1 to 64 visible ASCII characters")]
    Type,
    /// The claims are no JSON object, name a member twice or are nested in more than 32 levels.
    #[error("the claims are not an unambiguous JSON object")]
    Claims,
    /// More than 8 KiB: nobody who is as strict as we are would read it.
    #[error("the token would have more than 8 KiB")]
    TooLong,
    /// The cryptography failed.
    #[error("signing failed")]
    Failed,
}

/// Why a token is refused: the class of the failure, for the log. Clients learn only that it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// More than 8 KiB.
    #[error("the token has more than 8 KiB")]
    TooLong,
    /// Not three parts that are not empty (RFC 7515 §7.1): five are a JWE, and an empty signature is unsigned.
    #[error("the token does not have three parts")]
    Parts,
    /// A part is not canonical base64url: padded, with stray characters, or with spare bits that are not zero.
    #[error("a part of the token is not base64url in its canonical form")]
    Encoding,
    /// The header is no JSON object, names a member twice, or has one that is mistyped or not allowed.
    #[error("the token's header is malformed or has a member that is not allowed")]
    Header,
    /// `alg` is none that is supported; `none` never is.
    #[error("the token's algorithm is not supported")]
    Algorithm,
    /// `alg` is not the algorithm of the key.
    #[error("the token has another algorithm than the key")]
    OtherAlgorithm,
    /// `kid` is not the id of the key.
    #[error("the token names another key")]
    OtherKey,
    /// The signature is not one of this key over these bytes.
    #[error("the token's signature is wrong")]
    Signature,
    /// The signed payload is no JSON object of the expected shape, or names a member twice.
    #[error("the token's payload is not the expected JSON object")]
    Payload,
    /// `typ` is not the expected one: a token of another kind.
    #[error("the token is of another type")]
    Type,
    /// A registered claim is missing, mistyped, empty or out of range.
    #[error("a registered claim of the token is missing or malformed")]
    Claims,
    /// `iss` is not the expected issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` names nobody of us.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` has come.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
}
