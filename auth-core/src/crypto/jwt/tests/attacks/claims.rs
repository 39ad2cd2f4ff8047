//! Claims that are signed and still not to be believed.

use crate::crypto::jwt::tests::{CLAIMS, NOW, claims_with, good_claims, good_header, key, signed};
use crate::crypto::jwt::{Algorithm, JwtError};

use super::{Case, case, own_case};

pub(super) fn cases(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(mistyped(algorithm));
    cases.extend(missing(algorithm));
    cases.extend(duplicates(algorithm));
    cases.extend(names(algorithm));
    cases.extend(dates(algorithm));
    cases.extend(no_object(algorithm));
    cases
}

fn token(algorithm: Algorithm, payload: &str) -> String {
    signed(key(algorithm), good_header(algorithm), payload)
}

fn mistyped(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, usual) in CLAIMS {
        let wrapped = format!("[{usual}]");
        let quoted = format!("\"{}\"", usual.replace('"', ""));
        let in_object = format!("{{\"{name}\":{usual}}}");
        for value in ["null", "true", "[]", "{}", "[null]", "[1]", "{\"a\":1}", &wrapped, &quoted, &in_object] {
            let is_audience = name == "aud" && (value == quoted || value == wrapped);
            if value == usual || is_audience {
                continue;
            }
            let refused =
                case(format!("{name}: {value}"), token(algorithm, &claims_with(name, Some(value))), JwtError::Claims);
            // A string in quotes is the same string.
            if !(matches!(name, "iss" | "sub" | "jti") && value == quoted) {
                cases.push(refused);
            }
        }
    }
    for name in ["iss", "sub", "aud", "jti"] {
        for value in ["1", "\"\"", "\" \"", "\"\\t\\n\"", "\"\\u00a0\"", "-1.5"] {
            let token = token(algorithm, &claims_with(name, Some(value)));
            cases.push(case(format!("{name}: {value}"), token, JwtError::Claims));
        }
    }
    cases
}

fn missing(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["iss", "sub", "exp"] {
        let token = token(algorithm, &claims_with(name, None));
        cases.push(case(format!("no {name}"), token, JwtError::Claims));
    }
    for name in ["aud", "iat", "jti"] {
        let token = token(algorithm, &claims_with(name, None));
        cases.push(own_case(format!("no {name}"), token, JwtError::Claims));
    }
    for (name, instead) in
        [("iss", "ISS"), ("sub", "Sub"), ("exp", "exp "), ("exp", "e\\u0078p\\u0000"), ("exp", "expires")]
    {
        let claims = claims_with(name, None).replacen('{', &format!("{{\"{instead}\":9999999999,"), 1);
        cases.push(case(format!("{instead:?} instead of {name}"), token(algorithm, &claims), JwtError::Claims));
    }
    cases
}

fn duplicates(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    let good = good_claims();
    for (name, usual) in CLAIMS {
        let escaped = format!("{}\\u{:04x}", &name[..2], u32::from(name.as_bytes()[2]));
        for again in [name, &escaped] {
            for value in [usual, "null", "\"other\"", "9999999999"] {
                let first = good.replacen('{', &format!("{{\"{again}\":{value},"), 1);
                cases.push(case(format!("{again}: {value} first"), token(algorithm, &first), JwtError::Payload));
                let last = format!("{},\"{again}\":{value}}}", &good[..good.len() - 1]);
                cases.push(case(format!("{again}: {value} last"), token(algorithm, &last), JwtError::Payload));
            }
        }
    }
    for member in [
        r#""role":"user","role":"admin""#,
        r#""role":"user","r\u006fle":"admin""#,
        r#""cnf":{"jkt":"a","jkt":"b"}"#,
        r#""act":[{"sub":"a","sub":"b"}]"#,
        r#""a":{"b":{"c":{"d":[[[{"e":1,"e":1}]]]}}}"#,
        r#""":1,"":2"#,
    ] {
        let claims = format!("{},{member}}}", &good[..good.len() - 1]);
        cases.push(case(member, token(algorithm, &claims), JwtError::Payload));
    }
    cases
}

/// Issuers and audiences that are almost right.
fn names(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    for issuer in [
        "https://issuer.example/",
        "https://issuer.example.attacker.example",
        "http://issuer.example",
        "HTTPS://issuer.example",
        "https://ISSUER.example",
        " https://issuer.example",
        "https://issuer.example ",
        "https://issuer.example\\u0000",
        "https://issuer.example:443",
        "https://attacker.example",
        "https://issuer.example#",
        "issuer.example",
        "null",
        "*",
        "https://issuer.examplе",
    ] {
        let token = token(algorithm, &claims_with("iss", Some(&format!("\"{issuer}\""))));
        cases.push(case(format!("iss {issuer:?}"), token, JwtError::Issuer));
    }
    for array in [
        r#"["https://issuer.example"]"#,
        r#"["https://attacker.example","https://issuer.example"]"#,
        r#"[["https://issuer.example"]]"#,
    ] {
        cases.push(case(format!("iss {array}"), token(algorithm, &claims_with("iss", Some(array))), JwtError::Claims));
    }
    for audience in [
        r#""other""#,
        r#""API""#,
        r#""api ""#,
        r#""ap""#,
        r#""api3""#,
        r#""api,api2""#,
        r#""*""#,
        r#"["other"]"#,
        r#"["a","b"]"#,
        r#"["API","api/"]"#,
        r#""api\u0000""#,
        r#"["[\"api\"]"]"#,
    ] {
        let token = token(algorithm, &claims_with("aud", Some(audience)));
        cases.push(case(format!("aud {audience}"), token, JwtError::Audience));
    }
    for audience in
        [r#"["api",null]"#, r#"["api",1]"#, r#"["api",""]"#, r#"["api",["api"]]"#, r#"{"api":true}"#, r#"[["api"]]"#]
    {
        let token = token(algorithm, &claims_with("aud", Some(audience)));
        cases.push(case(format!("aud {audience}"), token, JwtError::Claims));
    }
    let nobody = token(algorithm, &claims_with("aud", None));
    cases.push(Case { readers: &[super::Reader::Foreign], ..case("no aud", nobody, JwtError::Audience) });
    cases
}

fn dates(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut push = |name: &str, value: String, refusal: JwtError| {
        let token = token(algorithm, &claims_with(name, Some(&value)));
        cases.push(case(format!("{name}: {value}"), token, refusal));
    };
    for dead in [NOW, NOW - 1, NOW - 60, 1, 0] {
        push("exp", dead.to_string(), JwtError::Expired);
        push("exp", format!("{dead}.999"), JwtError::Expired);
    }
    push("exp", "1.7672256e9".to_owned(), JwtError::Expired);
    for name in ["nbf", "iat"] {
        for future in [NOW + 1, NOW + 60, NOW + 10_000_000_000] {
            push(name, future.to_string(), JwtError::NotYetValid);
        }
        push(name, format!("{}.5", NOW + 1), JwtError::NotYetValid);
    }
    for name in ["exp", "nbf", "iat"] {
        for out_of_range in [
            "-1",
            "-0.5",
            "-1e300",
            "253402300800",
            "253402300799.5",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "1e18",
            "1e19",
            "1e300",
            "99999999999999999999999999999999",
        ] {
            push(name, out_of_range.to_owned(), JwtError::Claims);
        }
        // Too large for a number of any kind, or no number of JSON.
        for unreadable in [
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "0x7fffffff",
            "01767225660",
            "+1767225660",
            "1767225660.",
            ".5",
            "1_767_225_660",
        ] {
            push(name, unreadable.to_owned(), JwtError::Payload);
        }
    }
    cases
}

fn no_object(algorithm: Algorithm) -> Vec<Case> {
    let good = good_claims();
    let values: Vec<&str> = CLAIMS.iter().map(|(_, value)| *value).collect();
    let nested =
        |levels: usize| format!("{},\"a\":{}{}}}", &good[..good.len() - 1], "[".repeat(levels), "]".repeat(levels));
    let nested_objects = format!("{},\"a\":{}1{}}}", &good[..good.len() - 1], "{\"a\":".repeat(40), "}".repeat(40));
    let texts = [
        // What a derived `Deserialize` would take for the claims.
        format!("[{}]", values.join(",")),
        format!("[{good}]"),
        "null".to_owned(),
        "1".to_owned(),
        "\"claims\"".to_owned(),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
        format!("/**/{good}"),
        good.replace('"', "'"),
        good.replace('}', ",}"),
        good[..good.len() - 1].to_owned(),
        good.replace("ada", "\\ud800"),
        good.replace("ada", "a\nda"),
        nested(32),
        nested(200),
        nested(2_000),
        nested_objects,
        "[".repeat(4_000),
        "{\"a\":".repeat(800),
    ];
    let mut cases: Vec<Case> = texts
        .iter()
        .map(|text| case(format!("payload {text:.40}"), token(algorithm, text), JwtError::Payload))
        .collect();
    let not_utf_8 = [b"{\"a\":\"\xFF\",", &good.as_bytes()[1..]].concat();
    cases.push(case(
        "payload in another encoding",
        signed(key(algorithm), good_header(algorithm), not_utf_8),
        JwtError::Payload,
    ));
    cases
}
