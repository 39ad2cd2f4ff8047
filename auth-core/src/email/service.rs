//! Proving mailboxes, by links.

use std::time::Duration;

use super::config::{AddressChange, AfterVerification};
use super::enter::confirm_by;
use crate::account::may_message;
use crate::base::{Email, TenantId, with_parameter};
use crate::code::{self, Binding, CodePurpose, Issued, Recipient, ShownCode};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, ErrorKind, Result};
use crate::hooks::Event;
use crate::outbox::{self, Letter};
use crate::ports::{Link, Message};
use crate::session::{self, AuthMethod, Session, SignedIn};
use crate::store::StoreError;
use crate::user::{self, Population, User};

/// How long the owner of an account may be told that somebody tried to sign up with their address.
const NOTICE_TTL: Duration = Duration::from_hours(24);

/// A mailbox that a stranger has named, and whoever is to be written to there.
pub(crate) struct Search {
    population: Population,
    email: Email,
    found: Option<User>,
    is_taken: bool,
    is_throttled: bool,
}

impl Search {
    /// Looks for the user of this address, who is to be written to for this purpose. Costs the same whether there is
    /// one.
    ///
    /// # Errors
    /// 429 for a client who asks too often.
    pub(crate) async fn of(cx: &Cx, purpose: CodePurpose, population: Population, email: Email) -> Result<Self> {
        let is_throttled = !may_message(cx, purpose.as_str(), email.as_str().as_bytes()).await?;
        let found = cx.conn().user_by_email(&population, &email).await?;
        let is_taken = found.is_some();
        let found = found.filter(|user| user.disabled_at.is_none());
        Ok(Self { population, email, found, is_taken, is_throttled })
    }

    /// Whether the address is an account's, be it enabled or not.
    pub(crate) const fn is_taken(&self) -> bool {
        self.is_taken
    }

    /// What a link for this mailbox is bound to.
    pub(crate) fn binding(&self) -> Binding {
        Binding::to(&self.population, self.email.clone())
    }

    /// The user who is written to: an enabled one, who was not written to too often.
    pub(crate) fn user(&self) -> Option<&User> {
        self.found.as_ref().filter(|_| !self.is_throttled)
    }

    /// How far a message to this mailbox gets that signs its holder in, or up where that is open.
    pub(crate) fn reach(&self, cx: &Cx, sign_up_is_open: bool) -> Reach<'_> {
        match self.user() {
            _ if self.is_throttled => Reach::Nobody,
            Some(user) => Reach::User(user),
            None if self.is_taken || !sign_up_is_open || cx.auth().config().email.refuses(&self.email) => Reach::Nobody,
            None => Reach::Mailbox,
        }
    }

    /// Where a code is kept that gets so far.
    pub(crate) fn recipient<'a>(&'a self, cx: &Cx, reach: Reach<'a>) -> Recipient<'a> {
        match reach {
            Reach::User(user) => Recipient::mailbox(cx, &self.population, &self.email, Some(user)),
            Reach::Mailbox => Recipient::mailbox(cx, &self.population, &self.email, None),
            Reach::Nobody => Recipient::nobody(cx, &self.population, &self.email),
        }
    }

    /// The same for a code that is typed in. Tries at one that nobody has count as tries at any other.
    pub(crate) fn otp_recipient<'a>(&'a self, cx: &Cx, reach: Reach<'a>) -> Recipient<'a> {
        match reach {
            Reach::Nobody if !self.is_throttled => self.recipient(cx, Reach::Mailbox),
            Reach::User(_) | Reach::Mailbox | Reach::Nobody => self.recipient(cx, reach),
        }
    }

    /// The mailbox.
    pub(crate) const fn email(&self) -> &Email {
        &self.email
    }
}

/// Who gets a message.
#[derive(Clone, Copy)]
pub(crate) enum Reach<'a> {
    /// The user whose mailbox it is.
    User(&'a User),
    /// Whoever has the mailbox, who has no account.
    Mailbox,
    /// Nobody: all that is done is done for its cost.
    Nobody,
}

impl<'a> From<Option<&'a User>> for Reach<'a> {
    fn from(user: Option<&'a User>) -> Self {
        user.map_or(Self::Nobody, Self::User)
    }
}

/// A link that is mailed: what for, and how it is followed.
#[derive(Clone, Copy)]
pub(crate) struct Mailed {
    pub(crate) purpose: CodePurpose,
    /// The endpoint that it leads to; the token follows as a parameter, or in place of `{token}`.
    pub(crate) path: &'static str,
    pub(crate) message: fn(Link) -> Message,
}

const VERIFY: Mailed =
    Mailed { purpose: CodePurpose::VerifyEmail, path: "/verify-email", message: Message::VerifyEmail };
const APPROVE_CHANGE: Mailed =
    Mailed { purpose: CodePurpose::ChangeEmail, path: "/verify-email", message: Message::ChangeEmail };
const MOVE: Mailed = Mailed { purpose: CodePurpose::NewEmail, path: "/verify-email", message: Message::VerifyEmail };
const DELETE: Mailed =
    Mailed { purpose: CodePurpose::DeleteUser, path: "/delete-user/callback", message: Message::DeleteUser };

/// A message with a link, on the configured base URL.
fn link(cx: &Cx, mailed: Mailed, to: Email, issued: &Issued, parameters: &[(&str, Option<&str>)]) -> Link {
    let token = issued.secret.to_string();
    let mut query = form_urlencoded::Serializer::new(String::new());
    let is_in_path = mailed.path.contains("{token}");
    if !is_in_path {
        query.append_pair("token", &token);
    }
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let (query, path) = (query.finish(), mailed.path.replace("{token}", &token));
    let joint = if query.is_empty() { "" } else { "?" };
    Link::new(to, format!("{}{joint}{query}", cx.endpoint_url(&path)), token, issued.expires_at)
}

impl Mailed {
    /// Makes the link for whoever is reached, and writes to them; or does what costs the same.
    pub(crate) async fn reach(
        self,
        cx: &Cx,
        work: &mut Work<'_>,
        (search, reach): (&Search, Reach<'_>),
        (binding, ttl): (&Binding, Duration),
        parameters: &[(&str, Option<&str>)],
    ) -> Result<()> {
        let issued = match code::issue_link(cx, work, self.purpose, search.recipient(cx, reach), (binding, ttl)).await {
            // Deleted since they were looked up: nobody is written to, and nobody is told.
            Err(error) if error.is(Code::Conflict) => return Ok(()),
            issued => issued?,
        };
        let letter = match reach {
            Reach::User(_) | Reach::Mailbox => {
                Letter::Mail((self.message)(link(cx, self, search.email.clone(), &issued, parameters)))
            }
            Reach::Nobody => Letter::Nothing,
        };
        outbox::post(cx, work, &letter, issued.expires_at).await
    }

    /// Makes the link for a user who is known, and writes to this mailbox; or to none, and does what costs the same. A
    /// link that is not sent takes the place of an older one, too: that it did not would tell of whom `to` is.
    async fn send(
        self,
        cx: &Cx,
        work: &mut Work<'_>,
        (user, to): (&User, Option<&Email>),
        binding: &Binding,
        parameters: &[(&str, Option<&str>)],
    ) -> Result<()> {
        let ttl = cx.auth().config().email.link_ttl;
        let issued = code::issue_link(cx, work, self.purpose, Recipient::user(user), (binding, ttl)).await?;
        let letter = to.map_or(Letter::Nothing, |to| {
            let account = Some(user.email.clone()).filter(|address| address != to);
            let link = Link { account, ..link(cx, self, to.clone(), &issued, parameters) };
            Letter::Mail((self.message)(link))
        });
        outbox::post(cx, work, &letter, issued.expires_at).await
    }
}

/// Writes to the mailbox, if it is that of somebody who has not proved it yet. Nobody is told whether it is.
pub(crate) async fn request_verification(cx: &Cx, search: Search, callback: Option<&str>) -> Result<()> {
    let user = search.user().filter(|user| !user.email_verified);
    let mut work = cx.begin().await?;
    let binding = Binding { browser: marked(cx), ..search.binding() };
    let ttl = cx.auth().config().email.link_ttl;
    VERIFY.reach(cx, &mut work, (&search, user.into()), (&binding, ttl), &[("callbackURL", callback)]).await?;
    work.commit().await
}

/// Writes to somebody who has just signed up, in the same transaction.
pub(crate) async fn send_verification(cx: &Cx, work: &mut Work<'_>, user: &User, callback: Option<&str>) -> Result<()> {
    let (population, email) = (user.population(), user.email.clone());
    let search = Search { population, email, found: None, is_taken: true, is_throttled: false };
    let binding = Binding { browser: marked(cx), ..search.binding() };
    let ttl = cx.auth().config().email.link_ttl;
    VERIFY.reach(cx, work, (&search, Reach::User(user)), (&binding, ttl), &[("callbackURL", callback)]).await
}

/// What the browser is known by in which the link is asked for, where following it there opens a session.
fn marked(cx: &Cx) -> Option<String> {
    let opens_session = cx.auth().config().email.sign_in == AfterVerification::Session;
    opens_session.then(|| cx.mark_browser(cx.auth().config().email.link_ttl))
}

/// Tells the owner of an account that somebody tried to sign up with their address; whoever it was is told nothing.
pub(crate) async fn conceal_sign_up(cx: &Cx, work: &mut Work<'_>, search: &Search) -> Result<()> {
    let binding = Binding { browser: marked(cx), ..search.binding() };
    let ttl = cx.auth().config().email.link_ttl;
    code::issue_link(cx, work, CodePurpose::VerifyEmail, search.recipient(cx, Reach::Nobody), (&binding, ttl)).await?;
    let notice = search.user().map(|user| Letter::Mail(Message::AccountExists { to: user.email.clone() }));
    outbox::post(cx, work, &notice.unwrap_or(Letter::Nothing), cx.now().plus(NOTICE_TTL)).await
}

/// What a link does that leads to `verify-email`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Proves the mailbox.
    Verify,
    /// Approves that the account moves to another.
    Approve,
    /// Moves it there.
    Move,
}

impl Aim {
    const fn mailed(self) -> Mailed {
        match self {
            Self::Verify => VERIFY,
            Self::Approve => APPROVE_CHANGE,
            Self::Move => MOVE,
        }
    }

    /// By its prefix a token has one aim at most.
    fn of(token: &str) -> Option<Self> {
        let is_of = |aim: &Self| {
            let kind = aim.mailed().purpose.token_kind();
            kind.is_some_and(|kind| token.starts_with(kind.prefix()))
        };
        [Self::Verify, Self::Approve, Self::Move].into_iter().find(is_of)
    }
}

/// A link that was shown and is good.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) aim: Aim,
    code: ShownCode,
    pub(crate) user: User,
}

impl Shown {
    /// The address that the page of the link tells of.
    pub(crate) fn account(&self) -> &Email {
        match self.aim {
            Aim::Move => self.code.bound.new_email.as_ref().unwrap_or(&self.user.email),
            Aim::Verify | Aim::Approve => &self.user.email,
        }
    }
}

/// Reads the token of a link, which is not used up.
///
/// # Errors
/// 400 `INVALID_TOKEN`, `TOKEN_EXPIRED`.
pub(crate) async fn look_at(cx: &Cx, token: &str) -> Result<Shown> {
    let aim = Aim::of(token).ok_or(Code::InvalidToken)?;
    let code = code::read_link(cx, aim.mailed().purpose, token).await?;
    let user = code.user(cx).await?.ok_or(Code::InvalidToken)?;
    Ok(Shown { aim, code, user })
}

/// What following a link has come to.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The mailbox is proved; with a session, where that is wanted.
    Verified(Option<Box<SignedIn>>),
    /// The new mailbox is written to.
    Approved,
    /// The account has another address.
    Moved(Box<User>),
}

/// Does what the link is for.
///
/// # Errors
/// Those of [`look_at`]; 401 `INVALID_USER` when somebody else is signed in and it is about a change; 422 when the new
/// address was taken in the meantime.
pub(crate) async fn follow(cx: &Cx, shown: Shown, callback: Option<&str>) -> Result<Followed> {
    // A credential that proves nothing any more is nobody's.
    let signed_in = match cx.authentication().await {
        Ok(caller) => caller.and_then(|caller| caller.user().map(|user| user.id)),
        Err(error) if error.kind() == ErrorKind::Unauthorized => None,
        Err(error) => return Err(error),
    };
    if shown.aim != Aim::Verify && signed_in.is_some_and(|id| id != shown.user.id) {
        return Err(Code::InvalidUser.into());
    }
    match shown.aim {
        Aim::Approve => approve(cx, shown, callback).await,
        Aim::Move => complete_change(cx, shown).await,
        Aim::Verify => {
            let confirmed = confirm_by(cx, &shown.code, shown.user, AuthMethod::MagicLink, None).await?;
            Ok(Followed::Verified(confirmed.signed_in.map(Box::new)))
        }
    }
}

/// Notes that the mailbox is the user's. The account stays as it is.
pub(crate) async fn confirm(cx: &Cx, work: &mut Work<'_>, user: User) -> Result<User> {
    if user.email_verified {
        return Ok(user);
    }
    if !work.verify_email(user.id, &user.email, cx.now()).await? {
        return Err(Code::Conflict.into());
    }
    work.emit(Event::EmailVerified { user: user.id });
    Ok(work.user_by_id(user.id).await?.ok_or(Code::Conflict)?)
}

/// Lets whoever has just proved the mailbox have the account: if nobody had, nothing stays that whoever made it may
/// have put there. The user's row is locked.
pub(crate) async fn prove(cx: &Cx, work: &mut Work<'_>, user: User) -> Result<User> {
    if user.email_verified {
        return Ok(user);
    }
    work.delete_accounts_of_user(user.id).await?;
    work.delete_api_keys_of_user(user.id).await?;
    work.set_phone(user.id, None, cx.now()).await?;
    work.end_codes_of_user(user.id).await?;
    let count = work.end_sessions_of_user(user.id, None).await?;
    work.raise_credential_version(user.id, cx.now()).await?;
    work.emit(Event::SessionsEnded { user: user.id, by: None, count });
    confirm(cx, work, user).await
}

/// Somebody who is signed in wants another address. Whether it is taken is told to nobody but its owner.
///
/// # Errors
/// 400 where that is switched off, or it is the address they have; 422 for a provider that is refused; 401 when the
/// session has ended since; 429.
pub(crate) async fn request_change(
    cx: &Cx,
    (user, session): (&User, &Session),
    new: Email,
    callback: Option<&str>,
) -> Result<()> {
    let config = &cx.auth().config().email;
    if config.changes == AddressChange::Refused {
        return Err(Code::ChangeEmailDisabled.into());
    }
    if new == user.email {
        return Err(Code::EmailUnchanged.into());
    }
    user::expect_known(user)?;
    user::expect_accepted(cx, &new)?;
    let parameters = [("callbackURL", callback)];
    let binding = Binding::to_move(user, new.clone());
    // The mail to a mailbox of the caller's own says nothing of the new one: whether that is taken is looked at
    // afterwards.
    let is_free = cx.conn().user_by_email(&user.population(), &new).await?.is_none();
    let (mailed, to) = if user.email_verified { (APPROVE_CHANGE, &user.email) } else { (MOVE, &new) };
    let may_write = may_message(cx, "change-email", to.as_str().as_bytes()).await?;
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    if may_write {
        let to = Some(to).filter(|_| is_free || user.email_verified);
        mailed.send(cx, &mut work, (user, to), &binding, &parameters).await?;
    } else {
        let recipient = Recipient::nobody(cx, &user.population(), &new);
        let issued = code::issue_link(cx, &mut work, mailed.purpose, recipient, (&binding, config.link_ttl)).await?;
        outbox::post(cx, &mut work, &Letter::Nothing, issued.expires_at).await?;
    }
    work.commit().await
}

/// The present mailbox has approved: the new one is asked.
async fn approve(cx: &Cx, shown: Shown, callback: Option<&str>) -> Result<Followed> {
    let Shown { code, user, .. } = shown;
    let new = code.bound.new_email.clone().ok_or_else(|| Error::internal("a change to no address"))?;
    let is_free = cx.conn().user_by_email(&user.population(), &new).await?.is_none();
    let may_write = may_message(cx, "change-email", new.as_str().as_bytes()).await?;
    let mut work = cx.begin().await?;
    let user = code.consume_for(cx, &mut work, &user).await?;
    let binding = Binding::to_move(&user, new.clone());
    let to = Some(&new).filter(|_| is_free && may_write);
    MOVE.send(cx, &mut work, (&user, to), &binding, &[("callbackURL", callback)]).await?;
    work.commit().await?;
    Ok(Followed::Approved)
}

async fn complete_change(cx: &Cx, shown: Shown) -> Result<Followed> {
    let Shown { code, user, .. } = shown;
    let new = code.bound.new_email.clone().ok_or_else(|| Error::internal("a change to no address"))?;
    let mut work = cx.begin().await?;
    let user = code.consume_for(cx, &mut work, &user).await?;
    let user = move_to(cx, &mut work, &user, &new).await?;
    work.commit().await?;
    Ok(Followed::Moved(Box::new(user)))
}

/// Gives a user, whose row is locked, an address whose mailbox has just been proved to be theirs. What was mailed to
/// the old one is worth nothing any more.
pub(crate) async fn move_to(cx: &Cx, work: &mut Work<'_>, user: &User, new: &Email) -> Result<User> {
    let changed = work.change_email(user.id, &user.email, new, cx.now()).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::UserAlreadyExists),
        StoreError::Backend(_) => error.into(),
    })?;
    if !changed {
        return Err(Code::Conflict.into());
    }
    work.raise_credential_version(user.id, cx.now()).await?;
    work.end_codes_of_user(user.id).await?;
    work.emit(Event::EmailChanged { user: user.id });
    Ok(work.user_by_id(user.id).await?.ok_or(Code::Conflict)?)
}

/// Somebody who is signed in, and has no other proof at hand, wants to be deleted: their mailbox is asked.
pub(crate) async fn request_deletion(
    cx: &Cx,
    (user, session): (&User, &Session),
    callback: Option<&str>,
) -> Result<()> {
    if !may_message(cx, "delete-user", user.email.as_str().as_bytes()).await? {
        return Err(Code::TooManyAttempts.into());
    }
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    let binding = Binding::to(&user.population(), user.email.clone());
    DELETE.send(cx, &mut work, (user, Some(&user.email)), &binding, &[("callbackURL", callback)]).await?;
    work.commit().await
}

/// Whether the link would delete this user.
pub(crate) async fn look_at_deletion(cx: &Cx, user: &User, token: &str) -> Result<ShownCode> {
    let code = code::read_link(cx, CodePurpose::DeleteUser, token).await?;
    let owner = code.user(cx).await?.filter(|owner| owner.id == user.id);
    owner.map(|_| code).ok_or_else(|| Code::InvalidToken.into())
}

/// Deletes the user of this session, by a link that was mailed to them.
pub(crate) async fn delete_by_link(cx: &Cx, (user, session): (&User, &Session), token: &str) -> Result<()> {
    let code = look_at_deletion(cx, user, token).await?;
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    let user = &code.consume_for(cx, &mut work, user).await?;
    user::remove(cx, &mut work, user).await?;
    work.commit().await
}

/// Invites somebody to sign up with this address, where that takes an invitation
/// ([`SignUpMode::ByInvitation`](crate::password::SignUpMode::ByInvitation)): a mail with a link to `page`, a page of
/// the application's own on a trusted origin, which hands the link's `token` on as `invitation` to `sign-up/email`. The
/// invitation is good for that address alone, once, for [`invitation_ttl`](super::Config::invitation_ttl); a later one
/// takes its place. Where accounts belong to tenants, `tenant` says to which the account will belong; elsewhere it is
/// not looked at. Where signing up is open an invitation is not looked at either, and proves nothing.
/// [`Cx::for_customers`] invites a customer. How many are invited is the program's to limit.
///
/// ```
/// # use auth_core::prelude::*;
/// # async fn invite(cx: &Cx) -> Result<()> {
/// auth_core::email::invite(cx, &Email::parse("ada@example.com")?, None, "/sign-up").await
/// # }
/// ```
///
/// # Errors
/// [`Code::UserAlreadyExists`] for an address that has an account, [`Code::InvalidCallbackUrl`] for a page elsewhere,
/// [`Code::EmailNotAllowed`] for an address that nobody may have; [`Code::TenantRequired`] and [`Code::TenantNotFound`]
/// where accounts belong to tenants.
pub async fn invite(cx: &Cx, email: &Email, tenant: Option<&TenantId>, page: &str) -> Result<()> {
    if !cx.auth().config().trusted_origins.trusts_target(page) {
        return Err(Code::InvalidCallbackUrl.into());
    }
    user::expect_accepted(cx, email)?;
    let mut work = cx.begin().await?;
    let population = Population { pool: cx.pool(), tenant: user::home(cx, &mut work, cx.pool(), tenant).await? };
    if work.user_by_email(&population, email).await?.is_some() {
        return Err(Code::UserAlreadyExists.into());
    }
    let (binding, ttl) = (Binding::to(&population, email.clone()), cx.auth().config().email.invitation_ttl);
    let recipient = Recipient::mailbox(cx, &population, email, None);
    let issued = code::issue_link(cx, &mut work, CodePurpose::Invitation, recipient, (&binding, ttl)).await?;
    let origin = if page.starts_with('/') { cx.auth().base_url() } else { "" };
    let url = format!("{origin}{}", with_parameter(page, "token", &issued.secret));
    let link = Link::new(email.clone(), url, issued.secret.to_string(), issued.expires_at);
    outbox::post(cx, &mut work, &Letter::Mail(Message::SignUpInvitation(link)), issued.expires_at).await?;
    work.commit().await
}

/// The invitation that this token is, for this address there.
///
/// # Errors
/// 400 `INVALID_TOKEN` for any other.
pub(crate) async fn invitation(cx: &Cx, token: &str, population: &Population, email: &Email) -> Result<ShownCode> {
    let code = code::read_link(cx, CodePurpose::Invitation, token).await?;
    let is_for_nobody = code.user(cx).await?.is_none();
    let is_theirs = *code.mailbox()? == *email && code.bound.tenant == population.tenant;
    if is_for_nobody && is_theirs { Ok(code) } else { Err(code.refusal()) }
}
