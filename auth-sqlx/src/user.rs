//! Users.

use async_trait::async_trait;
use auth_core::base::{Email, PhoneNumber, TenantId, Timestamp, UserId, Username};
use auth_core::store::StoreError;
use auth_core::user::{
    Identifiers, Pool, Population, ProfileChange, TenantMember, User, UserEmailStore, UserIdentifierStore,
    UserStandingStore, UserStore,
};
use uuid::Uuid;

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;
use crate::{role, tenant};

/// What [`user`] reads, in its order, from a table called `u`.
pub(crate) const COLUMNS: &str = "u.id, u.name, u.email, u.email_verified, u.image, \
    u.created_at, u.updated_at, u.disabled_at, u.credential_version, u.pool, u.tenant, u.username, u.display_username, \
    u.phone_number, u.phone_number_verified, u.is_anonymous";
/// How many columns that is.
pub(crate) const WIDTH: usize = 16;

const INSERT_USER: Sql = sql!(
    "INSERT INTO auth_user (id, name, email, email_verified, image, created_at, updated_at, disabled_at, \
     credential_version, pool, tenant, home, username, display_username, phone_number, phone_number_verified, \
     is_anonymous) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
);
const USER_BY_ID: Sql = sql!("SELECT ", COLUMNS, " FROM auth_user u WHERE u.id = $1");
const USER_BY_EMAIL: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_user u WHERE u.pool = $1 AND u.home = $2 AND u.email = $3");
const USERS_OF_POOL: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_user u WHERE u.pool = $1 AND u.id > $2 ORDER BY u.id LIMIT $3");
// The page is cut first, for a member has as many rows as roles.
const MEMBERS_OF_TENANT: Sql = sql!(
    "SELECT ",
    COLUMNS,
    ", ",
    tenant::COLUMNS,
    ", ",
    role::HELD_COLUMNS,
    " FROM (SELECT o.user_id, o.tenant FROM auth_membership o JOIN auth_user p ON p.id = o.user_id \
     WHERE o.tenant = $1 AND o.user_id > $2 AND p.pool = 'user' ORDER BY o.user_id LIMIT $3) page \
     JOIN auth_membership m ON m.user_id = page.user_id AND m.tenant = page.tenant \
     JOIN auth_user u ON u.id = m.user_id \
     LEFT JOIN auth_user_role ur ON ur.user_id = m.user_id AND (ur.scope = 'everywhere' OR ur.tenant = m.tenant) \
     LEFT JOIN auth_role r ON r.id = ur.role_id ORDER BY m.user_id, r.guard, r.name, ur.scope"
);
// NULL cannot stand for "leave the picture": it is what a removed picture looks like.
const UPDATE_PROFILE: Sql = sql!(
    "UPDATE auth_user SET name = COALESCE($1, name), image = CASE WHEN $2 THEN $3 ELSE image END, updated_at = $4 \
     WHERE id = $5"
);
const USER_BY_USERNAME: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_user u WHERE u.pool = $1 AND u.home = $2 AND u.username = $3");
const USER_BY_PHONE: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_user u WHERE u.pool = $1 AND u.home = $2 AND u.phone_number = $3");
const SET_USERNAME: Sql =
    sql!("UPDATE auth_user SET username = $1, display_username = $2, updated_at = $3 WHERE id = $4");
const SET_PHONE: Sql =
    sql!("UPDATE auth_user SET phone_number = $1, phone_number_verified = $2, updated_at = $3 WHERE id = $4");
const VERIFY_EMAIL: Sql =
    sql!("UPDATE auth_user SET email_verified = $1, updated_at = $2 WHERE id = $3 AND email = $4");
const CHANGE_EMAIL: Sql =
    sql!("UPDATE auth_user SET email = $1, email_verified = $2, updated_at = $3 WHERE id = $4 AND email = $5");
// A write that changes nothing, for its lock and its verdict.
const CLAIM_LOGIN: Sql = sql!(
    "UPDATE auth_user SET credential_version = credential_version \
     WHERE id = $1 AND credential_version = $2 AND disabled_at IS NULL"
);
const LOCK_USER: Sql = sql!("UPDATE auth_user SET credential_version = credential_version WHERE id = $1");
const RAISE_CREDENTIAL_VERSION: Sql =
    sql!("UPDATE auth_user SET credential_version = credential_version + 1, updated_at = $1 WHERE id = $2");
const SET_DISABLED: Sql = sql!("UPDATE auth_user SET disabled_at = $1, updated_at = $2 WHERE id = $3");
// Sessions, accounts and granted roles go with it through their foreign keys.
const DELETE_USER: Sql = sql!("DELETE FROM auth_user WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT_USER,
    &USER_BY_ID,
    &USER_BY_EMAIL,
    &USERS_OF_POOL,
    &MEMBERS_OF_TENANT,
    &UPDATE_PROFILE,
    &USER_BY_USERNAME,
    &USER_BY_PHONE,
    &SET_USERNAME,
    &SET_PHONE,
    &VERIFY_EMAIL,
    &CHANGE_EMAIL,
    &CLAIM_LOGIN,
    &LOCK_USER,
    &RAISE_CREDENTIAL_VERSION,
    &SET_DISABLED,
    &DELETE_USER,
];

#[async_trait]
impl<T: Target> UserStore for SqlConn<T> {
    async fn insert_user(&mut self, user: &User) -> Result<(), StoreError> {
        let values = [
            user.id.into(),
            user.name.as_str().into(),
            (&user.email).into(),
            user.email_verified.into(),
            user.image.as_deref().into(),
            user.created_at.into(),
            user.updated_at.into(),
            user.disabled_at.into(),
            user.credential_version.into(),
            user.pool.as_str().into(),
            user.tenant.as_ref().map(TenantId::as_str).into(),
            home(user.tenant.as_ref()).into(),
            user.identifiers.username.as_ref().map(Username::as_str).into(),
            user.identifiers.display_username.as_deref().into(),
            user.identifiers.phone_number.as_ref().map(PhoneNumber::as_str).into(),
            user.identifiers.phone_number_verified.into(),
            user.identifiers.is_anonymous.into(),
        ];
        self.0.execute(&INSERT_USER, &values).await.map(drop)
    }

    async fn user_by_id(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.0.fetch_optional(&USER_BY_ID, &[id.into()]).await?.map(|row| user(&row, 0)).transpose()
    }

    async fn user_by_email(&mut self, population: &Population, email: &Email) -> Result<Option<User>, StoreError> {
        let Population { pool, tenant } = population;
        let values = [pool.as_str().into(), home(tenant.as_ref()).into(), email.into()];
        let row = self.0.fetch_optional(&USER_BY_EMAIL, &values).await?;
        row.map(|row| user(&row, 0)).transpose()
    }

    async fn users_of_pool(&mut self, pool: Pool, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let values = [pool.as_str().into(), beginning_after(after).into(), i64::from(limit).into()];
        self.0.fetch_all(&USERS_OF_POOL, &values).await?.iter().map(|row| user(row, 0)).collect()
    }

    async fn members_of_tenant(
        &mut self,
        tenant: &TenantId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<TenantMember>, StoreError> {
        const MEMBERSHIP_AT: usize = WIDTH;
        const ROLES_AT: usize = MEMBERSHIP_AT + tenant::WIDTH;
        let values = [tenant.as_str().into(), beginning_after(after).into(), i64::from(limit).into()];
        let rows = self.0.fetch_all(&MEMBERS_OF_TENANT, &values).await?;
        let is_of_one = |row: &Row, next: &Row| matches!((row.id(0), next.id(0)), (Ok(id), Ok(other)) if id == other);
        let member = |rows: &[Row]| {
            let first = rows.first().ok_or_else(|| corrupt("a member without a row"))?;
            let membership = tenant::membership(first, MEMBERSHIP_AT)?;
            Ok(TenantMember { user: user(first, 0)?, membership, roles: role::all_held(rows, ROLES_AT)? })
        };
        rows.chunk_by(is_of_one).map(member).collect()
    }

    async fn update_profile(&mut self, id: UserId, change: &ProfileChange, now: Timestamp) -> Result<bool, StoreError> {
        let image = change.image.as_ref().and_then(Option::as_deref);
        let values =
            [change.name.as_deref().into(), change.image.is_some().into(), image.into(), now.into(), id.into()];
        self.0.affects(&UPDATE_PROFILE, &values).await
    }

    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.0.affects(&DELETE_USER, &[id.into()]).await
    }
}

#[async_trait]
impl<T: Target> UserEmailStore for SqlConn<T> {
    async fn verify_email(&mut self, id: UserId, email: &Email, now: Timestamp) -> Result<bool, StoreError> {
        self.0.affects(&VERIFY_EMAIL, &[true.into(), now.into(), id.into(), email.into()]).await
    }

    async fn change_email(&mut self, id: UserId, old: &Email, new: &Email, now: Timestamp) -> Result<bool, StoreError> {
        self.0.affects(&CHANGE_EMAIL, &[new.into(), true.into(), now.into(), id.into(), old.into()]).await
    }
}

#[async_trait]
impl<T: Target> UserIdentifierStore for SqlConn<T> {
    async fn user_by_username(
        &mut self,
        population: &Population,
        username: &Username,
    ) -> Result<Option<User>, StoreError> {
        let Population { pool, tenant } = population;
        let values = [pool.as_str().into(), home(tenant.as_ref()).into(), username.as_str().into()];
        self.0.fetch_optional(&USER_BY_USERNAME, &values).await?.map(|row| user(&row, 0)).transpose()
    }

    async fn user_by_phone(
        &mut self,
        population: &Population,
        phone: &PhoneNumber,
    ) -> Result<Option<User>, StoreError> {
        let Population { pool, tenant } = population;
        let values = [pool.as_str().into(), home(tenant.as_ref()).into(), phone.as_str().into()];
        self.0.fetch_optional(&USER_BY_PHONE, &values).await?.map(|row| user(&row, 0)).transpose()
    }

    async fn set_username(
        &mut self,
        id: UserId,
        username: &Username,
        display: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.affects(&SET_USERNAME, &[username.as_str().into(), display.into(), now.into(), id.into()]).await
    }

    async fn set_phone(&mut self, id: UserId, phone: Option<&PhoneNumber>, now: Timestamp) -> Result<bool, StoreError> {
        let is_verified = phone.is_some();
        let values = [phone.map(PhoneNumber::as_str).into(), is_verified.into(), now.into(), id.into()];
        self.0.affects(&SET_PHONE, &values).await
    }
}

#[async_trait]
impl<T: Target> UserStandingStore for SqlConn<T> {
    async fn claim_login(&mut self, id: UserId, credential_version: i64) -> Result<bool, StoreError> {
        self.0.affects(&CLAIM_LOGIN, &[id.into(), credential_version.into()]).await
    }

    async fn lock_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.0.affects(&LOCK_USER, &[id.into()]).await
    }

    async fn raise_credential_version(&mut self, id: UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.0.affects(&RAISE_CREDENTIAL_VERSION, &[now.into(), id.into()]).await
    }

    async fn set_disabled(
        &mut self,
        id: UserId,
        disabled_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.affects(&SET_DISABLED, &[disabled_at.into(), now.into(), id.into()]).await
    }
}

/// The tenant of an account, or nothing of a text: a column that is never NULL, for keys.
pub(crate) fn home(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("", TenantId::as_str)
}

/// The id that a page begins after: no user has the least of all ids.
fn beginning_after(id: Option<UserId>) -> UserId {
    id.unwrap_or(UserId::from_uuid(Uuid::nil()))
}

/// Reads [`COLUMNS`] from the column `at` on.
pub(crate) fn user(row: &Row, at: usize) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_uuid(row.id(at)?),
        name: row.text(at + 1)?.to_owned(),
        email: email(row.text(at + 2)?)?,
        email_verified: row.bool(at + 3)?,
        image: row.opt_text(at + 4)?.map(str::to_owned),
        created_at: row.instant(at + 5)?,
        updated_at: row.instant(at + 6)?,
        disabled_at: row.opt_instant(at + 7)?,
        credential_version: row.int(at + 8)?,
        pool: row.text(at + 9)?.parse().map_err(|_| corrupt("auth_user.pool"))?,
        tenant: tenant::opt_tenant(row, at + 10, "auth_user.tenant")?,
        identifiers: Identifiers {
            username: row.opt_text(at + 11)?.map(username).transpose()?,
            display_username: row.opt_text(at + 12)?.map(str::to_owned),
            phone_number: row.opt_text(at + 13)?.map(phone).transpose()?,
            phone_number_verified: row.bool(at + 14)?,
            is_anonymous: row.bool(at + 15)?,
        },
    })
}

/// As of addresses: one that is not in its canonical form was not written by us.
fn username(text: &str) -> Result<Username, StoreError> {
    Username::parse(text).ok().filter(|name| name.as_str() == text).ok_or_else(|| corrupt("auth_user.username"))
}

fn phone(text: &str) -> Result<PhoneNumber, StoreError> {
    PhoneNumber::parse(text)
        .ok()
        .filter(|phone| phone.as_str() == text)
        .ok_or_else(|| corrupt("auth_user.phone_number"))
}

/// An address that is not in its canonical form was not written by us, and may be a second spelling of another one.
fn email(text: &str) -> Result<Email, StoreError> {
    match Email::parse(text) {
        Ok(email) if email.as_str() == text => Ok(email),
        Ok(_) | Err(_) => Err(corrupt("auth_user.email")),
    }
}
