//! Answers about codes.

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{Timestamp, TokenHash, UserId};
use crate::code::{CodePurpose, CodeStore, CodeSubject, StoredCode};
use crate::store::StoreError;

impl State {
    /// Whether what the code is bound to is there.
    fn may_have_code(&self, code: &StoredCode) -> bool {
        let is_bound_to = |session| self.sessions.values().any(|s| s.id == session && Some(s.user_id) == code.user_id);
        code.user_id.is_none_or(|user| self.users.contains_key(&user)) && code.session_id.is_none_or(is_bound_to)
    }

    fn good_code(&self, purpose: CodePurpose, hash: &TokenHash, now: Timestamp) -> Option<&StoredCode> {
        self.codes.get(hash.as_bytes()).filter(|code| code.purpose == purpose && now < code.expires_at)
    }
}

/// Whether one takes the place of the other.
fn are_alike(one: &StoredCode, other: &StoredCode) -> bool {
    (one.purpose, &one.subject) == (other.purpose, &other.subject)
}

#[async_trait]
impl<R: Reach> CodeStore for Asked<R> {
    async fn put_code(&mut self, code: &StoredCode) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        if !state.may_have_code(code) {
            return Ok(false);
        }
        if state.codes.get(code.hash.as_bytes()).is_some_and(|other| !are_alike(code, other)) {
            return Err(StoreError::Conflict);
        }
        state.codes.retain(|_, other| !are_alike(code, other));
        state.codes.insert(*code.hash.as_bytes(), StoredCode { attempts: 0, ..code.clone() });
        Ok(true)
    }

    async fn code_by_hash(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError> {
        Ok(self.0.state().await.good_code(purpose, hash, now).cloned())
    }

    async fn try_code(
        &mut self,
        purpose: CodePurpose,
        subject: &CodeSubject,
    ) -> Result<Option<StoredCode>, StoreError> {
        let mut state = self.0.state().await;
        let code = state.codes.values_mut().find(|code| code.purpose == purpose && code.subject == *subject);
        Ok(code.map(|code| {
            code.attempts += 1;
            code.clone()
        }))
    }

    async fn refund_code(&mut self, purpose: CodePurpose, hash: &TokenHash) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        if let Some(code) = state.codes.get_mut(hash.as_bytes()).filter(|code| code.purpose == purpose) {
            code.attempts = (code.attempts - 1).max(0);
        }
        Ok(())
    }

    async fn consume_code(
        &mut self,
        purpose: CodePurpose,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.good_code(purpose, hash, now).is_some() && state.codes.remove(hash.as_bytes()).is_some())
    }

    async fn end_codes_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        let codes = &mut self.0.state().await.codes;
        let before = codes.len();
        codes.retain(|_, code| code.user_id != Some(user));
        Ok((before - codes.len()) as u64)
    }
}
