//! What a store promises about removing what has no use any more.

use std::collections::BTreeSet;

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, Opened, race};
use crate::account::{Attempt, AttemptKey};
use crate::api_key::{ApiKey, Rotation};
use crate::base::{AuditId, Timestamp};
use crate::code::StoredCode;
use crate::token::StoredSigningKey;
use crate::user::User;

/// More than there is of anything here.
const ALL: u32 = 1_000;

async fn expiring(it: &Actors, user: &User, expires_at: Timestamp) -> Opened {
    let mut session = it.session(user);
    session.row.expires_at = expires_at;
    it.write(&session).await;
    session
}

async fn is_there(it: &Actors, session: &Opened) -> bool {
    it.conn().session_by_token(&session.hash).await.unwrap().is_some()
}

/// A counter that was raised once, in a window that ends then.
async fn counting(it: &Actors, window_ends_at: Timestamp) -> AttemptKey {
    let (key, other) = (it.attempt_key(), it.attempt_key());
    let attempts = [Attempt { key, window_ends_at }, Attempt { key: other, window_ends_at: NOW.plus(DAY) }];
    it.conn().raise_attempts(&attempts, NOW.minus(DAY)).await.unwrap();
    key
}

/// The user's entries, the oldest first.
async fn trail(it: &Actors, user: &User) -> Vec<AuditId> {
    it.conn().audit_of_user(user.id, None, ALL).await.unwrap().iter().rev().map(|entry| entry.id).collect()
}

pub(super) async fn expired_sessions_are_pruned_and_no_others(it: Actors) {
    let ada = it.signed_up("ada").await;
    let long_ago = expiring(&it, &ada, Timestamp::from_micros(1)).await;
    let (just_now, soon) = (expiring(&it, &ada, NOW).await, expiring(&it, &ada, NOW.plus(MICROSECOND)).await);
    assert_eq!(it.conn().prune_sessions(NOW, ALL).await.unwrap(), 2);
    for (session, stays) in [(long_ago, false), (just_now, false), (soon, true)] {
        assert_eq!(is_there(&it, &session).await, stays, "expires at {:?}, pruned at {NOW:?}", session.row.expires_at);
    }
    assert_eq!(it.conn().prune_sessions(NOW, ALL).await.unwrap(), 0, "there was nothing left");
    assert!(it.conn().user_by_id(ada.id).await.unwrap().is_some(), "the user went along");
}

pub(super) async fn counters_whose_window_has_ended_are_pruned_and_no_others(it: Actors) {
    let (ended, running) = (counting(&it, NOW).await, counting(&it, NOW.plus(MICROSECOND)).await);
    assert_eq!(it.conn().prune_attempts(NOW, ALL).await.unwrap(), 1);
    let before = NOW.minus(DAY);
    let left = it.conn().attempts(&[ended, running], before).await.unwrap();
    assert_eq!(left.iter().map(|counter| counter.key).collect::<Vec<_>>(), [running]);
}

/// One that was settled counts nothing and is of no more use.
pub(super) async fn settled_counters_are_pruned(it: Actors) {
    let (cleared, refunded) = (counting(&it, NOW.plus(DAY)).await, counting(&it, NOW.plus(DAY)).await);
    let refunded = Attempt { key: refunded, window_ends_at: NOW.plus(DAY) };
    it.conn().settle_attempts(cleared, refunded).await.unwrap();
    it.conn().prune_attempts(NOW, ALL).await.unwrap();
    it.conn().settle_attempts(cleared, refunded).await.unwrap();
    assert!(it.conn().attempts(&[cleared, cleared], NOW).await.unwrap().is_empty(), "a cleared counter came back");
}

pub(super) async fn expired_keys_are_pruned_with_their_secrets_and_no_others(it: Actors) {
    let ada = it.signed_up("ada").await;
    let ends = [Some(Timestamp::from_micros(1)), Some(NOW), Some(NOW.plus(MICROSECOND)), None];
    let mut keys = Vec::new();
    for end in ends {
        keys.push(it.keyed(&ada, |key| key.expires_at = end).await);
    }
    for (limit, expected) in [(0, 0), (1, 1), (ALL, 1), (ALL, 0)] {
        assert_eq!(it.conn().prune_api_keys(NOW, limit).await.unwrap(), expected, "{limit} at a time");
    }
    for ((key, secret), stays) in keys.iter().zip([false, false, true, true]) {
        assert_eq!(it.conn().api_key_of(&key.owner, key.id).await.unwrap().is_some(), stays, "{:?}", key.expires_at);
        assert_eq!(it.conn().api_key_by_hash(secret).await.unwrap().is_some(), stays, "{:?}", key.expires_at);
    }
}

pub(super) async fn expired_secrets_are_pruned_and_their_keys_stay(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (key, first) = it.keyed(&ada, |_| {}).await;
    let mut secrets = vec![first];
    for (seen, end) in [(0, NOW), (1, NOW.plus(MICROSECOND))] {
        let mut tx = it.begin().await;
        let secret = it.key_secret();
        let rotation = Rotation { secret, start: "ak_new".to_owned(), old_until: Some(end), at: NOW };
        assert!(tx.rotate_api_key(&ApiKey { rotation: seen, ..key.clone() }, &rotation).await.unwrap());
        tx.commit().await.unwrap();
        secrets.push(secret);
    }
    for (limit, expected) in [(0, 0), (1, 1), (ALL, 0)] {
        assert_eq!(it.conn().prune_api_key_secrets(NOW, limit).await.unwrap(), expected, "{limit} at a time");
    }
    for (secret, stays) in secrets.iter().zip([false, true, true]) {
        assert_eq!(it.conn().api_key_by_hash(secret).await.unwrap().is_some(), stays);
    }
    assert!(it.conn().api_key_of(&key.owner, key.id).await.unwrap().is_some(), "a key went with its old secrets");
}

pub(super) async fn expired_codes_are_pruned_and_no_others(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut codes = Vec::new();
    for expires_at in [Timestamp::from_micros(1), NOW, NOW.plus(MICROSECOND)] {
        let session = it.signed_in(&ada).await;
        codes.push(StoredCode { expires_at, ..it.code(&ada, Some(&session)) });
        assert!(it.conn().put_code(codes.last().unwrap()).await.unwrap(), "a code was refused");
    }
    assert_eq!(it.conn().prune_codes(NOW, ALL).await.unwrap(), 2);
    for code in codes {
        let long_before = Timestamp::from_micros(0);
        let found = it.conn().consume_code(code.purpose, &code.hash, long_before).await.unwrap();
        assert_eq!(found, code.expires_at > NOW, "expires at {:?}, pruned at {NOW:?}", code.expires_at);
    }
    assert_eq!(it.conn().prune_codes(NOW.plus(DAY), ALL).await.unwrap(), 0, "there was nothing left");
    assert_eq!(it.conn().sessions_of_user(ada.id, NOW).await.unwrap().len(), 3, "a session went along");
}

pub(super) async fn signing_keys_that_verify_nothing_any_more_are_pruned_and_no_others(it: Actors) {
    for (generation, verifies_until) in [(1, Timestamp::from_micros(1)), (2, NOW), (3, NOW.plus(MICROSECOND))] {
        let key = StoredSigningKey { verifies_until, ..it.signing_key(generation) };
        it.conn().insert_signing_key(&key).await.unwrap();
    }
    assert_eq!(it.conn().prune_signing_keys(NOW, ALL).await.unwrap(), 2);
    let left = it.conn().signing_keys(Timestamp::from_micros(0)).await.unwrap();
    assert_eq!(left.iter().map(|key| key.generation).collect::<Vec<_>>(), [3]);
    assert_eq!(it.conn().prune_signing_keys(NOW, ALL).await.unwrap(), 0, "there was nothing left");
}

pub(super) async fn the_audit_trail_is_pruned_up_to_an_entry(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut ids = Vec::new();
    for minutes in 0..4 {
        ids.push(it.noted(&ada, NOW.plus(minutes * MINUTE)).await);
    }
    assert_eq!(it.conn().prune_audit(ids[0], ALL).await.unwrap(), 0, "nothing lies before the first");
    assert_eq!(it.conn().prune_audit(ids[2], ALL).await.unwrap(), 2);
    assert_eq!(trail(&it, &ada).await, ids[2..]);
}

pub(super) async fn the_audit_trail_is_pruned_by_time(it: Actors) {
    let ada = it.signed_up("ada").await;
    let earlier = it.noted(&ada, NOW.minus(2 * MINUTE)).await;
    let present = it.noted(&ada, NOW).await;
    it.conn().prune_audit(AuditId::first_at(NOW.minus(3 * MINUTE)), ALL).await.unwrap();
    assert_eq!(trail(&it, &ada).await, [earlier, present]);
    it.conn().prune_audit(AuditId::first_at(NOW), ALL).await.unwrap();
    assert_eq!(trail(&it, &ada).await, [present]);
    it.conn().prune_audit(AuditId::first_at(NOW.plus(MINUTE)), ALL).await.unwrap();
    assert!(trail(&it, &ada).await.is_empty(), "an entry is older than that and still there");
}

pub(super) async fn a_batch_takes_no_more_than_its_limit(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        // Codes go with their session, so these are of sessions that stay.
        let session = it.signed_in(&ada).await;
        let code = StoredCode { expires_at: NOW, ..it.code(&ada, Some(&session)) };
        assert!(it.conn().put_code(&code).await.unwrap(), "a code was refused");
        let key = StoredSigningKey { verifies_until: NOW, ..it.signing_key(ids.len() as i64) };
        it.conn().insert_signing_key(&key).await.unwrap();
        expiring(&it, &ada, NOW).await;
        counting(&it, NOW).await;
        ids.push(it.noted(&ada, NOW.plus(ids.len() as u32 * MINUTE)).await);
    }
    let end = AuditId::first_at(NOW.plus(DAY));
    let mut conn = it.conn();
    for (limit, expected) in [(0, 0), (2, 2), (2, 2), (2, 1), (2, 0)] {
        assert_eq!(conn.prune_sessions(NOW, limit).await.unwrap(), expected, "sessions, {limit} at a time");
        assert_eq!(conn.prune_attempts(NOW, limit).await.unwrap(), expected, "counters, {limit} at a time");
        assert_eq!(conn.prune_codes(NOW, limit).await.unwrap(), expected, "codes, {limit} at a time");
        assert_eq!(conn.prune_signing_keys(NOW, limit).await.unwrap(), expected, "keys, {limit} at a time");
        assert_eq!(conn.prune_audit(end, limit).await.unwrap(), expected, "entries, {limit} at a time");
        if limit > 0 {
            ids.drain(..expected as usize);
        }
        assert_eq!(trail(&it, &ada).await, ids, "the oldest go first");
    }
}

pub(super) async fn racing_batches_count_each_row_once(it: Actors) {
    let ada = it.signed_up("ada").await;
    for _ in 0..40 {
        expiring(&it, &ada, NOW).await;
    }
    let spared = expiring(&it, &ada, NOW.plus(MICROSECOND)).await;
    let it = &it;
    let pruned = race(|_| async move { it.conn().prune_sessions(NOW, 2).await.unwrap() }).await;
    // Whoever finds rows in the hands of another leaves them; they are there for the next batch.
    let rest = it.conn().prune_sessions(NOW, ALL).await.unwrap();
    assert_eq!(pruned.iter().sum::<u64>() + rest, 40, "rows counted as removed");
    assert!(pruned.iter().all(|batch| *batch <= 2), "a batch beyond its limit: {pruned:?}");
    assert!(is_there(it, &spared).await, "a session went that was alive");
}

/// Sliding judges by an earlier instant, as a request does that began before the session expired.
pub(super) async fn a_session_that_was_slid_in_time_is_not_pruned(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(expiring(&it, &ada, NOW).await);
    }
    let (it, sessions) = (&it, &sessions);
    let slid = race(|racer| async move {
        if racer % 2 == 0 {
            it.conn().prune_sessions(NOW, 4).await.unwrap();
            return None;
        }
        let id = sessions[racer / 2].row.id;
        it.conn().slide_session(id, NOW.plus(DAY), NOW.minus(MICROSECOND)).await.unwrap().then_some(id)
    })
    .await;
    it.conn().prune_sessions(NOW, ALL).await.unwrap();
    let slid: BTreeSet<_> = slid.into_iter().flatten().collect();
    for session in sessions {
        let expected = slid.contains(&session.row.id);
        assert_eq!(is_there(it, session).await, expected, "a session is there exactly if its sliding was told as done");
    }
}
