//! Deleting one's own account, and what is listed of it.

use auth_tests::{PASSWORD, Stack, flows};
use serde_json::json;

use crate::DAY;

flows![
    a_fresh_session_deletes_its_user,
    the_password_deletes_from_an_old_session,
    an_old_session_alone_does_not,
    a_wrong_password_does_not,
    everything_goes_and_the_address_is_free_again,
    accounts_are_listed_without_secrets,
];

async fn a_fresh_session_deletes_its_user(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let reply = ada.auth_post("/delete-user", json!({})).await;
    assert_eq!(reply.ok(), json!({"success": true, "message": "User deleted"}));
    assert!(reply.clears_cookie());
    assert_eq!(app.find_user("ada@example.com").await, None);
}

async fn the_password_deletes_from_an_old_session(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(2 * DAY);
    ada.auth_post("/delete-user", json!({"password": PASSWORD})).await.ok();
    assert_eq!(app.find_user("ada@example.com").await, None);
}

async fn an_old_session_alone_does_not(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(DAY);
    ada.auth_post("/delete-user", json!({})).await.refused(400, "SESSION_EXPIRED");
    app.anon().auth_post("/delete-user", json!({})).await.refused(401, "UNAUTHORIZED");
    assert!(app.find_user("ada@example.com").await.is_some());
}

async fn a_wrong_password_does_not(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    ada.auth_post("/delete-user", json!({"password": "wrong"})).await.refused(400, "INVALID_PASSWORD");
    assert!(app.find_user("ada@example.com").await.is_some());
}

async fn everything_goes_and_the_address_is_free_again(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "super_admin", &["reports:read"]).await;
    let (phone, thief) = (app.signed_in("ada@example.com").await, ada.copied());
    let former = app.user_id("ada@example.com").await;
    ada.auth_post("/delete-user", json!({"password": PASSWORD})).await.ok();
    assert!(!phone.is_signed_in().await && !thief.is_signed_in().await);
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    // The trail outlives the user.
    assert!(app.audit(former).await.iter().any(|entry| entry.action == "user_deleted"));
    let heir = app.signed_up("ada@example.com").await;
    assert_ne!(app.user_id("ada@example.com").await, former);
    heir.get("/staff").await.refused(403, "FORBIDDEN");
}

async fn accounts_are_listed_without_secrets(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.signed_up("eve@example.com").await;
    let listed = ada.auth_get("/list-accounts").await;
    let id = app.user_id("ada@example.com").await.to_string();
    let accounts = listed.ok();
    assert_eq!(accounts.as_array().unwrap().len(), 1);
    assert_eq!(accounts[0]["providerId"], "credential");
    assert_eq!((&accounts[0]["accountId"], &accounts[0]["userId"]), (&json!(id), &json!(id)));
    assert_eq!(accounts[0]["scopes"], json!([]));
    assert!(!listed.text().contains("argon2") && accounts[0].get("password").is_none());
    app.anon().auth_get("/list-accounts").await.refused(401, "UNAUTHORIZED");
}
