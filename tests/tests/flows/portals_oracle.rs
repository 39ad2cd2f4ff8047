//! No answer, and no time that it takes, tells whether a password was right or an account exists.
//!
//! What is compared: the bytes and headers of every answer, but for ids and dates, and of 200 samples a case the time
//! that the fastest tenth stays below. Other work of the machine only ever adds to a time, and to few of those; what a
//! request does itself is in all of them, so a leak moves this number as it moves the median. All cases take turns, in
//! an order that is shuffled each time. Those that must look alike may differ by half of what a password hash costs,
//! which here is the difference between those that hash and those that must not: one hash more or less is twice that.
//! What one statement more or less would take is not left to a clock: `portals.rs` counts them, over every store. On
//! servers the way to them would be most of the time, so here the database is in memory. A measurement may still be bad
//! luck; a leak is in all three.

use std::time::{Duration, Instant};

use auth_core::crypto::password_hash::HashConfig;
use auth_tests::{PASSWORD, Stack, StoreKind, TestApp, TransportKind, password_config};
use serde_json::{Value, json};

use crate::portals::{ADMIN, FrontEnd, MEMBER, PORTAL, STAFF, settle, sign_in, with_policy};

const SAMPLES: usize = 200;
const MEASUREMENTS: usize = 3;
const WRONG: &str = "Wombat-Violet-Thunder-41";
const NOBODY: &str = "nobody@acme.test";

/// Front end, address, password, and whether the body contradicts the front end.
type Case = (FrontEnd, &'static str, &'static str, bool);

/// Refused before anything is looked up.
const EARLY: [Case; 3] =
    [(PORTAL, MEMBER, PASSWORD, true), (PORTAL, MEMBER, WRONG, true), (PORTAL, NOBODY, PASSWORD, true)];

/// Refused for a password, or for what looks like one.
const LATE: [Case; 5] = [
    (PORTAL, NOBODY, PASSWORD, false),
    (PORTAL, MEMBER, WRONG, false),
    (ADMIN, MEMBER, PASSWORD, false),
    (ADMIN, MEMBER, WRONG, false),
    (PORTAL, STAFF, PASSWORD, false),
];

/// One answer, and how long it took.
async fn sample(app: &TestApp, (from, email, password, contradicts): Case) -> (String, Duration) {
    let more: Value = if contradicts { json!({ "guard": "ADMIN" }) } else { json!({}) };
    // So that nobody is locked.
    app.advance(crate::DAY);
    let begun = Instant::now();
    let reply = sign_in(app, from, email, password, more).await;
    (reply.essence(), begun.elapsed())
}

/// Of each case the time that its fastest tenth stays below.
async fn times(app: &TestApp) -> Vec<Duration> {
    let cases: Vec<Case> = EARLY.into_iter().chain(LATE).collect();
    let mut all = vec![Vec::with_capacity(SAMPLES); cases.len()];
    let mut answers: Vec<Option<String>> = vec![None; cases.len()];
    let mut order: Vec<usize> = (0..cases.len()).collect();
    let mut dice = fastrand::Rng::with_seed(1);
    for _ in 0..SAMPLES {
        dice.shuffle(&mut order);
        for &at in &order {
            let (answer, time) = sample(app, cases[at]).await;
            all[at].push(time);
            assert_eq!(answers[at].get_or_insert_with(|| answer.clone()), &answer, "{:?}", cases[at]);
        }
    }
    let (early, late) = answers.split_at(EARLY.len());
    for group in [early, late] {
        assert!(group.iter().all(|answer| *answer == group[0]), "{group:?}");
    }
    all.iter_mut().for_each(|times| times.sort_unstable());
    all.iter().map(|times| times[SAMPLES / 10]).collect()
}

/// How far the slowest is from the fastest.
fn spread(times: &[Duration]) -> Duration {
    *times.iter().max().unwrap() - *times.iter().min().unwrap()
}

#[tokio::test]
async fn no_answer_and_no_time_tells_whether_a_password_was_right() {
    // A hash that costs far more than everything around it, and little enough for thousands of them.
    let hash = HashConfig::insecure_fast_for_tests().memory_kib(1_536);
    let stack = Stack { transport: TransportKind::Axum, store: StoreKind::SqliteMemory };
    let password = password_config().hash(hash);
    let app = stack.app_with(|builder| with_policy(builder).password(password)).await;
    settle(&app).await;
    let mut seen = Vec::new();
    for _ in 0..MEASUREMENTS {
        let times = times(&app).await;
        let (early, late) = times.split_at(EARLY.len());
        let cost = late.iter().min().unwrap().saturating_sub(*early.iter().max().unwrap());
        if !cost.is_zero() && [early, late].into_iter().all(|group| spread(group) <= cost / 2) {
            return;
        }
        seen.push(times);
    }
    panic!("the times of {EARLY:?} or those of {LATE:?} differ: {seen:#?}");
}
