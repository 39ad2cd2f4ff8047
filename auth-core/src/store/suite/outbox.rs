//! What a store promises about messages that wait to be sent.

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, assert_conflict, race, winners};
use crate::base::{MessageId, Timestamp};
use crate::outbox::{Backlog, QueuedMessage};

const ALL: u32 = 1_000;

/// A message that is not written yet.
fn message(it: &Actors, due_at: Timestamp) -> QueuedMessage {
    let id = MessageId::from_uuid(it.account_id().as_uuid());
    QueuedMessage { id, sealed: vec![0, 1, 0xff], attempts: 0, created_at: NOW, due_at, expires_at: NOW.plus(DAY) }
}

async fn written(it: &Actors, due_at: Timestamp) -> QueuedMessage {
    let message = message(it, due_at);
    it.conn().insert_message(&message).await.unwrap();
    message
}

async fn due(it: &Actors, now: Timestamp, limit: u32) -> Vec<MessageId> {
    it.conn().due_messages(now, limit).await.unwrap().iter().map(|message| message.id).collect()
}

pub(super) async fn every_field_of_a_message_survives(it: Actors) {
    let message = QueuedMessage {
        sealed: (0..=255).cycle().take(6_000).collect(),
        attempts: 7,
        created_at: Timestamp::from_micros(1),
        expires_at: NOW.plus(DAY + MICROSECOND),
        ..message(&it, NOW)
    };
    it.conn().insert_message(&message).await.unwrap();
    let found = it.conn().due_messages(NOW, ALL).await.unwrap();
    assert_eq!(format!("{found:?}"), format!("{:?}", [&message]));
    assert_eq!((&found[0].sealed, found[0].created_at.as_micros()), (&message.sealed, 1));
    assert_conflict(it.conn().insert_message(&message).await, "a taken id");
}

pub(super) async fn messages_come_when_they_are_due_and_in_that_order(it: Actors) {
    let (late, early) = (written(&it, NOW.plus(MINUTE)).await, written(&it, NOW).await);
    assert!(due(&it, NOW.minus(MICROSECOND), ALL).await.is_empty(), "a message came too early");
    assert_eq!(due(&it, NOW, ALL).await, [early.id]);
    assert_eq!(due(&it, NOW.plus(MINUTE), ALL).await, [early.id, late.id]);
    assert_eq!(due(&it, NOW.plus(MINUTE), 1).await, [early.id]);
}

pub(super) async fn a_message_is_claimed_by_who_has_seen_it_last(it: Actors) {
    let message = written(&it, NOW).await;
    assert!(it.conn().claim_message(&message, NOW.plus(MINUTE)).await.unwrap(), "a due message was refused");
    assert!(!it.conn().claim_message(&message, NOW.plus(MINUTE)).await.unwrap(), "a message was claimed twice");
    assert!(due(&it, NOW, ALL).await.is_empty(), "a claimed message is due");
    let again = it.conn().due_messages(NOW.plus(MINUTE), ALL).await.unwrap().remove(0);
    assert_eq!(again.attempts, 1);
    assert!(it.conn().claim_message(&again, NOW.plus(DAY)).await.unwrap(), "a message that failed was refused");
    assert!(it.conn().delete_message(message.id).await.unwrap(), "the message was not found");
    assert!(!it.conn().delete_message(message.id).await.unwrap(), "a message was deleted twice");
    assert!(!it.conn().claim_message(&again, NOW.plus(DAY)).await.unwrap(), "a deleted message was claimed");
}

pub(super) async fn racing_claims_of_a_message_have_one_winner(it: Actors) {
    let message = written(&it, NOW).await;
    let (it, message) = (&it, &message);
    let claims = race(|_| async move { it.conn().claim_message(message, NOW.plus(MINUTE)).await.unwrap() }).await;
    assert_eq!(winners(&claims), 1, "claims of the same message");
}

pub(super) async fn the_backlog_is_counted(it: Actors) {
    assert_eq!(it.conn().backlog().await.unwrap(), Backlog::default());
    let (first, second) = (written(&it, NOW).await, written(&it, NOW.plus(DAY)).await);
    assert!(it.conn().claim_message(&first, NOW).await.unwrap());
    assert_eq!(it.conn().backlog().await.unwrap(), Backlog::new(2, 0));
    let first = it.conn().due_messages(NOW, ALL).await.unwrap().remove(0);
    assert!(it.conn().claim_message(&first, NOW).await.unwrap());
    assert_eq!(it.conn().backlog().await.unwrap(), Backlog::new(2, 1));
    assert!(it.conn().delete_message(second.id).await.unwrap());
    assert_eq!(it.conn().backlog().await.unwrap(), Backlog::new(1, 1));
}

pub(super) async fn a_message_of_a_dropped_transaction_was_never_written(it: Actors) {
    let message = message(&it, NOW);
    let mut tx = it.begin().await;
    tx.insert_message(&message).await.unwrap();
    drop(tx);
    assert!(due(&it, NOW, ALL).await.is_empty(), "a message stayed that was taken back");
}
