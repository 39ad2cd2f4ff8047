//! Giving roles and taking them: what the program does, and what a person may do by their own authority.

use std::collections::BTreeSet;

use super::model::{GrantedRole, HeldRole, Permission, Role, RoleGrant, RoleScope, StoredGrant};
use crate::base::{TenantId, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::store::StoreError;

/// Gives a role to a user; `false` when they hold it there already. Effective with their next request. A customer is no
/// user: theirs are given by [`customer::grant_role`](crate::customer::grant_role).
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`], [`Code::RoleNotFound`], [`Code::UserNotFound`]; [`Code::NotAMember`] when they do not
/// belong to the tenant.
pub async fn grant(cx: &Cx, user: UserId, role: &RoleGrant) -> Result<bool> {
    expect_user(cx, user).await?;
    grant_to_anybody(cx, user, role).await
}

/// [`grant`], everywhere, in fewer words.
///
/// # Errors
/// As for [`grant`].
pub async fn grant_role(cx: &Cx, user: UserId, guard: &str, name: &str) -> Result<bool> {
    grant(cx, user, &RoleGrant::new(guard, name)).await
}

/// Gives a role to somebody, of whichever pool.
pub(crate) async fn grant_to_anybody(cx: &Cx, user: UserId, role: &RoleGrant) -> Result<bool> {
    let mut work = cx.begin().await?;
    let is_new = grant_within(cx, &mut work, user, role).await?;
    work.commit().await?;
    Ok(is_new)
}

/// [`grant`] as part of a larger unit of work, such as a sign-up: to whoever it is about, in a hook of customers to a
/// customer.
///
/// # Errors
/// As for [`grant`].
pub async fn grant_within(cx: &Cx, work: &mut Work<'_>, user: UserId, role: &RoleGrant) -> Result<bool> {
    let known = known_role(cx, work, role).await?;
    give(cx, work, user, &known, &role.scope).await
}

/// [`grant_within`], everywhere, in fewer words.
///
/// # Errors
/// As for [`grant`].
pub async fn grant_role_within(cx: &Cx, work: &mut Work<'_>, user: UserId, guard: &str, name: &str) -> Result<bool> {
    grant_within(cx, work, user, &RoleGrant::new(guard, name)).await
}

/// Takes a role from a user; `false` when they did not hold it there. Effective with their next request.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`], [`Code::RoleNotFound`]; [`Code::LastHolder`] for a managing role that nobody else
/// holds.
pub async fn revoke(cx: &Cx, user: UserId, role: &RoleGrant) -> Result<bool> {
    let mut work = cx.begin().await?;
    let is_revoked = revoke_within(cx, &mut work, user, role).await?;
    work.commit().await?;
    Ok(is_revoked)
}

/// [`revoke`] as part of a larger unit of work.
///
/// # Errors
/// As for [`revoke`].
pub async fn revoke_within(cx: &Cx, work: &mut Work<'_>, user: UserId, role: &RoleGrant) -> Result<bool> {
    let mut is_revoked = false;
    for held in held_roles(cx, work, user, role).await? {
        is_revoked |= take(work, user, &held, &role.scope).await?;
    }
    Ok(is_revoked)
}

/// [`revoke`], of a role that is held everywhere, in fewer words.
///
/// # Errors
/// As for [`revoke`].
pub async fn revoke_role(cx: &Cx, user: UserId, guard: &str, name: &str) -> Result<bool> {
    revoke(cx, user, &RoleGrant::new(guard, name)).await
}

/// A person who gives and takes roles by their own authority: what counts for them in the present request. Made by
/// [`Principal::granter`](crate::guard::Principal::granter).
#[derive(Clone, Copy, Debug)]
pub struct Granter<'a> {
    user: UserId,
    roles: &'a BTreeSet<GrantedRole>,
    permissions: &'a BTreeSet<Permission>,
    is_staff: bool,
}

impl<'a> Granter<'a> {
    pub(crate) const fn new(
        user: UserId,
        roles: &'a BTreeSet<GrantedRole>,
        permissions: &'a BTreeSet<Permission>,
        is_staff: bool,
    ) -> Self {
        Self { user, roles, permissions, is_staff }
    }

    /// Of the roles that count in the request those that still count in this transaction: held, by somebody enabled,
    /// and within a tenant by an active member.
    async fn authority(&self, work: &mut Work<'_>) -> Result<Held<'a>> {
        let granter = work.user_by_id(self.user).await?.filter(|user| user.disabled_at.is_none());
        let Some(granter) = granter else { return Err(Code::BeyondYourAuthority.into()) };
        let memberships = work.memberships_of_user(self.user).await?;
        let belongs_to = |tenant: &TenantId| memberships.iter().any(|it| it.is_active() && it.tenant == *tenant);
        let mut roles = work.roles_of_user(self.user, None).await?;
        roles.retain_mut(|held| {
            let counts = self.roles.contains(&GrantedRole::from(&*held));
            let is_in_force = held.scope != RoleScope::Platform || self.is_staff;
            held.scope = reach(granter.tenant.as_ref(), &held.scope);
            counts && is_in_force && held.scope.tenant().is_none_or(belongs_to)
        });
        Ok(Held { roles, permissions: self.permissions })
    }
}

/// Where it counts what somebody holds there: for an account that belongs to a tenant everywhere is that one tenant.
fn reach(home: Option<&TenantId>, scope: &RoleScope) -> RoleScope {
    match (scope, home) {
        (RoleScope::Everywhere, Some(home)) => RoleScope::Tenant(home.clone()),
        (scope, _) => scope.clone(),
    }
}

/// What somebody holds who gives or takes a role.
struct Held<'a> {
    roles: Vec<HeldRole>,
    /// What they may do in the present request, which may be less than the roles permit.
    permissions: &'a BTreeSet<Permission>,
}

impl Held<'_> {
    /// Refuses what is beyond this authority (OWASP ASVS 5.0 §8.2: nobody gives more than they have): of an account
    /// that belongs to this tenant, if it belongs to one.
    fn expect(&self, role: &Role, home: Option<&TenantId>, scope: &RoleScope) -> Result<()> {
        let place = reach(home, scope);
        let covering = || self.roles.iter().filter(|held| covers(&held.scope, &place));
        let manages = covering().any(|held| held.role.manages && held.role.guard == role.guard);
        let is_same = covering().any(|held| held.role.id == role.id);
        let permitted: BTreeSet<&Permission> = covering().flat_map(|held| &held.role.permissions).collect();
        let has = |permission| permitted.contains(permission) && self.permissions.contains(permission);
        let has_all = role.permissions.iter().all(has);
        // Whoever could make somebody their equal in giving roles without being it could make themselves anything.
        if manages && has_all && (is_same || !role.manages) { Ok(()) } else { Err(Code::BeyondYourAuthority.into()) }
    }
}

/// Whether authority that is held in one place reaches another: what is held everywhere reaches all of them, staff of
/// the platform reach every tenant, and a tenant reaches itself.
fn covers(held: &RoleScope, other: &RoleScope) -> bool {
    match (held, other) {
        (RoleScope::Everywhere, _) | (RoleScope::Platform, RoleScope::Platform | RoleScope::Tenant(_)) => true,
        (RoleScope::Tenant(own), RoleScope::Tenant(tenant)) => own == tenant,
        (RoleScope::Platform | RoleScope::Tenant(_), RoleScope::Everywhere)
        | (RoleScope::Tenant(_), RoleScope::Platform) => false,
    }
}

/// [`grant`] by a person's own authority: they hold a role of the same guard that [manages](super::RoleSpec::manages),
/// there or wider, and have permissions no less than those of the role; a managing role is given by its holders only.
/// With an account that belongs to a tenant nobody reaches beyond it, whatever they hold everywhere.
///
/// # Errors
/// As for [`grant`], and [`Code::BeyondYourAuthority`].
pub async fn grant_as(cx: &Cx, granter: Granter<'_>, user: UserId, role: &RoleGrant) -> Result<bool> {
    let home = expect_user(cx, user).await?;
    let mut work = cx.begin().await?;
    let known = known_role(cx, &mut work, role).await?;
    granter.authority(&mut work).await?.expect(&known, home.as_ref(), &role.scope)?;
    let is_new = give(cx, &mut work, user, &known, &role.scope).await?;
    work.commit().await?;
    Ok(is_new)
}

/// [`revoke`] by a person's own authority, which is what it takes to give the role.
///
/// # Errors
/// As for [`revoke`], [`Code::UserNotFound`], and [`Code::BeyondYourAuthority`].
pub async fn revoke_as(cx: &Cx, granter: Granter<'_>, user: UserId, role: &RoleGrant) -> Result<bool> {
    let home = expect_user(cx, user).await?;
    let mut work = cx.begin().await?;
    let authority = granter.authority(&mut work).await?;
    let mut is_revoked = false;
    for held in held_roles(cx, &mut work, user, role).await? {
        authority.expect(&held, home.as_ref(), &role.scope)?;
        is_revoked |= take(&mut work, user, &held, &role.scope).await?;
    }
    work.commit().await?;
    Ok(is_revoked)
}

/// Has a user hold exactly these roles of one guard in one place, by a person's own authority: the missing ones are
/// given, the others taken, all or nothing.
///
/// # Errors
/// As for [`grant_as`] and [`revoke_as`].
pub async fn replace_as(
    cx: &Cx,
    granter: Granter<'_>,
    user: UserId,
    place: &RolePlace,
    names: &BTreeSet<String>,
) -> Result<()> {
    let home = expect_user(cx, user).await?;
    let mut work = cx.begin().await?;
    // Of two who replace them at once the second one sees what the first one has left.
    work.lock_user(user).await?;
    let RolePlace { guard, scope } = place;
    let mut wanted = Vec::new();
    for name in names {
        let grant = RoleGrant { guard: guard.clone(), name: name.clone(), scope: scope.clone() };
        wanted.push(known_role(cx, &mut work, &grant).await?);
    }
    // Whoever takes their own roles does so by the authority that they had.
    let authority = granter.authority(&mut work).await?;
    let held = work.roles_of_user(user, scope.tenant()).await?;
    let here: Vec<HeldRole> = held.into_iter().filter(|it| it.scope == *scope && it.role.guard == *guard).collect();
    for role in wanted.iter().filter(|role| !here.iter().any(|held| held.role.id == role.id)) {
        authority.expect(role, home.as_ref(), scope)?;
        give(cx, &mut work, user, role, scope).await?;
    }
    for HeldRole { role, .. } in here.iter().filter(|held| !wanted.iter().any(|role| role.id == held.role.id)) {
        authority.expect(role, home.as_ref(), scope)?;
        take(&mut work, user, role, scope).await?;
    }
    work.commit().await
}

/// A role guard in one place, see [`replace_as`].
#[derive(Clone, Debug)]
pub struct RolePlace {
    /// The role guard.
    pub guard: String,
    /// The place.
    pub scope: RoleScope,
}

/// Refuses to go on without a user who alone holds a managing role: in this place, or with `None` in any. Whoever asks
/// takes the role, or the user, in the same transaction.
pub(crate) async fn expect_dispensable(work: &mut Work<'_>, user: UserId, scope: Option<&RoleScope>) -> Result<()> {
    for HeldRole { role, scope: held } in work.roles_of_user(user, scope.and_then(RoleScope::tenant)).await? {
        if role.manages && scope.is_none_or(|scope| *scope == held) {
            expect_another(work, StoredGrant { user, role: role.id, scope: held }).await?;
        }
    }
    Ok(())
}

/// Whether an enabled user holds this role there. It stays locked until the end of the transaction.
pub(crate) async fn is_held(cx: &Cx, work: &mut Work<'_>, grant: &RoleGrant) -> Result<bool> {
    let role = known_role(cx, work, grant).await?;
    let nobody = UserId::new(cx.now(), cx.random());
    let grant = StoredGrant { user: nobody, role: role.id, scope: grant.scope.clone() };
    Ok(work.has_other_holder(&grant).await?)
}

async fn expect_another(work: &mut Work<'_>, grant: StoredGrant) -> Result<()> {
    if work.has_other_holder(&grant).await? { Ok(()) } else { Err(Code::LastHolder.into()) }
}

/// The tenant that the account of this user belongs to, if it belongs to one. A customer is nobody here.
async fn expect_user(cx: &Cx, id: UserId) -> Result<Option<TenantId>> {
    let found = cx.conn().user_by_id(id).await?.filter(|found| !found.is_customer());
    found.map(|found| found.tenant).ok_or_else(|| Code::UserNotFound.into())
}

async fn give(cx: &Cx, work: &mut Work<'_>, user: UserId, role: &Role, scope: &RoleScope) -> Result<bool> {
    let grant = StoredGrant { user, role: role.id, scope: scope.clone() };
    let is_new = work.grant_role(&grant, cx.now()).await.map_err(|error| match (error, scope) {
        (StoreError::Conflict, RoleScope::Tenant(_)) => Error::from(Code::NotAMember),
        (StoreError::Conflict, RoleScope::Everywhere | RoleScope::Platform) => Error::from(Code::UserNotFound),
        (error @ StoreError::Backend(_), _) => error.into(),
    })?;
    if is_new {
        work.emit(Event::RoleGranted { user, role: GrantedRole::new(&*role.guard, &*role.name), scope: scope.clone() });
    }
    Ok(is_new)
}

async fn take(work: &mut Work<'_>, user: UserId, role: &Role, scope: &RoleScope) -> Result<bool> {
    let grant = StoredGrant { user, role: role.id, scope: scope.clone() };
    let another = if role.manages { work.has_other_holder(&grant).await? } else { true };
    let is_revoked = work.revoke_role(&grant).await?;
    if is_revoked && !another {
        return Err(Code::LastHolder.into());
    }
    if is_revoked {
        work.emit(Event::RoleRevoked { user, role: GrantedRole::new(&*role.guard, &*role.name), scope: scope.clone() });
    }
    Ok(is_revoked)
}

/// The role that is meant: in a tenant its own, if it has one of this name.
async fn known_role(cx: &Cx, work: &mut Work<'_>, grant: &RoleGrant) -> Result<Role> {
    let RoleGrant { guard, name, scope } = grant;
    expect_guard(cx, guard)?;
    if let RoleScope::Tenant(tenant) = scope
        && let Some(own) = work.role_by_name(guard, name, Some(tenant)).await?
    {
        return Ok(own);
    }
    let role = work.role_by_name(guard, name, None).await?;
    role.ok_or_else(|| Error::from(Code::RoleNotFound).saying(format!("There is no role {name:?} in {guard:?}.")))
}

/// Refuses a role guard that the program has not registered.
pub(crate) fn expect_guard(cx: &Cx, guard: &str) -> Result<()> {
    if cx.auth().knows_role_guard(guard) {
        return Ok(());
    }
    Err(Error::from(Code::RoleGuardNotAllowed).saying(format!("The role guard {guard:?} is not registered.")))
}

/// Of what is meant to be taken what the user holds: in a tenant both its own role and the program's of the same name,
/// for whoever takes a role by its name leaves nobody the other one. The role that is meant when they hold neither.
async fn held_roles(cx: &Cx, work: &mut Work<'_>, user: UserId, grant: &RoleGrant) -> Result<Vec<Role>> {
    let known = known_role(cx, work, grant).await?;
    let mut held = work.roles_of_user(user, grant.scope.tenant()).await?;
    held.retain(|it| it.scope == grant.scope && it.role.guard == grant.guard && it.role.name == grant.name);
    Ok(if held.is_empty() { vec![known] } else { held.into_iter().map(|it| it.role).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_reaches_no_further_than_where_it_is_held() {
        let tenant = |name| RoleScope::Tenant(TenantId::parse(name).unwrap());
        let (everywhere, platform) = (RoleScope::Everywhere, RoleScope::Platform);
        let reaching = [
            (&everywhere, &everywhere),
            (&everywhere, &platform),
            (&everywhere, &tenant("acme")),
            (&platform, &platform),
            (&platform, &tenant("acme")),
            (&tenant("acme"), &tenant("acme")),
        ];
        for (held, other) in reaching {
            assert!(covers(held, other), "{held} does not reach {other}");
        }
        let beyond = [
            (&platform, &everywhere),
            (&tenant("acme"), &everywhere),
            (&tenant("acme"), &platform),
            (&tenant("acme"), &tenant("globex")),
        ];
        for (held, other) in beyond {
            assert!(!covers(held, other), "{held} reaches {other}");
        }
    }
}
