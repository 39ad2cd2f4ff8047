//! What counts of what a user holds, where they act.

use std::collections::BTreeSet;

use super::model::StoredSession;
use crate::cx::Cx;
use crate::error::Result;
use crate::role::{self, GrantedRole, HeldRole, Permission, RoleScope};
use crate::user::User;

/// What somebody may do: the roles that count for them, and what those permit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authority {
    pub(crate) roles: BTreeSet<GrantedRole>,
    pub(crate) permissions: BTreeSet<Permission>,
    /// Whether they act as staff of the platform.
    pub(crate) is_staff: bool,
}

/// Where somebody acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acting<'a> {
    pub(crate) scope: &'a RoleScope,
    /// The only role guard whose roles count, if it is only one.
    pub(crate) role_guard: Option<&'a str>,
}

impl<'a> From<&'a StoredSession> for Acting<'a> {
    fn from(session: &'a StoredSession) -> Self {
        Self { scope: &session.scope, role_guard: session.role_guard.as_deref() }
    }
}

impl<'a> From<&'a RoleScope> for Acting<'a> {
    fn from(scope: &'a RoleScope) -> Self {
        Self { scope, role_guard: None }
    }
}

impl Authority {
    /// What counts for this user there. A database may be shared: roles of namespaces that this program does not know
    /// give nothing. Nor does anything count of a session on the platform while platform access is not in force, or
    /// when nothing is held there any more.
    pub(crate) async fn of(cx: &Cx, user: &User, acting: Acting<'_>, mut held: Vec<HeldRole>) -> Result<Self> {
        let is_of_guard =
            |guard: &str| cx.auth().knows_role_guard(guard) && acting.role_guard.is_none_or(|only| only == guard);
        held.retain(|held| {
            is_of_guard(&held.role.guard) && (held.scope == RoleScope::Everywhere || held.scope == *acting.scope)
        });
        let is_on_platform = *acting.scope == RoleScope::Platform;
        let holds_there = is_on_platform && held.iter().any(|held| held.scope == RoleScope::Platform);
        let is_staff = holds_there && cx.has_platform_access().await?;
        if is_on_platform && !is_staff {
            return Ok(Self::default());
        }
        let hooks = cx.hooks(user.pool);
        let mut roles: BTreeSet<GrantedRole> = held.iter().map(GrantedRole::from).collect();
        if hooks.is_empty() {
            return Ok(Self { roles, permissions: role::permissions_of(&held), is_staff });
        }
        hooks.resolve_roles(cx, user, &mut roles).await?;
        // A hook does not see under which role guard somebody acts.
        roles.retain(|role| is_of_guard(&role.guard));
        held.retain(|held| roles.contains(&GrantedRole::from(held)));
        let is_staff = is_staff && held.iter().any(|held| held.scope == RoleScope::Platform);
        let mut permissions = role::permissions_of(&held);
        hooks.resolve_permissions(cx, user, &roles, &mut permissions).await?;
        Ok(Self { roles, permissions, is_staff })
    }
}
