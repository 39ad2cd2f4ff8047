//! Answers about the audit trail.

use std::ops::Bound;

use async_trait::async_trait;

use super::{Asked, Reach};
use crate::audit::{AuditEntry, AuditStore};
use crate::base::{AuditId, UserId};
use crate::store::StoreError;

#[async_trait]
impl<R: Reach> AuditStore for Asked<R> {
    async fn insert_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        if state.audit.contains_key(&entry.id) {
            return Err(StoreError::Conflict);
        }
        state.audit.insert(entry.id, entry.clone());
        Ok(())
    }

    async fn audit_of_user(
        &mut self,
        user: UserId,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.0.state().await;
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let latest_first = state.audit.range((Bound::Unbounded, end)).rev().map(|(_, entry)| entry);
        Ok(latest_first.filter(|entry| entry.user_id == Some(user)).take(limit as usize).cloned().collect())
    }
}
