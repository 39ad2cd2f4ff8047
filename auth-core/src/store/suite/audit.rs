//! What a store promises about the audit trail.

use super::actors::{Actors, DAY, MINUTE, NOW};
use super::facts::entry_facts;
use crate::audit::{AuditEntry, Outcome};
use crate::base::{AuditId, UserId};

/// More than any rule writes.
const ALL: u32 = 1_000;

async fn page(it: &Actors, user: UserId, before: Option<AuditId>, limit: u32) -> Vec<AuditId> {
    it.conn().audit_of_user(user, before, limit).await.unwrap().iter().map(|entry| entry.id).collect()
}

async fn only_entry(it: &Actors, user: UserId) -> AuditEntry {
    let mut entries = it.conn().audit_of_user(user, None, ALL).await.unwrap();
    assert_eq!(entries.len(), 1, "entries of one that was written");
    entries.remove(0)
}

pub(super) async fn every_field_of_an_entry_survives(it: Actors) {
    let ada = it.signed_up("ada").await;
    let entry = AuditEntry {
        action: "password_changed".to_owned(),
        outcome: Outcome::Failure,
        actor_id: Some(it.user("grace").id),
        session_id: Some(it.session(&ada).row.id),
        detail: Some("ADMIN/editor".to_owned()),
        ip_address: Some("2001:db8::7".parse().unwrap()),
        correlation_id: Some("Req-7f'\"é ".to_owned()),
        ..it.entry(&ada, NOW)
    };
    it.conn().insert_audit(&entry).await.unwrap();
    assert_eq!(entry_facts(&only_entry(&it, ada.id).await), entry_facts(&entry));
}

pub(super) async fn an_entry_survives_with_nothing_optional(it: Actors) {
    let ada = it.signed_up("ada").await;
    let nobodys = AuditEntry { user_id: None, ..it.entry(&ada, NOW) };
    let entry = it.entry(&ada, NOW);
    for entry in [&nobodys, &entry] {
        it.conn().insert_audit(entry).await.unwrap();
    }
    assert_eq!(entry_facts(&only_entry(&it, ada.id).await), entry_facts(&entry));
}

pub(super) async fn an_entry_outlives_its_user(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let entry = AuditEntry { session_id: Some(session.row.id), ..it.entry(&ada, NOW) };
    it.conn().insert_audit(&entry).await.unwrap();
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    assert_eq!(entry_facts(&only_entry(&it, ada.id).await), entry_facts(&entry));
    // Nor does one need a user to begin with: their removal is noted too.
    it.noted(&ada, NOW.plus(MINUTE)).await;
    assert_eq!(page(&it, ada.id, None, ALL).await.len(), 2);
}

pub(super) async fn an_entry_is_never_overwritten(it: Actors) {
    let ada = it.signed_up("ada").await;
    let entry = it.entry(&ada, NOW);
    it.conn().insert_audit(&entry).await.unwrap();
    let forged = AuditEntry { outcome: Outcome::Failure, ..it.entry(&ada, NOW.plus(DAY)) };
    let second = it.conn().insert_audit(&AuditEntry { id: entry.id, ..forged }).await;
    assert!(second.is_err(), "a second entry of the same id was accepted");
    assert_eq!(entry_facts(&only_entry(&it, ada.id).await), entry_facts(&entry));
}

pub(super) async fn entries_of_others_are_not_listed(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    it.noted(&ada, NOW).await;
    let of_grace = it.noted(&grace, NOW).await;
    assert_eq!(page(&it, grace.id, None, ALL).await, [of_grace]);
    assert!(page(&it, it.user("nobody").id, None, ALL).await.is_empty(), "another's entry is listed");
}

pub(super) async fn the_latest_entry_comes_first(it: Actors) {
    let ada = it.signed_up("ada").await;
    let middle = it.noted(&ada, NOW.plus(MINUTE)).await;
    let first = it.noted(&ada, NOW).await;
    let last = it.noted(&ada, NOW.plus(DAY)).await;
    assert_eq!(page(&it, ada.id, None, u32::MAX).await, [last, middle, first]);
    assert_eq!(page(&it, ada.id, None, 2).await, [last, middle]);
}

pub(super) async fn pages_join_without_gap_or_repeat(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut written = Vec::new();
    // Many in the same instant, as a burst of failures is: only the id tells them apart.
    for n in 0..25_u32 {
        written.push(it.noted(&ada, NOW.plus(n / 10 * MINUTE)).await);
    }
    written.sort_unstable_by(|a, b| b.cmp(a));
    let (mut read, mut before) = (Vec::new(), None);
    for expected in [10, 10, 5, 0] {
        let ids = page(&it, ada.id, before, 10).await;
        assert_eq!(ids.len(), expected, "entries on the page before {before:?}");
        before = ids.last().copied().or(before);
        read.extend(ids);
    }
    assert_eq!(read, written);
}

pub(super) async fn a_page_begins_before_an_entry_of_anyone(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let older = it.noted(&ada, NOW).await;
    let of_grace = it.noted(&grace, NOW.plus(MINUTE)).await;
    let unwritten = it.entry(&ada, NOW.plus(2 * MINUTE)).id;
    it.noted(&ada, NOW.plus(DAY)).await;
    for before in [of_grace, unwritten] {
        assert_eq!(page(&it, ada.id, Some(before), ALL).await, [older]);
    }
    assert!(page(&it, ada.id, Some(older), ALL).await.is_empty(), "an entry is listed before itself");
}

pub(super) async fn a_limit_of_zero_lists_nothing(it: Actors) {
    let ada = it.signed_up("ada").await;
    it.noted(&ada, NOW).await;
    assert!(page(&it, ada.id, None, 0).await.is_empty(), "a limit of zero was passed over");
}
