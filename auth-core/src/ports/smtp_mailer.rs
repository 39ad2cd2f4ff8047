//! The mailer that ships with the library, behind the feature `mail`.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message as Mail};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

pub use self::builder::{SmtpMailerBuilder, SmtpTls};
use self::letter::{Brand, Letter};
use self::line_by_line::LineByLine;
use super::{Mailer, Message, PortError};
use crate::base::{Clock, OsRandom, Random, Secret, SystemClock};
use crate::error::ConfigErrors;

mod builder;
mod letter;
mod line_by_line;
#[cfg(test)]
mod tests;

const PORT: &str = "SMTP server";
/// Message submission (RFC 6409 §3.1), and the same under TLS from the first byte (RFC 8314 §7.3).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;
/// Nobody's holiday notice answers these mails (RFC 3834 §5).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// A [`Mailer`] that hands plain mails in English, as text and as HTML, to an SMTP server that sends them on.
///
/// The conversation is encrypted, with certificates verified against the roots of trust of the operating system, or it
/// does not take place: to a server without TLS goes neither a password nor a mail. [`SmtpTls`] has the one exception.
/// It takes 20 seconds at most, from resolving the name to the server's word that it has the mail. Each mail has a
/// connection of its own. An address with letters beyond ASCII before its `@` needs a server with SMTPUTF8 (RFC 6531);
/// it is never altered for one without. It needs the tokio runtime.
///
/// Other words, another language: a [`Mailer`] of your own. A program whose build turns on `lettre/tracing` logs mails
/// and passwords at the level `debug`.
///
/// ```
/// use auth_core::base::Secret;
/// use auth_core::ports::SmtpMailer;
///
/// let mailer = SmtpMailer::builder("smtp.example.com", "Shop <no-reply@example.com>")
///     .credentials("shop", Secret::new("correct horse battery"))
///     .app_name("The Shop")
///     .logo_url("https://example.com/logo.png")
///     .build()?;
/// # Ok::<(), auth_core::ConfigErrors>(())
/// ```
#[derive(Clone)]
pub struct SmtpMailer {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
    brand: Brand,
    time_limit: Duration,
}

/// [`SmtpTls`] with what it takes.
#[derive(Clone)]
enum Security {
    StartTls(TlsParameters),
    Implicit(TlsParameters),
    Plaintext,
}

impl SmtpMailer {
    /// Sends by the server `host`, a name or an address, as `from`, a mailbox such as `Shop <no-reply@example.com>`.
    pub fn builder(host: impl Into<String>, from: impl Into<String>) -> SmtpMailerBuilder {
        SmtpMailerBuilder::new(host.into(), from.into())
    }

    /// As the environment has it: [`SmtpMailer::from_variables`].
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn from_env() -> Result<Option<Self>, ConfigErrors> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As these variables have it, of which an empty one counts as missing. Without `SMTP_HOST` there is no mailer:
    /// [`NoMail`](super::NoMail) can take its place.
    ///
    /// | variable | what it says |
    /// | --- | --- |
    /// | `SMTP_HOST` | the server |
    /// | `SMTP_PORT` | its port, 587 by default |
    /// | `SMTP_TLS` | `starttls`, `implicit` (the default on port 465), or `insecure-plaintext` on loopback |
    /// | `SMTP_USER`, `SMTP_PASS` | how to sign in to it, if it asks for that |
    /// | `SMTP_FROM` | the sender: `Shop <no-reply@example.com>` |
    /// | `APP_NAME` | the name of the application in the mails; by default that of the sender |
    /// | `APP_LOGO_URL` | a picture at their top, at an `https` address |
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use auth_core::ports::{Mailer, NoMail, SmtpMailer};
    ///
    /// let mailer: Arc<dyn Mailer> = match SmtpMailer::from_variables(|name| std::env::var(name).ok())? {
    ///     Some(mailer) => Arc::new(mailer),
    ///     None => Arc::new(NoMail),
    /// };
    /// # Ok::<(), auth_core::ConfigErrors>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigErrors> {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let Some(host) = value("SMTP_HOST") else { return Ok(None) };
        let mut problems = Vec::new();

        let port = value("SMTP_PORT").map_or(Ok(SUBMISSION), |port| port.parse());
        let port = port.unwrap_or_else(|_| {
            problems.push("SMTP_PORT must be a number up to 65535.".to_owned());
            SUBMISSION
        });
        let tls = match value("SMTP_TLS").as_deref() {
            None if port == SUBMISSIONS => SmtpTls::Implicit,
            None | Some("starttls") => SmtpTls::Required,
            Some("implicit") => SmtpTls::Implicit,
            Some("insecure-plaintext") => SmtpTls::PlaintextInsecure,
            Some(_) => {
                problems.push("SMTP_TLS must be starttls, implicit or insecure-plaintext.".to_owned());
                SmtpTls::Required
            }
        };
        let mut builder = Self::builder(host, value("SMTP_FROM").unwrap_or_default()).port(port).tls(tls);
        match (value("SMTP_USER"), value("SMTP_PASS")) {
            (Some(user), Some(password)) => builder = builder.credentials(user, Secret::new(password)),
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                problems.push("SMTP_USER and SMTP_PASS must be set together or not at all.".to_owned());
            }
        }
        if let Some(app_name) = value("APP_NAME") {
            builder = builder.app_name(app_name);
        }
        if let Some(logo_url) = value("APP_LOGO_URL") {
            builder = builder.logo_url(logo_url);
        }

        match builder.build() {
            Ok(mailer) if problems.is_empty() => return Ok(Some(mailer)),
            Ok(_) => {}
            Err(error) => problems.extend_from_slice(error.problems()),
        }
        Err(ConfigErrors::new(problems))
    }

    fn compose(&self, message: &Message) -> Result<(Envelope, Vec<u8>), PortError> {
        let unwritten = |error| PortError::new(PORT, error);
        let letter = Letter::write(message, &self.brand);
        let to: Address = message.to().as_str().parse().map_err(|error| PortError::new(PORT, error))?;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()]).map_err(unwritten)?;
        let now = Duration::from_secs(SystemClock.now().as_seconds().unsigned_abs());
        let mail = Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .date(SystemTime::UNIX_EPOCH + now)
            .message_id(Some(self.message_id()))
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
            // As it is given here. By default it is read back from the headers.
            .envelope(envelope.clone())
            .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
            .map_err(unwritten)?;
        Ok((envelope, mail.formatted()))
    }

    /// It names the sender's domain and not this machine, whose name is nobody's business.
    fn message_id(&self) -> String {
        let mut unique = [0; 16];
        OsRandom.fill(&mut unique);
        format!("<{:032x}@{}>", u128::from_be_bytes(unique), self.from.email.domain())
    }

    /// Hands the mail over. The connection is returned for its end, on which nothing depends any more.
    async fn hand_over(&self, envelope: &Envelope, mail: &[u8]) -> Result<AsyncSmtpConnection, PortError> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(|error| failed("signing in", error))?;
        }
        connection.send(envelope, mail).await.map_err(|error| failed("handing the mail over", error))?;
        Ok(connection)
    }

    /// A connection over which secrets may go.
    async fn connect(&self) -> Result<AsyncSmtpConnection, PortError> {
        let greeted = |error| failed("connecting", error);
        let server = (self.host.as_str(), self.port);
        // RFC 5321 §4.1.4 asks for a name. That of this machine may mean nothing outside, and tells of the inside.
        let own_name = ClientId::Domain(self.from.email.domain().to_owned());
        if let Security::Implicit(tls) = &self.security {
            let connecting = AsyncSmtpConnection::connect_tokio1(server, None, &own_name, Some(tls.clone()), None);
            return connecting.await.map_err(greeted);
        }
        let stream = TcpStream::connect(server).await.map_err(|error| PortError::new(PORT, error))?;
        let stream = Box::new(LineByLine::new(stream));
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &own_name).await.map_err(greeted)?;
        if let Security::StartTls(tls) = &self.security {
            // A server that does not offer it is an error and no reason to go on without.
            connection.starttls(tls.clone(), &own_name).await.map_err(|error| failed("starting TLS", error))?;
        }
        Ok(connection)
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let (envelope, mail) = self.compose(message)?;
        let end = Instant::now() + self.time_limit;
        let handed_over = timeout_at(end, self.hand_over(&envelope, &mail)).await;
        let mut connection = handed_over.map_err(|_| PortError::new(PORT, "it took longer than the time limit"))??;
        // The server has the mail. One that is slow to say goodbye is no reason to send it again.
        let _ = timeout_at(end, connection.quit()).await;
        Ok(())
    }
}

/// Of an answer only its code: servers quote addresses and, where they think it junk, the mail with its link.
fn failed(step: &str, error: SmtpError) -> PortError {
    match error.status() {
        Some(code) => PortError::new(PORT, format!("it answered {code} while {step}")),
        None if error.is_response() => PortError::new(PORT, format!("it gave no answer of SMTP while {step}")),
        None => PortError::new(PORT, error),
    }
}
