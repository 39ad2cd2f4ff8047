//! What may be a password, and who may sign up.

use std::fmt;
use std::sync::Arc;

use super::common;
use crate::base::Email;
use crate::crypto::password_hash::{HashConfig, Password};
use crate::error::{Code, Error, Result};
use crate::ports::BreachList;

/// NIST SP 800-63B-4 §3.1.1.2: the least for any password.
const LEAST_MIN_LENGTH: usize = 8;
/// The same section: verifiers should permit at least this many.
const LEAST_MAX_LENGTH: usize = 64;
/// A shorter local part occurs in too many good passwords.
const LEAST_LOCAL_PART: usize = 4;

/// Everything about signing up and in with e-mail and password.
///
/// ```
/// use auth_core::password::{Config, PasswordPolicy, SignUpMode};
///
/// let config = Config::default()
///     .policy(PasswordPolicy::default().min_length(12))
///     .sign_up(SignUpMode::Closed);
/// # let _ = config;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    pub(crate) policy: PasswordPolicy,
    pub(crate) hash: HashConfig,
    pub(crate) sign_up: SignUpMode,
    pub(crate) breach: Option<BreachCheck>,
    pub(crate) after_reset: AfterReset,
}

impl Config {
    /// What a new password must be like. Passwords that are set already are never judged by it.
    #[must_use]
    pub fn policy(self, policy: PasswordPolicy) -> Self {
        Self { policy, ..self }
    }

    /// What a hash costs and how many may be computed at once.
    #[must_use]
    pub fn hash(self, hash: HashConfig) -> Self {
        Self { hash, ..self }
    }

    /// Whether strangers may make accounts.
    #[must_use]
    pub fn sign_up(self, sign_up: SignUpMode) -> Self {
        Self { sign_up, ..self }
    }

    /// Refuses new passwords that appear in `list`, in addition to the common ones that are refused
    /// anyway. [`PwnedPasswords`](crate::ports::PwnedPasswords) is such a list. There is none by default.
    #[must_use]
    pub fn breach_list(self, list: impl BreachList, on_outage: OnOutage) -> Self {
        Self { breach: Some(BreachCheck { list: Arc::new(list), on_outage }), ..self }
    }

    /// What ends when somebody has set a new password by a link or a code that was sent to them.
    #[must_use]
    pub fn after_reset(self, after_reset: AfterReset) -> Self {
        Self { after_reset, ..self }
    }

    /// What is wrong with these settings, in sentences; empty when nothing is.
    pub(crate) fn problems(&self, has_mailer: bool) -> Vec<String> {
        let mut problems = self.policy.problems();
        if self.sign_up == SignUpMode::ByInvitation && !has_mailer {
            problems.push("invitations to sign up are to be mailed, and there is no mailer()".to_owned());
        }
        problems.extend(self.hash.validate().err().map(|error| format!("{error}.")));
        problems
    }
}

/// What ends when somebody has set a new password by a link or a code that was sent to them, because they have
/// forgotten the old one or it has become known. Sessions, tokens and codes end in any case, and nobody is signed in by
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterReset {
    /// All sessions, and nothing else.
    #[default]
    EndSessions,
    /// All sessions and all API keys of the user.
    EndSessionsAndApiKeys,
}

/// Whether strangers may make accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignUpMode {
    /// Anybody may sign up.
    #[default]
    Open,
    /// Whoever shows an [invitation](crate::email::invite) for the address may sign up, and has proved the mailbox by
    /// it.
    ByInvitation,
    /// The sign-up endpoint refuses everybody; accounts are made by the application.
    Closed,
}

/// How people sign up where nothing else is said of it: as with a password, or freely where there are none.
pub(crate) fn sign_up_mode(passwords: Option<&Config>) -> SignUpMode {
    passwords.map_or(SignUpMode::Open, |config| config.sign_up)
}

impl SignUpMode {
    /// Refuses the mode for a way to sign in that cannot take an invitation.
    pub(crate) fn problem(self, of: &str) -> Option<String> {
        (self == Self::ByInvitation).then(|| format!("{of} take no invitations: their sign_up is Open or Closed"))
    }
}

/// What a new password must be like: 8 to 128 characters by default, none that everybody else uses,
/// not the e-mail address.
///
/// Length counts Unicode code points of the password as received; nothing is trimmed or normalised.
/// Whatever the settings, more than [`Password::MAX_BYTES`] bytes are refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PasswordPolicy {
    min_length: usize,
    max_length: usize,
    common: CommonPasswords,
    required: Vec<Composition>,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: LEAST_MIN_LENGTH, max_length: 128, common: CommonPasswords::Refused, required: Vec::new() }
    }
}

impl PasswordPolicy {
    /// At least 15 characters, which NIST SP 800-63B-4 §3.1.1.2 requires where the password is the only factor.
    pub fn nist_single_factor() -> Self {
        Self::default().min_length(15)
    }

    /// The least number of characters, 8 by default. Fewer than 8 is a configuration problem, and 8
    /// are asked for all the same.
    #[must_use]
    pub fn min_length(self, min_length: usize) -> Self {
        Self { min_length, ..self }
    }

    /// The greatest number of characters, 128 by default, 64 to 512.
    #[must_use]
    pub fn max_length(self, max_length: usize) -> Self {
        Self { max_length, ..self }
    }

    /// What to do about common passwords; they are refused by default.
    #[must_use]
    pub fn common_passwords(self, common: CommonPasswords) -> Self {
        Self { common, ..self }
    }

    /// Asks for a kind of character; call it once for each kind.
    ///
    /// NIST SP 800-63B-4 §3.1.1.2 forbids such rules, since people meet them with `Password1!`.
    /// They are for applications whose own regulations demand them.
    #[must_use]
    pub fn require(mut self, kind: Composition) -> Self {
        if !self.required.contains(&kind) {
            self.required.push(kind);
        }
        self
    }

    /// Judges a new password of the user with this address.
    ///
    /// The address is in the password when all of it is, or the part before the `@` if that has at
    /// least 4 characters, in whatever case.
    ///
    /// # Errors
    /// The first rule that is broken, with a message that names its limit: [`Code::PasswordTooShort`],
    /// [`Code::PasswordTooLong`], [`Code::PasswordTooSimple`], [`Code::PasswordContainsEmail`] or
    /// [`Code::PasswordCompromised`].
    pub fn check(&self, password: &Password, email: &Email) -> Result<()> {
        self.check_length(password)?;
        self.check_composition(password)?;
        if contains_email(password, email) {
            return Err(Code::PasswordContainsEmail.into());
        }
        self.check_common(password)
    }

    /// All of [`check`](Self::check) that can be said without the address, for a request type that is to name every
    /// field that is wrong. The engine judges the whole of it wherever a password is set.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_without_email(&self, password: &Password) -> Result<()> {
        self.check_length(password)?;
        self.check_composition(password)?;
        self.check_common(password)
    }

    fn check_common(&self, password: &Password) -> Result<()> {
        match self.common {
            CommonPasswords::Refused if common::is_common(password.expose()) => Err(Code::PasswordCompromised.into()),
            CommonPasswords::Refused | CommonPasswords::Accepted => Ok(()),
        }
    }

    fn check_length(&self, password: &Password) -> Result<()> {
        // Bytes first: that is known at once, however long the password is.
        if password.len_bytes() > Password::MAX_BYTES {
            let message = format!("The password must have at most {} bytes.", Password::MAX_BYTES);
            return Err(Error::from(Code::PasswordTooLong).saying(message));
        }
        let (length, least) = (password.chars(), self.min_length.max(LEAST_MIN_LENGTH));
        if length < least {
            let message = format!("The password must have at least {least} characters.");
            return Err(Error::from(Code::PasswordTooShort).saying(message));
        }
        if length > self.max_length {
            let message = format!("The password must have at most {} characters.", self.max_length);
            return Err(Error::from(Code::PasswordTooLong).saying(message));
        }
        Ok(())
    }

    fn check_composition(&self, password: &Password) -> Result<()> {
        if self.required.iter().all(|kind| password.expose().chars().any(|c| kind.includes(c))) {
            return Ok(());
        }
        // All of them, so that nobody learns the rules one refusal at a time.
        let kinds: Vec<&str> = self.required.iter().map(|kind| kind.noun()).collect();
        let message = format!("The password must have at least one of each: {}.", kinds.join(", "));
        Err(Error::from(Code::PasswordTooSimple).saying(message))
    }

    /// What is wrong with these settings, in sentences; empty when nothing is.
    pub(crate) fn problems(&self) -> Vec<String> {
        let Self { min_length, max_length, .. } = self;
        let mut problems = Vec::new();
        if *min_length < LEAST_MIN_LENGTH {
            problems.push(format!(
                "The password policy's min_length is {min_length}, must be at least {LEAST_MIN_LENGTH}."
            ));
        }
        if !(LEAST_MAX_LENGTH..=Password::MAX_BYTES).contains(max_length) {
            problems.push(format!(
                "The password policy's max_length is {max_length}, must be {LEAST_MAX_LENGTH} to {}.",
                Password::MAX_BYTES
            ));
        }
        if min_length > max_length {
            problems
                .push(format!("The password policy's min_length {min_length} is above its max_length {max_length}."));
        }
        problems
    }
}

fn contains_email(password: &Password, email: &Email) -> bool {
    let folded = common::fold(password.expose());
    let local = email.local_part();
    folded.contains(email.as_str()) || (local.chars().count() >= LEAST_LOCAL_PART && folded.contains(local))
}

/// What to do about passwords that everybody else uses too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommonPasswords {
    /// Those on the built-in list, variations of them, runs, repetitions and dates are refused.
    #[default]
    Refused,
    /// They are accepted, against NIST SP 800-63B-4 §3.1.1.2.
    Accepted,
}

/// A kind of character, in whatever script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Composition {
    /// A lower-case letter.
    Lower,
    /// An upper-case letter.
    Upper,
    /// A digit.
    Digit,
    /// Anything that is neither letter nor digit; a space counts.
    Symbol,
}

impl Composition {
    fn includes(self, c: char) -> bool {
        match self {
            Self::Lower => c.is_lowercase(),
            Self::Upper => c.is_uppercase(),
            Self::Digit => c.is_numeric(),
            Self::Symbol => !c.is_alphanumeric(),
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Lower => "lower-case letter",
            Self::Upper => "upper-case letter",
            Self::Digit => "digit",
            Self::Symbol => "symbol",
        }
    }
}

/// What becomes of a new password while the breach list does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnOutage {
    /// It is accepted, and a warning is logged: signing up goes on, and the common passwords are refused still.
    Accept,
    /// It is refused with 503: nobody can set a password until the list is back.
    Refuse,
}

/// A breach list and what to do without it.
#[derive(Clone)]
pub(crate) struct BreachCheck {
    list: Arc<dyn BreachList>,
    on_outage: OnOutage,
}

impl BreachCheck {
    /// Refuses a password that is known from a breach.
    ///
    /// # Errors
    /// [`Code::PasswordCompromised`], or [`Code::Unavailable`] when there is no answer and none is not good enough.
    pub(crate) async fn check(&self, password: &Password) -> Result<()> {
        match (self.list.contains(password).await, self.on_outage) {
            (Ok(false), _) => Ok(()),
            (Ok(true), _) => Err(Code::PasswordCompromised.into()),
            (Err(error), OnOutage::Refuse) => Err(error.into()),
            (Err(error), OnOutage::Accept) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a new password was accepted without asking the breach list");
                Ok(())
            }
        }
    }
}

impl fmt::Debug for BreachCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreachCheck").field("on_outage", &self.on_outage).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use proptest::prelude::*;

    use super::*;
    use crate::ports::PortError;

    fn judge(policy: &PasswordPolicy, password: &str) -> Result<()> {
        policy.check(&Password::new(password), &Email::parse("ada.lovelace@example.com").unwrap())
    }

    fn refusal(policy: &PasswordPolicy, password: &str) -> (String, String) {
        let error = judge(policy, password).unwrap_err();
        (error.code().to_owned(), error.message().to_owned())
    }

    #[test]
    fn good_passwords_are_accepted_by_default() {
        let policy = PasswordPolicy::default();
        for password in ["Correct-Horse-9", "correct horse battery staple", "mXoTqLrw", "слон-и-чайник"] {
            assert!(judge(&policy, password).is_ok(), "{password}");
        }
    }

    #[test]
    fn without_the_address_all_but_that_is_judged() {
        let policy = PasswordPolicy::default().require(Composition::Digit);
        let without =
            |password: &str| policy.check_without_email(&Password::new(password)).map_err(|it| it.to_string());
        for password in ["short", "no-digits-in-it", "Password1", &"a1".repeat(300), "slate-Kettle-4"] {
            assert_eq!(without(password), judge(&policy, password).map_err(|it| it.to_string()), "{password}");
        }
        let with_address = "ada.lovelace@example.com-1";
        assert!(without(with_address).is_ok() && judge(&policy, with_address).is_err());
    }

    #[test]
    fn length_counts_code_points_and_the_message_names_the_limit() {
        let policy = PasswordPolicy::default().min_length(10).max_length(64);
        let expected = ("PASSWORD_TOO_SHORT".to_owned(), "The password must have at least 10 characters.".to_owned());
        assert_eq!(refusal(&policy, "k7Vq2mZxé"), expected);
        assert!(judge(&policy, "k7Vq2mZxéß").is_ok());
        let words = "kettle under seven green roofs where nobody ever looks for them "; // 64 characters
        assert!(judge(&policy, words).is_ok());
        let expected = ("PASSWORD_TOO_LONG".to_owned(), "The password must have at most 64 characters.".to_owned());
        assert_eq!(refusal(&policy, &format!("{words}.")), expected);
    }

    #[test]
    fn more_bytes_than_are_ever_hashed_are_refused_whatever_the_policy() {
        let policy = PasswordPolicy::default().max_length(512);
        let code = refusal(&policy, &"é".repeat(300)).0;
        assert_eq!(code, Code::PasswordTooLong.as_str());
    }

    #[test]
    fn a_min_length_below_eight_is_a_problem_and_has_no_effect() {
        let policy = PasswordPolicy::default().min_length(3);
        assert_eq!(policy.problems(), ["The password policy's min_length is 3, must be at least 8."]);
        assert_eq!(refusal(&policy, "k7Vq2mZ").1, "The password must have at least 8 characters.");
    }

    #[test]
    fn a_single_factor_needs_fifteen_characters() {
        let policy = PasswordPolicy::nist_single_factor();
        assert!(policy.problems().is_empty());
        assert!(judge(&policy, "k7Vq2mZxTb4nWe").is_err());
        assert!(judge(&policy, "k7Vq2mZxTb4nWeR").is_ok());
    }

    #[test]
    fn common_passwords_are_refused_unless_accepted_by_name() {
        let policy = PasswordPolicy::default();
        for password in ["password", "Summer2025!", "qwertyuiop"] {
            assert!(judge(&policy, password).is_err_and(|error| error.is(Code::PasswordCompromised)), "{password}");
            assert!(judge(&policy.clone().common_passwords(CommonPasswords::Accepted), password).is_ok(), "{password}");
        }
    }

    #[test]
    fn the_email_address_is_refused_inside_a_password_in_any_case() {
        let policy = PasswordPolicy::default();
        for password in ["my-Ada.Lovelace!", "ADA.LOVELACE@EXAMPLE.COM", "x ada.lovelace@example.com x"] {
            assert!(judge(&policy, password).is_err_and(|error| error.is(Code::PasswordContainsEmail)), "{password}");
        }
        assert!(judge(&policy, "ada-and-the-kettle").is_ok());
    }

    #[test]
    fn a_short_local_part_does_not_count() {
        let (policy, short) = (PasswordPolicy::default(), Email::parse("ada@example.com").unwrap());
        assert!(policy.check(&Password::new("kettle-ada-seven"), &short).is_ok());
        assert!(policy.check(&Password::new("kettle-Ada@Example.com"), &short).is_err());
    }

    #[test]
    fn required_kinds_are_named_together() {
        let policy = PasswordPolicy::default()
            .require(Composition::Lower)
            .require(Composition::Upper)
            .require(Composition::Digit)
            .require(Composition::Symbol)
            .require(Composition::Digit);
        let message =
            "The password must have at least one of each: lower-case letter, upper-case letter, digit, symbol.";
        for password in ["kettle seven 7", "KETTLE SEVEN 7", "Kettle seven", "KettleSeven7"] {
            assert_eq!(
                refusal(&policy, password),
                ("PASSWORD_TOO_SIMPLE".to_owned(), message.to_owned()),
                "{password}"
            );
        }
        assert!(judge(&policy, "Kettle seven 7").is_ok());
    }

    #[test]
    fn the_defaults_are_without_problems() {
        assert!(Config::default().problems(false).is_empty());
        assert_eq!(Config::default().sign_up, SignUpMode::Open);
        assert!(Config::default().breach.is_none());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let config = Config::default()
            .policy(PasswordPolicy::default().min_length(40).max_length(32))
            .sign_up(SignUpMode::ByInvitation)
            .hash(HashConfig::default().iterations(1));
        assert_eq!(
            config.problems(false),
            [
                "The password policy's max_length is 32, must be 64 to 512.",
                "The password policy's min_length 40 is above its max_length 32.",
                "invitations to sign up are to be mailed, and there is no mailer()",
                "password hashing: iterations is 1, must be 2 to 50.",
            ]
        );
    }

    /// A list that knows everything, knows nothing, or is down.
    enum Fake {
        Listed,
        Unlisted,
        Down,
    }

    #[async_trait]
    impl BreachList for Fake {
        async fn contains(&self, _: &Password) -> Result<bool, PortError> {
            match self {
                Self::Listed => Ok(true),
                Self::Unlisted => Ok(false),
                Self::Down => Err(PortError::new("breach list", "timed out")),
            }
        }
    }

    async fn checked(list: Fake, on_outage: OnOutage) -> Result<()> {
        let config = Config::default().breach_list(list, on_outage);
        config.breach.unwrap().check(&Password::new("kettle-under-roofs")).await
    }

    #[tokio::test]
    async fn a_breached_password_is_refused_and_an_unknown_one_accepted() {
        for on_outage in [OnOutage::Accept, OnOutage::Refuse] {
            assert!(checked(Fake::Listed, on_outage).await.is_err_and(|error| error.is(Code::PasswordCompromised)));
            assert!(checked(Fake::Unlisted, on_outage).await.is_ok());
        }
    }

    #[tokio::test]
    async fn an_outage_accepts_or_refuses_as_configured() {
        assert!(checked(Fake::Down, OnOutage::Accept).await.is_ok());
        assert!(checked(Fake::Down, OnOutage::Refuse).await.is_err_and(|error| error.is(Code::Unavailable)));
    }

    proptest! {
        #[test]
        fn no_accepted_password_is_outside_the_limits(text in "\\PC{0,140}") {
            if judge(&PasswordPolicy::default(), &text).is_ok() {
                prop_assert!((8..=128).contains(&text.chars().count()));
                prop_assert!(text.len() <= 512);
            }
        }
    }
}
