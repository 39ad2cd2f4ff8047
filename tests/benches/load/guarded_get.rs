//! What guarding a handler costs: one session look-up, by hand or by the library, and the same handler without any.

use std::sync::Arc;
use std::time::Duration;

use crate::app::{FLOOR, Framework, GUARDED, PUBLIC};
use crate::child::Server;
use crate::client;
use crate::report::{Aim, Line, Verdict};
use crate::seed::Seed;
use crate::statistics::{median, median_ratio};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(500);
/// Requests a second, in relation to the floor.
const AIM: f64 = 0.95;

/// The rounds of one route.
#[derive(Default)]
struct Samples {
    per_second: Vec<f64>,
    processor_micros: Vec<f64>,
}

pub(crate) fn run(seed: &Seed) -> Vec<Line> {
    [Framework::Axum, Framework::Actix].into_iter().flat_map(|framework| compare(framework, seed)).collect()
}

fn compare(framework: Framework, seed: &Seed) -> [Line; 2] {
    let server = Server::start(framework, seed);
    for path in [FLOOR, GUARDED, PUBLIC] {
        load(&server, path, seed, WARM_UP);
    }
    let [mut floor, mut guarded, mut public] = [Samples::default(), Samples::default(), Samples::default()];
    for round in 0..ROUNDS {
        let mut turns = [(FLOOR, &mut floor), (GUARDED, &mut guarded), (PUBLIC, &mut public)];
        // Whoever is always first could be favoured.
        turns.rotate_left(round % 3);
        for (path, samples) in turns {
            let (per_second, processor_micros) = load(&server, path, seed, ROUND);
            samples.per_second.push(per_second);
            samples.processor_micros.push(processor_micros);
        }
    }
    let ratio = median_ratio(&guarded.per_second, &floor.per_second);
    let name = framework.name();
    [
        Line {
            measurement: format!("{name}: guarded `GET`, one of {} sessions", crate::seed::SESSIONS),
            result: shown(&guarded),
            compared_with: format!("the look-up by hand: {}", shown(&floor)),
            ratio: format!(
                "{:.1} % of the requests, {:.1} % of the processor time",
                100.0 * ratio,
                100.0 * median_ratio(&guarded.processor_micros, &floor.processor_micros)
            ),
            aim: Aim::Stated("≥ 95 % of the requests", Verdict::of(ratio >= AIM)),
        },
        Line {
            measurement: format!("{name}: public `GET`, no look-up"),
            result: shown(&public),
            compared_with: "the look-up by hand".to_owned(),
            ratio: format!("{:.0} % of the requests", 100.0 * median_ratio(&public.per_second, &floor.per_second)),
            aim: Aim::None,
        },
    ]
}

/// Requests a second, and the server's processor time for one of them in microseconds.
fn load(server: &Server, path: &'static str, seed: &Seed, time: Duration) -> (f64, f64) {
    let tokens = Arc::clone(&seed.tokens);
    let request = Arc::new(move || client::get(path, &tokens[fastrand::usize(..tokens.len())]));
    let before = server.processor_time();
    let throughput = client::block_on(client::saturate(server.address, CONNECTIONS, time, request));
    let used = server.processor_time() - before;
    (throughput.per_second(), used.as_secs_f64() * 1e6 / f64::from(throughput.answered))
}

fn shown(samples: &Samples) -> String {
    format!("{:.0}/s, {:.1} µs of processor", median(&samples.per_second), median(&samples.processor_micros))
}
