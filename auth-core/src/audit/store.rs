//! The questions asked about the audit trail.

use async_trait::async_trait;

use super::model::AuditEntry;
use crate::base::{AuditId, UserId};
use crate::store::StoreError;

/// The audit trail: written once, read in pages, never changed.
#[async_trait]
pub trait AuditStore {
    /// Appends one entry.
    async fn insert_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// The user's entries, the latest first: at most `limit`, older than `before` when given.
    async fn audit_of_user(
        &mut self,
        user: UserId,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}
