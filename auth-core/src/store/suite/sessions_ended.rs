//! What a store promises about the end of sessions: it is final, and exactly one caller brings it about.

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, Opened, race, winners};
use super::facts::session_facts;
use crate::base::SessionId;
use crate::user::User;

async fn is_there(it: &Actors, opened: &Opened) -> bool {
    it.conn().session_by_token(&opened.hash).await.unwrap().is_some()
}

/// Sessions that were last written one microsecond after another, the oldest first.
async fn signed_in_one_by_one(it: &Actors, user: &User, count: u32) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(it.signed_in_at(user, NOW.plus(n * MICROSECOND)).await.row.id);
    }
    ids
}

/// The user's sessions, the least recently written first.
async fn remaining(it: &Actors, user: &User) -> Vec<SessionId> {
    let sessions = it.conn().sessions_of_user(user.id, NOW).await.unwrap();
    sessions.iter().rev().map(|session| session.id).collect()
}

pub(super) async fn a_session_is_ended_by_its_user_only(it: Actors) {
    let (ada, mallory) = (it.signed_up("ada").await, it.signed_up("mallory").await);
    let (session, other) = (it.signed_in(&ada).await, it.signed_in(&ada).await);
    assert!(!it.conn().end_session(mallory.id, session.row.id).await.unwrap(), "somebody ended another's session");
    assert!(is_there(&it, &session).await, "somebody ended another's session");
    assert!(it.conn().end_session(ada.id, session.row.id).await.unwrap(), "the session was not found");
    assert!(!is_there(&it, &session).await, "an ended session is found");
    assert!(!it.conn().end_session(ada.id, session.row.id).await.unwrap(), "a session was ended twice");
    assert!(is_there(&it, &other).await, "another session ended too");
}

pub(super) async fn racing_ends_of_a_session_have_one_winner(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let (it, session) = (&it, &session);
    let verdicts = race(|_| async move { it.conn().end_session(ada.id, session.row.id).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "ends of the same session");
}

pub(super) async fn an_ended_session_cannot_be_slid_back(it: Actors) {
    let ada = it.signed_up("ada").await;
    let [singly, all, evicted] = [it.signed_in(&ada).await, it.signed_in(&ada).await, it.session(&ada)];
    it.conn().end_session(ada.id, singly.row.id).await.unwrap();
    it.conn().end_sessions_of_user(ada.id, None).await.unwrap();
    it.write(&evicted).await;
    let never_opened = it.session(&ada);
    it.conn().evict_sessions(ada.id, never_opened.row.id, 0).await.unwrap();
    for session in [singly, all, evicted, never_opened] {
        let slid = it.conn().slide_session(session.row.id, NOW.plus(2 * DAY), NOW.plus(MINUTE)).await.unwrap();
        assert!(!slid, "an ended session was slid");
        assert!(!is_there(&it, &session).await, "sliding brought a session back");
    }
}

pub(super) async fn an_expired_session_cannot_be_slid(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let expired = session.row.expires_at;
    let slid = it.conn().slide_session(session.row.id, expired.plus(DAY), expired).await.unwrap();
    assert!(!slid, "a session was slid at the instant it expired");
    let found = it.conn().session_by_token(&session.hash).await.unwrap().unwrap();
    assert_eq!(session_facts(&found.session), session_facts(&session.row));
}

/// An upsert would (CVE-2025-46336).
pub(super) async fn sliding_in_a_race_never_brings_a_session_back(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let (it, id) = (&it, session.row.id);
    race(|racer| async move {
        if racer == 8 {
            it.conn().end_session(ada.id, id).await.unwrap();
        } else {
            it.conn().slide_session(id, NOW.plus(2 * DAY), NOW.plus(MINUTE)).await.unwrap();
        }
    })
    .await;
    assert!(!is_there(it, &session).await, "sliding brought a session back");
}

pub(super) async fn all_sessions_but_one_can_be_ended(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let (kept, of_grace) = (it.signed_in(&ada).await, it.signed_in(&grace).await);
    signed_in_one_by_one(&it, &ada, 3).await;
    assert_eq!(it.conn().end_sessions_of_user(ada.id, Some(kept.row.id)).await.unwrap(), 3);
    assert_eq!(remaining(&it, &ada).await, [kept.row.id]);
    assert!(is_there(&it, &of_grace).await, "another user's session ended too");
    // Keeping a session that is not the user's own keeps nothing.
    assert_eq!(it.conn().end_sessions_of_user(ada.id, Some(of_grace.row.id)).await.unwrap(), 1);
    assert!(remaining(&it, &ada).await.is_empty(), "a session was kept that was not to be");
}

pub(super) async fn all_sessions_can_be_ended(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let of_grace = it.signed_in(&grace).await;
    signed_in_one_by_one(&it, &ada, 3).await;
    assert_eq!(it.conn().end_sessions_of_user(ada.id, None).await.unwrap(), 3);
    assert!(remaining(&it, &ada).await.is_empty(), "a session has not ended");
    assert_eq!(it.conn().end_sessions_of_user(ada.id, None).await.unwrap(), 0);
    assert!(is_there(&it, &of_grace).await, "another user's session ended too");
}

/// Evicts all but the latest ones, in favour of a session that the user does not have.
async fn evict(it: &Actors, user: &User, others: u32) -> u64 {
    let nobodys = it.session(user).row.id;
    it.conn().evict_sessions(user.id, nobodys, others).await.unwrap()
}

/// Not even when it looks like the oldest, as it does to a process whose clock is behind.
pub(super) async fn the_spared_session_stays_and_is_not_counted(it: Actors) {
    let ada = it.signed_up("ada").await;
    let ids = signed_in_one_by_one(&it, &ada, 5).await;
    assert_eq!(it.conn().evict_sessions(ada.id, ids[0], 2).await.unwrap(), 2);
    assert_eq!(remaining(&it, &ada).await, [ids[0], ids[3], ids[4]]);
    assert_eq!(it.conn().evict_sessions(ada.id, ids[4], 0).await.unwrap(), 2);
    assert_eq!(remaining(&it, &ada).await, [ids[4]]);
}

pub(super) async fn the_cap_evicts_the_least_recently_written(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let of_grace = it.signed_in(&grace).await;
    let ids = signed_in_one_by_one(&it, &ada, 5).await;
    // The oldest is used once more, so the second oldest is the first to go.
    it.conn().slide_session(ids[0], NOW.plus(DAY), NOW.plus(MINUTE)).await.unwrap();
    assert_eq!(evict(&it, &ada, 3).await, 2);
    assert_eq!(remaining(&it, &ada).await, [ids[3], ids[4], ids[0]]);
    assert!(is_there(&it, &of_grace).await, "another user's session was evicted");
}

pub(super) async fn a_cap_that_is_not_reached_evicts_nothing(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert_eq!(evict(&it, &ada, 1).await, 0);
    let ids = signed_in_one_by_one(&it, &ada, 3).await;
    for cap in [3, 4, u32::MAX] {
        assert_eq!(evict(&it, &ada, cap).await, 0, "at a cap of {cap}");
    }
    assert_eq!(remaining(&it, &ada).await, ids);
}

pub(super) async fn a_cap_of_zero_evicts_all(it: Actors) {
    let ada = it.signed_up("ada").await;
    signed_in_one_by_one(&it, &ada, 3).await;
    assert_eq!(evict(&it, &ada, 0).await, 3);
    assert!(remaining(&it, &ada).await.is_empty(), "a session was kept that was not to be");
}

pub(super) async fn sessions_of_the_same_instant_are_evicted_by_id(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(it.signed_in(&ada).await.row.id);
    }
    ids.sort_unstable();
    assert_eq!(evict(&it, &ada, 2).await, 4);
    let mut kept = remaining(&it, &ada).await;
    kept.sort_unstable();
    assert_eq!(kept, ids[4..], "the largest ids count as the latest");
}

pub(super) async fn racing_evictions_keep_the_newest(it: Actors) {
    let ada = it.signed_up("ada").await;
    let ids = signed_in_one_by_one(&it, &ada, 10).await;
    let (it, ada) = (&it, &ada);
    let evicted = race(|_| evict(it, ada, 3)).await;
    assert_eq!(evicted.iter().sum::<u64>(), 7, "sessions counted as evicted");
    assert_eq!(remaining(it, ada).await, ids[7..]);
}
