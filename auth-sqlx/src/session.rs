//! Sessions.

use std::net::IpAddr;

use async_trait::async_trait;
use auth_core::base::{SessionId, TenantId, Timestamp, TokenHash, UserId};
use auth_core::session::{Assurance, NewSession, Persistence, SessionStore, SessionWithUser, StoredSession};
use auth_core::store::StoreError;

use crate::driver::{Row, Target};
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;
use crate::{role, tenant, user};

/// What [`session`] reads, in its order, from a table called `s`.
const COLUMNS: &str = "s.id, s.user_id, s.created_at, s.updated_at, s.authenticated_at, s.expires_at, \
    s.absolute_expires_at, s.persistent, s.method, s.assurance, s.ip_address, s.user_agent, s.scope, s.role_guard";
/// How many columns that is.
const WIDTH: usize = 14;

const OPEN_SESSION: Sql = Sql {
    postgres: sql!(OPENING, " FOR NO KEY UPDATE").postgres,
    mysql: sql!(OPENING, " FOR UPDATE").mysql,
    ..sql!(OPENING)
};
// The user's row decides and is locked, by the same statement. On SQLite a transaction has locked everything by then.
const OPENING: &str = "INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, \
    expires_at, absolute_expires_at, persistent, method, assurance, ip_address, user_agent, scope, tenant, role_guard) \
    SELECT $1, $2, u.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 FROM auth_user u \
    WHERE u.id = $16 AND u.credential_version = $17 AND u.disabled_at IS NULL";
/// What [`with_user`] reads, in its order: from a session called `s`, its user `u`, their membership `m` of its tenant,
/// and a role `r` that they hold by the grant `ur`.
pub(crate) const WITH_USER: &str = sql!(COLUMNS, ", ", user::COLUMNS, ", m.status, ", role::HELD_COLUMNS).sqlite;
/// What joins them to the session. One row for each role that counts where it acts, and one without a role when there
/// is none.
pub(crate) const USER_AND_ROLES: &str = " JOIN auth_user u ON u.id = s.user_id \
    LEFT JOIN auth_membership m ON m.user_id = s.user_id AND m.tenant = s.tenant \
    LEFT JOIN auth_user_role ur ON ur.user_id = s.user_id AND ur.scope IN ('everywhere', s.scope) \
    LEFT JOIN auth_role r ON r.id = ur.role_id";
/// A session with its user and their roles; which one, says the WHERE that follows.
const SESSION_WITH_USER: &str = sql!("SELECT ", WITH_USER, " FROM auth_session s", USER_AND_ROLES).sqlite;
// The hot path. In a database that ANALYZE has seen, SQLite plans anew for every value that is compared directly, which
// costs more than the look-up: https://www.sqlite.org/queryplanner-ng.html#qpstab
const SESSION_BY_TOKEN: Sql = Sql {
    sqlite: sql!(SESSION_WITH_USER, " WHERE s.token_hash = (SELECT $1)").sqlite,
    ..sql!(SESSION_WITH_USER, " WHERE s.token_hash = $1")
};
const SESSION_BY_ID: Sql = Sql {
    sqlite: sql!(SESSION_WITH_USER, " WHERE s.id = (SELECT $1)").sqlite,
    ..sql!(SESSION_WITH_USER, " WHERE s.id = $1")
};
// Whoever has read the row before somebody else moved its end further must not move it back.
const SLIDE_SESSION: Sql = sql!(
    "UPDATE auth_session SET expires_at = CASE WHEN expires_at > $1 THEN expires_at ELSE $2 END, updated_at = $3 \
     WHERE id = $4 AND expires_at > $5"
);
const SESSIONS_OF_USER: Sql = sql!(
    "SELECT ",
    COLUMNS,
    " FROM auth_session s WHERE s.user_id = $1 AND s.expires_at > $2 AND s.absolute_expires_at > $3 \
     ORDER BY s.updated_at DESC, s.id DESC"
);
const END_SESSION: Sql = sql!("DELETE FROM auth_session WHERE user_id = $1 AND id = $2");
const END_SESSIONS: Sql = sql!("DELETE FROM auth_session WHERE user_id = $1");
const END_OTHER_SESSIONS: Sql = sql!("DELETE FROM auth_session WHERE user_id = $1 AND id <> $2");
// The list stands in a derived table because MySQL takes neither LIMIT in an IN subquery nor a subquery that
// reads the table being deleted from.
const EVICT_SESSIONS: Sql = sql!(
    "DELETE FROM auth_session WHERE user_id = $1 AND id <> $2 AND id NOT IN (SELECT kept.id FROM (\
     SELECT s.id FROM auth_session s WHERE s.user_id = $3 AND s.id <> $4 \
     ORDER BY s.updated_at DESC, s.id DESC LIMIT $5) AS kept)"
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OPEN_SESSION,
    &SESSION_BY_TOKEN,
    &SESSION_BY_ID,
    &SLIDE_SESSION,
    &SESSIONS_OF_USER,
    &END_SESSION,
    &END_SESSIONS,
    &END_OTHER_SESSIONS,
    &EVICT_SESSIONS,
];

#[async_trait]
impl<T: Target> SessionStore for SqlConn<T> {
    async fn open_session(&mut self, session: &NewSession, credential_version: i64) -> Result<bool, StoreError> {
        let row = session.row();
        let ip_address = row.ip_address.map(|ip| ip.to_string());
        let scope = row.scope.to_string();
        let values = [
            row.id.into(),
            session.token_hash().as_bytes().into(),
            row.created_at.into(),
            row.updated_at.into(),
            row.authenticated_at.into(),
            row.expires_at.into(),
            row.absolute_expires_at.into(),
            is_persistent(row.persistence).into(),
            row.method.as_str().into(),
            row.assurance.as_level().into(),
            ip_address.as_deref().into(),
            row.user_agent.as_deref().into(),
            scope.as_str().into(),
            row.scope.tenant().map(TenantId::as_str).into(),
            row.role_guard.as_deref().into(),
            row.user_id.into(),
            credential_version.into(),
        ];
        self.0.affects(&OPEN_SESSION, &values).await
    }

    async fn session_by_token(&mut self, hash: &TokenHash) -> Result<Option<SessionWithUser>, StoreError> {
        let rows = self.0.fetch_all(&SESSION_BY_TOKEN, &[hash.as_bytes().into()]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        with_user(first, &rows, 0).map(Some)
    }

    async fn session_by_id(&mut self, id: SessionId) -> Result<Option<SessionWithUser>, StoreError> {
        let rows = self.0.fetch_all(&SESSION_BY_ID, &[id.into()]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        with_user(first, &rows, 0).map(Some)
    }

    async fn slide_session(
        &mut self,
        id: SessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = expires_at.into();
        self.0.affects(&SLIDE_SESSION, &[until, until, now.into(), id.into(), now.into()]).await
    }

    async fn sessions_of_user(&mut self, user: UserId, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        let rows = self.0.fetch_all(&SESSIONS_OF_USER, &[user.into(), now.into(), now.into()]).await?;
        rows.iter().map(|row| session(row, 0)).collect()
    }

    async fn end_session(&mut self, user: UserId, id: SessionId) -> Result<bool, StoreError> {
        self.0.affects(&END_SESSION, &[user.into(), id.into()]).await
    }

    async fn end_sessions_of_user(&mut self, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError> {
        match keep {
            None => self.0.execute(&END_SESSIONS, &[user.into()]).await,
            Some(kept) => self.0.execute(&END_OTHER_SESSIONS, &[user.into(), kept.into()]).await,
        }
    }

    async fn evict_sessions(&mut self, user: UserId, spared: SessionId, others: u32) -> Result<u64, StoreError> {
        let values = [user.into(), spared.into(), user.into(), spared.into(), i64::from(others).into()];
        self.0.execute(&EVICT_SESSIONS, &values).await
    }
}

/// Reads [`WITH_USER`] from the column `at` on: session and user of the first row, a role of each.
pub(crate) fn with_user(first: &Row, rows: &[Row], at: usize) -> Result<SessionWithUser, StoreError> {
    let membership_at = at + WIDTH + user::WIDTH;
    let roles_at = membership_at + 1;
    let roles = role::all_held(rows, roles_at)?;
    let membership = tenant::opt_status(first, membership_at)?;
    Ok(SessionWithUser { session: session(first, at)?, user: user::user(first, at + WIDTH)?, membership, roles })
}

/// Reads [`COLUMNS`] from the column `at` on.
fn session(row: &Row, at: usize) -> Result<StoredSession, StoreError> {
    Ok(StoredSession {
        id: SessionId::from_uuid(row.id(at)?),
        user_id: UserId::from_uuid(row.id(at + 1)?),
        created_at: row.instant(at + 2)?,
        updated_at: row.instant(at + 3)?,
        authenticated_at: row.instant(at + 4)?,
        expires_at: row.instant(at + 5)?,
        absolute_expires_at: row.instant(at + 6)?,
        persistence: if row.bool(at + 7)? { Persistence::Persistent } else { Persistence::Browser },
        method: row.text(at + 8)?.parse().map_err(|_| corrupt("auth_session.method"))?,
        assurance: Assurance::from_level(row.int(at + 9)?).ok_or_else(|| corrupt("auth_session.assurance"))?,
        ip_address: ip_address(row, at + 10)?,
        user_agent: row.opt_text(at + 11)?.map(str::to_owned),
        scope: row.text(at + 12)?.parse().map_err(|_| corrupt("auth_session.scope"))?,
        role_guard: row.opt_text(at + 13)?.map(str::to_owned),
    })
}

/// An address from its text column.
pub(crate) fn ip_address(row: &Row, column: usize) -> Result<Option<IpAddr>, StoreError> {
    row.opt_text(column)?.map(|text| text.parse().map_err(|_| corrupt("ip_address"))).transpose()
}

const fn is_persistent(persistence: Persistence) -> bool {
    match persistence {
        Persistence::Persistent => true,
        Persistence::Browser => false,
    }
}
