//! The questions asked about roles.

use async_trait::async_trait;

use super::model::Role;
use crate::base::{RoleId, Timestamp, UserId};
use crate::store::StoreError;

/// Roles, and who holds them.
#[async_trait]
pub trait RoleStore {
    /// Writes a role, or gives the role of the same guard and name these permissions (its id and date stay).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id belongs to a role of another guard or name.
    async fn put_role(&mut self, role: &Role) -> Result<(), StoreError>;

    /// The role of this name in this guard, compared byte by byte.
    async fn role_by_name(&mut self, guard: &str, name: &str) -> Result<Option<Role>, StoreError>;

    /// Gives the role to the user; `false` when the user holds it already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such user or role.
    async fn grant_role(&mut self, user: UserId, role: RoleId, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes the role from the user; `false` when the user did not hold it.
    async fn revoke_role(&mut self, user: UserId, role: RoleId) -> Result<bool, StoreError>;

    /// What the user holds, ordered by guard and name.
    async fn roles_of_user(&mut self, user: UserId) -> Result<Vec<Role>, StoreError>;
}
