//! Answers about API keys.

use std::cmp::Ordering;

use async_trait::async_trait;

use super::{Asked, KeySecret, Reach, State};
use crate::api_key::{
    ApiKey, ApiKeyRecords, ApiKeyStore, ApiKeyWithOwner, Direction, KeyChange, KeyList, KeyOrder, KeyOwner, KeyPage,
    Rotation, Spent,
};
use crate::base::{ApiKeyId, Timestamp, TokenHash, UserId};
use crate::role::RoleScope;
use crate::store::StoreError;

impl State {
    /// Removes the keys that are `doomed`, with their secrets; the number of those removed.
    pub(super) fn remove_keys(&mut self, doomed: impl Fn(&ApiKey) -> bool) -> u64 {
        let before = self.api_keys.len();
        self.api_keys.retain(|_, key| !doomed(key));
        let Self { api_keys, api_key_secrets, .. } = self;
        api_key_secrets.retain(|_, secret| api_keys.contains_key(&secret.key));
        (before - self.api_keys.len()) as u64
    }

    fn key_of(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Option<&mut ApiKey> {
        self.api_keys.get_mut(&id).filter(|key| key.owner == *owner)
    }

    fn keys_of<'a>(&'a self, owner: &'a KeyOwner) -> impl Iterator<Item = &'a ApiKey> {
        self.api_keys.values().filter(move |key| key.owner == *owner)
    }
}

/// Whatever the direction, what is missing comes last.
fn compare<T: Ord>(a: Option<T>, b: Option<T>, direction: Direction) -> Ordering {
    let by_value = match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => return b.is_some().cmp(&a.is_some()),
    };
    in_direction(by_value, direction)
}

fn in_direction(ascending: Ordering, direction: Direction) -> Ordering {
    match direction {
        Direction::Ascending => ascending,
        Direction::Descending => ascending.reverse(),
    }
}

fn in_order(a: &ApiKey, b: &ApiKey, KeyPage { order, direction, .. }: &KeyPage) -> Ordering {
    let by_value = match order {
        KeyOrder::CreatedAt => compare(Some(a.created_at), Some(b.created_at), *direction),
        KeyOrder::UpdatedAt => compare(Some(a.updated_at), Some(b.updated_at), *direction),
        KeyOrder::Name => compare(a.name.as_deref(), b.name.as_deref(), *direction),
        KeyOrder::ExpiresAt => compare(a.expires_at, b.expires_at, *direction),
        KeyOrder::LastUsedAt => compare(a.last_used_at, b.last_used_at, *direction),
    };
    by_value.then(in_direction(a.id.cmp(&b.id), *direction))
}

#[async_trait]
impl<R: Reach> ApiKeyStore for Asked<R> {
    async fn api_key_by_hash(&mut self, hash: &TokenHash) -> Result<Option<ApiKeyWithOwner>, StoreError> {
        let state = self.0.state().await;
        let Some(secret) = state.api_key_secrets.get(hash.as_bytes()) else { return Ok(None) };
        let Some(key) = state.api_keys.get(&secret.key) else { return Ok(None) };
        let owner = key.owner.user().and_then(|id| state.users.get(&id)).cloned();
        let scope = RoleScope::from(key.tenant.clone());
        let roles = owner.as_ref().map(|owner| state.roles_acting(owner.id, &scope)).unwrap_or_default();
        let member = owner.as_ref().map(|owner| owner.id).zip(key.tenant.clone());
        let membership = member.and_then(|member| state.memberships.get(&member)).map(|membership| membership.status);
        let (key, secret_expires_at) = (key.clone(), secret.expires_at);
        Ok(Some(ApiKeyWithOwner { key, secret_expires_at, owner, membership, roles }))
    }

    async fn spend_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<Spent, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.api_keys.get_mut(&id).map_or(Spent::NoSuchKey, |key| key.limits.spend(now)))
    }

    async fn record_api_key_usage(
        &mut self,
        id: ApiKeyId,
        uses: i64,
        last_used_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Some(key) = state.api_keys.get_mut(&id) else { return Ok(false) };
        key.usage_count = key.usage_count.saturating_add(uses);
        key.last_used_at = key.last_used_at.max(Some(last_used_at));
        Ok(true)
    }
}

#[async_trait]
impl<R: Reach> ApiKeyRecords for Asked<R> {
    async fn insert_api_key(&mut self, key: &ApiKey, secret: &TokenHash) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        let taken = state.api_keys.contains_key(&key.id) || state.api_key_secrets.contains_key(secret.as_bytes());
        let of_nobody = key.owner.user().is_some_and(|id| !state.users.contains_key(&id));
        if taken || of_nobody {
            return Err(StoreError::Conflict);
        }
        state.api_keys.insert(key.id, key.clone());
        state.api_key_secrets.insert(*secret.as_bytes(), KeySecret { key: key.id, expires_at: None });
        Ok(())
    }

    async fn api_key_of(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.0.state().await.key_of(owner, id).cloned())
    }

    async fn api_keys_of(&mut self, owner: &KeyOwner, page: &KeyPage) -> Result<KeyList, StoreError> {
        let state = self.0.state().await;
        let mut keys: Vec<&ApiKey> = state.keys_of(owner).collect();
        keys.sort_by(|a, b| in_order(a, b, page));
        let total = keys.len() as u64;
        let keys = keys.into_iter().skip(page.offset as usize).take(page.limit as usize).cloned().collect();
        Ok(KeyList { keys, total })
    }

    async fn count_api_keys(&mut self, owner: &KeyOwner, now: Timestamp) -> Result<u64, StoreError> {
        let state = self.0.state().await;
        Ok(state.keys_of(owner).filter(|key| key.expires_at.is_none_or(|end| now < end)).count() as u64)
    }

    async fn update_api_key(
        &mut self,
        owner: &KeyOwner,
        id: ApiKeyId,
        change: &KeyChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Some(key) = state.key_of(owner, id) else { return Ok(false) };
        let KeyChange { name, enabled, permissions, metadata, expires_at, limits } = change.clone();
        key.name = name.unwrap_or(key.name.take());
        key.enabled = enabled.unwrap_or(key.enabled);
        key.permissions = permissions.unwrap_or(key.permissions.take());
        key.metadata = metadata.unwrap_or(key.metadata.take());
        key.expires_at = expires_at.unwrap_or(key.expires_at);
        key.limits = limits.unwrap_or(std::mem::take(&mut key.limits));
        key.updated_at = now;
        Ok(true)
    }

    async fn rotate_api_key(&mut self, seen: &ApiKey, rotation: &Rotation) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        if state.api_key_secrets.contains_key(rotation.secret.as_bytes()) {
            return Err(StoreError::Conflict);
        }
        let Some(key) = state.key_of(&seen.owner, seen.id).filter(|key| key.rotation == seen.rotation) else {
            return Ok(false);
        };
        key.rotation = key.rotation.saturating_add(1);
        key.start.clone_from(&rotation.start);
        key.updated_at = rotation.at;
        state.api_key_secrets.retain(|_, secret| secret.key != seen.id || rotation.old_until.is_some());
        for old in state.api_key_secrets.values_mut().filter(|secret| secret.key == seen.id) {
            old.expires_at = old.expires_at.into_iter().chain(rotation.old_until).min();
        }
        let secret = KeySecret { key: seen.id, expires_at: None };
        state.api_key_secrets.insert(*rotation.secret.as_bytes(), secret);
        Ok(true)
    }

    async fn delete_api_key(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.remove_keys(|key| key.owner == *owner && key.id == id) == 1)
    }

    async fn delete_api_keys_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        Ok(self.0.state().await.remove_keys(|key| key.owner.user() == Some(user)) as u64)
    }
}
