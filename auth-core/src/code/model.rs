//! What a store keeps of a code.

use crate::base::{SessionId, Timestamp, TokenHash, UserId};

/// What a code may be redeemed for, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CodePurpose {
    /// A session is handed from one client of a user to another.
    OneTimeToken,
}

impl CodePurpose {
    /// Every purpose.
    pub const ALL: [Self; 1] = [Self::OneTimeToken];

    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneTimeToken => "one-time-token",
        }
    }
}

/// Whom or what there is one code of a purpose for: a session, a user, or an address, be it known or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeSubject(Vec<u8>);

impl CodeSubject {
    /// A keyed pseudonym of an address: a stolen table does not show whose it is.
    pub fn from_pseudonym(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// The form that a store wrote down; `None` unless it has 16 or 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 16 | 32).then(|| Self(bytes.to_vec()))
    }

    /// The bytes for a binary column.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<SessionId> for CodeSubject {
    fn from(session: SessionId) -> Self {
        Self(session.as_uuid().as_bytes().to_vec())
    }
}

impl From<UserId> for CodeSubject {
    fn from(user: UserId) -> Self {
        Self(user.as_uuid().as_bytes().to_vec())
    }
}

/// A code as a store keeps it. Plain data: having one proves nothing, for it holds a hash and not the code.
#[derive(Clone, Debug)]
pub struct StoredCode {
    /// What it is found by. Of a code that is short enough to be guessed, a tag under the application's secret.
    pub hash: TokenHash,
    /// What it is for.
    pub purpose: CodePurpose,
    /// What it is the only one of its purpose for.
    pub subject: CodeSubject,
    /// Whose it is; `None` when nobody had the address that it was made for.
    pub user_id: Option<UserId>,
    /// The session that it is bound to, one of this user; `None` when it is bound to none.
    pub session_id: Option<SessionId>,
    /// What else it is bound to, in the form of its purpose; at most 4,096 characters.
    pub binding: Option<String>,
    /// How often somebody has tried to guess it.
    pub attempts: i64,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From this instant it is worth nothing.
    pub expires_at: Timestamp,
}
