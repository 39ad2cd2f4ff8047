//! The audit trail.

use async_trait::async_trait;
use auth_core::audit::{AuditEntry, AuditStore, Outcome};
use auth_core::base::{AuditId, SessionId, UserId};
use auth_core::store::StoreError;
use uuid::Uuid;

use crate::driver::{Row, Target};
use crate::session::ip_address;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

const INSERT_AUDIT: Sql = sql!(
    "INSERT INTO auth_audit (id, happened_at, action, succeeded, user_id, actor_id, session_id, detail, ip_address, \
     correlation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const AUDIT_OF_USER: Sql = sql!(
    "SELECT id, happened_at, action, succeeded, user_id, actor_id, session_id, detail, ip_address, correlation_id \
     FROM auth_audit WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT_AUDIT, &AUDIT_OF_USER];

#[async_trait]
impl<T: Target> AuditStore for SqlConn<T> {
    async fn insert_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let ip_address = entry.ip_address.map(|ip| ip.to_string());
        let values = [
            entry.id.into(),
            entry.at.into(),
            entry.action.as_str().into(),
            succeeded(entry.outcome).into(),
            entry.user_id.into(),
            entry.actor_id.into(),
            entry.session_id.into(),
            entry.detail.as_deref().into(),
            ip_address.as_deref().into(),
            entry.correlation_id.as_deref().into(),
        ];
        self.0.execute(&INSERT_AUDIT, &values).await.map(drop)
    }

    async fn audit_of_user(
        &mut self,
        user: UserId,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        // The first page is what lies before the largest of all ids, which is nobody's (RFC 9562 §5.10).
        let before = before.unwrap_or(AuditId::from_uuid(Uuid::max()));
        let values = [user.into(), before.into(), i64::from(limit).into()];
        self.0.fetch_all(&AUDIT_OF_USER, &values).await?.iter().map(entry).collect()
    }
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: AuditId::from_uuid(row.id(0)?),
        at: row.instant(1)?,
        action: row.text(2)?.to_owned(),
        outcome: if row.bool(3)? { Outcome::Success } else { Outcome::Failure },
        user_id: row.opt_id(4)?.map(UserId::from_uuid),
        actor_id: row.opt_id(5)?.map(UserId::from_uuid),
        session_id: row.opt_id(6)?.map(SessionId::from_uuid),
        detail: row.opt_text(7)?.map(str::to_owned),
        ip_address: ip_address(row, 8)?,
        correlation_id: row.opt_text(9)?.map(str::to_owned),
    })
}

const fn succeeded(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Success => true,
        Outcome::Failure => false,
    }
}
