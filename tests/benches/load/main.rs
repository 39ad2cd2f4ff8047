//! What the library costs, next to the same thing written by hand, on the machine that runs this.
//!
//! `cargo bench -p auth-tests` measures everything in about eleven minutes and prints one Markdown table;
//! `cargo bench -p auth-tests --bench load -- guarded_get tail_latency` measures only that.
//!
//! The server under load is a child process, this very program started again, so that its processor time and its
//! memory can be told from those of the load. What is compared takes turns in short rounds within one run, and
//! medians are reported: two runs on a shared machine are not comparable, two neighbouring rounds are.
//!
//! Start reading at a scenario: [`guarded_get`], [`stateless_get`], [`limited_get`], [`sign_in`], [`sign_in_memory`],
//! [`tail_latency`].
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

mod app;
mod child;
mod client;
mod guarded_get;
mod limited_app;
mod limited_get;
mod machine;
mod report;
mod seed;
mod sign_in;
mod sign_in_memory;
mod stateless_get;
mod statistics;
mod tail_latency;
mod tokens;

use std::time::Instant;

use report::Line;
use seed::Seed;

type Scenario = fn(&Seed) -> Vec<Line>;

/// By name, in the order in which they run.
const SCENARIOS: [(&str, Scenario); 6] = [
    ("guarded_get", guarded_get::run),
    ("stateless_get", stateless_get::run),
    ("limited_get", limited_get::run),
    ("sign_in", sign_in::run),
    ("sign_in_memory", sign_in_memory::run),
    ("tail_latency", tail_latency::run),
];

fn main() {
    // Cargo adds `--bench` of its own accord.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [child::SERVE, framework, algorithm, database] => {
            return app::serve(framework.parse().unwrap(), algorithm.parse().unwrap(), database);
        }
        [child::SERVE_IN_MEMORY, framework] => return limited_app::serve(framework.parse().unwrap()),
        _ => {}
    }
    let is_wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let begun = Instant::now();
    let seed = Seed::plant();
    eprintln!("stored {} users and {} sessions in {:.0?}", seed::USERS, seed::SESSIONS, begun.elapsed());
    let mut lines = Vec::new();
    for (name, run) in SCENARIOS.into_iter().filter(|(name, _)| is_wanted(name)) {
        eprintln!("{name} …");
        lines.extend(run(&seed));
    }
    report::print(&lines, &machine::description());
    eprintln!("took {:.0?}", begun.elapsed());
}
