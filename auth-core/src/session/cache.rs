//! What routes that allow it remember of sessions, for as long as each of them allows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;

use super::model::SessionWithUser;
use crate::base::{SessionId, Timestamp, TokenHash};

/// Sessions that are remembered at most. Beyond it, those that are asked for least are forgotten.
const MOST: usize = 10_000;

/// What a session is found by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SessionKey {
    /// Its own secret.
    Token(TokenHash),
    /// Its name, which proves nothing by itself: an access token that says it was verified.
    Id(SessionId),
}

/// How a session is remembered: the hash is of a secret, so the time that a comparison takes tells nothing of it.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Token([u8; 32]),
    Id(SessionId),
}

impl From<SessionKey> for Name {
    fn from(key: SessionKey) -> Self {
        match key {
            SessionKey::Token(hash) => Self::Token(*hash.as_bytes()),
            SessionKey::Id(id) => Self::Id(id),
        }
    }
}

/// Sessions as they were looked up, with the instant when that was.
pub(crate) struct SessionCache(Cache<Name, (Arc<SessionWithUser>, Timestamp)>);

impl Default for SessionCache {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl SessionCache {
    /// What was looked up at most `ttl` before `now`. A clock that was set back remembers nothing.
    pub(crate) fn recent(&self, key: SessionKey, now: Timestamp, ttl: Duration) -> Option<Arc<SessionWithUser>> {
        let (found, at) = self.0.get(&Name::from(key))?;
        (at <= now && now.since(at) < ttl).then_some(found)
    }

    pub(crate) fn put(&self, key: SessionKey, found: Arc<SessionWithUser>, now: Timestamp) {
        self.0.insert(key.into(), (found, now));
    }

    /// Forgets a session that has changed or ended.
    pub(crate) fn forget(&self, key: SessionKey) {
        self.0.remove(&Name::from(key));
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache").finish_non_exhaustive()
    }
}
