//! The questions asked about tenants and their members.

use async_trait::async_trait;

use super::model::{Membership, MembershipStatus, TenantRecord};
use crate::base::{TenantId, Timestamp, UserId};
use crate::store::StoreError;

/// Tenants: the organisations that have their place in a program.
#[async_trait]
pub trait TenantStore {
    /// Writes a new tenant.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken.
    async fn insert_tenant(&mut self, tenant: &TenantRecord) -> Result<(), StoreError>;

    /// The tenant of this id, compared byte by byte.
    async fn tenant_by_id(&mut self, id: &TenantId) -> Result<Option<TenantRecord>, StoreError>;

    /// Takes the tenant's row; `false` when there is no such tenant. Inside a transaction it stays locked until its
    /// end, so that the tenant is not removed before.
    async fn lock_tenant(&mut self, id: &TenantId) -> Result<bool, StoreError>;

    /// Removes a tenant with the accounts that belong to it, its memberships, the roles it has defined and the API keys
    /// that speak for it; `false` when there is none.
    async fn delete_tenant(&mut self, id: &TenantId) -> Result<bool, StoreError>;
}

/// Who belongs to which tenant. With a membership go the roles held and the sessions opened as such a member, and the
/// API keys of that user for that tenant.
#[async_trait]
pub trait MembershipStore {
    /// Writes a membership; `false`, and nothing is written, when the user belongs to the tenant already, whatever the
    /// status.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such user or tenant.
    async fn insert_membership(&mut self, membership: &Membership) -> Result<bool, StoreError>;

    /// Whether and how the user belongs to the tenant.
    async fn membership(&mut self, user: UserId, tenant: &TenantId) -> Result<Option<Membership>, StoreError>;

    /// What the user belongs to, ordered by tenant.
    async fn memberships_of_user(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError>;

    /// Changes the status, and ends the sessions that the user has opened as a member: those that may go on no more,
    /// and those of a sign-in that had read the former status, which must not come to life with the next. `false` when
    /// there is no membership, or it has this status already.
    async fn set_membership_status(
        &mut self,
        user: UserId,
        tenant: &TenantId,
        status: MembershipStatus,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes the membership, with the roles held, the sessions opened as a member and the user's API keys for the
    /// tenant; `false` when there is none.
    async fn delete_membership(&mut self, user: UserId, tenant: &TenantId) -> Result<bool, StoreError>;
}
