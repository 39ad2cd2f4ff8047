//! A unit of work: changes and the events that tell of them.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::Cx;
use crate::audit;
use crate::error::Result;
use crate::hooks::{self, Event};
use crate::store::Tx;

/// A transaction and the events that it will have caused. Dropped without [`commit`](Self::commit), neither happened.
pub struct Work<'a> {
    cx: &'a Cx,
    tx: Box<dyn Tx>,
    events: Vec<Event>,
    has_mail: bool,
}

impl<'a> Work<'a> {
    pub(super) fn new(cx: &'a Cx, tx: Box<dyn Tx>) -> Self {
        Self { cx, tx, events: Vec::new(), has_mail: false }
    }

    /// Queues the news of a change in this transaction, to be told once it is durable.
    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Has the messages of this transaction sent once they are durable.
    pub(crate) fn wake_postman(&mut self) {
        self.has_mail = true;
    }

    /// The transaction itself, for functions that want nothing but that, such as `auth_sqlx::connection`.
    pub fn tx(&mut self) -> &mut dyn Tx {
        &mut *self.tx
    }

    /// Makes the changes durable together with the audit rows of their events, then tells the event sinks.
    ///
    /// # Errors
    /// [`Code::Unavailable`](crate::error::Code::Unavailable) when the store cannot say that they are durable;
    /// no event is told then.
    pub async fn commit(self) -> Result<()> {
        let Self { cx, mut tx, events, has_mail } = self;
        for event in &events {
            tx.insert_audit(&audit::entry(cx, event)).await?;
        }
        tx.commit().await?;
        if has_mail {
            cx.auth().postman().wake();
        }
        hooks::deliver(cx, &events).await;
        Ok(())
    }
}

impl Deref for Work<'_> {
    type Target = dyn Tx;

    fn deref(&self) -> &(dyn Tx + 'static) {
        &*self.tx
    }
}

impl DerefMut for Work<'_> {
    fn deref_mut(&mut self) -> &mut (dyn Tx + 'static) {
        &mut *self.tx
    }
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("events", &self.events).finish_non_exhaustive()
    }
}
