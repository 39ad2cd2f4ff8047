//! Writes the trail.

use super::model::AuditEntry;
use crate::base::AuditId;
use crate::cx::Cx;
use crate::hooks::Event;

/// The line that tells of `event`.
pub(crate) fn entry(cx: &Cx, event: &Event) -> AuditEntry {
    // Signing out looks nobody up: whoever holds the session's secret is its user.
    let leaving = if let Event::SignedOut { user, .. } = event { Some(*user) } else { None };
    AuditEntry {
        id: AuditId::new(cx.now(), cx.random()),
        at: cx.now(),
        action: event.action().to_owned(),
        outcome: event.outcome(),
        user_id: event.user(),
        actor_id: cx.signed_in_user().or(leaving),
        session_id: event.session(),
        detail: event.detail(),
        ip_address: cx.client_ip(),
        correlation_id: Some(cx.correlation_id().to_owned()),
    }
}
