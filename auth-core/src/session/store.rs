//! The questions asked about sessions.

use async_trait::async_trait;

use super::model::{NewSession, SessionWithUser, StoredSession};
use crate::base::{SessionId, Timestamp, TokenHash, UserId};
use crate::store::StoreError;

/// Sessions. Ending one removes its row, so nothing can bring it back.
#[async_trait]
pub trait SessionStore {
    /// Writes a new session if, at this moment, its user exists, is not disabled and still has this credential version;
    /// `false`, and nothing is written, otherwise. Inside a transaction the user's row stays locked until its end, so
    /// that a change of credentials comes wholly before or wholly after the session.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id or the hash is taken, or the user does not belong to the tenant that the
    /// session acts in.
    async fn open_session(&mut self, session: &NewSession, credential_version: i64) -> Result<bool, StoreError>;

    /// The session of this token with its user, their membership and their roles, in **one** statement: the hot path of
    /// every guarded request. Expired sessions, disabled users and suspended memberships are returned as they are; the
    /// caller judges them.
    async fn session_by_token(&mut self, hash: &TokenHash) -> Result<Option<SessionWithUser>, StoreError>;

    /// The session of this id with its user and roles, in **one** statement: the hot path of access tokens that are
    /// checked strictly. Expired sessions and disabled users are returned as they are. An id is no secret: only ask for
    /// one that came out of a verified token.
    async fn session_by_id(&mut self, id: SessionId) -> Result<Option<SessionWithUser>, StoreError>;

    /// Moves the expiry, and never to an earlier instant; `false`, and nothing is written, when the session has ended
    /// or has expired at `now`. Never inserts.
    async fn slide_session(&mut self, id: SessionId, expires_at: Timestamp, now: Timestamp)
    -> Result<bool, StoreError>;

    /// The user's sessions that are alive at `now`, the latest written first.
    async fn sessions_of_user(&mut self, user: UserId, now: Timestamp) -> Result<Vec<StoredSession>, StoreError>;

    /// Ends one session of this user; `false` when the user has no such session.
    async fn end_session(&mut self, user: UserId, id: SessionId) -> Result<bool, StoreError>;

    /// Ends the user's sessions but `keep`; the number of those ended.
    async fn end_sessions_of_user(&mut self, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError>;

    /// Ends the user's sessions but `spared` and, of the rest, the `others` most recently written ones; the number of
    /// those ended. Sessions of the same instant are ordered by id.
    async fn evict_sessions(&mut self, user: UserId, spared: SessionId, others: u32) -> Result<u64, StoreError>;
}
