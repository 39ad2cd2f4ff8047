//! What a store keeps of a code.

use serde::{Deserialize, Serialize};

use crate::base::{Email, SessionId, TenantId, Timestamp, TokenHash, TokenKind, UserId};

/// What a code may be redeemed for, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CodePurpose {
    /// A session is handed from one client of a user to another.
    OneTimeToken,
    /// A link: the mailbox belongs to the account.
    VerifyEmail,
    /// A link to the present address: the account may move to another one.
    ChangeEmail,
    /// A link to the new address: the account moves there.
    NewEmail,
    /// A link: the account gets a new password.
    ResetPassword,
    /// A link: the account is deleted.
    DeleteUser,
    /// A link: whoever follows it is signed in.
    MagicLink,
    /// A mailed code: whoever knows it is signed in.
    OtpSignIn,
    /// A mailed code: the mailbox belongs to the account.
    OtpVerifyEmail,
    /// A mailed code: the account gets a new password.
    OtpResetPassword,
    /// A mailed code: the account moves to the address that it was sent to.
    OtpChangeEmail,
}

impl CodePurpose {
    /// Every purpose.
    pub const ALL: [Self; 11] = [
        Self::OneTimeToken,
        Self::VerifyEmail,
        Self::ChangeEmail,
        Self::NewEmail,
        Self::ResetPassword,
        Self::DeleteUser,
        Self::MagicLink,
        Self::OtpSignIn,
        Self::OtpVerifyEmail,
        Self::OtpResetPassword,
        Self::OtpChangeEmail,
    ];

    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneTimeToken => "one-time-token",
            Self::VerifyEmail => "verify-email",
            Self::ChangeEmail => "change-email",
            Self::NewEmail => "new-email",
            Self::ResetPassword => "reset-password",
            Self::DeleteUser => "delete-user",
            Self::MagicLink => "magic-link",
            Self::OtpSignIn => "otp-sign-in",
            Self::OtpVerifyEmail => "otp-verify-email",
            Self::OtpResetPassword => "otp-reset-password",
            Self::OtpChangeEmail => "otp-change-email",
        }
    }

    /// The form of its secret; `None` for one that somebody types in.
    pub(crate) const fn token_kind(self) -> Option<TokenKind> {
        match self {
            Self::OneTimeToken => Some(TokenKind::OneTime),
            Self::VerifyEmail => Some(TokenKind::VerifyEmail),
            Self::ChangeEmail => Some(TokenKind::ChangeEmail),
            Self::NewEmail => Some(TokenKind::NewEmail),
            Self::ResetPassword => Some(TokenKind::ResetPassword),
            Self::DeleteUser => Some(TokenKind::DeleteUser),
            Self::MagicLink => Some(TokenKind::MagicLink),
            Self::OtpSignIn | Self::OtpVerifyEmail | Self::OtpResetPassword | Self::OtpChangeEmail => None,
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

/// What a mailed code is bound to, beside its user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Binding {
    /// The mailbox that it was made for: the account's address, where it is one's.
    pub(crate) email: Email,
    /// The address that the account is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) new_email: Option<Email>,
    /// Among whom the mailbox is looked for, where there may be no account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<TenantId>,
    /// The name that a new account is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

impl Binding {
    pub(crate) const fn to(email: Email) -> Self {
        Self { email, new_email: None, tenant: None, name: None }
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
