//! What codes look like, and for whom they are.

use crate::code::OtpForm;
use crate::password::SignUpMode;

/// Telephone numbers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) form: OtpForm,
    pub(crate) sign_up: SignUpMode,
}

impl Default for Config {
    fn default() -> Self {
        Self { form: OtpForm::default(), sign_up: SignUpMode::Closed }
    }
}

impl Config {
    /// What a code looks like, and how long it is good.
    #[must_use]
    pub fn form(mut self, form: OtpForm) -> Self {
        self.form = form;
        self
    }

    /// Whether whoever proves a number that is nobody's gets an account. By default they do not: then only users who
    /// are signed in, and not anonymously, have text messages sent to numbers of their choice.
    #[must_use]
    pub fn sign_up(mut self, sign_up: SignUpMode) -> Self {
        self.sign_up = sign_up;
        self
    }

    pub(crate) fn problems(&self, has_sms: bool) -> Vec<String> {
        let mut problems = self.form.problems("texted");
        problems.extend(self.sign_up.problem("telephone numbers"));
        if !has_sms {
            problems.push("telephone numbers are to be proved by text messages, and there is no sms()".to_owned());
        }
        problems
    }
}
