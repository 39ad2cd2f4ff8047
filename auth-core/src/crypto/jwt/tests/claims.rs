//! The registered claims at their edges: what just counts, and what just does not.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::crypto::jwt::tests::{ISSUER, NOW, claims_with, good_claims, good_header, good_token, key, signed};
use crate::crypto::jwt::{Algorithm, Audience, Expected, JwtError, Presence, RegisteredClaims, Unverified};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// With nothing that has to be there, and no leeway.
fn expected(now: Timestamp) -> Expected<'static> {
    Expected { typ: &[], issuer: ISSUER, audiences: &[], presence: Presence::Foreign, leeway: Duration::ZERO, now }
}

fn read(text: &str) -> Result<RegisteredClaims, serde_json::Error> {
    serde_json::from_str(text)
}

fn judged(name: &str, value: &str, expected: &Expected<'_>) -> Result<(), JwtError> {
    expected.judge(&read(&claims_with(name, Some(value))).unwrap())
}

#[test]
fn a_token_is_dead_from_the_very_second_of_its_exp() {
    let exp = NOW + 60;
    let last = Timestamp::from_micros(exp * 1_000_000 - 1);
    assert_eq!(judged("exp", &exp.to_string(), &expected(last)), Ok(()));
    assert_eq!(judged("exp", &exp.to_string(), &expected(at(exp))), Err(JwtError::Expired));
    // A fraction is cut off: it dies no later than it says.
    assert_eq!(judged("exp", &format!("{exp}.999"), &expected(at(exp))), Err(JwtError::Expired));
    assert_eq!(judged("exp", &format!("{exp}.0"), &expected(last)), Ok(()));
}

#[test]
fn a_token_counts_from_the_very_second_of_its_nbf_and_iat() {
    for name in ["nbf", "iat"] {
        let begins = NOW + 1;
        let just_before = Timestamp::from_micros(begins * 1_000_000 - 1);
        assert_eq!(judged(name, &begins.to_string(), &expected(just_before)), Err(JwtError::NotYetValid));
        assert_eq!(judged(name, &begins.to_string(), &expected(at(begins))), Ok(()));
    }
}

#[test]
fn leeway_moves_both_ends_and_never_by_more_than_a_minute() {
    for (leeway, counts) in [(30, 30), (60, 60), (61, 60), (3_600, 60)] {
        let lenient = |now| Expected { leeway: Duration::from_secs(leeway), ..expected(at(now)) };
        let exp = NOW + 60;
        assert_eq!(judged("exp", &exp.to_string(), &lenient(exp + counts - 1)), Ok(()));
        assert_eq!(judged("exp", &exp.to_string(), &lenient(exp + counts)), Err(JwtError::Expired));
        for name in ["nbf", "iat"] {
            assert_eq!(judged(name, &NOW.to_string(), &lenient(NOW - counts)), Ok(()));
            assert_eq!(judged(name, &NOW.to_string(), &lenient(NOW - counts - 1)), Err(JwtError::NotYetValid));
        }
    }
    let lenient = Expected { leeway: Duration::MAX, ..expected(at(NOW)) };
    assert_eq!(judged("exp", &(NOW - 60).to_string(), &lenient), Err(JwtError::Expired));
    assert_eq!(judged("nbf", &(NOW + 61).to_string(), &lenient), Err(JwtError::NotYetValid));
    assert_eq!(judged("nbf", &(NOW + 60).to_string(), &lenient), Ok(()));
}

#[test]
fn dates_end_with_the_year_9999_and_nothing_wraps_there() {
    const LAST: &str = "253402300799";
    let latest = Timestamp::from_micros(i64::MAX);
    let lenient = Expected { leeway: Duration::MAX, ..expected(latest) };
    assert_eq!(judged("exp", LAST, &lenient), Err(JwtError::Expired));
    assert_eq!(judged("exp", LAST, &expected(at(NOW))), Ok(()));
    assert_eq!(judged("nbf", LAST, &expected(at(NOW))), Err(JwtError::NotYetValid));
    for number in ["2.53402300799e11", "1.7672256e9", "0", "0.5", "-0.0", "253402300799.0"] {
        assert!(read(&claims_with("nbf", Some(number))).is_ok(), "{number}");
    }
    for number in ["253402300800", "2.534023008e11", "-1", "-1e-9", "1e300"] {
        assert!(read(&claims_with("nbf", Some(number))).is_err(), "{number}");
    }
}

#[test]
fn one_audience_of_several_is_enough_and_no_audience_is_judged_if_none_is_expected() {
    let ours = ["api".to_owned(), "api2".to_owned()];
    let expected = Expected { audiences: &ours, ..expected(at(NOW)) };
    for audience in [r#""api""#, r#""api2""#, r#"["other","api2"]"#, r#"["api","api"]"#] {
        assert_eq!(judged("aud", audience, &expected), Ok(()), "{audience}");
    }
    let nobody = read(&claims_with("aud", None)).unwrap();
    assert_eq!(expected.judge(&nobody), Err(JwtError::Audience));
    assert_eq!(Expected { audiences: &[], ..expected }.judge(&nobody), Ok(()));
}

#[test]
fn a_type_is_compared_as_a_media_type() {
    let expected = Expected { typ: &["at+jwt", "application/logout+jwt"], ..expected(at(NOW)) };
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt", "logout+jwt", "application/logout+jwt"]
    {
        assert_eq!(expected.judge_type(Some(typ)), Ok(()), "{typ}");
    }
    for typ in [None, Some("JWT"), Some("application/"), Some("application/application/at+jwt"), Some("text/at+jwt")] {
        assert_eq!(expected.judge_type(typ), Err(JwtError::Type), "{typ:?}");
    }
    // The prefix stands for a type without one only.
    let text = Expected { typ: &["text/plain"], ..expected };
    assert_eq!(text.judge_type(Some("application/text/plain")), Err(JwtError::Type));
    assert_eq!(text.judge_type(Some("Text/Plain")), Ok(()));
    let any = Expected { typ: &[], ..expected };
    assert_eq!((any.judge_type(None), any.judge_type(Some("x"))), (Ok(()), Ok(())));
}

#[test]
fn an_empty_expectation_fits_nobody() {
    let expected = Expected { issuer: "", ..expected(at(NOW)) };
    assert_eq!(expected.judge(&read(&good_claims()).unwrap()), Err(JwtError::Issuer));
    assert!(read(&claims_with("iss", Some("\"\""))).is_err());
}

#[test]
fn our_own_tokens_say_all_there_is_to_say() {
    for (name, is_needed) in [("aud", true), ("iat", true), ("jti", true), ("nbf", false)] {
        let claims = read(&claims_with(name, None)).unwrap();
        let issued = Expected { presence: Presence::Issued, ..expected(at(NOW)) };
        assert_eq!(issued.judge(&claims), if is_needed { Err(JwtError::Claims) } else { Ok(()) }, "{name}");
        assert_eq!(expected(at(NOW)).judge(&claims), Ok(()), "{name}");
    }
}

#[test]
fn claims_are_written_as_they_are_read() {
    let claims = read(&good_claims()).unwrap();
    let written = serde_json::to_value(&claims).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(&good_claims()).unwrap());
    let short = RegisteredClaims {
        aud: Audience::from_iter(["api".to_owned()]),
        nbf: None,
        iat: None,
        jti: None,
        exp: Timestamp::from_micros(NOW * 1_000_000 + 999_999),
        ..claims
    };
    assert_eq!(serde_json::to_value(&short).unwrap(), json!({ "iss": ISSUER, "sub": "ada", "aud": "api", "exp": NOW }),);
}

#[test]
fn claims_of_the_token_s_kind_are_handed_out_with_the_registered_ones() {
    #[derive(Debug, Deserialize)]
    struct Access {
        scope: String,
    }
    let (key, expected) = (key(Algorithm::EdDsa), expected(at(NOW)));
    let accept = |payload: &str| {
        let token = signed(key, good_header(Algorithm::EdDsa), payload);
        Unverified::parse(&token).unwrap().accept::<Access>(&key.verifying_key(), &expected)
    };
    let (registered, access) = accept(&good_claims().replacen('{', r#"{"scope":"a b","unknown":[1],"#, 1)).unwrap();
    assert_eq!((&*registered.sub, &*access.scope), ("ada", "a b"));
    assert_eq!(registered.aud.names(), ["other", "api"]);
    assert_eq!(accept(&good_claims()).unwrap_err(), JwtError::Payload);
    assert_eq!(accept(&good_claims().replacen('{', r#"{"scope":1,"#, 1)).unwrap_err(), JwtError::Payload);
}

#[test]
fn the_issuer_that_a_token_names_chooses_a_verifier_and_nothing_else() {
    let named = |payload: &str| {
        let token = signed(key(Algorithm::Hs256), good_header(Algorithm::Hs256), payload);
        Unverified::parse(&token).unwrap().issuer().map(str::to_owned)
    };
    assert_eq!(named(&good_claims()).as_deref(), Some(ISSUER));
    for payload in
        [r#"{"iss":["a"]}"#, r#"{"iss":1}"#, r#"{"iss":"a","iss":"a"}"#, "{}", "[]", "x", r#"{"a":{"iss":"a"}}"#]
    {
        assert_eq!(named(payload), None, "{payload}");
    }
    // Whatever it says, it is the signature that counts.
    let token = good_token(Algorithm::Hs256);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(43));
    let unverified = Unverified::parse_foreign(&forged).unwrap();
    assert_eq!(unverified.issuer(), Some(ISSUER));
    let key = key(Algorithm::Hs256).verifying_key();
    assert_eq!(unverified.verify::<Value>(&key).err(), Some(JwtError::Signature));
}
