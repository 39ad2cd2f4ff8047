//! The questions asked about messages that wait.

use async_trait::async_trait;

use super::model::{Backlog, QueuedMessage};
use crate::base::{MessageId, Timestamp};
use crate::store::StoreError;

/// Messages that wait to be sent. They belong to nobody: one about a deleted account goes out still.
#[async_trait]
pub trait OutboxStore {
    /// Writes a message.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken.
    async fn insert_message(&mut self, message: &QueuedMessage) -> Result<(), StoreError>;

    /// The messages that are due at `now`, at most `limit`, those that are due the longest first.
    async fn due_messages(&mut self, now: Timestamp, limit: u32) -> Result<Vec<QueuedMessage>, StoreError>;

    /// Takes a message over for one attempt, and puts the next one off until `due_at`; `false`, and nothing is written,
    /// when somebody else has done so since it was read, or has removed it.
    async fn claim_message(&mut self, message: &QueuedMessage, due_at: Timestamp) -> Result<bool, StoreError>;

    /// Removes a message that was sent, or is of no use any more; `false` when it is gone already.
    async fn delete_message(&mut self, id: MessageId) -> Result<bool, StoreError>;

    /// How many there are.
    async fn backlog(&mut self) -> Result<Backlog, StoreError>;
}
