//! Nothing of a key, a secret or a token is printed, whatever is wrong with it.

use std::fmt::Debug;

use serde_json::{Value, json};

use crate::base::Secret;
use crate::crypto::jwt::tests::{ALGORITHMS, Reader, accepted, base64url, good_claims, good_header, key, signed};
use crate::crypto::jwt::{Algorithm, InvalidKey, Jwk, JwkSet, JwtError, SigningKey, Unverified, VerifyingKey};

/// It stands in every secret, id and claim here, and in nothing that may be printed.
const MARK: &str = "Xq7mark";

fn assert_silent(shown: &str) {
    let lower = shown.to_lowercase();
    for part in [MARK, "q7", &base64url(MARK), "ada", "issuer.example", "eyj", "k1"] {
        assert!(!lower.contains(&part.to_lowercase()), "{shown:?} shows {part:?}");
    }
}

#[test]
fn keys_show_their_algorithm_alone() {
    for algorithm in ALGORITHMS {
        let key = key(algorithm);
        assert_eq!(format!("{key:?}"), format!("SigningKey({algorithm}, [redacted])"));
        assert_eq!(format!("{:?}", key.verifying_key()), format!("VerifyingKey({algorithm}, [redacted])"));
        if let Some(jwk) = key.public_jwk() {
            assert_eq!(format!("{jwk:?}"), format!("Jwk({algorithm})"));
            assert_eq!(format!("{:#?}", JwkSet::from_iter([jwk])), "JwkSet(1 keys, 0 skipped)");
        }
    }
}

#[test]
fn a_token_shows_its_algorithm_alone_before_and_after_it_is_verified() {
    for algorithm in ALGORITHMS {
        let token = signed(key(algorithm), good_header(algorithm), good_claims());
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!(format!("{unverified:?}"), format!("Unverified({algorithm}, [redacted])"));
        let (claims, _) = accepted(Reader::Own, &token, &key(algorithm).verifying_key()).unwrap();
        assert_eq!(format!("{claims:?} {:?}", claims.aud), "RegisteredClaims([redacted]) Audience([redacted])");
    }
}

#[test]
fn refusals_of_tokens_quote_nothing() {
    let key = key(Algorithm::EdDsa);
    let header = good_header(Algorithm::EdDsa);
    let tokens = [
        MARK.to_owned(),
        format!("{MARK}.{MARK}.{MARK}"),
        signed(key, format!(r#"{{"alg":"{MARK}"}}"#), good_claims()),
        signed(key, format!(r#"{{"alg":"EdDSA","{MARK}":1}}"#), good_claims()),
        signed(key, format!(r#"{{"alg":"EdDSA","kid":"{MARK}"}}"#), good_claims()),
        signed(key, format!(r#"{{"alg":"EdDSA","typ":"{MARK}"}}"#), good_claims()),
        signed(key, &header, format!(r#"{{"{MARK}":1,"{MARK}":1}}"#)),
        signed(key, &header, format!(r#"{{"iss":["{MARK}"]}}"#)),
        signed(key, &header, format!("\"{MARK}\"")),
        signed(key, &header, good_claims().replace("https", MARK)),
        signed(key, &header, good_claims().replace("\"api\"", &format!("\"{MARK}\""))),
        signed(key, &header, good_claims().replacen("1767225660", &format!("\"{MARK}\""), 1)),
    ];
    for token in tokens {
        let refusal = accepted(Reader::Own, &token, &key.verifying_key()).unwrap_err();
        assert_silent(&format!("{refusal} {refusal:?} {:?}", std::error::Error::source(&refusal)));
    }
}

#[test]
fn refusals_of_keys_quote_nothing() {
    let secret = Secret::new(MARK);
    assert_silent(&shown(VerifyingKey::hs256(&secret, None)));
    assert_silent(&shown(SigningKey::hs256(&Secret::new(MARK.repeat(8)), None)));
    for algorithm in ALGORITHMS {
        assert_silent(&shown(SigningKey::from_pkcs8(algorithm, "a", &secret)));
        assert_silent(&shown(SigningKey::generate(algorithm, format!("{MARK}\n"))));
    }
    let usual = serde_json::to_value(key(Algorithm::Rs256).public_jwk().unwrap()).unwrap();
    for (name, value) in [
        ("kty", json!(MARK)),
        ("kty", json!([MARK])),
        ("kid", json!(format!("{MARK}\n"))),
        ("kid", json!({ MARK: MARK })),
        ("alg", json!(MARK)),
        ("use", json!(MARK)),
        ("key_ops", json!(MARK)),
        ("n", json!(MARK)),
        ("e", json!(MARK)),
        ("d", json!(MARK)),
    ] {
        let mut jwk = usual.clone();
        jwk[name] = value;
        assert_silent(&shown(serde_json::from_value::<Jwk>(jwk.clone())));
        assert_silent(&shown(serde_json::from_str::<Jwk>(&jwk.to_string())));
    }
    for document in [MARK.to_owned(), json!({ "keys": MARK }).to_string(), json!({ MARK: [] }).to_string()] {
        assert_silent(&shown(JwkSet::parse(document.as_bytes())));
    }
    assert_silent(&shown(MARK.parse::<Algorithm>()));
}

fn shown<T: Debug, E: std::error::Error>(outcome: Result<T, E>) -> String {
    let error = outcome.unwrap_err();
    format!("{error} {error:?}")
}

#[test]
fn every_refusal_is_a_sentence_of_its_own() {
    let tokens = [
        JwtError::TooLong,
        JwtError::Parts,
        JwtError::Encoding,
        JwtError::Header,
        JwtError::Algorithm,
        JwtError::OtherAlgorithm,
        JwtError::OtherKey,
        JwtError::Signature,
        JwtError::Payload,
        JwtError::Type,
        JwtError::Claims,
        JwtError::Issuer,
        JwtError::Audience,
        JwtError::Expired,
        JwtError::NotYetValid,
    ];
    let mut sentences: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), tokens.len());
    assert_eq!(InvalidKey::Symmetric.to_string(), "HS256 has a secret and no key pair");
    assert_eq!(Value::from(JwtError::Expired.to_string()), "the token has expired");
}
