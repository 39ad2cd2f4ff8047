//! There is one way to write a token down.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::jwt::tests::{base64url, good_claims, good_header, good_token, key, signed};
use crate::crypto::jwt::{Algorithm, JwtError};

use super::{Case, case};

pub(super) fn cases(algorithm: Algorithm) -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(parts(algorithm));
    cases.extend(characters(algorithm));
    cases.extend(spare_bits(algorithm));
    cases.extend(sizes(algorithm));
    cases
}

fn parts(algorithm: Algorithm) -> Vec<Case> {
    let good = good_token(algorithm);
    let [header, payload, signature] = split(&good);
    let jwe_header = base64url(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let json = format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#);
    [
        "".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "....".to_owned(),
        header.to_owned(),
        format!("{header}."),
        format!("{header}.."),
        format!("{header}..{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("..{signature}"),
        format!(".{good}"),
        format!("{good}."),
        format!("{good}.."),
        format!("{good}.{signature}"),
        format!("{good}.{good}"),
        format!("{header}.{header}.{payload}.{signature}"),
        // A JWE, one of direct encryption, and a JWS over a detached payload (RFC 7515 appendix F).
        format!("{jwe_header}.{header}.{payload}.{payload}.{signature}"),
        format!("{jwe_header}..{payload}.{payload}.{signature}"),
        format!("{header}..{payload}..{signature}"),
        good.replace('.', " "),
        good.replace('.', ","),
        good.replace('.', "。"),
        json,
    ]
    .into_iter()
    .enumerate()
    .map(|(number, token)| case(format!("parts {number}"), token, JwtError::Parts))
    .collect()
}

fn characters(algorithm: Algorithm) -> Vec<Case> {
    let good = good_token(algorithm);
    let parts = split(&good);
    let mut cases = Vec::new();
    for stray in
        [" ", "\n", "\r\n", "\t", "\0", "=", "==", "+", "/", "%", "~", "\"", "\u{feff}", "é", "\u{200b}", "%2E"]
    {
        for at in 0..3 {
            for changed in [format!("{stray}{}", parts[at]), format!("{}{stray}", parts[at])] {
                let mut parts = parts.map(str::to_owned);
                parts[at] = changed;
                cases.push(case(format!("{stray:?} in part {at}"), parts.join("."), JwtError::Encoding));
            }
        }
    }
    for wrapped in [
        format!("Bearer {good}"),
        format!("\"{good}\""),
        format!("<{good}>"),
        format!("{good}#"),
        format!("{good},{good}"),
    ] {
        let refusal = if wrapped.matches('.').count() == 2 { JwtError::Encoding } else { JwtError::Parts };
        cases.push(case(format!("wrapped {wrapped:.8}"), wrapped, refusal));
    }
    // The other alphabet, and padding, under a signature that is right for it.
    let header = good_header(algorithm);
    for payload in [format!("{}=", base64url(good_claims())), "e30=".to_owned(), "e30==".to_owned(), "+/+/".to_owned()]
    {
        let input = format!("{}.{payload}", base64url(&header));
        let signature = base64url(key(algorithm).sign_bytes(input.as_bytes()).unwrap());
        cases.push(case(format!("payload {payload:.8}"), format!("{input}.{signature}"), JwtError::Encoding));
    }
    cases
}

/// The last character of a part may hold two or four bits that belong to no byte.
fn spare_bits(algorithm: Algorithm) -> Vec<Case> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut cases = Vec::new();
    for at in 0..3 {
        // Blanks make the part as long as needed: JSON may end with them.
        let blanks = (0..3).find(|blanks| (good_header(algorithm).len() + blanks) % 3 == 1).unwrap();
        let header = good_header(algorithm) + &" ".repeat(blanks);
        let blanks = (0..3).find(|blanks| (good_claims().len() + blanks) % 3 == 1).unwrap();
        let good = signed(key(algorithm), header, good_claims() + &" ".repeat(blanks));
        let parts = split(&good);
        let spare = match parts[at].len() % 4 {
            2 => 4,
            3 => 2,
            _ => continue,
        };
        let last = parts[at].bytes().last().unwrap();
        let value = ALPHABET.iter().position(|known| *known == last).unwrap();
        for bits in 1..(1 << spare) {
            let mut parts = parts.map(str::to_owned);
            let part = &mut parts[at];
            part.pop();
            part.push(char::from(ALPHABET[value + bits]));
            assert!(URL_SAFE_NO_PAD.decode(&*part).is_err());
            cases.push(case(format!("spare bits {bits} in part {at}"), parts.join("."), JwtError::Encoding));
        }
        // A single character holds no byte at all.
        let mut longer = parts.map(str::to_owned);
        longer[at] = format!("{}{}", parts[at], &"AAA"[..(5 - parts[at].len() % 4) % 4]);
        if longer[at].len() % 4 == 1 {
            cases.push(case(format!("half a byte in part {at}"), longer.join("."), JwtError::Encoding));
        }
    }
    cases
}

fn sizes(algorithm: Algorithm) -> Vec<Case> {
    let with_blanks =
        |blanks: usize| signed(key(algorithm), good_header(algorithm), good_claims() + &" ".repeat(blanks));
    // Truly signed, and longer than 8 KiB by the least that base64 allows.
    let mut blanks = 0;
    while with_blanks(blanks).len() <= 8_192 {
        blanks += 1 + (8_192 - with_blanks(blanks).len()) / 2;
    }
    let good = good_token(algorithm);
    let mut cases = vec![
        case("just above 8 KiB", with_blanks(blanks), JwtError::TooLong),
        case("64 KiB", with_blanks(65_536), JwtError::TooLong),
        case("8 KiB and one character", "a".repeat(8_193), JwtError::TooLong),
        case("8 KiB of nothing", "a".repeat(8_192), JwtError::Parts),
        case("8 KiB of full stops", ".".repeat(8_192), JwtError::Parts),
        case("1 MiB of full stops", ".".repeat(1 << 20), JwtError::TooLong),
        case("a long tail", format!("{good}{}", "A".repeat(8_193)), JwtError::TooLong),
    ];
    cases.push(case("a long tail within 8 KiB", format!("{good}{}", "A".repeat(4_000)), JwtError::Signature));
    cases
}

fn split(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}
