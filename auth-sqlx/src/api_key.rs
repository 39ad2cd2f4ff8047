//! API keys, their secrets, and the limits of their use.

use std::time::Duration;

use async_trait::async_trait;
use auth_core::api_key::{
    ApiKey, ApiKeyRecords, ApiKeyStore, ApiKeyWithOwner, CountedQuota, Direction, KeyChange, KeyList, KeyOrder,
    KeyOwner, KeyPage, Limits, Quota, Refill, Rotation, Spent,
};
use auth_core::base::{ApiKeyId, TenantId, Timestamp, TokenHash, UserId};
use auth_core::role::Permission;
use auth_core::store::StoreError;
use serde_json::{Map, Value as Json};

use crate::driver::{Row, Target, Value};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;
use crate::{role, tenant, user};

/// What [`key`] reads, in its order, from a table called `k`, and after it what [`limits`] reads, from one called `l`.
const COLUMNS: &str = "k.id, k.owner_kind, k.owner_ref, k.tenant, k.config_id, k.name, k.key_start, k.key_prefix, \
    k.enabled, k.permissions, k.metadata, k.expires_at, k.created_at, k.updated_at, k.last_used_at, k.usage_count, \
    k.rotation, k.role_guard, l.remaining, l.refill_amount, l.refill_interval, l.last_refill_at, \
    l.quota_1, l.window_1, l.used_1, l.ends_at_1, l.quota_2, l.window_2, l.used_2, l.ends_at_2, \
    l.quota_3, l.window_3, l.used_3, l.ends_at_3, l.quota_4, l.window_4, l.used_4, l.ends_at_4";
/// Where the limits begin.
const LIMITS_AT: usize = 18;
/// How many columns there are.
const WIDTH: usize = LIMITS_AT + 20;
/// The two tables.
const FROM_KEY: &str = " FROM auth_api_key k LEFT JOIN auth_api_key_limit l ON l.key_id = k.id ";

// The hot path, as SESSION_BY_TOKEN is: one row for each role, and on SQLite planned once.
const FROM_SECRET: &str = " FROM auth_api_key_secret x JOIN auth_api_key k ON k.id = x.key_id \
    LEFT JOIN auth_api_key_limit l ON l.key_id = k.id LEFT JOIN auth_user u ON u.id = k.user_id \
    LEFT JOIN auth_membership m ON m.user_id = k.user_id AND m.tenant = k.tenant \
    LEFT JOIN auth_user_role ur ON ur.user_id = k.user_id AND (ur.scope = 'everywhere' OR ur.tenant = k.tenant) \
    LEFT JOIN auth_role r ON r.id = ur.role_id \
    WHERE x.key_hash = ";
const API_KEY_BY_HASH: Sql = Sql {
    sqlite: PLANNED_ONCE.sqlite,
    ..sql!("SELECT ", COLUMNS, ", x.expires_at, ", user::COLUMNS, ", m.status, ", role::HELD_COLUMNS, FROM_SECRET, "$1")
};
const PLANNED_ONCE: Sql = sql!(
    "SELECT ",
    COLUMNS,
    ", x.expires_at, ",
    user::COLUMNS,
    ", m.status, ",
    role::HELD_COLUMNS,
    FROM_SECRET,
    "(SELECT $1)"
);
// All limits of a key are one row, so one statement judges and counts them together. Whoever has to wait for another
// use judges the row as that one has left it: PostgreSQL reads a row again that it has waited for (READ COMMITTED),
// InnoDB changes what was committed last whatever the isolation, and SQLite has one writer. What a key does not have is
// NULL, and stays so. MySQL assigns in this order and sees what it has assigned: what looks at a window or at the last
// refill comes before it. That MySQL reports matched rows does no harm, for a row that matches is changed.
const SPEND_API_KEY: Sql = sql!(
    "UPDATE auth_api_key_limit SET \
     remaining = CASE WHEN remaining IS NULL THEN NULL WHEN last_refill_at + refill_interval <= $1 \
     THEN refill_amount - 1 ELSE remaining - 1 END, \
     last_refill_at = CASE WHEN remaining IS NOT NULL AND last_refill_at + refill_interval <= $2 THEN $3 \
     ELSE last_refill_at END, \
     used_1 = CASE WHEN ends_at_1 <= $4 THEN 1 ELSE used_1 + 1 END, \
     ends_at_1 = CASE WHEN ends_at_1 <= $5 THEN $6 + window_1 ELSE ends_at_1 END, \
     used_2 = CASE WHEN ends_at_2 <= $7 THEN 1 ELSE used_2 + 1 END, \
     ends_at_2 = CASE WHEN ends_at_2 <= $8 THEN $9 + window_2 ELSE ends_at_2 END, \
     used_3 = CASE WHEN ends_at_3 <= $10 THEN 1 ELSE used_3 + 1 END, \
     ends_at_3 = CASE WHEN ends_at_3 <= $11 THEN $12 + window_3 ELSE ends_at_3 END, \
     used_4 = CASE WHEN ends_at_4 <= $13 THEN 1 ELSE used_4 + 1 END, \
     ends_at_4 = CASE WHEN ends_at_4 <= $14 THEN $15 + window_4 ELSE ends_at_4 END \
     WHERE (remaining IS NULL OR remaining > 0 OR last_refill_at + refill_interval <= $16) \
     AND (quota_1 IS NULL OR ends_at_1 <= $17 OR used_1 < quota_1) \
     AND (quota_2 IS NULL OR ends_at_2 <= $18 OR used_2 < quota_2) \
     AND (quota_3 IS NULL OR ends_at_3 <= $19 OR used_3 < quota_3) \
     AND (quota_4 IS NULL OR ends_at_4 <= $20 OR used_4 < quota_4) AND key_id = $21"
);
/// How often that statement asks for the present instant.
const TIMES_NOW: usize = 20;
const API_KEY: Sql = sql!("SELECT ", COLUMNS, FROM_KEY, "WHERE k.id = $1");
const RECORD_USAGE: Sql = sql!(
    "UPDATE auth_api_key SET usage_count = usage_count + $1, \
     last_used_at = CASE WHEN last_used_at >= $2 THEN last_used_at ELSE $3 END WHERE id = $4"
);
const INSERT_API_KEY: Sql = sql!(
    "INSERT INTO auth_api_key (id, owner_kind, owner_ref, user_id, tenant, config_id, name, key_start, key_prefix, \
     enabled, permissions, metadata, expires_at, created_at, updated_at, last_used_at, usage_count, rotation, role_guard) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
);
const INSERT_LIMITS: Sql = sql!(
    "INSERT INTO auth_api_key_limit (key_id, remaining, refill_amount, refill_interval, last_refill_at, \
     quota_1, window_1, used_1, ends_at_1, quota_2, window_2, used_2, ends_at_2, \
     quota_3, window_3, used_3, ends_at_3, quota_4, window_4, used_4, ends_at_4) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"
);
const REMOVE_LIMITS: Sql = sql!("DELETE FROM auth_api_key_limit WHERE key_id = $1");
const INSERT_SECRET: Sql = sql!("INSERT INTO auth_api_key_secret (key_hash, key_id, expires_at) VALUES ($1, $2, NULL)");
const API_KEY_OF: Sql =
    sql!("SELECT ", COLUMNS, FROM_KEY, "WHERE k.id = $1 AND k.owner_kind = $2 AND k.owner_ref = $3");
const KEYS_OF: Sql = sql!("SELECT COUNT(*) FROM auth_api_key k WHERE k.owner_kind = $1 AND k.owner_ref = $2");
const COUNT_API_KEYS: Sql = sql!(
    "SELECT COUNT(*) FROM auth_api_key k WHERE k.owner_kind = $1 AND k.owner_ref = $2 \
     AND (k.expires_at IS NULL OR k.expires_at > $3)"
);
const UPDATE_API_KEY: Sql = sql!(
    "UPDATE auth_api_key SET name = CASE WHEN $1 THEN $2 ELSE name END, enabled = CASE WHEN $3 THEN $4 ELSE enabled END, \
     permissions = CASE WHEN $5 THEN $6 ELSE permissions END, metadata = CASE WHEN $7 THEN $8 ELSE metadata END, \
     expires_at = CASE WHEN $9 THEN $10 ELSE expires_at END, updated_at = $11 \
     WHERE id = $12 AND owner_kind = $13 AND owner_ref = $14"
);
const ROTATE_API_KEY: Sql = sql!(
    "UPDATE auth_api_key SET rotation = rotation + 1, key_start = $1, updated_at = $2 \
     WHERE id = $3 AND owner_kind = $4 AND owner_ref = $5 AND rotation = $6"
);
const END_SECRETS: Sql = sql!(
    "UPDATE auth_api_key_secret SET expires_at = $1 WHERE key_id = $2 AND (expires_at IS NULL OR expires_at > $3)"
);
const REMOVE_SECRETS: Sql = sql!("DELETE FROM auth_api_key_secret WHERE key_id = $1");
// Secrets and limits go with it through their foreign keys.
const DELETE_API_KEY: Sql = sql!("DELETE FROM auth_api_key WHERE id = $1 AND owner_kind = $2 AND owner_ref = $3");
const DELETE_API_KEYS_OF_USER: Sql = sql!("DELETE FROM auth_api_key WHERE user_id = $1");

/// The owner's keys in one order.
macro_rules! listed {
    ($order:literal) => {
        sql!("SELECT ", COLUMNS, FROM_KEY, "WHERE k.owner_kind = $1 AND k.owner_ref = $2 ORDER BY ", $order, PAGE)
    };
}
const PAGE: &str = " LIMIT $3 OFFSET $4";
// PostgreSQL takes NULL for the largest value and the others for the smallest: here it is told to come last.
const BY_CREATED_AT: [Sql; 2] = [listed!("k.created_at, k.id"), listed!("k.created_at DESC, k.id DESC")];
const BY_UPDATED_AT: [Sql; 2] = [listed!("k.updated_at, k.id"), listed!("k.updated_at DESC, k.id DESC")];
const BY_NAME: [Sql; 2] = [listed!("k.name IS NULL, k.name, k.id"), listed!("k.name IS NULL, k.name DESC, k.id DESC")];
const BY_EXPIRES_AT: [Sql; 2] = [
    listed!("k.expires_at IS NULL, k.expires_at, k.id"),
    listed!("k.expires_at IS NULL, k.expires_at DESC, k.id DESC"),
];
const BY_LAST_USED_AT: [Sql; 2] = [
    listed!("k.last_used_at IS NULL, k.last_used_at, k.id"),
    listed!("k.last_used_at IS NULL, k.last_used_at DESC, k.id DESC"),
];

pub(crate) const STATEMENTS: &[&Sql] = &[
    &API_KEY_BY_HASH,
    &SPEND_API_KEY,
    &API_KEY,
    &RECORD_USAGE,
    &INSERT_API_KEY,
    &INSERT_LIMITS,
    &REMOVE_LIMITS,
    &INSERT_SECRET,
    &API_KEY_OF,
    &KEYS_OF,
    &COUNT_API_KEYS,
    &UPDATE_API_KEY,
    &ROTATE_API_KEY,
    &END_SECRETS,
    &REMOVE_SECRETS,
    &DELETE_API_KEY,
    &DELETE_API_KEYS_OF_USER,
    &BY_CREATED_AT[0],
    &BY_CREATED_AT[1],
    &BY_UPDATED_AT[0],
    &BY_UPDATED_AT[1],
    &BY_NAME[0],
    &BY_NAME[1],
    &BY_EXPIRES_AT[0],
    &BY_EXPIRES_AT[1],
    &BY_LAST_USED_AT[0],
    &BY_LAST_USED_AT[1],
];

/// The list in the order of this page.
const fn list(page: &KeyPage) -> &'static Sql {
    let pair: &'static [Sql; 2] = match page.order {
        KeyOrder::CreatedAt => &BY_CREATED_AT,
        KeyOrder::UpdatedAt => &BY_UPDATED_AT,
        KeyOrder::Name => &BY_NAME,
        KeyOrder::ExpiresAt => &BY_EXPIRES_AT,
        KeyOrder::LastUsedAt => &BY_LAST_USED_AT,
    };
    match page.direction {
        Direction::Ascending => &pair[0],
        Direction::Descending => &pair[1],
    }
}

#[async_trait]
impl<T: Target> ApiKeyStore for SqlConn<T> {
    async fn api_key_by_hash(&mut self, hash: &TokenHash) -> Result<Option<ApiKeyWithOwner>, StoreError> {
        const USER_AT: usize = WIDTH + 1;
        const MEMBERSHIP_AT: usize = USER_AT + user::WIDTH;
        const ROLES_AT: usize = MEMBERSHIP_AT + 1;
        let rows = self.0.fetch_all(&API_KEY_BY_HASH, &[hash.as_bytes().into()]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let owner = if first.opt_id(USER_AT)?.is_some() { Some(user::user(first, USER_AT)?) } else { None };
        let roles = role::all_held(&rows, ROLES_AT)?;
        let (key, secret_expires_at) = (key(first)?, first.opt_instant(WIDTH)?);
        let membership = tenant::opt_status(first, MEMBERSHIP_AT)?;
        Ok(Some(ApiKeyWithOwner { key, secret_expires_at, owner, membership, roles }))
    }

    async fn spend_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<Spent, StoreError> {
        let mut values = [Value::from(now); TIMES_NOW + 1];
        values[TIMES_NOW] = id.into();
        if self.0.affects(&SPEND_API_KEY, &values).await? {
            return Ok(Spent::Allowed);
        }
        // Nothing was counted; why not is only for the answer.
        let Some(row) = self.0.fetch_optional(&API_KEY, &[id.into()]).await? else { return Ok(Spent::NoSuchKey) };
        let limits = limits(&row)?;
        let unknown = if limits.is_unlimited() { Spent::Allowed } else { Spent::QuotaExceeded { ends_at: now } };
        // Where there is room by now, it was made since: the use that was refused may come again at once.
        Ok(limits.refusal(now).unwrap_or(unknown))
    }

    async fn record_api_key_usage(
        &mut self,
        id: ApiKeyId,
        uses: i64,
        last_used_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.affects(&RECORD_USAGE, &[uses.into(), last_used_at.into(), last_used_at.into(), id.into()]).await
    }
}

#[async_trait]
impl<T: Target> ApiKeyRecords for SqlConn<T> {
    async fn insert_api_key(&mut self, key: &ApiKey, secret: &TokenHash) -> Result<(), StoreError> {
        let reference = key.owner.reference();
        let permissions = key.permissions.as_deref().map(role::permissions_column).transpose()?;
        let metadata = key.metadata.as_ref().map(metadata_column).transpose()?;
        let values = [
            key.id.into(),
            key.owner.kind().into(),
            reference.as_str().into(),
            key.owner.user().into(),
            key.tenant.as_ref().map(TenantId::as_str).into(),
            key.config_id.as_str().into(),
            key.name.as_deref().into(),
            key.start.as_str().into(),
            key.prefix.as_deref().into(),
            key.enabled.into(),
            permissions.as_deref().into(),
            metadata.as_deref().into(),
            key.expires_at.into(),
            key.created_at.into(),
            key.updated_at.into(),
            key.last_used_at.into(),
            key.usage_count.into(),
            key.rotation.into(),
            key.role_guard.as_deref().into(),
        ];
        self.0.execute(&INSERT_API_KEY, &values).await?;
        self.insert_limits(key.id, &key.limits).await?;
        // Last, so that nothing opens a key that is only half there.
        self.0.execute(&INSERT_SECRET, &[secret.as_bytes().into(), key.id.into()]).await.map(drop)
    }

    async fn api_key_of(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let reference = owner.reference();
        let values = [id.into(), owner.kind().into(), reference.as_str().into()];
        self.0.fetch_optional(&API_KEY_OF, &values).await?.map(|row| key(&row)).transpose()
    }

    async fn api_keys_of(&mut self, owner: &KeyOwner, page: &KeyPage) -> Result<KeyList, StoreError> {
        let reference = owner.reference();
        let owner = [owner.kind().into(), reference.as_str().into()];
        let total = self.count(&KEYS_OF, &owner).await?;
        let [kind, reference] = owner;
        let values = [kind, reference, i64::from(page.limit).into(), i64::from(page.offset).into()];
        let keys = self.0.fetch_all(list(page), &values).await?.iter().map(key).collect::<Result<_, _>>()?;
        Ok(KeyList { keys, total })
    }

    async fn count_api_keys(&mut self, owner: &KeyOwner, now: Timestamp) -> Result<u64, StoreError> {
        let reference = owner.reference();
        self.count(&COUNT_API_KEYS, &[owner.kind().into(), reference.as_str().into(), now.into()]).await
    }

    async fn update_api_key(
        &mut self,
        owner: &KeyOwner,
        id: ApiKeyId,
        change: &KeyChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let KeyChange { name, enabled, permissions, metadata, expires_at, limits } = change;
        let reference = owner.reference();
        let permissions_column = permissions.iter().flatten().map(|list| role::permissions_column(list)).next();
        let metadata_column = metadata.iter().flatten().map(metadata_column).next();
        let (permissions_column, metadata_column) = (permissions_column.transpose()?, metadata_column.transpose()?);
        let values = [
            name.is_some().into(),
            name.iter().flatten().next().map(String::as_str).into(),
            enabled.is_some().into(),
            enabled.unwrap_or_default().into(),
            permissions.is_some().into(),
            permissions_column.as_deref().into(),
            metadata.is_some().into(),
            metadata_column.as_deref().into(),
            expires_at.is_some().into(),
            expires_at.flatten().into(),
            now.into(),
            id.into(),
            owner.kind().into(),
            reference.as_str().into(),
        ];
        let changed = self.0.affects(&UPDATE_API_KEY, &values).await?;
        if let (true, Some(limits)) = (changed, limits) {
            self.0.execute(&REMOVE_LIMITS, &[id.into()]).await?;
            self.insert_limits(id, limits).await?;
        }
        Ok(changed)
    }

    async fn rotate_api_key(&mut self, seen: &ApiKey, rotation: &Rotation) -> Result<bool, StoreError> {
        let reference = seen.owner.reference();
        let values = [
            rotation.start.as_str().into(),
            rotation.at.into(),
            seen.id.into(),
            seen.owner.kind().into(),
            reference.as_str().into(),
            seen.rotation.into(),
        ];
        if !self.0.affects(&ROTATE_API_KEY, &values).await? {
            return Ok(false);
        }
        match rotation.old_until {
            Some(end) => self.0.execute(&END_SECRETS, &[end.into(), seen.id.into(), end.into()]).await?,
            None => self.0.execute(&REMOVE_SECRETS, &[seen.id.into()]).await?,
        };
        self.0.execute(&INSERT_SECRET, &[rotation.secret.as_bytes().into(), seen.id.into()]).await?;
        Ok(true)
    }

    async fn delete_api_key(&mut self, owner: &KeyOwner, id: ApiKeyId) -> Result<bool, StoreError> {
        let reference = owner.reference();
        self.0.affects(&DELETE_API_KEY, &[id.into(), owner.kind().into(), reference.as_str().into()]).await
    }

    async fn delete_api_keys_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.0.execute(&DELETE_API_KEYS_OF_USER, &[user.into()]).await
    }
}

impl<T: Target> SqlConn<T> {
    async fn count(&mut self, sql: &Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let rows = self.0.fetch_all(sql, values).await?;
        let count = rows.first().ok_or_else(|| corrupt("a count without a row"))?.int(0)?;
        u64::try_from(count).map_err(StoreError::backend)
    }

    /// Nothing for a key without limits.
    async fn insert_limits(&mut self, id: ApiKeyId, limits: &Limits) -> Result<(), StoreError> {
        let Limits { remaining, refill, last_refill_at, quotas } = limits;
        if limits.is_unlimited() {
            return Ok(());
        }
        if quotas.len() > Limits::MOST_QUOTAS {
            return Err(StoreError::backend("a key has more quotas than there is room for"));
        }
        let mut values = vec![
            id.into(),
            Value::OptInt(*remaining),
            Value::OptInt(refill.map(|refill| refill.amount().into())),
            Value::OptInt(refill.map(|refill| micros(refill.interval())).transpose()?),
            (*last_refill_at).into(),
        ];
        for slot in 0..Limits::MOST_QUOTAS {
            let counted = quotas.get(slot);
            values.extend([
                Value::OptInt(counted.map(|counted| counted.quota.limit().into())),
                Value::OptInt(counted.map(|counted| micros(counted.quota.window())).transpose()?),
                Value::OptInt(counted.map(|counted| counted.used)),
                counted.map(|counted| counted.window_ends_at).into(),
            ]);
        }
        self.0.execute(&INSERT_LIMITS, &values).await.map(drop)
    }
}

/// Reads [`COLUMNS`].
fn key(row: &Row) -> Result<ApiKey, StoreError> {
    let owner = KeyOwner::from_stored(row.text(1)?, row.text(2)?);
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(row.id(0)?),
        owner: owner.ok_or_else(|| corrupt("auth_api_key.owner_ref"))?,
        tenant: tenant::opt_tenant(row, 3, "auth_api_key.tenant")?,
        config_id: row.text(4)?.to_owned(),
        name: row.opt_text(5)?.map(str::to_owned),
        start: row.text(6)?.to_owned(),
        prefix: row.opt_text(7)?.map(str::to_owned),
        enabled: row.bool(8)?,
        permissions: row.opt_text(9)?.map(permissions).transpose()?,
        metadata: row.opt_text(10)?.map(metadata).transpose()?,
        limits: limits(row)?,
        expires_at: row.opt_instant(11)?,
        created_at: row.instant(12)?,
        updated_at: row.instant(13)?,
        last_used_at: row.opt_instant(14)?,
        usage_count: row.int(15)?,
        rotation: row.int(16)?,
        role_guard: row.opt_text(17)?.map(str::to_owned),
    })
}

/// Reads the limits among [`COLUMNS`]; a key without any has nothing but NULL there.
fn limits(row: &Row) -> Result<Limits, StoreError> {
    let refill = match (row.opt_int(LIMITS_AT + 1)?, row.opt_int(LIMITS_AT + 2)?) {
        (Some(amount), Some(interval)) => {
            let amount = u32::try_from(amount).map_err(|_| corrupt("auth_api_key_limit.refill_amount"))?;
            let refill = Refill::new(amount, duration(interval)?);
            Some(refill.map_err(|_| corrupt("auth_api_key_limit.refill_interval"))?)
        }
        (_, _) => None,
    };
    let mut quotas = Vec::new();
    for at in (LIMITS_AT + 4..WIDTH).step_by(4) {
        let Some(limit) = row.opt_int(at)? else { break };
        let limit = u32::try_from(limit).map_err(|_| corrupt("auth_api_key_limit.quota"))?;
        let quota = Quota::new(limit, duration(row.int(at + 1)?)?);
        let quota = quota.map_err(|_| corrupt("auth_api_key_limit.window"))?;
        quotas.push(CountedQuota { quota, used: row.int(at + 2)?, window_ends_at: row.instant(at + 3)? });
    }
    Ok(Limits { remaining: row.opt_int(LIMITS_AT)?, refill, last_refill_at: row.opt_instant(LIMITS_AT + 3)?, quotas })
}

fn micros(time: Duration) -> Result<i64, StoreError> {
    i64::try_from(time.as_micros()).map_err(StoreError::backend)
}

fn duration(micros: i64) -> Result<Duration, StoreError> {
    u64::try_from(micros).map(Duration::from_micros).map_err(|_| corrupt("a span of time below zero"))
}

fn permissions(column: &str) -> Result<Vec<Permission>, StoreError> {
    role::permissions(column).ok_or_else(|| corrupt("auth_api_key.permissions"))
}

fn metadata_column(metadata: &Map<String, Json>) -> Result<String, StoreError> {
    serde_json::to_string(metadata).map_err(StoreError::backend)
}

fn metadata(column: &str) -> Result<Map<String, Json>, StoreError> {
    serde_json::from_str(column).map_err(|_| corrupt("auth_api_key.metadata"))
}
