//! Each question to the store that may be answered with "it was you" once, asked by many at once.

use auth_core::user::User;

use crate::stage::{NOW, Opened, Stage, account_id, address, hash, new_role, new_user, together};
use crate::{RACERS, ROUNDS, on_each_store};

on_each_store![
    an_address_is_taken_once,
    a_role_is_granted_once,
    a_role_is_revoked_once,
    a_session_is_ended_once_by_id,
    a_session_is_ended_once_by_token,
    a_first_password_is_set_once,
    a_password_is_replaced_once,
    a_user_is_deleted_once,
    a_role_is_defined_once,
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
        let found = stage.conn().user_by_email(expected.pool, &expected.email).await.unwrap().unwrap();
        assert_eq!(found.id, expected.id);
        assert!(stage.conn().claim_login(found.id, found.credential_version).await.unwrap());
    };
    stage.one_wins(async |_: &Stage, round| round, insert, settled).await;
}

async fn a_role_is_granted_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| (stage.user(round).await.id, stage.role(round).await.id);
    let grant = |stage: Stage, (user, role), _| async move { stage.conn().grant_role(user, role, NOW).await };
    let settled = async |stage: &Stage, (user, role), _| {
        let held = stage.conn().roles_of_user(user).await.unwrap();
        assert_eq!(held.iter().map(|held| held.id).collect::<Vec<_>>(), [role]);
    };
    stage.one_wins(prepare, grant, settled).await;
}

async fn a_role_is_revoked_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| {
        let (user, role) = stage.granted(round).await;
        (user.id, role.id)
    };
    let revoke = |stage: Stage, (user, role), _| async move { stage.conn().revoke_role(user, role).await };
    let settled = async |stage: &Stage, (user, role), _| {
        assert!(stage.conn().roles_of_user(user).await.unwrap().is_empty());
        assert!(stage.conn().grant_role(user, role, NOW).await.unwrap(), "what was revoked can be granted");
    };
    stage.one_wins(prepare, revoke, settled).await;
}

async fn a_session_is_ended_once_by_id(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.signed_up(round).await;
    let end = |stage: Stage, it: Opened, _| async move { stage.conn().end_session(it.user.id, it.session).await };
    let settled = async |_: &Stage, it: Opened, _| assert!(!it.actor.is_signed_in().await);
    stage.one_wins(prepare, end, settled).await;
}

async fn a_session_is_ended_once_by_token(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.signed_up(round).await;
    let end = |stage: Stage, it: Opened, _| async move { stage.conn().end_session_by_token(&it.token).await };
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
        assert!(stage.conn().roles_of_user(user.id).await.unwrap().is_empty());
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
        let found = stage.conn().role_by_name("ADMIN", &name).await.unwrap().unwrap();
        assert!(roles.iter().any(|role| role.permissions == found.permissions), "permissions that nobody gave");
        let user = stage.user(round).await.id;
        let mut usable = Vec::new();
        for role in roles {
            if stage.conn().grant_role(user, role.id, NOW).await.is_ok() {
                usable.push(role.id);
            }
        }
        assert_eq!(usable, [found.id], "round {round}");
    }
}
