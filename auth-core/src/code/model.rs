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
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneTimeToken => "one-time-token",
        }
    }
}

/// A code as a store keeps it. Plain data: having one proves nothing, for it holds a hash and not the code.
#[derive(Clone, Debug)]
pub struct StoredCode {
    /// What it is found by.
    pub hash: TokenHash,
    /// What it is for.
    pub purpose: CodePurpose,
    /// Whose it is.
    pub user_id: UserId,
    /// The session that it is bound to, one of this user; `None` when it is bound to the user alone.
    pub session_id: Option<SessionId>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From this instant it is worth nothing.
    pub expires_at: Timestamp,
}
