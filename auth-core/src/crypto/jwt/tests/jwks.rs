//! Sets of keys: one bad key must not take the others with it, and no document may cost much.

use serde_json::{Value, json};

use crate::crypto::jwt::tests::{key, stranger};
use crate::crypto::jwt::{Algorithm, InvalidJwkSet, JwkSet};

fn public(algorithm: Algorithm, kid: &str) -> Value {
    let mut jwk = serde_json::to_value(key(algorithm).public_jwk().unwrap()).unwrap();
    jwk["kid"] = kid.into();
    jwk
}

fn parsed(keys: Vec<Value>) -> (Vec<String>, usize) {
    let set = JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let kids = set.keys().iter().map(|key| key.kid().unwrap_or("-").to_owned()).collect();
    (kids, set.skipped())
}

#[test]
fn keys_that_cannot_be_used_are_skipped_and_counted() {
    let mut encrypting = public(Algorithm::Rs256, "enc");
    encrypting["use"] = "enc".into();
    let mut other = public(Algorithm::Rs256, "ps");
    other["alg"] = "PS256".into();
    let mut private = public(Algorithm::EdDsa, "private");
    private["d"] = "AQAB".into();
    let keys = vec![
        encrypting,
        public(Algorithm::Es256, "a"),
        other,
        private,
        json!({ "kty": "oct", "k": "AQAB" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "" }),
        json!({}),
        json!([]),
        json!(["RSA"]),
        json!(null),
        json!("key"),
        json!(1.5),
        public(Algorithm::EdDsa, "b"),
    ];
    assert_eq!(parsed(keys), (vec!["a".to_owned(), "b".to_owned()], 11));
}

#[test]
fn two_keys_of_one_name_are_both_skipped() {
    let mut second = serde_json::to_value(stranger(Algorithm::Es256).public_jwk().unwrap()).unwrap();
    second["kid"] = "a".into();
    let first = public(Algorithm::Es256, "a");
    // Of another type, it is no namesake: the token's algorithm tells them apart.
    let other = public(Algorithm::EdDsa, "a");
    assert_eq!(parsed(vec![first.clone(), second.clone(), other]), (vec!["a".to_owned()], 2));
    assert_eq!(parsed(vec![first.clone(), first.clone(), second]), (vec![], 3));

    let mut unnamed = first;
    unnamed.as_object_mut().unwrap().remove("kid");
    assert_eq!(parsed(vec![unnamed.clone(), unnamed]), (vec!["-".to_owned(), "-".to_owned()], 0));

    // Whether it says its algorithm or not, an RSA key could verify the same tokens.
    let (said, mut unsaid) = (public(Algorithm::Rs256, "r"), public(Algorithm::Rs256, "r"));
    unsaid.as_object_mut().unwrap().remove("alg");
    assert_eq!(parsed(vec![said, unsaid]), (vec![], 2));
}

#[test]
fn what_is_published_is_read_back() {
    let keys =
        [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256].map(|algorithm| key(algorithm).public_jwk().unwrap());
    let published: JwkSet = keys.into_iter().collect();
    let read = JwkSet::parse(&serde_json::to_vec(&published).unwrap()).unwrap();
    assert_eq!(read, published);
    assert_eq!(serde_json::to_value(JwkSet::from_iter([])).unwrap(), json!({ "keys": [] }));
}

#[test]
fn a_document_is_an_object_with_keys_and_can_be_read_in_one_way() {
    for bad in [
        "",
        "[]",
        "null",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":"[]"}"#,
        r#"{"Keys":[]}"#,
        r#"[[]]"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
        r#"{"keys":[]}x"#,
        r#"{"keys":["#,
        "\u{feff}{\"keys\":[]}",
        "<html></html>",
    ] {
        assert_eq!(JwkSet::parse(bad.as_bytes()).err(), Some(InvalidJwkSet::Malformed), "{bad}");
    }
    let deep = format!(r#"{{"keys":[{}{}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(JwkSet::parse(deep.as_bytes()).err(), Some(InvalidJwkSet::Malformed));
    assert!(JwkSet::parse(br#" {"keys":[],"issuer":"x"} "#).unwrap().keys().is_empty());
}

#[test]
fn documents_and_their_keys_are_limited() {
    let blanks = |bytes: usize| format!(r#"{{"keys":[]{}}}"#, " ".repeat(bytes - 11));
    assert!(JwkSet::parse(blanks(1_048_576).as_bytes()).is_ok());
    assert_eq!(JwkSet::parse(blanks(1_048_577).as_bytes()).err(), Some(InvalidJwkSet::TooLarge));
    let keys = |count: usize| json!({ "keys": vec![json!({}); count] }).to_string();
    assert_eq!(JwkSet::parse(keys(200).as_bytes()).unwrap().skipped(), 200);
    assert_eq!(JwkSet::parse(keys(201).as_bytes()).err(), Some(InvalidJwkSet::TooManyKeys));
}
