//! Text messages that the engine has somebody send.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::base::{PhoneNumber, Timestamp};

/// Sends text messages, through whoever the application has a contract with, in its own words. What is said of
/// [`Mailer`](super::Mailer) is true here, too; but each message costs money, so those that are asked for again and
/// again are limited.
#[async_trait]
pub trait SmsSender: Send + Sync + 'static {
    /// Sends one message, to its [`to`](TextMessage::to) and nobody else. Takes 30 seconds at most, or counts as
    /// failed.
    ///
    /// # Errors
    /// [`PortError`] when it is not certain that the message was taken over. It is tried again then.
    async fn send(&self, message: &TextMessage) -> Result<(), PortError>;
}

#[async_trait]
impl<S: SmsSender + ?Sized> SmsSender for Arc<S> {
    async fn send(&self, message: &TextMessage) -> Result<(), PortError> {
        (**self).send(message).await
    }
}

/// A code to be typed in, good once. Serialises with its secret, as `{"kind":"sms-otp","to","otp","expiresAt"}`.
/// `Debug` shows neither number nor secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "sms-otp", rename_all = "camelCase")]
#[non_exhaustive]
pub struct TextMessage {
    /// Where it goes.
    pub to: PhoneNumber,
    /// The code.
    pub otp: String,
    /// From this instant it is worth nothing.
    pub expires_at: Timestamp,
}

impl TextMessage {
    pub(crate) const fn new(to: PhoneNumber, otp: String, expires_at: Timestamp) -> Self {
        Self { to, otp, expires_at }
    }
}

impl fmt::Debug for TextMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextMessage").field("to", &self.to).finish_non_exhaustive()
    }
}
