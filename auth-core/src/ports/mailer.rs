//! Mail that the engine has somebody send.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::base::{Email, Timestamp};

/// Sends mail, by whatever the application sends its mail with, in its own words.
///
/// It is called after the change that the message tells of is durable, from a queue, so that no request waits for it
/// and none fails with it. A message that could not be sent is tried again until it is of no use any more. One that was
/// sent and is not known to be, because the program ended in between, is sent twice.
///
/// ```
/// use auth_core::ports::{Mailer, Message, PortError};
///
/// /// Writes on the screen whom it would write to, and nothing secret.
/// struct Screen;
///
/// #[async_trait::async_trait]
/// impl Mailer for Screen {
///     async fn send(&self, message: &Message) -> Result<(), PortError> {
///         println!("{message:?}");
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends one message, to [`Message::to`] and nobody else. Takes 30 seconds at most, or counts as failed.
    ///
    /// # Errors
    /// [`PortError`] when it is not certain that the message was taken over. It is tried again then.
    async fn send(&self, message: &Message) -> Result<(), PortError>;
}

#[async_trait]
impl<T: Mailer + ?Sized> Mailer for Arc<T> {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        (**self).send(message).await
    }
}

/// Takes every message and sends none, for a program whose mail is not set up: its endpoints answer as usual.
#[derive(Clone, Copy, Debug)]
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _: &Message) -> Result<(), PortError> {
        Ok(())
    }
}

/// What a mail is about. Serialises with its `kind` and with its secrets, for a queue or a template of the
/// application's own: a log is no place for that. `Debug` shows neither addresses nor secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Message {
    /// Whoever has the mailbox is asked to confirm that it is theirs: that of a new account, or the one that an account
    /// of another address ([`Link::account`]) is to have.
    VerifyEmail(Link),
    /// Somebody, the owner perhaps, wants a new password for the account of this address.
    ResetPassword(Link),
    /// The link signs whoever follows it in.
    MagicLink(Link),
    /// The account of this address is to get another one, which this address has to approve.
    ChangeEmail(Link),
    /// The account of this address is to be deleted.
    DeleteUser(Link),
    /// Whoever has the mailbox may sign up.
    SignUpInvitation(Link),
    /// A code to be typed in.
    EmailOtp(Otp),
    /// Somebody tried to sign up with this address, which has an account already.
    AccountExists {
        /// Where it goes.
        to: Email,
    },
}

impl Message {
    /// Where it goes: an address as it stands in the account, or as somebody has asked for it.
    pub const fn to(&self) -> &Email {
        match self {
            Self::VerifyEmail(link)
            | Self::ResetPassword(link)
            | Self::MagicLink(link)
            | Self::ChangeEmail(link)
            | Self::DeleteUser(link)
            | Self::SignUpInvitation(link) => &link.to,
            Self::EmailOtp(otp) => &otp.to,
            Self::AccountExists { to } => to,
        }
    }

    /// The name of its kind, as in its serialised form: `verify-email`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail(_) => "verify-email",
            Self::ResetPassword(_) => "reset-password",
            Self::MagicLink(_) => "magic-link",
            Self::ChangeEmail(_) => "change-email",
            Self::DeleteUser(_) => "delete-user",
            Self::SignUpInvitation(_) => "sign-up-invitation",
            Self::EmailOtp(_) => "email-otp",
            Self::AccountExists { .. } => "account-exists",
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, to {:?})", self.kind(), self.to())
    }
}

/// An address to follow, good once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Link {
    /// Where it goes.
    pub to: Email,
    /// The whole address, on the configured base URL.
    pub url: String,
    /// The secret in it, for applications with an address of their own.
    pub token: String,
    /// The address that the account has now, where it is to have the one that this goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Email>,
    /// From this instant it is worth nothing.
    pub expires_at: Timestamp,
}

impl Link {
    pub(crate) const fn new(to: Email, url: String, token: String, expires_at: Timestamp) -> Self {
        Self { to, url, token, account: None, expires_at }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("to", &self.to).finish_non_exhaustive()
    }
}

/// A code to be typed in, good once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Otp {
    /// Where it goes.
    pub to: Email,
    /// The code.
    pub otp: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub purpose: OtpPurpose,
    /// From this instant it is worth nothing.
    pub expires_at: Timestamp,
}

impl Otp {
    pub(crate) const fn new(to: Email, otp: String, purpose: OtpPurpose, expires_at: Timestamp) -> Self {
        Self { to, otp, purpose, expires_at }
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otp").field("to", &self.to).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// What a mailed code is for, and good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OtpPurpose {
    /// Signing in.
    SignIn,
    /// Confirming that the mailbox is theirs.
    EmailVerification,
    /// A new password.
    ForgetPassword,
    /// Moving the account to this address.
    ChangeEmail,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages() -> Vec<Message> {
        let (to, expires_at) = (Email::parse("ada@example.com").unwrap(), Timestamp::from_micros(1));
        let (url, token) = ("https://example.com/x?token=s3cret".to_owned(), "s3cret".to_owned());
        let link = Link { account: Some(to.clone()), ..Link::new(to.clone(), url, token, expires_at) };
        let otp = Otp { to: to.clone(), otp: "s3cret".to_owned(), purpose: OtpPurpose::SignIn, expires_at };
        vec![
            Message::VerifyEmail(link.clone()),
            Message::ResetPassword(link.clone()),
            Message::MagicLink(link.clone()),
            Message::ChangeEmail(link.clone()),
            Message::DeleteUser(link.clone()),
            Message::SignUpInvitation(link),
            Message::EmailOtp(otp),
            Message::AccountExists { to },
        ]
    }

    #[test]
    fn a_message_survives_a_queue_under_its_name() {
        for message in messages() {
            let written = serde_json::to_value(&message).unwrap();
            assert_eq!((&written["kind"], &written["to"]), (&json!(message.kind()), &json!("ada@example.com")));
            let read: Message = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), written);
        }
    }

    #[test]
    fn debug_shows_no_secret_and_nobody_s_name() {
        for message in messages() {
            let shown = format!("{message:?}");
            assert!(!shown.contains("s3cret") && !shown.contains("ada"), "{shown}");
        }
    }
}
