//! Answers about users.

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{Email, PhoneNumber, TenantId, Timestamp, UserId, Username};
use crate::role::RoleScope;
use crate::store::StoreError;
use crate::tenant::Membership;
use crate::user::{
    Identifiers, Pool, Population, ProfileChange, TenantMember, User, UserEmailStore, UserIdentifierStore,
    UserStandingStore, UserStore,
};

impl State {
    pub(super) fn user_by_email(&self, population: &Population, email: &Email) -> Option<&User> {
        let Population { pool, tenant } = population;
        self.users.values().find(|user| user.pool == *pool && user.tenant == *tenant && user.email == *email)
    }

    /// Whether another user of the population has one of these.
    fn has_other(&self, of: &User, identifiers: &Identifiers) -> bool {
        let is_same = |other: &User| {
            let Identifiers { username, phone_number, .. } = &other.identifiers;
            (username.is_some() && *username == identifiers.username)
                || (phone_number.is_some() && *phone_number == identifiers.phone_number)
        };
        let population = of.population();
        self.users.values().any(|other| other.id != of.id && other.population() == population && is_same(other))
    }

    /// Removes the user with all that is theirs.
    pub(super) fn remove_user(&mut self, id: UserId) -> bool {
        if self.users.remove(&id).is_none() {
            return false;
        }
        self.end_sessions(|session| session.user_id == id);
        self.codes.retain(|_, code| code.user_id != Some(id));
        self.accounts.retain(|_, row| row.account.user_id != id);
        self.memberships.retain(|(member, _), _| *member != id);
        self.grants.retain(|grant| grant.user != id);
        self.remove_keys(|key| key.owner.user() == Some(id));
        true
    }

    /// Changes the user, if there is one, and marks the row as written at `now`.
    fn change_user(&mut self, id: UserId, now: Timestamp, change: impl FnOnce(&mut User)) -> bool {
        let Some(user) = self.users.get_mut(&id) else { return false };
        change(user);
        user.updated_at = now;
        true
    }
}

#[async_trait]
impl<R: Reach> UserStore for Asked<R> {
    async fn insert_user(&mut self, user: &User) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        let is_taken =
            state.users.contains_key(&user.id) || state.user_by_email(&user.population(), &user.email).is_some();
        if is_taken
            || state.has_other(user, &user.identifiers)
            || user.tenant.as_ref().is_some_and(|tenant| !state.tenants.contains_key(tenant))
        {
            return Err(StoreError::Conflict);
        }
        state.users.insert(user.id, user.clone());
        Ok(())
    }

    async fn user_by_id(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.0.state().await.users.get(&id).cloned())
    }

    async fn user_by_email(&mut self, population: &Population, email: &Email) -> Result<Option<User>, StoreError> {
        Ok(self.0.state().await.user_by_email(population, email).cloned())
    }

    async fn users_of_pool(&mut self, pool: Pool, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let state = self.0.state().await;
        let of_pool = state.users.values().filter(|user| user.pool == pool && after.is_none_or(|id| user.id > id));
        Ok(of_pool.take(limit as usize).cloned().collect())
    }

    async fn members_of_tenant(
        &mut self,
        tenant: &TenantId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<TenantMember>, StoreError> {
        let state = self.0.state().await;
        let memberships =
            state.memberships.values().filter(|it| it.tenant == *tenant && after.is_none_or(|id| it.user > id));
        let counts =
            |scope: &RoleScope| scope.tenant().is_some_and(|it| it == tenant) || *scope == RoleScope::Everywhere;
        let member = |membership: &Membership| {
            let user = state.users.get(&membership.user).filter(|user| !user.is_customer())?.clone();
            let roles = state.roles_held_by(user.id, counts);
            Some(TenantMember { user, membership: membership.clone(), roles })
        };
        Ok(memberships.filter_map(member).take(limit as usize).collect())
    }

    async fn update_profile(&mut self, id: UserId, change: &ProfileChange, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.change_user(id, now, |user| {
            if let Some(name) = &change.name {
                user.name.clone_from(name);
            }
            if let Some(image) = &change.image {
                user.image.clone_from(image);
            }
        }))
    }

    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.remove_user(id))
    }
}

#[async_trait]
impl<R: Reach> UserEmailStore for Asked<R> {
    async fn verify_email(&mut self, id: UserId, email: &Email, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let is_theirs = state.users.get(&id).is_some_and(|user| user.email == *email);
        Ok(is_theirs && state.change_user(id, now, |user| user.email_verified = true))
    }

    async fn change_email(&mut self, id: UserId, old: &Email, new: &Email, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Some(user) = state.users.get(&id).filter(|user| user.email == *old) else { return Ok(false) };
        if state.user_by_email(&user.population(), new).is_some_and(|other| other.id != id) {
            return Err(StoreError::Conflict);
        }
        Ok(state.change_user(id, now, |user| (user.email, user.email_verified) = (new.clone(), true)))
    }
}

#[async_trait]
impl<R: Reach> UserIdentifierStore for Asked<R> {
    async fn user_by_username(
        &mut self,
        population: &Population,
        username: &Username,
    ) -> Result<Option<User>, StoreError> {
        let state = self.0.state().await;
        let is_theirs = |user: &&User| user.identifiers.username.as_ref() == Some(username);
        Ok(state.users.values().filter(is_theirs).find(|user| user.population() == *population).cloned())
    }

    async fn user_by_phone(
        &mut self,
        population: &Population,
        phone: &PhoneNumber,
    ) -> Result<Option<User>, StoreError> {
        let state = self.0.state().await;
        let is_theirs = |user: &&User| user.identifiers.phone_number.as_ref() == Some(phone);
        Ok(state.users.values().filter(is_theirs).find(|user| user.population() == *population).cloned())
    }

    async fn set_username(
        &mut self,
        id: UserId,
        username: &Username,
        display: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let wanted = Identifiers { username: Some(username.clone()), ..Identifiers::default() };
        if state.users.get(&id).is_some_and(|user| state.has_other(user, &wanted)) {
            return Err(StoreError::Conflict);
        }
        Ok(state.change_user(id, now, |user| {
            user.identifiers.username = wanted.username;
            user.identifiers.display_username = display.map(str::to_owned);
        }))
    }

    async fn set_phone(&mut self, id: UserId, phone: Option<&PhoneNumber>, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let wanted = Identifiers { phone_number: phone.cloned(), ..Identifiers::default() };
        if state.users.get(&id).is_some_and(|user| state.has_other(user, &wanted)) {
            return Err(StoreError::Conflict);
        }
        Ok(state.change_user(id, now, |user| {
            user.identifiers.phone_number_verified = wanted.phone_number.is_some();
            user.identifiers.phone_number = wanted.phone_number;
        }))
    }
}

#[async_trait]
impl<R: Reach> UserStandingStore for Asked<R> {
    async fn claim_login(&mut self, id: UserId, credential_version: i64) -> Result<bool, StoreError> {
        let state = self.0.state().await;
        let user = state.users.get(&id);
        Ok(user.is_some_and(|user| user.disabled_at.is_none() && user.credential_version == credential_version))
    }

    async fn lock_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.0.state().await.users.contains_key(&id))
    }

    async fn raise_credential_version(&mut self, id: UserId, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.change_user(id, now, |user| user.credential_version = user.credential_version.saturating_add(1)))
    }

    async fn set_disabled(
        &mut self,
        id: UserId,
        disabled_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.change_user(id, now, |user| user.disabled_at = disabled_at))
    }
}
