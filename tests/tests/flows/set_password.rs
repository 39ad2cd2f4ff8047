//! A first password for somebody who has none. Only a SQL database can be brought into that state from outside.

use auth_tests::{Actor, PASSWORD, Stack, TestApp, database_flows};
use serde_json::json;

use crate::DAY;

database_flows![
    a_first_password_signs_in_and_ends_the_other_sessions,
    a_password_that_is_set_is_not_set_again,
    a_first_password_needs_a_fresh_session_and_a_good_password,
];

/// Takes the passwords away, as if everybody had come from another sign-in method.
async fn forget_passwords(app: &TestApp) {
    app.database().run("DELETE FROM auth_account").await;
}

async fn set_password(actor: &Actor, password: &str) -> auth_tests::Reply {
    actor.auth_post("/set-password", json!({"newPassword": password})).await
}

async fn a_first_password_signs_in_and_ends_the_other_sessions(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let phone = app.signed_in("ada@example.com").await;
    forget_passwords(&app).await;
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    ada.change_password(PASSWORD, PASSWORD).await.refused(400, "CREDENTIAL_ACCOUNT_NOT_FOUND");
    assert_eq!(set_password(&ada, PASSWORD).await.ok(), json!({"status": true}));
    assert!(ada.is_signed_in().await && !phone.is_signed_in().await);
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    assert_eq!(app.events().take().last(), Some(&"signed_in"));
}

async fn a_password_that_is_set_is_not_set_again(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    set_password(&ada, "Another-Good-One-77").await.refused(400, "PASSWORD_ALREADY_SET");
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn a_first_password_needs_a_fresh_session_and_a_good_password(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    forget_passwords(&app).await;
    set_password(&ada, "short").await.refused(400, "PASSWORD_TOO_SHORT");
    set_password(&app.anon(), PASSWORD).await.refused(401, "UNAUTHORIZED");
    app.advance(DAY);
    set_password(&ada, PASSWORD).await.refused(403, "SESSION_NOT_FRESH");
}
