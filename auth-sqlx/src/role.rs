//! Roles, and who holds them.

use async_trait::async_trait;
use auth_core::base::{RoleId, Timestamp, UserId};
use auth_core::role::{Permission, Role, RoleStore};
use auth_core::store::StoreError;

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

/// What [`role`] reads, in its order, from a table called `r`.
pub(crate) const COLUMNS: &str = "r.id, r.guard, r.name, r.permissions, r.created_at";

// MySQL has no ON CONFLICT, and MariaDB no name for the new row, so VALUES() it is. There the update is also taken
// when only the id is: the role of that id is another one then, and setting its id to NULL refuses the statement.
const PUT_ROLE: Sql = sql!(
    "INSERT INTO auth_role (id, guard, name, permissions, created_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (guard, name) DO UPDATE SET permissions = excluded.permissions",
    mysql: "INSERT INTO auth_role (id, guard, name, permissions, created_at) VALUES (?, ?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE id = CASE WHEN guard = VALUES(guard) AND name = VALUES(name) THEN id END, \
     permissions = VALUES(permissions)"
);
const ROLE_BY_NAME: Sql = sql!("SELECT ", COLUMNS, " FROM auth_role r WHERE r.guard = $1 AND r.name = $2");
// On MySQL, INSERT IGNORE would also ignore a user or role that does not exist. The update must change the row:
// MySQL then counts two rows, and one for an insert or for an update that changes nothing.
const GRANT_ROLE: Sql = sql!(
    "INSERT INTO auth_user_role (user_id, role_id, granted_at) VALUES ($1, $2, $3) \
     ON CONFLICT (user_id, role_id) DO NOTHING",
    mysql: "INSERT INTO auth_user_role (user_id, role_id, granted_at) VALUES (?, ?, ?) \
     ON DUPLICATE KEY UPDATE granted_at = granted_at + 1"
);
const REVOKE_ROLE: Sql = sql!("DELETE FROM auth_user_role WHERE user_id = $1 AND role_id = $2");
const ROLES_OF_USER: Sql = sql!(
    "SELECT ",
    COLUMNS,
    " FROM auth_user_role ur JOIN auth_role r ON r.id = ur.role_id WHERE ur.user_id = $1 ORDER BY r.guard, r.name"
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PUT_ROLE, &ROLE_BY_NAME, &GRANT_ROLE, &REVOKE_ROLE, &ROLES_OF_USER];

#[async_trait]
impl<T: Target> RoleStore for SqlConn<T> {
    async fn put_role(&mut self, role: &Role) -> Result<(), StoreError> {
        let permissions = permissions_column(&role.permissions)?;
        let values = [
            role.id.into(),
            role.guard.as_str().into(),
            role.name.as_str().into(),
            permissions.as_str().into(),
            role.created_at.into(),
        ];
        self.0.execute(&PUT_ROLE, &values).await.map(drop)
    }

    async fn role_by_name(&mut self, guard: &str, name: &str) -> Result<Option<Role>, StoreError> {
        let row = self.0.fetch_optional(&ROLE_BY_NAME, &[guard.into(), name.into()]).await?;
        row.map(|row| role(&row, 0)).transpose()
    }

    async fn grant_role(&mut self, user: UserId, role: RoleId, now: Timestamp) -> Result<bool, StoreError> {
        let rows = self.0.execute(&GRANT_ROLE, &[user.into(), role.into(), now.into()]).await?;
        Ok(rows == 1)
    }

    async fn revoke_role(&mut self, user: UserId, role: RoleId) -> Result<bool, StoreError> {
        self.0.affects(&REVOKE_ROLE, &[user.into(), role.into()]).await
    }

    async fn roles_of_user(&mut self, user: UserId) -> Result<Vec<Role>, StoreError> {
        self.0.fetch_all(&ROLES_OF_USER, &[user.into()]).await?.iter().map(|row| role(row, 0)).collect()
    }
}

/// Reads [`COLUMNS`] from the column `at` on.
pub(crate) fn role(row: &Row, at: usize) -> Result<Role, StoreError> {
    Ok(Role {
        id: RoleId::from_uuid(row.id(at)?),
        guard: row.text(at + 1)?.to_owned(),
        name: row.text(at + 2)?.to_owned(),
        permissions: permissions(row.text(at + 3)?).ok_or_else(|| corrupt("auth_role.permissions"))?,
        created_at: row.instant(at + 4)?,
    })
}

/// Sorted and without repeats, as the model promises, whatever the caller's list was.
pub(crate) fn permissions_column(permissions: &[Permission]) -> Result<String, StoreError> {
    let mut names: Vec<&str> = permissions.iter().map(Permission::as_str).collect();
    names.sort_unstable();
    names.dedup();
    serde_json::to_string(&names).map_err(StoreError::backend)
}

/// `None` for what no version of this code writes.
pub(crate) fn permissions(column: &str) -> Option<Vec<Permission>> {
    let names: Vec<String> = serde_json::from_str(column).ok()?;
    names.into_iter().map(|name| Permission::parse(name).ok()).collect()
}
