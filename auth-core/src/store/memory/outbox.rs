//! Answers about messages that wait.

use async_trait::async_trait;

use super::{Asked, Reach};
use crate::base::{MessageId, Timestamp};
use crate::outbox::{Backlog, OutboxStore, QueuedMessage};
use crate::store::StoreError;

#[async_trait]
impl<R: Reach> OutboxStore for Asked<R> {
    async fn insert_message(&mut self, message: &QueuedMessage) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        if state.outbox.contains_key(&message.id) {
            return Err(StoreError::Conflict);
        }
        state.outbox.insert(message.id, message.clone());
        Ok(())
    }

    async fn due_messages(&mut self, now: Timestamp, limit: u32) -> Result<Vec<QueuedMessage>, StoreError> {
        let state = self.0.state().await;
        let mut due: Vec<_> = state.outbox.values().filter(|message| message.due_at <= now).cloned().collect();
        due.sort_by_key(|message| (message.due_at, message.id));
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn claim_message(&mut self, message: &QueuedMessage, due_at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let found = state.outbox.get_mut(&message.id).filter(|found| found.attempts == message.attempts);
        let Some(found) = found else { return Ok(false) };
        (found.attempts, found.due_at) = (message.attempts + 1, due_at);
        Ok(true)
    }

    async fn delete_message(&mut self, id: MessageId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.outbox.remove(&id).is_some())
    }

    async fn backlog(&mut self) -> Result<Backlog, StoreError> {
        let outbox = &self.0.state().await.outbox;
        let retried = outbox.values().filter(|message| message.attempts > 1).count();
        Ok(Backlog::new(outbox.len() as u64, retried as u64))
    }
}
