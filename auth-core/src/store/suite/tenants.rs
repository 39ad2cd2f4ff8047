//! What a store promises about tenants and their members.

use futures_util::future::{join, join_all};

use super::actors::{Actors, MINUTE, NOW, Opened, assert_conflict, membership, race, tenant, winners, within};
use super::facts::{role_facts, user_facts};
use crate::api_key::{ApiKey, KeyOwner};
use crate::base::{TenantId, TokenHash, TokenKind, UserId};
use crate::role::{RoleScope, StoredGrant};
use crate::store::StoreError;
use crate::tenant::{Membership, MembershipStatus, TenantRecord};
use crate::user::{TenantMember, User};

/// A tenant or a membership whole, to the microsecond.
fn tenant_facts(tenant: &TenantRecord) -> (TenantId, String, i64) {
    let TenantRecord { id, name, created_at } = tenant.clone();
    (id, name, created_at.as_micros())
}

fn membership_facts(membership: &Membership) -> (UserId, TenantId, MembershipStatus, [i64; 2]) {
    let Membership { user, tenant, status, created_at, updated_at } = membership.clone();
    (user, tenant, status, [created_at, updated_at].map(|at| at.as_micros()))
}

async fn found(it: &Actors, user: &User, tenant: &TenantId) -> Option<Membership> {
    it.conn().membership(user.id, tenant).await.unwrap()
}

/// What the user holds, as `name in scope`, in order.
async fn held(it: &Actors, user: &User) -> Vec<String> {
    let roles = it.conn().roles_of_user(user.id, None).await.unwrap();
    let mut held: Vec<String> = roles.iter().map(|held| format!("{} in {}", held.role.name, held.scope)).collect();
    held.sort_unstable();
    held
}

pub(super) async fn a_tenant_is_found_by_its_id(it: Actors) {
    let longest = |first: &str| format!("{first}{}", "~".repeat(127));
    for (id, name) in
        [("acme", "Acme".to_owned()), (&longest("!"), "\u{1f980}".repeat(255)), (&longest("\""), "é'".into())]
    {
        let written = TenantRecord { id: tenant(id), name, created_at: NOW };
        it.conn().insert_tenant(&written).await.unwrap();
        let found = it.conn().tenant_by_id(&written.id).await.unwrap().unwrap();
        assert_eq!(tenant_facts(&found), tenant_facts(&written));
    }
    assert!(it.conn().tenant_by_id(&tenant("globex")).await.unwrap().is_none(), "an unknown id found a tenant");
}

pub(super) async fn a_tenant_is_taken_only_once(it: Actors) {
    let acme = it.founded("acme").await;
    let before = it.conn().tenant_by_id(&acme).await.unwrap().unwrap();
    let again = TenantRecord { id: acme.clone(), name: "Another".to_owned(), created_at: NOW.plus(MINUTE) };
    assert_conflict(it.conn().insert_tenant(&again).await, "a taken id of a tenant");
    assert_eq!(tenant_facts(&it.conn().tenant_by_id(&acme).await.unwrap().unwrap()), tenant_facts(&before));
}

pub(super) async fn racing_tenants_of_one_id_have_one_winner(it: Actors) {
    let it = &it;
    let verdicts = race(|racer| async move {
        let record = TenantRecord { id: tenant("acme"), name: format!("{racer}"), created_at: NOW };
        match it.conn().insert_tenant(&record).await {
            Ok(()) => Some(record.name),
            Err(StoreError::Conflict) => None,
            Err(error) => panic!("{error:?}"),
        }
    })
    .await;
    let written: Vec<String> = verdicts.into_iter().flatten().collect();
    assert_eq!(written, [it.conn().tenant_by_id(&tenant("acme")).await.unwrap().unwrap().name]);
}

/// In a text column of a careless collation they would be folded or padded.
pub(super) async fn tenants_are_compared_byte_by_byte(it: Actors) {
    let ada = it.signed_up("ada").await;
    let names = ["acme", "ACME", "acme.", "acm%", "acm_"].map(tenant);
    for (at, name) in names.iter().enumerate() {
        for other in &names[at..] {
            assert!(it.conn().tenant_by_id(other).await.unwrap().is_none(), "{other} found another tenant");
            assert!(found(&it, &ada, other).await.is_none(), "{other} found another membership");
            assert!(!it.conn().delete_tenant(other).await.unwrap(), "{other} deleted another tenant");
        }
        it.founded(name.as_str()).await;
        it.joined(&ada, name).await;
    }
    assert!(it.conn().delete_membership(ada.id, &names[0]).await.unwrap(), "the membership was not found");
    for other in &names[1..] {
        assert!(found(&it, &ada, other).await.is_some(), "{other} went along with another");
    }
}

/// Somebody who belongs to a tenant, with a role of the program, one of the tenant's own, and a session there.
async fn settled(it: &Actors, user: &User, tenant: &TenantId) -> Opened {
    it.joined(user, tenant).await;
    for role in [it.defined("PORTAL", "member", &[]).await, it.defined_by(tenant, "PORTAL", "clerk", &[]).await] {
        let role = it.conn().role_by_name("PORTAL", &role.name, role.tenant.as_ref()).await.unwrap().unwrap();
        it.granted_in(user, &role, within(tenant)).await;
    }
    it.signed_in_to(user, within(tenant)).await
}

pub(super) async fn a_tenant_is_locked_if_it_is_there(it: Actors) {
    let acme = it.founded("acme").await;
    let before = it.conn().tenant_by_id(&acme).await.unwrap().unwrap();
    assert!(it.conn().lock_tenant(&acme).await.unwrap(), "a tenant was not found");
    assert!(!it.conn().lock_tenant(&tenant("globex")).await.unwrap(), "a tenant that is none was locked");
    assert_eq!(tenant_facts(&it.conn().tenant_by_id(&acme).await.unwrap().unwrap()), tenant_facts(&before));
}

/// The secrets of a key of this user and one of the tenant itself, both for that tenant.
async fn keyed(it: &Actors, user: &User, tenant: &TenantId) -> [TokenHash; 2] {
    let (_, of_user) = it.keyed(user, |key| key.tenant = Some(tenant.clone())).await;
    let owner = KeyOwner::Organization(tenant.clone());
    let (key, of_tenant) = (ApiKey { tenant: Some(tenant.clone()), ..it.api_key(owner) }, it.hash(TokenKind::ApiKey));
    it.conn().insert_api_key(&key, &of_tenant).await.unwrap();
    [of_user, of_tenant]
}

async fn are_there(it: &Actors, secrets: &[TokenHash; 2]) -> [bool; 2] {
    let mut there = [false; 2];
    for (there, secret) in there.iter_mut().zip(secrets) {
        *there = it.conn().api_key_by_hash(secret).await.unwrap().is_some();
    }
    there
}

pub(super) async fn deleting_a_tenant_takes_all_of_it_along(it: Actors) {
    let (ada, grace, acme) = (it.signed_up("ada").await, it.signed_up("grace").await, it.founded("acme").await);
    let keys = keyed(&it, &ada, &acme).await;
    let sessions = [settled(&it, &ada, &acme).await, settled(&it, &grace, &acme).await];
    it.becomes(&grace, &acme, MembershipStatus::Suspended).await;
    let (code, family) = (it.issued(&ada, Some(&sessions[0])).await, it.refreshing(&sessions[0]).await);
    assert!(it.conn().delete_tenant(&acme).await.unwrap(), "the tenant was not found");
    let mut conn = it.conn();
    for (user, session) in [&ada, &grace].into_iter().zip(&sessions) {
        assert!(!it.is_open(session).await, "a session in the tenant is still there");
        assert!(conn.memberships_of_user(user.id).await.unwrap().is_empty(), "a membership is still there");
        assert!(conn.roles_of_user(user.id, None).await.unwrap().is_empty(), "a role is still held in the tenant");
        assert!(conn.user_by_id(user.id).await.unwrap().is_some(), "a member went along");
    }
    assert!(conn.code_by_hash(code.purpose, &code.hash, NOW).await.unwrap().is_none(), "a code is still there");
    assert!(conn.family_by_hash(&family.family_hash).await.unwrap().is_none(), "a family is still there");
    assert!(conn.roles(Some(&acme)).await.unwrap().is_empty(), "a role that it defined is still there");
    assert_eq!(are_there(&it, &keys).await, [false; 2], "a key for it is still there");
    assert!(conn.tenant_by_id(&acme).await.unwrap().is_none(), "the tenant is still there");
    assert!(!conn.delete_tenant(&acme).await.unwrap(), "a tenant was deleted twice");
    // The next one of the name has nothing of it.
    it.founded("acme").await;
    assert!(found(&it, &ada, &acme).await.is_none() && conn.roles(Some(&acme)).await.unwrap().is_empty());
}

pub(super) async fn members_are_listed_in_pages_with_what_they_hold(it: Actors) {
    let (acme, globex) = (it.founded("acme").await, it.founded("globex").await);
    let mut users = Vec::new();
    for name in ["ada", "bob", "cleo", "dora"] {
        let user = it.signed_up(name).await;
        it.joined(&user, &acme).await;
        users.push(user);
    }
    users.sort_unstable_by_key(|user| user.id);
    let [first, second, third, last] = &users[..] else { panic!("four") };
    it.becomes(second, &acme, MembershipStatus::Suspended).await;
    it.signed_up("stranger").await;
    let customer = it.customer("ada");
    it.conn().insert_user(&customer).await.unwrap();
    it.joined(&customer, &acme).await;
    let role = it.defined("PORTAL", "member", &["orders:read"]).await;
    it.granted(first, &role).await;
    it.granted_in(first, &role, within(&acme)).await;
    it.joined(first, &globex).await;
    it.granted_in(first, &role, within(&globex)).await;
    it.granted_in(third, &role, RoleScope::Platform).await;
    it.granted_in(last, &role, within(&acme)).await;

    let page = async |after: Option<&User>, limit| {
        let members = it.conn().members_of_tenant(&acme, after.map(|user| user.id), limit).await.unwrap();
        for member in &members {
            let user = users.iter().find(|user| user.id == member.user.id).unwrap();
            assert_eq!(user_facts(&member.user), user_facts(user));
            let membership = found(&it, user, &acme).await.unwrap();
            assert_eq!(membership_facts(&member.membership), membership_facts(&membership));
        }
        let held = |member: &TenantMember| member.roles.iter().map(|held| held.scope.to_string()).collect::<Vec<_>>();
        members.iter().map(|member| (member.user.id, held(member))).collect::<Vec<_>>()
    };
    let both = vec!["everywhere".to_owned(), "tenant acme".to_owned()];
    let all = [(first.id, both), (second.id, vec![]), (third.id, vec![]), (last.id, vec!["tenant acme".to_owned()])];
    assert_eq!(page(None, 100).await, all);
    assert_eq!(page(None, 1).await, all[..1]);
    assert_eq!(page(Some(first), 2).await, all[1..3]);
    assert_eq!(page(Some(third), 2).await, all[3..]);
    for (after, limit) in [(Some(last), 100), (None, 0)] {
        assert!(page(after, limit).await.is_empty());
    }
    assert_eq!(it.conn().members_of_tenant(&globex, None, 9).await.unwrap().len(), 1);
    assert!(it.conn().members_of_tenant(&tenant("nowhere"), None, 9).await.unwrap().is_empty());
}

pub(super) async fn deleting_a_tenant_leaves_everything_else_alone(it: Actors) {
    let (ada, acme, globex) = (it.signed_up("ada").await, it.founded("acme").await, it.founded("globex").await);
    settled(&it, &ada, &acme).await;
    let (keys, (_, of_none)) = (keyed(&it, &ada, &globex).await, it.keyed(&ada, |_| {}).await);
    let member = it.conn().role_by_name("PORTAL", "member", None).await.unwrap().unwrap();
    let (there, everywhere) = (settled(&it, &ada, &globex).await, it.signed_in(&ada).await);
    it.granted(&ada, &member).await;
    it.granted_in(&ada, &member, RoleScope::Platform).await;
    assert!(it.conn().delete_tenant(&acme).await.unwrap(), "the tenant was not found");
    let expected = ["clerk in tenant globex", "member in everywhere", "member in platform", "member in tenant globex"];
    assert_eq!(held(&it, &ada).await, expected);
    assert!(it.is_open(&there).await && it.is_open(&everywhere).await, "a session of elsewhere ended too");
    assert!(found(&it, &ada, &globex).await.is_some(), "another membership went along");
    let of_none = it.conn().api_key_by_hash(&of_none).await.unwrap();
    assert!(are_there(&it, &keys).await == [true; 2] && of_none.is_some(), "a key for another went along");
    assert_eq!(it.conn().roles(Some(&globex)).await.unwrap().len(), 1);
    let kept = it.conn().role_by_name("PORTAL", "member", None).await.unwrap().unwrap();
    assert_eq!(role_facts(&kept), role_facts(&member));
}

pub(super) async fn every_field_of_a_membership_survives(it: Actors) {
    let (ada, grace, acme) = (it.signed_up("ada").await, it.signed_up("grace").await, it.founded("acme").await);
    for (user, status) in [(&ada, MembershipStatus::Active), (&grace, MembershipStatus::Suspended)] {
        let written = Membership { status, updated_at: NOW.plus(MINUTE), ..membership(user, &acme) };
        assert!(it.conn().insert_membership(&written).await.unwrap(), "a first membership was not told as new");
        assert_eq!(membership_facts(&found(&it, user, &acme).await.unwrap()), membership_facts(&written));
    }
    assert!(found(&it, &it.user("nobody"), &acme).await.is_none(), "nobody belongs to a tenant");
    assert!(found(&it, &ada, &it.founded("globex").await).await.is_none(), "a membership of another tenant is found");
}

pub(super) async fn a_membership_is_written_only_once(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    it.joined(&ada, &acme).await;
    it.becomes(&ada, &acme, MembershipStatus::Suspended).await;
    let before = found(&it, &ada, &acme).await.unwrap();
    let again = Membership { created_at: NOW.plus(MINUTE), updated_at: NOW.plus(MINUTE), ..membership(&ada, &acme) };
    assert!(!it.conn().insert_membership(&again).await.unwrap(), "a second membership was told as new");
    assert_eq!(membership_facts(&found(&it, &ada, &acme).await.unwrap()), membership_facts(&before));
}

pub(super) async fn racing_memberships_have_one_winner(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    let (it, row) = (&it, &membership(&ada, &acme));
    let verdicts = race(|_| async move { it.conn().insert_membership(row).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "memberships that were told as new");
}

pub(super) async fn a_membership_of_nobody_is_refused(it: Actors) {
    let (nobody, acme) = (it.user("nobody"), it.founded("acme").await);
    assert_conflict(it.conn().insert_membership(&membership(&nobody, &acme)).await, "a membership of nobody");
    assert!(found(&it, &nobody, &acme).await.is_none(), "a refused membership was written");
}

pub(super) async fn a_membership_of_no_tenant_is_refused(it: Actors) {
    let (ada, nowhere) = (it.signed_up("ada").await, tenant("nowhere"));
    assert_conflict(it.conn().insert_membership(&membership(&ada, &nowhere)).await, "a membership of no tenant");
    assert!(found(&it, &ada, &nowhere).await.is_none(), "a refused membership was written");
}

/// In byte order, whatever the locale of the database, and suspended ones among them.
pub(super) async fn memberships_are_listed_by_tenant(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    for name in ["globex", "Initech", "acme", "_", "acme2", "Zorg"] {
        let tenant = it.founded(name).await;
        it.joined(&ada, &tenant).await;
    }
    it.joined(&grace, &it.founded("others").await).await;
    it.becomes(&ada, &tenant("acme"), MembershipStatus::Suspended).await;
    let listed = it.conn().memberships_of_user(ada.id).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|membership| membership.tenant.as_str()).collect();
    assert_eq!(names, ["Initech", "Zorg", "_", "acme", "acme2", "globex"]);
    assert_eq!(listed[3].status, MembershipStatus::Suspended);
    assert!(listed.iter().all(|membership| membership.user == ada.id), "a membership of another is listed");
}

pub(super) async fn a_status_is_told_when_it_changes(it: Actors) {
    let (ada, grace, acme) = (it.signed_up("ada").await, it.signed_up("grace").await, it.founded("acme").await);
    let (before, of_grace) = (it.joined(&ada, &acme).await, it.joined(&grace, &acme).await);
    let set =
        async |user: &User, status, at| it.conn().set_membership_status(user.id, &acme, status, at).await.unwrap();
    let mut expected = before;
    let turns =
        [(MembershipStatus::Active, false), (MembershipStatus::Suspended, true), (MembershipStatus::Active, true)];
    for (n, (status, changes)) in (1..).zip(turns) {
        let at = NOW.plus(n * MINUTE);
        assert_eq!(set(&ada, status, at).await, changes, "{status:?}");
        assert!(!set(&ada, status, at.plus(MINUTE)).await, "a status that was there was told as a change");
        if changes {
            (expected.status, expected.updated_at) = (status, at);
        }
        assert_eq!(membership_facts(&found(&it, &ada, &acme).await.unwrap()), membership_facts(&expected));
    }
    assert_eq!(membership_facts(&found(&it, &grace, &acme).await.unwrap()), membership_facts(&of_grace));
    let nobody = it.signed_up("nobody").await;
    assert!(!set(&nobody, MembershipStatus::Suspended, NOW).await, "a membership changed that there is not");
}

pub(super) async fn racing_suspensions_have_one_winner(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    it.joined(&ada, &acme).await;
    let (it, ada, acme) = (&it, ada.id, &acme);
    let suspend =
        |_| async move { it.conn().set_membership_status(ada, acme, MembershipStatus::Suspended, NOW).await.unwrap() };
    assert_eq!(winners(&race(suspend).await), 1, "suspensions of one membership");
}

/// Somebody's sessions in two tenants, in none and on the platform, and another's in the first of them.
struct Cast {
    ada: User,
    acme: TenantId,
    inside: Opened,
    outside: Vec<Opened>,
}

async fn cast(it: &Actors) -> Cast {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let (acme, globex) = (it.founded("acme").await, it.founded("globex").await);
    let inside = settled(it, &ada, &acme).await;
    let mut outside = vec![settled(it, &ada, &globex).await, it.signed_in(&ada).await];
    outside.push(it.signed_in_to(&ada, RoleScope::Platform).await);
    it.joined(&grace, &acme).await;
    outside.push(it.signed_in_to(&grace, within(&acme)).await);
    Cast { ada, acme, inside, outside }
}

impl Cast {
    /// That of all sessions that one alone has ended, with its code and its family.
    async fn assert_ends_inside(&self, it: &Actors, change: impl AsyncFnOnce()) {
        let (code, family) = (it.issued(&self.ada, Some(&self.inside)).await, it.refreshing(&self.inside).await);
        change().await;
        assert!(!it.is_open(&self.inside).await, "the session in the tenant goes on");
        let mut conn = it.conn();
        assert!(conn.code_by_hash(code.purpose, &code.hash, NOW).await.unwrap().is_none(), "its code is still good");
        assert!(conn.family_by_hash(&family.family_hash).await.unwrap().is_none(), "its family goes on");
        for other in &self.outside {
            assert!(it.is_open(other).await, "a session in {} ended too", other.row.scope);
        }
    }
}

pub(super) async fn suspending_ends_the_sessions_in_that_tenant_alone(it: Actors) {
    let cast = cast(&it).await;
    cast.assert_ends_inside(&it, async || it.becomes(&cast.ada, &cast.acme, MembershipStatus::Suspended).await).await;
}

pub(super) async fn a_suspended_member_keeps_their_roles(it: Actors) {
    let cast = cast(&it).await;
    let before = held(&it, &cast.ada).await;
    assert_eq!(before.len(), 4, "{before:?}");
    for status in [MembershipStatus::Suspended, MembershipStatus::Active] {
        it.becomes(&cast.ada, &cast.acme, status).await;
        assert_eq!(held(&it, &cast.ada).await, before, "{status:?}");
    }
    let session = it.signed_in_to(&cast.ada, within(&cast.acme)).await;
    let found = it.conn().session_by_token(&session.hash).await.unwrap().unwrap();
    assert_eq!((found.membership, found.roles.len()), (Some(MembershipStatus::Active), 2));
}

/// A sign-in that has read the membership before it was suspended, and comes after it.
pub(super) async fn what_is_opened_while_suspended_does_not_outlive_it(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    it.joined(&ada, &acme).await;
    it.becomes(&ada, &acme, MembershipStatus::Suspended).await;
    let session = it.signed_in_to(&ada, within(&acme)).await;
    let found = it.conn().session_by_token(&session.hash).await.unwrap().unwrap();
    assert_eq!(found.membership, Some(MembershipStatus::Suspended), "the caller cannot judge it");
    it.becomes(&ada, &acme, MembershipStatus::Active).await;
    assert!(!it.is_open(&session).await, "a session of a suspended member came to life");
}

pub(super) async fn removing_a_member_takes_roles_and_sessions_there_along(it: Actors) {
    let cast = cast(&it).await;
    let Cast { ada, acme, .. } = &cast;
    let (keys, elsewhere) = (keyed(&it, ada, acme).await, keyed(&it, ada, &tenant("globex")).await);
    cast.assert_ends_inside(&it, async || {
        assert!(it.conn().delete_membership(ada.id, acme).await.unwrap(), "the membership was not found");
    })
    .await;
    assert_eq!(held(&it, ada).await, ["clerk in tenant globex", "member in tenant globex"]);
    let tenants = it.conn().memberships_of_user(ada.id).await.unwrap();
    assert_eq!(tenants.iter().map(|it| it.tenant.as_str()).collect::<Vec<_>>(), ["globex"]);
    assert!(!it.conn().delete_membership(ada.id, acme).await.unwrap(), "a membership was removed twice");
    assert_eq!(it.conn().roles(Some(acme)).await.unwrap().len(), 1, "the role itself went along");
    // Whoever comes back has nothing of it.
    it.joined(ada, acme).await;
    assert_eq!(are_there(&it, &keys).await, [false, true], "the user's keys for it go, and nobody else's");
    assert_eq!(are_there(&it, &elsewhere).await, [true; 2], "a key for another tenant went along");
    assert_eq!(held(&it, ada).await.len(), 2);
}

pub(super) async fn racing_removals_of_a_member_have_one_winner(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    settled(&it, &ada, &acme).await;
    let (it, ada, acme) = (&it, ada.id, &acme);
    let verdicts = race(|_| async move { it.conn().delete_membership(ada, acme).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "removals of one membership");
}

pub(super) async fn deleting_a_user_takes_memberships_along(it: Actors) {
    let (ada, grace, acme) = (it.signed_up("ada").await, it.signed_up("grace").await, it.founded("acme").await);
    let session = settled(&it, &ada, &acme).await;
    it.joined(&grace, &acme).await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    assert!(found(&it, &ada, &acme).await.is_none(), "the membership is still there");
    assert!(!it.is_open(&session).await && held(&it, &ada).await.is_empty(), "something of it is still there");
    assert!(found(&it, &grace, &acme).await.is_some(), "another membership went along");
    assert!(it.conn().tenant_by_id(&acme).await.unwrap().is_some(), "the tenant went along");
}

/// Those that come later are refused, and those that came before go along.
pub(super) async fn nothing_of_a_member_outlives_the_membership(it: Actors) {
    let (ada, acme) = (it.signed_up("ada").await, it.founded("acme").await);
    it.joined(&ada, &acme).await;
    let (it, ada, acme) = (&it, &ada, &acme);
    let mut roles = Vec::new();
    for n in 0..8 {
        roles.push(it.defined("PORTAL", &format!("role{n}"), &[]).await.id);
    }
    let arrive = |roles: Vec<_>| {
        join_all(roles.into_iter().map(|role| async move {
            let opened = it.session_in(ada, within(acme)).write_to(&mut *it.conn()).await;
            assert!(matches!(opened, Ok(true) | Err(StoreError::Conflict)), "{opened:?}");
            let grant = StoredGrant { user: ada.id, role, scope: within(acme) };
            let granted = it.conn().grant_role(&grant, NOW).await;
            assert!(matches!(granted, Ok(true) | Err(StoreError::Conflict)), "{granted:?}");
        }))
    };
    let late = roles.split_off(4);
    let leave = async { assert!(it.conn().delete_membership(ada.id, acme).await.unwrap(), "no membership was found") };
    join(join(arrive(roles), leave), arrive(late)).await;
    assert!(held(it, ada).await.is_empty(), "a role outlived the membership");
    assert!(it.conn().sessions_of_user(ada.id, NOW).await.unwrap().is_empty(), "a session outlived the membership");
}
