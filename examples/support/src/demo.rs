//! What `DEMO=1` adds. It is wired through the public ports; nothing of it is part of the library.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::base::{Clock, SystemClock, Timestamp};
use auth_core::ports::{Mailer, Message, PortError, SmsSender, TextMessage};
use auth_core::{Auth, outbox};
use serde_json::Value;

/// The demo routes' side of a program.
#[derive(Clone, Default)]
pub struct Demo {
    clock: Arc<DemoClock>,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Demo {
    /// The clock to build the engine with.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::<DemoClock>::clone(&self.clock)
    }

    /// `POST /__clock`: moves the clock by the `{"advance_seconds": n}` in `body`; `false` when it says anything else.
    #[must_use]
    pub fn advance(&self, body: &[u8]) -> bool {
        let fields: HashMap<String, u32> = serde_json::from_slice(body).unwrap_or_default();
        let seconds = fields.get("advance_seconds");
        if let Some(seconds) = seconds {
            self.clock.advance(*seconds);
        }
        seconds.is_some()
    }

    /// `GET /__outbox`: everything that would have been mailed or texted, the oldest first.
    pub async fn outbox(&self, auth: &Auth) -> Vec<Value> {
        // Nobody else delivers, so that whoever looks after an answer finds what it has had sent.
        if let Err(error) = outbox::deliver(&auth.background_cx()).await {
            tracing::error!(%error, "the outbox could not be read");
        }
        self.sent().clone()
    }

    fn sent(&self) -> MutexGuard<'_, Vec<Value>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, message: serde_json::Result<Value>) -> Result<(), PortError> {
        self.sent().push(message.map_err(|error| PortError::new("demo outbox", error))?);
        Ok(())
    }
}

#[async_trait]
impl Mailer for Demo {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        self.keep(serde_json::to_value(message))
    }
}

#[async_trait]
impl SmsSender for Demo {
    async fn send(&self, message: &TextMessage) -> Result<(), PortError> {
        self.keep(serde_json::to_value(message))
    }
}

/// Without what was sent: there are secrets in it.
impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demo").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The system's clock, moved into the future by as much as was asked for.
#[derive(Debug, Default)]
pub struct DemoClock {
    ahead_seconds: AtomicU64,
}

impl DemoClock {
    /// Moves it forward.
    pub fn advance(&self, seconds: u32) {
        self.ahead_seconds.fetch_add(seconds.into(), Ordering::SeqCst);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_secs(self.ahead_seconds.load(Ordering::SeqCst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_by_whole_seconds_and_by_nothing_else() {
        let demo = Demo::default();
        let before = demo.clock().now();
        for nonsense in [
            "",
            "60",
            "[60]",
            "{}",
            r#"{"advance_seconds":-1}"#,
            r#"{"advance_seconds":1.5}"#,
            r#"{"advance_seconds":"60"}"#,
            r#"{"advance_seconds":null}"#,
            r#"{"advance_seconds":99999999999}"#,
        ] {
            assert!(!demo.advance(nonsense.as_bytes()), "{nonsense}");
        }
        assert!(demo.clock().now().since(before) < Duration::from_secs(60));
        assert!(demo.advance(br#"{"advance_seconds":3600}"#));
        assert!(demo.clock().now().since(before) >= Duration::from_secs(3600));
    }
}
