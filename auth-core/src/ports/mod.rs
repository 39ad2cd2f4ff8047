//! Everything outside the process that the engine talks to, behind traits that the application fills.
//!
//! A port says what is asked and how it may fail, not who answers. A test answers from memory; a
//! program answers from the network. [`HttpClient`] is implemented in a few lines over whichever client
//! the application uses already; for a program without one, the feature `http-client` brings `ReqwestClient`. In the
//! same way the feature `mail` brings `SmtpMailer`, a [`Mailer`] over any SMTP server.
//!
//! Start reading at [`BreachList`], then at [`HttpClient`], which its implementation stands on.

mod breach;
mod http_client;
mod mailer;
#[cfg(feature = "http-client")]
mod reqwest_client;
mod sms;
#[cfg(feature = "mail")]
mod smtp_mailer;

pub use breach::{BreachList, PwnedPasswords};
pub use http_client::{HttpClient, MAX_RESPONSE_BYTES};
pub use mailer::{Link, Mailer, Message, NoMail, Otp, OtpPurpose};
#[cfg(feature = "http-client")]
pub use reqwest_client::{ReqwestClient, ReqwestClientBuilder};
pub use sms::{SmsSender, TextMessage};
#[cfg(feature = "mail")]
pub use smtp_mailer::{SmtpMailer, SmtpMailerBuilder, SmtpTls};

use crate::error::{Code, Error};

/// Something outside did not answer, or not as it should.
///
/// Its text names the port alone. The cause goes to the log through
/// [`source`](std::error::Error::source), so an implementation must keep secrets out of it:
/// no password, no token, no full request.
#[derive(Debug, thiserror::Error)]
#[error("the {port} failed")]
pub struct PortError {
    port: &'static str,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl PortError {
    /// Wraps what went wrong behind `port`, such as `"HTTP client"`; write the name as it fits into "the … failed".
    pub fn new(port: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { port, cause: cause.into() }
    }

    /// Which port failed.
    pub const fn port(&self) -> &'static str {
        self.port
    }
}

/// The client learns that something is down (503), not what.
impl From<PortError> for Error {
    fn from(error: PortError) -> Self {
        Self::from(Code::Unavailable).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_port_is_named_and_its_cause_is_only_for_the_log() {
        let error = PortError::new("breach list", "no route to 10.0.0.7");
        assert_eq!((error.port(), error.to_string().as_str()), ("breach list", "the breach list failed"));
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("no route to 10.0.0.7"));
    }

    #[test]
    fn a_failed_port_is_503_without_details() {
        let error = Error::from(PortError::new("breach list", "no route to 10.0.0.7"));
        assert!(error.is(Code::Unavailable));
        assert!(!error.to_string().contains("10.0.0.7"));
    }
}
