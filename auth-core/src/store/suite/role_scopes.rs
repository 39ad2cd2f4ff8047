//! What a store promises about where roles are defined and held, and what of them comes along with a session or a key.

use std::collections::BTreeSet;

use super::actors::{Actors, DAY, NOW, RACERS, assert_conflict, everywhere, membership, race, tenant, winners, within};
use super::facts::{held_facts, role_facts, session_facts};
use crate::api_key::{ApiKeyWithOwner, KeyOwner};
use crate::base::{RoleId, TenantId};
use crate::role::{HeldRole, Permission, Role, RoleScope, StoredGrant};
use crate::session::SessionWithUser;
use crate::store::StoreError;
use crate::tenant::MembershipStatus;
use crate::user::User;

async fn found(it: &Actors, guard: &str, name: &str, tenant: Option<&TenantId>) -> Option<Role> {
    it.conn().role_by_name(guard, name, tenant).await.unwrap()
}

/// As `name in scope`, in order.
fn named(roles: &[HeldRole]) -> Vec<String> {
    let mut named: Vec<String> = roles.iter().map(|held| format!("{} in {}", held.role.name, held.scope)).collect();
    named.sort_unstable();
    named
}

async fn held(it: &Actors, user: &User, tenant: Option<&TenantId>) -> Vec<String> {
    named(&it.conn().roles_of_user(user.id, tenant).await.unwrap())
}

fn grant(user: &User, role: RoleId, scope: &RoleScope) -> StoredGrant {
    StoredGrant { user: user.id, role, scope: scope.clone() }
}

/// The four places in which a role may be held, where the tenants are `acme` and `globex`.
fn places() -> [RoleScope; 4] {
    [RoleScope::Everywhere, RoleScope::Platform, within(&tenant("acme")), within(&tenant("globex"))]
}

/// Somebody who belongs to two tenants.
async fn member(it: &Actors, name: &str) -> User {
    let user = it.signed_up(name).await;
    for tenant in ["acme", "globex"].map(tenant) {
        if it.conn().tenant_by_id(&tenant).await.unwrap().is_none() {
            it.founded(tenant.as_str()).await;
        }
        it.joined(&user, &tenant).await;
    }
    user
}

pub(super) async fn the_same_names_in_the_program_and_two_tenants_are_three_roles(it: Actors) {
    let (acme, globex) = (it.founded("acme").await, it.founded("globex").await);
    let ours = it.defined("PORTAL", "admin", &["a:1"]).await;
    let of_acme = it.defined_by(&acme, "PORTAL", "admin", &["a:2"]).await;
    let of_globex = it.defined_by(&globex, "PORTAL", "admin", &["a:3"]).await;
    // Another definition of one of them is of that one alone.
    let permissions = vec![Permission::parse("a:4").unwrap()];
    let id = it.role("PORTAL", "admin", &[]).id;
    it.conn().put_role(&Role { permissions: permissions.clone(), id, ..of_acme.clone() }).await.unwrap();
    let of_acme = Role { permissions, ..of_acme };
    for (tenant, role) in [(None, &ours), (Some(&acme), &of_acme), (Some(&globex), &of_globex)] {
        let seen = found(&it, "PORTAL", "admin", tenant).await.unwrap();
        assert_eq!(role_facts(&seen), role_facts(role), "{tenant:?}");
    }
    for other in ["ACME", "acme2", "everywhere", "platform"].map(tenant) {
        assert!(found(&it, "PORTAL", "admin", Some(&other)).await.is_none(), "{other} has defined a role");
    }
}

pub(super) async fn every_field_of_a_role_survives(it: Actors) {
    let acme = it.founded("acme").await;
    for (n, (is_system, manages)) in
        [(false, false), (true, false), (false, true), (true, true)].into_iter().enumerate()
    {
        for tenant in [None, Some(acme.clone())] {
            let role = Role { is_system, manages, tenant, ..it.role("PORTAL", &format!("role{n}"), &["a:b"]) };
            it.conn().put_role(&role).await.unwrap();
            let seen = found(&it, "PORTAL", &role.name, role.tenant.as_ref()).await.unwrap();
            assert_eq!(role_facts(&seen), role_facts(&role));
        }
    }
}

pub(super) async fn defining_a_role_again_replaces_its_flags(it: Actors) {
    let acme = it.founded("acme").await;
    for tenant in [None, Some(acme)] {
        let first = Role { tenant, ..it.role("PORTAL", "admin", &["a:b"]) };
        it.conn().put_role(&first).await.unwrap();
        for (is_system, manages) in [(true, false), (false, true), (false, false), (true, true)] {
            let again =
                Role { id: it.role("", "", &[]).id, created_at: NOW.plus(DAY), is_system, manages, ..first.clone() };
            it.conn().put_role(&again).await.unwrap();
            let seen = found(&it, "PORTAL", "admin", first.tenant.as_ref()).await.unwrap();
            assert_eq!(role_facts(&seen), role_facts(&Role { is_system, manages, ..first.clone() }));
        }
    }
}

pub(super) async fn a_role_of_no_tenant_is_refused(it: Actors) {
    let nowhere = tenant("nowhere");
    let role = Role { tenant: Some(nowhere.clone()), ..it.role("PORTAL", "admin", &[]) };
    assert_conflict(it.conn().put_role(&role).await, "a role that no tenant has defined");
    assert!(found(&it, "PORTAL", "admin", Some(&nowhere)).await.is_none(), "a refused role was written");
}

/// In byte order.
pub(super) async fn roles_are_listed_for_the_program_or_one_tenant(it: Actors) {
    let (acme, globex) = (it.founded("acme").await, it.founded("globex").await);
    for (guard, name) in [("PORTAL", "b"), ("ADMIN", "z"), ("PORTAL", "B"), ("portal", "a")] {
        it.defined(guard, name, &[]).await;
    }
    for (guard, name) in [("PORTAL", "clerk"), ("ADMIN", "owner")] {
        it.defined_by(&acme, guard, name, &["a:b"]).await;
    }
    let listed = async |tenant: Option<&TenantId>| -> Vec<String> {
        let roles = it.conn().roles(tenant).await.unwrap();
        assert!(roles.iter().all(|role| role.tenant.as_ref() == tenant), "a role of another is listed");
        roles.iter().map(|role| format!("{}/{}", role.guard, role.name)).collect()
    };
    assert_eq!(listed(None).await, ["ADMIN/z", "PORTAL/B", "PORTAL/b", "portal/a"]);
    assert_eq!(listed(Some(&acme)).await, ["ADMIN/owner", "PORTAL/clerk"]);
    assert!(listed(Some(&globex)).await.is_empty(), "a tenant has roles that it has not defined");
}

pub(super) async fn a_role_that_is_held_is_not_deleted(it: Actors) {
    let ada = member(&it, "ada").await;
    let (role, other) = (it.defined("PORTAL", "admin", &[]).await, it.defined("PORTAL", "clerk", &[]).await);
    for place in places() {
        it.granted_in(&ada, &role, place.clone()).await;
        assert_conflict(it.conn().delete_role(role.id).await, "the deletion of a role that is held");
        assert_eq!(held(&it, &ada, None).await, [format!("admin in {place}")]);
        assert!(it.conn().revoke_role(&grant(&ada, role.id, &place)).await.unwrap(), "the role was not held");
    }
    assert!(it.conn().delete_role(role.id).await.unwrap(), "the role was not found");
    assert!(found(&it, "PORTAL", "admin", None).await.is_none(), "a deleted role is found");
    assert!(!it.conn().delete_role(role.id).await.unwrap(), "a role was deleted twice");
    assert!(found(&it, "PORTAL", &other.name, None).await.is_some(), "another role went along");
    assert_eq!(it.defined("PORTAL", "admin", &[]).await.id, found(&it, "PORTAL", "admin", None).await.unwrap().id);
}

pub(super) async fn racing_deletions_of_a_role_have_one_winner(it: Actors) {
    let role = it.defined("PORTAL", "admin", &[]).await.id;
    let it = &it;
    let verdicts = race(|_| async move { it.conn().delete_role(role).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "deletions of one role");
}

pub(super) async fn a_role_is_not_deleted_from_under_a_grant(it: Actors) {
    let ada = it.signed_up("ada").await;
    let it = &it;
    for n in 0..8 {
        let role = it.defined("PORTAL", &format!("role{n}"), &[]).await;
        let deed = async |racer: usize| {
            if racer == 8 {
                it.conn().delete_role(role.id).await
            } else {
                it.conn().grant_role(&everywhere(ada.id, role.id), NOW).await
            }
        };
        let verdicts = race(deed).await;
        let is_refused = |verdict: &Result<bool, StoreError>| matches!(verdict, Err(StoreError::Conflict));
        assert!(verdicts.iter().all(|verdict| verdict.is_ok() || is_refused(verdict)), "{verdicts:?}");
        let is_there = found(it, "PORTAL", &role.name, None).await.is_some();
        assert_eq!(is_there, is_refused(&verdicts[8]), "the verdict on the deletion and its row differ");
        assert_eq!(is_there, held(it, &ada, None).await.contains(&format!("{} in everywhere", role.name)));
    }
}

pub(super) async fn a_role_held_in_four_places_is_four_grants(it: Actors) {
    let (ada, admin) = (member(&it, "ada").await, it.defined("PORTAL", "admin", &["a:b"]).await);
    for place in places() {
        it.granted_in(&ada, &admin, place.clone()).await;
        assert!(
            !it.conn().grant_role(&grant(&ada, admin.id, &place), NOW).await.unwrap(),
            "it was told twice: {place}"
        );
    }
    let mut left = places().to_vec();
    for place in places() {
        let roles = it.conn().roles_of_user(ada.id, None).await.unwrap();
        assert_eq!(roles.iter().map(|it| it.scope.clone()).collect::<BTreeSet<_>>(), left.iter().cloned().collect());
        for seen in &roles {
            let expected = HeldRole { role: admin.clone(), scope: seen.scope.clone() };
            assert_eq!(held_facts(seen), held_facts(&expected));
        }
        assert!(it.conn().revoke_role(&grant(&ada, admin.id, &place)).await.unwrap(), "it was not held in {place}");
        assert!(!it.conn().revoke_role(&grant(&ada, admin.id, &place)).await.unwrap(), "it was taken twice: {place}");
        left.retain(|other| *other != place);
    }
    assert!(held(&it, &ada, None).await.is_empty(), "a role is left");
}

pub(super) async fn racing_grants_have_one_winner_in_each_place(it: Actors) {
    let (ada, admin) = (member(&it, "ada").await, it.defined("PORTAL", "admin", &[]).await);
    let (it, ada) = (&it, &ada);
    let grants = race(|racer| async move {
        let place = &places()[racer % 4];
        it.conn().grant_role(&grant(ada, admin.id, place), NOW).await.unwrap()
    })
    .await;
    assert_eq!(winners(&grants), 4, "grants that were told as new");
    assert_eq!(held(it, ada, None).await.len(), 4);
}

pub(super) async fn a_grant_in_a_tenant_of_others_is_refused(it: Actors) {
    let (ada, acme, admin) =
        (it.signed_up("ada").await, it.founded("acme").await, it.defined("PORTAL", "admin", &[]).await);
    let grace = it.signed_up("grace").await;
    it.joined(&grace, &acme).await;
    for place in [within(&acme), within(&tenant("nowhere"))] {
        assert_conflict(it.conn().grant_role(&grant(&ada, admin.id, &place), NOW).await, "a grant to no member");
    }
    assert!(held(&it, &ada, None).await.is_empty(), "a refused grant was written");
    // Of those who belong to it, suspended ones among them.
    it.becomes(&grace, &acme, MembershipStatus::Suspended).await;
    it.granted_in(&grace, &admin, within(&acme)).await;
}

pub(super) async fn roles_of_a_user_leave_out_what_is_held_in_other_tenants(it: Actors) {
    let (ada, grace) = (member(&it, "ada").await, member(&it, "grace").await);
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let admin = it.defined("PORTAL", "admin", &[]).await;
    let own = it.defined_by(&acme, "PORTAL", "admin", &["a:b"]).await;
    for place in places() {
        it.granted_in(&ada, &admin, place.clone()).await;
    }
    it.granted_in(&ada, &own, within(&acme)).await;
    it.granted_in(&grace, &admin, within(&acme)).await;
    assert_eq!(held(&it, &ada, None).await.len(), 5);
    let common = ["admin in everywhere", "admin in platform"];
    let in_acme = ["admin in tenant acme"; 2];
    assert_eq!(held(&it, &ada, Some(&acme)).await, [common, in_acme].concat());
    assert_eq!(held(&it, &ada, Some(&globex)).await, [&common[..], &["admin in tenant globex"]].concat());
    assert_eq!(held(&it, &ada, Some(&tenant("ACME"))).await, common);
    assert!(held(&it, &grace, Some(&globex)).await.is_empty(), "a role came along that is held elsewhere");
}

pub(super) async fn only_holders_who_count_in_the_same_place_are_others(it: Actors) {
    let (ada, grace) = (member(&it, "ada").await, member(&it, "grace").await);
    let (admin, clerk) = (it.defined("PORTAL", "admin", &[]).await, it.defined("PORTAL", "clerk", &[]).await);
    let has_other = async |place: &RoleScope| it.conn().has_other_holder(&grant(&ada, admin.id, place)).await.unwrap();
    for place in places() {
        it.granted_in(&ada, &admin, place.clone()).await;
        it.granted_in(&grace, &clerk, place.clone()).await;
    }
    for place in places() {
        assert!(!has_other(&place).await, "they themselves, or holders elsewhere or of another role, count in {place}");
        it.granted_in(&grace, &admin, place.clone()).await;
        assert!(has_other(&place).await, "the other holder does not count in {place}");
        for (disabled_at, counts) in [(Some(NOW), false), (None, true)] {
            assert!(it.conn().set_disabled(grace.id, disabled_at, NOW).await.unwrap(), "the user was not found");
            assert_eq!(has_other(&place).await, counts, "disabled at {disabled_at:?}, in {place}");
        }
        for status in [MembershipStatus::Suspended, MembershipStatus::Active] {
            it.becomes(&grace, &tenant("acme"), status).await;
            let counts = status == MembershipStatus::Active || place != within(&tenant("acme"));
            assert_eq!(has_other(&place).await, counts, "{status:?} in acme, in {place}");
        }
        assert!(it.conn().revoke_role(&grant(&grace, admin.id, &place)).await.unwrap(), "the role was not held");
    }
    // It is asked of whoever it is, whether they hold it or not.
    let nobody = it.user("nobody");
    assert!(it.conn().has_other_holder(&grant(&nobody, admin.id, &RoleScope::Platform)).await.unwrap());
}

/// Each looks whether somebody else is left before they give it up.
pub(super) async fn of_holders_who_give_up_at_once_one_stays(it: Actors) {
    let (acme, admin) = (it.founded("acme").await, it.defined("PORTAL", "admin", &[]).await);
    let mut holders = Vec::new();
    for n in 0..RACERS {
        let user = it.signed_up(&format!("user{n}")).await;
        it.joined(&user, &acme).await;
        it.granted_in(&user, &admin, within(&acme)).await;
        holders.push(user);
    }
    let (it, acme, holders) = (&it, &acme, &holders);
    let gave_up = race(|racer| async move {
        let own = grant(&holders[racer], admin.id, &within(acme));
        let mut tx = it.begin().await;
        let another = tx.has_other_holder(&own).await.unwrap();
        if another {
            assert!(tx.revoke_role(&own).await.unwrap(), "the role was not held");
            tx.commit().await.unwrap();
        }
        another
    })
    .await;
    assert_eq!(winners(&gave_up), RACERS - 1, "of those who gave it up");
}

/// A session in this place, as each way of finding it gives it.
async fn seen(it: &Actors, user: &User, place: &RoleScope) -> [SessionWithUser; 3] {
    let mut opened = it.session_in(user, place.clone());
    opened.row.role_guard = Some("PORTAL".to_owned());
    it.write(&opened).await;
    let family = it.refreshing(&opened).await;
    let by_token = it.conn().session_by_token(&opened.hash).await.unwrap().unwrap();
    let by_id = it.conn().session_by_id(opened.row.id).await.unwrap().unwrap();
    let by_family = it.conn().family_by_hash(&family.family_hash).await.unwrap().unwrap().found;
    let seen = [by_token, by_id, by_family];
    for found in &seen {
        assert_eq!(session_facts(&found.session), session_facts(&opened.row));
    }
    seen
}

pub(super) async fn scope_and_role_guard_of_a_session_survive(it: Actors) {
    let ada = member(&it, "ada").await;
    for place in places() {
        for role_guard in [None, Some("PORTAL".to_owned()), Some("g".repeat(64))] {
            let mut opened = it.session_in(&ada, place.clone());
            opened.row.role_guard = role_guard;
            it.write(&opened).await;
            let found = it.conn().session_by_token(&opened.hash).await.unwrap().unwrap();
            assert_eq!(session_facts(&found.session), session_facts(&opened.row));
        }
    }
    assert_eq!(it.conn().sessions_of_user(ada.id, NOW).await.unwrap().len(), 12);
}

pub(super) async fn a_session_comes_with_the_roles_that_are_held_where_it_acts(it: Actors) {
    let ada = member(&it, "ada").await;
    let admin = it.defined("PORTAL", "admin", &["a:b"]).await;
    for place in places() {
        it.granted_in(&ada, &admin, place.clone()).await;
    }
    it.granted_in(&ada, &it.defined_by(&tenant("acme"), "ADMIN", "own", &[]).await, within(&tenant("acme"))).await;
    it.becomes(&ada, &tenant("globex"), MembershipStatus::Suspended).await;
    let expected = [
        (None, &["admin in everywhere"][..]),
        (None, &["admin in everywhere", "admin in platform"]),
        (Some(MembershipStatus::Active), &["admin in everywhere", "admin in tenant acme", "own in tenant acme"]),
        (Some(MembershipStatus::Suspended), &["admin in everywhere", "admin in tenant globex"]),
    ];
    for (place, (membership, roles)) in places().iter().zip(expected) {
        for found in seen(&it, &ada, place).await {
            assert_eq!(
                (found.membership, named(&found.roles)),
                (membership, roles.iter().map(|it| it.to_string()).collect())
            );
        }
    }
}

pub(super) async fn a_session_in_a_tenant_of_others_is_refused(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    it.joined(&it.signed_up("grace").await, &acme).await;
    for place in [within(&acme), within(&tenant("nowhere"))] {
        let session = it.session_in(&ada, place);
        assert_conflict(session.write_to(&mut *it.conn()).await, "a session of no member");
        assert!(!it.is_open(&session).await, "a refused session was written");
    }
    assert!(it.conn().insert_membership(&membership(&ada, &acme)).await.unwrap(), "a membership was not told as new");
    it.signed_in_to(&ada, within(&acme)).await;
}

pub(super) async fn a_key_comes_with_the_roles_of_its_tenant_and_none_of_the_platform(it: Actors) {
    let ada = member(&it, "ada").await;
    let admin = it.defined("PORTAL", "admin", &["a:b"]).await;
    for place in places() {
        it.granted_in(&ada, &admin, place.clone()).await;
    }
    it.becomes(&ada, &tenant("globex"), MembershipStatus::Suspended).await;
    let (active, suspended) = (Some(MembershipStatus::Active), Some(MembershipStatus::Suspended));
    for (name, membership, roles) in [
        (None, None, &["admin in everywhere"][..]),
        (Some("acme"), active, &["admin in everywhere", "admin in tenant acme"]),
        (Some("globex"), suspended, &["admin in everywhere", "admin in tenant globex"]),
        (Some("nowhere"), None, &["admin in everywhere"]),
    ] {
        let (_, secret) = it.keyed(&ada, |key| key.tenant = name.map(tenant)).await;
        let ApiKeyWithOwner { membership: seen, roles: held, .. } =
            it.conn().api_key_by_hash(&secret).await.unwrap().unwrap();
        assert_eq!((seen, named(&held)), (membership, roles.iter().map(|it| it.to_string()).collect()), "{name:?}");
    }
    let (mut key, secret) = (it.api_key(KeyOwner::Organization(tenant("acme"))), it.key_secret());
    key.tenant = Some(tenant("acme"));
    it.write_key(&key, &secret).await;
    let found = it.conn().api_key_by_hash(&secret).await.unwrap().unwrap();
    assert!(
        found.owner.is_none() && found.membership.is_none() && found.roles.is_empty(),
        "a key of nobody's has roles"
    );
}
