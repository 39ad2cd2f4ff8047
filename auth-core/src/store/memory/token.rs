//! Answers about signing keys and refresh families.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::{Asked, Reach};
use crate::base::{SessionId, SigningKeyId, Timestamp, TokenHash};
use crate::store::StoreError;
use crate::token::{FamilyWithSession, RefreshFamily, RefreshStore, Rotation, SigningKeyStore, StoredSigningKey};

#[async_trait]
impl<R: Reach> SigningKeyStore for Asked<R> {
    async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StoreError> {
        let keys = &mut self.0.state().await.signing_keys;
        let is_taken = |other: &StoredSigningKey| {
            (&other.algorithm, other.generation) == (&key.algorithm, key.generation) || other.id == key.id
        };
        if keys.values().any(is_taken) {
            return Err(StoreError::Conflict);
        }
        keys.insert(key.id, key.clone());
        Ok(())
    }

    async fn signing_keys(&mut self, now: Timestamp) -> Result<Vec<StoredSigningKey>, StoreError> {
        let state = self.0.state().await;
        let verifying = state.signing_keys.values().filter(|key| now < key.verifies_until);
        let mut keys: Vec<StoredSigningKey> = verifying.cloned().collect();
        keys.sort_by(|a, b| (Reverse(a.generation), &a.algorithm).cmp(&(Reverse(b.generation), &b.algorithm)));
        Ok(keys)
    }

    async fn shorten_signing_key(
        &mut self,
        id: SigningKeyId,
        signs_until: Timestamp,
        verifies_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Some(key) = state.signing_keys.get_mut(&id) else { return Ok(false) };
        let is_earlier = signs_until < key.signs_until || verifies_until < key.verifies_until;
        key.signs_until = key.signs_until.min(signs_until);
        key.verifies_until = key.verifies_until.min(verifies_until);
        Ok(is_earlier)
    }

    async fn reseal_signing_key(&mut self, id: SigningKeyId, old: &[u8], new: &[u8]) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Some(key) = state.signing_keys.get_mut(&id).filter(|key| key.sealed_private == old) else {
            return Ok(false);
        };
        key.sealed_private = new.to_vec();
        Ok(true)
    }
}

#[async_trait]
impl<R: Reach> RefreshStore for Asked<R> {
    async fn put_family(&mut self, family: &RefreshFamily) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        if !state.sessions.values().any(|session| session.id == family.session_id) {
            return Ok(false);
        }
        let is_taken = |other: &RefreshFamily| {
            other.session_id != family.session_id && other.family_hash.matches(&family.family_hash)
        };
        if state.families.values().any(is_taken) {
            return Err(StoreError::Conflict);
        }
        state.families.insert(family.session_id, family.clone());
        Ok(true)
    }

    async fn family_by_hash(&mut self, family_hash: &TokenHash) -> Result<Option<FamilyWithSession>, StoreError> {
        let state = self.0.state().await;
        let Some(family) = state.families.values().find(|family| family.family_hash.matches(family_hash)) else {
            return Ok(None);
        };
        let session = state.sessions.values().find(|session| session.id == family.session_id);
        let found = session.and_then(|session| state.with_user(session));
        Ok(found.map(|found| FamilyWithSession { family: family.clone(), found }))
    }

    async fn rotate_family(
        &mut self,
        session: SessionId,
        presented: &TokenHash,
        next: &Rotation,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let is_good =
            |family: &&mut RefreshFamily| family.token_hash.matches(presented) && next.rotated_at < family.expires_at;
        let Some(family) = state.families.get_mut(&session).filter(is_good) else { return Ok(false) };
        family.previous_hash = Some(*presented);
        family.token_hash = next.token_hash;
        family.sealed_child.clone_from(&next.sealed_child);
        family.generation = family.generation.saturating_add(1);
        family.rotated_at = next.rotated_at;
        family.expires_at = next.expires_at;
        Ok(true)
    }

    async fn end_family(&mut self, session: SessionId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.families.remove(&session).is_some())
    }
}
