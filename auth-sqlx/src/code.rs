//! Codes that are good once.

use async_trait::async_trait;
use auth_core::base::{SessionId, Timestamp, TokenHash, UserId};
use auth_core::code::{CodePurpose, CodeStore, CodeSubject, StoredCode};
use auth_core::store::StoreError;

use crate::driver::{Row, Target, Value};
use crate::error::corrupt;
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
const PUT_CODE_OF_NOBODY: Sql = Sql { mysql: sql!(OF_NOBODY, REPLACING_ON_MYSQL).mysql, ..sql!(OF_NOBODY, REPLACING) };
const OF_SESSION: &str = "INSERT INTO auth_code (purpose, subject_id, code_hash, binding, created_at, expires_at, attempts, \
    user_id, session_id) SELECT $1, $2, $3, $4, $5, $6, 0, u.id, s.id \
    FROM auth_user u JOIN auth_session s ON s.user_id = u.id WHERE u.id = $7 AND s.id = $8";
const OF_USER: &str = "INSERT INTO auth_code (purpose, subject_id, code_hash, binding, created_at, expires_at, attempts, \
    user_id, session_id) SELECT $1, $2, $3, $4, $5, $6, 0, u.id, NULL FROM auth_user u WHERE u.id = $7";
const OF_NOBODY: &str = "INSERT INTO auth_code (purpose, subject_id, code_hash, binding, created_at, expires_at, attempts, \
    user_id, session_id) VALUES ($1, $2, $3, $4, $5, $6, 0, NULL, NULL)";
const REPLACING: &str = " ON CONFLICT (purpose, subject_id) DO UPDATE SET code_hash = excluded.code_hash, \
    binding = excluded.binding, created_at = excluded.created_at, expires_at = excluded.expires_at, attempts = 0, \
    user_id = excluded.user_id, session_id = excluded.session_id";
// MySQL has no ON CONFLICT, and takes the update also when it is the hash that is taken: the code of that hash is
// another one then, and setting its subject to NULL refuses the statement.
const REPLACING_ON_MYSQL: &str = " ON DUPLICATE KEY UPDATE subject_id = \
    CASE WHEN purpose = VALUES(purpose) AND subject_id = VALUES(subject_id) THEN subject_id END, \
    code_hash = VALUES(code_hash), binding = VALUES(binding), created_at = VALUES(created_at), \
    expires_at = VALUES(expires_at), attempts = 0, user_id = VALUES(user_id), session_id = VALUES(session_id)";
/// What [`code`] reads, in its order.
const COLUMNS: &str = "subject_id, code_hash, user_id, session_id, binding, attempts, created_at, expires_at";
const GOOD_CODE: Sql =
    sql!("SELECT ", COLUMNS, " FROM auth_code WHERE code_hash = $1 AND purpose = $2 AND expires_at > $3");
const COUNT_TRY: Sql = sql!("UPDATE auth_code SET attempts = attempts + 1 WHERE purpose = $1 AND subject_id = $2");
const TRIED_CODE: Sql = sql!("SELECT ", COLUMNS, " FROM auth_code WHERE purpose = $1 AND subject_id = $2");
const REFUND_CODE: Sql =
    sql!("UPDATE auth_code SET attempts = attempts - 1 WHERE code_hash = $1 AND purpose = $2 AND attempts > 0");
const CONSUME_CODE: Sql = sql!("DELETE FROM auth_code WHERE code_hash = $1 AND purpose = $2 AND expires_at > $3");
const END_CODES_OF_USER: Sql = sql!("DELETE FROM auth_code WHERE user_id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &PUT_CODE_OF_SESSION,
    &PUT_CODE_OF_USER,
    &PUT_CODE_OF_NOBODY,
    &GOOD_CODE,
    &COUNT_TRY,
    &TRIED_CODE,
    &REFUND_CODE,
    &CONSUME_CODE,
    &END_CODES_OF_USER,
];

#[async_trait]
impl<T: Target> CodeStore for SqlConn<T> {
    async fn put_code(&mut self, code: &StoredCode) -> Result<bool, StoreError> {
        let values = [
            code.purpose.as_str().into(),
            Value::Bytes(code.subject.as_bytes()),
            code.hash.as_bytes().into(),
            code.binding.as_deref().into(),
            code.created_at.into(),
            code.expires_at.into(),
        ];
        let [purpose, subject, hash, binding, created_at, expires_at] = values;
        match (code.user_id, code.session_id) {
            (Some(user), Some(session)) => {
                let values = [purpose, subject, hash, binding, created_at, expires_at, user.into(), session.into()];
                self.0.affects(&PUT_CODE_OF_SESSION, &values).await
            }
            (Some(user), None) => {
                let values = [purpose, subject, hash, binding, created_at, expires_at, user.into()];
                self.0.affects(&PUT_CODE_OF_USER, &values).await
            }
            (None, None) => self.0.affects(&PUT_CODE_OF_NOBODY, &values).await,
            (None, Some(_)) => Ok(false),
        }
    }

    async fn code_by_hash(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError> {
        let values = [hash.as_bytes().into(), purpose.as_str().into(), now.into()];
        self.0.fetch_optional(&GOOD_CODE, &values).await?.map(|row| code(&row, purpose)).transpose()
    }

    // Two statements where others have UPDATE … RETURNING, which MySQL and MariaDB lack.
    async fn try_code(
        &mut self,
        purpose: CodePurpose,
        subject: &CodeSubject,
    ) -> Result<Option<StoredCode>, StoreError> {
        let values = [purpose.as_str().into(), Value::Bytes(subject.as_bytes())];
        self.0.execute(&COUNT_TRY, &values).await?;
        self.0.fetch_optional(&TRIED_CODE, &values).await?.map(|row| code(&row, purpose)).transpose()
    }

    async fn refund_code(&mut self, purpose: CodePurpose, hash: &TokenHash) -> Result<(), StoreError> {
        self.0.execute(&REFUND_CODE, &[hash.as_bytes().into(), purpose.as_str().into()]).await.map(drop)
    }

    async fn consume_code(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.affects(&CONSUME_CODE, &[hash.as_bytes().into(), purpose.as_str().into(), now.into()]).await
    }

    async fn end_codes_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.0.execute(&END_CODES_OF_USER, &[user.into()]).await
    }
}

/// Reads [`COLUMNS`] of a code of this purpose.
fn code(row: &Row, purpose: CodePurpose) -> Result<StoredCode, StoreError> {
    Ok(StoredCode {
        purpose,
        subject: CodeSubject::from_stored(row.bytes(0)?).ok_or_else(|| corrupt("auth_code.subject_id"))?,
        hash: TokenHash::from_stored(row.bytes(1)?).ok_or_else(|| corrupt("auth_code.code_hash"))?,
        user_id: row.opt_id(2)?.map(UserId::from_uuid),
        session_id: row.opt_id(3)?.map(SessionId::from_uuid),
        binding: row.opt_text(4)?.map(str::to_owned),
        attempts: row.int(5)?,
        created_at: row.instant(6)?,
        expires_at: row.instant(7)?,
    })
}
