//! What `DEMO=1` adds. It is wired through the public ports; nothing of it is part of the library.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::base::{Clock, SystemClock, Timestamp};
use serde_json::Value;

/// The demo routes' side of a program.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    clock: Arc<DemoClock>,
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

    /// `GET /__outbox`: what would have been mailed, oldest first. So far the library mails nothing.
    pub fn outbox(&self) -> Vec<Value> {
        Vec::new()
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
