//! Signatures that are none of this key over this text.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::{hmac, signature as backend};

use crate::crypto::jwt::tests::{base64url, good_claims, good_header, good_token, key, stranger};
use crate::crypto::jwt::{Algorithm, JwtError};

use super::{Case, case};

pub(super) fn cases(algorithm: Algorithm) -> Vec<Case> {
    let input = format!("{}.{}", base64url(good_header(algorithm)), base64url(good_claims()));
    let right = key(algorithm).sign_bytes(input.as_bytes()).unwrap();
    let mut forged = common(algorithm, &input, &right);
    forged.extend(match algorithm {
        Algorithm::Hs256 => hs256(&input, &right),
        Algorithm::EdDsa => ed_dsa(&right),
        Algorithm::Es256 => es256(&right),
        Algorithm::Rs256 => rs256(&input, &right),
    });
    let mut cases: Vec<Case> = forged
        .into_iter()
        .filter(|(_, signature)| *signature != right)
        .map(|(name, signature)| case(name, format!("{input}.{}", base64url(signature)), JwtError::Signature))
        .collect();
    cases.extend(moved(algorithm));
    cases
}

type Forged = Vec<(String, Vec<u8>)>;

fn common(algorithm: Algorithm, input: &str, right: &[u8]) -> Forged {
    let length = right.len();
    let mut forged = Vec::new();
    for kept in [1, 2, length / 4, length / 2, length - 2, length - 1] {
        forged.push((format!("first {kept} bytes"), right[..kept].to_vec()));
        forged.push((format!("last {kept} bytes"), right[length - kept..].to_vec()));
    }
    for more in [1, 2, 32, length] {
        forged.push((format!("{more} zeros behind"), [right, &vec![0; more]].concat()));
        forged.push((format!("{more} zeros before"), [&vec![0; more], right].concat()));
    }
    forged.push(("twice".to_owned(), right.repeat(2)));
    for byte in [0, 1, 0x7F, 0x80, 0xFF] {
        forged.push((format!("only {byte:#x}"), vec![byte; length]));
    }
    for at in [0, 1, length / 2 - 1, length / 2, length - 2, length - 1] {
        for bit in [0, 3, 7] {
            let mut signature = right.to_vec();
            signature[at] ^= 1 << bit;
            forged.push((format!("bit {bit} of byte {at}"), signature));
        }
    }
    let reversed = right.iter().rev().copied().collect();
    forged.push(("backwards".to_owned(), reversed));
    forged.push((
        "in hexadecimal".to_owned(),
        right.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
    ));
    let payload = input.split_once('.').unwrap().1;
    for (name, text) in [
        ("payload alone", payload.to_owned()),
        ("payload as it is", good_claims()),
        ("nothing", String::new()),
        ("full stop too many", format!("{input}.")),
        ("header as it is", format!("{}.{payload}", good_header(algorithm))),
    ] {
        forged.push((format!("over the {name}"), key(algorithm).sign_bytes(text.as_bytes()).unwrap()));
    }
    forged.push(("by a stranger".to_owned(), stranger(algorithm).sign_bytes(input.as_bytes()).unwrap()));
    forged
}

fn hs256(input: &str, right: &[u8]) -> Forged {
    let mut forged: Forged = [&b""[..], b"\0", b"secret", b"null", b"undefined", b"k1", &[0; 32], &[0; 64], right]
        .into_iter()
        .map(|secret| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
            (format!("by the secret {:.8}", String::from_utf8_lossy(secret)), tag.as_ref().to_vec())
        })
        .collect();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input.as_bytes());
    forged.push(("a hash without a key".to_owned(), digest.as_ref().to_vec()));
    forged
}

/// RFC 8032 §5.1.7 and §8.4: S below the order of the group, R and A no points that vanish.
fn ed_dsa(right: &[u8]) -> Forged {
    /// The order of the base point, little-endian.
    const ORDER: [u8; 32] = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (r, s) = right.split_at(32);
    let mut forged = Vec::new();
    let mut more = s.to_vec();
    for times in 1..=7 {
        more = added(&more, &ORDER);
        forged.push((format!("S and {times} times the order"), [r, &more].concat()));
    }
    for bit in [0x20, 0x40, 0x80, 0xE0] {
        let mut high = s.to_vec();
        high[31] |= bit;
        forged.push((format!("S with high bits {bit:#x}"), [r, &high].concat()));
    }
    let mut one = [0; 32];
    one[0] = 1;
    for (name, s) in [("0", [0; 32]), ("1", one), ("the order", ORDER)] {
        for (number, point) in small_order_points().into_iter().enumerate() {
            forged.push((format!("R of small order {number}, S is {name}"), [&point[..], &s].concat()));
        }
        forged.push((format!("S is {name}"), [r, &s].concat()));
    }
    for (number, point) in small_order_points().into_iter().enumerate() {
        forged.push((format!("R of small order {number}"), [&point[..], s].concat()));
    }
    forged.push(("R and S swapped".to_owned(), [s, r].concat()));
    forged
}

/// Both signs of every point of small order, and encodings of them that are not canonical.
pub(crate) fn small_order_points() -> Vec<[u8; 32]> {
    let with = |first: u8, middle: u8, last: u8| {
        let mut point = [middle; 32];
        (point[0], point[31]) = (first, last);
        point
    };
    let mut points = vec![
        with(0, 0, 0),
        with(1, 0, 0),
        with(0xEC, 0xFF, 0x7F),
        with(0xED, 0xFF, 0x7F),
        with(0xEE, 0xFF, 0x7F),
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5, 0xDF,
            0xAC, 5, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 2, 0x88, 0x6D, 0x53, 0xFC, 5,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A, 0x20,
            0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 3, 0x7A,
        ],
    ];
    for mut point in points.clone() {
        point[31] |= 0x80;
        points.push(point);
    }
    points
}

/// CVE-2022-21449 and its kind: numbers outside of 1 to n - 1, and other encodings than r ‖ s (RFC 7518 §3.4).
fn es256(right: &[u8]) -> Forged {
    /// The order of P-256, big-endian.
    const ORDER: [u8; 32] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD,
        0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];
    let (r, s) = right.split_at(32);
    let mut one = [0; 32];
    one[31] = 1;
    let mut above = ORDER;
    above[31] += 1;
    let numbers = [("0", [0; 32]), ("1", one), ("n", ORDER), ("n + 1", above), ("all ones", [0xFF; 32])];
    let mut forged = Vec::new();
    for (name, number) in numbers {
        forged.push((format!("r is {name}"), [&number, s].concat()));
        forged.push((format!("s is {name}"), [r, &number].concat()));
        for (other_name, other) in numbers {
            forged.push((format!("r is {name}, s is {other_name}"), [number, other].concat()));
        }
    }
    forged.push(("swapped".to_owned(), [s, r].concat()));
    forged.push(("DER".to_owned(), der(r, s)));
    forged.push(("DER of zeros".to_owned(), vec![0x30, 6, 2, 1, 0, 2, 1, 0]));
    forged.push(("as 33 bytes each".to_owned(), [&[0], r, &[0], s].concat()));
    forged.push(("as 48 bytes each".to_owned(), [&[0; 16], r, &[0; 16], s].concat()));
    forged
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let padding: &[u8] = if number[0] & 0x80 == 0 { &[] } else { &[0] };
        let content = [padding, number].concat();
        [&[2, u8::try_from(content.len()).unwrap()], &content[..]].concat()
    };
    let content = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat()
}

/// Other paddings and hashes by the very same key, and numbers beyond the modulus (RFC 8017 §8.2.2).
fn rs256(input: &str, right: &[u8]) -> Forged {
    let der = key(Algorithm::Rs256).to_pkcs8().unwrap();
    let pair = backend::RsaKeyPair::from_pkcs8(der.expose()).unwrap();
    let mut forged = Vec::new();
    let others: [(&str, &'static dyn backend::RsaEncoding); 5] = [
        ("PS256", &backend::RSA_PSS_SHA256),
        ("PS384", &backend::RSA_PSS_SHA384),
        ("PS512", &backend::RSA_PSS_SHA512),
        ("RS384", &backend::RSA_PKCS1_SHA384),
        ("RS512", &backend::RSA_PKCS1_SHA512),
    ];
    for (name, encoding) in others {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        forged.push((name.to_owned(), signature));
    }
    let mut one = vec![0; right.len()];
    *one.last_mut().unwrap() = 1;
    forged.push(("1".to_owned(), one));
    // A signature that is the padded hash itself: right for an exponent of 1.
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input.as_bytes());
    let digest_info = [0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let padding = vec![0xFF; right.len() - 3 - digest_info.len() - 32];
    forged.push(("padded hash".to_owned(), [&[0, 1], &padding[..], &[0], &digest_info, digest.as_ref()].concat()));
    forged
}

/// Signatures of one token under another.
fn moved(algorithm: Algorithm) -> Vec<Case> {
    let good = good_token(algorithm);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    let richer = base64url(good_claims().replace("ada", "root"));
    let renamed = base64url(good_header(algorithm).replace(',', ", "));
    [
        ("another payload", format!("{header}.{richer}.{signature}")),
        ("another header", format!("{renamed}.{payload}.{signature}")),
        ("payload with a blank", format!("{header}.{}.{signature}", base64url(good_claims() + " "))),
        ("empty object", format!("{header}.e30.{signature}")),
    ]
    .map(|(name, token)| case(format!("signature moved: {name}"), token, JwtError::Signature))
    .into()
}

/// Little-endian, without what goes beyond 32 bytes.
fn added(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let sum = a.iter().zip(b).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(*b) + carry;
        carry = sum >> 8;
        u8::try_from(sum & 0xFF).unwrap()
    });
    sum.collect()
}
