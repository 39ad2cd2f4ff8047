//! What a limit costs on top of a guard, counted in memory, and what the guard costs over a handler without either.

use crate::app::{Framework, GUARDED};
use crate::child::Server;
use crate::guarded_get::{Samples, take_turns};
use crate::limited_app::{BARE, CALLERS, LIMITED};
use crate::report::{Aim, Line, Verdict};
use crate::seed::Seed;
use crate::statistics::median_ratio;

/// The processor time of a request that is counted, in relation to one that is not.
const AIM: f64 = 1.05;

/// The sessions are not those of the seed: a look-up in its database would be most of what is measured.
pub(crate) fn run(_: &Seed) -> Vec<Line> {
    [Framework::Axum, Framework::Actix].into_iter().flat_map(compare).collect()
}

fn compare(framework: Framework) -> [Line; 2] {
    let server = Server::in_memory(framework);
    let [bare, guarded, limited] = take_turns(&server, [BARE, GUARDED, LIMITED], &server.tokens);
    let name = framework.name();
    let processor = median_ratio(&limited.processor_micros, &guarded.processor_micros);
    [
        Line {
            measurement: format!("{name}: guarded `GET`, one of {CALLERS} sessions in memory"),
            result: guarded.shown(),
            compared_with: format!("a bare handler: {}", bare.shown()),
            ratio: ratio(&guarded, &bare),
            aim: Aim::None,
        },
        Line {
            measurement: format!("{name}: guarded and limited `GET`, counted in memory"),
            result: limited.shown(),
            compared_with: format!("guarded alone: {}", guarded.shown()),
            ratio: ratio(&limited, &guarded),
            aim: Aim::Stated("≤ 105 % of the processor time", Verdict::of(processor <= AIM)),
        },
    ]
}

fn ratio(ours: &Samples, theirs: &Samples) -> String {
    let requests = median_ratio(&ours.per_second, &theirs.per_second);
    let processor = median_ratio(&ours.processor_micros, &theirs.processor_micros);
    format!("{:.1} % of the requests, {:.1} % of the processor time", 100.0 * requests, 100.0 * processor)
}
