//! Which access tokens count: those of the program, and of whoever else has the secret.

use auth_tests::{Answer, signed_as, with};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::refusals::unauthorized;
use crate::stage::{ALICE, Program, SECRET, claims, now, signed};

/// Checks that a token is signed with these very bytes, and tells what it says.
fn verified(token: &str, secret: &[u8]) -> Option<Value> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    Some(decode::<Value>(token, &DecodingKey::from_secret(secret), &validation).ok()?.claims)
}

fn shown(program: &Program, token: &str) -> Answer {
    program.by(token).get("/api/context")
}

#[test]
fn a_token_of_the_program_is_signed_with_the_secret_and_says_the_five_claims() {
    // Another secret beside it changes nothing.
    for more in [&[][..], &[("AUTH_SECRET", "another secret, of 32 bytes or so")]] {
        let program = Program::with(more);
        let alice = program.signed_in(ALICE);
        assert_eq!(decode_header(&alice.token).unwrap().alg, Algorithm::HS256);
        let told = verified(&alice.token, SECRET.as_bytes()).unwrap();
        assert!(verified(&alice.token, &SECRET.as_bytes()[1..]).is_none());
        assert_eq!(
            (&told["sub"], &told["email"], &told["name"], &told["permissions"]),
            (&json!(alice.id), &json!(ALICE), &json!("Alice"), &json!(["orders:read", "users:create", "users:read"]))
        );
        assert!(told["iat"].is_i64() && told["exp"].is_i64(), "{told}");
        for secret in ["assword", "argon2", "refresh"] {
            assert!(!told.to_string().contains(&format!("\"{secret}")), "{told}");
        }
    }
}

#[test]
fn five_claims_make_a_token_whoever_has_signed_it() {
    let program = Program::start();
    let context = shown(&program, &signed(&claims())).is(200);
    assert_eq!(
        (&context["userId"], &context["email"], &context["name"], &context["permissions"]),
        (&json!("eve|1"), &json!("eve@example.com"), &json!("Eve"), &json!(["users:read"]))
    );
    for more in [
        json!({ "iat": now() }),
        json!({ "permissions": [] }),
        json!({ "permissions": ["reports:export", "users:read"] }),
        json!({ "jti": "1", "iss": "billing", "role": "admin", "nested": { "a": [1] } }),
    ] {
        assert_eq!(shown(&program, &signed(&with(claims(), more.clone()))).status, 200, "{more}");
    }
    for header in [json!({ "alg": "HS256" }), json!({ "alg": "HS256", "typ": "JWT", "kid": "1" })] {
        assert_eq!(shown(&program, &signed_as(&header, &claims(), SECRET.as_bytes())).status, 200, "{header}");
    }
}

#[test]
fn a_claim_that_is_missing_is_401() {
    let program = Program::start();
    for name in ["sub", "email", "name", "permissions", "exp"] {
        unauthorized(&shown(&program, &signed(&with(claims(), json!({ name: null })))));
    }
}

#[test]
fn a_claim_of_another_type_is_401() {
    let program = Program::start();
    for name in ["sub", "email", "name", "permissions", "exp"] {
        for other in [json!(true), json!({}), json!([1]), json!(""), json!([["users:read"]])] {
            unauthorized(&shown(&program, &signed(&with(claims(), json!({ name: other })))));
        }
    }
    for changes in [
        json!({ "sub": 1 }),
        json!({ "email": "eve" }),
        json!({ "name": 1 }),
        json!({ "permissions": "users:read" }),
        json!({ "permissions": ["users:read", 1] }),
        json!({ "permissions": { "users:read": true } }),
        json!({ "exp": (now() + 3600).to_string() }),
        json!({ "exp": -1 }),
    ] {
        unauthorized(&shown(&program, &signed(&with(claims(), changes))));
    }
}

#[test]
fn what_is_not_signed_with_the_secret_is_401() {
    let program = Program::start();
    let good = signed(&claims());
    assert_eq!(shown(&program, &good).status, 200);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = signed(&with(claims(), json!({ "permissions": ["users:admin"] })));
    let header = |header: Value| signed_as(&header, &claims(), SECRET.as_bytes());
    let none = header(json!({ "alg": "none" }));
    let bad = [
        signed_as(&json!({ "alg": "HS256" }), &claims(), b"another secret, of 32 bytes or so"),
        signed_as(&json!({ "alg": "HS256" }), &claims(), &SECRET.as_bytes()[1..]),
        signed_as(&json!({ "alg": "HS256" }), &claims(), b""),
        format!("{}.{signature}", other.rsplit_once('.').unwrap().0),
        format!("{message}."),
        message.to_owned(),
        format!("{}.", none.rsplit_once('.').unwrap().0),
        none,
        header(json!({ "alg": "HS512" })),
        header(json!({ "alg": "RS256" })),
        header(json!({ "alg": "hs256" })),
        header(json!({})),
        header(json!({ "alg": "HS256", "crit": ["exp"] })),
        header(json!({ "alg": "HS256", "jku": "https://evil.test/keys" })),
        header(json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "AAAA" } })),
        format!("{good}="),
        format!("{good}.x"),
        good.to_uppercase(),
        "not.a.token".to_owned(),
        "..".to_owned(),
    ];
    for token in bad {
        unauthorized(&shown(&program, &token));
    }
    for changes in [json!({ "nbf": now() + 3600 }), json!({ "aud": "https://other.example" })] {
        unauthorized(&shown(&program, &signed(&with(claims(), changes))));
    }
}

#[test]
fn a_token_is_dead_from_the_second_on_in_which_it_expires() {
    let program = Program::start();
    let expiring = |exp: i64| signed(&with(claims(), json!({ "exp": exp })));
    for past in [0, 1, 59, 3600] {
        unauthorized(&shown(&program, &expiring(now() - past)));
    }
    // Not to the second, for the clock runs on meanwhile; and within any leeway that there could be.
    let token = expiring(now() + 1000);
    program.advance(980);
    assert_eq!(shown(&program, &token).status, 200);
    program.advance(20);
    unauthorized(&shown(&program, &token));
}

#[test]
fn tokens_live_for_as_long_as_is_said() {
    for (variables, seconds) in
        [(&[][..], 900), (&[("JWT_EXPIRATION", "300")], 300), (&[("JWT_EXPIRATION", "3600")], 3600)]
    {
        let program = Program::with(variables);
        let alice = program.signed_in(ALICE);
        let answer = program.post("/api/auth/refresh", &json!({ "refreshToken": alice.refresh })).is(200);
        assert_eq!(answer["expiresIn"], seconds);
        let token = program.log_in(ALICE, crate::stage::PASSWORD).is(200);
        assert_eq!(token["expiresIn"], seconds);
        for token in [&answer["token"], &token["token"]] {
            let told = verified(token.as_str().unwrap(), SECRET.as_bytes()).unwrap();
            assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), seconds);
        }
        program.advance(u32::try_from(seconds).unwrap() - 20);
        assert_eq!(alice.get("/api/context").status, 200);
        program.advance(20);
        unauthorized(&alice.get("/api/context"));
        // Whoever is gone that long signs in again, or has a refresh token.
        assert_eq!(program.signed_in(ALICE).get("/api/context").status, 200);
        // More than a quarter of an hour is warned of.
        let log = program.into_log();
        assert_eq!(
            log.lines().any(|line| line.contains("WARN") && line.contains("live longer")),
            seconds > 900,
            "{log}"
        );
    }
}
