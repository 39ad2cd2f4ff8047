//! Signing keys, and refresh families.

use async_trait::async_trait;
use auth_core::base::{SessionId, SigningKeyId, TenantId, Timestamp, TokenHash};
use auth_core::store::StoreError;
use auth_core::token::{FamilyWithSession, RefreshFamily, RefreshStore, Rotation, SigningKeyStore, StoredSigningKey};

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::session;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;
use crate::tenant;

const INSERT_SIGNING_KEY: Sql = sql!(
    "INSERT INTO auth_signing_key (id, algorithm, generation, public_jwk, sealed_private, created_at, signs_from, \
     signs_until, verifies_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const SIGNING_KEYS: Sql = sql!(
    "SELECT id, algorithm, generation, public_jwk, sealed_private, created_at, signs_from, signs_until, verifies_until \
     FROM auth_signing_key WHERE verifies_until > $1 ORDER BY generation DESC, algorithm"
);
// Each end by itself, so that none ever comes later.
const SHORTEN_SIGNING_KEY: Sql = sql!(
    "UPDATE auth_signing_key SET signs_until = CASE WHEN signs_until > $1 THEN $2 ELSE signs_until END, \
     verifies_until = CASE WHEN verifies_until > $3 THEN $4 ELSE verifies_until END \
     WHERE id = $5 AND (signs_until > $6 OR verifies_until > $7)"
);
const RESEAL_SIGNING_KEY: Sql =
    sql!("UPDATE auth_signing_key SET sealed_private = $1 WHERE id = $2 AND sealed_private = $3");

/// What [`family`] reads, in its order, from a table called `f`.
const COLUMNS: &str = "f.session_id, f.tenant, f.family_hash, f.token_hash, f.previous_hash, f.sealed_child, f.generation, \
    f.created_at, f.rotated_at, f.expires_at";
/// How many columns that is.
const WIDTH: usize = 10;

// The session decides and is locked, by the same statement, see `code`.
const PUT_FAMILY: Sql = Sql {
    postgres: sql!(OF_SESSION, " FOR KEY SHARE", REPLACING).postgres,
    mysql: sql!(OF_SESSION, " FOR UPDATE", REPLACING_ON_MYSQL).mysql,
    ..sql!(OF_SESSION, REPLACING)
};
const OF_SESSION: &str = "INSERT INTO auth_refresh_family (session_id, tenant, family_hash, token_hash, \
    previous_hash, sealed_child, generation, created_at, rotated_at, expires_at) \
    SELECT s.id, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM auth_session s WHERE s.id = $10";
const REPLACING: &str = " ON CONFLICT (session_id) DO UPDATE SET tenant = excluded.tenant, family_hash = excluded.family_hash, \
    token_hash = excluded.token_hash, previous_hash = excluded.previous_hash, sealed_child = excluded.sealed_child, \
    generation = excluded.generation, created_at = excluded.created_at, rotated_at = excluded.rotated_at, \
    expires_at = excluded.expires_at";
// As in `code`: where it is the hash of another session's family that is taken, NULL refuses the statement.
const REPLACING_ON_MYSQL: &str = " ON DUPLICATE KEY UPDATE \
    session_id = CASE WHEN session_id = VALUES(session_id) THEN session_id END, \
    tenant = VALUES(tenant), family_hash = VALUES(family_hash), token_hash = VALUES(token_hash), \
    previous_hash = VALUES(previous_hash), sealed_child = VALUES(sealed_child), generation = VALUES(generation), \
    created_at = VALUES(created_at), rotated_at = VALUES(rotated_at), expires_at = VALUES(expires_at)";
// Both are hot, so SQLite plans them once, see `session`.
const FAMILY_BY_HASH: Sql = Sql {
    sqlite: sql!(FAMILY_WITH_SESSION, " WHERE f.family_hash = (SELECT $1)").sqlite,
    ..sql!(FAMILY_WITH_SESSION, " WHERE f.family_hash = $1")
};
const FAMILY_WITH_SESSION: &str = sql!(
    "SELECT ",
    COLUMNS,
    ", ",
    session::WITH_USER,
    " FROM auth_refresh_family f JOIN auth_session s ON s.id = f.session_id",
    session::USER_AND_ROLES
)
.sqlite;
// The former hash is the one that was presented: MySQL, which assigns one after the other, would take the new one from
// the column. The new hash is another one, so that whoever comes second finds no row.
const ROTATE_FAMILY: Sql = sql!(
    "UPDATE auth_refresh_family SET token_hash = $1, previous_hash = $2, sealed_child = $3, \
     generation = generation + 1, rotated_at = $4, expires_at = $5 \
     WHERE session_id = $6 AND token_hash = $7 AND expires_at > $8"
);
const END_FAMILY: Sql = sql!("DELETE FROM auth_refresh_family WHERE session_id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT_SIGNING_KEY,
    &SIGNING_KEYS,
    &SHORTEN_SIGNING_KEY,
    &RESEAL_SIGNING_KEY,
    &PUT_FAMILY,
    &FAMILY_BY_HASH,
    &ROTATE_FAMILY,
    &END_FAMILY,
];

#[async_trait]
impl<T: Target> SigningKeyStore for SqlConn<T> {
    async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StoreError> {
        let values = [
            key.id.into(),
            key.algorithm.as_str().into(),
            key.generation.into(),
            key.public_jwk.as_str().into(),
            key.sealed_private.as_slice().into(),
            key.created_at.into(),
            key.signs_from.into(),
            key.signs_until.into(),
            key.verifies_until.into(),
        ];
        self.0.execute(&INSERT_SIGNING_KEY, &values).await.map(drop)
    }

    async fn signing_keys(&mut self, now: Timestamp) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.0.fetch_all(&SIGNING_KEYS, &[now.into()]).await?.iter().map(signing_key).collect()
    }

    async fn shorten_signing_key(
        &mut self,
        id: SigningKeyId,
        signs_until: Timestamp,
        verifies_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let [signs, verifies] = [signs_until.into(), verifies_until.into()];
        self.0.affects(&SHORTEN_SIGNING_KEY, &[signs, signs, verifies, verifies, id.into(), signs, verifies]).await
    }

    async fn reseal_signing_key(&mut self, id: SigningKeyId, old: &[u8], new: &[u8]) -> Result<bool, StoreError> {
        self.0.affects(&RESEAL_SIGNING_KEY, &[new.into(), id.into(), old.into()]).await
    }
}

#[async_trait]
impl<T: Target> RefreshStore for SqlConn<T> {
    async fn put_family(&mut self, family: &RefreshFamily) -> Result<bool, StoreError> {
        let values = [
            family.tenant.as_ref().map(TenantId::as_str).into(),
            family.family_hash.as_bytes().into(),
            family.token_hash.as_bytes().into(),
            family.previous_hash.as_ref().map(TokenHash::as_bytes).into(),
            family.sealed_child.as_deref().into(),
            family.generation.into(),
            family.created_at.into(),
            family.rotated_at.into(),
            family.expires_at.into(),
            family.session_id.into(),
        ];
        self.0.affects(&PUT_FAMILY, &values).await
    }

    async fn family_by_hash(&mut self, family_hash: &TokenHash) -> Result<Option<FamilyWithSession>, StoreError> {
        let rows = self.0.fetch_all(&FAMILY_BY_HASH, &[family_hash.as_bytes().into()]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let (family, found) = (family(first)?, session::with_user(first, &rows, WIDTH)?);
        Ok(Some(FamilyWithSession { family, found }))
    }

    async fn rotate_family(
        &mut self,
        session: SessionId,
        presented: &TokenHash,
        next: &Rotation,
    ) -> Result<bool, StoreError> {
        let presented = presented.as_bytes().into();
        let values = [
            next.token_hash.as_bytes().into(),
            presented,
            next.sealed_child.as_deref().into(),
            next.rotated_at.into(),
            next.expires_at.into(),
            session.into(),
            presented,
            next.rotated_at.into(),
        ];
        self.0.affects(&ROTATE_FAMILY, &values).await
    }

    async fn end_family(&mut self, session: SessionId) -> Result<bool, StoreError> {
        self.0.affects(&END_FAMILY, &[session.into()]).await
    }
}

/// Reads what [`SIGNING_KEYS`] selects.
fn signing_key(row: &Row) -> Result<StoredSigningKey, StoreError> {
    Ok(StoredSigningKey {
        id: SigningKeyId::from_uuid(row.id(0)?),
        algorithm: row.text(1)?.to_owned(),
        generation: row.int(2)?,
        public_jwk: row.text(3)?.to_owned(),
        sealed_private: row.bytes(4)?.to_vec(),
        created_at: row.instant(5)?,
        signs_from: row.instant(6)?,
        signs_until: row.instant(7)?,
        verifies_until: row.instant(8)?,
    })
}

/// Reads [`COLUMNS`].
fn family(row: &Row) -> Result<RefreshFamily, StoreError> {
    let hash = |bytes| TokenHash::from_stored(bytes).ok_or_else(|| corrupt("a hash of auth_refresh_family"));
    Ok(RefreshFamily {
        session_id: SessionId::from_uuid(row.id(0)?),
        tenant: tenant::opt_tenant(row, 1, "auth_refresh_family.tenant")?,
        family_hash: hash(row.bytes(2)?)?,
        token_hash: hash(row.bytes(3)?)?,
        previous_hash: row.opt_bytes(4)?.map(hash).transpose()?,
        sealed_child: row.opt_bytes(5)?.map(<[u8]>::to_vec),
        generation: row.int(6)?,
        created_at: row.instant(7)?,
        rotated_at: row.instant(8)?,
        expires_at: row.instant(9)?,
    })
}
