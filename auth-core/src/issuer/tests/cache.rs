//! When keys are read, and how long they count.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::Barrier;

use super::*;

/// Publishes keys with these headers.
fn publish(net: &Net, keys: &[&SigningKey], headers: &[(&'static str, &str)]) {
    net.answers_with(KEYS, 200, headers, set_of(keys));
}

/// Good for as long as a test may take.
fn lasting(key: &SigningKey) -> String {
    token(key, json!({ "exp": NOW + 1_000_000 }))
}

#[tokio::test]
async fn keys_are_read_when_they_are_needed_and_then_kept() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    assert_eq!(stand.net.count(), 0);
    for _ in 0..10 {
        stand.accepted(&lasting(&key)).await;
    }
    assert_eq!(stand.net.asked(), [KEYS]);
}

/// Lets every task that can go on do so, on the one thread of a test.
async fn everybody_else() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_hundred_that_wait_cause_one_reading() {
    let key = ed("1");
    let stand = Arc::new(Stand::publishing(&[&key]));
    stand.net.hold();
    let waiting = |token: String| {
        let stand = stand.clone();
        tokio::spawn(async move { stand.accepted(&token).await })
    };
    let requests: Vec<_> = (0..200).map(|_| waiting(lasting(&key))).collect();
    everybody_else().await;
    assert_eq!(stand.net.count(), 1);
    assert!(requests.iter().all(|request| !request.is_finished()));
    stand.net.release();
    assert!(join_all(requests).await.into_iter().all(|claims| claims.unwrap().subject() == "ada"));
    assert_eq!(stand.net.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_in_parallel_cause_one_reading() {
    let key = ed("1");
    let stand = Arc::new(Stand::publishing(&[&key]));
    let start = Arc::new(Barrier::new(200));
    let request = |token: String| {
        let (stand, start) = (stand.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            stand.accepted(&token).await
        })
    };
    let requests: Vec<_> = (0..200).map(|_| request(lasting(&key))).collect();
    assert!(join_all(requests).await.into_iter().all(|claims| claims.is_ok()));
    assert_eq!(stand.net.count(), 1);
}

#[tokio::test]
async fn a_rotation_is_found_by_exactly_one_reading() {
    let (old, new) = (ed("old"), ed("new"));
    let stand = Stand::publishing(&[&old]);
    stand.accepted(&lasting(&old)).await;
    stand.net.answers(KEYS, set_of(&[&new, &old]));
    stand.passes(1);
    for _ in 0..5 {
        stand.accepted(&lasting(&new)).await;
        stand.accepted(&lasting(&old)).await;
    }
    assert_eq!(stand.net.count(), 2);
    // The one that was withdrawn ends with the next reading.
    stand.net.answers(KEYS, set_of(&[&new]));
    stand.accepted(&lasting(&old)).await;
    stand.passes(601);
    assert_eq!(stand.refused(&lasting(&old)).await, Refusal::UnknownKey);
    assert_eq!(stand.net.count(), 3);
}

#[tokio::test]
async fn everybody_who_comes_during_a_rotation_is_let_in() {
    let (old, new) = (ed("old"), ed("new"));
    let stand = Arc::new(Stand::publishing(&[&old]));
    stand.accepted(&lasting(&old)).await;
    stand.net.answers(KEYS, set_of(&[&new]));
    stand.net.hold();
    let request = |token: String| {
        let stand = stand.clone();
        tokio::spawn(async move { stand.accepted(&token).await })
    };
    let requests: Vec<_> = (0..50).map(|_| request(lasting(&new))).collect();
    everybody_else().await;
    stand.net.release();
    assert!(join_all(requests).await.into_iter().all(|claims| claims.is_ok()));
    assert_eq!(stand.net.count(), 2);
}

#[tokio::test]
async fn a_thousand_unknown_kids_cause_one_reading_in_thirty_seconds() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    stand.accepted(&lasting(&key)).await;
    let strangers = |from: usize| (from..from + 1_000).map(|number| lasting(&ed(&number.to_string())));
    for stranger in strangers(10) {
        assert_eq!(stand.refused(&stranger).await, Refusal::UnknownKey);
    }
    assert_eq!(stand.net.count(), 2);
    stand.passes(29);
    stand.refused(&lasting(&ed("5000"))).await;
    assert_eq!(stand.net.count(), 2);
    stand.passes(1);
    let at_once: Vec<String> = strangers(6_000).collect();
    join_all(at_once.iter().map(|stranger| stand.refused(stranger))).await;
    assert_eq!(stand.net.count(), 3);
    stand.accepted(&lasting(&key)).await;
}

#[tokio::test]
async fn a_kid_that_was_looked_for_in_vain_is_looked_for_ever_more_rarely() {
    let (key, gone) = (ed("1"), ed("gone"));
    let stand = Stand::publishing(&[&key]);
    stand.net.answers_with(KEYS, 200, &[("cache-control", "max-age=86400")], set_of(&[&key]));
    stand.accepted(&lasting(&key)).await;
    let mut readings = Vec::new();
    for second in 0..600_u64 {
        let before = stand.net.count();
        stand.refused(&lasting(&gone)).await;
        if stand.net.count() > before {
            readings.push(second);
        }
        stand.passes(1);
    }
    assert_eq!(readings, [0, 30, 90, 210, 450]);
    // It comes back: found as soon as anything has keys read again.
    stand.net.answers(KEYS, set_of(&[&key, &gone]));
    stand.refused(&lasting(&gone)).await;
    stand.refused(&lasting(&ed("other"))).await;
    stand.accepted(&lasting(&gone)).await;
}

#[tokio::test]
async fn an_unknown_kid_in_a_cold_start_is_not_looked_for_twice() {
    let (key, new) = (ed("1"), ed("new"));
    let stand = Stand::publishing(&[&key]);
    stand.refused(&lasting(&new)).await;
    assert_eq!(stand.net.count(), 1);
    // The first one to name another unknown key may still look for it.
    let newer = ed("newer");
    stand.net.answers(KEYS, set_of(&[&key, &newer]));
    stand.accepted(&lasting(&newer)).await;
    assert_eq!(stand.net.count(), 2);
}

#[tokio::test]
async fn an_outage_with_keys_goes_unnoticed_until_the_bound() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    stand.accepted(&lasting(&key)).await;
    stand.net.is_down();
    stand.passes(600);
    for _ in 0..10 {
        stand.accepted(&lasting(&key)).await;
    }
    // One attempt, and none in the 30 seconds after it.
    assert_eq!(stand.net.count(), 2);
    stand.passes(30);
    stand.accepted(&lasting(&key)).await;
    assert_eq!(stand.net.count(), 3);
    stand.passes(3600 - 31);
    stand.accepted(&lasting(&key)).await;
    stand.passes(1);
    stand.unavailable(&lasting(&key)).await;
    stand.net.answers(KEYS, set_of(&[&key]));
    stand.passes(1);
    stand.accepted(&lasting(&key)).await;
}

#[tokio::test]
async fn an_unknown_kid_in_an_outage_with_keys_is_refused() {
    let (key, new) = (ed("1"), ed("new"));
    let stand = Stand::publishing(&[&key]);
    stand.accepted(&lasting(&key)).await;
    stand.net.is_down();
    for _ in 0..10 {
        assert_eq!(stand.refused(&lasting(&new)).await, Refusal::UnknownKey);
    }
    assert_eq!(stand.net.count(), 2);
    // Silence proves nothing about the key: it is found as soon as its issuer is back.
    stand.net.answers(KEYS, set_of(&[&key, &new]));
    stand.passes(30);
    stand.accepted(&lasting(&new)).await;
}

#[tokio::test]
async fn an_issuer_that_has_just_failed_is_not_asked_for_an_unknown_kid() {
    let (key, new) = (ed("1"), ed("new"));
    let stand = Stand::publishing(&[&key]);
    stand.accepted(&lasting(&key)).await;
    stand.net.is_down();
    stand.passes(600);
    stand.accepted(&lasting(&key)).await;
    stand.passes(29);
    stand.refused(&lasting(&new)).await;
    assert_eq!(stand.net.count(), 2);
}

#[tokio::test]
async fn only_an_answer_says_that_a_kid_is_missing() {
    let (key, new) = (ed("1"), ed("new"));
    let stand = Stand::publishing(&[&key]);
    stand.accepted(&lasting(&key)).await;
    stand.net.is_down();
    stand.passes(600);
    stand.refused(&lasting(&new)).await;
    // Its issuer is back and does not have it yet: that is the first time, and 30 seconds of silence.
    stand.net.answers(KEYS, set_of(&[&key]));
    stand.passes(30);
    stand.refused(&lasting(&new)).await;
    stand.net.answers(KEYS, set_of(&[&key, &new]));
    stand.passes(30);
    stand.accepted(&lasting(&new)).await;
    assert_eq!(stand.net.count(), 4);
}

#[tokio::test]
async fn a_cold_outage_is_503_and_ends_with_the_outage() {
    let key = ed("1");
    let stand = Stand::with(custom());
    for attempt in 1..=3 {
        // Whatever arrives within a second causes one question.
        for _ in 0..10 {
            stand.unavailable(&lasting(&key)).await;
            stand.unavailable(&lasting(&ed("made-up"))).await;
        }
        assert_eq!(stand.net.count(), attempt);
        stand.passes(1);
    }
    stand.net.answers(KEYS, set_of(&[&key]));
    stand.accepted(&lasting(&key)).await;
}

#[tokio::test]
async fn in_an_outage_one_request_waits_and_the_others_do_not() {
    let key = ed("1");
    let stand = Arc::new(Stand::publishing(&[&key]));
    stand.accepted(&lasting(&key)).await;
    stand.net.is_down();
    stand.passes(600);
    stand.accepted(&lasting(&key)).await;
    stand.passes(30);
    stand.net.hold();
    let (waiting, token) = (stand.clone(), lasting(&key));
    let waiting = tokio::spawn(async move { waiting.accepted(&token).await });
    stand.net.has_been_asked(3).await;
    for _ in 0..10 {
        assert!(stand.verify(&lasting(&key)).now_or_never().unwrap().is_ok());
    }
    stand.net.release();
    waiting.await.unwrap();
    assert_eq!(stand.net.count(), 3);
}

#[tokio::test]
async fn who_gives_up_waiting_leaves_nobody_stranded() {
    let key = ed("1");
    let stand = Arc::new(Stand::publishing(&[&key]));
    stand.net.hold();
    let waiting = || {
        let (stand, token) = (stand.clone(), lasting(&key));
        tokio::spawn(async move { stand.accepted(&token).await })
    };
    let first = waiting();
    stand.net.has_been_asked(1).await;
    let second = waiting();
    everybody_else().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    stand.net.release();
    second.await.unwrap();
    assert_eq!(stand.net.count(), 1);

    // A reading that nobody waits for any more comes to its end, too.
    stand.passes(600);
    stand.net.hold();
    let alone = waiting();
    stand.net.has_been_asked(2).await;
    alone.abort();
    assert!(alone.await.is_err());
    stand.net.release();
    everybody_else().await;
    stand.accepted(&lasting(&key)).await;
    assert_eq!(stand.net.count(), 2);
}

#[tokio::test]
async fn who_hangs_up_does_not_keep_a_rotation_from_being_found() {
    let (old, new) = (ed("old"), ed("new"));
    let stand = Arc::new(Stand::publishing(&[&old]));
    stand.accepted(&lasting(&old)).await;
    stand.net.answers(KEYS, set_of(&[&old, &new]));
    stand.net.hold();
    let stranger = tokio::spawn({
        let (stand, token) = (stand.clone(), lasting(&ed("stranger")));
        async move { stand.refused(&token).await }
    });
    stand.net.has_been_asked(2).await;
    stranger.abort();
    assert!(stranger.await.is_err());
    stand.net.release();
    everybody_else().await;
    stand.accepted(&lasting(&new)).await;
    assert_eq!(stand.net.count(), 2);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_waited_for_within_the_time_limit() {
    let key = ed("1");
    let stand = Stand::with(custom().time_limit(Duration::from_millis(20)));
    stand.net.hold();
    stand.unavailable(&lasting(&key)).await;
    stand.net.release();
    stand.net.answers(KEYS, set_of(&[&key]));
    stand.passes(1);
    stand.accepted(&lasting(&key)).await;
}

/// For how many seconds keys with these headers are kept, and whether they go on in an outage.
async fn kept(builder: VerifierBuilder<KeySource>, headers: &[(&'static str, &str)]) -> (u64, bool) {
    let key = ed("1");
    let stand = Stand::with(builder);
    publish(&stand.net, &[&key], headers);
    stand.accepted(&lasting(&key)).await;
    stand.net.is_down();
    let mut seconds = 0;
    while stand.net.count() == 1 {
        // In steps that hit the bounds exactly.
        let step = if seconds < 7_200 { 1 } else { 600 };
        stand.passes(step);
        seconds += step;
        let _ = stand.verify(&lasting(&key)).await;
    }
    (seconds, stand.verify(&lasting(&key)).await.is_ok())
}

#[tokio::test]
async fn lifetimes_are_those_of_the_response_between_a_minute_and_a_day() {
    for (header, seconds, goes_on) in [
        ("max-age=300", 300, true),
        ("max-age=1", 60, true),
        ("max-age=nonsense", 60, true),
        ("max-age=99999999999", 86_400, true),
        ("public, max-age=7200, must-revalidate", 7_200, false),
        ("no-store", 60, false),
        ("no-cache, max-age=3600", 60, false),
    ] {
        assert_eq!(kept(custom(), &[("cache-control", header)]).await, (seconds, goes_on), "{header}");
    }
    assert_eq!(kept(custom(), &[]).await, (600, true));
    assert_eq!(kept(custom(), &[("cache-control", "max-age=300"), ("age", "120")]).await, (180, true));
    assert_eq!(kept(custom(), &[("expires", "Thu, 01 Jan 2026 00:05:00 GMT")]).await, (300, true));
}

#[tokio::test]
async fn narrower_bounds_can_be_set() {
    let narrow = || custom().key_lifetime(Duration::from_secs(120)..=Duration::from_secs(240));
    assert_eq!(kept(narrow(), &[("cache-control", "max-age=1")]).await, (120, true));
    assert_eq!(kept(narrow(), &[("cache-control", "max-age=3600")]).await, (240, true));
    assert_eq!(kept(custom().stale_for(Duration::ZERO), &[("cache-control", "max-age=300")]).await, (300, false));
}

#[tokio::test]
async fn a_set_without_a_usable_key_takes_nothing_away() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    stand.accepted(&lasting(&key)).await;
    let p384 = json!({ "kty": "EC", "crv": "P-384", "kid": "1", "x": "AA", "y": "AA" });
    let secret = json!({ "kty": "oct", "kid": "1", "k": "c2VjcmV0" });
    for empty in [json!({ "keys": [] }), json!({ "keys": [p384, secret] })] {
        stand.net.answers(KEYS, empty.to_string());
        stand.passes(600);
        stand.accepted(&lasting(&key)).await;
    }
    assert_eq!(stand.net.count(), 3);
    let cold = Stand::with(custom());
    cold.net.answers(KEYS, json!({ "keys": [] }).to_string());
    cold.unavailable(&lasting(&key)).await;
    // A key of an algorithm that is not accepted is none.
    let cold = Stand::with(custom().algorithms([Algorithm::EdDsa]));
    cold.net.answers(KEYS, set_of(&[&rsa("a")]));
    cold.unavailable(&lasting(&key)).await;
}

#[tokio::test]
async fn a_clock_that_was_put_back_has_keys_read_again() {
    let key = ed("1");
    let stand = Stand::publishing(&[&key]);
    stand.passes(1_000);
    stand.accepted(&lasting(&key)).await;
    let earlier = Timestamp::from_micros(NOW * 1_000_000);
    let token = lasting(&key);
    stand.verifier.verify(&PresentedToken::parse(&token).unwrap(), earlier).await.unwrap();
    assert_eq!(stand.net.count(), 2);
    stand.verifier.verify(&PresentedToken::parse(&token).unwrap(), earlier).await.unwrap();
    assert_eq!(stand.net.count(), 2);
}
