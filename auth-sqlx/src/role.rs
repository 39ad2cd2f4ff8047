//! Roles, and who holds them.

use async_trait::async_trait;
use auth_core::base::{RoleId, TenantId, Timestamp, UserId};
use auth_core::role::{HeldRole, Permission, Role, RoleScope, RoleStore, StoredGrant};
use auth_core::store::StoreError;

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;
use crate::tenant;

/// What [`role`] reads, in its order, from a table called `r`.
const COLUMNS: &str = "r.id, r.guard, r.name, r.tenant, r.permissions, r.is_system, r.manages, r.created_at";
/// How many columns that is.
const WIDTH: usize = 8;
/// What [`held`] reads, in its order: a role `r`, and where it is held by the grant `ur`.
pub(crate) const HELD_COLUMNS: &str = sql!(COLUMNS, ", ur.scope").sqlite;

// MySQL has no ON CONFLICT, and MariaDB no name for the new row, so VALUES() it is. There the update is also taken
// when only the id is: the role of that id is another one then, and setting its id to NULL refuses the statement.
const PUT_ROLE: Sql = sql!(
    "INSERT INTO auth_role (id, guard, name, scope, tenant, permissions, is_system, manages, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (scope, guard, name) DO UPDATE SET \
     permissions = excluded.permissions, is_system = excluded.is_system, manages = excluded.manages",
    mysql: "INSERT INTO auth_role (id, guard, name, scope, tenant, permissions, is_system, manages, created_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE \
     id = CASE WHEN guard = VALUES(guard) AND name = VALUES(name) AND scope = VALUES(scope) THEN id END, \
     permissions = VALUES(permissions), is_system = VALUES(is_system), manages = VALUES(manages)"
);
const ROLE_BY_NAME: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_role r WHERE r.scope = $1 AND r.guard = $2 AND r.name = $3");
const ROLES: Sql = sql!("SELECT ", COLUMNS, " FROM auth_role r WHERE r.scope = $1 ORDER BY r.guard, r.name");
const DELETE_ROLE: Sql = sql!("DELETE FROM auth_role WHERE id = $1");
// On MySQL, INSERT IGNORE would also ignore a user, a role or a membership that does not exist. The update must change
// the row: MySQL then counts two rows, and one for an insert or for an update that changes nothing.
const GRANT_ROLE: Sql = sql!(
    "INSERT INTO auth_user_role (user_id, role_id, scope, tenant, granted_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (user_id, scope, role_id) DO NOTHING",
    mysql: "INSERT INTO auth_user_role (user_id, role_id, scope, tenant, granted_at) VALUES (?, ?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE granted_at = granted_at + 1"
);
const REVOKE_ROLE: Sql = sql!("DELETE FROM auth_user_role WHERE user_id = $1 AND role_id = $2 AND scope = $3");
const HELD: &str = " FROM auth_user_role ur JOIN auth_role r ON r.id = ur.role_id WHERE ur.user_id = $1";
const IN_ORDER: &str = " ORDER BY r.guard, r.name, ur.scope";
const ROLES_OF_USER: Sql = sql!("SELECT ", HELD_COLUMNS, HELD, IN_ORDER);
const ROLES_OF_MEMBER: Sql =
    sql!("SELECT ", HELD_COLUMNS, HELD, " AND (ur.tenant IS NULL OR ur.tenant = $2)", IN_ORDER);
// A write that changes nothing, for its lock.
const LOCK_ROLE: Sql = sql!("UPDATE auth_role SET created_at = created_at WHERE id = $1");
const OTHER_HOLDER: Sql = sql!(
    "SELECT 1 FROM auth_user_role ur JOIN auth_user u ON u.id = ur.user_id \
     LEFT JOIN auth_membership m ON m.user_id = ur.user_id AND m.tenant = ur.tenant \
     WHERE ur.role_id = $1 AND ur.scope = $2 AND ur.user_id <> $3 AND u.disabled_at IS NULL \
     AND (ur.tenant IS NULL OR m.status = 'active') LIMIT 1"
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &PUT_ROLE,
    &ROLE_BY_NAME,
    &ROLES,
    &DELETE_ROLE,
    &GRANT_ROLE,
    &REVOKE_ROLE,
    &ROLES_OF_USER,
    &ROLES_OF_MEMBER,
    &LOCK_ROLE,
    &OTHER_HOLDER,
];

/// The scope of roles that are defined here.
fn defined_in(tenant: Option<&TenantId>) -> String {
    RoleScope::from(tenant.cloned()).to_string()
}

#[async_trait]
impl<T: Target> RoleStore for SqlConn<T> {
    async fn put_role(&mut self, role: &Role) -> Result<(), StoreError> {
        let permissions = permissions_column(&role.permissions)?;
        let scope = defined_in(role.tenant.as_ref());
        let values = [
            role.id.into(),
            role.guard.as_str().into(),
            role.name.as_str().into(),
            scope.as_str().into(),
            role.tenant.as_ref().map(TenantId::as_str).into(),
            permissions.as_str().into(),
            role.is_system.into(),
            role.manages.into(),
            role.created_at.into(),
        ];
        self.0.execute(&PUT_ROLE, &values).await.map(drop)
    }

    async fn role_by_name(
        &mut self,
        guard: &str,
        name: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Role>, StoreError> {
        let scope = defined_in(tenant);
        let row = self.0.fetch_optional(&ROLE_BY_NAME, &[scope.as_str().into(), guard.into(), name.into()]).await?;
        row.map(|row| role(&row, 0)).transpose()
    }

    async fn roles(&mut self, tenant: Option<&TenantId>) -> Result<Vec<Role>, StoreError> {
        let scope = defined_in(tenant);
        self.0.fetch_all(&ROLES, &[scope.as_str().into()]).await?.iter().map(|row| role(row, 0)).collect()
    }

    async fn delete_role(&mut self, id: RoleId) -> Result<bool, StoreError> {
        self.0.affects(&DELETE_ROLE, &[id.into()]).await
    }

    async fn grant_role(&mut self, grant: &StoredGrant, now: Timestamp) -> Result<bool, StoreError> {
        let scope = grant.scope.to_string();
        let tenant = grant.scope.tenant().map(TenantId::as_str);
        let values = [grant.user.into(), grant.role.into(), scope.as_str().into(), tenant.into(), now.into()];
        Ok(self.0.execute(&GRANT_ROLE, &values).await? == 1)
    }

    async fn revoke_role(&mut self, grant: &StoredGrant) -> Result<bool, StoreError> {
        let scope = grant.scope.to_string();
        self.0.affects(&REVOKE_ROLE, &[grant.user.into(), grant.role.into(), scope.as_str().into()]).await
    }

    async fn roles_of_user(&mut self, user: UserId, tenant: Option<&TenantId>) -> Result<Vec<HeldRole>, StoreError> {
        let rows = match tenant {
            None => self.0.fetch_all(&ROLES_OF_USER, &[user.into()]).await?,
            Some(tenant) => self.0.fetch_all(&ROLES_OF_MEMBER, &[user.into(), tenant.as_str().into()]).await?,
        };
        rows.iter().map(|row| held(row, 0)).collect()
    }

    async fn has_other_holder(&mut self, grant: &StoredGrant) -> Result<bool, StoreError> {
        self.0.execute(&LOCK_ROLE, &[grant.role.into()]).await?;
        let scope = grant.scope.to_string();
        let values = [grant.role.into(), scope.as_str().into(), grant.user.into()];
        Ok(self.0.fetch_optional(&OTHER_HOLDER, &values).await?.is_some())
    }
}

/// Reads [`COLUMNS`] from the column `at` on.
fn role(row: &Row, at: usize) -> Result<Role, StoreError> {
    Ok(Role {
        id: RoleId::from_uuid(row.id(at)?),
        guard: row.text(at + 1)?.to_owned(),
        name: row.text(at + 2)?.to_owned(),
        tenant: tenant::opt_tenant(row, at + 3, "auth_role.tenant")?,
        permissions: permissions(row.text(at + 4)?).ok_or_else(|| corrupt("auth_role.permissions"))?,
        is_system: row.bool(at + 5)?,
        manages: row.bool(at + 6)?,
        created_at: row.instant(at + 7)?,
    })
}

/// Reads [`HELD_COLUMNS`] from the column `at` on.
pub(crate) fn held(row: &Row, at: usize) -> Result<HeldRole, StoreError> {
    let scope = row.text(at + WIDTH)?.parse().map_err(|_| corrupt("auth_user_role.scope"))?;
    Ok(HeldRole { role: role(row, at)?, scope })
}

/// The role of each row from the column `at` on, which one row has NULL in where nothing is held.
pub(crate) fn all_held(rows: &[Row], at: usize) -> Result<Vec<HeldRole>, StoreError> {
    match rows {
        [only] if only.opt_id(at)?.is_none() => Ok(Vec::new()),
        rows => rows.iter().map(|row| held(row, at)).collect(),
    }
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
