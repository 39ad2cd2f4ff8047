//! Writes the trail.

use async_trait::async_trait;

use super::model::AuditEntry;
use crate::base::AuditId;
use crate::cx::Cx;
use crate::hooks::{Event, EventSink};

/// Keeps every event as a row of the audit trail. A row that cannot be written is an error in the log, not for the
/// client: what it tells of has happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditTrail;

#[async_trait]
impl EventSink for AuditTrail {
    async fn deliver(&self, cx: &Cx, event: &Event) {
        let entry = AuditEntry {
            id: AuditId::new(cx.now(), cx.random()),
            at: cx.now(),
            action: event.action().to_owned(),
            outcome: event.outcome(),
            user_id: event.user(),
            session_id: event.session(),
            ip_address: cx.client_ip(),
            correlation_id: Some(cx.correlation_id().to_owned()),
        };
        if let Err(error) = cx.conn().insert_audit(&entry).await {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(action = event.action(), cause, "an audit row could not be written");
        }
    }
}
