//! What the whole stack costs beside the hash: sign-ins over HTTP next to bare comparisons of the same hash.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::base::OsRandom;
use auth_core::crypto::password_hash::{HashConfig, Password, PasswordHasher, Verdict as Match};
use tokio::task::JoinSet;

use crate::app::Framework;
use crate::child::Server;
use crate::client::{self, Throughput};
use crate::report::{Aim, Line, Verdict};
use crate::seed::{PASSWORD, Seed};
use crate::statistics::{median, median_ratio};

const CLIENTS: usize = 8;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);
/// Sign-ins a second, in relation to bare hashing.
const AIM: f64 = 0.90;

pub(crate) fn run(seed: &Seed) -> Vec<Line> {
    let server = Server::start(Framework::Axum, seed);
    let hasher = PasswordHasher::new(HashConfig::default(), Arc::new(OsRandom)).unwrap();
    let bare = |time| client::block_on(compare_hashes(&hasher, seed, time)).per_second();
    let signed_in = |time| {
        client::block_on(client::saturate(server.address, CLIENTS, time, Arc::new(client::sign_in))).per_second()
    };
    bare(WARM_UP);
    signed_in(WARM_UP);
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(bare(ROUND));
        ours.push(signed_in(ROUND));
    }
    let ratio = median_ratio(&ours, &floor);
    vec![Line {
        measurement: format!("password sign-ins, {CLIENTS} clients, argon2id m=19456 t=2 p=1"),
        result: format!("{:.1}/s", median(&ours)),
        compared_with: format!("bare hashing in as many threads: {:.1}/s", median(&floor)),
        ratio: format!("{:.1} %", 100.0 * ratio),
        aim: Aim::Stated("≥ 90 %", Verdict::of(ratio >= AIM)),
    }]
}

async fn compare_hashes(hasher: &PasswordHasher, seed: &Seed, time: Duration) -> Throughput {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (hasher, stored) = (hasher.clone(), seed.password_hash.clone());
        clients.spawn(async move {
            let mut answered = 0;
            while begun.elapsed() < time {
                let verdict = hasher.verify(Password::new(PASSWORD), Some(stored.clone())).await.unwrap();
                assert_eq!(verdict, Match::Correct { outdated: false });
                answered += 1;
            }
            answered
        });
    }
    let answered = clients.join_all().await.into_iter().sum();
    Throughput { answered, time: begun.elapsed() }
}
