//! Attacks on tokens, for every algorithm. Unless the signature is the attack, a token is truly signed, so that only
//! the rule in question can refuse it; and each case says which rule that is.

use std::collections::HashSet;

use crate::crypto::jwt::{Algorithm, JwtError};

use super::{ALGORITHMS, Reader, accepted, good_token, key};

mod algorithm;
mod claims;
mod header;
mod shape;
pub(super) mod signature;

struct Case {
    name: String,
    readers: &'static [Reader],
    token: String,
    refusal: JwtError,
}

const BOTH: &[Reader] = &[Reader::Own, Reader::Foreign];
const OWN: &[Reader] = &[Reader::Own];

fn case(name: impl Into<String>, token: impl Into<String>, refusal: JwtError) -> Case {
    Case { name: name.into(), readers: BOTH, token: token.into(), refusal }
}

fn own_case(name: impl Into<String>, token: impl Into<String>, refusal: JwtError) -> Case {
    Case { readers: OWN, ..case(name, token, refusal) }
}

fn cases(algorithm: Algorithm) -> Vec<Case> {
    [
        algorithm::cases(algorithm),
        header::cases(algorithm),
        shape::cases(algorithm),
        signature::cases(algorithm),
        claims::cases(algorithm),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn no_attack_is_accepted_and_each_is_refused_by_its_rule() {
    let (mut attacks, mut wrong) = (HashSet::new(), Vec::new());
    for algorithm in ALGORITHMS {
        let verifying_key = key(algorithm).verifying_key();
        let good = good_token(algorithm);
        for reader in [Reader::Own, Reader::Foreign] {
            assert!(accepted(reader, &good, &verifying_key).is_ok(), "{algorithm}: the token they are made from");
        }
        for case in cases(algorithm) {
            for reader in case.readers {
                attacks.insert((algorithm, *reader, case.token.clone()));
                match accepted(*reader, &case.token, &verifying_key) {
                    Err(refusal) if refusal == case.refusal => {}
                    outcome => {
                        let found = outcome.err();
                        wrong.push(format!("{algorithm} {reader:?} {}: {found:?}, not {:?}", case.name, case.refusal));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
    assert!(attacks.len() >= 8_000, "only {} attacks", attacks.len());
    println!("{} attacks", attacks.len());
}
