//! Signing up with a password, proving it again, changing it.

use super::config::{Config, SignUpMode};
use crate::account::{AttemptSubject, CountedAttempt, may_message};
use crate::base::{AccountId, Email};
use crate::code::CodePurpose;
use crate::crypto::password_hash::{Password, PasswordHash, PasswordHasher, Verdict};
use crate::cx::{Cx, Work};
use crate::email::{self, Search, Verification};
use crate::error::{Code, Error, Result};
use crate::hooks::{Event, LoginAttempt, LoginOccasion};
use crate::role::{self, RoleGrant};
use crate::session::{self, AuthEvent, AuthMethod, Entry, Persistence, Session, SignedIn, complete_login};
use crate::store::StoreError;
use crate::user::{self, Pool, Population, SignUp, User, check_profile};

/// What [`change`] does with the user's other sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherSessions {
    /// All end, and this one continues under a new token.
    End,
    /// All go on.
    Keep,
}

/// That this user has just given their password in this session, with the hash it matched.
#[derive(Debug)]
pub(crate) struct Verified<'a> {
    user: &'a User,
    session: &'a Session,
    hash: PasswordHash,
}

pub(super) fn feature(cx: &Cx) -> Result<(&Config, &PasswordHasher)> {
    cx.auth().passwords().ok_or_else(|| Code::EmailPasswordDisabled.into())
}

/// What somebody has who has signed up.
pub(crate) enum SignedUp {
    /// A session.
    In(Box<SignedIn>),
    /// A mail, and no session: this is who they are, or would be if the address were not somebody's already.
    Asked(Box<User>),
}

/// What somebody wants who signs up, beside an account.
pub(crate) struct Wish {
    pub(crate) persistence: Persistence,
    /// Where the link leads in the end by which the mailbox is proved.
    pub(crate) callback: Option<String>,
    /// The token of an invitation.
    pub(crate) invitation: Option<String>,
}

/// Creates a user with a password and signs them in: user, credential, role grants of hooks and session are one
/// transaction. The password is hashed before it starts, so nothing is held meanwhile. Where mailboxes must be proved,
/// there is no session, and an address that has an account gets the answer and the work of one that has none.
pub(crate) async fn sign_up(cx: &Cx, mut signup: SignUp, password: Password, wish: Wish) -> Result<SignedUp> {
    let (config, _) = feature(cx)?;
    if config.sign_up == SignUpMode::Closed {
        return Err(Code::EmailPasswordSignUpDisabled.into());
    }
    let invitation = wish.invitation.as_deref();
    check_profile(Some(&signup.name), signup.image.as_deref())?;
    user::expect_accepted(cx, &signup.email)?;
    let named = LoginAttempt::new(AuthMethod::Password, LoginOccasion::SignUp, &signup.extra);
    let entry = Entry::decide(cx, named.naming(&signup.email, signup.tenant.clone())).await?;
    if cx.auth().config().tenancy.is_isolated() {
        signup.tenant = Some(entry.tenant.clone().ok_or(Code::TenantRequired)?);
    }
    let invitation = match (config.sign_up, invitation) {
        (SignUpMode::ByInvitation, Some(token)) => {
            Some(email::invitation(cx, token, &population(cx, &signup), &signup.email).await?)
        }
        (SignUpMode::ByInvitation, None) => return Err(Code::InvitationRequired.into()),
        (SignUpMode::Open | SignUpMode::Closed, _) => None,
    };
    let hash = hash_acceptable(cx, password, &signup.email).await?;
    if let Some(username) = &signup.identifiers.username {
        let population = population(cx, &signup);
        if cx.conn().user_by_username(&population, username).await?.is_some() {
            return Err(Code::UsernameIsTaken.into());
        }
    }
    let verification = cx.auth().config().email.verification;
    let callback = wish.callback.as_deref();
    if verification == Verification::Required && invitation.is_none() {
        return sign_up_concealed(cx, signup, &hash, callback).await.map(Box::new).map(SignedUp::Asked);
    }
    let is_asked = verification == Verification::Asked
        && invitation.is_none()
        && may_message(cx, CodePurpose::VerifyEmail.as_str(), signup.email.as_str().as_bytes()).await?;
    let mut work = cx.begin().await?;
    if let Some(invitation) = &invitation {
        invitation.consume(cx, &mut work).await?;
    }
    let mut user = insert_user(cx, &mut work, cx.pool(), &mut signup, &hash).await?;
    // A hook may have given them another address, and that one nobody has proved.
    if let Some(invitation) = &invitation
        && user.email == *invitation.mailbox()?
    {
        user = email::confirm(cx, &mut work, user).await?;
    }
    if is_asked {
        email::send_verification(cx, &mut work, &user, callback).await?;
    }
    let event = AuthEvent::signed_up(user, AuthMethod::Password, wish.persistence, entry);
    let signed_in = complete_login(cx, &mut work, event).await?;
    work.commit().await?;
    Ok(SignedUp::In(Box::new(signed_in)))
}

/// Among whom somebody new will be.
fn population(cx: &Cx, signup: &SignUp) -> Population {
    let tenant = signup.tenant.clone().filter(|_| cx.auth().config().tenancy.is_isolated());
    Population { pool: cx.pool(), tenant }
}

/// Creates a user and writes to them; or writes to whoever has the address already, and does what costs the same. What
/// comes back looks the same.
async fn sign_up_concealed(cx: &Cx, mut signup: SignUp, hash: &PasswordHash, callback: Option<&str>) -> Result<User> {
    let search = Search::of(cx, CodePurpose::VerifyEmail, population(cx, &signup), signup.email.clone()).await?;
    if search.is_taken() {
        return conceal(cx, signup, &search).await;
    }
    let mut work = cx.begin().await?;
    match insert_user(cx, &mut work, cx.pool(), &mut signup, hash).await {
        Ok(user) => {
            email::send_verification(cx, &mut work, &user, callback).await?;
            work.commit().await?;
            Ok(user)
        }
        // Somebody was quicker: with the address, or with the name.
        Err(error) if error.is(Code::UserAlreadyExists) => {
            drop(work);
            if cx.conn().user_by_email(&population(cx, &signup), &signup.email).await?.is_none() {
                return Err(Code::UsernameIsTaken.into());
            }
            conceal(cx, signup, &search).await
        }
        Err(error) => Err(error),
    }
}

async fn conceal(cx: &Cx, mut signup: SignUp, search: &Search) -> Result<User> {
    let mut work = cx.begin().await?;
    let tenant = user::home(cx, &mut work, cx.pool(), signup.tenant.as_ref()).await?;
    cx.hooks(cx.pool()).before_signup(cx, &mut work, &mut signup).await?;
    let user = user::new(cx, cx.pool(), tenant, &signup);
    // In place of writing a user and a password: of nobody, so that nobody waits.
    work.lock_user(user.id).await?;
    work.password_of_user(user.id).await?;
    email::conceal_sign_up(cx, &mut work, search).await?;
    work.emit(Event::SignUpConcealed);
    work.commit().await?;
    Ok(user)
}

/// Creates a user with a password, for programs: no session, whatever the sign-up mode. Hooks run as for anybody. Where
/// accounts belong to tenants, [`SignUp::in_tenant`] says to which.
///
/// # Errors
/// The refusals of signing up, and those of [`user::create_user`] for a tenant that is missing or wrong.
pub async fn create_user(cx: &Cx, signup: SignUp, password: Password) -> Result<User> {
    create(cx, Pool::User, signup, password).await
}

/// Creates somebody of this pool, for programs.
pub(crate) async fn create(cx: &Cx, pool: Pool, mut signup: SignUp, password: Password) -> Result<User> {
    check_profile(Some(&signup.name), signup.image.as_deref())?;
    let hash = hash_acceptable(cx, password, &signup.email).await?;
    let mut work = cx.begin().await?;
    let user = insert_user(cx, &mut work, pool, &mut signup, &hash).await?;
    work.commit().await?;
    Ok(user)
}

/// Makes the first holder of a role, such as a super admin's on the platform: somebody new, of this address and
/// password, who holds it from the first moment. `false`, and nothing has changed, once any enabled user holds it
/// there, whatever their address or password. So a program does this at each start, and several may at once. Hooks run
/// as for anybody.
///
/// # Errors
/// [`Code::UserAlreadyExists`] where nobody holds the role and there is an account of this address: a stranger may have
/// made it, so it is for the program to [grant](role::grant) it the role. What [`create_user`] and [`role::grant`]
/// refuse.
pub async fn bootstrap_superadmin(cx: &Cx, role: &RoleGrant, email: Email, password: Password) -> Result<bool> {
    if role::is_held(cx, &mut cx.begin().await?, role).await? {
        return Ok(false);
    }
    let hash = hash_acceptable(cx, password, &email).await?;
    let mut work = cx.begin().await?;
    // Of two processes one waits here for the other, and then sees what it has done.
    if role::is_held(cx, &mut work, role).await? {
        return Ok(false);
    }
    let user = insert_user(cx, &mut work, Pool::User, &mut SignUp::new(email, ""), &hash).await?;
    role::grant_within(cx, &mut work, user.id, role).await?;
    work.commit().await?;
    Ok(true)
}

async fn insert_user(
    cx: &Cx,
    work: &mut Work<'_>,
    pool: Pool,
    signup: &mut SignUp,
    hash: &PasswordHash,
) -> Result<User> {
    let user = user::insert(cx, work, pool, signup).await?;
    let now = cx.now();
    work.insert_password(AccountId::new(now, cx.random()), user.id, hash, now).await?;
    user::signed_up(cx, work, &user, signup).await?;
    Ok(user)
}

/// Lets a signed-in user prove their password again.
pub(crate) async fn verify<'a>(
    cx: &Cx,
    user: &'a User,
    session: &'a Session,
    password: Password,
) -> Result<Verified<'a>> {
    let Ok((_, hasher)) = feature(cx) else { return Err(Code::CredentialAccountNotFound.into()) };
    let attempt = CountedAttempt::raise(cx, AttemptSubject::Reauthentication(user.id)).await?;
    let outcome = judge_again(cx, hasher, user, session, password, &attempt).await;
    let hash = attempt.judged(cx, outcome).await?;
    Ok(Verified { user, session, hash })
}

/// The hash that the password matched.
async fn judge_again(
    cx: &Cx,
    hasher: &PasswordHasher,
    user: &User,
    session: &Session,
    password: Password,
    attempt: &CountedAttempt,
) -> Result<PasswordHash> {
    let counters = cx.conn().attempts(&attempt.keys(), cx.now()).await?;
    if let Some(wait) = attempt.standing(&counters, cx.now()).blocked_for {
        cx.record(Event::PasswordRefused { user: user.id, session: session.id }).await;
        // Said openly: the caller is signed in, so this tells nothing about anybody else.
        return Err(Error::from(Code::TooManyAttempts).retry_after(wait));
    }
    let Some(hash) = cx.conn().password_of_user(user.id).await? else {
        return Err(Code::CredentialAccountNotFound.into());
    };
    match hasher.verify(password, Some(hash.clone())).await? {
        Verdict::Correct { .. } => {
            let mut work = cx.begin().await?;
            attempt.settle(&mut work).await?;
            work.commit().await?;
            Ok(hash)
        }
        Verdict::Wrong => {
            cx.record(Event::PasswordRefused { user: user.id, session: session.id }).await;
            Err(Code::InvalidPassword.into())
        }
    }
}

/// Changes the password of a user who gives the current one in this session, for an application's own way of doing so.
/// All their sessions end, and a new one takes the place of this one, in the same tenant and front end.
///
/// # Errors
/// [`Code::InvalidPassword`], [`Code::TooManyAttempts`], what the policy refuses, [`Code::Unauthorized`] when the
/// session has ended since, [`Code::Conflict`] when somebody else has changed the password at the same time.
pub async fn change_password(
    cx: &Cx,
    user: &User,
    session: &Session,
    current: Password,
    new: Password,
) -> Result<SignedIn> {
    check_policy(cx, &new, &user.email)?;
    let verified = verify(cx, user, session, current).await?;
    let renewed = change(cx, verified, new, OtherSessions::End).await?;
    renewed.ok_or_else(|| Error::internal("a change that ends all sessions opens another one"))
}

/// Replaces the password of a user who has just proved the old one. Sign-ins under way with the old password make
/// no session; a second change at the same time is refused.
pub(crate) async fn change(
    cx: &Cx,
    verified: Verified<'_>,
    new: Password,
    others: OtherSessions,
) -> Result<Option<SignedIn>> {
    let Verified { user, session, hash: old } = verified;
    let hash = hash_acceptable(cx, new, &user.email).await?;
    let now = cx.now();
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    cx.hooks(user.pool).before_password_change(cx, &mut work, user).await?;
    if !work.raise_credential_version(user.id, now).await? || !work.replace_password(user.id, &old, &hash, now).await? {
        return Err(Code::Conflict.into());
    }
    work.emit(Event::PasswordChanged { user: user.id });
    // Also those of sessions that stay: what was made before the change opens nothing after it.
    work.end_codes_of_user(user.id).await?;
    let renewed = match others {
        OtherSessions::Keep => None,
        OtherSessions::End => {
            work.end_sessions_of_user(user.id, None).await?;
            // As the row is now: the raised version is what `complete_login` must meet.
            let user = work.user_by_id(user.id).await?.ok_or(Code::Conflict)?;
            let event = AuthEvent::again(user, AuthMethod::Password, session);
            Some(complete_login(cx, &mut work, event).await?)
        }
    };
    work.commit().await?;
    Ok(renewed)
}

/// Gives a first password to a user who has none; their other sessions end.
pub(crate) async fn set(cx: &Cx, user: &User, session: &Session, password: Password) -> Result<()> {
    user::expect_known(user)?;
    let now = cx.now();
    let hash = hash_acceptable(cx, password, &user.email).await?;
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    cx.hooks(user.pool).before_password_change(cx, &mut work, user).await?;
    work.insert_password(AccountId::new(now, cx.random()), user.id, &hash, now).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::PasswordAlreadySet),
        StoreError::Backend(_) => error.into(),
    })?;
    work.raise_credential_version(user.id, now).await?;
    work.end_codes_of_user(user.id).await?;
    work.end_sessions_of_user(user.id, Some(session.id)).await?;
    work.emit(Event::PasswordSet { user: user.id });
    work.commit().await
}

/// Checks a new password against the policy and the breach list, then hashes it.
pub(super) async fn hash_acceptable(cx: &Cx, password: Password, email: &Email) -> Result<PasswordHash> {
    let (config, hasher) = feature(cx)?;
    config.policy.check(&password, email)?;
    if let Some(breach) = &config.breach {
        breach.check(&password).await?;
    }
    Ok(hasher.hash(password).await?)
}

/// Refuses a new password that the policy does not accept, before the old one is asked for.
pub(crate) fn check_policy(cx: &Cx, password: &Password, email: &Email) -> Result<()> {
    feature(cx)?.0.policy.check(password, email)
}
