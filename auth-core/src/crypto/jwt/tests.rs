//! What the tests share: a key of every algorithm, and tokens made by hand.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Algorithm, Expected, JwtError, Presence, RegisteredClaims, SigningKey, Unverified, VerifyingKey};
use crate::base::{Secret, Timestamp};

mod alone;
mod attacks;
mod claims;
mod jwks;
mod keys;
mod mutations;
mod silence;
mod vectors;

const ALGORITHMS: [Algorithm; 4] = [Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
const KID: &str = "k1";
const TYP: &str = "at+jwt";
const ISSUER: &str = "https://issuer.example";
/// In seconds since 1970.
const NOW: i64 = 1_767_225_600;

/// Claims that are accepted at [`NOW`], each as JSON text so that a test can write what no serialiser would.
const CLAIMS: [(&str, &str); 7] = [
    ("iss", r#""https://issuer.example""#),
    ("sub", r#""ada""#),
    ("aud", r#"["other", "api"]"#),
    ("exp", "1767225660"),
    ("nbf", "1767225600"),
    ("iat", "1767225600"),
    ("jti", r#""j1""#),
];

/// The claims with one of them written differently, or left out.
fn claims_with(name: &str, value: Option<&str>) -> String {
    let written = |(known, usual): (&str, &str)| {
        let value = if known == name { value? } else { usual };
        Some(format!("\"{known}\":{value}"))
    };
    format!("{{{}}}", CLAIMS.into_iter().filter_map(written).collect::<Vec<_>>().join(","))
}

fn good_claims() -> String {
    claims_with("", None)
}

fn good_header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"{TYP}","kid":"{KID}"}}"#)
}

/// One key for each algorithm, the same in all tests of a process.
fn key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: [OnceLock<SigningKey>; 4] = [const { OnceLock::new() }; 4];
    let at = ALGORITHMS.iter().position(|known| *known == algorithm).unwrap();
    KEYS[at].get_or_init(|| new_key(algorithm, KID))
}

/// A key of the same algorithm and with the same id that nobody trusts.
fn stranger(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: [OnceLock<SigningKey>; 4] = [const { OnceLock::new() }; 4];
    let at = ALGORITHMS.iter().position(|known| *known == algorithm).unwrap();
    KEYS[at].get_or_init(|| new_key(algorithm, KID))
}

fn new_key(algorithm: Algorithm, kid: &str) -> SigningKey {
    match algorithm {
        Algorithm::Hs256 => {
            // The bytes of a new key pair are as good as any.
            let random = SigningKey::generate(Algorithm::EdDsa, kid).unwrap().to_pkcs8().unwrap();
            SigningKey::hs256(&Secret::new(&random.expose()[16..]), Some(kid.to_owned())).unwrap()
        }
        Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Rs256 => SigningKey::generate(algorithm, kid).unwrap(),
    }
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these very parts, truly signed by the key.
fn signed(key: &SigningKey, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = key.sign_bytes(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(signature))
}

fn good_token(algorithm: Algorithm) -> String {
    signed(key(algorithm), good_header(algorithm), good_claims())
}

/// Whose tokens are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Own,
    Foreign,
}

/// Every check there is, at [`NOW`] and without leeway.
fn accepted(reader: Reader, token: &str, key: &VerifyingKey) -> Result<(RegisteredClaims, Value), JwtError> {
    let (token, presence) = match reader {
        Reader::Own => (Unverified::parse(token)?, Presence::Issued),
        Reader::Foreign => (Unverified::parse_foreign(token)?, Presence::Foreign),
    };
    let audiences = ["api".to_owned(), "api2".to_owned()];
    let expected = Expected {
        typ: &[TYP],
        issuer: ISSUER,
        audiences: &audiences,
        presence,
        leeway: Duration::ZERO,
        now: Timestamp::from_micros(NOW * 1_000_000),
    };
    token.accept(key, &expected)
}
