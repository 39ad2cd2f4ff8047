//! What signed-in people notice of a flood of sign-ins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::app::{Framework, GUARDED};
use crate::child::Server;
use crate::client::{self, Connection};
use crate::report::{Aim, Line, Verdict};
use crate::seed::Seed;
use crate::statistics::{median, quantile};

const READERS: usize = 4;
/// Between a reader's answer and its next request.
const PAUSE: Duration = Duration::from_millis(4);
const SIGN_IN_CLIENTS: usize = 32;
const ROUNDS: usize = 4;
const ROUND: Duration = Duration::from_secs(5);
const AIM: f64 = 5.0;

/// p50 and p99 of each round, in microseconds.
#[derive(Default)]
struct Samples {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Samples {
    fn push(&mut self, latencies: &[f64]) {
        self.p50.push(median(latencies));
        self.p99.push(quantile(latencies, 0.99));
    }
}

pub(crate) fn run(seed: &Seed) -> Vec<Line> {
    let server = Server::start(Framework::Axum, seed);
    client::block_on(read(&server, seed, Duration::from_secs(1)));
    let (mut idle, mut loaded) = (Samples::default(), Samples::default());
    let mut sign_ins = Vec::new();
    for _ in 0..ROUNDS {
        idle.push(&client::block_on(read(&server, seed, ROUND)));
        let (latencies, per_second) = read_under_sign_ins(&server, seed);
        loaded.push(&latencies);
        sign_ins.push(per_second);
    }
    let ratio = median(&loaded.p99) / median(&idle.p99);
    vec![Line {
        measurement: format!("guarded `GET` while {:.0} sign-ins/s saturate the hashing pool", median(&sign_ins)),
        result: shown(&loaded),
        compared_with: format!("idle: {}", shown(&idle)),
        ratio: format!("p50 × {:.1}, p99 × {ratio:.1}", median(&loaded.p50) / median(&idle.p50)),
        aim: Aim::Stated("p99 ≤ 5 × idle", Verdict::of(ratio <= AIM)),
    }]
}

fn read_under_sign_ins(server: &Server, seed: &Seed) -> (Vec<f64>, f64) {
    let address = server.address;
    // A little longer than the readers on both sides, so that no request of theirs meets a quiet server.
    let time = ROUND + Duration::from_secs(1);
    let load = std::thread::spawn(move || {
        client::block_on(client::saturate(address, SIGN_IN_CLIENTS, time, Arc::new(client::sign_in)))
    });
    std::thread::sleep(Duration::from_millis(500));
    let latencies = client::block_on(read(server, seed, ROUND));
    (latencies, load.join().unwrap().per_second())
}

/// The latencies of all answers, in microseconds.
async fn read(server: &Server, seed: &Seed, time: Duration) -> Vec<f64> {
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (address, tokens) = (server.address, Arc::clone(&seed.tokens));
        readers.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut latencies = Vec::new();
            while begun.elapsed() < time {
                tokio::time::sleep(PAUSE).await;
                let request = client::get(GUARDED, &tokens[fastrand::usize(..tokens.len())]);
                let sent = Instant::now();
                let answer = connection.exchange(&request).await;
                latencies.push(sent.elapsed().as_secs_f64() * 1e6);
                assert_eq!(answer.status, 200);
            }
            latencies
        });
    }
    readers.join_all().await.into_iter().flatten().collect()
}

fn shown(samples: &Samples) -> String {
    format!("p50 {:.0} µs, p99 {:.0} µs", median(&samples.p50), median(&samples.p99))
}
