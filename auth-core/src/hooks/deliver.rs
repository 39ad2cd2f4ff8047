//! Tells sinks what has happened, after the commit.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::Event;
use crate::cx::Cx;

/// Hears of what has happened: audit trail, metrics, webhooks. It can refuse nothing and delays the
/// response while it works, so anything slow belongs in a queue of its own.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Takes one event. A problem is the sink's own to log; a panic is caught.
    async fn deliver(&self, cx: &Cx, event: &Event);
}

/// Delivers everything that was queued in `cx`, in order, to every sink.
pub(crate) async fn deliver(cx: &Cx) {
    let events = cx.take_events();
    for event in &events {
        for sink in cx.auth().event_sinks() {
            let told = AssertUnwindSafe(sink.deliver(cx, event)).catch_unwind();
            let limit = cx.auth().config().hook_time_limit;
            match tokio::time::timeout(limit, told).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::error!(action = event.action(), "an event sink panicked"),
                Err(_) => tracing::error!(action = event.action(), ?limit, "an event sink exceeded its time limit"),
            }
        }
    }
}
