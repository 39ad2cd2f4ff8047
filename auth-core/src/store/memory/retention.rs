//! Answers about what has no use any more.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Asked, Reach};
use crate::base::{AuditId, Timestamp};
use crate::retention::RetentionStore;
use crate::store::StoreError;

#[async_trait]
impl<R: Reach> RetentionStore for Asked<R> {
    async fn prune_sessions(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.0.state().await;
        let expired = state.sessions.values().filter(|session| now >= session.expires_at);
        let doomed: BTreeSet<_> = expired.map(|session| session.id).take(limit as usize).collect();
        Ok(state.end_sessions(|session| doomed.contains(&session.id)))
    }

    async fn prune_attempts(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.0.state().await;
        let attempts: Vec<_> =
            state.attempts.iter().filter(|(_, it)| now >= it.window_ends_at).map(|(key, _)| *key).collect();
        let buckets: Vec<_> =
            state.buckets.iter().filter(|(_, it)| now >= it.window_ends_at).map(|(key, _)| *key).collect();
        let mut left = limit as usize;
        for key in attempts.iter().take(left) {
            state.attempts.remove(key);
        }
        left -= attempts.len().min(left);
        for key in buckets.iter().take(left) {
            state.buckets.remove(key);
        }
        Ok(((attempts.len() + buckets.len()) as u64).min(limit.into()))
    }

    async fn prune_codes(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let codes = &mut self.0.state().await.codes;
        let doomed: Vec<_> = codes.iter().filter(|(_, code)| now >= code.expires_at).map(|(key, _)| *key).collect();
        Ok(doomed.iter().take(limit as usize).filter_map(|key| codes.remove(key)).count() as u64)
    }

    async fn prune_signing_keys(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let keys = &mut self.0.state().await.signing_keys;
        let doomed: Vec<_> = keys.values().filter(|key| now >= key.verifies_until).map(|key| key.id).collect();
        Ok(doomed.iter().take(limit as usize).filter_map(|id| keys.remove(id)).count() as u64)
    }

    async fn prune_api_keys(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.0.state().await;
        let expired = state.api_keys.values().filter(|key| key.expires_at.is_some_and(|end| now >= end));
        let doomed: BTreeSet<_> = expired.map(|key| key.id).take(limit as usize).collect();
        Ok(state.remove_keys(|key| doomed.contains(&key.id)))
    }

    async fn prune_api_key_secrets(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let secrets = &mut self.0.state().await.api_key_secrets;
        let expired = secrets.iter().filter(|(_, secret)| secret.expires_at.is_some_and(|end| now >= end));
        let doomed: Vec<_> = expired.map(|(hash, _)| *hash).take(limit as usize).collect();
        Ok(doomed.iter().filter_map(|hash| secrets.remove(hash)).count() as u64)
    }

    async fn prune_audit(&mut self, before: AuditId, limit: u32) -> Result<u64, StoreError> {
        let audit = &mut self.0.state().await.audit;
        let doomed: Vec<_> = audit.range(..before).map(|(id, _)| *id).take(limit as usize).collect();
        Ok(doomed.iter().filter_map(|id| audit.remove(id)).count() as u64)
    }
}
