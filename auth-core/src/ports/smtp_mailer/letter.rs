//! What the mails say, as text and as HTML.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use url::Url;

use crate::base::{Timestamp, escape_html};
use crate::ports::{Link, Message, Otp, OtpPurpose};

/// The seconds are cut off, so that nobody is promised a moment too long.
const MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

/// Who writes.
#[derive(Clone, Debug)]
pub(super) struct Brand {
    pub(super) name: String,
    pub(super) logo: Option<Url>,
}

/// A mail in words. No secret is in the subject: servers on the way log it, and locked telephones show it.
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Letter {
    pub(super) fn write(message: &Message, brand: &Brand) -> Self {
        let words = Words::about(message, &brand.name);
        Self { text: words.text(brand), html: words.html(brand), subject: words.subject }
    }
}

/// What a letter is made of, before it has a form.
struct Words<'a> {
    subject: String,
    /// What was asked.
    asked: String,
    action: Action<'a>,
    /// What to do for those who have not asked.
    otherwise: &'static str,
}

enum Action<'a> {
    Follow { label: &'static str, link: &'a Link },
    Type(&'a Otp),
    None,
}

impl<'a> Words<'a> {
    fn about(message: &'a Message, app: &str) -> Self {
        match message {
            Message::VerifyEmail(link @ Link { account: Some(account), .. }) => Self {
                subject: format!("Use this e-mail address at {app}"),
                asked: format!("The account {account} at {app} is to have this e-mail address from now on."),
                action: Action::Follow { label: "Use this address", link },
                otherwise: "If it is not your account, ignore this mail: do not follow the link, or somebody else's account \
                            would have your address.",
            },
            Message::SignUpInvitation(link) => Self {
                subject: format!("You are invited to {app}"),
                asked: format!("You may make an account at {app} with this e-mail address."),
                action: Action::Follow { label: "Sign up", link },
                otherwise: "If you do not want to, ignore this mail.",
            },
            Message::VerifyEmail(link) => Self {
                subject: format!("Confirm your e-mail address for {app}"),
                asked: format!("Somebody, perhaps you, gave this address to {app}. Please confirm that it is yours."),
                action: Action::Follow { label: "Confirm the address", link },
                otherwise: "If it was not you, ignore this mail, and the address stays unconfirmed.",
            },
            Message::ResetPassword(link) => Self {
                subject: format!("Choose a new password for {app}"),
                asked: format!("Somebody, perhaps you, wants a new password for your account at {app}."),
                action: Action::Follow { label: "Choose a new password", link },
                otherwise: "If it was not you, ignore this mail, and your password stays as it is.",
            },
            Message::MagicLink(link) => Self {
                subject: format!("Sign in to {app}"),
                asked: format!("This link signs you in to {app}, and anybody else who has it: keep it to yourself."),
                action: Action::Follow { label: "Sign in", link },
                otherwise: "If you did not ask for it, ignore this mail, and nobody is signed in.",
            },
            Message::ChangeEmail(link) => Self {
                subject: format!("Approve another e-mail address for {app}"),
                asked: format!("Your account at {app} is to get another e-mail address, if you approve it."),
                action: Action::Follow { label: "Approve the change", link },
                otherwise: "If you did not ask for it, ignore this mail, and the address stays as it is. Somebody \
                            seems to have access to your account: choose a new password.",
            },
            Message::DeleteUser(link) => Self {
                subject: format!("Confirm the end of your account at {app}"),
                asked: format!(
                    "Your account at {app} is to be deleted, if you confirm it. Nothing brings it back then."
                ),
                action: Action::Follow { label: "Delete the account", link },
                otherwise: "If you did not ask for it, ignore this mail, and the account stays. Somebody seems to have \
                            access to it: choose a new password.",
            },
            Message::EmailOtp(otp) => Self::with_code(otp, app),
            Message::AccountExists { .. } => Self {
                subject: format!("You have an account at {app}"),
                asked: format!(
                    "Somebody, perhaps you, tried to sign up at {app} with this address, which has an account already. \
                     Nothing was changed. Sign in instead, or ask there for a new password if you have forgotten yours."
                ),
                action: Action::None,
                otherwise: "If it was not you, ignore this mail.",
            },
        }
    }

    fn with_code(otp: &'a Otp, app: &str) -> Self {
        let (subject, asked) = match otp.purpose {
            OtpPurpose::SignIn => {
                (format!("Your code to sign in to {app}"), format!("This code signs you in to {app}."))
            }
            OtpPurpose::EmailVerification => (
                format!("Your code to confirm your e-mail address for {app}"),
                format!(
                    "This code confirms at {app} that the address is yours, and approves that your account gets another one."
                ),
            ),
            OtpPurpose::ForgetPassword => (
                format!("Your code for a new password at {app}"),
                format!("With this code you choose a new password for your account at {app}."),
            ),
            OtpPurpose::ChangeEmail => (
                format!("Your code to use this e-mail address at {app}"),
                format!("This code makes this address the one of your account at {app}."),
            ),
        };
        let otherwise =
            "Keep it to yourself, whoever asks. If you did not ask for it, ignore this mail, and nothing happens.";
        Self { subject, asked, action: Action::Type(otp), otherwise }
    }

    /// An address has a line of its own, so that no program takes punctuation for a part of it.
    fn text(&self, brand: &Brand) -> String {
        let Self { asked, otherwise, .. } = self;
        let action = match self.action {
            Action::Follow { label, link } => {
                format!("{label}:\n{}\n\nThe link works once, until {}.\n\n", link.url, Minute(link.expires_at))
            }
            Action::Type(otp) => format!("{}\n\nThe code works once, until {}.\n\n", otp.otp, Minute(otp.expires_at)),
            Action::None => String::new(),
        };
        format!("{asked}\n\n{action}{otherwise}\n\n{}\n", brand.name)
    }

    /// No script, no form, and nothing that is loaded from elsewhere but the logo.
    fn html(&self, brand: &Brand) -> String {
        let (subject, name) = (escape_html(&self.subject), escape_html(&brand.name));
        let (asked, otherwise) = (escape_html(&self.asked), escape_html(self.otherwise));
        let logo = brand.logo.as_ref().map_or_else(String::new, |logo| {
            format!("<p><img src=\"{}\" alt=\"{name}\" height=\"40\"></p>\n", escape_html(logo.as_str()))
        });
        let action = match self.action {
            Action::Follow { label, link } => {
                let (url, until) = (escape_html(&link.url), Minute(link.expires_at));
                format!(
                    "<p><a href=\"{url}\" style=\"{BUTTON}\">{label}</a></p>\n\
                     <p>Or open this address in your browser:<br>{url}</p>\n\
                     <p>The link works once, until {until}.</p>\n"
                )
            }
            Action::Type(otp) => {
                let (code, until) = (escape_html(&otp.otp), Minute(otp.expires_at));
                format!("<p style=\"{CODE}\">{code}</p>\n<p>The code works once, until {until}.</p>\n")
            }
            Action::None => String::new(),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{subject}</title>\n</head>\n\
             <body style=\"{BODY}\">\n{logo}<p>{asked}</p>\n{action}<p>{otherwise}</p>\n<p>{name}</p>\n\
             </body>\n</html>\n"
        )
    }
}

const BODY: &str = "max-width:36em;margin:2em auto;padding:0 1em;font:16px/1.5 sans-serif;overflow-wrap:anywhere";
const BUTTON: &str =
    "display:inline-block;padding:.6em 1.2em;border-radius:.3em;background:#1f5fbf;color:#fff;text-decoration:none";
const CODE: &str = "font:bold 28px monospace;letter-spacing:.15em";

/// An instant to the minute.
struct Minute(Timestamp);

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = OffsetDateTime::from_unix_timestamp(self.0.as_seconds()).map_err(|_| fmt::Error)?;
        f.write_str(&instant.format(MINUTE).map_err(|_| fmt::Error)?)
    }
}
