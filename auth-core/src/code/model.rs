//! What a store keeps of a code.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{Email, PhoneNumber, SessionId, TenantId, Timestamp, TokenHash, TokenKind, UserId};
use crate::user::{Population, User};

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
    /// A link: whoever has it may sign up.
    Invitation,
    /// A mailed code: whoever knows it is signed in.
    OtpSignIn,
    /// A mailed code: the mailbox belongs to the account.
    OtpVerifyEmail,
    /// A mailed code: the account gets a new password.
    OtpResetPassword,
    /// A mailed code: the account moves to the address that it was sent to.
    OtpChangeEmail,
    /// A texted code: the number belongs to whoever knows it.
    PhoneVerify,
    /// A texted code: the account gets a new password.
    PhoneReset,
}

impl CodePurpose {
    /// Every purpose.
    pub const ALL: [Self; 14] = [
        Self::OneTimeToken,
        Self::VerifyEmail,
        Self::ChangeEmail,
        Self::NewEmail,
        Self::ResetPassword,
        Self::DeleteUser,
        Self::MagicLink,
        Self::Invitation,
        Self::OtpSignIn,
        Self::OtpVerifyEmail,
        Self::OtpResetPassword,
        Self::OtpChangeEmail,
        Self::PhoneVerify,
        Self::PhoneReset,
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
            Self::Invitation => "invitation",
            Self::OtpSignIn => "otp-sign-in",
            Self::OtpVerifyEmail => "otp-verify-email",
            Self::OtpResetPassword => "otp-reset-password",
            Self::OtpChangeEmail => "otp-change-email",
            Self::PhoneVerify => "phone-verify",
            Self::PhoneReset => "phone-reset",
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
            Self::Invitation => Some(TokenKind::Invitation),
            Self::OtpSignIn
            | Self::OtpVerifyEmail
            | Self::OtpResetPassword
            | Self::OtpChangeEmail
            | Self::PhoneVerify
            | Self::PhoneReset => None,
        }
    }
}

/// Whom or what there is one code of a purpose for: a session, a user, or an address, be it known or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeSubject(Vec<u8>);

impl CodeSubject {
    /// A keyed pseudonym of an address: of one length, and the same for the same address. It hides nobody, for what a
    /// code is bound to names the address beside it.
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
    /// The pool of the account that it is for, or would be for.
    pub(crate) pool: String,
    /// The mailbox that it was sent to: the account's address, where there is an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<Email>,
    /// The telephone number that it was sent to: the account's, where there is an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<PhoneNumber>,
    /// The address that the account is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) new_email: Option<Email>,
    /// Made while nobody had proved the account's mailbox, which was not asked, therefore: void once somebody has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) unproved: bool,
    /// Among whom the mailbox is looked for, where there may be no account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<TenantId>,
    /// The hash of what the browser keeps in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) browser: Option<String>,
    /// The name that a new account is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Binding {
    /// Bound to this mailbox.
    pub(crate) fn to(population: &Population, email: Email) -> Self {
        Self { email: Some(email), ..Self::of(population) }
    }

    /// Bound to the present mailbox of this user, who wants another one.
    pub(crate) fn to_move(user: &User, new: Email) -> Self {
        let unproved = !user.email_verified;
        Self { new_email: Some(new), unproved, ..Self::to(&user.population(), user.email.clone()) }
    }

    /// Bound to this telephone number.
    pub(crate) fn to_phone(population: &Population, phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), ..Self::of(population) }
    }

    fn of(population: &Population) -> Self {
        let (pool, tenant) = (population.pool.as_str().to_owned(), population.tenant.clone());
        Self { pool, tenant, email: None, phone: None, new_email: None, unproved: false, browser: None, name: None }
    }
}

/// A code as a store keeps it. Plain data: having one proves nothing, for it holds a hash and not the code. `Debug`
/// shows no address.
#[derive(Clone)]
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

impl fmt::Debug for StoredCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { purpose, user_id, attempts, expires_at, .. } = self;
        let mut shown = f.debug_struct("StoredCode");
        shown.field("purpose", purpose).field("user_id", user_id).field("attempts", attempts);
        shown.field("expires_at", expires_at).finish_non_exhaustive()
    }
}
