//! Answers about sessions.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Asked, Reach, State};
use crate::base::{SessionId, Timestamp, TokenHash, UserId};
use crate::session::{NewSession, SessionStore, SessionWithUser, StoredSession};
use crate::store::StoreError;

impl State {
    /// Ends the sessions that are `doomed`, with what belongs to them; the number of those ended.
    pub(super) fn end_sessions(&mut self, doomed: impl Fn(&StoredSession) -> bool) -> u64 {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !doomed(session));
        let open: BTreeSet<SessionId> = self.sessions.values().map(|session| session.id).collect();
        self.families.retain(|session, _| open.contains(session));
        self.codes.retain(|_, code| code.session_id.is_none_or(|session| open.contains(&session)));
        (before - self.sessions.len()) as u64
    }

    /// A session with its user and the roles they hold.
    pub(super) fn with_user(&self, session: &StoredSession) -> Option<SessionWithUser> {
        let user = self.users.get(&session.user_id)?.clone();
        let tenant = session.scope.tenant().cloned();
        let membership = tenant.and_then(|tenant| self.memberships.get(&(user.id, tenant)));
        Some(SessionWithUser {
            session: session.clone(),
            membership: membership.map(|membership| membership.status),
            roles: self.roles_acting(user.id, &session.scope),
            user,
        })
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
        if !state.may_hold_in(row.user_id, &row.scope) {
            return Err(StoreError::Conflict);
        }
        if state.sessions.contains_key(&hash) || state.sessions.values().any(|other| other.id == row.id) {
            return Err(StoreError::Conflict);
        }
        state.sessions.insert(hash, row.clone());
        Ok(true)
    }

    async fn session_by_token(&mut self, hash: &TokenHash) -> Result<Option<SessionWithUser>, StoreError> {
        let state = self.0.state().await;
        Ok(state.sessions.get(hash.as_bytes()).and_then(|session| state.with_user(session)))
    }

    async fn session_by_id(&mut self, id: SessionId) -> Result<Option<SessionWithUser>, StoreError> {
        let state = self.0.state().await;
        Ok(state.sessions.values().find(|session| session.id == id).and_then(|session| state.with_user(session)))
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
        session.expires_at = session.expires_at.max(expires_at);
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
