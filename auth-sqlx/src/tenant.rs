//! Tenants, and who belongs to them.

use async_trait::async_trait;
use auth_core::base::{TenantId, Timestamp, UserId};
use auth_core::role::RoleScope;
use auth_core::store::StoreError;
use auth_core::tenant::{Membership, MembershipStatus, MembershipStore, TenantRecord, TenantStore};

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

const INSERT_TENANT: Sql = sql!("INSERT INTO auth_tenant (id, name, created_at) VALUES ($1, $2, $3)");
const TENANT_BY_ID: Sql = sql!("SELECT t.id, t.name, t.created_at FROM auth_tenant t WHERE t.id = $1");
// A write that changes nothing, for its lock.
const LOCK_TENANT: Sql = sql!("UPDATE auth_tenant SET created_at = created_at WHERE id = $1");
// In the order in which everybody locks: users first, where a sign-in under way waits for us or we for it. What belongs
// to them goes with them.
const DELETE_USERS: Sql = sql!("DELETE FROM auth_user WHERE tenant = $1");
// Before the tenant, or the roles that are still held would keep those that it has defined.
const DELETE_MEMBERSHIPS: Sql = sql!("DELETE FROM auth_membership WHERE tenant = $1");
const DELETE_TENANT: Sql = sql!("DELETE FROM auth_tenant WHERE id = $1");
// After the tenant, whose row whoever makes a key for it holds until the key is written. No foreign key removes them:
// where the engine keeps no tenants there are keys for those that others keep.
const DELETE_KEYS: Sql = sql!("DELETE FROM auth_api_key WHERE tenant = $1");
const DELETE_KEYS_OF_MEMBER: Sql = sql!("DELETE FROM auth_api_key WHERE user_id = $1 AND tenant = $2");
// The parents are read, because INSERT IGNORE would write nothing without them either, nor say so. An update instead of
// IGNORE would have to change the row, as MySQL counts one row for an insert and for an update that changes nothing.
const INSERT_MEMBERSHIP: Sql = sql!(
    "INSERT INTO auth_membership (user_id, tenant, status, created_at, updated_at) \
     SELECT u.id, t.id, $1, $2, $3 FROM auth_user u CROSS JOIN auth_tenant t WHERE u.id = $4 AND t.id = $5 \
     ON CONFLICT (user_id, tenant) DO NOTHING",
    mysql: "INSERT IGNORE INTO auth_membership (user_id, tenant, status, created_at, updated_at) \
     SELECT u.id, t.id, ?, ?, ? FROM auth_user u CROSS JOIN auth_tenant t WHERE u.id = ? AND t.id = ?"
);
const MAY_BELONG: Sql = sql!("SELECT 1 FROM auth_user u CROSS JOIN auth_tenant t WHERE u.id = $1 AND t.id = $2");
/// What [`membership`] reads, in its order, from a table called `m`.
pub(crate) const COLUMNS: &str = "m.user_id, m.tenant, m.status, m.created_at, m.updated_at";
/// How many columns that is.
pub(crate) const WIDTH: usize = 5;
const MEMBERSHIP: Sql = sql!("SELECT ", COLUMNS, " FROM auth_membership m WHERE m.user_id = $1 AND m.tenant = $2");
const MEMBERSHIPS_OF_USER: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_membership m WHERE m.user_id = $1 ORDER BY m.tenant");
const SET_STATUS: Sql =
    sql!("UPDATE auth_membership SET status = $1, updated_at = $2 WHERE user_id = $3 AND tenant = $4 AND status <> $5");
const END_SESSIONS: Sql = sql!("DELETE FROM auth_session WHERE user_id = $1 AND scope = $2");
// Roles and sessions go with it through their foreign keys.
const DELETE_MEMBERSHIP: Sql = sql!("DELETE FROM auth_membership WHERE user_id = $1 AND tenant = $2");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT_TENANT,
    &TENANT_BY_ID,
    &DELETE_USERS,
    &DELETE_MEMBERSHIPS,
    &DELETE_TENANT,
    &DELETE_KEYS,
    &DELETE_KEYS_OF_MEMBER,
    &LOCK_TENANT,
    &INSERT_MEMBERSHIP,
    &MAY_BELONG,
    &MEMBERSHIP,
    &MEMBERSHIPS_OF_USER,
    &SET_STATUS,
    &END_SESSIONS,
    &DELETE_MEMBERSHIP,
];

#[async_trait]
impl<T: Target> TenantStore for SqlConn<T> {
    async fn insert_tenant(&mut self, tenant: &TenantRecord) -> Result<(), StoreError> {
        let values = [tenant.id.as_str().into(), tenant.name.as_str().into(), tenant.created_at.into()];
        self.0.execute(&INSERT_TENANT, &values).await.map(drop)
    }

    async fn tenant_by_id(&mut self, id: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        let Some(row) = self.0.fetch_optional(&TENANT_BY_ID, &[id.as_str().into()]).await? else { return Ok(None) };
        let (id, name) = (tenant(row.text(0)?, "auth_tenant.id")?, row.text(1)?.to_owned());
        Ok(Some(TenantRecord { id, name, created_at: row.instant(2)? }))
    }

    async fn lock_tenant(&mut self, id: &TenantId) -> Result<bool, StoreError> {
        self.0.affects(&LOCK_TENANT, &[id.as_str().into()]).await
    }

    async fn delete_tenant(&mut self, id: &TenantId) -> Result<bool, StoreError> {
        self.0.execute(&DELETE_USERS, &[id.as_str().into()]).await?;
        self.0.execute(&DELETE_MEMBERSHIPS, &[id.as_str().into()]).await?;
        let is_deleted = self.0.affects(&DELETE_TENANT, &[id.as_str().into()]).await?;
        if is_deleted {
            self.0.execute(&DELETE_KEYS, &[id.as_str().into()]).await?;
        }
        Ok(is_deleted)
    }
}

#[async_trait]
impl<T: Target> MembershipStore for SqlConn<T> {
    async fn insert_membership(&mut self, membership: &Membership) -> Result<bool, StoreError> {
        let (user, tenant) = (membership.user.into(), membership.tenant.as_str().into());
        let (created_at, updated_at) = (membership.created_at.into(), membership.updated_at.into());
        let values = [membership.status.as_str().into(), created_at, updated_at, user, tenant];
        if self.0.affects(&INSERT_MEMBERSHIP, &values).await? {
            return Ok(true);
        }
        let may_belong = self.0.fetch_optional(&MAY_BELONG, &[user, tenant]).await?.is_some();
        if may_belong { Ok(false) } else { Err(StoreError::Conflict) }
    }

    async fn membership(&mut self, user: UserId, tenant: &TenantId) -> Result<Option<Membership>, StoreError> {
        let row = self.0.fetch_optional(&MEMBERSHIP, &[user.into(), tenant.as_str().into()]).await?;
        row.map(|row| membership(&row, 0)).transpose()
    }

    async fn memberships_of_user(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.0.fetch_all(&MEMBERSHIPS_OF_USER, &[user.into()]).await?.iter().map(|row| membership(row, 0)).collect()
    }

    async fn set_membership_status(
        &mut self,
        user: UserId,
        tenant: &TenantId,
        status: MembershipStatus,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (text, name) = (status.as_str().into(), tenant.as_str().into());
        let is_changed = self.0.affects(&SET_STATUS, &[text, now.into(), user.into(), name, text]).await?;
        if is_changed {
            let scope = RoleScope::Tenant(tenant.clone()).to_string();
            self.0.execute(&END_SESSIONS, &[user.into(), scope.as_str().into()]).await?;
        }
        Ok(is_changed)
    }

    async fn delete_membership(&mut self, user: UserId, tenant: &TenantId) -> Result<bool, StoreError> {
        // In the order of whoever deletes the tenant.
        let is_deleted = self.0.affects(&DELETE_MEMBERSHIP, &[user.into(), tenant.as_str().into()]).await?;
        self.0.execute(&DELETE_KEYS_OF_MEMBER, &[user.into(), tenant.as_str().into()]).await?;
        Ok(is_deleted)
    }
}

/// Reads [`COLUMNS`] from the column `at` on.
pub(crate) fn membership(row: &Row, at: usize) -> Result<Membership, StoreError> {
    Ok(Membership {
        user: UserId::from_uuid(row.id(at)?),
        tenant: tenant(row.text(at + 1)?, "auth_membership.tenant")?,
        status: row.text(at + 2)?.parse().map_err(|_| corrupt("auth_membership.status"))?,
        created_at: row.instant(at + 3)?,
        updated_at: row.instant(at + 4)?,
    })
}

/// A tenant that this column names.
fn tenant(text: &str, column: &'static str) -> Result<TenantId, StoreError> {
    TenantId::parse(text).map_err(|_| corrupt(column))
}

/// Reads a tenant, or none, from the column `at`.
pub(crate) fn opt_tenant(row: &Row, at: usize, column: &'static str) -> Result<Option<TenantId>, StoreError> {
    row.opt_text(at)?.map(|text| tenant(text, column)).transpose()
}

/// The status of a membership that a join may not have found.
pub(crate) fn opt_status(row: &Row, column: usize) -> Result<Option<MembershipStatus>, StoreError> {
    row.opt_text(column)?.map(|text| text.parse().map_err(|_| corrupt("auth_membership.status"))).transpose()
}
