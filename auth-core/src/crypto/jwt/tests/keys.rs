//! Keys that are refused, wherever they come from.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::base::Secret;
use crate::crypto::jwt::tests::attacks::signature::small_order_points;
use crate::crypto::jwt::tests::{ALGORITHMS, base64url, key};
use crate::crypto::jwt::{Algorithm, InvalidKey, Jwk, SignError, SigningKey, Unverified, VerifyingKey};
use crate::crypto::keys::KeyWeakness;

const ASYMMETRIC: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

fn public(algorithm: Algorithm) -> Value {
    serde_json::to_value(key(algorithm).public_jwk().unwrap()).unwrap()
}

/// The JWK with members changed, added or (by null) taken away.
fn public_but(algorithm: Algorithm, changes: Value) -> Value {
    let mut jwk = public(algorithm);
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jwk
}

fn refusal(jwk: &Value) -> Option<String> {
    serde_json::from_value::<Jwk>(jwk.clone()).err().map(|error| error.to_string())
}

fn assert_refused(jwk: &Value, expected: InvalidKey) {
    assert_eq!(refusal(jwk), Some(expected.to_string()), "{jwk}");
}

#[test]
fn algorithms_are_known_by_their_exact_names() {
    for algorithm in ALGORITHMS {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        assert_eq!(algorithm.is_symmetric(), algorithm == Algorithm::Hs256);
        for other in ["", "none", &algorithm.as_str().to_lowercase(), &format!("{algorithm} "), "HS384"] {
            assert!(other.parse::<Algorithm>().is_err(), "{other:?}");
        }
    }
}

#[test]
fn a_secret_must_be_long_and_random_and_has_no_key_pair() {
    let refused = |secret: &[u8]| {
        let secret = Secret::new(secret);
        let (signing, verifying) = (SigningKey::hs256(&secret, None).err(), VerifyingKey::hs256(&secret, None).err());
        assert_eq!(signing, verifying);
        signing
    };
    assert_eq!(refused(b""), Some(InvalidKey::Weak(KeyWeakness::TooShort { bytes: 0 })));
    assert_eq!(refused(&[7; 31]), Some(InvalidKey::Weak(KeyWeakness::TooShort { bytes: 31 })));
    assert_eq!(refused(&[7; 32]), Some(InvalidKey::Weak(KeyWeakness::NotRandom)));
    assert_eq!(refused(&b"secret".repeat(8)), Some(InvalidKey::Weak(KeyWeakness::NotRandom)));
    let random = URL_SAFE_NO_PAD.decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i").unwrap();
    assert_eq!(refused(&random), None);

    assert_eq!(SigningKey::generate(Algorithm::Hs256, "k").err(), Some(InvalidKey::Symmetric));
    let random = Secret::new(random);
    assert_eq!(SigningKey::from_pkcs8(Algorithm::Hs256, "k", &random).err(), Some(InvalidKey::Symmetric));
    let key = SigningKey::hs256(&random, None).unwrap();
    assert!(key.public_jwk().is_none() && key.to_pkcs8().is_none() && key.kid().is_none());
}

#[test]
fn a_stored_key_must_be_one_of_its_algorithm_and_whole() {
    for algorithm in ASYMMETRIC {
        let der = key(algorithm).to_pkcs8().unwrap();
        for other in ASYMMETRIC.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(
                SigningKey::from_pkcs8(other, "k", &der).err(),
                Some(InvalidKey::Malformed),
                "{algorithm} as {other}"
            );
        }
        let der = der.expose();
        let armoured = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64url(der));
        let cut = [&der[..der.len() - 1], &der[..der.len() / 2], &der[1..], b""].map(<[u8]>::to_vec);
        for bad in cut.into_iter().chain([[der, &[0]].concat(), armoured.into_bytes(), der.repeat(2)]) {
            let outcome = SigningKey::from_pkcs8(algorithm, "k", &Secret::new(bad)).err();
            assert_eq!(outcome, Some(InvalidKey::Malformed), "{algorithm}");
        }
    }
}

#[test]
fn keys_that_others_made_are_read() {
    let random = SystemRandom::new();
    let ed25519_v2 = Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref().to_vec();
    let rsa_3072: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa3072).unwrap().as_der().unwrap();
    for (algorithm, der) in [(Algorithm::EdDsa, ed25519_v2), (Algorithm::Rs256, rsa_3072.as_ref().to_vec())] {
        let key = SigningKey::from_pkcs8(algorithm, "k", &Secret::new(der.clone())).unwrap();
        let token = key.sign("JWT", &json!({ "sub": "ada" })).unwrap();
        let claims: Value = Unverified::parse(&token).unwrap().verify(&key.verifying_key()).unwrap();
        assert_eq!(claims["sub"], "ada");
        assert_eq!(key.to_pkcs8().unwrap().expose(), der);
    }
}

#[test]
fn a_key_id_is_visible_and_not_too_long() {
    let der = key(Algorithm::EdDsa).to_pkcs8().unwrap();
    for bad in ["", " ", "a b", "a\n", "\0", "é", &"k".repeat(257)] {
        assert_eq!(SigningKey::from_pkcs8(Algorithm::EdDsa, bad, &der).err(), Some(InvalidKey::KeyId), "{bad:?}");
        assert_refused(&public_but(Algorithm::EdDsa, json!({ "kid": bad })), InvalidKey::KeyId);
    }
    assert!(SigningKey::from_pkcs8(Algorithm::EdDsa, "k".repeat(256), &der).is_ok());
}

#[test]
fn a_private_or_symmetric_key_is_not_taken_for_a_public_one() {
    for algorithm in ASYMMETRIC {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_refused(&public_but(algorithm, json!({ member: "AQAB" })), InvalidKey::NotPublic);
            assert_refused(&public_but(algorithm, json!({ member: [] })), InvalidKey::NotPublic);
        }
        let mut jwk = public(algorithm);
        jwk["d"] = Value::Null;
        assert_refused(&jwk, InvalidKey::NotPublic);
    }
    assert_refused(&json!({ "kty": "oct", "alg": "HS256", "k": base64url([7; 32]) }), InvalidKey::NotPublic);
    assert_refused(&json!({ "kty": "oct" }), InvalidKey::NotPublic);
}

#[test]
fn type_curve_and_algorithm_must_agree() {
    for algorithm in ASYMMETRIC {
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            assert_refused(&public_but(algorithm, json!({ "alg": other.as_str() })), InvalidKey::Disagreement);
            let jwk: Jwk = serde_json::from_value(public(algorithm)).unwrap();
            assert_eq!(jwk.with_algorithm(other).err(), Some(InvalidKey::Disagreement));
        }
        for alg in ["none", "RS384", "PS256", "ES384", "Ed25519", "RSA-OAEP", "ECDH-ES", "", "es256"] {
            assert_refused(&public_but(algorithm, json!({ "alg": alg })), InvalidKey::Unsupported);
        }
        for crv in ["P-384", "P-521", "secp256k1", "Ed448", "X25519", "p-256", ""] {
            assert_refused(&public_but(algorithm, json!({ "crv": crv })), InvalidKey::Unsupported);
        }
        for kty in ["rsa", "ec", "OKP2", "AKP", ""] {
            assert_refused(&public_but(algorithm, json!({ "kty": kty })), InvalidKey::Unsupported);
        }
    }
    assert_refused(&public_but(Algorithm::Es256, json!({ "kty": "OKP" })), InvalidKey::Unsupported);
    assert_refused(&public_but(Algorithm::EdDsa, json!({ "kty": "EC" })), InvalidKey::Unsupported);
    assert_refused(&public_but(Algorithm::Es256, json!({ "crv": null })), InvalidKey::Unsupported);
}

#[test]
fn a_key_for_something_else_does_not_verify() {
    for algorithm in ASYMMETRIC {
        for other in ["enc", "", "SIG", "sig "] {
            assert_refused(&public_but(algorithm, json!({ "use": other })), InvalidKey::OtherUse);
        }
        for operations in [json!([]), json!(["sign"]), json!(["encrypt", "wrapKey"]), json!(["Verify"])] {
            assert_refused(&public_but(algorithm, json!({ "key_ops": operations })), InvalidKey::OtherUse);
        }
        for fine in [
            json!({ "key_ops": ["verify"] }),
            json!({ "use": null, "key_ops": ["sign", "verify"] }),
            json!({ "use": null }),
        ] {
            assert_eq!(refusal(&public_but(algorithm, fine)), None);
        }
    }
}

#[test]
fn an_algorithm_is_implied_by_a_curve_and_not_by_rsa() {
    for algorithm in ASYMMETRIC {
        let jwk: Jwk = serde_json::from_value(public_but(algorithm, json!({ "alg": null }))).unwrap();
        let implied = (algorithm != Algorithm::Rs256).then_some(algorithm);
        assert_eq!(jwk.algorithm(), implied);
        assert_eq!(VerifyingKey::from_jwk(&jwk).err(), implied.is_none().then_some(InvalidKey::NoAlgorithm));
        let told = jwk.with_algorithm(algorithm).unwrap();
        assert_eq!(VerifyingKey::from_jwk(&told).unwrap().algorithm(), algorithm);
    }
}

#[test]
fn mistyped_padded_and_missing_members_are_refused() {
    for (algorithm, names) in
        [(Algorithm::EdDsa, &["x"][..]), (Algorithm::Es256, &["x", "y"]), (Algorithm::Rs256, &["n", "e"])]
    {
        let usual = public(algorithm);
        for name in names {
            let text = usual[name].as_str().unwrap();
            let padded =
                [format!("{text}="), format!(" {text}"), format!("{text}\n"), text.replacen(&text[..1], "+", 1)];
            for bad in padded.map(Value::from).into_iter().chain([json!(1), json!([text]), json!({}), json!(true)]) {
                assert_refused(&public_but(algorithm, json!({ *name: bad })), InvalidKey::Malformed);
            }
            assert_refused(&public_but(algorithm, json!({ *name: null })), InvalidKey::Malformed);
        }
        for name in ["kty", "alg", "use", "kid", "crv", "key_ops", "x"] {
            let mut jwk = usual.clone();
            jwk[name] = Value::Null;
            assert_refused(&jwk, InvalidKey::Malformed);
        }
        let text = usual.to_string();
        let twice = text.replacen('{', r#"{"kid":"k1","#, 1);
        assert!(serde_json::from_str::<Jwk>(&twice).is_err());
        assert!(serde_json::from_str::<Jwk>(&format!("[{text}]")).is_err());
    }
    assert_refused(&json!({}), InvalidKey::Malformed);
}

#[test]
fn rsa_numbers_are_within_bounds() {
    let modulus = URL_SAFE_NO_PAD.decode(public(Algorithm::Rs256)["n"].as_str().unwrap()).unwrap();
    let with_modulus = |n: &[u8]| public_but(Algorithm::Rs256, json!({ "n": base64url(n) }));
    let with_bytes = |length: usize| with_modulus(&vec![0xFF; length]);
    let mut even = modulus.clone();
    *even.last_mut().unwrap() &= 0xFE;
    let mut bits_2047 = modulus.clone();
    bits_2047[0] = 0x7F;
    for bad in [
        with_bytes(128),
        with_bytes(255),
        with_bytes(1_025),
        with_modulus(&even),
        with_modulus(&bits_2047),
        with_modulus(&[]),
    ] {
        assert_refused(&bad, InvalidKey::RsaModulus);
    }
    // RFC 7518 §6.3.1.1: no leading zeros.
    assert_refused(&with_modulus(&[&[0], &modulus[..]].concat()), InvalidKey::RsaModulus);
    for fine in [with_bytes(256), with_bytes(1_024)] {
        assert_eq!(refusal(&fine), None);
    }
    for bad in [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[17],
        &[1, 0, 0],
        &[0xFF, 0xFF],
        &[0, 1, 0, 1],
        &[1, 0, 2],
        &[1, 0, 0, 0, 1],
        &[0xFF; 256],
    ] {
        assert_refused(&public_but(Algorithm::Rs256, json!({ "e": base64url(bad) })), InvalidKey::RsaExponent);
    }
    assert_eq!(refusal(&public_but(Algorithm::Rs256, json!({ "e": base64url([1, 0, 0, 1]) }))), None);
}

/// What [`points_are_on_their_curve_and_of_full_order`] is for: with such a key, one signature fits every message.
#[test]
fn the_backend_alone_takes_a_key_of_small_order() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let signature = [neutral, [0; 32]].concat();
    let key = UnparsedPublicKey::new(&ED25519, neutral);
    for message in [&b"anything"[..], b"and everything"] {
        assert!(key.verify(message, &signature).is_ok());
    }
}

#[test]
fn points_are_on_their_curve_and_of_full_order() {
    for point in small_order_points() {
        assert_refused(&public_but(Algorithm::EdDsa, json!({ "x": base64url(point) })), InvalidKey::Point);
    }
    for above in 0xED..=0xFF_u8 {
        let mut point = [0xFF; 32];
        (point[0], point[31]) = (above, 0x7F);
        assert_refused(&public_but(Algorithm::EdDsa, json!({ "x": base64url(point) })), InvalidKey::Point);
    }
    for (x, y) in [([0; 32], [0; 32]), ([1; 32], [2; 32]), ([0xFF; 32], [0xFF; 32])] {
        let jwk = public_but(Algorithm::Es256, json!({ "x": base64url(x), "y": base64url(y) }));
        assert_refused(&jwk, InvalidKey::Point);
    }
    for length in [0, 1, 31, 33, 64] {
        let number = base64url(vec![9; length]);
        assert_refused(&public_but(Algorithm::EdDsa, json!({ "x": number })), InvalidKey::Malformed);
        assert_refused(&public_but(Algorithm::Es256, json!({ "y": number })), InvalidKey::Malformed);
    }
}

#[test]
fn nothing_is_signed_that_would_not_be_read() {
    let key = key(Algorithm::EdDsa);
    for typ in ["", "at jwt", "at+jwt\n", "é"] {
        assert_eq!(key.sign(typ, &json!({})), Err(SignError::Type), "{typ:?}");
    }
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    for claims in [json!([]), json!("text"), json!(null), json!({ "a": deep })] {
        assert_eq!(key.sign("JWT", &claims), Err(SignError::Claims), "{claims}");
    }
    assert_eq!(key.sign("JWT", &json!({ "a": "b".repeat(8_192) })), Err(SignError::TooLong));
}
