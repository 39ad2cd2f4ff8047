//! A new password for whoever has the mailbox, or reads the messages to the telephone.

use super::config::AfterReset;
use super::service::{feature, hash_acceptable};
use crate::account::CountedAttempt;
use crate::base::AccountId;
use crate::code::{self, CodePurpose, ShownCode};
use crate::crypto::password_hash::Password;
use crate::cx::{Cx, Work};
use crate::email::{self, Mailed, Search};
use crate::error::{Code, Result};
use crate::hooks::Event;
use crate::ports::Message;
use crate::user::User;

/// Where the link of a reset leads.
const RESET: Mailed =
    Mailed { purpose: CodePurpose::ResetPassword, path: "/reset-password/{token}", message: Message::ResetPassword };

/// Writes to the mailbox, if it is somebody's, whether they have a password or not. Nobody is told whether it is.
pub(crate) async fn request(cx: &Cx, search: Search, redirect: Option<&str>) -> Result<()> {
    feature(cx)?;
    let mut work = cx.begin().await?;
    let binding = search.binding();
    let ttl = cx.auth().config().email.link_ttl;
    let reach = search.user().into();
    RESET.reach(cx, &mut work, (&search, reach), (&binding, ttl), &[("callbackURL", redirect)]).await?;
    work.commit().await
}

/// Whose password the link sets, and the code, which is not used up.
///
/// # Errors
/// 400 `INVALID_TOKEN`.
pub(crate) async fn look_at(cx: &Cx, token: &str) -> Result<(ShownCode, User)> {
    let code = code::read_link(cx, CodePurpose::ResetPassword, token).await?;
    let user = code.user(cx).await?.ok_or(Code::InvalidToken)?;
    Ok((code, user))
}

/// Sets the password by a link. Nobody is signed in by it, and everybody is signed out.
///
/// # Errors
/// Those of [`look_at`], and what the policy refuses: the link stays good then.
pub(crate) async fn by_link(cx: &Cx, token: &str, new: Password) -> Result<()> {
    let (code, user) = look_at(cx, token).await?;
    by_code(cx, (&code, Proved::Mailbox), user, new, None).await
}

/// What a code proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    Mailbox,
    Telephone,
}

/// Sets the password of the user whom the code was sent to. Nobody is signed in by it, and everybody is signed out.
pub(crate) async fn by_code(
    cx: &Cx,
    (code, proved): (&ShownCode, Proved),
    user: User,
    new: Password,
    attempt: Option<&CountedAttempt>,
) -> Result<()> {
    let (hash, now) = (hash_acceptable(cx, new, &user.email).await?, cx.now());
    let mut work = cx.begin().await?;
    let user = code.consume_for(cx, &mut work, &user).await?;
    let user = match proved {
        Proved::Mailbox => email::prove(cx, &mut work, user).await?,
        Proved::Telephone => user,
    };
    cx.hooks(user.pool).before_password_change(cx, &mut work, &user).await?;
    let is_set = match work.password_of_user(user.id).await? {
        Some(old) => work.replace_password(user.id, &old, &hash, now).await?,
        None => {
            work.insert_password(AccountId::new(now, cx.random()), user.id, &hash, now).await?;
            true
        }
    };
    if !is_set {
        return Err(Code::Conflict.into());
    }
    revoke(cx, &mut work, &user).await?;
    if let Some(attempt) = attempt {
        attempt.settle(&mut work).await?;
    }
    work.emit(Event::PasswordReset { user: user.id });
    work.commit().await
}

/// Whoever knew the old password, or had got hold of something by it, is out.
async fn revoke(cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<()> {
    let after = feature(cx)?.0.after_reset;
    work.raise_credential_version(user.id, cx.now()).await?;
    work.end_codes_of_user(user.id).await?;
    work.end_sessions_of_user(user.id, None).await?;
    if after == AfterReset::EndSessionsAndApiKeys {
        work.delete_api_keys_of_user(user.id).await?;
    }
    Ok(())
}
