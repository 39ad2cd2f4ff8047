//! What programs do with users.

use super::model::{Pool, ProfileChange, User};
use crate::base::{Email, Timestamp, UserId};
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

/// The user of this id; a customer's id is nobody's here.
///
/// # Errors
/// When the store is down.
pub async fn user_by_id(cx: &Cx, id: UserId) -> Result<Option<User>> {
    Ok(cx.conn().user_by_id(id).await?.filter(|found| found.pool == Pool::User))
}

/// Bars a user from signing in and ends all their sessions, at once.
///
/// # Errors
/// [`Code::UserNotFound`].
pub async fn disable_user(cx: &Cx, id: UserId) -> Result<()> {
    set_disabled(cx, Pool::User, id, Some(cx.now())).await
}

/// Lets a disabled user sign in again.
///
/// # Errors
/// [`Code::UserNotFound`].
pub async fn enable_user(cx: &Cx, id: UserId) -> Result<()> {
    set_disabled(cx, Pool::User, id, None).await
}

/// Disables or enables somebody of this pool. An id of the other pool is nobody's.
pub(crate) async fn set_disabled(cx: &Cx, pool: Pool, id: UserId, disabled_at: Option<Timestamp>) -> Result<()> {
    let mut work = cx.begin().await?;
    let found = work.user_by_id(id).await?.filter(|found| found.pool == pool);
    if found.is_none() || !work.set_disabled(id, disabled_at, cx.now()).await? {
        return Err(Code::UserNotFound.into());
    }
    if disabled_at.is_some() {
        work.end_sessions_of_user(id, None).await?;
        work.emit(Event::UserDisabled { user: id });
    } else {
        work.emit(Event::UserEnabled { user: id });
    }
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
    cx.hooks(user.pool).before_user_delete(cx, work, user).await?;
    if !work.delete_user(user.id).await? {
        return Err(Code::UserNotFound.into());
    }
    work.emit(Event::UserDeleted { user: user.id });
    Ok(())
}
