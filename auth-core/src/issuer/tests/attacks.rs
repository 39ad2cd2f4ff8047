//! Tokens that somebody would like to be accepted.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::crypto::jwt::JwtError;

/// A token whose header and signature are made by hand, by HMAC with these bytes.
fn hmac_signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{header}.{claims}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A verifier by a secret that demands issuer and audience: its tokens can be made with any header.
fn with_secret() -> Stand<StaticKeyVerifier> {
    Stand::fixed(StaticKeyVerifier::secret(secret()).issuer(ISSUER).audience([API]))
}

fn with_header(header: Value) -> String {
    hmac_signed(&header, &claims(json!({})), secret().expose())
}

#[tokio::test]
async fn every_algorithm_is_accepted_with_its_own_key() {
    let es = SigningKey::generate(Algorithm::Es256, "es").unwrap();
    for key in [rsa("a"), es, ed("1")] {
        let stand = Stand::publishing(&[&key]);
        let claims = stand.accepted(&token(&key, json!({}))).await;
        assert_eq!((claims.issuer(), claims.subject()), (ISSUER, "ada"));
        assert_eq!(claims.expires_at.as_seconds(), NOW + 300);
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let (rsa, ed) = (rsa("a"), ed("a"));
    for key in [&rsa, &ed] {
        let stand = Stand::publishing(&[key]);
        let jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
        let number = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": "a" });
        for secret in [number.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(number).unwrap(), jwk.to_string().into()] {
            let confused = hmac_signed(&header, &claims(json!({})), &secret);
            assert_eq!(stand.refused(&confused).await, Refusal::Algorithm);
        }
        assert_eq!(stand.net.count(), 0);
    }
}

#[tokio::test]
async fn a_key_has_one_algorithm_and_a_token_no_choice() {
    // The names are exchanged: each token names the key of the other algorithm.
    let (rsa, ed) = (rsa("a"), ed("b"));
    let stand = Stand::publishing(&[&rsa, &ed]);
    let rsa_named_b = SigningKey::from_pkcs8(Algorithm::Rs256, "b", &rsa.to_pkcs8().unwrap()).unwrap();
    let other = stand.refused(&token(&rsa_named_b, json!({}))).await;
    assert_eq!(other, Refusal::Token(JwtError::OtherAlgorithm));
    // A name that is there is no reason to read keys again.
    assert_eq!(stand.net.count(), 1);

    let only_rsa = Stand::with(custom().algorithms([Algorithm::Rs256]));
    only_rsa.net.answers(KEYS, set_of(&[&rsa, &ed]));
    only_rsa.accepted(&token(&rsa, json!({}))).await;
    assert_eq!(only_rsa.refused(&token(&ed, json!({}))).await, Refusal::Algorithm);
}

#[tokio::test]
async fn another_key_under_the_same_name_proves_nothing() {
    let (key, forged) = (ed("1"), ed("1"));
    let stand = Stand::publishing(&[&key]);
    assert_eq!(stand.refused(&token(&forged, json!({}))).await, Refusal::Token(JwtError::Signature));
    let good = token(&key, json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(claims(json!({ "sub": "root" })).to_string());
    stand.refused(&format!("{header}.{other}.{signature}")).await;
}

#[tokio::test]
async fn what_changes_the_verification_is_refused_and_what_is_harmless_is_not() {
    let stand = with_secret();
    let good = json!({ "alg": "HS256", "typ": "JWT" });
    stand.accepted(&with_header(good.clone())).await;
    stand.accepted(&with_header(json!({ "alg": "HS256" }))).await;
    stand.accepted(&with_header(json!({ "alg": "HS256", "kid": "any", "iss": "x", "cat": "cl_B7d4PD222AAA" }))).await;
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("jku", json!(KEYS)),
        ("jwk", json!({ "kty": "oct", "k": "AA" })),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AA"])),
        ("zip", json!("DEF")),
    ] {
        let mut header = good.clone();
        header[member] = value;
        assert_eq!(stand.refused(&with_header(header)).await, Refusal::Token(JwtError::Header), "{member}");
    }
    for alg in ["none", "None", "HS512", "hs256", "RS256", "", "ES256K"] {
        stand.refused(&with_header(json!({ "alg": alg, "typ": "JWT" }))).await;
    }
}

#[tokio::test]
async fn tokens_of_another_type_are_other_things() {
    let stand = with_secret();
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"] {
        stand.accepted(&with_header(json!({ "alg": "HS256", "typ": typ }))).await;
    }
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "rt+jwt", "JWE", "application/jwt/x"] {
        let refusal = stand.refused(&with_header(json!({ "alg": "HS256", "typ": typ }))).await;
        assert_eq!(refusal, Refusal::Token(JwtError::Type), "{typ}");
    }
    let key = ed("1");
    let strict = Stand::with(custom().token_types(["at+jwt"]));
    strict.net.answers(KEYS, set_of(&[&key]));
    strict.accepted(&key.sign("at+jwt", &claims(json!({}))).unwrap()).await;
    strict.refused(&token(&key, json!({}))).await;
}

#[tokio::test]
async fn wrong_registered_claims_are_refused() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    for (changes, expected) in [
        (json!({ "aud": "https://other.example" }), JwtError::Audience),
        (json!({ "aud": null }), JwtError::Audience),
        (json!({ "aud": ["https://other.example", "https://api.example/"] }), JwtError::Audience),
        (json!({ "aud": [] }), JwtError::Claims),
        (json!({ "aud": 1 }), JwtError::Claims),
        (json!({ "exp": null }), JwtError::Claims),
        (json!({ "exp": "9999999999" }), JwtError::Claims),
        (json!({ "exp": -1 }), JwtError::Claims),
        (json!({ "exp": NOW - 30 }), JwtError::Expired),
        (json!({ "nbf": NOW + 31 }), JwtError::NotYetValid),
        (json!({ "iat": NOW + 31 }), JwtError::NotYetValid),
        (json!({ "sub": "" }), JwtError::Claims),
        (json!({ "sub": " " }), JwtError::Claims),
        (json!({ "sub": 7 }), JwtError::Claims),
    ] {
        let refusal = stand.refused(&token(&key, changes.clone())).await;
        assert_eq!(refusal, Refusal::Token(expected), "{changes}");
    }
    assert_eq!(stand.refused(&token(&key, json!({ "sub": null }))).await, Refusal::Missing("sub".into()));
    for sub in ["x".repeat(256), "ada\n".to_owned()] {
        assert_eq!(stand.refused(&token(&key, json!({ "sub": sub }))).await, Refusal::Value("sub".into()));
    }
    stand.accepted(&token(&key, json!({ "aud": ["https://other.example", API] }))).await;
    stand.accepted(&token(&key, json!({ "iat": null, "anything": { "else": [1] } }))).await;
}

#[tokio::test]
async fn another_issuer_is_refused_before_anybody_is_asked() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    for issuer in ["https://issuer.example/", "https://ISSUER.example", "https://evil.example", "http://issuer.example"]
    {
        assert_eq!(stand.refused(&token(&key, json!({ "iss": issuer }))).await, Refusal::Token(JwtError::Issuer));
    }
    for iss in [json!(null), json!([ISSUER]), json!({ "a": ISSUER }), json!("")] {
        stand.refused(&token(&key, json!({ "iss": iss }))).await;
    }
    assert_eq!(stand.net.count(), 0);
}

#[tokio::test]
async fn the_leeway_is_thirty_seconds_unless_it_is_set() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    for accepted in [json!({ "exp": NOW - 29 }), json!({ "nbf": NOW + 30 }), json!({ "iat": NOW + 30 })] {
        stand.accepted(&token(&key, accepted)).await;
    }
    let exact = Stand::with(custom().leeway(Duration::ZERO));
    exact.net.answers(KEYS, set_of(&[&key]));
    exact.accepted(&token(&key, json!({ "exp": NOW + 1 }))).await;
    for refused in [json!({ "exp": NOW }), json!({ "nbf": NOW + 1 }), json!({ "iat": NOW + 1 })] {
        exact.refused(&token(&key, refused)).await;
    }
}

#[tokio::test]
async fn a_token_without_kid_is_accepted_only_if_one_key_fits() {
    let nameless = |changes| {
        // HS256 keys may have no name; the others sign with theirs.
        hmac_signed(&json!({ "alg": "HS256" }), &claims(changes), secret().expose())
    };
    let named = Stand::fixed(StaticKeyVerifier::secret(secret()).issuer(ISSUER).audience([API]).key_id("2026"));
    named.accepted(&nameless(json!({}))).await;
    named.accepted(&with_header(json!({ "alg": "HS256", "kid": "2026" }))).await;
    assert_eq!(named.refused(&with_header(json!({ "alg": "HS256", "kid": "2025" }))).await, Refusal::UnknownKey);

    let (first, second, other) = (ed("1"), ed("2"), rsa("a"));
    let without_kid = |key: &SigningKey| crate::issuer::tests::without_kid(key, &claims(json!({})));
    let one = Stand::publishing(&[&first, &other]);
    one.accepted(&without_kid(&first)).await;
    let two = Stand::publishing(&[&first, &second]);
    assert_eq!(two.refused(&without_kid(&first)).await, Refusal::AmbiguousKey);
    let none = Stand::publishing(&[&other]);
    assert_eq!(none.refused(&without_kid(&first)).await, Refusal::UnknownKey);
    // It names nothing that could be looked for.
    assert_eq!((one.net.count(), two.net.count(), none.net.count()), (1, 1, 1));
}

#[tokio::test]
async fn keys_for_encryption_and_secrets_in_a_set_verify_nothing() {
    let key = ed("1");
    let mut jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
    jwk["use"] = json!("enc");
    let other = ed("2");
    let set = json!({ "keys": [
        jwk,
        serde_json::to_value(other.public_jwk().unwrap()).unwrap(),
        { "kty": "oct", "kid": "3", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(secret().expose()) },
    ] });
    let stand = Stand::with(custom());
    stand.net.answers(KEYS, set.to_string());
    assert_eq!(stand.refused(&token(&key, json!({}))).await, Refusal::UnknownKey);
    assert_eq!(stand.refused(&with_header(json!({ "alg": "HS256", "kid": "3" }))).await, Refusal::Algorithm);
    stand.accepted(&token(&other, json!({}))).await;
}

#[tokio::test]
async fn an_rsa_key_that_does_not_name_its_algorithm_is_for_rs256() {
    let key = rsa("a");
    let mut jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    let stand = Stand::with(custom());
    stand.net.answers(KEYS, json!({ "keys": [jwk] }).to_string());
    stand.accepted(&token(&key, json!({}))).await;
}

#[tokio::test]
async fn anything_that_is_no_token_is_refused_before_anybody_is_asked() {
    let key = ed("1");
    let good = token(&key, json!({}));
    let encrypted = format!("{good}.AA.AA");
    let [header, payload, _] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let unsigned = format!("{header}.{payload}.");
    let padded = format!("{good}=");
    for bad in ["", " ", ".", "..", "a.b.c", &encrypted, &unsigned, &padded, &good[1..], &"a".repeat(9_000)] {
        assert!(PresentedToken::parse(bad).is_err(), "{bad}");
    }
    assert!(PresentedToken::parse(&good).is_ok());
}
