//! Signing in with a password.

use serde_json::{Map, Value};

use super::service::feature;
use super::store::SignInFacts;
use crate::account::{AttemptSubject, CountedAttempt};
use crate::base::{Email, PhoneNumber, TenantId, UserId, Username};
use crate::crypto::password_hash::{Password, PasswordHash, PasswordHasher, Verdict};
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};
use crate::hooks::{Event, LoginAttempt, LoginOccasion};
use crate::session::{self, AuthEvent, AuthMethod, Entry, Persistence, SignedIn, complete_login};
use crate::user::{Population, User};

/// What somebody names their account by.
pub(crate) enum Login {
    Email(Email),
    Username(Username),
    Phone(PhoneNumber),
}

impl Login {
    /// The one answer to whatever is wrong.
    fn refusal(&self) -> Error {
        match self {
            Self::Email(_) => Code::InvalidEmailOrPassword.into(),
            Self::Username(_) => Code::InvalidUsernameOrPassword.into(),
            Self::Phone(_) => Code::InvalidPhoneNumberOrPassword.into(),
        }
    }

    /// Whose it is; an address is looked up later, together with the password.
    async fn owner(&self, cx: &Cx, population: &Population) -> Result<Option<User>> {
        Ok(match self {
            Self::Email(_) => None,
            Self::Username(username) => cx.conn().user_by_username(population, username).await?,
            Self::Phone(phone) => cx.conn().user_by_phone(population, phone).await?,
        })
    }
}

/// What somebody signs in with.
pub(crate) struct SignIn {
    pub(crate) login: Login,
    pub(crate) password: Password,
    pub(crate) persistence: Persistence,
    /// The tenant that they want to act in.
    pub(crate) tenant: Option<TenantId>,
    /// Fields of the request that the engine does not know.
    pub(crate) input: Map<String, Value>,
}

/// Signs in. An unknown address, an unknown tenant, a wrong password, a user without one, a disabled user and too many
/// attempts cost the same statements and the same hash, and get the same answer. What hooks refuse beforehand is
/// refused whoever it is.
pub(crate) async fn sign_in(cx: &Cx, sign_in: SignIn) -> Result<SignedIn> {
    let (_, hasher) = feature(cx)?;
    let SignIn { login, password, persistence, tenant, input } = sign_in;
    let mut named = LoginAttempt::new(AuthMethod::Password, LoginOccasion::SignIn, &input).wanting(tenant);
    if let Login::Email(email) = &login {
        named.email = Some(email);
    }
    let entry = Entry::decide(cx, named).await?;
    let population = cx.auth().config().tenancy.population(cx, entry.tenant.as_ref()).await?;
    let owner = login.owner(cx, &population).await?;
    // Whatever they are named by, attempts are counted for the account.
    let subject = match (&login, &owner) {
        (Login::Email(email), _) => AttemptSubject::SignIn(&population, email),
        (_, Some(owner)) => AttemptSubject::SignIn(&population, &owner.email),
        (Login::Username(username), None) => AttemptSubject::Named(&population, username.as_str()),
        (Login::Phone(phone), None) => AttemptSubject::Named(&population, phone.as_str()),
    };
    let attempt = CountedAttempt::raise(cx, subject).await?;
    let proof = Proof { population: &population, login: &login, owner, password, persistence, entry };
    let outcome = judge_sign_in(cx, hasher, proof, &attempt).await;
    // What a session is refused for says the same as what a password is.
    let outcome = outcome.map_err(|error| if error.is(Code::InvalidEmailOrPassword) { login.refusal() } else { error });
    attempt.judged(cx, outcome).await
}

/// What an account is named by and a password, and where they are to lead.
struct Proof<'a> {
    population: &'a Population,
    login: &'a Login,
    /// Whose the name or the number is.
    owner: Option<User>,
    password: Password,
    persistence: Persistence,
    entry: Entry,
}

async fn judge_sign_in(
    cx: &Cx,
    hasher: &PasswordHasher,
    proof: Proof<'_>,
    attempt: &CountedAttempt,
) -> Result<SignedIn> {
    let Proof { population, login, owner, password, persistence, entry } = proof;
    let nobody = Email::placeholder("nobody", "name");
    let email = match (login, &owner) {
        (Login::Email(email), _) => email,
        (_, owner) => owner.as_ref().map_or(&nobody, |owner| &owner.email),
    };
    let facts = cx.conn().sign_in_facts(population, email, &attempt.keys(), cx.now()).await?;
    let SignInFacts { mut user, password: mut stored, attempts } = facts;
    let is_named = matches!(login, Login::Email(_)) || owner.map(|owner| owner.id) == user.as_ref().map(|user| user.id);
    if !is_named {
        (user, stored) = (None, None);
    }
    let standing = attempt.standing(&attempts, cx.now());
    if standing.is_address_blocked {
        // It does not depend on any account, so hashing for this address would only feed a flood.
        return refuse(cx, None, "sign_in_refused_locked").await;
    }
    let verdict = hasher.verify(password.clone(), stored.clone()).await?;
    let refused = async |user, reason| {
        session::pretend_login(cx).await?;
        refuse(cx, user, reason).await
    };
    let (user, stored, outdated) = match (user, stored, verdict) {
        (Some(user), _, _) if user.disabled_at.is_some() => {
            return refused(Some(user.id), "sign_in_refused_disabled").await;
        }
        (user, _, _) if standing.blocked_for.is_some() => {
            return refused(user.map(|user| user.id), "sign_in_refused_locked").await;
        }
        (Some(user), Some(stored), Verdict::Correct { outdated }) => (user, stored, outdated),
        (user, _, _) => return refused(user.map(|user| user.id), "sign_in_refused").await,
    };
    let id = user.id;
    let is_proved = !matches!(login, Login::Phone(_)) || user.identifiers.phone_number_verified;
    let event = AuthEvent::proved(user, AuthMethod::Password, persistence, entry);
    let opened = if is_proved { open(cx, event, attempt).await } else { Err(Code::PhoneNumberNotVerified.into()) };
    match opened {
        Ok(signed_in) => {
            if outdated {
                upgrade(cx, id, &stored, password).await;
            }
            Ok(signed_in)
        }
        Err(error) => {
            if error.is(Code::EmailNotVerified) || error.is(Code::PhoneNumberNotVerified) {
                attempt.take_back(cx).await?;
            }
            if error.kind() != ErrorKind::Unavailable {
                cx.record(Event::SignInRefused { user: Some(id), reason: "sign_in_refused_late" }).await;
            }
            Err(error)
        }
    }
}

/// Opens the session of a right password and settles its attempt, in one transaction.
async fn open(cx: &Cx, event: AuthEvent, attempt: &CountedAttempt) -> Result<SignedIn> {
    let mut work = cx.begin().await?;
    let signed_in = complete_login(cx, &mut work, event).await?;
    attempt.settle(&mut work).await?;
    work.commit().await?;
    Ok(signed_in)
}

/// Replaces a hash of another format or cost. After the sign-in is decided, so that its time tells nothing about a
/// sign-in that a hook refuses; a failure costs nothing but another try at the next sign-in.
async fn upgrade(cx: &Cx, user: UserId, old: &PasswordHash, password: Password) {
    let Ok((_, hasher)) = feature(cx) else { return };
    let upgraded = match hasher.hash(password).await {
        Ok(new) => cx.conn().replace_password(user, old, &new, cx.now()).await.map(drop).map_err(Error::from),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = upgraded {
        let cause = std::error::Error::source(&error).map(tracing::field::display);
        tracing::warn!(cause, "an outdated password hash could not be replaced");
    }
}

/// The one answer to every wrong sign-in; only the audit trail learns the reason.
async fn refuse<T>(cx: &Cx, user: Option<UserId>, reason: &'static str) -> Result<T> {
    cx.record(Event::SignInRefused { user, reason }).await;
    Err(Code::InvalidEmailOrPassword.into())
}
