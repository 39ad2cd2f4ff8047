//! What codes look like, and for whom they are.

use crate::code::OtpForm;
use crate::password::SignUpMode;

/// Codes that are mailed and typed in.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    pub(crate) form: OtpForm,
    pub(crate) sign_up: SignUpMode,
}

impl Config {
    /// What a code looks like, and how long it is good.
    #[must_use]
    pub fn form(mut self, form: OtpForm) -> Self {
        self.form = form;
        self
    }

    /// Whether whoever has no account gets one by signing in with a code.
    #[must_use]
    pub fn sign_up(mut self, sign_up: SignUpMode) -> Self {
        self.sign_up = sign_up;
        self
    }

    pub(crate) fn problems(&self, has_mailer: bool) -> Vec<String> {
        let mut problems = self.form.problems();
        if !has_mailer {
            problems.push("codes are to be mailed, and there is no mailer()".to_owned());
        }
        problems
    }
}
