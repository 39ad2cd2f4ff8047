//! Keys whose algorithm is fixed: one that signs, one that verifies.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;

use super::algorithm::Algorithm;
use super::compact::{MOST_BYTES, MOST_KID_CHARS, MOST_TYP_CHARS, is_visible};
use super::error::{InvalidKey, JwtError, SignError};
use super::jwk::{Jwk, Material};
use crate::base::{Secret, json};
use crate::crypto::keys::weakness_of;

/// Asked directly. The crate's own functions ask a default of the whole process instead: that one panics if features
/// of the crate were unified badly, and another part of the program could have replaced it.
static BACKEND: &CryptoProvider = &DEFAULT_PROVIDER;

/// A key that signs tokens by one algorithm. Clones share it; it is wiped when the last one is gone.
///
/// ```
/// use auth_core::crypto::jwt::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::EdDsa, "2026-01")?;
/// let token = key.sign("at+jwt", &serde_json::json!({ "iss": "https://auth.example.com", "sub": "ada" }))?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(Arc<SigningParts>);

struct SigningParts {
    key: EncodingKey,
    /// The form that can be stored; a secret of HS256 has none.
    pkcs8: Option<Secret>,
    jwk: Option<Jwk>,
    verifying_key: VerifyingKey,
}

impl SigningKey {
    /// A new key pair, from the randomness of AWS-LC. RSA keys have 2048 bits, and generating one takes a while.
    ///
    /// # Errors
    /// [`InvalidKey`] for HS256, for a `kid` that is not 1 to 256 visible ASCII characters, and if no key comes.
    pub fn generate(algorithm: Algorithm, kid: impl Into<String>) -> Result<Self, InvalidKey> {
        let random = SystemRandom::new();
        let der = match algorithm {
            Algorithm::Hs256 => return Err(InvalidKey::Symmetric),
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random).map(|der| Secret::new(der.as_ref())),
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                .map(|der| Secret::new(der.as_ref())),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair))
                .map(|der| Secret::new(der.as_ref())),
        };
        Self::from_pkcs8(algorithm, kid, &der.map_err(|_| InvalidKey::NotGenerated)?)
    }

    /// A key pair in the binary form of PKCS#8 (RFC 5208, RFC 5958), which must be one of this algorithm.
    ///
    /// # Errors
    /// [`InvalidKey`] for HS256, for a bad `kid`, for anything but a consistent key of the algorithm, and for RSA keys
    /// outside of 2048 to 8192 bits.
    pub fn from_pkcs8(algorithm: Algorithm, kid: impl Into<String>, der: &Secret) -> Result<Self, InvalidKey> {
        let kid = checked_kid(&kid.into())?;
        let (key, material) = match algorithm {
            Algorithm::Hs256 => return Err(InvalidKey::Symmetric),
            Algorithm::EdDsa => ed25519_pair(one_sequence(der)?)?,
            Algorithm::Es256 => p256_pair(one_sequence(der)?)?,
            Algorithm::Rs256 => rsa_pair(one_sequence(der)?)?,
        };
        let jwk = Jwk::of(algorithm, Some(kid), material)?;
        let verifying_key = VerifyingKey::from_jwk(&jwk)?;
        Ok(Self(Arc::new(SigningParts { key, pkcs8: Some(der.clone()), jwk: Some(jwk), verifying_key })))
    }

    /// A secret that is shared with whoever verifies, who could sign as well: only for tokens that stay among
    /// ourselves.
    ///
    /// # Errors
    /// [`InvalidKey::Weak`] for fewer than 32 bytes (RFC 7518 §3.2) or an obviously chosen secret, and
    /// [`InvalidKey::KeyId`].
    pub fn hs256(secret: &Secret, kid: Option<String>) -> Result<Self, InvalidKey> {
        let verifying_key = VerifyingKey::hs256(secret, kid)?;
        let key = EncodingKey::from_secret(secret.expose());
        Ok(Self(Arc::new(SigningParts { key, pkcs8: None, jwk: None, verifying_key })))
    }

    /// The key pair for storing it, as [`from_pkcs8`](Self::from_pkcs8) reads it; `None` for HS256.
    pub fn to_pkcs8(&self) -> Option<Secret> {
        self.0.pkcs8.clone()
    }

    /// The algorithm that it signs by.
    pub fn algorithm(&self) -> Algorithm {
        self.0.verifying_key.algorithm()
    }

    /// The id that stands in the header of its tokens.
    pub fn kid(&self) -> Option<&str> {
        self.0.verifying_key.kid()
    }

    /// The public half, for publishing; `None` for HS256, which has none.
    pub fn public_jwk(&self) -> Option<Jwk> {
        self.0.jwk.clone()
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.0.verifying_key.clone()
    }

    /// Signs `claims` as a token of the kind `typ`. The header has `alg`, `typ` and, if the key has one, `kid`; no
    /// more.
    ///
    /// # Errors
    /// [`SignError`] if the token could not be read back: claims that are not an unambiguous JSON object, more than
    /// 8 KiB, or a `typ` that is not 1 to 64 visible ASCII characters.
    pub fn sign<C: Serialize>(&self, typ: &'static str, claims: &C) -> Result<String, SignError> {
        if !is_visible(typ, MOST_TYP_CHARS) {
            return Err(SignError::Type);
        }
        let header = Header { alg: self.algorithm().as_str(), typ, kid: self.kid() };
        let header = serde_json::to_vec(&header).map_err(|_| SignError::Failed)?;
        let claims = serde_json::to_vec(claims).map_err(|_| SignError::Claims)?;
        json::parse_object::<serde::de::IgnoredAny>(&claims).map_err(|_| SignError::Claims)?;

        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.sign_bytes(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        if token.len() > MOST_BYTES {
            return Err(SignError::TooLong);
        }
        Ok(token)
    }

    pub(super) fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signer = (BACKEND.signer_factory)(&self.algorithm().backend(), &self.0.key);
        signer.map_err(|_| SignError::Failed)?.try_sign(message).map_err(|_| SignError::Failed)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, [redacted])", self.algorithm())
    }
}

/// A key that verifies tokens by one algorithm, whatever a token says of itself. Clones share it.
#[derive(Clone)]
pub struct VerifyingKey(Arc<VerifyingParts>);

struct VerifyingParts {
    algorithm: Algorithm,
    kid: Option<String>,
    key: DecodingKey,
}

impl VerifyingKey {
    /// The key of an issuer.
    ///
    /// # Errors
    /// [`InvalidKey::NoAlgorithm`] for an RSA key that does not name its own: see [`Jwk::with_algorithm`]. All else was
    /// judged when the [`Jwk`] was read.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, InvalidKey> {
        Ok(Self(Arc::new(VerifyingParts {
            algorithm: jwk.algorithm().ok_or(InvalidKey::NoAlgorithm)?,
            kid: jwk.kid().map(str::to_owned),
            key: jwk.material.decoding_key(),
        })))
    }

    /// The secret that the tokens are signed with.
    ///
    /// # Errors
    /// As [`SigningKey::hs256`].
    pub fn hs256(secret: &Secret, kid: Option<String>) -> Result<Self, InvalidKey> {
        if let Some(weakness) = weakness_of(secret.expose()) {
            return Err(InvalidKey::Weak(weakness));
        }
        Ok(Self(Arc::new(VerifyingParts {
            algorithm: Algorithm::Hs256,
            kid: kid.as_deref().map(checked_kid).transpose()?,
            key: DecodingKey::from_secret(secret.expose()),
        })))
    }

    /// The algorithm that it verifies by.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The id that a token may name it by.
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), JwtError> {
        let verifier = (BACKEND.verifier_factory)(&self.0.algorithm.backend(), &self.0.key);
        let verifier = verifier.map_err(|_| JwtError::Signature)?;
        verifier.verify(message, signature).map_err(|_| JwtError::Signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, [redacted])", self.algorithm())
    }
}

/// Its members in the order of the text.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

pub(super) fn checked_kid(kid: &str) -> Result<String, InvalidKey> {
    if is_visible(kid, MOST_KID_CHARS) { Ok(kid.to_owned()) } else { Err(InvalidKey::KeyId) }
}

/// A DER sequence and nothing behind it, where the backend would not look.
fn one_sequence(der: &Secret) -> Result<&[u8], InvalidKey> {
    let der = der.expose();
    let (content, length) = match *der {
        [0x30, 0x82, high, low, ref content @ ..] => (content, usize::from(u16::from_be_bytes([high, low]))),
        [0x30, 0x81, length, ref content @ ..] => (content, usize::from(length)),
        [0x30, length, ref content @ ..] if length < 0x80 => (content, usize::from(length)),
        _ => return Err(InvalidKey::Malformed),
    };
    if content.len() == length { Ok(der) } else { Err(InvalidKey::Malformed) }
}

fn ed25519_pair(der: &[u8]) -> Result<(EncodingKey, Material), InvalidKey> {
    let public = (BACKEND.key_utils.ed_pub_components_from_private_key)(der, &EllipticCurve::Ed25519);
    let x = public.map_err(|_| InvalidKey::Malformed)?;
    Ok((EncodingKey::from_ed_der(der), Material::ed25519(x)?))
}

fn p256_pair(der: &[u8]) -> Result<(EncodingKey, Material), InvalidKey> {
    let backend = Algorithm::Es256.backend();
    let public = (BACKEND.key_utils.ec_pub_components_from_private_key)(der, backend);
    let (_, x, y) = public.map_err(|_| InvalidKey::Malformed)?;
    Ok((EncodingKey::from_ec_der(der), Material::p256(x, y)?))
}

/// Where the inner key begins in a PKCS#8 document that AWS-LC wrote for an RSA key of 2048 bits or more: behind the
/// outer tag (4 bytes), the version (3), the identifier of the algorithm (15) and the tag of the inner string (4).
const RSA_PKCS8_HEADER: usize = 26;

/// The crate signs with the `RSAPrivateKey` (RFC 8017 §A.1.2) that PKCS#8 wraps.
fn rsa_pair(der: &[u8]) -> Result<(EncodingKey, Material), InvalidKey> {
    let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| InvalidKey::Malformed)?;
    // Written anew, so that the header has its one canonical length.
    let canonical: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| InvalidKey::Malformed)?;
    let (_, inner) = canonical.as_ref().split_at_checked(RSA_PKCS8_HEADER).ok_or(InvalidKey::Malformed)?;
    // Whatever is not exactly an `RSAPrivateKey` fails here.
    let public = (BACKEND.key_utils.rsa_pub_components_from_private_key)(inner);
    let (n, e) = public.map_err(|_| InvalidKey::Malformed)?;
    Ok((EncodingKey::from_rsa_der(inner), Material::rsa(n, e)?))
}
