//! What a store promises about roles and who holds them.

use super::actors::{Actors, DAY, NOW, assert_conflict, everywhere, race, winners};
use super::facts::{held_everywhere, held_facts, role_facts};
use crate::base::UserId;
use crate::role::{Permission, Role};

async fn found(it: &Actors, guard: &str, name: &str) -> Role {
    it.conn().role_by_name(guard, name, None).await.unwrap().unwrap()
}

/// What the user holds, as `guard/name`.
async fn held(it: &Actors, user: UserId) -> Vec<String> {
    let roles = it.conn().roles_of_user(user, None).await.unwrap();
    roles.iter().map(|held| format!("{}/{}", held.role.guard, held.role.name)).collect()
}

fn names(role: &Role) -> Vec<&str> {
    role.permissions.iter().map(Permission::as_str).collect()
}

pub(super) async fn a_role_is_found_by_guard_and_name(it: Actors) {
    let admin = it.defined("ADMIN", "admin", &["users:read", "users:write"]).await;
    assert_eq!(role_facts(&found(&it, "ADMIN", "admin").await), role_facts(&admin));
    for (guard, name) in [("ADMIN", "root"), ("PORTAL", "admin"), ("", "admin"), ("ADMIN", ""), ("ADMIN", "admin ")] {
        assert!(it.conn().role_by_name(guard, name, None).await.unwrap().is_none(), "{guard:?}/{name:?} found a role");
    }
}

pub(super) async fn the_same_name_in_two_guards_is_two_roles(it: Actors) {
    let admin = it.defined("ADMIN", "admin", &["users:write"]).await;
    let portal = it.defined("PORTAL", "admin", &["orders:read"]).await;
    assert_eq!(role_facts(&found(&it, "ADMIN", "admin").await), role_facts(&admin));
    assert_eq!(role_facts(&found(&it, "PORTAL", "admin").await), role_facts(&portal));
    let ada = it.signed_up("ada").await;
    it.granted(&ada, &portal).await;
    assert_eq!(held(&it, ada.id).await, ["PORTAL/admin"]);
}

pub(super) async fn names_that_differ_in_case_are_two_roles(it: Actors) {
    for (guard, name) in [("ADMIN", "admin"), ("ADMIN", "Admin"), ("admin", "admin")] {
        let role = it.defined(guard, name, &[]).await;
        assert_eq!(found(&it, guard, name).await.id, role.id, "{guard}/{name} is another role");
    }
    assert!(
        it.conn().role_by_name("Admin", "admin", None).await.unwrap().is_none(),
        "the guard was not compared by bytes"
    );
    assert!(
        it.conn().role_by_name("ADMIN", "ADMIN", None).await.unwrap().is_none(),
        "the name was not compared by bytes"
    );
}

pub(super) async fn the_longest_names_survive(it: Actors) {
    let permission = "p".repeat(Permission::MAX_LENGTH);
    let role = it.defined(&"g".repeat(64), &"n".repeat(64), &[&permission]).await;
    assert_eq!(role_facts(&found(&it, &role.guard, &role.name).await), role_facts(&role));
}

/// Permissions are listed in byte order; wildcards, quotes and letter case mean nothing to a store.
pub(super) async fn permissions_are_kept_exactly_and_in_order(it: Actors) {
    let numbered: Vec<String> = (0..100).map(|n| format!("reports:{n:03}")).collect();
    let mut permissions = vec!["%", "';--", "*", "A:read", "Z:read", "_", "a:read", "users:admin", "users:admin:read"];
    permissions.extend(numbered.iter().map(String::as_str));
    permissions.sort_unstable();
    it.defined("ADMIN", "admin", &permissions).await;
    assert_eq!(names(&found(&it, "ADMIN", "admin").await), permissions);
}

pub(super) async fn a_role_without_permissions_is_a_role(it: Actors) {
    let (guest, ada) = (it.defined("PORTAL", "guest", &[]).await, it.signed_up("ada").await);
    assert_eq!(role_facts(&found(&it, "PORTAL", "guest").await), role_facts(&guest));
    it.granted(&ada, &guest).await;
    assert_eq!(held(&it, ada.id).await, ["PORTAL/guest"]);
}

pub(super) async fn defining_a_role_again_replaces_its_permissions_alone(it: Actors) {
    let admin = it.defined("ADMIN", "admin", &["users:read", "users:write"]).await;
    let other = it.defined("PORTAL", "admin", &["users:read"]).await;
    for permissions in [&["orders:read", "users:read"][..], &[]] {
        let again = Role { created_at: NOW.plus(DAY), ..it.defined("ADMIN", "admin", permissions).await };
        it.conn().put_role(&again).await.unwrap();
        let defined = found(&it, "ADMIN", "admin").await;
        assert_eq!(role_facts(&defined), role_facts(&Role { permissions: again.permissions, ..admin.clone() }));
    }
    assert_eq!(role_facts(&found(&it, "PORTAL", "admin").await), role_facts(&other));
}

pub(super) async fn racing_definitions_of_a_role_leave_one_of_them(it: Actors) {
    let it = &it;
    race(|racer| async move { it.defined("ADMIN", "admin", &[&format!("racer:{racer}")]).await }).await;
    let permissions = found(it, "ADMIN", "admin").await.permissions;
    assert_eq!(permissions.len(), 1, "permissions of several definitions were mixed: {permissions:?}");
}

pub(super) async fn a_granted_role_is_held_by_that_user_alone(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let admin = it.defined("ADMIN", "admin", &["users:read"]).await;
    it.granted(&ada, &admin).await;
    let roles = it.conn().roles_of_user(ada.id, None).await.unwrap();
    assert_eq!(roles.iter().map(held_facts).collect::<Vec<_>>(), [held_facts(&held_everywhere(&admin))]);
    assert!(held(&it, grace.id).await.is_empty(), "somebody else holds the role");
}

pub(super) async fn a_user_without_roles_holds_none(it: Actors) {
    it.defined("ADMIN", "admin", &["users:read"]).await;
    let ada = it.signed_up("ada").await;
    assert!(held(&it, ada.id).await.is_empty(), "a role is held that was never granted");
    assert!(held(&it, it.user("nobody").id).await.is_empty(), "nobody holds a role");
}

pub(super) async fn a_role_id_is_taken_only_once(it: Actors) {
    let admin = it.defined("ADMIN", "admin", &["users:read"]).await;
    let clerk = Role { id: admin.id, ..it.role("ADMIN", "clerk", &[]) };
    assert_conflict(it.conn().put_role(&clerk).await, "the id of another role");
    assert!(it.conn().role_by_name("ADMIN", "clerk", None).await.unwrap().is_none(), "a refused role was written");
    let found = it.conn().role_by_name("ADMIN", "admin", None).await.unwrap().unwrap();
    assert_eq!(role_facts(&found), role_facts(&admin));
}

pub(super) async fn a_role_is_granted_only_once(it: Actors) {
    let (ada, admin) = (it.signed_up("ada").await, it.defined("ADMIN", "admin", &[]).await);
    it.granted(&ada, &admin).await;
    assert!(!it.conn().grant_role(&everywhere(ada.id, admin.id), NOW).await.unwrap(), "a second grant was told as new");
    assert_eq!(held(&it, ada.id).await, ["ADMIN/admin"]);
}

pub(super) async fn racing_grants_have_one_winner(it: Actors) {
    let (ada, admin) = (it.signed_up("ada").await, it.defined("ADMIN", "admin", &[]).await);
    let (it, admin) = (&it, admin.id);
    let verdicts = race(|_| async move { it.conn().grant_role(&everywhere(ada.id, admin), NOW).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "grants of the same role that were told as new");
}

pub(super) async fn a_grant_to_nobody_is_refused(it: Actors) {
    let (nobody, admin) = (it.user("nobody").id, it.defined("ADMIN", "admin", &[]).await);
    assert_conflict(it.conn().grant_role(&everywhere(nobody, admin.id), NOW).await, "a grant to nobody");
    assert!(held(&it, nobody).await.is_empty(), "a refused grant was written");
}

pub(super) async fn a_grant_of_no_role_is_refused(it: Actors) {
    let (ada, undefined) = (it.signed_up("ada").await, it.role("ADMIN", "admin", &[]));
    assert_conflict(it.conn().grant_role(&everywhere(ada.id, undefined.id), NOW).await, "a grant of no role");
    assert!(held(&it, ada.id).await.is_empty(), "a refused grant was written");
}

pub(super) async fn a_revoked_role_is_no_longer_held(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let (admin, clerk) = (it.defined("ADMIN", "admin", &[]).await, it.defined("ADMIN", "clerk", &[]).await);
    for (user, role) in [(&ada, &admin), (&ada, &clerk), (&grace, &admin)] {
        it.granted(user, role).await;
    }
    assert!(it.conn().revoke_role(&everywhere(ada.id, admin.id)).await.unwrap(), "the role was not found");
    assert!(!it.conn().revoke_role(&everywhere(ada.id, admin.id)).await.unwrap(), "a role was taken twice");
    assert!(
        !it.conn().revoke_role(&everywhere(grace.id, clerk.id)).await.unwrap(),
        "a role was taken that was not held"
    );
    assert_eq!(held(&it, ada.id).await, ["ADMIN/clerk"]);
    assert_eq!(held(&it, grace.id).await, ["ADMIN/admin"]);
    it.granted(&ada, &admin).await;
}

pub(super) async fn racing_revocations_have_one_winner(it: Actors) {
    let (ada, admin) = (it.signed_up("ada").await, it.defined("ADMIN", "admin", &[]).await);
    it.granted(&ada, &admin).await;
    let (it, admin) = (&it, admin.id);
    let verdicts = race(|_| async move { it.conn().revoke_role(&everywhere(ada.id, admin)).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "revocations of the same role");
}

/// In byte order, whatever the locale of the database.
pub(super) async fn roles_are_listed_by_guard_and_name(it: Actors) {
    let ada = it.signed_up("ada").await;
    for (guard, name) in
        [("PORTAL", "admin"), ("ADMIN", "clerk"), ("portal", "a"), ("ADMIN", "Zoo"), ("ADMIN", "admin")]
    {
        it.granted(&ada, &it.defined(guard, name, &["a:read", "b:read"]).await).await;
    }
    let expected = ["ADMIN/Zoo", "ADMIN/admin", "ADMIN/clerk", "PORTAL/admin", "portal/a"];
    assert_eq!(held(&it, ada.id).await, expected);
}

pub(super) async fn new_permissions_reach_whoever_holds_the_role(it: Actors) {
    let (ada, admin) = (it.signed_up("ada").await, it.defined("ADMIN", "admin", &["users:read"]).await);
    it.granted(&ada, &admin).await;
    it.defined("ADMIN", "admin", &["users:write"]).await;
    let roles = it.conn().roles_of_user(ada.id, None).await.unwrap();
    assert_eq!(roles.iter().map(|held| names(&held.role)).collect::<Vec<_>>(), [["users:write"]]);
}
