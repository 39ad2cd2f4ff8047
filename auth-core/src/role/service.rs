//! Defining roles and giving them to users.

use std::collections::BTreeSet;

use super::model::{GrantedRole, Permission, Role, is_name};
use crate::base::{RoleId, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::store::StoreError;
use crate::user::user_by_id;

/// The longest name of a role or a role guard.
const MAX_NAME: usize = 64;

/// The role guards of an application: the namespaces in which roles may exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoleGuards(BTreeSet<String>);

impl RoleGuards {
    pub(crate) fn parse(names: Vec<String>) -> Result<Self, Vec<String>> {
        let bad = names.iter().filter(|name| !is_name(name, MAX_NAME));
        let problems: Vec<String> = bad
            .map(|name| format!("role guard {name:?} must be 1 to {MAX_NAME} visible ASCII characters without spaces"))
            .collect();
        if problems.is_empty() { Ok(Self(names.into_iter().collect())) } else { Err(problems) }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Defines a role, or gives the role of this name and guard other permissions. Holders feel it with their next
/// request. A role that is there as asked is left alone, so programs may call it at every start.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`] for an unregistered role guard, [`Code::ValidationError`] for a malformed name.
pub async fn define_role<'p>(
    cx: &Cx,
    guard: &str,
    name: &str,
    permissions: impl IntoIterator<Item = &'p str>,
) -> Result<()> {
    if !cx.auth().knows_role_guard(guard) {
        return Err(Code::RoleGuardNotAllowed.into());
    }
    let invalid = |error: super::InvalidName| Error::from(Code::ValidationError).saying(error.to_string());
    if !is_name(name, MAX_NAME) {
        return Err(invalid(super::InvalidName));
    }
    let permissions: BTreeSet<Permission> =
        permissions.into_iter().map(Permission::parse).collect::<Result<_, _>>().map_err(invalid)?;
    let role = Role {
        id: RoleId::new(cx.now(), cx.random()),
        guard: guard.to_owned(),
        name: name.to_owned(),
        permissions: permissions.into_iter().collect(),
        created_at: cx.now(),
    };
    let mut work = cx.begin().await?;
    if work.role_by_name(guard, name).await?.is_some_and(|known| known.permissions == role.permissions) {
        return Ok(());
    }
    work.put_role(&role).await?;
    work.emit(Event::RoleDefined { role: named(guard, name) });
    work.commit().await
}

fn named(guard: &str, name: &str) -> GrantedRole {
    GrantedRole { guard: guard.to_owned(), name: name.to_owned() }
}

/// Gives a role to a user; `false` when they hold it already. Effective with their next request. A customer is no user:
/// theirs are given by [`customer::grant_role`](crate::customer::grant_role).
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`], [`Code::RoleNotFound`], [`Code::UserNotFound`].
pub async fn grant_role(cx: &Cx, user: UserId, guard: &str, name: &str) -> Result<bool> {
    user_by_id(cx, user).await?.ok_or(Code::UserNotFound)?;
    grant(cx, user, guard, name).await
}

/// Gives a role to somebody, of whichever pool.
pub(crate) async fn grant(cx: &Cx, user: UserId, guard: &str, name: &str) -> Result<bool> {
    let mut work = cx.begin().await?;
    let granted = grant_role_within(cx, &mut work, user, guard, name).await?;
    work.commit().await?;
    Ok(granted)
}

/// [`grant_role`] as part of a larger unit of work, such as a sign-up: to whoever it is about, in a hook of customers to a
/// customer.
///
/// # Errors
/// As for [`grant_role`].
pub async fn grant_role_within(cx: &Cx, work: &mut Work<'_>, user: UserId, guard: &str, name: &str) -> Result<bool> {
    let role = known_role(cx, work, guard, name).await?;
    let granted = work.grant_role(user, role, cx.now()).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::UserNotFound),
        StoreError::Backend(_) => error.into(),
    })?;
    if granted {
        work.emit(Event::RoleGranted { user, role: named(guard, name) });
    }
    Ok(granted)
}

/// Takes a role from a user; `false` when they did not hold it. Effective with their next request.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`], [`Code::RoleNotFound`].
pub async fn revoke_role(cx: &Cx, user: UserId, guard: &str, name: &str) -> Result<bool> {
    let mut work = cx.begin().await?;
    let role = known_role(cx, &mut work, guard, name).await?;
    let revoked = work.revoke_role(user, role).await?;
    if revoked {
        work.emit(Event::RoleRevoked { user, role: named(guard, name) });
    }
    work.commit().await?;
    Ok(revoked)
}

async fn known_role(cx: &Cx, work: &mut Work<'_>, guard: &str, name: &str) -> Result<RoleId> {
    if !cx.auth().knows_role_guard(guard) {
        return Err(Code::RoleGuardNotAllowed.into());
    }
    let role = work.role_by_name(guard, name).await?;
    role.map(|role| role.id).ok_or_else(|| Code::RoleNotFound.into())
}
