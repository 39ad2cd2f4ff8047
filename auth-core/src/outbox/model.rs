//! What a store keeps of a message.

use std::fmt;

use crate::base::{MessageId, Timestamp};

/// A message that waits to be sent.
#[derive(Clone)]
pub struct QueuedMessage {
    /// Names it; ordered by time.
    pub id: MessageId,
    /// To whom and what, under the application's secret.
    pub sealed: Vec<u8>,
    /// How often somebody has begun to send it.
    pub attempts: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// From when on it may be sent.
    pub due_at: Timestamp,
    /// From this instant it is of no use any more.
    pub expires_at: Timestamp,
}

impl fmt::Debug for QueuedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, attempts, due_at, expires_at, .. } = self;
        let mut shown = f.debug_struct("QueuedMessage");
        shown.field("id", id).field("attempts", attempts).field("due_at", due_at).field("expires_at", expires_at);
        shown.finish_non_exhaustive()
    }
}

/// How much waits to be sent. Where mail works, it is next to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// How many messages wait, those among them that are being sent at this moment.
    pub waiting: u64,
    /// How many of them somebody has begun to send more than once.
    pub retried: u64,
}

impl Backlog {
    /// For stores.
    pub const fn new(waiting: u64, retried: u64) -> Self {
        Self { waiting, retried }
    }
}
