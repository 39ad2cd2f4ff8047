//! What codes look like, and for whom they are.

use crate::code::OtpForm;
use crate::password::{self, SignUpMode};

/// Codes that are mailed and typed in.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    pub(crate) form: OtpForm,
    sign_up: Option<SignUpMode>,
}

impl Config {
    /// What a code looks like, and how long it is good.
    #[must_use]
    pub fn form(mut self, form: OtpForm) -> Self {
        self.form = form;
        self
    }

    /// Whether whoever has no account gets one by signing in with a code. By default it is as with a password:
    /// [`Open`](SignUpMode::Open) where anybody may sign up, or where there are no passwords, and else
    /// [`Closed`](SignUpMode::Closed). They take no invitations.
    #[must_use]
    pub fn sign_up(mut self, sign_up: SignUpMode) -> Self {
        self.sign_up = Some(sign_up);
        self
    }

    /// Whether they do, where this is how signing up with a password is.
    pub(crate) fn is_open_to_all(&self, with_password: Option<&password::Config>) -> bool {
        self.sign_up.unwrap_or_else(|| password::sign_up_mode(with_password)) == SignUpMode::Open
    }

    pub(crate) fn problems(&self, has_mailer: bool) -> Vec<String> {
        let mut problems = self.form.problems("mailed");
        problems.extend(self.sign_up.and_then(|sign_up| sign_up.problem("mailed codes")));
        if !has_mailer {
            problems.push("codes are to be mailed, and there is no mailer()".to_owned());
        }
        problems
    }
}
