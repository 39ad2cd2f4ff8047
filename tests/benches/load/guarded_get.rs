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
pub(crate) const ROUNDS: usize = 7;
pub(crate) const ROUND: Duration = Duration::from_secs(2);
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);
/// Requests a second, in relation to the floor.
const AIM: f64 = 0.95;

/// The rounds of one route.
#[derive(Default)]
pub(crate) struct Samples {
    /// Requests a second.
    pub(crate) per_second: Vec<f64>,
    /// The server's processor time for one request.
    pub(crate) processor_micros: Vec<f64>,
}

impl Samples {
    /// Has the route asked for so long, each time with one of these tokens.
    pub(crate) fn take(&mut self, server: &Server, path: &'static str, tokens: &Arc<Vec<String>>, time: Duration) {
        let tokens = Arc::clone(tokens);
        let request = Arc::new(move || client::get(path, &tokens[fastrand::usize(..tokens.len())]));
        let before = server.processor_time();
        let throughput = client::block_on(client::saturate(server.address, CONNECTIONS, time, request));
        let used = server.processor_time() - before;
        self.per_second.push(throughput.per_second());
        self.processor_micros.push(used.as_secs_f64() * 1e6 / f64::from(throughput.answered));
    }

    pub(crate) fn shown(&self) -> String {
        let (per_second, micros) = (median(&self.per_second), median(&self.processor_micros));
        format!("{per_second:.0}/s, {micros:.1} µs of processor")
    }
}

/// What these routes of one server give, asked in turns after a warm-up.
pub(crate) fn take_turns<const N: usize>(
    server: &Server,
    paths: [&'static str; N],
    tokens: &Arc<Vec<String>>,
) -> [Samples; N] {
    for path in paths {
        Samples::default().take(server, path, tokens, WARM_UP);
    }
    let mut taken = std::array::from_fn(|_| Samples::default());
    for round in 0..ROUNDS {
        let mut turns: Vec<_> = paths.into_iter().zip(&mut taken).collect();
        // Whoever is always first could be favoured.
        turns.rotate_left(round % N);
        for (path, samples) in turns {
            samples.take(server, path, tokens, ROUND);
        }
    }
    taken
}

pub(crate) fn run(seed: &Seed) -> Vec<Line> {
    [Framework::Axum, Framework::Actix].into_iter().flat_map(|framework| compare(framework, seed)).collect()
}

fn compare(framework: Framework, seed: &Seed) -> [Line; 2] {
    let server = Server::start(framework, seed);
    let [floor, guarded, public] = take_turns(&server, [FLOOR, GUARDED, PUBLIC], &seed.tokens);
    let ratio = median_ratio(&guarded.per_second, &floor.per_second);
    let name = framework.name();
    [
        Line {
            measurement: format!("{name}: guarded `GET`, one of {} sessions", crate::seed::SESSIONS),
            result: guarded.shown(),
            compared_with: format!("the look-up by hand: {}", floor.shown()),
            ratio: format!(
                "{:.1} % of the requests, {:.1} % of the processor time",
                100.0 * ratio,
                100.0 * median_ratio(&guarded.processor_micros, &floor.processor_micros)
            ),
            aim: Aim::Stated("≥ 95 % of the requests", Verdict::of(ratio >= AIM)),
        },
        Line {
            measurement: format!("{name}: public `GET`, no look-up"),
            result: public.shown(),
            compared_with: "the look-up by hand".to_owned(),
            ratio: format!("{:.0} % of the requests", 100.0 * median_ratio(&public.per_second, &floor.per_second)),
            aim: Aim::None,
        },
    ]
}
