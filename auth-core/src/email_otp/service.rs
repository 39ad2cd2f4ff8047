//! Mailing codes, and taking them.

use super::config::Config;
use crate::account::{AttemptSubject, CountedAttempt, may_message};
use crate::base::{Email, TenantId};
use crate::code::{self, Binding, CodePurpose, CodeSubject, Recipient, ShownCode};
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::email::{self, AddressChange, Arrival, Confirmed, Entered, Reach, Search};
use crate::error::{Code, Result};
use crate::hooks::{LoginAttempt, LoginOccasion};
use crate::outbox::{self, Letter};
use crate::password::{self, Proved};
use crate::ports::{Message, Otp, OtpPurpose};
use crate::session::{self, AuthMethod, Entry, Session};
use crate::user::{self, Population, SignUp, User};

fn feature(cx: &Cx) -> Result<&Config> {
    cx.auth().config().email_otps.as_ref().ok_or_else(|| Code::NotFound.into())
}

/// Whether whoever has no account gets one by a code.
fn is_open_to_all(cx: &Cx) -> Result<bool> {
    Ok(feature(cx)?.is_open_to_all(cx.auth().config().password.as_ref()))
}

/// What the store keeps a code under.
pub(crate) const fn stored_purpose(purpose: OtpPurpose) -> CodePurpose {
    match purpose {
        OtpPurpose::SignIn => CodePurpose::OtpSignIn,
        OtpPurpose::EmailVerification => CodePurpose::OtpVerifyEmail,
        OtpPurpose::ForgetPassword => CodePurpose::OtpResetPassword,
        OtpPurpose::ChangeEmail => CodePurpose::OtpChangeEmail,
    }
}

/// Writes a code to the mailbox, if its holder can do anything with it. Nobody is told whether they can.
pub(crate) async fn send(cx: &Cx, search: Search, purpose: OtpPurpose) -> Result<()> {
    let config = feature(cx)?;
    let may_be_new = purpose == OtpPurpose::SignIn && is_open_to_all(cx)?;
    let reach = search.reach(cx, may_be_new);
    let (binding, recipient) = (search.binding(), search.otp_recipient(cx, reach));
    let mut work = cx.begin().await?;
    let issued = code::issue_otp(cx, &mut work, stored_purpose(purpose), recipient, (&binding, &config.form)).await?;
    let letter = match reach {
        Reach::User(_) | Reach::Mailbox => {
            let otp = Otp::new(search.email().clone(), issued.secret.to_string(), purpose, issued.expires_at);
            Letter::Mail(Message::EmailOtp(otp))
        }
        Reach::Nobody => Letter::Nothing,
    };
    outbox::post(cx, &mut work, &letter, issued.expires_at).await?;
    work.commit().await
}

/// A code that somebody has typed in, and the mailbox that they say it was sent to.
pub(crate) struct Typed {
    pub(crate) population: Population,
    pub(crate) email: Email,
    pub(crate) otp: String,
}

impl Typed {
    /// Counts the attempt for the account and for the code, and then compares.
    ///
    /// # Errors
    /// 400 `INVALID_OTP`, `OTP_EXPIRED`; 403 `TOO_MANY_ATTEMPTS` at the code, or from the client.
    async fn prove(&self, cx: &Cx, purpose: OtpPurpose) -> Result<(CountedAttempt, ShownCode)> {
        let subject = code::mailbox(cx, &self.population, &self.email);
        let attempt = CountedAttempt::raise(cx, AttemptSubject::SignIn(&self.population, &self.email)).await?;
        let code = judge(cx, &attempt, purpose, &subject, &self.otp).await?;
        Ok((attempt, code))
    }
}

async fn judge(
    cx: &Cx,
    attempt: &CountedAttempt,
    purpose: OtpPurpose,
    subject: &CodeSubject,
    otp: &str,
) -> Result<ShownCode> {
    let code = (stored_purpose(purpose), subject);
    let outcome = code::prove_otp(cx, attempt, code, otp, &feature(cx)?.form).await;
    // The protocol does not tell the two apart here.
    outcome.map_err(|error| if error.is(Code::OtpNotFound) { Code::InvalidOtp.into() } else { error })
}

/// Whether the code is right. It stays good, and the attempt does not count.
pub(crate) async fn check(cx: &Cx, typed: &Typed, purpose: OtpPurpose) -> Result<()> {
    let (attempt, code) = typed.prove(cx, purpose).await?;
    code.refund(cx).await?;
    attempt.take_back(cx).await
}

/// Signs in whoever has the code, or up, where that is open.
pub(crate) async fn sign_in(cx: &Cx, typed: Typed, tenant: Option<TenantId>, signup: SignUp) -> Result<Entered> {
    // Before anything is compared: what a hook refuses tells nothing of the code.
    let wanted = LoginAttempt::new(AuthMethod::EmailOtp, LoginOccasion::SignIn, &signup.extra);
    let entry = Entry::decide(cx, wanted.naming(&typed.email, tenant)).await?;
    let (attempt, code) = typed.prove(cx, OtpPurpose::SignIn).await?;
    let signup = is_open_to_all(cx)?.then_some(signup);
    Arrival { code, method: AuthMethod::EmailOtp, entry, signup, attempt: Some(attempt) }.enter(cx).await
}

/// Proves the mailbox of an account, which stays as it is.
pub(crate) async fn verify_email(cx: &Cx, typed: &Typed) -> Result<Confirmed> {
    let (attempt, code) = typed.prove(cx, OtpPurpose::EmailVerification).await?;
    let user = owner(cx, &code).await?;
    email::confirm_by(cx, &code, user, AuthMethod::EmailOtp, Some(&attempt)).await
}

/// Sets a new password. Everybody is signed out, and nobody in.
pub(crate) async fn reset_password(cx: &Cx, typed: &Typed, new: Password) -> Result<()> {
    // First, so that a password that the policy refuses costs no try.
    password::check_policy(cx, &new, &typed.email)?;
    let (attempt, code) = typed.prove(cx, OtpPurpose::ForgetPassword).await?;
    let user = owner(cx, &code).await?;
    let outcome = password::by_code(cx, (&code, Proved::Mailbox), user, new, Some(&attempt)).await;
    attempt.judged(cx, outcome).await
}

/// Whose the code is; a code of nobody is never right here.
async fn owner(cx: &Cx, code: &ShownCode) -> Result<User> {
    code.user(cx).await?.ok_or_else(|| code.refusal())
}

/// Writes a code to the address that somebody who is signed in wants to have. Whoever has the present mailbox, if it
/// was proved to be theirs, approves by `otp`, a code for proving it.
pub(crate) async fn request_change(
    cx: &Cx,
    (user, session): (&User, &Session),
    new: Email,
    otp: Option<String>,
) -> Result<()> {
    let config = feature(cx)?;
    expect_changes(cx)?;
    if new == user.email {
        return Err(Code::EmailUnchanged.into());
    }
    user::expect_known(user)?;
    user::expect_accepted(cx, &new)?;
    let approval = match otp {
        _ if !user.email_verified => None,
        Some(otp) => {
            let subject = code::mailbox(cx, &user.population(), &user.email);
            let population = user.population();
            let counted = AttemptSubject::Mailbox(&population, &user.email);
            Some(prove_again(cx, counted, (user, &subject), OtpPurpose::EmailVerification, &otp).await?)
        }
        None => return Err(Code::InvalidOtp.into()),
    };
    let is_free = cx.conn().user_by_email(&user.population(), &new).await?.is_none();
    let may_write = may_message(cx, "change-email", new.as_str().as_bytes()).await?;
    let binding = Binding::to_move(user, new.clone());
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    if let Some((attempt, approval)) = approval {
        approval.consume_for(cx, &mut work, user).await?;
        attempt.settle(&mut work).await?;
    }
    // A code that is not sent takes the place of none that was: it would be one more to guess at.
    let recipient = if may_write { Recipient::user(user) } else { Recipient::nobody(cx, &user.population(), &new) };
    let purpose = CodePurpose::OtpChangeEmail;
    let issued = code::issue_otp(cx, &mut work, purpose, recipient, (&binding, &config.form)).await?;
    let letter = if is_free && may_write {
        let otp = Otp::new(new, issued.secret.to_string(), OtpPurpose::ChangeEmail, issued.expires_at);
        Letter::Mail(Message::EmailOtp(otp))
    } else {
        Letter::Nothing
    };
    outbox::post(cx, &mut work, &letter, issued.expires_at).await?;
    work.commit().await
}

/// Gives somebody who is signed in the address whose code they have.
pub(crate) async fn change_email(cx: &Cx, (user, session): (&User, &Session), new: &Email, otp: &str) -> Result<User> {
    expect_changes(cx)?;
    let (population, subject) = (user.population(), CodeSubject::from(user.id));
    let counted = AttemptSubject::Mailbox(&population, new);
    let (attempt, code) = prove_again(cx, counted, (user, &subject), OtpPurpose::ChangeEmail, otp).await?;
    if code.bound.new_email.as_ref() != Some(new) {
        return Err(code.refusal());
    }
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    code.consume_for(cx, &mut work, user).await?;
    attempt.settle(&mut work).await?;
    let user = email::move_to(cx, &mut work, user, new).await?;
    work.commit().await?;
    Ok(user)
}

/// A code that somebody types in who is signed in.
async fn prove_again(
    cx: &Cx,
    counted: AttemptSubject<'_>,
    (user, subject): (&User, &CodeSubject),
    purpose: OtpPurpose,
    otp: &str,
) -> Result<(CountedAttempt, ShownCode)> {
    let attempt = CountedAttempt::raise(cx, counted).await?;
    let code = judge(cx, &attempt, purpose, subject, otp).await?;
    let is_theirs = owner(cx, &code).await?.id == user.id;
    if is_theirs { Ok((attempt, code)) } else { Err(code.refusal()) }
}

fn expect_changes(cx: &Cx) -> Result<()> {
    match cx.auth().config().email.changes {
        AddressChange::Allowed => Ok(()),
        AddressChange::Refused => Err(Code::ChangeEmailDisabled.into()),
    }
}
