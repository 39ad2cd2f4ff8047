//! The questions asked about roles.

use async_trait::async_trait;

use super::model::{HeldRole, Role, StoredGrant};
use crate::base::{RoleId, TenantId, Timestamp, UserId};
use crate::store::StoreError;

/// Roles, and who holds them.
#[async_trait]
pub trait RoleStore {
    /// Writes a role, or gives the one of the same guard, name and tenant these permissions and flags (its id and date
    /// stay).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id belongs to another role, or there is no such tenant.
    async fn put_role(&mut self, role: &Role) -> Result<(), StoreError>;

    /// The role of this name in this guard, compared byte by byte: the tenant's own, or with `None` the program's.
    async fn role_by_name(
        &mut self,
        guard: &str,
        name: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Role>, StoreError>;

    /// The roles that this tenant has defined, or with `None` those of the program, ordered by guard and name.
    async fn roles(&mut self, tenant: Option<&TenantId>) -> Result<Vec<Role>, StoreError>;

    /// Removes a role; `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody holds it.
    async fn delete_role(&mut self, id: RoleId) -> Result<bool, StoreError>;

    /// Gives the role to the user; `false` when the user holds it there already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such user or role, or the user does not belong to the tenant.
    async fn grant_role(&mut self, grant: &StoredGrant, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes the role from the user; `false` when the user did not hold it there.
    async fn revoke_role(&mut self, grant: &StoredGrant) -> Result<bool, StoreError>;

    /// What the user holds, wherever it is held, ordered by guard and name; with a tenant without what is held in
    /// others.
    async fn roles_of_user(&mut self, user: UserId, tenant: Option<&TenantId>) -> Result<Vec<HeldRole>, StoreError>;

    /// Whether an enabled user other than this one holds the same role in the same place. Inside a transaction the role
    /// stays locked until its end, so that of two who give it up at once the second one sees what the first one did.
    async fn has_other_holder(&mut self, grant: &StoredGrant) -> Result<bool, StoreError>;
}
