//! Settings of the mailer, and what is wrong with them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use url::{Host, Url};

use super::letter::Brand;
use super::{SUBMISSION, SUBMISSIONS, Security, SmtpMailer};
use crate::base::{Email, Secret};
use crate::error::ConfigErrors;

const TIME_LIMIT: Duration = Duration::from_secs(20);
/// A mailer that takes longer counts as failed.
const MOST_TIME: Duration = Duration::from_secs(30);
/// In characters.
const LONGEST_NAME: usize = 64;

/// How the conversation with the server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmtpTls {
    /// From its second command on: STARTTLS (RFC 3207), which the server has to offer. Usually on port 587.
    Required,
    /// From its first byte on (RFC 8314 §3). Usually on port 465. The better one where a server has both.
    Implicit,
    /// Not at all: whoever is on the way reads passwords, links and codes, and signs in with them. Only to a server on
    /// this machine, such as one that shows a developer the mails.
    PlaintextInsecure,
}

/// Settings of an [`SmtpMailer`].
#[derive(Clone)]
#[must_use]
pub struct SmtpMailerBuilder {
    host: String,
    from: String,
    port: Option<u16>,
    credentials: Option<(String, Secret)>,
    tls: SmtpTls,
    app_name: Option<String>,
    logo_url: Option<String>,
    time_limit: Duration,
}

impl SmtpMailerBuilder {
    pub(super) fn new(host: String, from: String) -> Self {
        Self {
            host,
            from,
            port: None,
            credentials: None,
            tls: SmtpTls::Required,
            app_name: None,
            logo_url: None,
            time_limit: TIME_LIMIT,
        }
    }

    /// Another port than 587, or 465 with [`SmtpTls::Implicit`].
    pub fn port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Signs in to the server as `user`, by PLAIN (RFC 4616) or LOGIN. Without, it is used without signing in.
    pub fn credentials(self, user: impl Into<String>, password: Secret) -> Self {
        Self { credentials: Some((user.into(), password)), ..self }
    }

    /// How the conversation is encrypted, [`SmtpTls::Required`] by default.
    pub fn tls(self, tls: SmtpTls) -> Self {
        Self { tls, ..self }
    }

    /// What the application is called in subjects and texts: at most 64 characters. By default the name of the sender,
    /// or the domain of its address.
    pub fn app_name(self, app_name: impl Into<String>) -> Self {
        Self { app_name: Some(app_name.into()), ..self }
    }

    /// A picture at the top of HTML mails, shown 40 pixels high. Its address is `https`. Programs that show pictures
    /// load it from there, and whoever runs that place sees when a mail is opened.
    pub fn logo_url(self, logo_url: impl Into<String>) -> Self {
        Self { logo_url: Some(logo_url.into()), ..self }
    }

    /// The time that sending a mail may take, 20 seconds by default and 30 at most.
    pub fn time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// The mailer with these settings. Nothing is sent before there is a mail.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn build(self) -> Result<SmtpMailer, ConfigErrors> {
        let mut problems = Vec::new();
        let mut told = |problem: String| problems.push(problem);
        let host = parse_host(&self.host).map_err(&mut told).ok();
        let from = parse_sender(&self.from).map_err(&mut told).ok();
        let security = host.as_ref().and_then(|host| secure(self.tls, host).map_err(&mut told).ok());
        let credentials = self.credentials.as_ref().map(parse_credentials).transpose().map_err(&mut told);
        let name = self.app_name.as_deref().map(parse_name).transpose().map_err(&mut told);
        let logo = self.logo_url.as_deref().map(parse_logo).transpose().map_err(&mut told);
        if self.port == Some(0) {
            told("the port of the SMTP server must not be 0.".to_owned());
        }
        if self.time_limit.is_zero() || self.time_limit > MOST_TIME {
            told("the time limit of mails must be more than 0 and at most 30 seconds.".to_owned());
        }
        let (Some(host), Some(from), Some(security), Ok(credentials), Ok(name), Ok(logo), true) =
            (host, from, security, credentials, name, logo, problems.is_empty())
        else {
            return Err(ConfigErrors::new(problems));
        };
        let usual_port = match self.tls {
            SmtpTls::Required | SmtpTls::PlaintextInsecure => SUBMISSION,
            SmtpTls::Implicit => SUBMISSIONS,
        };
        let name = name.or_else(|| from.name.clone()).unwrap_or_else(|| from.email.domain().to_owned());
        Ok(SmtpMailer {
            host: bare(&host),
            port: self.port.unwrap_or(usual_port),
            security,
            credentials,
            from,
            brand: Brand { name, logo },
            time_limit: self.time_limit,
        })
    }
}

impl fmt::Debug for SmtpMailerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailerBuilder").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

fn parse_host(text: &str) -> Result<Host, String> {
    let host = match text.parse() {
        Ok(IpAddr::V4(ip)) => Ok(Host::Ipv4(ip)),
        Ok(IpAddr::V6(ip)) => Ok(Host::Ipv6(ip)),
        Err(_) => Host::parse(text),
    };
    host.map_err(|_| "the SMTP server must be the name of a host or its address, without a port.".to_owned())
}

/// As the resolver and the certificate have it.
fn bare(host: &Host) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn secure(tls: SmtpTls, host: &Host) -> Result<Security, String> {
    let trusted = || TlsParameters::new(bare(host)).map_err(|_| "the roots of trust cannot be read.".to_owned());
    match tls {
        SmtpTls::Required => trusted().map(Security::StartTls),
        SmtpTls::Implicit => trusted().map(Security::Implicit),
        SmtpTls::PlaintextInsecure if is_loopback(host) => Ok(Security::Plaintext),
        SmtpTls::PlaintextInsecure => {
            Err("mail may go unencrypted to a server on this machine alone: localhost, 127.0.0.1 or ::1.".to_owned())
        }
    }
}

fn parse_sender(text: &str) -> Result<Mailbox, String> {
    let problem = || "the sender of mails must be a mailbox: Shop <no-reply@example.com>.".to_owned();
    let mailbox: Mailbox = one_line(text).and_then(|text| text.parse().ok()).ok_or_else(problem)?;
    let email = Email::parse(mailbox.email.as_ref()).map_err(|_| problem())?;
    let address = email.as_str().parse().map_err(|_| problem())?;
    Ok(Mailbox::new(mailbox.name.filter(|name| !name.trim().is_empty()), address))
}

fn parse_credentials((user, password): &(String, Secret)) -> Result<Credentials, String> {
    // RFC 4616 §2 separates the two by a NUL.
    let text = std::str::from_utf8(password.expose()).ok().filter(|text| !text.is_empty() && !text.contains('\0'));
    let user = Some(user.clone()).filter(|user| !user.is_empty() && !user.contains('\0'));
    let (Some(user), Some(password)) = (user, text) else {
        return Err("user and password of the SMTP server must be texts and not empty.".to_owned());
    };
    Ok(Credentials::new(user, password.to_owned()))
}

fn parse_name(text: &str) -> Result<String, String> {
    let name = one_line(text).map(str::trim).filter(|name| (1..=LONGEST_NAME).contains(&name.chars().count()));
    let problem = || format!("the application's name in mails must be one line of 1 to {LONGEST_NAME} characters.");
    name.map(ToOwned::to_owned).ok_or_else(problem)
}

fn parse_logo(text: &str) -> Result<Url, String> {
    // Before it is parsed: what reads addresses drops line breaks from them.
    let url = one_line(text).and_then(|text| Url::parse(text).ok()).filter(|url| url.scheme() == "https");
    url.ok_or_else(|| "the address of the logo must be an https address.".to_owned())
}

/// A line break would end a header, and what follows it would be one of somebody else's (CWE-93).
fn one_line(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.contains(char::is_control))
}
