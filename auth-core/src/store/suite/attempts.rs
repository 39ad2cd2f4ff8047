//! What a store promises about the counters that slow guessing down.

use super::actors::{Actors, MICROSECOND, MINUTE, NOW, RACERS, race};
use crate::account::{Attempt, AttemptCount, AttemptKey};
use crate::base::Timestamp;

/// Counts one attempt for both keys, in windows of 15 minutes.
async fn raise(it: &Actors, keys: [AttemptKey; 2], now: Timestamp) {
    let attempts = keys.map(|key| Attempt { key, window_ends_at: now.plus(15 * MINUTE) });
    it.conn().raise_attempts(&attempts, now).await.unwrap();
}

/// As [`raise`] counts it at `NOW`.
fn counted(key: AttemptKey) -> Attempt {
    Attempt { key, window_ends_at: NOW.plus(15 * MINUTE) }
}

/// The counter of a key, if there is one.
async fn counter(it: &Actors, key: AttemptKey, now: Timestamp) -> Option<AttemptCount> {
    let counters = it.conn().attempts(&[key, it.attempt_key()], now).await.unwrap();
    assert!(counters.len() <= 1, "a counter came along that was not asked for: {counters:?}");
    counters.into_iter().next().inspect(|counter| assert_eq!(counter.key, key))
}

/// How often the key was counted; a counter that is not there says never.
async fn count(it: &Actors, key: AttemptKey) -> i64 {
    counter(it, key, NOW).await.map_or(0, |counter| counter.attempts)
}

pub(super) async fn a_key_that_was_never_raised_has_no_counter(it: Actors) {
    raise(&it, [it.attempt_key(), it.attempt_key()], NOW).await;
    let counters = it.conn().attempts(&[it.attempt_key(), it.attempt_key()], NOW).await.unwrap();
    assert!(counters.is_empty(), "keys that were never raised have {counters:?}");
}

pub(super) async fn attempts_are_counted_for_each_key(it: Actors) {
    let (email, address, other) = (it.attempt_key(), it.attempt_key(), it.attempt_key());
    raise(&it, [email, address], NOW).await;
    raise(&it, [other, address], NOW).await;
    let mut counters = it.conn().attempts(&[email, address], NOW).await.unwrap();
    counters.sort_by_key(|counter| counter.attempts);
    let window_ends_at = NOW.plus(15 * MINUTE);
    let expected = [(email, 1), (address, 2)].map(|(key, attempts)| AttemptCount { key, attempts, window_ends_at });
    assert_eq!(counters, expected);
}

pub(super) async fn an_attempt_taken_back_counts_for_neither_key(it: Actors) {
    let (email, address) = (it.attempt_key(), it.attempt_key());
    raise(&it, [email, address], NOW).await;
    raise(&it, [email, address], NOW).await;
    it.conn().refund_attempts(&[email, address].map(counted)).await.unwrap();
    assert_eq!((count(&it, email).await, count(&it, address).await), (1, 1));
    for _ in 0..3 {
        it.conn().refund_attempts(&[email, it.attempt_key()].map(counted)).await.unwrap();
    }
    assert_eq!(count(&it, email).await, 0, "a counter went below zero");
}

pub(super) async fn attempt_keys_are_compared_byte_by_byte(it: Actors) {
    let [lower, upper, blank, zero] = [b'a', b'A', b' ', 0].map(|byte| AttemptKey::from_bytes([byte; 32]));
    raise(&it, [lower, blank], NOW).await;
    assert_eq!((count(&it, upper).await, count(&it, zero).await), (0, 0));
    assert_eq!((count(&it, lower).await, count(&it, blank).await), (1, 1));
}

/// Nobody gets more guesses by sending them at once. The keys come in either order, as they do when two attempts
/// share both: neither may wait for the other.
pub(super) async fn concurrent_attempts_are_all_counted(it: Actors) {
    let (email, address) = (it.attempt_key(), it.attempt_key());
    let it = &it;
    race(|racer| raise(it, if racer % 2 == 0 { [email, address] } else { [address, email] }, NOW)).await;
    assert_eq!((count(it, email).await, count(it, address).await), (RACERS as i64, RACERS as i64));
}

/// Trying again does not put the end of the window off, nor bring it forward.
pub(super) async fn the_first_attempt_sets_the_window(it: Actors) {
    let keys = [it.attempt_key(), it.attempt_key()];
    raise(&it, keys, NOW).await;
    raise(&it, keys, NOW.plus(10 * MINUTE)).await;
    let sooner = keys.map(|key| Attempt { key, window_ends_at: NOW.plus(11 * MINUTE) });
    it.conn().raise_attempts(&sooner, NOW.plus(10 * MINUTE)).await.unwrap();
    for key in keys {
        let expected = AttemptCount { key, attempts: 3, window_ends_at: NOW.plus(15 * MINUTE) };
        assert_eq!(counter(&it, key, NOW.plus(10 * MINUTE)).await, Some(expected));
    }
}

pub(super) async fn a_counter_whose_window_has_ended_starts_anew(it: Actors) {
    let (old, young) = (it.attempt_key(), it.attempt_key());
    let end = NOW.plus(15 * MINUTE);
    raise(&it, [old, it.attempt_key()], NOW).await;
    raise(&it, [old, young], end.minus(MICROSECOND)).await;
    assert_eq!(counter(&it, old, end.minus(MICROSECOND)).await.map(|counter| counter.attempts), Some(2));
    raise(&it, [old, young], end).await;
    let anew = AttemptCount { key: old, attempts: 1, window_ends_at: end.plus(15 * MINUTE) };
    assert_eq!(counter(&it, old, end).await, Some(anew));
    assert_eq!(counter(&it, young, end).await.map(|counter| counter.attempts), Some(2), "its window has not ended");
}

pub(super) async fn a_counter_whose_window_has_ended_is_left_out(it: Actors) {
    let key = it.attempt_key();
    raise(&it, [key, it.attempt_key()], NOW).await;
    let end = NOW.plus(15 * MINUTE);
    assert!(counter(&it, key, end.minus(MICROSECOND)).await.is_some(), "a window ended early");
    assert_eq!(counter(&it, key, end).await, None);
}

pub(super) async fn concurrent_attempts_in_a_new_window_are_all_counted(it: Actors) {
    let keys = [it.attempt_key(), it.attempt_key()];
    raise(&it, keys, NOW.minus(15 * MINUTE)).await;
    let it = &it;
    race(|_| raise(it, keys, NOW)).await;
    assert_eq!((count(it, keys[0]).await, count(it, keys[1]).await), (RACERS as i64, RACERS as i64));
}

pub(super) async fn a_success_clears_one_counter_and_refunds_the_other(it: Actors) {
    let (email, address, other) = (it.attempt_key(), it.attempt_key(), it.attempt_key());
    for _ in 0..3 {
        raise(&it, [email, address], NOW).await;
    }
    raise(&it, [other, it.attempt_key()], NOW).await;
    it.conn().settle_attempts(email, counted(address)).await.unwrap();
    assert_eq!(counter(&it, email, NOW).await, None, "a cleared counter is still there");
    let refunded = AttemptCount { key: address, attempts: 2, window_ends_at: NOW.plus(15 * MINUTE) };
    assert_eq!(counter(&it, address, NOW).await, Some(refunded));
    assert_eq!(count(&it, other).await, 1, "another counter was settled too");
}

/// Credit would be free guesses.
pub(super) async fn a_refund_never_falls_below_zero(it: Actors) {
    let (email, address) = (it.attempt_key(), it.attempt_key());
    raise(&it, [email, address], NOW).await;
    for _ in 0..3 {
        it.conn().settle_attempts(email, counted(address)).await.unwrap();
        assert_eq!(count(&it, address).await, 0);
    }
    raise(&it, [email, address], NOW).await;
    assert_eq!(count(&it, address).await, 1, "refunds were saved up");
}

/// Else whoever has attempts under way when the window ends would have as many free guesses in the next one.
pub(super) async fn an_attempt_of_an_earlier_window_is_not_taken_back_from_this_one(it: Actors) {
    let (email, address, other) = (it.attempt_key(), it.attempt_key(), it.attempt_key());
    let earlier = |key| Attempt { key, window_ends_at: NOW };
    it.conn().raise_attempts(&[email, address].map(earlier), NOW.minus(15 * MINUTE)).await.unwrap();
    raise(&it, [email, address], NOW).await;
    raise(&it, [email, address], NOW.plus(MINUTE)).await;
    it.conn().refund_attempts(&[email, address].map(earlier)).await.unwrap();
    assert_eq!((count(&it, email).await, count(&it, address).await), (2, 2));
    it.conn().settle_attempts(other, earlier(address)).await.unwrap();
    assert_eq!(count(&it, address).await, 2);
    // The one of a minute later is in the same window.
    let later = |key| Attempt { key, window_ends_at: NOW.plus(16 * MINUTE) };
    it.conn().refund_attempts(&[email, address].map(later)).await.unwrap();
    assert_eq!((count(&it, email).await, count(&it, address).await), (1, 1));
}

pub(super) async fn settling_what_was_never_raised_is_harmless(it: Actors) {
    let (email, address) = (it.attempt_key(), it.attempt_key());
    it.conn().settle_attempts(email, counted(address)).await.unwrap();
    assert_eq!((count(&it, email).await, count(&it, address).await), (0, 0));
}

pub(super) async fn concurrent_refunds_are_all_counted(it: Actors) {
    let address = it.attempt_key();
    let mut emails = Vec::new();
    for _ in 0..RACERS + 3 {
        emails.push(it.attempt_key());
        raise(&it, [emails[emails.len() - 1], address], NOW).await;
    }
    let (it, emails) = (&it, &emails);
    race(|racer| async move { it.conn().settle_attempts(emails[racer], counted(address)).await.unwrap() }).await;
    assert_eq!(count(it, address).await, 3, "what is left of {} attempts after {RACERS} refunds", emails.len());
    assert_eq!((count(it, emails[0]).await, count(it, emails[RACERS]).await), (0, 1));
}
