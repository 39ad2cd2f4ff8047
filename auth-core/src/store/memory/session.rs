//! Answers about sessions.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{SessionId, Timestamp, TokenHash, UserId};
use crate::session::{NewSession, SessionStore, SessionWithUser, StoredSession};
use crate::store::StoreError;

impl State {
    /// Ends the sessions that are `doomed`; the number of those ended.
    fn end_sessions(&mut self, doomed: impl Fn(&StoredSession) -> bool) -> u64 {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !doomed(session));
        (before - self.sessions.len()) as u64
    }
}

/// The latest written first; sessions of the same instant by id, the larger one counting as the later.
fn latest_first(session: &StoredSession) -> Reverse<(Timestamp, SessionId)> {
    Reverse((session.updated_at, session.id))
}

#[async_trait]
impl<R: Reach> SessionStore for Asked<R> {
    async fn open_session(&mut self, session: &NewSession, credential_version: i64) -> Result<bool, StoreError> {
        let (row, hash) = (session.row(), *session.token_hash().as_bytes());
        let mut state = self.0.state().await;
        let user = state.users.get(&row.user_id);
        if !user.is_some_and(|user| user.disabled_at.is_none() && user.credential_version == credential_version) {
            return Ok(false);
        }
        if state.sessions.contains_key(&hash) || state.sessions.values().any(|other| other.id == row.id) {
            return Err(StoreError::Conflict);
        }
        state.sessions.insert(hash, row.clone());
        Ok(true)
    }

    async fn session_by_token(&mut self, hash: &TokenHash) -> Result<Option<SessionWithUser>, StoreError> {
        let state = self.0.state().await;
        let Some(session) = state.sessions.get(hash.as_bytes()) else { return Ok(None) };
        let Some(user) = state.users.get(&session.user_id) else { return Ok(None) };
        let roles = state.roles_held_by(user.id);
        Ok(Some(SessionWithUser { session: session.clone(), user: user.clone(), roles }))
    }

    async fn slide_session(
        &mut self,
        id: SessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        let Some(session) = state.sessions.values_mut().find(|session| session.id == id && session.expires_at > now)
        else {
            return Ok(false);
        };
        session.expires_at = expires_at;
        session.updated_at = now;
        Ok(true)
    }

    async fn sessions_of_user(&mut self, user: UserId, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        let state = self.0.state().await;
        let alive = state.sessions.values().filter(|session| session.user_id == user && session.is_alive(now));
        let mut sessions: Vec<StoredSession> = alive.cloned().collect();
        sessions.sort_by_key(latest_first);
        Ok(sessions)
    }

    async fn end_session(&mut self, user: UserId, id: SessionId) -> Result<bool, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.end_sessions(|session| session.user_id == user && session.id == id) == 1)
    }

    async fn end_session_by_token(&mut self, hash: &TokenHash) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.0.state().await.sessions.remove(hash.as_bytes()))
    }

    async fn end_sessions_of_user(&mut self, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError> {
        let mut state = self.0.state().await;
        Ok(state.end_sessions(|session| session.user_id == user && Some(session.id) != keep))
    }

    async fn evict_sessions(&mut self, user: UserId, spared: SessionId, others: u32) -> Result<u64, StoreError> {
        let mut state = self.0.state().await;
        let evictable = |session: &StoredSession| session.user_id == user && session.id != spared;
        let mut places: Vec<_> = state.sessions.values().filter(|s| evictable(s)).map(latest_first).collect();
        places.sort();
        // The first place beyond those that stay; everything from there on goes.
        let Some(cut) = places.get(others as usize).copied() else { return Ok(0) };
        Ok(state.end_sessions(|session| evictable(session) && latest_first(session) >= cut))
    }
}
