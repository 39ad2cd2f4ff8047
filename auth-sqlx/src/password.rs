//! Passwords: the hashes are a column of the credential account, and no other file reads it.

use async_trait::async_trait;
use auth_core::account::{AttemptKey, CREDENTIAL};
use auth_core::base::{AccountId, Email, Timestamp, UserId};
use auth_core::crypto::password_hash::PasswordHash;
use auth_core::password::{PasswordStore, SignInFacts};
use auth_core::store::StoreError;
use auth_core::user::Population;

use crate::driver::{Row, Target};
use crate::sql::{Sql, sql};
use crate::store::SqlConn;
use crate::{account, user};

// One row for each counter, and one without a counter when there is none. Everything hangs on a row that is always
// there, so that the counters of an unknown address are found too.
const SIGN_IN_FACTS: Sql = sql!(
    "SELECT ",
    user::COLUMNS,
    ", a.password_hash, ",
    account::COUNTER_COLUMNS,
    " FROM (SELECT 1 AS one) anchor LEFT JOIN auth_user u \
     ON u.pool = $1 AND u.home = $2 AND u.email = $3 \
     LEFT JOIN auth_account a ON a.user_id = u.id AND a.provider_id = $4 \
     LEFT JOIN auth_attempt t ON t.attempt_key IN ($5, $6) AND t.window_ends_at > $7"
);
const PASSWORD_OF_USER: Sql =
    sql!("SELECT a.password_hash FROM auth_account a WHERE a.user_id = $1 AND a.provider_id = $2");
const INSERT_PASSWORD: Sql = sql!(
    "INSERT INTO auth_account (id, user_id, provider_id, account_id, password_hash, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)"
);
const REPLACE_PASSWORD: Sql = sql!(
    "UPDATE auth_account SET password_hash = $1, updated_at = $2 \
     WHERE user_id = $3 AND provider_id = $4 AND password_hash = $5"
);

pub(crate) const STATEMENTS: &[&Sql] = &[&SIGN_IN_FACTS, &PASSWORD_OF_USER, &INSERT_PASSWORD, &REPLACE_PASSWORD];

#[async_trait]
impl<T: Target> PasswordStore for SqlConn<T> {
    async fn sign_in_facts(
        &mut self,
        population: &Population,
        email: &Email,
        keys: &[AttemptKey; 2],
        now: Timestamp,
    ) -> Result<SignInFacts, StoreError> {
        let keys = [keys[0].as_bytes().into(), keys[1].as_bytes().into()];
        let Population { pool, tenant } = population;
        let home = user::home(tenant.as_ref()).into();
        let values = [pool.as_str().into(), home, email.into(), CREDENTIAL.into(), keys[0], keys[1], now.into()];
        let rows = self.0.fetch_all(&SIGN_IN_FACTS, &values).await?;
        let mut facts = SignInFacts { user: None, password: None, attempts: Vec::with_capacity(rows.len()) };
        for row in &rows {
            if facts.user.is_none() && row.opt_id(0)?.is_some() {
                facts.user = Some(user::user(row, 0)?);
                facts.password = password_hash(row, user::WIDTH)?;
            }
            facts.attempts.extend(account::opt_counter(row, user::WIDTH + 1)?);
        }
        Ok(facts)
    }

    async fn password_of_user(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let row = self.0.fetch_optional(&PASSWORD_OF_USER, &[user.into(), CREDENTIAL.into()]).await?;
        row.map_or(Ok(None), |row| password_hash(&row, 0))
    }

    async fn insert_password(
        &mut self,
        account: AccountId,
        user: UserId,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // The subject of a password is the user's own id: the unique index then allows one for each user.
        let subject = user.to_string();
        let values = [
            account.into(),
            user.into(),
            CREDENTIAL.into(),
            subject.as_str().into(),
            hash.as_stored().into(),
            now.into(),
            now.into(),
        ];
        self.0.execute(&INSERT_PASSWORD, &values).await.map(drop)
    }

    async fn replace_password(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [new.as_stored().into(), now.into(), user.into(), CREDENTIAL.into(), old.as_stored().into()];
        self.0.affects(&REPLACE_PASSWORD, &values).await
    }
}

fn password_hash(row: &Row, column: usize) -> Result<Option<PasswordHash>, StoreError> {
    Ok(row.opt_text(column)?.map(|text| PasswordHash::from_stored(text.to_owned())))
}
