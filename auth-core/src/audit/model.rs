//! One line of the audit trail.

use std::net::IpAddr;

use crate::base::{AuditId, SessionId, Timestamp, UserId};

/// Whether what was tried came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did.
    Success,
    /// It was refused.
    Failure,
}

/// Who did what, from where, and whether it came about. It never holds a secret, a password or an address in a mail
/// sense.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Names the row; ordered by time.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, such as `signed_in`.
    pub action: String,
    /// Whether it came about.
    pub outcome: Outcome,
    /// Whom it concerns; kept after the user is gone.
    pub user_id: Option<UserId>,
    /// Who was signed in when it was done; `None` for strangers and for the program itself.
    pub actor_id: Option<UserId>,
    /// What exactly, where the action alone does not say it, such as the role that was granted; at most 255 characters.
    pub detail: Option<String>,
    /// The session it concerns or was done in.
    pub session_id: Option<SessionId>,
    /// Where it came from, behind trusted proxies.
    pub ip_address: Option<IpAddr>,
    /// The request it belongs to.
    pub correlation_id: Option<String>,
}
