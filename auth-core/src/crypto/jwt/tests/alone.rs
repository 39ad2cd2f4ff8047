//! What the crate accepts when it is asked to be as strict as it can without naming each claim: the reason for this
//! module. When one of these fails, the crate has become stricter, and the module's documentation should say so.

use std::time::Duration;

use jsonwebtoken::{DecodingKey, Validation, decode, get_current_timestamp};
use serde_json::Value;

use crate::base::{Secret, Timestamp};
use crate::crypto::jwt::tests::{ISSUER, TYP, signed};
use crate::crypto::jwt::{Expected, JwtError, Presence, SigningKey, Unverified};

const SECRET: &[u8] =
    b"\x03\x23\x35\x4B\x2B\x0F\xA5\xBC\x83\x7E\x06\x65\x77\x7B\xA6\x8F\x5A\xB3\x28\xE6\xF0\x54\xC9\x28";

fn secret() -> Vec<u8> {
    [SECRET, b"more bytes"].concat()
}

fn by_the_crate(token: &str) -> bool {
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["api"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    decode::<Value>(token, &DecodingKey::from_secret(&secret()), &validation).is_ok()
}

fn by_us(token: &str, now: u64) -> Result<(), JwtError> {
    let key = SigningKey::hs256(&Secret::new(secret()), Some("k1".to_owned())).unwrap().verifying_key();
    let expected = Expected {
        typ: &[TYP],
        issuer: ISSUER,
        audiences: &["api".to_owned()],
        presence: Presence::Foreign,
        leeway: Duration::ZERO,
        now: Timestamp::from_micros(i64::try_from(now).unwrap() * 1_000_000),
    };
    Unverified::parse(token)?.accept::<Value>(&key, &expected).map(drop)
}

fn token(header: &str, payload: &str) -> String {
    signed(&SigningKey::hs256(&Secret::new(secret()), None).unwrap(), header, payload)
}

#[test]
fn the_crate_alone_accepts_what_this_module_refuses() {
    // The crate reads the system's clock. Should a second pass in between, the next attempt will do.
    let wrong = (0..5).map(|_| disagreements(get_current_timestamp())).find(Vec::is_empty);
    assert!(wrong.is_some(), "{:#?}", disagreements(get_current_timestamp()));
}

fn disagreements(now: u64) -> Vec<String> {
    let header = r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#;
    let claims = format!(r#"{{"iss":"{ISSUER}","sub":"ada","aud":"api","exp":{}}}"#, now + 60);
    let mut wrong = Vec::new();
    if !by_the_crate(&token(header, &claims)) || by_us(&token(header, &claims), now).is_err() {
        wrong.push("the token that all others are made from".to_owned());
    }
    let headers = [
        (r#","crit":["b64"],"b64":false}"#, JwtError::Header),
        (r#","crit":["exp"]}"#, JwtError::Header),
        (r#","jku":"https://attacker.example"}"#, JwtError::Header),
        (r#","x5u":"https://attacker.example","x5t":"x"}"#, JwtError::Header),
        (r#","zip":"DEF","enc":"A256GCM"}"#, JwtError::Header),
        (r#","a":1,"a":2}"#, JwtError::Header),
    ];
    let mut tokens: Vec<(String, String, JwtError)> =
        headers.map(|(more, refusal)| (header.replacen('}', more, 1), claims.clone(), refusal)).into();
    tokens.push((header.replace("at+jwt", "logout+jwt"), claims.clone(), JwtError::Type));
    tokens.push((header.replace("k1", "k2"), claims.clone(), JwtError::OtherKey));
    let changes = [
        (r#""sub":"ada""#, r#""sub":"ada","admin":false,"admin":true"#.to_owned(), JwtError::Payload),
        (r#""sub":"ada""#, format!(r#""sub":"ada","a":{}{}"#, "[".repeat(100), "]".repeat(100)), JwtError::Payload),
        (r#""sub":"ada""#, format!(r#""sub":"ada","a":"{}""#, "a".repeat(100_000)), JwtError::TooLong),
        (r#""sub":"ada""#, r#""sub":"""#.to_owned(), JwtError::Claims),
        (r#""sub":"ada""#, r#""sub":1"#.to_owned(), JwtError::Claims),
        (r#""sub":"ada""#, format!(r#""sub":"ada","iat":{}"#, now + 1_000), JwtError::NotYetValid),
        (r#""aud":"api""#, r#""other":"api""#.to_owned(), JwtError::Audience),
        (r#""aud":"api""#, r#""aud":1"#.to_owned(), JwtError::Claims),
        (r#""iss":"#, r#""other":"#.to_owned(), JwtError::Claims),
        (r#""iss":"#, r#""iss":1,"other":"#.to_owned(), JwtError::Claims),
    ];
    for (usual, instead, refusal) in changes {
        tokens.push((header.to_owned(), claims.replacen(usual, &instead, 1), refusal));
    }
    let issuer = format!("\"{ISSUER}\"");
    tokens.push((header.to_owned(), claims.replace(&issuer, &format!("[\"x\",{issuer}]")), JwtError::Claims));
    for (exp, refusal) in [(now.to_string(), JwtError::Expired), (u64::MAX.to_string(), JwtError::Claims)] {
        tokens.push((header.to_owned(), claims.replace(&(now + 60).to_string(), &exp), refusal));
    }
    // The order in which the crate declares what it looks at.
    tokens.push((header.to_owned(), format!(r#"[{},0,"ada",{issuer},"api"]"#, now + 60), JwtError::Payload));
    for (header, payload, refusal) in tokens {
        let token = token(&header, &payload);
        let (theirs, ours) = (by_the_crate(&token), by_us(&token, now));
        if !theirs || ours != Err(refusal) {
            wrong.push(format!("{header} {payload:.200}: accepted there: {theirs}, here: {ours:?}"));
        }
    }
    wrong
}

#[test]
fn the_crate_alone_signs_and_verifies_with_no_secret_at_all() {
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let claims = serde_json::json!({ "exp": get_current_timestamp() + 60 });
    let token = jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(b"")).unwrap();
    let validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    assert!(decode::<Value>(&token, &DecodingKey::from_secret(b""), &validation).is_ok());
    assert!(SigningKey::hs256(&Secret::new(""), None).is_err());
}
