//! Answers about roles.

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{RoleId, TenantId, Timestamp, UserId};
use crate::role::{HeldRole, Role, RoleScope, RoleStore, StoredGrant};
use crate::store::StoreError;

impl State {
    /// What the user holds in places that are `wanted`, ordered by guard and name.
    pub(super) fn roles_held_by(&self, user: UserId, wanted: impl Fn(&RoleScope) -> bool) -> Vec<HeldRole> {
        let grants = self.grants.iter().filter(|grant| grant.user == user && wanted(&grant.scope));
        let held = |grant: &StoredGrant| {
            let role = self.roles.get(&grant.role)?.clone();
            Some(HeldRole { role, scope: grant.scope.clone() })
        };
        let mut roles: Vec<HeldRole> = grants.filter_map(held).collect();
        roles.sort_by(|a, b| (&a.role.guard, &a.role.name).cmp(&(&b.role.guard, &b.role.name)));
        roles
    }

    /// What counts where somebody acts.
    pub(super) fn roles_acting(&self, user: UserId, acting: &RoleScope) -> Vec<HeldRole> {
        self.roles_held_by(user, |scope| *scope == RoleScope::Everywhere || scope == acting)
    }

    fn role_id(&self, guard: &str, name: &str, tenant: Option<&TenantId>) -> Option<RoleId> {
        let is_it = |role: &&Role| role.guard == guard && role.name == name && role.tenant.as_ref() == tenant;
        self.roles.values().find(is_it).map(|role| role.id)
    }

    /// Whether the user belongs to the place, as far as one must.
    pub(super) fn may_hold_in(&self, user: UserId, scope: &RoleScope) -> bool {
        scope.tenant().is_none_or(|tenant| self.memberships.contains_key(&(user, tenant.clone())))
    }

    fn is_active_in(&self, user: UserId, scope: &RoleScope) -> bool {
        let membership = |tenant: &TenantId| self.memberships.get(&(user, tenant.clone()));
        scope.tenant().is_none_or(|tenant| membership(tenant).is_some_and(|membership| membership.is_active()))
    }
}

#[async_trait]
impl<R: Reach> RoleStore for Asked<R> {
    async fn put_role(&mut self, role: &Role) -> Result<(), StoreError> {
        let mut permissions = role.permissions.clone();
        permissions.sort();
        permissions.dedup();
        let mut state = self.0.state().await;
        let id = state.role_id(&role.guard, &role.name, role.tenant.as_ref());
        if let Some(defined) = id.and_then(|id| state.roles.get_mut(&id)) {
            let (is_system, manages) = (role.is_system, role.manages);
            *defined = Role { permissions, is_system, manages, ..defined.clone() };
            return Ok(());
        }
        let is_nobodys = role.tenant.as_ref().is_some_and(|tenant| !state.tenants.contains_key(tenant));
        if state.roles.contains_key(&role.id) || is_nobodys {
            return Err(StoreError::Conflict);
        }
        state.roles.insert(role.id, Role { permissions, ..role.clone() });
        Ok(())
    }

    async fn role_by_name(
        &mut self,
        guard: &str,
        name: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Role>, StoreError> {
        let state = self.0.state().await;
        Ok(state.role_id(guard, name, tenant).and_then(|id| state.roles.get(&id)).cloned())
    }

    async fn roles(&mut self, tenant: Option<&TenantId>) -> Result<Vec<Role>, StoreError> {
        let state = self.0.state().await;
        let mut roles: Vec<Role> =
            state.roles.values().filter(|role| role.tenant.as_ref() == tenant).cloned().collect();
        roles.sort_by(|a, b| (&a.guard, &a.name).cmp(&(&b.guard, &b.name)));
        Ok(roles)
    }

    async fn delete_role(&mut self, id: RoleId) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        if state.grants.iter().any(|grant| grant.role == id) {
            return Err(StoreError::Conflict);
        }
        Ok(state.roles.remove(&id).is_some())
    }

    async fn grant_role(&mut self, grant: &StoredGrant, _now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let is_possible = state.users.contains_key(&grant.user) && state.roles.contains_key(&grant.role);
        if !is_possible || !state.may_hold_in(grant.user, &grant.scope) {
            return Err(StoreError::Conflict);
        }
        Ok(state.grants.insert(grant.clone()))
    }

    async fn revoke_role(&mut self, grant: &StoredGrant) -> Result<bool, StoreError> {
        Ok(self.0.state().await.grants.remove(grant))
    }

    async fn roles_of_user(&mut self, user: UserId, tenant: Option<&TenantId>) -> Result<Vec<HeldRole>, StoreError> {
        let is_elsewhere = |scope: &RoleScope| tenant.is_some() && scope.tenant().is_some_and(|it| Some(it) != tenant);
        Ok(self.0.state().await.roles_held_by(user, |scope| !is_elsewhere(scope)))
    }

    async fn has_other_holder(&mut self, grant: &StoredGrant) -> Result<bool, StoreError> {
        let state = self.0.state().await;
        let is_same = |other: &&StoredGrant| other.role == grant.role && other.scope == grant.scope;
        let mut others = state.grants.iter().filter(|other| other.user != grant.user).filter(is_same);
        Ok(others.any(|other| {
            let is_enabled = state.users.get(&other.user).is_some_and(|user| user.disabled_at.is_none());
            is_enabled && state.is_active_in(other.user, &other.scope)
        }))
    }
}
