//! Tells sinks what has happened, after the commit.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::Event;
use crate::cx::Cx;

/// Hears of what has happened: for metrics, webhooks, mail. It can refuse nothing and delays the response while it
/// works, so anything slow belongs in a queue of its own. It hears at most once: a program that ends, or a client that
/// goes away, between the commit and the telling leaves the audit trail alone to know.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Takes one event. A problem is the sink's own to log; a panic is caught.
    async fn deliver(&self, cx: &Cx, event: &Event);
}

/// Tells every sink of every event, in order.
pub(crate) async fn deliver(cx: &Cx, events: &[Event]) {
    for event in events {
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
