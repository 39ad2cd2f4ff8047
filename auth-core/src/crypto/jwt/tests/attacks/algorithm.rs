//! Whoever chooses the algorithm chooses the rules: the header does not.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::crypto::jwt::tests::{ALGORITHMS, KID, TYP, base64url, good_claims, good_header, key, signed};
use crate::crypto::jwt::{Algorithm, JwtError};

use super::{Case, case};

const NONE: [&str; 11] =
    ["none", "None", "NONE", "nOnE", "NoNe", "nonE", "none ", " none", "none\\u0000", "n\\u006fne\\u200b", ""];

const UNSUPPORTED: [&str; 20] = [
    "HS384",
    "HS512",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES384",
    "ES512",
    "ES256K",
    "Ed25519",
    "Ed448",
    "RSA-OAEP",
    "RSA1_5",
    "dir",
    "A128KW",
    "ECDH-ES",
    "HS1",
    "RS1",
    "ML-DSA-44",
];

pub(super) fn cases(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(names(algorithm));
    cases.extend(unsigned(algorithm));
    cases.extend(public_key_as_secret(algorithm));
    cases
}

fn with_alg(algorithm: Algorithm, value: &str) -> String {
    signed(key(algorithm), format!(r#"{{"alg":{value},"typ":"{TYP}","kid":"{KID}"}}"#), good_claims())
}

/// Signed by the right key under a wrong name.
fn names(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
        cases.push(case(
            format!("alg {other}"),
            with_alg(algorithm, &format!("\"{other}\"")),
            JwtError::OtherAlgorithm,
        ));
        // The other key's own token, which that key would accept.
        let theirs = signed(key(other), good_header(other), good_claims());
        cases.push(case(format!("a token of {other}"), theirs, JwtError::OtherAlgorithm));
    }
    let name = algorithm.as_str();
    let variants = [
        name.to_ascii_lowercase(),
        name.to_ascii_lowercase().replacen(|_: char| true, &name[..1], 1),
        format!("{name} "),
        format!(" {name}"),
        format!("{name}\\u0000"),
        format!("{name}\\n"),
        format!("{name}\\t"),
        format!("\\ufeff{name}"),
        format!("{name}{name}"),
        format!("{name},none"),
        name[1..].to_owned(),
        // Fullwidth and Cyrillic look-alikes.
        name.replacen('S', "\\uff33", 1).replacen('E', "\\u0415", 1),
    ];
    let unknown = NONE.iter().chain(&UNSUPPORTED).map(|name| (*name).to_owned()).chain(variants);
    // EdDSA in upper case is a name of its own, which nobody registered.
    for other in unknown.chain([name.to_ascii_uppercase() + "X"]).filter(|other| other != name) {
        let token = with_alg(algorithm, &format!("\"{other}\""));
        cases.push(case(format!("alg {other:?}"), token, JwtError::Algorithm));
    }
    let quoted = format!("\"{algorithm}\"");
    for value in
        ["null", "0", "256", "true", "{}", "[]", "[\"none\"]", &format!("[{quoted}]"), &format!("{{\"a\":{quoted}}}")]
    {
        cases.push(case(format!("alg {value}"), with_alg(algorithm, value), JwtError::Header));
    }
    let missing = signed(key(algorithm), format!(r#"{{"typ":"{TYP}","kid":"{KID}"}}"#), good_claims());
    cases.push(case("no alg", missing, JwtError::Header));
    cases
}

/// Every spelling of `none`, with signatures that a library might take for none.
fn unsigned(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in NONE.iter().chain(&[algorithm.as_str()]) {
        let header = format!(r#"{{"alg":"{name}","typ":"{TYP}","kid":"{KID}"}}"#);
        let input = format!("{}.{}", base64url(header), base64url(good_claims()));
        let is_ours = *name == algorithm.as_str();
        let signed_badly = if is_ours { JwtError::Signature } else { JwtError::Algorithm };
        cases.push(case(format!("{name:?}, empty signature"), format!("{input}."), JwtError::Parts));
        cases.push(case(format!("{name:?}, no signature"), input.clone(), JwtError::Parts));
        cases.push(case(format!("{name:?}, null signature"), format!("{input}.AA"), signed_badly));
        cases.push(case(format!("{name:?}, signature none"), format!("{input}.bm9uZQ"), signed_badly));
    }
    cases
}

/// CVE-2015-9235 and its many successors: a public key taken for an HMAC secret.
fn public_key_as_secret(algorithm: Algorithm) -> Vec<Case> {
    let Some(jwk) = key(algorithm).public_jwk() else { return Vec::new() };
    let mut cases = Vec::new();
    let members = serde_json::to_value(&jwk).unwrap();
    for (encoding, secret) in encodings(&members, &jwk.thumbprint()) {
        for (header, refusal) in [(Algorithm::Hs256, JwtError::OtherAlgorithm), (algorithm, JwtError::Signature)] {
            let input = format!("{}.{}", base64url(good_header(header)), base64url(good_claims()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), input.as_bytes());
            let token = format!("{input}.{}", base64url(tag));
            cases.push(case(format!("HMAC by {encoding} as {header}"), token, refusal));
        }
    }
    cases
}

/// What a library may hold in its hands as "the key".
fn encodings(members: &Value, thumbprint: &str) -> Vec<(String, Vec<u8>)> {
    let mut encodings = vec![
        ("JWK".to_owned(), members.to_string().into_bytes()),
        ("JWKS".to_owned(), json!({ "keys": [members] }).to_string().into_bytes()),
        ("thumbprint".to_owned(), thumbprint.as_bytes().to_vec()),
    ];
    let mut numbers = Vec::new();
    for name in ["n", "e", "x", "y"] {
        let Some(text) = members[name].as_str().filter(|text| text.len() > 4) else { continue };
        encodings.push((format!("{name} as text"), text.as_bytes().to_vec()));
        let number = URL_SAFE_NO_PAD.decode(text).unwrap();
        encodings.push((format!("{name} as bytes"), number.clone()));
        numbers.extend(number);
    }
    let spki = spki(members, &numbers);
    encodings.push(("point".to_owned(), [&[4], &numbers[..]].concat()));
    encodings.push(("DER".to_owned(), spki.clone()));
    encodings.push(("DER in base64".to_owned(), STANDARD.encode(&spki).into_bytes()));
    let lines: Vec<String> =
        STANDARD.encode(&spki).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
    for (name, ending) in [("PEM", "\n"), ("PEM without its last line break", ""), ("PEM of another system", "\r\n")] {
        let feed = if ending.is_empty() { "\n" } else { ending };
        let pem = format!("-----BEGIN PUBLIC KEY-----{feed}{}{feed}-----END PUBLIC KEY-----{ending}", lines.join(feed));
        encodings.push((name.to_owned(), pem.into_bytes()));
    }
    encodings
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn spki(members: &Value, numbers: &[u8]) -> Vec<u8> {
    match members["kty"].as_str().unwrap() {
        "RSA" => {
            let inner = [&[0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00], numbers, &[2, 3, 1, 0, 1]].concat();
            let algorithm = [0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 1, 1, 5, 0];
            [&[0x30, 0x82, 0x01, 0x22], &algorithm[..], &[3, 0x82, 0x01, 0x0F, 0], &inner].concat()
        }
        "EC" => {
            let algorithm =
                [0x30, 0x13, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
            [&[0x30, 0x59], &algorithm[..], &[3, 0x42, 0, 4], numbers].concat()
        }
        _ => [&[0x30, 0x2A, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 3, 0x21, 0], numbers].concat(),
    }
}
