//! Each code that is sent to a mailbox or a telephone, shown by many at once: it does once what it is for, and whoever
//! comes too late is refused and meets no failure.
//!
//! It is raced for twice over. A purpose is a word in a column to the store, which is asked by itself for each of them,
//! [`ROUNDS`] times, without the lock on the user's row that the engine takes first: there the code alone decides. What
//! the engine does around it is another thing for each purpose, and is raced for through the requests themselves, by
//! way of [`Post`].

use std::time::Duration;

use auth_core::base::{Email, TokenHash, UserId};
use auth_core::code::{CodePurpose, CodeSubject, StoredCode};
use auth_core::password::SignUpMode;
use auth_core::store::{StoreError, Tx};
use auth_core::{AuthBuilder, email};
use auth_tests::{PASSWORD, password_config};
use serde_json::json;

use crate::post::{Case, Post, new_address, number, wanted};
use crate::stage::{NOW, Stage, address};
use crate::{ROUNDS, on_each_store};

const DAY: Duration = Duration::from_hours(24);

on_each_store![
    a_code_of_any_purpose_is_used_up_once,
    a_verification_link_works_once,
    an_approval_of_a_change_works_once,
    a_link_to_a_new_address_works_once,
    a_reset_link_works_once,
    a_deletion_link_works_once,
    a_magic_link_signs_in_once,
    a_magic_link_signs_up_once,
    an_invitation_signs_up_once,
    a_mailed_code_signs_in_once,
    a_mailed_code_signs_up_once,
    a_mailed_code_proves_a_mailbox_once,
    a_mailed_code_resets_a_password_once,
    a_mailed_code_moves_an_account_once,
    a_texted_code_signs_in_once,
    a_texted_code_gives_a_number_once,
    a_texted_code_resets_a_password_once,
];

async fn a_code_of_any_purpose_is_used_up_once(stage: Stage) {
    for (of, purpose) in CodePurpose::ALL.into_iter().enumerate() {
        let user = stage.user(of).await;
        let prepare = async |stage: &Stage, round: usize| {
            let code = new_code(purpose, user.id, of * ROUNDS + round);
            assert!(stage.conn().put_code(&code).await.unwrap());
            (round, code)
        };
        let redeem =
            |stage: Stage, (_, code): (usize, StoredCode), _| async move { use_up(stage.begin().await, &code).await };
        let settled = async |stage: &Stage, (round, code): (usize, StoredCode), _| {
            assert!(!stage.was_good(&code).await);
            let found = stage.conn().user_by_id(user.id).await.unwrap().unwrap();
            let expected = user.credential_version + round as i64 + 1;
            assert_eq!(found.credential_version, expected, "{purpose:?} over {:?}", stage.kind);
        };
        stage.clone().one_wins(prepare, redeem, settled).await;
    }
}

/// A code that is not written yet; each number has a hash of its own.
fn new_code(purpose: CodePurpose, user: UserId, n: usize) -> StoredCode {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&(n as u64).to_le_bytes());
    StoredCode {
        hash: TokenHash::from_stored(&hash).unwrap(),
        purpose,
        subject: CodeSubject::from(user),
        user_id: Some(user),
        session_id: None,
        binding: None,
        attempts: 0,
        created_at: NOW,
        expires_at: NOW.plus(DAY),
    }
}

/// Uses the code up, and has something happen that can be counted, in one transaction.
async fn use_up(mut tx: Box<dyn Tx>, code: &StoredCode) -> Result<bool, StoreError> {
    if !tx.consume_code(code.purpose, &code.hash, NOW).await? {
        return Ok(false);
    }
    assert!(tx.raise_credential_version(code.user_id.unwrap(), NOW).await?);
    tx.commit().await?;
    Ok(true)
}

async fn a_verification_link_works_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, ada) = post.signed_up(n).await;
        ada.auth_post("/send-verification-email", json!({"email": email})).await.ok();
        let path = post.path("verify-email", &email).await;
        Case::link(email, &path, || post.app().anon())
    };
    let settled = async |post: &Post, case: &Case, _| assert!(post.account(&case.email).await.unwrap().email_verified);
    Post::of(&stage).await.once(&["email_verified"], prepare, settled).await;
}

/// What it does is to write to the new mailbox.
async fn an_approval_of_a_change_works_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, ada) = post.proved(n).await;
        ada.auth_post("/change-email", json!({"newEmail": new_address(&email)})).await.ok();
        let path = post.path("change-email", &email).await;
        Case::link(email, &path, || post.app().anon())
    };
    let settled = async |post: &Post, case: &Case, _| {
        post.mail.one(post.app(), "verify-email", &new_address(&case.email)).await;
        assert!(post.account(&case.email).await.is_some(), "the account has moved before the new mailbox was proved");
    };
    Post::of(&stage).await.once(&[], prepare, settled).await;
}

async fn a_link_to_a_new_address_works_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, ada) = post.signed_up(n).await;
        ada.auth_post("/change-email", json!({"newEmail": new_address(&email)})).await.ok();
        let path = post.path("verify-email", &new_address(&email)).await;
        Case::link(email, &path, || post.app().anon())
    };
    let settled = async |post: &Post, case: &Case, _| post.has_moved(case).await;
    Post::of(&stage).await.once(&["email_changed"], prepare, settled).await;
}

async fn a_reset_link_works_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, _) = post.signed_up(n).await;
        post.ask("/request-password-reset", json!({"email": email})).await;
        let token = post.mail.token(post.app(), "reset-password", &email).await;
        let body = |racer| json!({"newPassword": wanted(racer), "token": token});
        Case::body(email, "/reset-password", || post.app().anon(), body)
    };
    let settled = async |post: &Post, case: &Case, winner| post.has_the_password_of(case, winner).await;
    Post::of(&stage).await.once(&["password_reset"], prepare, settled).await;
}

/// In the browser in which it was asked for: it deletes nobody elsewhere.
async fn a_deletion_link_works_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, ada) = post.signed_up(n).await;
        // A session of today would need no mail.
        post.app().advance(DAY);
        ada.auth_post("/delete-user", json!({})).await.ok();
        let path = post.path("delete-user", &email).await;
        Case::link(email, &path, || ada.copied())
    };
    let settled = async |post: &Post, case: &Case, winner: usize| {
        assert!(post.account(&case.email).await.is_none());
        assert!(!case.racers[winner].actor.is_signed_in().await);
    };
    Post::of(&stage).await.once(&["user_deleted"], prepare, settled).await;
}

async fn a_magic_link_signs_in_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, _) = post.proved(n).await;
        post.ask("/sign-in/magic-link", json!({"email": email})).await;
        let path = post.path("magic-link", &email).await;
        Case::link(email, &path, || post.app().anon())
    };
    let settled = async |post: &Post, case: &Case, winner| post.lets_in(case, winner, 2).await;
    Post::of(&stage).await.once(&["signed_in"], prepare, settled).await;
}

async fn a_magic_link_signs_up_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let email = address(n);
        post.ask("/sign-in/magic-link", json!({"email": email})).await;
        let path = post.path("magic-link", &email).await;
        Case::link(email, &path, || post.app().anon())
    };
    let settled = async |post: &Post, case: &Case, winner| post.lets_in(case, winner, 1).await;
    Post::of(&stage).await.once(&["signed_up", "signed_in"], prepare, settled).await;
}

async fn an_invitation_signs_up_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let email = address(n);
        email::invite(&post.app().cx(), &Email::parse(&email).unwrap(), None, "/welcome").await.unwrap();
        let token = post.mail.token(post.app(), "sign-up-invitation", &email).await;
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD, "invitation": token});
        Case::body(email, "/sign-up/email", || post.app().anon(), |_| body.clone())
    };
    let settled = async |post: &Post, case: &Case, winner| post.lets_in(case, winner, 1).await;
    let closed = |builder: AuthBuilder| builder.password(password_config().sign_up(SignUpMode::ByInvitation));
    Post::with(&stage, closed).await.once(&["signed_up", "signed_in"], prepare, settled).await;
}

async fn a_mailed_code_signs_in_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, _) = post.proved(n).await;
        let otp = post.mailed_code(&email, "sign-in").await;
        let body = json!({"email": email, "otp": otp});
        Case::body(email, "/sign-in/email-otp", || post.app().anon(), |_| body.clone())
    };
    let settled = async |post: &Post, case: &Case, winner| post.lets_in(case, winner, 2).await;
    Post::of(&stage).await.once(&["signed_in"], prepare, settled).await;
}

async fn a_mailed_code_signs_up_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let email = address(n);
        let otp = post.mailed_code(&email, "sign-in").await;
        let body = json!({"email": email, "otp": otp, "name": "Ada"});
        Case::body(email, "/sign-in/email-otp", || post.app().anon(), |_| body.clone())
    };
    let settled = async |post: &Post, case: &Case, winner| post.lets_in(case, winner, 1).await;
    Post::of(&stage).await.once(&["signed_up", "signed_in"], prepare, settled).await;
}

async fn a_mailed_code_proves_a_mailbox_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, _) = post.signed_up(n).await;
        let otp = post.mailed_code(&email, "email-verification").await;
        let body = json!({"email": email, "otp": otp});
        Case::body(email, "/email-otp/verify-email", || post.app().anon(), |_| body.clone())
    };
    let settled = async |post: &Post, case: &Case, _| assert!(post.account(&case.email).await.unwrap().email_verified);
    Post::of(&stage).await.once(&["email_verified"], prepare, settled).await;
}

async fn a_mailed_code_resets_a_password_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, _) = post.signed_up(n).await;
        let otp = post.mailed_code(&email, "forget-password").await;
        let address = email.clone();
        let body = |racer| json!({"email": address, "otp": otp, "password": wanted(racer)});
        Case::body(email, "/email-otp/reset-password", || post.app().anon(), body)
    };
    let settled = async |post: &Post, case: &Case, winner| post.has_the_password_of(case, winner).await;
    Post::of(&stage).await.once(&["password_reset"], prepare, settled).await;
}

async fn a_mailed_code_moves_an_account_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, ada) = post.signed_up(n).await;
        let new = new_address(&email);
        ada.auth_post("/email-otp/request-email-change", json!({"newEmail": new})).await.ok();
        let otp = post.mail.otp(post.app(), &new).await;
        let body = json!({"newEmail": new, "otp": otp});
        Case::body(email, "/email-otp/change-email", || ada.copied(), |_| body.clone())
    };
    let settled = async |post: &Post, case: &Case, _| post.has_moved(case).await;
    Post::of(&stage).await.once(&["email_changed"], prepare, settled).await;
}

async fn a_texted_code_signs_in_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let email = post.reached_by_phone(n).await;
        post.ask("/phone-number/send-otp", json!({"phoneNumber": number(n)})).await;
        let code = post.texted_code(n).await;
        let body = json!({"phoneNumber": number(n), "code": code});
        Case::body(email, "/phone-number/verify", || post.app().anon(), |_| body.clone())
    };
    let settled = async |post: &Post, case: &Case, winner| post.lets_in(case, winner, 2).await;
    Post::of(&stage).await.once(&["signed_in", "phone_verified"], prepare, settled).await;
}

async fn a_texted_code_gives_a_number_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let (email, ada, proof) = post.with_a_number(n).await;
        Case::body(email, "/phone-number/verify", || ada.copied(), |_| proof.clone())
    };
    let settled = async |post: &Post, case: &Case, _| {
        let known = post.account(&case.email).await.unwrap().identifiers;
        assert!(known.phone_number.is_some() && known.phone_number_verified);
    };
    Post::of(&stage).await.once(&["phone_verified"], prepare, settled).await;
}

async fn a_texted_code_resets_a_password_once(stage: Stage) {
    let prepare = async |post: &Post, n| {
        let email = post.reached_by_phone(n).await;
        post.ask("/phone-number/request-password-reset", json!({"phoneNumber": number(n)})).await;
        let otp = post.texted_code(n).await;
        let body = |racer| json!({"phoneNumber": number(n), "otp": otp, "newPassword": wanted(racer)});
        Case::body(email, "/phone-number/reset-password", || post.app().anon(), body)
    };
    let settled = async |post: &Post, case: &Case, winner| post.has_the_password_of(case, winner).await;
    Post::of(&stage).await.once(&["password_reset"], prepare, settled).await;
}
