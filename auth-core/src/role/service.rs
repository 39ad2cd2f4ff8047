//! Defining roles.

use std::collections::BTreeSet;

use super::grant::expect_guard;
use super::model::{GrantedRole, InvalidName, Permission, Role, RoleSpec, is_name};
use crate::base::{RoleId, TenantId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::store::StoreError;

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

/// Defines the roles that the program is built on, all of them or none. They are *system roles*: only this changes
/// them, and nothing removes them. What is there as asked is left alone, so programs call it at every start; holders
/// feel a change with their next request.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`] for an unregistered role guard, [`Code::ValidationError`] for a malformed name or a
/// role of a tenant.
pub async fn seed(cx: &Cx, roles: impl IntoIterator<Item = RoleSpec>) -> Result<()> {
    let mut work = cx.begin().await?;
    for spec in roles {
        if spec.tenant.is_some() {
            return Err(Error::from(Code::ValidationError).saying("A system role is no tenant's."));
        }
        put(cx, &mut work, spec, Origin::Program).await?;
    }
    work.commit().await
}

/// Defines a role, or gives the one of the same names other permissions. Holders feel it with their next request. A
/// role that is there as asked is left alone.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`] for an unregistered role guard, [`Code::ValidationError`] for a malformed name,
/// [`Code::SystemRole`] for a role that [`seed`] has defined otherwise, [`Code::TenantNotFound`].
pub async fn define(cx: &Cx, spec: RoleSpec) -> Result<()> {
    let mut work = cx.begin().await?;
    put(cx, &mut work, spec, Origin::Anybody).await?;
    work.commit().await
}

/// [`define`], for a role of the program, in fewer words.
///
/// # Errors
/// As for [`define`].
pub async fn define_role<'p>(
    cx: &Cx,
    guard: &str,
    name: &str,
    permissions: impl IntoIterator<Item = &'p str>,
) -> Result<()> {
    define(cx, RoleSpec::new(guard, name).permissions(permissions)).await
}

/// Who defines a role.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The program, by its own list.
    Program,
    /// Whoever is allowed to at run time.
    Anybody,
}

async fn put(cx: &Cx, work: &mut Work<'_>, spec: RoleSpec, origin: Origin) -> Result<()> {
    let mut role = parsed(cx, spec)?;
    role.is_system = origin == Origin::Program;
    if let Some(known) = work.role_by_name(&role.guard, &role.name, role.tenant.as_ref()).await? {
        let is_as_asked = known.permissions == role.permissions && known.manages == role.manages;
        if is_as_asked && (known.is_system || !role.is_system) {
            return Ok(());
        }
        if known.is_system && !role.is_system {
            return Err(Code::SystemRole.into());
        }
    }
    work.put_role(&role).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::TenantNotFound),
        StoreError::Backend(_) => error.into(),
    })?;
    work.emit(Event::RoleDefined { role: named(&role) });
    Ok(())
}

fn parsed(cx: &Cx, spec: RoleSpec) -> Result<Role> {
    expect_guard(cx, &spec.guard)?;
    if !is_name(&spec.name, MAX_NAME) {
        return Err(InvalidName.into());
    }
    let permissions: BTreeSet<Permission> =
        spec.permissions.into_iter().map(Permission::parse).collect::<Result<_, _>>()?;
    let rules = cx.auth().config().permission_rules;
    if let Some(other) = permissions.iter().find(|permission| !rules.lets_hold(permission)) {
        return Err(Error::from(Code::ValidationError).saying(format!("No permission is called {other} here.")));
    }
    Ok(Role {
        id: RoleId::new(cx.now(), cx.random()),
        guard: spec.guard,
        name: spec.name,
        tenant: spec.tenant,
        permissions: permissions.into_iter().collect(),
        is_system: false,
        manages: spec.manages,
        created_at: cx.now(),
    })
}

fn named(role: &Role) -> GrantedRole {
    let tenant = role.tenant.clone();
    GrantedRole { is_custom: tenant.is_some(), tenant, ..GrantedRole::new(&*role.guard, &*role.name) }
}

/// The roles of the program, or those that a tenant has defined for itself, ordered by guard and name.
///
/// # Errors
/// When the store is down.
pub async fn roles(cx: &Cx, tenant: Option<&TenantId>) -> Result<Vec<Role>> {
    Ok(cx.conn().roles(tenant).await?)
}

/// Removes a role that nobody holds; `false` when there is none.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`] for an unregistered role guard, [`Code::SystemRole`], [`Code::RoleInUse`] while
/// somebody holds it.
pub async fn delete_role(cx: &Cx, guard: &str, name: &str, tenant: Option<&TenantId>) -> Result<bool> {
    expect_guard(cx, guard)?;
    let mut work = cx.begin().await?;
    let Some(role) = work.role_by_name(guard, name, tenant).await? else { return Ok(false) };
    if role.is_system {
        return Err(Code::SystemRole.into());
    }
    let is_deleted = work.delete_role(role.id).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::RoleInUse),
        StoreError::Backend(_) => error.into(),
    })?;
    if is_deleted {
        work.emit(Event::RoleDeleted { role: named(&role) });
    }
    work.commit().await?;
    Ok(is_deleted)
}
