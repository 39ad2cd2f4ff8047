//! What believing an access token costs: a `GET` whose handler decodes it by hand, and the same by the library, with
//! nothing looked up on either side.

use std::sync::Arc;

use auth_core::crypto::jwt::Algorithm;

use crate::app::{BELIEVED, DECODED, Framework};
use crate::child::Server;
use crate::guarded_get::{ROUND, ROUNDS, Samples, WARM_UP};
use crate::report::{Aim, Line, Verdict};
use crate::seed::Seed;
use crate::statistics::median_ratio;
use crate::tokens;

/// Few enough for the engine to remember all of them, as most tokens come many times before they expire.
const FEW: usize = 1_000;
/// Four times as many as the engine remembers.
const MANY: usize = 40_000;
/// The processor time by hand, in relation to ours.
const AIM: f64 = 0.95;

pub(crate) fn run(seed: &Seed) -> Vec<Line> {
    let mut lines = Vec::new();
    for algorithm in [Algorithm::EdDsa, Algorithm::Hs256] {
        let many = tokens::issue(algorithm, seed, MANY);
        let sets = [Arc::new(many[..FEW].to_vec()), many];
        for framework in [Framework::Axum, Framework::Actix] {
            lines.extend(compare(framework, algorithm, &sets, seed));
        }
    }
    lines
}

/// A line for each set of tokens.
fn compare(framework: Framework, algorithm: Algorithm, sets: &[Arc<Vec<String>>], seed: &Seed) -> Vec<Line> {
    let server = Server::signing(algorithm, framework, seed);
    let mut contests: Vec<_> = sets.iter().map(|tokens| (tokens, Samples::default(), Samples::default())).collect();
    for path in [DECODED, BELIEVED] {
        sets.iter().for_each(|tokens| Samples::default().take(&server, path, tokens, WARM_UP));
    }
    for round in 0..ROUNDS {
        for (tokens, by_hand, ours) in &mut contests {
            let mut turns = [(DECODED, by_hand), (BELIEVED, ours)];
            // Whoever is always first could be favoured.
            turns.rotate_left(round % 2);
            for (path, samples) in turns {
                samples.take(&server, path, tokens, ROUND);
            }
        }
    }
    let line = |(tokens, by_hand, ours): (&Arc<Vec<String>>, Samples, Samples)| {
        let requests = median_ratio(&ours.per_second, &by_hand.per_second);
        let processor = median_ratio(&ours.processor_micros, &by_hand.processor_micros);
        Line {
            measurement: format!("{}: stateless `GET`, {algorithm}, one of {} tokens", framework.name(), tokens.len()),
            result: ours.shown(),
            compared_with: format!("`decode` by hand: {}", by_hand.shown()),
            ratio: format!(
                "{:.1} % of the requests, {:.1} % of the processor time",
                100.0 * requests,
                100.0 * processor
            ),
            aim: Aim::Stated("≤ 105 % of the processor time", Verdict::of(1.0 / processor >= AIM)),
        }
    };
    contests.into_iter().map(line).collect()
}
