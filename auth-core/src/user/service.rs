//! What programs do with users.

use super::model::{Pool, ProfileChange, User};
use crate::base::{Email, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Result};
use crate::hooks::Event;

/// The user of this address; customers are not looked at.
///
/// # Errors
/// When the store is down.
pub async fn user_by_email(cx: &Cx, email: &Email) -> Result<Option<User>> {
    Ok(cx.conn().user_by_email(Pool::User, email).await?)
}

/// The user of this id.
///
/// # Errors
/// When the store is down.
pub async fn user_by_id(cx: &Cx, id: UserId) -> Result<Option<User>> {
    Ok(cx.conn().user_by_id(id).await?)
}

/// Bars a user from signing in and ends all their sessions, at once.
///
/// # Errors
/// [`Code::UserNotFound`].
pub async fn disable_user(cx: &Cx, id: UserId) -> Result<()> {
    let now = cx.now();
    let mut work = cx.begin().await?;
    if !work.set_disabled(id, Some(now), now).await? {
        return Err(Code::UserNotFound.into());
    }
    work.end_sessions_of_user(id, None).await?;
    work.emit(Event::UserDisabled { user: id });
    work.commit().await
}

/// Lets a disabled user sign in again.
///
/// # Errors
/// [`Code::UserNotFound`].
pub async fn enable_user(cx: &Cx, id: UserId) -> Result<()> {
    let mut work = cx.begin().await?;
    if !work.set_disabled(id, None, cx.now()).await? {
        return Err(Code::UserNotFound.into());
    }
    work.emit(Event::UserEnabled { user: id });
    work.commit().await
}

/// Changes name and picture of a user.
pub(crate) async fn change_profile(cx: &Cx, work: &mut Work<'_>, id: UserId, change: &ProfileChange) -> Result<()> {
    if !work.update_profile(id, change, cx.now()).await? {
        return Err(Code::UserNotFound.into());
    }
    work.emit(Event::ProfileChanged { user: id });
    Ok(())
}

/// Removes a user with their sessions, accounts and granted roles. The application's own rows go in `before_user_delete`.
pub(crate) async fn delete_user(cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<()> {
    cx.auth().hooks().before_user_delete(cx, work, user).await?;
    if !work.delete_user(user.id).await? {
        return Err(Code::UserNotFound.into());
    }
    work.emit(Event::UserDeleted { user: user.id });
    Ok(())
}
