//! What programs do with users.

use super::model::{Pool, Population, ProfileChange, SignUp, TenantMember, User, check_profile};
use crate::base::{Email, TenantId, Timestamp, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::store::StoreError;
use crate::{role, tenant};

/// The user of this address; customers are not looked at, nor accounts that belong to a tenant.
///
/// # Errors
/// When the store is down.
pub async fn user_by_email(cx: &Cx, email: &Email) -> Result<Option<User>> {
    Ok(cx.conn().user_by_email(&Pool::User.into(), email).await?)
}

/// The user of this address whose account belongs to this tenant: somebody else in each of them.
///
/// # Errors
/// When the store is down.
pub async fn user_by_email_in_tenant(cx: &Cx, email: &Email, tenant: &TenantId) -> Result<Option<User>> {
    let population = Population::from(Pool::User).in_tenant(tenant.clone());
    Ok(cx.conn().user_by_email(&population, email).await?)
}

/// The user of this id; a customer's id is nobody's here.
///
/// # Errors
/// When the store is down.
pub async fn user_by_id(cx: &Cx, id: UserId) -> Result<Option<User>> {
    Ok(cx.conn().user_by_id(id).await?.filter(|found| found.pool == Pool::User))
}

/// The largest page of a list of users.
const MOST_LISTED: u32 = 100;

/// The users, disabled ones included and customers not, whatever tenant their accounts belong to, in the order in which
/// these were made: at most `limit` of them and never more than 100, beginning after the one of this id.
///
/// # Errors
/// When the store is down.
pub async fn list_users(cx: &Cx, after: Option<UserId>, limit: u32) -> Result<Vec<User>> {
    Ok(cx.conn().users_of_pool(Pool::User, after, limit.min(MOST_LISTED)).await?)
}

/// The users who belong to a tenant, suspended members included and customers not, in the order in which their accounts
/// were made: at most `limit` of them and never more than 100, beginning after the one of this id.
///
/// # Errors
/// When the store is down.
pub async fn members_of_tenant(
    cx: &Cx,
    tenant: &TenantId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<TenantMember>> {
    Ok(cx.conn().members_of_tenant(tenant, after, limit.min(MOST_LISTED)).await?)
}

/// Creates a user without a password, for programs whose users prove who they are elsewhere. There is no session, and
/// hooks run as for anybody who signs up. One with a password is made by
/// [`password::create_user`](crate::password::create_user).
///
/// # Errors
/// [`Code::UserAlreadyExists`], [`Code::ValidationError`] for a name or a picture that is too long, and what hooks
/// refuse. Where accounts belong to tenants, [`Code::TenantRequired`] for one of none, unless it may be that of
/// platform staff, and [`Code::TenantNotFound`].
pub async fn create_user(cx: &Cx, signup: SignUp) -> Result<User> {
    let mut work = cx.begin().await?;
    let user = create_user_within(cx, &mut work, signup).await?;
    work.commit().await?;
    Ok(user)
}

/// [`create_user`] as part of a larger unit of work, such as filing whom they are elsewhere.
///
/// # Errors
/// As for [`create_user`]; the unit of work is good for nothing then.
pub async fn create_user_within(cx: &Cx, work: &mut Work<'_>, mut signup: SignUp) -> Result<User> {
    check_profile(Some(&signup.name), signup.image.as_deref())?;
    let user = insert(cx, work, Pool::User, &mut signup).await?;
    signed_up(cx, work, &user, &signup).await?;
    Ok(user)
}

/// Writes somebody new, who has [`signed_up`] once what they sign in with is written, too.
pub(crate) async fn insert(cx: &Cx, work: &mut Work<'_>, pool: Pool, signup: &mut SignUp) -> Result<User> {
    let tenant = home(cx, work, pool, signup.tenant.as_ref()).await?;
    cx.hooks(pool).before_signup(cx, work, signup).await?;
    check_profile(Some(&signup.name), signup.image.as_deref())?;
    let user = new(cx, pool, tenant, signup);
    work.insert_user(&user).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::UserAlreadyExists),
        StoreError::Backend(_) => error.into(),
    })?;
    Ok(user)
}

/// Somebody new, who is not written yet.
pub(crate) fn new(cx: &Cx, pool: Pool, tenant: Option<TenantId>, signup: &SignUp) -> User {
    let now = cx.now();
    User {
        id: UserId::new(now, cx.random()),
        name: signup.name.clone(),
        email: signup.email.clone(),
        email_verified: false,
        image: signup.image.clone(),
        created_at: now,
        updated_at: now,
        disabled_at: None,
        credential_version: 0,
        pool,
        tenant,
        identifiers: signup.identifiers.clone(),
    }
}

/// Refuses an address that nobody may have here.
///
/// # Errors
/// 422 for one of a provider that the application does not accept.
pub(crate) fn expect_accepted(cx: &Cx, email: &Email) -> Result<()> {
    let is_refused = email.is_placeholder() || cx.auth().config().email.refuses(email);
    if is_refused { Err(Code::EmailNotAllowed.into()) } else { Ok(()) }
}

/// Refuses somebody signed in anonymously, who wants something to sign in with: they sign up for that, where that is
/// open.
///
/// # Errors
/// 403.
pub(crate) fn expect_known(user: &User) -> Result<()> {
    if user.identifiers.is_anonymous { Err(Code::UserIsAnonymous.into()) } else { Ok(()) }
}

/// The tenant that somebody new will belong to, where accounts do.
pub(crate) async fn home(
    cx: &Cx,
    work: &mut Work<'_>,
    pool: Pool,
    named: Option<&TenantId>,
) -> Result<Option<TenantId>> {
    if !cx.auth().config().tenancy.is_isolated() {
        return Ok(None);
    }
    let may_be_staff = pool == Pool::User && cx.auth().platform_access().is_some();
    match named {
        None if may_be_staff => Ok(None),
        None => Err(Code::TenantRequired.into()),
        Some(tenant) => {
            work.tenant_by_id(tenant).await?.ok_or(Code::TenantNotFound)?;
            Ok(Some(tenant.clone()))
        }
    }
}

/// Tells of somebody new, who is a member of the tenant that they belong to, and lets the hooks add to them.
pub(crate) async fn signed_up(cx: &Cx, work: &mut Work<'_>, user: &User, signup: &SignUp) -> Result<()> {
    work.emit(Event::SignedUp { user: user.id });
    if let Some(tenant) = &user.tenant {
        tenant::admit(cx, work, user.id, tenant).await?;
    }
    cx.hooks(user.pool).on_signup(cx, work, user, signup).await
}

/// Bars a user from signing in and ends all their sessions, at once.
///
/// # Errors
/// [`Code::UserNotFound`]; [`Code::LastHolder`] for somebody who alone holds a managing role.
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
    // The user's row first and then those of roles, as whoever deletes a user takes them.
    if found.is_none() || !work.set_disabled(id, disabled_at, cx.now()).await? {
        return Err(Code::UserNotFound.into());
    }
    if disabled_at.is_some() {
        role::expect_dispensable(&mut work, id, None).await?;
        work.end_sessions_of_user(id, None).await?;
        work.end_codes_of_user(id).await?;
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

/// Removes a user with all that is theirs: sessions, accounts, memberships, granted roles, codes and API keys. The
/// application's own rows go in [`before_user_delete`](crate::hooks::Hooks::before_user_delete). Access tokens are good
/// until they expire on routes that look nothing up ([`SessionCheck::Stateless`](crate::session::SessionCheck)).
///
/// # Errors
/// [`Code::UserNotFound`]; [`Code::LastHolder`] for somebody who alone holds a managing role; what hooks refuse; when the
/// store is down.
pub async fn delete_user(cx: &Cx, id: UserId) -> Result<()> {
    let mut work = cx.begin().await?;
    // The row first, as whoever signs in, or changes anything of theirs, takes it.
    work.lock_user(id).await?;
    let user = work.user_by_id(id).await?.filter(|found| found.pool == Pool::User).ok_or(Code::UserNotFound)?;
    remove(cx, &mut work, &user).await?;
    work.commit().await
}

/// Removes somebody of either pool, unless they alone hold a managing role.
pub(crate) async fn remove(cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<()> {
    role::expect_dispensable(work, user.id, None).await?;
    cx.hooks(user.pool).before_user_delete(cx, work, user).await?;
    if !work.delete_user(user.id).await? {
        return Err(Code::UserNotFound.into());
    }
    work.emit(Event::UserDeleted { user: user.id });
    Ok(())
}
