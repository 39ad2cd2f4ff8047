//! Public keys as JSON: RFC 7517, with the key types of RFC 7518 §6 and RFC 8037 §2.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::de::Error;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::algorithm::Algorithm;
use super::error::InvalidKey;
use super::key::checked_kid;
use crate::base::json;

/// A public key for verifying signatures, as issuers publish it.
///
/// One that exists is sound: of a supported type, of a size within bounds, a point of its curve, meant for signatures,
/// and without private parts. Members that RFC 7517 does not name are ignored (§4 there), as are certificates.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    pub(super) material: Material,
    algorithm: Option<Algorithm>,
    kid: Option<String>,
}

impl Jwk {
    /// The key id, by which tokens name the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm, from `alg` or because no other fits the curve. An RSA key without `alg` implies none.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Says which algorithm the key is for, where the issuer's metadata says it and the key itself does not.
    ///
    /// # Errors
    /// [`InvalidKey::Disagreement`] if the key is of another type.
    pub fn with_algorithm(self, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        if self.material.family() != algorithm {
            return Err(InvalidKey::Disagreement);
        }
        Ok(Self { algorithm: Some(algorithm), ..self })
    }

    /// The name that follows from the key itself: SHA-256 over its required members, in base64url (RFC 7638 §3).
    pub fn thumbprint(&self) -> String {
        let canonical = match &self.material {
            Material::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64(e), base64(n)),
            Material::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, base64(x), base64(y))
            }
            Material::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64(x)),
        };
        base64(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    }

    pub(super) fn of(algorithm: Algorithm, kid: Option<String>, material: Material) -> Result<Self, InvalidKey> {
        Self { material, algorithm: None, kid }.with_algorithm(algorithm)
    }
}

/// The algorithm alone: a key fills a log.
impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({})", self.material.family())
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        match &self.material {
            Material::Rsa { n, e } => {
                members.serialize_entry("kty", "RSA")?;
                members.serialize_entry("n", &base64(n))?;
                members.serialize_entry("e", &base64(e))?;
            }
            Material::P256 { x, y } => {
                members.serialize_entry("kty", "EC")?;
                members.serialize_entry("crv", "P-256")?;
                members.serialize_entry("x", &base64(x))?;
                members.serialize_entry("y", &base64(y))?;
            }
            Material::Ed25519 { x } => {
                members.serialize_entry("kty", "OKP")?;
                members.serialize_entry("crv", "Ed25519")?;
                members.serialize_entry("x", &base64(x))?;
            }
        }
        if let Some(algorithm) = self.algorithm {
            members.serialize_entry("alg", algorithm.as_str())?;
        }
        members.serialize_entry("use", "sig")?;
        if let Some(kid) = &self.kid {
            members.serialize_entry("kid", kid)?;
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for Jwk {
    /// Its errors are those of [`InvalidKey`], without a word of the input.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members: Members = json::object(deserializer).map_err(|_| D::Error::custom(InvalidKey::Malformed))?;
        members.into_jwk().map_err(D::Error::custom)
    }
}

/// The numbers that make up a public key, big-endian but for Ed25519.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl Material {
    /// RFC 7518 §6.3.1. Both numbers are written without leading zeros.
    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, InvalidKey> {
        let bits = match n.first() {
            Some(first) => n.len() * 8 - first.leading_zeros() as usize,
            None => 0,
        };
        let is_minimal = n.first().is_some_and(|first| *first != 0);
        let is_odd = n.last().is_some_and(|last| last % 2 == 1);
        if !is_minimal || !is_odd || !(2048..=8192).contains(&bits) {
            return Err(InvalidKey::RsaModulus);
        }
        // Three or four bytes without a leading zero: at least 65536, so at least 65537 if odd.
        let has_size = matches!(e.len(), 3 | 4) && e[0] != 0;
        if !has_size || e.last().is_none_or(|last| last % 2 == 0) {
            return Err(InvalidKey::RsaExponent);
        }
        Ok(Self::Rsa { n, e })
    }

    /// RFC 7518 §6.2.1: coordinates of full length.
    pub(super) fn p256(x: Vec<u8>, y: Vec<u8>) -> Result<Self, InvalidKey> {
        if x.len() != 32 || y.len() != 32 {
            return Err(InvalidKey::Malformed);
        }
        // AWS-LC refuses what is not on the curve; P-256 has no points of small order.
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed(&x, &y)).map_err(|_| InvalidKey::Point)?;
        Ok(Self::P256 { x, y })
    }

    /// RFC 8037 §2.
    pub(super) fn ed25519(x: Vec<u8>) -> Result<Self, InvalidKey> {
        let point: [u8; 32] = x[..].try_into().map_err(|_| InvalidKey::Malformed)?;
        if is_unsafe_point(point) {
            return Err(InvalidKey::Point);
        }
        Ok(Self::Ed25519 { x })
    }

    pub(super) fn decoding_key(&self) -> DecodingKey {
        match self {
            Self::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
            Self::P256 { x, y } => DecodingKey::from_ec_der(&uncompressed(x, y)),
            Self::Ed25519 { x } => DecodingKey::from_ed_der(x),
        }
    }

    /// The one supported algorithm of this key type.
    pub(super) const fn family(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256 { .. } => Algorithm::Es256,
            Self::Ed25519 { .. } => Algorithm::EdDsa,
        }
    }
}

/// SEC 1 §2.3.3.
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// Ed25519 keys for which signatures exist that fit any message, and encodings that are not canonical
/// (RFC 8032 §5.1.3). The backend refuses neither.
fn is_unsafe_point(mut point: [u8; 32]) -> bool {
    /// The y coordinates of the eight points whose order divides 8, little-endian; ±x share one.
    const SMALL_ORDER: [[u8; 32]; 5] = [
        [0; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        {
            let mut minus_one = [0xFF; 32];
            minus_one[0] = 0xEC;
            minus_one[31] = 0x7F;
            minus_one
        },
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5, 0xDF,
            0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A, 0x20,
            0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ],
    ];
    // The highest bit is the sign of x.
    point[31] &= 0x7F;
    // 2^255 - 19 and the 18 numbers above it are written ED…FF FF…FF 7F.
    let is_canonical = point[0] < 0xED || point[1..31].iter().any(|byte| *byte != 0xFF) || point[31] != 0x7F;
    !is_canonical || SMALL_ORDER.contains(&point)
}

/// The members of a JWK that we know. A private one only has to be there to be refused, whatever its value.
#[derive(Deserialize)]
struct Members {
    kty: String,
    #[serde(default, deserialize_with = "json::present")]
    alg: Option<String>,
    #[serde(default, rename = "use", deserialize_with = "json::present")]
    usage: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    e: Option<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

/// RFC 7518 §6.2.2, §6.3.2, §6.4.1.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl Members {
    fn into_jwk(self) -> Result<Jwk, InvalidKey> {
        if self.kty == "oct" || PRIVATE_MEMBERS.iter().any(|member| self.others.contains_key(*member)) {
            return Err(InvalidKey::NotPublic);
        }
        let verifies = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") || !verifies {
            return Err(InvalidKey::OtherUse);
        }
        let algorithm = self.alg.as_deref().map(str::parse).transpose().map_err(|_| InvalidKey::Unsupported)?;
        let kid = self.kid.as_deref().map(checked_kid).transpose()?;
        let material = self.material()?;
        let jwk = Jwk { material, algorithm: None, kid };
        match (algorithm, &jwk.material) {
            (Some(algorithm), _) => jwk.with_algorithm(algorithm),
            // RS256 is not the only algorithm for RSA keys; the same key must not verify by two.
            (None, Material::Rsa { .. }) => Ok(jwk),
            (None, Material::P256 { .. } | Material::Ed25519 { .. }) => {
                let implied = jwk.material.family();
                jwk.with_algorithm(implied)
            }
        }
    }

    fn material(&self) -> Result<Material, InvalidKey> {
        let [n, e, x, y] = [&self.n, &self.e, &self.x, &self.y].map(|member| decoded(member.as_deref()));
        match (&*self.kty, self.crv.as_deref()) {
            ("RSA", None) => Material::rsa(n?, e?),
            ("EC", Some("P-256")) => Material::p256(x?, y?),
            ("OKP", Some("Ed25519")) => Material::ed25519(x?),
            _ => Err(InvalidKey::Unsupported),
        }
    }
}

fn decoded(member: Option<&str>) -> Result<Vec<u8>, InvalidKey> {
    URL_SAFE_NO_PAD.decode(member.ok_or(InvalidKey::Malformed)?).map_err(|_| InvalidKey::Malformed)
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
