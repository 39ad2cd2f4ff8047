//! What a store promises about transactions: all or nothing, and nothing in between.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};

use super::actors::{Actors, DAY, NOW, Opened, RACERS, assert_conflict, everywhere, race};
use super::facts::{session_facts, user_facts};
use crate::account::{Attempt, AttemptKey};
use crate::api_key::{KeyOwner, Quota};
use crate::base::{AuditId, TokenHash};
use crate::crypto::password_hash::PasswordHash;
use crate::role::Role;
use crate::store::Tx;
use crate::user::{ProfileChange, User};

/// One row of every kind.
struct Household {
    user: User,
    session: Opened,
    role: Role,
    hash: PasswordHash,
    attempts: [AttemptKey; 2],
    key: TokenHash,
    entry: AuditId,
}

impl Household {
    /// Writes a row of every kind inside the transaction.
    async fn moves_in(it: &Actors, tx: &mut dyn Tx) -> Self {
        let (user, role, hash) = (it.user("ada"), it.role("ADMIN", "admin", &["users:read"]), it.password_hash());
        let (session, entry) = (it.session(&user), it.entry(&user, NOW));
        let attempts = [it.attempt_key(), it.attempt_key()];
        tx.insert_user(&user).await.unwrap();
        tx.put_role(&role).await.unwrap();
        tx.grant_role(&everywhere(user.id, role.id), NOW).await.unwrap();
        tx.insert_password(it.account_id(), user.id, &hash, NOW).await.unwrap();
        assert!(session.write_to(tx).await.unwrap(), "a session was refused");
        tx.raise_attempts(&attempts.map(|key| Attempt { key, window_ends_at: NOW.plus(DAY) }), NOW).await.unwrap();
        let (mut key, secret) = (it.api_key(KeyOwner::User(user.id)), it.key_secret());
        key.limits.quotas.push(Quota::per_minute(1).unwrap().into());
        tx.insert_api_key(&key, &secret).await.unwrap();
        tx.insert_audit(&entry).await.unwrap();
        Self { user, session, role, hash, attempts, key: secret, entry: entry.id }
    }

    /// What the store has of it, by kind.
    async fn found(&self, it: &Actors) -> [bool; 8] {
        let mut conn = it.conn();
        let password = conn.password_of_user(self.user.id).await.unwrap();
        let audit = conn.audit_of_user(self.user.id, None, 10).await.unwrap();
        let key = conn.api_key_by_hash(&self.key).await.unwrap();
        [
            conn.user_by_id(self.user.id).await.unwrap().is_some(),
            conn.role_by_name(&self.role.guard, &self.role.name, None).await.unwrap().is_some(),
            conn.roles_of_user(self.user.id, None).await.unwrap().len() == 1,
            password.is_some_and(|found| found.as_stored() == self.hash.as_stored()),
            conn.session_by_token(&self.session.hash).await.unwrap().is_some(),
            conn.attempts(&self.attempts, NOW).await.unwrap().len() == 2,
            key.is_some_and(|found| found.key.limits.quotas.len() == 1),
            audit.iter().any(|entry| entry.id == self.entry),
        ]
    }
}

pub(super) async fn a_committed_transaction_is_whole(it: Actors) {
    let mut tx = it.begin().await;
    let household = Household::moves_in(&it, &mut *tx).await;
    tx.commit().await.unwrap();
    assert_eq!(household.found(&it).await, [true; 8]);
}

pub(super) async fn a_dropped_transaction_leaves_nothing(it: Actors) {
    let mut tx = it.begin().await;
    let household = Household::moves_in(&it, &mut *tx).await;
    drop(tx);
    assert_eq!(household.found(&it).await, [false; 8]);
}

pub(super) async fn a_dropped_transaction_changes_nothing(it: Actors) {
    let (ada, hash) = it.with_password("ada").await;
    let (grace, session) = (it.signed_up("grace").await, it.signed_in(&ada).await);
    let mut tx = it.begin().await;
    let change = ProfileChange { name: Some("Changed".to_owned()), image: Some(None) };
    tx.update_profile(ada.id, &change, NOW.plus(DAY)).await.unwrap();
    tx.raise_credential_version(ada.id, NOW.plus(DAY)).await.unwrap();
    tx.set_disabled(ada.id, Some(NOW), NOW.plus(DAY)).await.unwrap();
    tx.replace_password(ada.id, &hash, &it.password_hash(), NOW).await.unwrap();
    tx.slide_session(session.row.id, NOW.plus(2 * DAY), NOW.plus(DAY)).await.unwrap();
    tx.end_sessions_of_user(ada.id, None).await.unwrap();
    tx.delete_user(grace.id).await.unwrap();
    drop(tx);
    let found = it.conn().user_by_id(ada.id).await.unwrap().unwrap();
    assert_eq!(user_facts(&found), user_facts(&ada));
    let password = it.conn().password_of_user(ada.id).await.unwrap().unwrap();
    assert_eq!(password.as_stored(), hash.as_stored());
    let found = it.conn().session_by_token(&session.hash).await.unwrap().unwrap();
    assert_eq!(session_facts(&found.session), session_facts(&session.row));
    assert!(it.conn().user_by_id(grace.id).await.unwrap().is_some(), "a deletion stayed that was taken back");
}

pub(super) async fn a_transaction_sees_its_own_changes(it: Actors) {
    let ada = it.user("ada");
    let session = it.session(&ada);
    let mut tx = it.begin().await;
    tx.insert_user(&ada).await.unwrap();
    assert!(session.write_to(&mut *tx).await.unwrap(), "a new user has no session");
    assert!(tx.user_by_email(&ada.population(), &ada.email).await.unwrap().is_some(), "a new user is not seen");
    assert!(tx.claim_login(ada.id, ada.credential_version).await.unwrap(), "a new user cannot sign in");
    assert!(tx.session_by_token(&session.hash).await.unwrap().is_some(), "a new session is not seen");
    assert_eq!(tx.end_sessions_of_user(ada.id, None).await.unwrap(), 1);
    assert!(tx.session_by_token(&session.hash).await.unwrap().is_none(), "an ended session is seen");
    tx.commit().await.unwrap();
}

pub(super) async fn a_transaction_that_met_a_conflict_can_be_dropped(it: Actors) {
    it.signed_up("ada").await;
    let grace = it.user("grace");
    let mut tx = it.begin().await;
    tx.insert_user(&grace).await.unwrap();
    assert_conflict(tx.insert_user(&it.user("ada")).await, "a taken address");
    drop(tx);
    assert!(it.conn().user_by_id(grace.id).await.unwrap().is_none(), "a change stayed that was taken back");
    it.conn().insert_user(&grace).await.unwrap();
}

/// More of them than any pool has connections.
pub(super) async fn dropped_transactions_do_not_wear_the_store_out(it: Actors) {
    for _ in 0..100 {
        let mut tx = it.begin().await;
        tx.insert_user(&it.user("ada")).await.unwrap();
    }
    it.signed_up("ada").await;
}

pub(super) async fn connections_at_rest_hold_nothing(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut at_rest = Vec::new();
    for _ in 0..100 {
        let mut conn = it.conn();
        assert!(conn.user_by_id(ada.id).await.unwrap().is_some(), "the user was not found");
        at_rest.push(conn);
    }
    let mut tx = it.begin().await;
    tx.delete_user(ada.id).await.unwrap();
    tx.commit().await.unwrap();
    for conn in &mut at_rest {
        assert!(conn.user_by_id(ada.id).await.unwrap().is_none(), "a connection answers from an old state");
    }
}

pub(super) async fn transactions_side_by_side_all_take_effect(it: Actors) {
    let it = &it;
    let users = join_all((0..8).map(|n| async move {
        let user = it.user(&format!("user{n}"));
        let mut tx = it.begin().await;
        tx.insert_user(&user).await.unwrap();
        assert!(it.session(&user).write_to(&mut *tx).await.unwrap(), "a session was refused");
        tx.commit().await.unwrap();
        user
    }))
    .await;
    for user in users {
        assert_eq!(it.conn().sessions_of_user(user.id, NOW).await.unwrap().len(), 1);
    }
}

pub(super) async fn a_reader_sees_all_of_a_transaction_or_nothing(it: Actors) {
    let (ada, role) = (it.signed_up("ada").await, it.defined("ADMIN", "admin", &[]).await);
    let session = it.session(&ada);
    let writer = async {
        let mut tx = it.begin().await;
        assert!(session.write_to(&mut *tx).await.unwrap(), "a session was refused");
        tx.grant_role(&everywhere(ada.id, role.id), NOW).await.unwrap();
        tx.commit().await.unwrap();
    };
    let reader = race(|_| async {
        let seen = it.conn().session_by_token(&session.hash).await.unwrap();
        assert!(seen.is_none_or(|seen| seen.roles.len() == 1), "a session was seen without its role");
    });
    join(writer, reader).await;
}

/// Otherwise a password changed between claim and commit would leave an act of the old one behind.
pub(super) async fn a_claimed_login_holds_off_a_change_of_credentials(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut tx = it.begin().await;
    assert!(tx.claim_login(ada.id, ada.credential_version).await.unwrap(), "a claim was refused");
    assert_holds_off_a_change_of_credentials(&it, tx, &ada).await;
}

pub(super) async fn an_opened_session_holds_off_a_change_of_credentials(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut tx = it.begin().await;
    assert!(it.session(&ada).write_to(&mut *tx).await.unwrap(), "a session was refused");
    assert_holds_off_a_change_of_credentials(&it, tx, &ada).await;
}

async fn assert_holds_off_a_change_of_credentials(it: &Actors, mut tx: Box<dyn Tx>, ada: &User) {
    let committing = AtomicBool::new(false);
    let change = async {
        assert!(it.conn().raise_credential_version(ada.id, NOW).await.unwrap(), "the user was not found");
        assert!(committing.load(Ordering::SeqCst), "credentials changed before the commit");
    };
    let act = async {
        // Time enough for the change to go through if nothing holds it off.
        for _ in 0..RACERS {
            tx.user_by_id(ada.id).await.unwrap();
        }
        committing.store(true, Ordering::SeqCst);
        tx.commit().await.unwrap();
    };
    join(change, act).await;
}

/// What a sign-in does at its end, in one transaction.
async fn sign_in(it: &Actors, user: &User) {
    let mut tx = it.begin().await;
    if it.session(user).write_to(&mut *tx).await.unwrap() {
        tx.commit().await.unwrap();
    }
}

/// Eight sign-ins under way while `change`, which should end them all, happens in their midst.
async fn assert_no_session_survives(it: &Actors, user: &User, change: impl Future<Output = ()>) {
    let sign_ins = || join_all((0..4).map(|_| sign_in(it, user)));
    join(join(sign_ins(), change), sign_ins()).await;
    let sessions = it.conn().sessions_of_user(user.id, NOW).await.unwrap();
    assert!(sessions.is_empty(), "{} sessions of older credentials are alive", sessions.len());
}

pub(super) async fn no_session_survives_a_change_of_credentials(it: Actors) {
    let ada = it.signed_up("ada").await;
    let change = async {
        let mut tx = it.begin().await;
        assert!(tx.raise_credential_version(ada.id, NOW).await.unwrap(), "the user was not found");
        tx.end_sessions_of_user(ada.id, None).await.unwrap();
        tx.commit().await.unwrap();
    };
    assert_no_session_survives(&it, &ada, change).await;
}

pub(super) async fn no_session_survives_disabling(it: Actors) {
    let ada = it.signed_up("ada").await;
    let change = async {
        let mut tx = it.begin().await;
        assert!(tx.set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "the user was not found");
        tx.end_sessions_of_user(ada.id, None).await.unwrap();
        tx.commit().await.unwrap();
    };
    assert_no_session_survives(&it, &ada, change).await;
}

pub(super) async fn no_session_outlives_its_user(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (it, ada) = (&it, &ada);
    let change = async {
        assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    };
    assert_no_session_survives(it, ada, change).await;
}
