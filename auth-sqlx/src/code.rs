//! Codes that are good once.

use async_trait::async_trait;
use auth_core::base::{SessionId, Timestamp, TokenHash, UserId};
use auth_core::code::{CodePurpose, CodeStore, StoredCode};
use auth_core::store::StoreError;

use crate::driver::{Row, Target};
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

// What a code is bound to decides and is locked, by the same statement: a session that ends meanwhile comes wholly
// before the code, which is then refused, or wholly after it, and then takes it along. The user goes first, as it does
// when they are deleted, or the two would deadlock.
const PUT_CODE_OF_SESSION: Sql = Sql {
    postgres: sql!(OF_SESSION, " FOR KEY SHARE", REPLACING).postgres,
    mysql: sql!(OF_SESSION, " FOR UPDATE", REPLACING_ON_MYSQL).mysql,
    ..sql!(OF_SESSION, REPLACING)
};
const PUT_CODE_OF_USER: Sql = Sql {
    postgres: sql!(OF_USER, " FOR KEY SHARE", REPLACING).postgres,
    mysql: sql!(OF_USER, " FOR UPDATE", REPLACING_ON_MYSQL).mysql,
    ..sql!(OF_USER, REPLACING)
};
const OF_SESSION: &str = "INSERT INTO auth_code (purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at) \
    SELECT $1, s.id, $2, u.id, s.id, $3, $4 FROM auth_user u JOIN auth_session s ON s.user_id = u.id \
    WHERE u.id = $5 AND s.id = $6";
const OF_USER: &str = "INSERT INTO auth_code (purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at) \
    SELECT $1, u.id, $2, u.id, NULL, $3, $4 FROM auth_user u WHERE u.id = $5";
const REPLACING: &str = " ON CONFLICT (purpose, subject_id) DO UPDATE SET code_hash = excluded.code_hash, \
    created_at = excluded.created_at, expires_at = excluded.expires_at";
// MySQL has no ON CONFLICT, and takes the update also when it is the hash that is taken: the code of that hash is
// another one then, and setting its subject to NULL refuses the statement.
const REPLACING_ON_MYSQL: &str = " ON DUPLICATE KEY UPDATE subject_id = \
    CASE WHEN purpose = VALUES(purpose) AND subject_id = VALUES(subject_id) THEN subject_id END, \
    code_hash = VALUES(code_hash), created_at = VALUES(created_at), expires_at = VALUES(expires_at)";
// Two statements where others have DELETE … RETURNING, which MySQL lacks. The second one gives the verdict; what stands
// beside a hash never changes, so the first one has read what the second one removes.
const GOOD_CODE: Sql = sql!(
    "SELECT user_id, session_id, created_at, expires_at FROM auth_code \
     WHERE code_hash = $1 AND purpose = $2 AND expires_at > $3"
);
const CONSUME_CODE: Sql = sql!("DELETE FROM auth_code WHERE code_hash = $1 AND purpose = $2 AND expires_at > $3");
const END_CODES_OF_USER: Sql = sql!("DELETE FROM auth_code WHERE user_id = $1");

pub(crate) const STATEMENTS: &[&Sql] =
    &[&PUT_CODE_OF_SESSION, &PUT_CODE_OF_USER, &GOOD_CODE, &CONSUME_CODE, &END_CODES_OF_USER];

#[async_trait]
impl<T: Target> CodeStore for SqlConn<T> {
    async fn put_code(&mut self, code: &StoredCode) -> Result<bool, StoreError> {
        let [purpose, hash] = [code.purpose.as_str().into(), code.hash.as_bytes().into()];
        let [created_at, expires_at] = [code.created_at.into(), code.expires_at.into()];
        let user = code.user_id.into();
        match code.session_id {
            Some(session) => {
                let values = [purpose, hash, created_at, expires_at, user, session.into()];
                self.0.affects(&PUT_CODE_OF_SESSION, &values).await
            }
            None => self.0.affects(&PUT_CODE_OF_USER, &[purpose, hash, created_at, expires_at, user]).await,
        }
    }

    async fn code_by_hash(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError> {
        let values = [hash.as_bytes().into(), purpose.as_str().into(), now.into()];
        let row = self.0.fetch_optional(&GOOD_CODE, &values).await?;
        row.map(|row| code(&row, *hash, purpose)).transpose()
    }

    async fn consume_code(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError> {
        let values = [hash.as_bytes().into(), purpose.as_str().into(), now.into()];
        let Some(row) = self.0.fetch_optional(&GOOD_CODE, &values).await? else { return Ok(None) };
        let consumed = self.0.affects(&CONSUME_CODE, &values).await?;
        if consumed { code(&row, *hash, purpose).map(Some) } else { Ok(None) }
    }

    async fn end_codes_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.0.execute(&END_CODES_OF_USER, &[user.into()]).await
    }
}

/// Reads what [`GOOD_CODE`] selects.
fn code(row: &Row, hash: TokenHash, purpose: CodePurpose) -> Result<StoredCode, StoreError> {
    Ok(StoredCode {
        hash,
        purpose,
        user_id: UserId::from_uuid(row.id(0)?),
        session_id: row.opt_id(1)?.map(SessionId::from_uuid),
        created_at: row.instant(2)?,
        expires_at: row.instant(3)?,
    })
}
