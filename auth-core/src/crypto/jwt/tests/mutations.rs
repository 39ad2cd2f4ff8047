//! A valid token, changed at random places: nothing that differs from it is accepted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fastrand::Rng;

use crate::crypto::jwt::tests::{Reader, accepted, base64url, claims_with, good_header, good_token, key, signed};
use crate::crypto::jwt::{Algorithm, JwtError};

const MUTATIONS: usize = 200_000;

#[test]
fn no_change_of_an_hs256_token_is_accepted() {
    mutate(Algorithm::Hs256);
}

#[test]
fn no_change_of_an_ed_dsa_token_is_accepted() {
    mutate(Algorithm::EdDsa);
}

#[test]
fn no_change_of_an_es256_token_is_accepted() {
    mutate(Algorithm::Es256);
}

#[test]
fn no_change_of_an_rs256_token_is_accepted() {
    mutate(Algorithm::Rs256);
}

fn mutate(algorithm: Algorithm) {
    let verifying_key = key(algorithm).verifying_key();
    let good = good_token(algorithm);
    // Another valid one, to take parts from.
    let other = signed(key(algorithm), good_header(algorithm) + " ", claims_with("sub", Some("\"bob\"")));
    for valid in [&good, &other] {
        assert!(accepted(Reader::Own, valid, &verifying_key).is_ok());
        assert!(accepted(Reader::Foreign, valid, &verifying_key).is_ok());
    }
    let mut random = Rng::with_seed(algorithm as u64 + 1);
    let (mut tried, mut reached_signature) = (0, 0);
    while tried < MUTATIONS {
        let mut text = good.clone();
        for _ in 0..[1, 1, 1, 1, 2, 3][random.usize(..6)] {
            text = changed(&text, &other, &mut random);
        }
        if text == good || text == other {
            continue;
        }
        let reader = if random.bool() { Reader::Own } else { Reader::Foreign };
        let refusal = accepted(reader, &text, &verifying_key).expect_err(&text);
        reached_signature += usize::from(refusal == JwtError::Signature);
        tried += 1;
    }
    // The others fail before any cryptography.
    assert!(reached_signature > MUTATIONS / 5, "only {reached_signature} were well formed");
    assert!(accepted(Reader::Own, &good, &verifying_key).is_ok());
}

/// One change.
fn changed(text: &str, other: &str, random: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return "a".to_owned();
    }
    let at = random.usize(..bytes.len());
    match random.u8(..10) {
        0 | 1 => bytes[at] ^= 1 << random.u8(..7),
        2 => bytes.insert(at, random.u8(..128)),
        3 => drop(bytes.remove(at)),
        4 => bytes[at] = base64_character(random),
        5 => {
            let with = random.usize(..bytes.len());
            bytes.swap(at, with);
        }
        6 => return with_parts_of(text, other, random),
        7 => return with_other_bytes(text, random),
        8 if random.bool() => bytes.truncate(at),
        8 => bytes.extend((0..random.usize(1..5)).map(|_| base64_character(random))),
        _ => drop(bytes.splice(at..at, ["é", "\u{200b}", ".", "..", "=", "\0"][random.usize(..6)].bytes())),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn base64_character(random: &mut Rng) -> u8 {
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random.usize(..64)]
}

/// Parts in another order, or out of the other token.
fn with_parts_of(text: &str, other: &str, random: &mut Rng) -> String {
    let mut parts: Vec<&str> = text.split('.').collect();
    let others: Vec<&str> = other.split('.').collect();
    let at = random.usize(..parts.len());
    if random.bool() {
        let with = random.usize(..parts.len());
        parts.swap(at, with);
    } else {
        parts[at] = others[random.usize(..others.len())];
    }
    parts.join(".")
}

/// A bit, a byte or a few of what a part encodes, encoded correctly again.
fn with_other_bytes(text: &str, random: &mut Rng) -> String {
    let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    let at = random.usize(..parts.len());
    let Ok(mut bytes) = URL_SAFE_NO_PAD.decode(&parts[at]) else { return text.to_owned() + "." };
    if bytes.is_empty() {
        return text.to_owned() + ".";
    }
    let place = random.usize(..bytes.len());
    match random.u8(..5) {
        0 => bytes[place] ^= 1 << random.u8(..8),
        1 => bytes[place] = random.u8(..),
        2 => bytes.insert(place, random.u8(..)),
        3 => drop(bytes.remove(place)),
        _ => bytes[place] = b"{}[]:,\"0"[random.usize(..8)],
    }
    parts[at] = base64url(bytes);
    parts.join(".")
}
