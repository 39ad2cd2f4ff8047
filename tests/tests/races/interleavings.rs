//! The orders in which two transactions can meet on one row, each with both ends of the first one.

use std::time::Duration;

use auth_core::account::{Attempt, AttemptKey};
use auth_core::base::{RoleId, Token, TokenKind, UserId};
use auth_core::store::{StoreError, Tx};
use auth_core::user::User;
use auth_tests::{Actor, PASSWORD, Reply};

use crate::on_each_database;
use crate::stage::{NOW, Opened, Stage, account_id, address, everywhere, hash, new_user, unused};
use crate::steps::End;

const DAY: Duration = Duration::from_hours(24);

on_each_database![
    the_second_of_two_sign_ups_loses,
    the_second_grant_loses,
    the_second_revocation_loses,
    the_second_end_of_a_session_by_id_loses,
    the_second_first_password_loses,
    the_second_replacement_of_a_password_loses,
    the_second_deletion_loses,
    an_ended_session_is_not_slid_back,
    a_session_that_slides_is_ended,
    a_change_of_credentials_ends_logins_under_way,
    disabling_ends_logins_under_way,
    a_deletion_ends_logins_under_way,
    a_claimed_login_holds_off_a_change_of_credentials,
    a_claimed_login_holds_off_disabling,
    a_claimed_login_holds_off_a_deletion,
    a_sign_in_waits_for_a_change_of_credentials,
    a_sign_in_waits_for_the_deletion_of_the_user,
    a_change_of_credentials_waits_for_a_sign_in_and_ends_its_session,
    a_deletion_waits_for_a_sign_in_and_takes_its_session_along,
    a_role_revoked_during_a_sign_in_is_not_in_its_session,
    a_sign_in_during_a_revocation_holds_the_role_no_longer_than_it,
    an_attempt_waits_for_a_success_and_counts_after_it,
    a_success_waits_for_an_attempt_and_settles_after_it,
];

async fn the_second_of_two_sign_ups_loses(stage: Stage) {
    let email = async |_: &Stage, n| address(n);
    stage.twice(email, |tx, it| Box::pin(async move { tx.insert_user(&new_user(unused(), &it)).await })).await;
}

async fn the_second_grant_loses(stage: Stage) {
    let apart = async |stage: &Stage, n| (stage.user(n).await.id, stage.role(n).await.id);
    stage.twice(apart, |tx, it| Box::pin(async move { tx.grant_role(&everywhere(it.0, it.1), NOW).await })).await;
}

async fn the_second_revocation_loses(stage: Stage) {
    stage.twice(granted, |tx, it| Box::pin(async move { tx.revoke_role(&everywhere(it.0, it.1)).await })).await;
}

async fn the_second_end_of_a_session_by_id_loses(stage: Stage) {
    stage.twice(Stage::signed_up, |tx, it| Box::pin(async move { end_session(tx, &it).await })).await;
}

async fn the_second_first_password_loses(stage: Stage) {
    stage.twice(Stage::user, |tx, it| Box::pin(async move { set_password(tx, &it).await })).await;
}

async fn the_second_replacement_of_a_password_loses(stage: Stage) {
    let numbered = async |stage: &Stage, n| (stage.with_password(n).await.id, n);
    stage
        .twice(numbered, |tx, it| {
            Box::pin(async move { tx.replace_password(it.0, &hash(it.1), &hash(unused()), NOW).await })
        })
        .await;
}

async fn the_second_deletion_loses(stage: Stage) {
    stage.twice(Stage::user, |tx, it| Box::pin(async move { tx.delete_user(it.id).await })).await;
}

async fn an_ended_session_is_not_slid_back(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| end_session(tx, &it).await).await;
        let session = it.session;
        let slide = |stage: Stage| async move { stage.conn().slide_session(session, NOW.plus(20 * DAY), NOW).await };
        let slid = stage.then(first, end, slide).await.unwrap();
        assert_eq!((slid, it.actor.is_signed_in().await), (end == End::TakenBack, end == End::TakenBack));
    }
}

async fn a_session_that_slides_is_ended(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let slide = async |tx: &mut dyn Tx| tx.slide_session(it.session, NOW.plus(20 * DAY), NOW).await;
        let first = stage.first(slide).await;
        let (user, session) = (it.user.id, it.session);
        let end_it = |stage: Stage| async move { stage.conn().end_session(user, session).await };
        assert!(stage.then(first, end, end_it).await.unwrap());
        assert!(!it.actor.is_signed_in().await);
    }
}

async fn a_change_of_credentials_ends_logins_under_way(stage: Stage) {
    ends_logins_under_way(stage, async |tx: &mut dyn Tx, user| tx.raise_credential_version(user, NOW).await).await;
}

async fn disabling_ends_logins_under_way(stage: Stage) {
    ends_logins_under_way(stage, async |tx: &mut dyn Tx, user| tx.set_disabled(user, Some(NOW), NOW).await).await;
}

async fn a_deletion_ends_logins_under_way(stage: Stage) {
    ends_logins_under_way(stage, async |tx: &mut dyn Tx, user| tx.delete_user(user).await).await;
}

/// Whoever claims a login meanwhile waits, and is refused if the change is committed.
async fn ends_logins_under_way(stage: Stage, change: impl AsyncFn(&mut dyn Tx, UserId) -> Result<bool, StoreError>) {
    for end in End::BOTH {
        let user = stage.user(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| change(tx, user.id).await).await;
        let claimed =
            stage.then(first, end, |stage| async move { claim(&mut *stage.begin().await, &user).await }).await;
        assert_eq!(claimed.unwrap(), end == End::TakenBack, "{end:?}");
    }
}

async fn a_claimed_login_holds_off_a_change_of_credentials(stage: Stage) {
    is_held_off(stage, |it, user| async move { it.conn().raise_credential_version(user, NOW).await }).await;
}

async fn a_claimed_login_holds_off_disabling(stage: Stage) {
    is_held_off(stage, |it, user| async move { it.conn().set_disabled(user, Some(NOW), NOW).await }).await;
}

async fn a_claimed_login_holds_off_a_deletion(stage: Stage) {
    is_held_off(stage, |it, user| async move { it.conn().delete_user(user).await }).await;
}

/// The change waits for the login, whatever becomes of it, and takes place then.
async fn is_held_off<F>(stage: Stage, change: impl Fn(Stage, UserId) -> F)
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    for end in End::BOTH {
        let user = stage.user(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| claim(tx, &user).await).await;
        assert!(stage.then(first, end, |stage| change(stage, user.id)).await.unwrap(), "{end:?}");
        assert!(!claim(&mut *stage.begin().await, &user).await.unwrap(), "{end:?}");
    }
}

async fn a_sign_in_waits_for_a_change_of_credentials(stage: Stage) {
    waits_to_sign_in(stage, async |tx: &mut dyn Tx, user| tx.raise_credential_version(user, NOW).await).await;
}

async fn a_sign_in_waits_for_the_deletion_of_the_user(stage: Stage) {
    waits_to_sign_in(stage, async |tx: &mut dyn Tx, user| tx.delete_user(user).await).await;
}

/// The same through the engine: the password was right when it was checked.
async fn waits_to_sign_in(stage: Stage, change: impl AsyncFn(&mut dyn Tx, UserId) -> Result<bool, StoreError>) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| change(tx, it.user.id).await).await;
        let phone = stage.app.anon();
        let reply = stage.then(first, end, |_| sign_in(&phone, end)).await;
        match end {
            End::Committed => drop(reply.refused(401, "INVALID_EMAIL_OR_PASSWORD")),
            End::TakenBack => drop(reply.ok()),
        }
        assert_eq!(phone.is_signed_in().await, end == End::TakenBack);
    }
}

async fn a_change_of_credentials_waits_for_a_sign_in_and_ends_its_session(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let phone = stage.app.anon();
        let first = stage.first_signs_in(&phone, end.number()).await;
        let user = it.user.id;
        let change = |stage: Stage| async move {
            let mut tx = stage.begin().await;
            assert!(tx.raise_credential_version(user, NOW).await.unwrap());
            let ended = tx.end_sessions_of_user(user, None).await.unwrap();
            tx.commit().await.unwrap();
            ended
        };
        let ended = stage.then(first, end, change).await;
        assert_eq!(ended, if end == End::Committed { 2 } else { 1 });
        assert!(!it.actor.is_signed_in().await && !phone.is_signed_in().await);
    }
}

async fn a_deletion_waits_for_a_sign_in_and_takes_its_session_along(stage: Stage) {
    for end in End::BOTH {
        let user = stage.signed_up(end.number()).await.user.id;
        let phone = stage.app.anon();
        let first = stage.first_signs_in(&phone, end.number()).await;
        assert!(stage.then(first, end, |stage| async move { stage.conn().delete_user(user).await }).await.unwrap());
        assert!(!phone.is_signed_in().await);
        assert!(stage.conn().sessions_of_user(user, NOW).await.unwrap().is_empty());
    }
}

async fn a_role_revoked_during_a_sign_in_is_not_in_its_session(stage: Stage) {
    for end in End::BOTH {
        let (user, role) = with_role(&stage, end.number()).await;
        let phone = stage.app.anon();
        let first = stage.first_signs_in(&phone, end.number()).await;
        let revoke = |stage: Stage| async move { stage.conn().revoke_role(&everywhere(user, role)).await };
        assert!(stage.beside(first, end, revoke).await.unwrap());
        match end {
            End::Committed => assert_eq!(roles_of(&stage, &phone).await, []),
            End::TakenBack => assert_eq!(phone.cookie(), None),
        }
    }
}

async fn a_sign_in_during_a_revocation_holds_the_role_no_longer_than_it(stage: Stage) {
    for end in End::BOTH {
        let (user, role) = with_role(&stage, end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| tx.revoke_role(&everywhere(user, role)).await).await;
        let phone = stage.app.anon();
        stage.beside(first, end, |_| sign_in(&phone, end)).await.ok();
        let held = if end == End::Committed { vec![] } else { vec![role] };
        assert_eq!(roles_of(&stage, &phone).await, held);
    }
}

async fn an_attempt_waits_for_a_success_and_counts_after_it(stage: Stage) {
    for (end, expected) in [(End::Committed, [1, 2]), (End::TakenBack, [3, 3])] {
        let keys = with_two_attempts_each(&stage, end).await;
        let first = stage.first(async |tx: &mut dyn Tx| tx.settle_attempts(keys[0], attempts(keys)[1]).await).await;
        stage.then(first, end, |stage| async move { raise(&stage, keys).await }).await;
        assert_eq!(counted(&stage, keys).await, expected, "{end:?}");
    }
}

async fn a_success_waits_for_an_attempt_and_settles_after_it(stage: Stage) {
    for (end, expected) in [(End::Committed, [0, 2]), (End::TakenBack, [0, 1])] {
        let keys = with_two_attempts_each(&stage, end).await;
        let first = stage.first(async |tx: &mut dyn Tx| tx.raise_attempts(&attempts(keys), NOW).await).await;
        let settle = |stage: Stage| async move { stage.conn().settle_attempts(keys[0], attempts(keys)[1]).await };
        stage.then(first, end, settle).await.unwrap();
        assert_eq!(counted(&stage, keys).await, expected, "{end:?}");
    }
}

async fn claim(tx: &mut dyn Tx, user: &User) -> Result<bool, StoreError> {
    tx.claim_login(user.id, user.credential_version).await
}

fn sign_in(actor: &Actor, end: End) -> impl Future<Output = Reply> + use<> {
    let actor = actor.clone();
    async move { actor.sign_in(&address(end.number()), PASSWORD).await }
}

async fn set_password(tx: &mut dyn Tx, user: &User) -> Result<(), StoreError> {
    let n = unused();
    tx.insert_password(account_id(n), user.id, &hash(n), NOW).await
}

async fn end_session(tx: &mut dyn Tx, it: &Opened) -> Result<bool, StoreError> {
    tx.end_session(it.user.id, it.session).await
}

/// A user and a role of theirs.
async fn granted(stage: &Stage, n: usize) -> (UserId, RoleId) {
    let (user, role) = stage.granted(n).await;
    (user.id, role.id)
}

/// Somebody who can sign in, and a role of theirs.
async fn with_role(stage: &Stage, n: usize) -> (UserId, RoleId) {
    let (user, role) = (stage.signed_up(n).await.user.id, stage.role(n).await.id);
    assert!(stage.conn().grant_role(&everywhere(user, role), NOW).await.unwrap());
    (user, role)
}

/// The roles that come with this browser's session.
async fn roles_of(stage: &Stage, actor: &Actor) -> Vec<RoleId> {
    let token = Token::parse(TokenKind::Session, &actor.cookie().unwrap()).unwrap();
    let found = stage.conn().session_by_token(&token.hash()).await.unwrap().unwrap();
    found.roles.iter().map(|held| held.role.id).collect()
}

fn attempts(keys: [AttemptKey; 2]) -> [Attempt; 2] {
    keys.map(|key| Attempt { key, window_ends_at: NOW.plus(DAY) })
}

async fn raise(stage: &Stage, keys: [AttemptKey; 2]) {
    stage.conn().raise_attempts(&attempts(keys), NOW).await.unwrap();
}

async fn with_two_attempts_each(stage: &Stage, end: End) -> [AttemptKey; 2] {
    let keys = if end == End::Committed { [1, 2] } else { [3, 4] }.map(|byte| AttemptKey::from_bytes([byte; 32]));
    raise(stage, keys).await;
    raise(stage, keys).await;
    keys
}

async fn counted(stage: &Stage, keys: [AttemptKey; 2]) -> [i64; 2] {
    let counters = stage.conn().attempts(&keys, NOW).await.unwrap();
    keys.map(|key| counters.iter().find(|counter| counter.key == key).map_or(0, |counter| counter.attempts))
}
