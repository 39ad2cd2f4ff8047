//! Texting codes, and taking them.

use serde_json::{Map, Value};

use super::config::Config;
use crate::account::{AttemptSubject, CountedAttempt, may_message};
use crate::base::{Email, PhoneNumber, TenantId, UserId};
use crate::code::{self, Binding, CodePurpose, Recipient, ShownCode};
use crate::crypto::password_hash::Password;
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, ErrorKind, Result};
use crate::hooks::{Event, LoginAttempt, LoginOccasion};
use crate::outbox::{self, Letter};
use crate::password::{self, Proved, SignUpMode};
use crate::ports::TextMessage;
use crate::session::{self, AuthEvent, AuthMethod, Entry, Persistence, Session, SignedIn, complete_login};
use crate::store::StoreError;
use crate::user::{self, Population, SignUp, User};

fn feature(cx: &Cx) -> Result<&Config> {
    cx.auth().config().phones.as_ref().ok_or_else(|| Code::NotFound.into())
}

/// Refuses a number in the fields of a request that cannot prove it.
pub(crate) fn expect_unset(cx: &Cx, fields: &Map<String, Value>, refusal: Code) -> Result<()> {
    let is_set = cx.auth().config().phones.is_some() && fields.contains_key("phoneNumber");
    if is_set { Err(refusal.into()) } else { Ok(()) }
}

/// Whether whoever asks is signed in, and may so have a number proved that is nobody's yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    Stranger,
    User,
}

/// A number that somebody has named, and whoever has it.
pub(crate) struct Named {
    population: Population,
    phone: PhoneNumber,
    owner: Option<User>,
}

impl Named {
    /// Looks for the user of this number.
    pub(crate) async fn find(cx: &Cx, population: Population, phone: PhoneNumber) -> Result<Self> {
        let owner = cx.conn().user_by_phone(&population, &phone).await?;
        Ok(Self { population, phone, owner })
    }

    fn binding(&self) -> Binding {
        Binding::to_phone(&self.population, self.phone.clone())
    }

    /// Texts a code, if whoever has the number can do anything with it. Nobody is told whether they can.
    pub(crate) async fn send(self, cx: &Cx, purpose: CodePurpose, asking: Asking) -> Result<()> {
        let config = feature(cx)?;
        let is_throttled = !may_message(cx, "phone", self.phone.as_str().as_bytes()).await?;
        let is_welcome =
            purpose == CodePurpose::PhoneVerify && (config.sign_up == SignUpMode::Open || asking == Asking::User);
        let is_reached = match &self.owner {
            _ if is_throttled => false,
            Some(owner) => owner.disabled_at.is_none(),
            None => is_welcome,
        };
        let owner = self.owner.as_ref().filter(|_| is_reached);
        let recipient = if is_throttled {
            Recipient::no_phone(cx, &self.population, &self.phone)
        } else {
            Recipient::phone(cx, &self.population, &self.phone, owner)
        };
        let mut work = cx.begin().await?;
        let issued = code::issue_otp(cx, &mut work, purpose, recipient, (&self.binding(), &config.form)).await?;
        let letter = if is_reached {
            let secret = issued.secret.to_string();
            Letter::Text(TextMessage::new(self.phone.clone(), secret, issued.expires_at))
        } else {
            Letter::Nothing
        };
        outbox::post(cx, &mut work, &letter, issued.expires_at).await?;
        work.commit().await
    }

    /// Counts the attempt for the account and for the code, and then compares.
    async fn prove(&self, cx: &Cx, purpose: CodePurpose, otp: &str) -> Result<(CountedAttempt, ShownCode)> {
        let subject = match &self.owner {
            Some(owner) => AttemptSubject::SignIn(&self.population, &owner.email),
            None => AttemptSubject::Named(&self.population, self.phone.as_str()),
        };
        let attempt = CountedAttempt::raise(cx, subject).await?;
        let subject = code::telephone(cx, &self.population, &self.phone);
        let code = code::prove_otp(cx, &attempt, (purpose, &subject), otp, &feature(cx)?.form).await?;
        Ok((attempt, code))
    }
}

/// Who has proved a number, and a session if they wanted one.
pub(crate) struct Verified {
    pub(crate) user: User,
    pub(crate) signed_in: Option<SignedIn>,
}

/// What somebody wants who proves a number.
pub(crate) struct Wish {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) wants_session: bool,
    pub(crate) name: Option<String>,
    pub(crate) extra: Map<String, Value>,
}

/// Proves a number that is somebody's, or makes the account of one that is nobody's.
pub(crate) async fn verify(cx: &Cx, named: Named, otp: &str, wish: Wish) -> Result<Verified> {
    // Before anything is compared: what a hook refuses tells nothing of the code.
    let wanted = LoginAttempt::new(AuthMethod::PhoneOtp, LoginOccasion::SignIn, &wish.extra);
    let entry = Entry::decide(cx, wanted.wanting(wish.tenant.clone())).await?;
    let (attempt, code) = named.prove(cx, CodePurpose::PhoneVerify, otp).await?;
    let owner = code.user(cx).await?;
    let may_sign_up = feature(cx)?.sign_up == SignUpMode::Open;
    if owner.is_none() && !may_sign_up {
        return Err(Error::from(Code::UserNotFound).of_kind(ErrorKind::Unauthorized));
    }
    let mut work = cx.begin().await?;
    let event = match owner {
        Some(user) => {
            let user = code.consume_for(cx, &mut work, &user).await?;
            AuthEvent::proved(user, AuthMethod::PhoneOtp, Persistence::Persistent, entry)
        }
        None => {
            code.consume(cx, &mut work).await?;
            let user = sign_up(cx, &mut work, &named, wish.name, wish.extra).await?;
            AuthEvent::signed_up(user, AuthMethod::PhoneOtp, Persistence::Persistent, entry)
        }
    };
    let (user, signed_in) = if wish.wants_session {
        let signed_in = complete_login(cx, &mut work, event).await?;
        (signed_in.user.clone(), Some(signed_in))
    } else {
        (event.into_user(), None)
    };
    attempt.settle(&mut work).await?;
    work.emit(Event::PhoneVerified { user: user.id });
    work.commit().await?;
    Ok(Verified { user, signed_in })
}

/// Makes the account of a number. It has no address but one that is nobody's mailbox.
async fn sign_up(
    cx: &Cx,
    work: &mut Work<'_>,
    named: &Named,
    name: Option<String>,
    extra: Map<String, Value>,
) -> Result<User> {
    let email = Email::placeholder(UserId::new(cx.now(), cx.random()), "phone");
    let mut signup = SignUp::new(email, name.unwrap_or_default());
    signup.tenant.clone_from(&named.population.tenant);
    signup.identifiers.phone_number = Some(named.phone.clone());
    signup.identifiers.phone_number_verified = true;
    signup.extra = extra;
    let user = user::insert(cx, work, cx.pool(), &mut signup)
        .await
        .map_err(|error| if error.is(Code::UserAlreadyExists) { Code::PhoneNumberExists.into() } else { error })?;
    user::signed_up(cx, work, &user, &signup).await?;
    Ok(user)
}

/// Gives somebody who is signed in a number that they prove by its code.
pub(crate) async fn update(cx: &Cx, named: Named, otp: &str, (user, session): (&User, &Session)) -> Result<User> {
    user::expect_known(user)?;
    let (attempt, code) = named.prove(cx, CodePurpose::PhoneVerify, otp).await?;
    if code.user(cx).await?.is_some_and(|owner| owner.id != user.id) {
        return Err(Code::PhoneNumberExists.into());
    }
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    code.consume(cx, &mut work).await?;
    work.set_phone(user.id, Some(&named.phone), cx.now()).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::PhoneNumberExists),
        StoreError::Backend(_) => error.into(),
    })?;
    attempt.settle(&mut work).await?;
    work.emit(Event::PhoneVerified { user: user.id });
    let user = work.user_by_id(user.id).await?.ok_or(Code::Conflict)?;
    work.commit().await?;
    Ok(user)
}

/// Sets a new password. Everybody is signed out, and nobody in.
pub(crate) async fn reset_password(cx: &Cx, named: Named, otp: &str, new: Password) -> Result<()> {
    // First, so that a password that the policy refuses costs no try.
    password::check_policy(cx, &new, &Email::placeholder("nobody", "phone"))?;
    let (attempt, code) = named.prove(cx, CodePurpose::PhoneReset, otp).await?;
    let user = code.user(cx).await?.ok_or_else(|| code.refusal())?;
    let outcome = password::by_code(cx, (&code, Proved::Telephone), user, new, Some(&attempt)).await;
    attempt.judged(cx, outcome).await
}
