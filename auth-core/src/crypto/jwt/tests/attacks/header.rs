//! The header is the sender's to write: it has three members, each once, and none of them is a wish.

use crate::crypto::jwt::tests::{KID, Reader, TYP, accepted, good_claims, key, signed};
use crate::crypto::jwt::{Algorithm, JwtError};

use super::{Case, case, own_case};

const DANGEROUS: [&str; 11] = ["crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc", "epk"];

/// Values that look harmless, and values that would do something.
const VALUES: [&str; 12] = [
    "null",
    "true",
    "false",
    "0",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[\"b64\"]",
    "\"https://attacker.example/keys.json\"",
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    "\"DEF\"",
];

pub(super) fn cases(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(other_members(algorithm));
    cases.extend(duplicates(algorithm));
    cases.extend(mistyped(algorithm));
    cases.extend(no_object(algorithm));
    cases.extend(other_key_or_type(algorithm));
    cases
}

fn with(algorithm: Algorithm, members: &str) -> String {
    signed(key(algorithm), format!("{{{members}}}"), good_claims())
}

fn and(algorithm: Algorithm, member: &str) -> String {
    with(algorithm, &format!(r#""alg":"{algorithm}","typ":"{TYP}","kid":"{KID}",{member}"#))
}

fn other_members(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in DANGEROUS {
        for value in VALUES {
            cases.push(case(
                format!("{name}: {value}"),
                and(algorithm, &format!("\"{name}\":{value}")),
                JwtError::Header,
            ));
        }
        // Written so that a search for the name does not find it.
        let escaped: String = name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        cases.push(case(format!("{name}, escaped"), and(algorithm, &format!("\"{escaped}\":1")), JwtError::Header));
    }
    // `crit` that names what we understand must be refused as well: RFC 7515 §4.1.11 forbids naming registered members.
    for names in [r#"["alg"]"#, r#"["exp"]"#, r#"["kid","typ"]"#] {
        cases.push(case(format!("crit: {names}"), and(algorithm, &format!("\"crit\":{names}")), JwtError::Header));
    }
    for name in ["cty", "iss", "exp", "nonce", "KID", "Alg", "ALG", "alg ", " alg", "TYP", "", "$schema"] {
        for value in ["null", "\"JWT\"", "1"] {
            let token = and(algorithm, &format!("\"{name}\":{value}"));
            cases.push(own_case(format!("{name:?}: {value}"), token, JwtError::Header));
        }
    }
    cases
}

/// Two readers could each see another one.
fn duplicates(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    let members = [
        ("alg", algorithm.as_str(), "none", "\\u0061lg"),
        ("typ", TYP, "JWT", "t\\u0079p"),
        ("kid", KID, "k2", "ki\\u0064"),
    ];
    for (name, usual, other, escaped) in members {
        for again in [name, escaped] {
            for value in [format!("\"{usual}\""), format!("\"{other}\""), "null".to_owned()] {
                let second = and(algorithm, &format!("\"{again}\":{value}"));
                cases.push(case(format!("{again}: {value}, last"), second, JwtError::Header));
                let members = format!(r#""{again}":{value},"alg":"{algorithm}","typ":"{TYP}","kid":"{KID}""#);
                cases.push(case(format!("{again}: {value}, first"), with(algorithm, &members), JwtError::Header));
            }
        }
    }
    for member in [r#""a":1,"a":1"#, r#""a":{"b":1,"b":1}"#, r#""a":[{"b":1,"\u0062":2}]"#] {
        cases.push(case(format!("{member}, unknown"), and(algorithm, member), JwtError::Header));
    }
    cases
}

fn mistyped(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, most) in [("typ", 64), ("kid", 256)] {
        let too_long = format!("\"{}\"", "k".repeat(most + 1));
        let values = [
            "null",
            "1",
            "true",
            "[]",
            "{}",
            "[\"k1\"]",
            "\"\"",
            "\" \"",
            "\"k1 \"",
            "\"k\\n1\"",
            "\"k1\\u0000\"",
            "\"k\u{e9}\"",
            "\"' OR 1=1 --\"",
            "\"k\\u200b1\"",
            &too_long,
        ];
        for value in values {
            let other = if name == "typ" { format!(r#""kid":"{KID}""#) } else { format!(r#""typ":"{TYP}""#) };
            let token = with(algorithm, &format!(r#""alg":"{algorithm}",{other},"{name}":{value}"#));
            cases.push(case(format!("{name}: {value}"), token, JwtError::Header));
        }
    }
    cases
}

fn no_object(algorithm: Algorithm) -> Vec<Case> {
    let object = format!(r#"{{"alg":"{algorithm}","typ":"{TYP}","kid":"{KID}"}}"#);
    let deep = format!(r#"{{"alg":"{algorithm}","a":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    let very_deep = format!(r#"{{"a":{}"#, "[".repeat(2_000));
    let texts = [
        "[]".to_owned(),
        "null".to_owned(),
        "1".to_owned(),
        format!("\"{algorithm}\""),
        format!(r#"["{algorithm}","{TYP}","{KID}"]"#),
        format!("[{object}]"),
        "{".to_owned(),
        "{}".to_owned(),
        " ".to_owned(),
        "\0".to_owned(),
        format!("{object}x"),
        format!("{object}{object}"),
        format!("{object}\0"),
        format!("\u{feff}{object}"),
        format!("//\n{object}"),
        object.replace('"', "'"),
        object.replace('}', ",}"),
        object.replace('}', ",\"a\":NaN}"),
        object.replace('}', ",\"a\":1e400}"),
        object.replace('}', ",\"a\":\"\\ud800\"}"),
        object[..object.len() - 1].to_owned(),
        deep,
        very_deep,
    ];
    let mut cases: Vec<Case> = texts
        .iter()
        .map(|text| case(format!("header {text:.60}"), signed(key(algorithm), text, good_claims()), JwtError::Header))
        .collect();
    let not_utf_8 = [&object.as_bytes()[..object.len() - 2], b"\xFF\"}"].concat();
    cases.push(case("header in another encoding", signed(key(algorithm), not_utf_8, good_claims()), JwtError::Header));
    cases
}

fn other_key_or_type(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for kid in ["k2", "K1", "k", "k11", "../../dev/null", "k1;k2", "%6b1", "k1/", "0"] {
        let token = with(algorithm, &format!(r#""alg":"{algorithm}","typ":"{TYP}","kid":"{kid}""#));
        cases.push(case(format!("kid {kid}"), token, JwtError::OtherKey));
    }
    for typ in [
        "JWT",
        "jwt",
        "id+jwt",
        "logout+jwt",
        "dpop+jwt",
        "at",
        "at+jwt+x",
        "xat+jwt",
        "text/at+jwt",
        "application/",
        "application/application/at+jwt",
        "application/x/at+jwt",
        "at+jwt;charset=utf-8",
        "application",
    ] {
        let token = with(algorithm, &format!(r#""alg":"{algorithm}","typ":"{typ}","kid":"{KID}""#));
        cases.push(case(format!("typ {typ}"), token, JwtError::Type));
    }
    let untyped = with(algorithm, &format!(r#""alg":"{algorithm}","kid":"{KID}""#));
    cases.push(case("no typ", untyped, JwtError::Type));
    cases
}

#[test]
fn other_issuers_may_say_more_and_leave_the_key_out() {
    let algorithm = Algorithm::Es256;
    let key = key(algorithm).verifying_key();
    for member in [r#""cty":"JWT""#, r#""nonce":"n""#, r#""pi.atm":{"a":[1]}"#, r#""KID":null"#] {
        assert!(accepted(Reader::Foreign, &and(algorithm, member), &key).is_ok(), "{member}");
    }
    let unnamed = with(algorithm, &format!(r#""typ":"Application/AT+JWT","alg":"{algorithm}""#));
    assert!(accepted(Reader::Own, &unnamed, &key).is_ok());
}
