//! Answers about roles.

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{RoleId, Timestamp, UserId};
use crate::role::{Role, RoleStore};
use crate::store::StoreError;

impl State {
    /// The roles that the user holds, ordered by guard and name.
    pub(super) fn roles_held_by(&self, user: UserId) -> Vec<Role> {
        let granted = self.grants.iter().filter(|(holder, _)| *holder == user);
        let mut roles: Vec<Role> = granted.filter_map(|(_, role)| self.roles.get(role)).cloned().collect();
        roles.sort_by(|a, b| (&a.guard, &a.name).cmp(&(&b.guard, &b.name)));
        roles
    }

    fn role_id(&self, guard: &str, name: &str) -> Option<RoleId> {
        self.roles.values().find(|role| role.guard == guard && role.name == name).map(|role| role.id)
    }
}

#[async_trait]
impl<R: Reach> RoleStore for Asked<R> {
    async fn put_role(&mut self, role: &Role) -> Result<(), StoreError> {
        let mut permissions = role.permissions.clone();
        permissions.sort();
        permissions.dedup();
        let mut state = self.0.state().await;
        let id = state.role_id(&role.guard, &role.name);
        if let Some(defined) = id.and_then(|id| state.roles.get_mut(&id)) {
            defined.permissions = permissions;
            return Ok(());
        }
        if state.roles.contains_key(&role.id) {
            return Err(StoreError::Conflict);
        }
        state.roles.insert(role.id, Role { permissions, ..role.clone() });
        Ok(())
    }

    async fn role_by_name(&mut self, guard: &str, name: &str) -> Result<Option<Role>, StoreError> {
        let state = self.0.state().await;
        Ok(state.role_id(guard, name).and_then(|id| state.roles.get(&id)).cloned())
    }

    async fn grant_role(&mut self, user: UserId, role: RoleId, _now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        if !state.users.contains_key(&user) || !state.roles.contains_key(&role) {
            return Err(StoreError::Conflict);
        }
        Ok(state.grants.insert((user, role)))
    }

    async fn revoke_role(&mut self, user: UserId, role: RoleId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.grants.remove(&(user, role)))
    }

    async fn roles_of_user(&mut self, user: UserId) -> Result<Vec<Role>, StoreError> {
        Ok(self.0.state().await.roles_held_by(user))
    }
}
