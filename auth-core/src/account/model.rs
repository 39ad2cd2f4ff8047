//! The ways in which a user signs in, and the counters that slow guessing down.

use serde::Serialize;

use crate::base::{AccountId, Timestamp, UserId};

/// The provider id of e-mail and password.
pub const CREDENTIAL: &str = "credential";

/// One way in which a user signs in. Serialises in the form of the protocol; it never carries a secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Names the row.
    pub id: AccountId,
    /// `credential` for a password, else the name of the external provider.
    pub provider_id: String,
    /// The subject at that provider; for a password the user's own id.
    pub account_id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A keyed pseudonym of what attempts are counted for: an e-mail address, a client address, a user.
/// A stolen table shows neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey([u8; 32]);

impl AttemptKey {
    /// Takes a pseudonym made under the application's secret.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes for a binary column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// One attempt to be counted: for whom, and when the counter would start anew if this is the first.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What is counted.
    pub key: AttemptKey,
    /// The end of the counting window that begins now.
    pub window_ends_at: Timestamp,
}

/// How many attempts have been counted in the present window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptCount {
    /// What is counted.
    pub key: AttemptKey,
    /// Attempts, the present one included.
    pub attempts: i64,
    /// When the counter starts anew.
    pub window_ends_at: Timestamp,
}
