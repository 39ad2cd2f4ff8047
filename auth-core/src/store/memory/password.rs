//! Answers about passwords.

use async_trait::async_trait;

use super::{AccountRow, Asked, Reach, State};
use crate::account::{Account, AttemptKey, CREDENTIAL};
use crate::base::{AccountId, Email, Timestamp, UserId};
use crate::crypto::password_hash::PasswordHash;
use crate::password::{PasswordStore, SignInFacts};
use crate::store::StoreError;
use crate::user::Population;

impl State {
    fn password_of(&self, user: UserId) -> Option<&PasswordHash> {
        self.accounts.values().find(|row| row.account.user_id == user && row.password.is_some())?.password.as_ref()
    }
}

#[async_trait]
impl<R: Reach> PasswordStore for Asked<R> {
    async fn sign_in_facts(
        &mut self,
        population: &Population,
        email: &Email,
        keys: &[AttemptKey; 2],
        now: Timestamp,
    ) -> Result<SignInFacts, StoreError> {
        let state = self.0.state().await;
        let user = state.user_by_email(population, email).cloned();
        let password = user.as_ref().and_then(|user| state.password_of(user.id).cloned());
        Ok(SignInFacts { user, password, attempts: state.attempts(keys, now) })
    }

    async fn password_of_user(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        Ok(self.0.state().await.password_of(user).cloned())
    }

    async fn insert_password(
        &mut self,
        account: AccountId,
        user: UserId,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = Account {
            id: account,
            provider_id: CREDENTIAL.to_owned(),
            account_id: user.to_string(),
            user_id: user,
            created_at: now,
            updated_at: now,
        };
        let mut state = self.0.state().await;
        let same_subject = |other: &AccountRow| {
            other.account.provider_id == row.provider_id && other.account.account_id == row.account_id
        };
        let taken = state.accounts.contains_key(&account) || state.accounts.values().any(same_subject);
        if taken || !state.users.contains_key(&user) {
            return Err(StoreError::Conflict);
        }
        state.accounts.insert(account, AccountRow { account: row, password: Some(hash.clone()) });
        Ok(())
    }

    async fn replace_password(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let stands = |row: &&mut AccountRow| {
            row.account.user_id == user && row.password.as_ref().map(PasswordHash::as_stored) == Some(old.as_stored())
        };
        let Some(row) = state.accounts.values_mut().find(stands) else { return Ok(false) };
        row.password = Some(new.clone());
        row.account.updated_at = now;
        Ok(true)
    }
}
