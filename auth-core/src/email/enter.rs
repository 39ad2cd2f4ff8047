//! A session for whoever has proved a mailbox, by a link or a code.

use serde_json::Map;

use super::config::AfterVerification;
use super::service::{confirm, prove};
use crate::account::CountedAttempt;
use crate::code::ShownCode;
use crate::cx::{Cx, Work};
use crate::error::{Code, Result};
use crate::hooks::{LoginAttempt, LoginOccasion};
use crate::session::{AuthEvent, AuthMethod, Entry, Persistence, SignedIn, complete_login};
use crate::user::{self, SignUp, User};

/// Somebody at the door, with a code that is right.
pub(crate) struct Arrival {
    pub(crate) code: ShownCode,
    pub(crate) method: AuthMethod,
    /// Where they want to act, as the hooks have decided.
    pub(crate) entry: Entry,
    /// Who they will be, if they may sign up and nobody has the address.
    pub(crate) signup: Option<SignUp>,
    /// What was counted before the code was compared, where it can be guessed.
    pub(crate) attempt: Option<CountedAttempt>,
}

/// Who has come in.
pub(crate) struct Entered {
    pub(crate) signed_in: SignedIn,
    pub(crate) is_new: bool,
}

impl Arrival {
    /// Lets them in: to the account that the code was made for, from which everything goes first that whoever did not
    /// have the mailbox may have put there; or to a new one. The code is used up in the same transaction.
    ///
    /// # Errors
    /// 400 when the account is not as it was when the code was made, or there is none and nobody may sign up; what
    /// hooks refuse.
    pub(crate) async fn enter(self, cx: &Cx) -> Result<Entered> {
        let Self { code, method, entry, signup, attempt } = self;
        let population = cx.auth().config().tenancy.population(cx, entry.tenant.as_ref()).await?;
        let user = code.user(cx).await?;
        let is_new = user.is_none();
        if user.as_ref().is_some_and(|user| user.population() != population) {
            return Err(code.refusal());
        }
        let mut work = cx.begin().await?;
        let event = match (user, signup) {
            (Some(user), _) => {
                let user = code.consume_for(cx, &mut work, &user).await?;
                let user = prove(cx, &mut work, user).await?;
                AuthEvent::proved(user, method, Persistence::Persistent, entry)
            }
            (None, Some(mut signup)) => {
                code.consume(cx, &mut work).await?;
                signup.tenant.clone_from(&entry.tenant);
                let user = sign_up(cx, &mut work, signup, &code).await?;
                AuthEvent::signed_up(user, method, Persistence::Persistent, entry)
            }
            (None, None) => return Err(code.refusal()),
        };
        let signed_in = complete_login(cx, &mut work, event).await?;
        if let Some(attempt) = attempt {
            attempt.settle(&mut work).await?;
        }
        work.commit().await?;
        Ok(Entered { signed_in, is_new })
    }
}

/// An account whose mailbox has been confirmed, and a session where a proof opens one.
pub(crate) struct Confirmed {
    pub(crate) user: User,
    pub(crate) signed_in: Option<SignedIn>,
}

/// Notes that the mailbox is the user's by a code that was made for them. The account stays as it is: it is what
/// whoever has the mailbox was asked to confirm.
pub(crate) async fn confirm_by(
    cx: &Cx,
    code: &ShownCode,
    user: User,
    method: AuthMethod,
    attempt: Option<&CountedAttempt>,
) -> Result<Confirmed> {
    let input = Map::new();
    let entry = match cx.auth().config().email.sign_in {
        // Where the link was asked for. Elsewhere, whoever has the mailbox may be somebody else than whoever made the
        // account, and still knows its password: they are not led into it.
        AfterVerification::Session if !user.email_verified && (attempt.is_some() || is_same_browser(cx, code)) => {
            let wanted = LoginAttempt::new(method, LoginOccasion::SignIn, &input);
            Some(Entry::decide(cx, wanted.naming(code.mailbox()?, user.tenant.clone())).await?)
        }
        AfterVerification::Session | AfterVerification::Nothing => None,
    };
    let mut work = cx.begin().await?;
    let user = code.consume_for(cx, &mut work, &user).await?;
    let user = confirm(cx, &mut work, user).await?;
    let signed_in = match entry {
        Some(entry) => {
            let event = AuthEvent::proved(user.clone(), method, Persistence::Persistent, entry);
            Some(complete_login(cx, &mut work, event).await?)
        }
        None => None,
    };
    if let Some(attempt) = attempt {
        attempt.settle(&mut work).await?;
    }
    work.commit().await?;
    Ok(Confirmed { user, signed_in })
}

/// Whether the link is followed in the browser in which it was asked for.
fn is_same_browser(cx: &Cx, code: &ShownCode) -> bool {
    code.bound.browser.as_deref().is_some_and(|known| cx.is_marked_browser(known))
}

/// Makes the account of a mailbox that has been proved before there was one.
async fn sign_up(cx: &Cx, work: &mut Work<'_>, mut signup: SignUp, code: &ShownCode) -> Result<User> {
    // Somebody has made one since: the code was not made for theirs.
    let user = user::insert(cx, work, cx.pool(), &mut signup)
        .await
        .map_err(|error| if error.is(Code::UserAlreadyExists) { code.refusal() } else { error })?;
    // A hook may have given them another address, and that one nobody has proved.
    let user = if user.email == *code.mailbox()? { confirm(cx, work, user).await? } else { user };
    user::signed_up(cx, work, &user, &signup).await?;
    Ok(user)
}
