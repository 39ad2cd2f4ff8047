//! Each question to the store that may be answered with "it was you" once, asked by many at once.

use auth_core::base::TenantId;
use auth_core::code::StoredCode;
use auth_core::role::Role;
use auth_core::tenant::{Membership, MembershipStatus, TenantRecord};
use auth_core::token::RefreshFamily;
use auth_core::user::User;

use crate::stage::{
    NOW, Opened, Stage, account_id, address, everywhere, hash, new_code, new_family, new_key, new_role, new_user, next,
    together,
};
use crate::{RACERS, ROUNDS, on_each_store};

on_each_store![
    an_address_is_taken_once,
    a_role_is_granted_once,
    a_role_is_revoked_once,
    a_session_is_ended_once_by_id,
    a_first_password_is_set_once,
    a_password_is_replaced_once,
    a_user_is_deleted_once,
    a_role_is_defined_once,
    a_code_is_redeemed_once,
    a_session_has_one_code,
    a_refresh_token_is_rotated_once,
    a_family_is_ended_once,
    a_session_has_one_family,
    a_generation_of_keys_is_taken_once,
    a_key_is_resealed_once,
    a_tenant_is_created_once,
    a_membership_is_written_once,
    a_status_is_changed_once,
    a_membership_is_removed_once,
    a_role_is_removed_once,
];

/// A number of its own for each racer of each round, apart from those of the rounds.
fn numbered(round: usize, racer: usize) -> usize {
    ROUNDS + round * RACERS + racer
}

async fn an_address_is_taken_once(stage: Stage) {
    let insert = |stage: Stage, round, racer| async move {
        stage.conn().insert_user(&new_user(numbered(round, racer), &address(round))).await
    };
    let settled = async |stage: &Stage, round, winner| {
        let expected = new_user(numbered(round, winner), &address(round));
        let found = stage.conn().user_by_email(&expected.population(), &expected.email).await.unwrap().unwrap();
        assert_eq!(found.id, expected.id);
        assert!(stage.conn().claim_login(found.id, found.credential_version).await.unwrap());
    };
    stage.one_wins(async |_: &Stage, round| round, insert, settled).await;
}

async fn a_role_is_granted_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| (stage.user(round).await.id, stage.role(round).await.id);
    let grant =
        |stage: Stage, (user, role), _| async move { stage.conn().grant_role(&everywhere(user, role), NOW).await };
    let settled = async |stage: &Stage, (user, role), _| {
        let held = stage.conn().roles_of_user(user, None).await.unwrap();
        assert_eq!(held.iter().map(|held| held.role.id).collect::<Vec<_>>(), [role]);
    };
    stage.one_wins(prepare, grant, settled).await;
}

async fn a_role_is_revoked_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| {
        let (user, role) = stage.granted(round).await;
        (user.id, role.id)
    };
    let revoke = |stage: Stage, (user, role), _| async move { stage.conn().revoke_role(&everywhere(user, role)).await };
    let settled = async |stage: &Stage, (user, role), _| {
        assert!(stage.conn().roles_of_user(user, None).await.unwrap().is_empty());
        assert!(
            stage.conn().grant_role(&everywhere(user, role), NOW).await.unwrap(),
            "what was revoked can be granted"
        );
    };
    stage.one_wins(prepare, revoke, settled).await;
}

async fn a_session_is_ended_once_by_id(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.signed_up(round).await;
    let end = |stage: Stage, it: Opened, _| async move { stage.conn().end_session(it.user.id, it.session).await };
    let settled = async |_: &Stage, it: Opened, _| assert!(!it.actor.is_signed_in().await);
    stage.one_wins(prepare, end, settled).await;
}

async fn a_first_password_is_set_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| (round, stage.user(round).await.id);
    let set = |stage: Stage, (round, user), racer| async move {
        let n = numbered(round, racer);
        stage.conn().insert_password(account_id(n), user, &hash(n), NOW).await
    };
    let settled = async |stage: &Stage, (round, user), winner| {
        let expected = numbered(round, winner);
        assert_eq!(stage.password_of(user).await.as_deref(), Some(hash(expected).as_stored()));
        let accounts = stage.conn().accounts_of_user(user).await.unwrap();
        assert_eq!(accounts.iter().map(|account| account.id).collect::<Vec<_>>(), [account_id(expected)]);
    };
    stage.one_wins(prepare, set, settled).await;
}

async fn a_password_is_replaced_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| (round, stage.with_password(round).await.id);
    let replace = |stage: Stage, (round, user), racer| async move {
        stage.conn().replace_password(user, &hash(round), &hash(numbered(round, racer)), NOW).await
    };
    let settled = async |stage: &Stage, (round, user), winner| {
        let new = hash(numbered(round, winner));
        assert_eq!(stage.password_of(user).await.as_deref(), Some(new.as_stored()));
        assert!(stage.conn().replace_password(user, &new, &hash(round), NOW).await.unwrap());
    };
    stage.one_wins(prepare, replace, settled).await;
}

async fn a_user_is_deleted_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.granted(round).await.0;
    let delete = |stage: Stage, user: User, _| async move { stage.conn().delete_user(user.id).await };
    let settled = async |stage: &Stage, user: User, _| {
        assert!(stage.conn().user_by_id(user.id).await.unwrap().is_none());
        // The address and even the id are free again, and no role has stayed behind.
        stage.conn().insert_user(&user).await.unwrap();
        assert!(stage.conn().roles_of_user(user.id, None).await.unwrap().is_empty());
    };
    stage.one_wins(prepare, delete, settled).await;
}

/// Everybody may define it; whoever comes first gives it its id, which it keeps.
async fn a_role_is_defined_once(stage: Stage) {
    for round in 0..ROUNDS {
        let name = format!("role{round}");
        let roles: Vec<_> = (0..RACERS).map(|racer| new_role(numbered(round, racer), &name)).collect();
        let defining = roles.iter().map(|role| {
            let (stage, role) = (stage.clone(), role.clone());
            async move { stage.conn().put_role(&role).await }
        });
        together(defining).await.into_iter().for_each(|defined| defined.unwrap());
        let found = stage.conn().role_by_name("ADMIN", &name, None).await.unwrap().unwrap();
        assert!(roles.iter().any(|role| role.permissions == found.permissions), "permissions that nobody gave");
        let user = stage.user(round).await.id;
        let mut usable = Vec::new();
        for role in roles {
            if stage.conn().grant_role(&everywhere(user, role.id), NOW).await.is_ok() {
                usable.push(role.id);
            }
        }
        assert_eq!(usable, [found.id], "round {round}");
    }
}

async fn a_code_is_redeemed_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.with_code(round).await.1;
    let redeem = |stage: Stage, code: StoredCode, _| async move {
        stage.conn().consume_code(code.purpose, &code.hash, NOW).await
    };
    let settled = async |stage: &Stage, code: StoredCode, _| assert!(!stage.was_good(&code).await);
    stage.one_wins(prepare, redeem, settled).await;
}

/// Everybody may issue one; which one counts in the end, nobody is told.
async fn a_session_has_one_code(stage: Stage) {
    for round in 0..ROUNDS {
        let it = stage.signed_up(round).await;
        let codes: Vec<_> = (0..RACERS).map(|racer| new_code(numbered(round, racer), &it)).collect();
        let issuing = codes.iter().map(|code| {
            let (stage, code) = (stage.clone(), code.clone());
            async move { stage.conn().put_code(&code).await }
        });
        together(issuing).await.into_iter().for_each(|issued| assert!(issued.unwrap()));
        let mut good = 0;
        for code in &codes {
            good += usize::from(stage.was_good(code).await);
        }
        assert_eq!(good, 1, "round {round} over {:?}", stage.kind);
    }
}

async fn a_refresh_token_is_rotated_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| (round, stage.with_family(round).await.1);
    let rotate = |stage: Stage, (round, family): (usize, RefreshFamily), racer| async move {
        let next = next(numbered(round, racer));
        stage.conn().rotate_family(family.session_id, &family.token_hash, &next).await
    };
    let settled = async |stage: &Stage, (round, family): (usize, RefreshFamily), winner| {
        let (found, next) = (stage.found(&family).await.unwrap(), next(numbered(round, winner)));
        assert!(found.token_hash.matches(&next.token_hash));
        assert!(found.previous_hash.unwrap().matches(&family.token_hash));
        assert_eq!((found.generation, found.sealed_child), (1, next.sealed_child));
    };
    stage.one_wins(prepare, rotate, settled).await;
}

async fn a_family_is_ended_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.with_family(round).await;
    let end = |stage: Stage, (it, _): (Opened, _), _| async move { stage.conn().end_family(it.session).await };
    let settled = async |stage: &Stage, (it, family): (Opened, RefreshFamily), _| {
        assert!(stage.found(&family).await.is_none());
        assert!(it.actor.is_signed_in().await, "the session goes on");
    };
    stage.one_wins(prepare, end, settled).await;
}

async fn a_session_has_one_family(stage: Stage) {
    for round in 0..ROUNDS {
        let it = stage.signed_up(round).await;
        let families: Vec<_> = (0..RACERS).map(|racer| new_family(numbered(round, racer), &it)).collect();
        let opening = families.iter().map(|family| {
            let (stage, family) = (stage.clone(), family.clone());
            async move { stage.conn().put_family(&family).await }
        });
        together(opening).await.into_iter().for_each(|opened| assert!(opened.unwrap()));
        let mut left = 0;
        for family in &families {
            left += usize::from(stage.found(family).await.is_some());
        }
        assert_eq!(left, 1, "round {round} over {:?}", stage.kind);
    }
}

/// How several processes agree on the next key.
async fn a_generation_of_keys_is_taken_once(stage: Stage) {
    let insert = |stage: Stage, round, racer| async move {
        stage.conn().insert_signing_key(&new_key(numbered(round, racer), round)).await
    };
    let settled = async |stage: &Stage, round, winner| {
        let newest = stage.conn().signing_keys(NOW).await.unwrap().remove(0);
        assert_eq!((newest.id, newest.generation), (new_key(numbered(round, winner), round).id, round as i64));
    };
    stage.one_wins(async |_: &Stage, round| round, insert, settled).await;
}

async fn a_key_is_resealed_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| {
        let key = new_key(round, round);
        stage.conn().insert_signing_key(&key).await.unwrap();
        (key.id, key.sealed_private)
    };
    // None of the values that keys begin with, or the second one would find what it looks for.
    let sealed = |racer: usize| (ROUNDS + racer).to_le_bytes();
    let reseal = move |stage: Stage, (id, old): (_, Vec<u8>), racer: usize| async move {
        stage.conn().reseal_signing_key(id, &old, &sealed(racer)).await
    };
    let settled = async |stage: &Stage, (id, _), winner: usize| {
        let keys = stage.conn().signing_keys(NOW).await.unwrap();
        assert_eq!(keys.iter().find(|key| key.id == id).unwrap().sealed_private, sealed(winner));
    };
    stage.one_wins(prepare, reseal, settled).await;
}

async fn a_tenant_is_created_once(stage: Stage) {
    let create = |stage: Stage, round, racer| async move {
        let name = numbered(round, racer).to_string();
        stage.conn().insert_tenant(&TenantRecord { id: tenant(round), name, created_at: NOW }).await
    };
    let settled = async |stage: &Stage, round, winner| {
        let found = stage.conn().tenant_by_id(&tenant(round)).await.unwrap().unwrap();
        assert_eq!(found.name, numbered(round, winner).to_string());
    };
    stage.one_wins(async |_: &Stage, round| round, create, settled).await;
}

fn tenant(round: usize) -> TenantId {
    TenantId::parse(&format!("tenant{round}")).unwrap()
}

/// A user and a tenant that they do not belong to.
async fn apart(stage: &Stage, round: usize) -> Membership {
    let id = tenant(round);
    stage
        .conn()
        .insert_tenant(&TenantRecord { id: id.clone(), name: "Acme".to_owned(), created_at: NOW })
        .await
        .unwrap();
    let status = MembershipStatus::Active;
    Membership { user: stage.user(round).await.id, tenant: id, status, created_at: NOW, updated_at: NOW }
}

async fn belonging(stage: &Stage, round: usize) -> Membership {
    let membership = apart(stage, round).await;
    assert!(stage.conn().insert_membership(&membership).await.unwrap());
    membership
}

async fn a_membership_is_written_once(stage: Stage) {
    let join = |stage: Stage, it: Membership, _| async move { stage.conn().insert_membership(&it).await };
    let settled = async |stage: &Stage, it: Membership, _| {
        let found = stage.conn().membership(it.user, &it.tenant).await.unwrap();
        assert_eq!(found, Some(it), "those who came later have changed nothing");
    };
    stage.one_wins(apart, join, settled).await;
}

async fn a_status_is_changed_once(stage: Stage) {
    let suspend = |stage: Stage, it: Membership, _| async move {
        stage.conn().set_membership_status(it.user, &it.tenant, MembershipStatus::Suspended, NOW).await
    };
    let settled = async |stage: &Stage, it: Membership, _| {
        let reinstated = stage.conn().set_membership_status(it.user, &it.tenant, MembershipStatus::Active, NOW).await;
        assert!(reinstated.unwrap(), "it was suspended");
    };
    stage.one_wins(belonging, suspend, settled).await;
}

async fn a_membership_is_removed_once(stage: Stage) {
    let leave =
        |stage: Stage, it: Membership, _| async move { stage.conn().delete_membership(it.user, &it.tenant).await };
    let settled = async |stage: &Stage, it: Membership, _| {
        assert!(stage.conn().insert_membership(&it).await.unwrap(), "whoever has left can come back");
    };
    stage.one_wins(belonging, leave, settled).await;
}

async fn a_role_is_removed_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.role(round).await;
    let remove = |stage: Stage, role: Role, _| async move { stage.conn().delete_role(role.id).await };
    let settled = async |stage: &Stage, role: Role, _| {
        assert!(stage.conn().role_by_name(&role.guard, &role.name, None).await.unwrap().is_none());
        stage.conn().put_role(&role).await.unwrap();
    };
    stage.one_wins(prepare, remove, settled).await;
}
