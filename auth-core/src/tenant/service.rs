//! What programs do with tenants and their members.

use super::model::{Membership, MembershipStatus, TenantRecord};
use crate::base::{TenantId, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::role::{self, RoleScope};
use crate::store::StoreError;

/// The longest display name, in characters.
const MAX_NAME_CHARS: usize = 255;

/// Creates a tenant.
///
/// # Errors
/// [`Code::TenantAlreadyExists`]; [`Code::ValidationError`] for a name that is empty, longer than 255 characters or has
/// control characters.
pub async fn create(cx: &Cx, id: &TenantId, name: &str) -> Result<TenantRecord> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let problem = format!("must be 1 to {MAX_NAME_CHARS} characters, none of them a control character");
        return Err(Error::invalid("tenant", "name", problem));
    }
    let tenant = TenantRecord { id: id.clone(), name: name.to_owned(), created_at: cx.now() };
    let mut work = cx.begin().await?;
    work.insert_tenant(&tenant).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::TenantAlreadyExists),
        StoreError::Backend(_) => error.into(),
    })?;
    work.emit(Event::TenantCreated { tenant: id.clone() });
    work.commit().await?;
    Ok(tenant)
}

/// The tenant of this id.
///
/// # Errors
/// When the store is down.
pub async fn by_id(cx: &Cx, id: &TenantId) -> Result<Option<TenantRecord>> {
    Ok(cx.conn().tenant_by_id(id).await?)
}

/// Removes a tenant with its memberships, the roles held in it, those it has defined, its sessions, and the API keys
/// that speak for it; `false` when there is none. Accounts that belong to it
/// ([`Tenancy::isolated`](crate::guard::Tenancy::isolated)) go along with all that is theirs, and no hook runs for each
/// of them. What the application keeps of it is the application's to remove, before.
///
/// # Errors
/// [`Code::Conflict`] when rows of the application hold on to an account.
pub async fn delete(cx: &Cx, id: &TenantId) -> Result<bool> {
    let mut work = cx.begin().await?;
    let is_deleted = work.delete_tenant(id).await?;
    if is_deleted {
        work.emit(Event::TenantDeleted { tenant: id.clone() });
    }
    work.commit().await?;
    Ok(is_deleted)
}

/// Makes a user a member of a tenant, without any role; `false` when they belong to it already, be it suspended. A
/// customer is no user.
///
/// # Errors
/// [`Code::TenantNotFound`], [`Code::UserNotFound`]; [`Code::AccountOfAnotherTenant`] where accounts belong to tenants
/// and this one does not belong to that.
pub async fn add_member(cx: &Cx, user: UserId, tenant: &TenantId) -> Result<bool> {
    let mut work = cx.begin().await?;
    let is_new = add_member_within(cx, &mut work, user, tenant).await?;
    work.commit().await?;
    Ok(is_new)
}

/// [`add_member`] as part of a larger unit of work, such as a sign-up.
///
/// # Errors
/// As for [`add_member`].
pub async fn add_member_within(cx: &Cx, work: &mut Work<'_>, user: UserId, tenant: &TenantId) -> Result<bool> {
    work.tenant_by_id(tenant).await?.ok_or(Code::TenantNotFound)?;
    let found = work.user_by_id(user).await?.filter(|found| !found.is_customer()).ok_or(Code::UserNotFound)?;
    let is_own = found.tenant.as_ref() == Some(tenant);
    if !is_own && (found.tenant.is_some() || cx.auth().config().tenancy.is_isolated()) {
        return Err(Code::AccountOfAnotherTenant.into());
    }
    admit(cx, work, user, tenant).await
}

/// Writes down who belongs to a tenant that is there.
pub(crate) async fn admit(cx: &Cx, work: &mut Work<'_>, user: UserId, tenant: &TenantId) -> Result<bool> {
    let now = cx.now();
    let status = MembershipStatus::Active;
    let membership = Membership { user, tenant: tenant.clone(), status, created_at: now, updated_at: now };
    let is_new = work.insert_membership(&membership).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::UserNotFound),
        StoreError::Backend(_) => error.into(),
    })?;
    if is_new {
        work.emit(Event::MemberAdded { user, tenant: tenant.clone() });
    }
    Ok(is_new)
}

/// What a user belongs to, suspended memberships included.
///
/// # Errors
/// When the store is down.
pub async fn memberships_of_user(cx: &Cx, user: UserId) -> Result<Vec<Membership>> {
    Ok(cx.conn().memberships_of_user(user).await?)
}

/// Has a membership count no more until it is reinstated. The sessions that were opened as a member end at once; roles
/// are kept. `false` when it is suspended already.
///
/// # Errors
/// [`Code::NotAMember`]; [`Code::LastHolder`] when nobody else would be left who may give roles in the tenant.
pub async fn suspend_member(cx: &Cx, user: UserId, tenant: &TenantId) -> Result<bool> {
    let mut work = begin(cx, user).await?;
    role::expect_dispensable(&mut work, user, Some(&RoleScope::Tenant(tenant.clone()))).await?;
    set_status(cx, work, user, tenant, MembershipStatus::Suspended).await
}

/// Has a suspended membership count again, with the roles it had; `false` when it counts already.
///
/// # Errors
/// [`Code::NotAMember`].
pub async fn reinstate_member(cx: &Cx, user: UserId, tenant: &TenantId) -> Result<bool> {
    let work = begin(cx, user).await?;
    set_status(cx, work, user, tenant, MembershipStatus::Active).await
}

/// A unit of work about a member. Like whoever opens a session it takes the user's row first: what has been seen of the
/// membership is true until that is written, and InnoDB would end one of two that meet in another order.
async fn begin(cx: &Cx, user: UserId) -> Result<Work<'_>> {
    let mut work = cx.begin().await?;
    work.lock_user(user).await?;
    Ok(work)
}

async fn set_status(
    cx: &Cx,
    mut work: Work<'_>,
    user: UserId,
    tenant: &TenantId,
    status: MembershipStatus,
) -> Result<bool> {
    work.membership(user, tenant).await?.ok_or(Code::NotAMember)?;
    let is_changed = work.set_membership_status(user, tenant, status, cx.now()).await?;
    if is_changed {
        let tenant = tenant.clone();
        work.emit(match status {
            MembershipStatus::Active => Event::MemberReinstated { user, tenant },
            MembershipStatus::Suspended => Event::MemberSuspended { user, tenant },
        });
    }
    work.commit().await?;
    Ok(is_changed)
}

/// Ends a membership with the roles held in it, the sessions that were opened as a member, and the user's API keys for
/// the tenant; `false` when there is none.
///
/// # Errors
/// [`Code::LastHolder`] when nobody else would be left who may give roles in the tenant.
pub async fn remove_member(cx: &Cx, user: UserId, tenant: &TenantId) -> Result<bool> {
    let mut work = begin(cx, user).await?;
    role::expect_dispensable(&mut work, user, Some(&RoleScope::Tenant(tenant.clone()))).await?;
    let is_removed = work.delete_membership(user, tenant).await?;
    if is_removed {
        work.emit(Event::MemberRemoved { user, tenant: tenant.clone() });
    }
    work.commit().await?;
    Ok(is_removed)
}
