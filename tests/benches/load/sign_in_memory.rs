//! What a flood of sign-ins takes in memory. Each hash needs 19 MiB: unbounded, 400 of them would take 7.4 GiB.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::{Framework, GUARDED};
use crate::child::Server;
use crate::client::{self, Answer, Connection};
use crate::report::{Aim, Line, Verdict};
use crate::seed::Seed;

const SIGN_INS: usize = 400;
const AIM_MIB: f64 = 120.0;
/// More than the hashing queue's time and the work at hand.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(seed: &Seed) -> Vec<Line> {
    let server = Server::start(Framework::Axum, seed);
    let answers = client::block_on(async {
        // The base is a server that has begun to serve.
        let answer = Connection::open(server.address).await.exchange(&client::get(GUARDED, &seed.tokens[0])).await;
        assert_eq!(answer.status, 200);
        let base = server.resident_kib();
        (base, tokio::time::timeout(PATIENCE, flood(&server)).await.unwrap())
    });
    let (base, answers) = answers;
    let grown_mib = |kib: u64| kib.saturating_sub(base) as f64 / 1024.0;
    let (peak, after) = (grown_mib(server.peak_resident_kib()), grown_mib(server.resident_kib()));
    let signed_in = answers.iter().filter(|answer| answer.status == 200).count();
    let told_to_wait = answers.iter().filter(|answer| answer.status == 503 && answer.says_when_to_retry).count();
    let all_answered = signed_in + told_to_wait == SIGN_INS;
    vec![Line {
        measurement: format!("{SIGN_INS} sign-ins at once: memory over an idle server"),
        result: format!("{peak:.0} MiB at most, {after:.0} MiB afterwards"),
        compared_with: format!("idle: {:.0} MiB", base as f64 / 1024.0),
        ratio: format!(
            "{signed_in} × 200, {told_to_wait} × 503 with `Retry-After`, {} others",
            SIGN_INS - signed_in - told_to_wait
        ),
        aim: Aim::Stated("≤ 120 MiB, all answered", Verdict::of(all_answered && peak <= AIM_MIB)),
    }]
}

/// All connections first, then all requests.
async fn flood(server: &Server) -> Vec<Answer> {
    let mut connections = Vec::with_capacity(SIGN_INS);
    for _ in 0..SIGN_INS {
        connections.push(Connection::open(server.address).await);
    }
    let mut clients = JoinSet::new();
    for mut connection in connections {
        clients.spawn(async move { connection.exchange(&client::sign_in()).await });
    }
    clients.join_all().await
}
