use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::client::{Certificate, CertificateStore};

use self::mail::Received;
use self::server::{Manners, Server, Turn};
use super::*;
use crate::base::{Email, Timestamp};
use crate::ports::{Link, Otp, OtpPurpose};

mod mail;
mod server;

const URL: &str = "https://example.com/auth/x?token=s3cret-0123456789_abcdefghijklmnopqrstuvwxyz&callbackURL=%2Fhome";
const CODE: &str = "402913";
/// 2026-01-01 12:00:59 UTC.
const EXPIRES_AT: Timestamp = Timestamp::from_micros(1_767_268_859_000_000);
const PLAIN: &[&str] = &["AUTH PLAIN LOGIN"];
const STARTTLS: &[&str] = &["STARTTLS", "AUTH PLAIN"];

fn link(to: &str, url: &str) -> Link {
    let (to, token) = (Email::parse(to).unwrap(), "s3cret-0123456789_abcdefghijklmnopqrstuvwxyz".to_owned());
    Link { to, url: url.to_owned(), token, account: None, expires_at: EXPIRES_AT }
}

fn otp(purpose: OtpPurpose) -> Message {
    let to = Email::parse("ada@example.com").unwrap();
    Message::EmailOtp(Otp { to, otp: CODE.to_owned(), purpose, expires_at: EXPIRES_AT })
}

fn reset() -> Message {
    Message::ResetPassword(link("ada@example.com", URL))
}

/// Every kind of message, with what has to be in it.
fn messages() -> Vec<(Message, Option<&'static str>)> {
    let link = || link("ada@example.com", URL);
    vec![
        (Message::VerifyEmail(link()), Some(URL)),
        (Message::ResetPassword(link()), Some(URL)),
        (Message::MagicLink(link()), Some(URL)),
        (Message::ChangeEmail(link()), Some(URL)),
        (Message::DeleteUser(link()), Some(URL)),
        (otp(OtpPurpose::SignIn), Some(CODE)),
        (otp(OtpPurpose::EmailVerification), Some(CODE)),
        (otp(OtpPurpose::ForgetPassword), Some(CODE)),
        (otp(OtpPurpose::ChangeEmail), Some(CODE)),
        (Message::AccountExists { to: Email::parse("ada@example.com").unwrap() }, None),
    ]
}

fn builder(port: u16) -> SmtpMailerBuilder {
    SmtpMailer::builder("127.0.0.1", "Shop <no-reply@example.com>")
        .port(port)
        .tls(SmtpTls::PlaintextInsecure)
        .credentials("shop", Secret::new("hunter2"))
        .time_limit(Duration::from_secs(10))
}

fn mailer(port: u16) -> SmtpMailer {
    builder(port).build().unwrap()
}

/// A mailer over TLS that trusts the server's certificate and no other.
fn trusting(server: &Server, tls: SmtpTls) -> SmtpMailer {
    let mut mailer = builder(server.port).tls(tls).build().unwrap();
    let parameters = TlsParameters::builder("127.0.0.1".to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(Certificate::from_der(server.certificate.clone()).unwrap())
        .build()
        .unwrap();
    mailer.security = match tls {
        SmtpTls::Required => Security::StartTls(parameters),
        SmtpTls::Implicit => Security::Implicit(parameters),
        SmtpTls::PlaintextInsecure => Security::Plaintext,
    };
    mailer
}

/// The mail as it is read by whoever gets it.
fn received(mailer: &SmtpMailer, message: &Message) -> Received {
    Received::read(std::str::from_utf8(&mailer.compose(message).unwrap().1).unwrap())
}

/// The error with all its causes, as the log has it.
fn logged(error: &PortError) -> String {
    format!("{error} {error:?} {}", std::error::Error::source(error).unwrap())
}

/// The first word of what the server was sent, a mail being one as well.
fn commands(heard: &[String]) -> Vec<&str> {
    heard.iter().map(|line| line.split([' ', '\r']).next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_mail_arrives_with_its_headers_and_both_its_forms() {
    let server = Server::start(Manners::offering(PLAIN)).await;
    mailer(server.port).send(&reset()).await.unwrap();
    let heard = server.heard().await;
    assert_eq!(commands(&heard), ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "From:", "QUIT"]);
    assert_eq!(heard[0], "EHLO example.com");
    assert_eq!(heard[1], format!("AUTH PLAIN {}", STANDARD.encode("\0shop\0hunter2")));
    assert_eq!(&heard[2..4], ["MAIL FROM:<no-reply@example.com>", "RCPT TO:<ada@example.com>"]);

    let mail = Received::read(&heard[5]);
    let names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
    assert_eq!(mail.header_names().into_iter().collect::<BTreeSet<_>>(), names.into());
    assert_eq!(mail.header("From"), "Shop <no-reply@example.com>");
    assert_eq!(mail.header("To"), "ada@example.com");
    assert_eq!(mail.header("Subject"), "Choose a new password for Shop");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("MIME-Version"), "1.0");
    assert!(mail.header("Date").ends_with(" +0000"), "{}", mail.header("Date"));
    assert!(mail.text.contains(&format!("\n{URL}\n")), "{}", mail.text);
    assert!(mail.html.contains(&format!("href=\"{}\"", URL.replace('&', "&amp;"))), "{}", mail.html);
}

#[test]
fn every_message_says_what_it_is_for_how_long_and_what_to_do_otherwise() {
    let mailer = mailer(587);
    let mut subjects = BTreeSet::new();
    for (message, secret) in messages() {
        let mail = received(&mailer, &message);
        assert!(subjects.insert(mail.header("Subject")), "{message:?} has the subject of another");
        for form in [&mail.text, &mail.html.replace("&amp;", "&")] {
            let times = secret.map_or(0, |secret| form.matches(secret).count());
            assert!(times >= secret.iter().count(), "{form}");
            assert_eq!(form.contains("works once, until 2026-01-01 12:00 UTC."), secret.is_some(), "{form}");
            assert!(form.contains("ignore this mail") && form.contains("Shop"), "{form}");
            assert!(!form.contains(['{', '}']), "{form}");
        }
        // In the HTML, the link can be followed and read.
        if secret == Some(URL) {
            assert_eq!(mail.html.matches(&URL.replace('&', "&amp;")).count(), 2, "{}", mail.html);
        }
        assert!(secret.is_none_or(|secret| !mail.header("Subject").contains(secret)));
        assert!(!mail.html.contains("<script") && !mail.html.contains("<img"), "{}", mail.html);
    }
}

#[test]
fn no_two_mails_have_one_message_id_and_none_names_this_machine() {
    let ids: BTreeSet<_> = (0..100).map(|_| received(&mailer(587), &reset()).header("Message-ID")).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| id.starts_with('<') && id.ends_with("@example.com>")), "{ids:?}");
}

#[test]
fn odd_names_stay_text_in_html_and_in_headers() {
    let name = "<b>\"Tom & Jerry's\"</b> \u{2615} {0}";
    let mailer = builder(587).app_name(name).logo_url("https://example.com/a.png?a=1&b='\"><script>").build().unwrap();
    let mail = received(&mailer, &reset());
    assert_eq!(mail.header("Subject"), format!("Choose a new password for {name}"));
    assert!(mail.text.contains(name));
    assert!(mail.html.contains("&lt;b&gt;&quot;Tom &amp; Jerry&#39;s&quot;&lt;/b&gt; \u{2615} {0}"), "{}", mail.html);
    assert!(!mail.html.contains("<b>") && !mail.html.contains("<script"), "{}", mail.html);
    assert_eq!(mail.html.matches("<img src=\"https://example.com/a.png?a=1&amp;b=").count(), 1);
}

#[test]
fn a_sender_s_name_of_any_script_survives() {
    for (from, name, address) in [
        ("no-reply@example.com", None, "no-reply@example.com"),
        ("\"Shop, Inc.\" <no-reply@example.com>", Some("Shop, Inc."), "no-reply@example.com"),
        ("K\u{f6}hler & S\u{f6}hne <No-Reply@B\u{fc}cher.example>", None, "no-reply@xn--bcher-kva.example"),
        ("\u{5e97} <no-reply@example.com>", Some("\u{5e97}"), "no-reply@example.com"),
    ] {
        let mailer = SmtpMailer::builder("mail.example.com", from).build().unwrap();
        let header = received(&mailer, &reset()).header("From");
        assert!(header.contains(address), "{header}");
        assert!(name.is_none_or(|name| header.contains(name) && mailer.brand.name == name), "{header}");
    }
    let mailer = SmtpMailer::builder("mail.example.com", "no-reply@example.com").build().unwrap();
    assert_eq!(mailer.brand.name, "example.com");
}

#[tokio::test]
async fn a_line_that_begins_with_a_dot_does_not_end_the_mail() {
    let url = ".\r\nMAIL FROM:<evil@example.com>\r\n..";
    let server = Server::start(Manners::offering(PLAIN)).await;
    mailer(server.port).send(&Message::MagicLink(link("ada@example.com", url))).await.unwrap();
    let heard = server.heard().await;
    assert_eq!(commands(&heard), ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "From:", "QUIT"]);
    let text = Received::read(&heard[5]).text;
    assert!(text.contains("\n.\nMAIL FROM:<evil@example.com>\n..\n"), "{text}");
}

#[tokio::test]
async fn a_refusal_is_an_error_that_quotes_nothing() {
    let steps = ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT"];
    for (answer, code) in [
        ("421 no, hunter2 s3cret ada@example.com\r\n", Some("421")),
        ("550-5.7.1 no\r\n550 hunter2 s3cret ada@example.com\r\n", Some("550")),
        ("hunter2 s3cret ada@example.com\r\n", None),
    ] {
        for step in steps {
            let server = Server::start(Manners::but(PLAIN, step, Turn::Says(answer))).await;
            let error = mailer(server.port).send(&reset()).await.unwrap_err();
            assert_eq!((error.port(), error.to_string().as_str()), (PORT, "the SMTP server failed"));
            let logged = logged(&error);
            assert!(code.is_none_or(|code| logged.contains(code)), "{step}: {logged}");
            for secret in ["hunter2", "s3cret", "ada"] {
                assert!(!logged.contains(secret), "{step}: {logged}");
            }
            // What was refused is not followed by what depends on it.
            let heard = server.heard().await;
            let after = commands(&heard).into_iter().skip_while(|command| *command != step).skip(1);
            assert!(after.into_iter().all(|command| command == "QUIT"), "{step}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_more_is_not_waited_for() {
    for step in ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT"] {
        let server = Server::start(Manners::but(PLAIN, step, Turn::Hangs)).await;
        let mailer = builder(server.port).time_limit(Duration::from_millis(200)).build().unwrap();
        let error = mailer.send(&reset()).await.unwrap_err();
        assert!(logged(&error).contains("the time limit"), "{step}: {error:?}");
        server.heard().await;
    }
}

#[tokio::test]
async fn a_server_that_goes_midway_is_an_error() {
    for step in ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT"] {
        let server = Server::start(Manners::but(PLAIN, step, Turn::Closes)).await;
        let error = mailer(server.port).send(&reset()).await.unwrap_err();
        assert!(!logged(&error).contains("the time limit"), "{step}: {error:?}");
    }
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    mailer(unused).send(&reset()).await.unwrap_err();
}

#[tokio::test]
async fn a_mail_that_was_taken_over_is_sent_however_the_server_says_goodbye() {
    for turn in [Turn::Hangs, Turn::Closes, Turn::Says("550 no\r\n")] {
        let server = Server::start(Manners::but(PLAIN, "QUIT", turn)).await;
        let mailer = builder(server.port).time_limit(Duration::from_secs(1)).build().unwrap();
        mailer.send(&reset()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_neither_a_password_nor_a_mail() {
    let server = Server::start(Manners::offering(PLAIN)).await;
    let error = builder(server.port).tls(SmtpTls::Required).build().unwrap().send(&reset()).await.unwrap_err();
    assert!(logged(&error).contains("STARTTLS is not supported"), "{error:?}");
    assert_eq!(commands(&server.heard().await), ["EHLO"]);

    let server = Server::start(Manners::but(STARTTLS, "STARTTLS", Turn::Says("454 not now\r\n"))).await;
    builder(server.port).tls(SmtpTls::Required).build().unwrap().send(&reset()).await.unwrap_err();
    assert_eq!(commands(&server.heard().await), ["EHLO", "STARTTLS", "QUIT"]);
}

#[tokio::test]
async fn password_and_mail_go_over_tls_to_a_server_that_is_trusted() {
    let server = Server::start(Manners::offering(STARTTLS)).await;
    trusting(&server, SmtpTls::Required).send(&reset()).await.unwrap();
    let heard = server.heard().await;
    assert_eq!(commands(&heard), ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "From:", "QUIT"]);
    assert!(Received::read(&heard[7]).text.contains(URL));

    let server = Server::start(Manners { tls_at_once: true, ..Manners::offering(PLAIN) }).await;
    trusting(&server, SmtpTls::Implicit).send(&reset()).await.unwrap();
    assert_eq!(commands(&server.heard().await), ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "From:", "QUIT"]);
}

#[tokio::test]
async fn a_server_whose_certificate_is_its_own_word_is_told_nothing() {
    let server = Server::start(Manners::offering(STARTTLS)).await;
    let error = builder(server.port).tls(SmtpTls::Required).build().unwrap().send(&reset()).await.unwrap_err();
    assert!(logged(&error).contains("certificate"), "{error:?}");
    assert_eq!(commands(&server.heard().await), ["EHLO", "STARTTLS"]);

    let server = Server::start(Manners { tls_at_once: true, ..Manners::offering(PLAIN) }).await;
    let error = builder(server.port).tls(SmtpTls::Implicit).build().unwrap().send(&reset()).await.unwrap_err();
    assert!(logged(&error).contains("certificate"), "{error:?}");
    assert!(server.heard().await.is_empty());
}

/// Answers in plain text behind the one to STARTTLS, by whoever is on the way, are not taken for the server's.
#[tokio::test]
async fn answers_from_before_tls_do_not_count_under_it() {
    let forged = "220 go on\r\n250-mail.test\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 ok\r\n250 ok\r\n";
    let server = Server::start(Manners::but(STARTTLS, "STARTTLS", Turn::Says(forged))).await;
    let error = trusting(&server, SmtpTls::Required).send(&reset()).await.unwrap_err();
    assert!(logged(&error).contains("InvalidContentType"), "{error:?}");
    assert_eq!(commands(&server.heard().await), ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn an_address_beyond_ascii_is_sent_as_it_is_or_not_at_all() {
    let message = Message::MagicLink(link("jos\u{e9}@example.com", URL));
    let server = Server::start(Manners::offering(&["AUTH PLAIN", "8BITMIME"])).await;
    let error = mailer(server.port).send(&message).await.unwrap_err();
    assert!(logged(&error).contains("SMTPUTF8") && !logged(&error).contains("jos"), "{error:?}");
    assert_eq!(commands(&server.heard().await), ["EHLO", "AUTH"]);

    let server = Server::start(Manners::offering(&["AUTH PLAIN", "8BITMIME", "SMTPUTF8"])).await;
    mailer(server.port).send(&message).await.unwrap();
    let heard = server.heard().await;
    assert_eq!(heard[2], "MAIL FROM:<no-reply@example.com> SMTPUTF8 BODY=8BITMIME");
    assert_eq!(heard[3], "RCPT TO:<jos\u{e9}@example.com>");
    assert_eq!(Received::read(&heard[5]).header("To"), "jos\u{e9}@example.com");
}

#[tokio::test]
async fn without_credentials_nobody_signs_in() {
    let server = Server::start(Manners::offering(&[])).await;
    let anonymous = SmtpMailer::builder("127.0.0.1", "no-reply@example.com")
        .port(server.port)
        .tls(SmtpTls::PlaintextInsecure)
        .build()
        .unwrap();
    anonymous.send(&reset()).await.unwrap();
    assert_eq!(commands(&server.heard().await), ["EHLO", "MAIL", "RCPT", "DATA", "From:", "QUIT"]);

    let server = Server::start(Manners::offering(&["AUTH CRAM-MD5"])).await;
    mailer(server.port).send(&reset()).await.unwrap_err();
    assert_eq!(commands(&server.heard().await), ["EHLO"]);
}

#[test]
fn line_breaks_are_refused_wherever_they_could_begin_a_header() {
    for evil in ["\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\r", "\0", "\u{85}x"] {
        let from = SmtpMailer::builder("mail.example.com", format!("Shop{evil} <no-reply@example.com>")).build();
        let name = builder(587).app_name(format!("Shop{evil}")).build();
        let logo = builder(587).logo_url(format!("https://example.com/{evil}")).build();
        let host = SmtpMailer::builder(format!("mail.example.com{evil}"), "no-reply@example.com").build();
        for (what, built) in [("mailbox", from), ("name in mails", name), ("logo", logo), ("name of a host", host)] {
            let error = built.unwrap_err();
            assert!(error.problems().len() == 1 && error.to_string().contains(what), "{evil:?}: {error}");
        }
        assert!(Email::parse(&format!("ada{evil}@example.com")).is_err());
    }
}

#[test]
fn every_problem_is_told_at_once_and_no_secret() {
    let error = SmtpMailer::builder("mail.example.com:25", "nobody")
        .port(0)
        .credentials("", Secret::new("hunter2\0"))
        .app_name("x".repeat(65))
        .logo_url("http://example.com/logo.png")
        .time_limit(Duration::from_secs(31))
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 7, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn only_this_machine_gets_mail_unencrypted() {
    let build = |host: &str| SmtpMailer::builder(host, "a@example.com").tls(SmtpTls::PlaintextInsecure).build();
    for own in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]"] {
        assert!(build(own).is_ok(), "{own}");
    }
    assert_eq!(build("[::1]").unwrap().host, "::1");
    for other in
        ["mail.example.com", "localhost.example.com", "10.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1", "fe80::1"]
    {
        assert!(build(other).is_err(), "{other}");
    }
}

fn from(variables: &[(&str, &str)]) -> Result<Option<SmtpMailer>, ConfigErrors> {
    let value = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    SmtpMailer::from_variables(value)
}

#[test]
fn without_a_host_there_is_no_mailer() {
    assert!(from(&[("SMTP_PORT", "odd")]).unwrap().is_none());
    assert!(from(&[("SMTP_HOST", ""), ("SMTP_FROM", "odd")]).unwrap().is_none());
}

#[test]
fn the_port_decides_on_tls_unless_it_is_named() {
    let kind = |more: &[(&str, &str)]| {
        let mut variables = vec![("SMTP_HOST", "127.0.0.1"), ("SMTP_FROM", "Shop <a@example.com>")];
        variables.extend_from_slice(more);
        let mailer = from(&variables).unwrap().unwrap();
        let kind = match mailer.security {
            Security::StartTls(_) => SmtpTls::Required,
            Security::Implicit(_) => SmtpTls::Implicit,
            Security::Plaintext => SmtpTls::PlaintextInsecure,
        };
        (mailer.port, kind)
    };
    assert_eq!(kind(&[]), (587, SmtpTls::Required));
    assert_eq!(kind(&[("SMTP_PORT", "465")]), (465, SmtpTls::Implicit));
    assert_eq!(kind(&[("SMTP_PORT", "2525")]), (2525, SmtpTls::Required));
    assert_eq!(kind(&[("SMTP_PORT", "2465"), ("SMTP_TLS", "implicit")]), (2465, SmtpTls::Implicit));
    assert_eq!(kind(&[("SMTP_PORT", "465"), ("SMTP_TLS", "starttls")]), (465, SmtpTls::Required));
    assert_eq!(kind(&[("SMTP_TLS", "insecure-plaintext")]), (587, SmtpTls::PlaintextInsecure));
}

#[test]
fn variables_fill_the_mailer_and_their_problems_are_told_together() {
    let mailer = from(&[
        ("SMTP_HOST", "mail.example.com"),
        ("SMTP_USER", "shop"),
        ("SMTP_PASS", "hunter2"),
        ("SMTP_FROM", "no-reply@example.com"),
        ("APP_NAME", "The Shop"),
        ("APP_LOGO_URL", "https://example.com/logo.png"),
    ]);
    let mailer = mailer.unwrap().unwrap();
    assert_eq!(mailer.credentials, Some(Credentials::new("shop".to_owned(), "hunter2".to_owned())));
    assert_eq!(mailer.brand.name, "The Shop");
    assert_eq!(mailer.brand.logo.unwrap().as_str(), "https://example.com/logo.png");

    let wrong =
        [("SMTP_HOST", "mail.example.com"), ("SMTP_PORT", "99999"), ("SMTP_TLS", "none"), ("SMTP_PASS", "hunter2")];
    let error = from(&wrong).unwrap_err();
    assert_eq!(error.problems().len(), 4, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(
        from(&[("SMTP_HOST", "mail.example.com"), ("SMTP_FROM", "a@example.com"), ("SMTP_TLS", "insecure-plaintext")])
            .is_err()
    );
}

#[test]
fn debug_shows_no_credentials() {
    let shown = format!("{:?} {:?}", builder(587), mailer(587));
    assert!(shown.contains("127.0.0.1") && !shown.contains("shop") && !shown.contains("hunter2"), "{shown}");
}
