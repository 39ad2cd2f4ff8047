//! Answers about tenants and their members.

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{TenantId, Timestamp, UserId};
use crate::role::RoleScope;
use crate::store::StoreError;
use crate::tenant::{Membership, MembershipStatus, MembershipStore, TenantRecord, TenantStore};

impl State {
    /// What belongs to a membership ends with it.
    fn end_membership(&mut self, user: UserId, tenant: &TenantId) -> bool {
        let scope = RoleScope::Tenant(tenant.clone());
        self.grants.retain(|grant| grant.user != user || grant.scope != scope);
        self.end_sessions(|session| session.user_id == user && session.scope == scope);
        self.remove_keys(|key| key.owner.user() == Some(user) && key.tenant.as_ref() == Some(tenant));
        self.memberships.remove(&(user, tenant.clone())).is_some()
    }
}

#[async_trait]
impl<R: Reach> TenantStore for Asked<R> {
    async fn insert_tenant(&mut self, tenant: &TenantRecord) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        if state.tenants.contains_key(&tenant.id) {
            return Err(StoreError::Conflict);
        }
        state.tenants.insert(tenant.id.clone(), tenant.clone());
        Ok(())
    }

    async fn tenant_by_id(&mut self, id: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        Ok(self.0.state().await.tenants.get(id).cloned())
    }

    async fn lock_tenant(&mut self, id: &TenantId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.tenants.contains_key(id))
    }

    async fn delete_tenant(&mut self, id: &TenantId) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        if state.tenants.remove(id).is_none() {
            return Ok(false);
        }
        let own: Vec<UserId> =
            state.users.values().filter(|user| user.tenant.as_ref() == Some(id)).map(|user| user.id).collect();
        for user in own {
            state.remove_user(user);
        }
        let members: Vec<UserId> =
            state.memberships.keys().filter(|(_, tenant)| tenant == id).map(|(user, _)| *user).collect();
        for user in members {
            state.end_membership(user, id);
        }
        state.roles.retain(|_, role| role.tenant.as_ref() != Some(id));
        state.remove_keys(|key| key.tenant.as_ref() == Some(id));
        Ok(true)
    }
}

#[async_trait]
impl<R: Reach> MembershipStore for Asked<R> {
    async fn insert_membership(&mut self, membership: &Membership) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Membership { user, tenant, .. } = membership;
        if !state.users.contains_key(user) || !state.tenants.contains_key(tenant) {
            return Err(StoreError::Conflict);
        }
        let key = (*user, tenant.clone());
        if state.memberships.contains_key(&key) {
            return Ok(false);
        }
        state.memberships.insert(key, membership.clone());
        Ok(true)
    }

    async fn membership(&mut self, user: UserId, tenant: &TenantId) -> Result<Option<Membership>, StoreError> {
        Ok(self.0.state().await.memberships.get(&(user, tenant.clone())).cloned())
    }

    async fn memberships_of_user(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let state = self.0.state().await;
        Ok(state.memberships.values().filter(|membership| membership.user == user).cloned().collect())
    }

    async fn set_membership_status(
        &mut self,
        user: UserId,
        tenant: &TenantId,
        status: MembershipStatus,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let membership = state.memberships.get_mut(&(user, tenant.clone())).filter(|it| it.status != status);
        let Some(membership) = membership else { return Ok(false) };
        (membership.status, membership.updated_at) = (status, now);
        let scope = RoleScope::Tenant(tenant.clone());
        state.end_sessions(|session| session.user_id == user && session.scope == scope);
        Ok(true)
    }

    async fn delete_membership(&mut self, user: UserId, tenant: &TenantId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.end_membership(user, tenant))
    }
}
