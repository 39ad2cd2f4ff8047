//! Proving and changing a password.

use auth_tests::{PASSWORD, Stack, flows};
use serde_json::{Value, json};

use crate::DAY;

flows![
    the_others_end_and_this_one_continues_under_a_new_token,
    the_others_go_on_when_asked_to,
    only_the_new_password_signs_in,
    a_wrong_current_password_changes_nothing,
    the_policy_holds_for_a_new_password,
    a_session_that_is_not_remembered_stays_so,
    a_password_can_be_proved_again,
    proving_is_limited_apart_from_signing_in,
    nobody_has_a_password_to_change,
];

const NEW: &str = "Marble-Falcon-Quiet-77";

async fn the_others_end_and_this_one_continues_under_a_new_token(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (phone, thief, old) = (app.signed_in("ada@example.com").await, ada.copied(), ada.cookie());
    let reply = ada.change_password(PASSWORD, NEW).await;
    assert_eq!(reply.ok()["user"]["email"], "ada@example.com");
    assert_ne!(ada.cookie(), old);
    assert_eq!(ada.cookie(), Some(reply.token()));
    assert!(ada.is_signed_in().await);
    assert!(!phone.is_signed_in().await && !thief.is_signed_in().await);
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn the_others_go_on_when_asked_to(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (phone, old) = (app.signed_in("ada@example.com").await, ada.cookie());
    let body = json!({"currentPassword": PASSWORD, "newPassword": NEW, "revokeOtherSessions": false});
    let reply = ada.auth_post("/change-password", body).await;
    assert_eq!(reply.ok()["token"], Value::Null);
    assert_eq!((reply.set_cookies().len(), ada.cookie()), (0, old));
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
}

async fn only_the_new_password_signs_in(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    ada.change_password(PASSWORD, NEW).await.ok();
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.anon().sign_in("ada@example.com", NEW).await.ok();
}

async fn a_wrong_current_password_changes_nothing(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let phone = app.signed_in("ada@example.com").await;
    ada.change_password("wrong", NEW).await.refused(400, "INVALID_PASSWORD");
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn the_policy_holds_for_a_new_password(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for (bad, code) in [("short", "PASSWORD_TOO_SHORT"), ("password1", "PASSWORD_COMPROMISED")] {
        ada.change_password(PASSWORD, bad).await.refused(400, code);
    }
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn a_session_that_is_not_remembered_stays_so(stack: Stack) {
    let (app, _) = stack.signed_up("ada@example.com").await;
    let cafe = app.anon();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "rememberMe": false});
    cafe.auth_post("/sign-in/email", body).await.ok();
    let reply = cafe.change_password(PASSWORD, NEW).await;
    assert!(!reply.set_cookies()[0].contains("Max-Age"), "{:?}", reply.set_cookies());
    app.advance(DAY);
    assert!(!cafe.is_signed_in().await);
}

async fn a_password_can_be_proved_again(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let prove = |password: &str| json!({"password": password});
    assert_eq!(ada.auth_post("/verify-password", prove(PASSWORD)).await.ok(), json!({"status": true}));
    ada.auth_post("/verify-password", prove("wrong")).await.refused(400, "INVALID_PASSWORD");
    app.anon().auth_post("/verify-password", prove(PASSWORD)).await.refused(401, "UNAUTHORIZED");
}

/// A stranger who fails to sign in must not keep the owner from acting in an open session, nor the other way round.
async fn proving_is_limited_apart_from_signing_in(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for _ in 0..10 {
        ada.auth_post("/verify-password", json!({"password": "wrong"})).await.refused(400, "INVALID_PASSWORD");
    }
    let reply = ada.auth_post("/verify-password", json!({"password": PASSWORD})).await;
    reply.refused(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(reply.header("retry-after"), Some("900"));
    ada.change_password(PASSWORD, NEW).await.refused(429, "TOO_MANY_ATTEMPTS");
    app.anon().from_ip("198.51.100.1").sign_in("ada@example.com", PASSWORD).await.ok();
    app.advance(DAY / 96);
    ada.auth_post("/verify-password", json!({"password": PASSWORD})).await.ok();
}

async fn nobody_has_a_password_to_change(stack: Stack) {
    let app = stack.app().await;
    app.anon().change_password(PASSWORD, NEW).await.refused(401, "UNAUTHORIZED");
}
