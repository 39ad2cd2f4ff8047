//! Deleting an account with no other proof at hand than the mailbox.

use auth_tests::{Actor, Mailbox, Stack, TestApp, flows};
use http::Method;
use serde_json::json;

use crate::DAY;

flows![
    an_old_session_is_written_to_and_the_link_deletes,
    the_link_deletes_nobody_but_whoever_is_signed_in,
    the_token_deletes_in_a_body_too,
    a_person_is_asked_first,
];

const ADA: &str = "ada@example.com";

/// Ada, whose session is too old, and the link that she was sent.
async fn asked(stack: Stack) -> (TestApp, Actor, String) {
    let mail = Mailbox::default();
    let app = stack.app_with(|builder| mail.connect(builder)).await;
    let ada = app.signed_up(ADA).await;
    app.advance(DAY);
    let reply = ada.auth_post("/delete-user", json!({"callbackURL": "/goodbye"})).await;
    assert_eq!(reply.ok(), json!({"success": true, "message": "Verification email sent"}));
    let path = mail.path(&app, "delete-user", ADA).await;
    assert!(path.starts_with("/api/auth/delete-user/callback?token=du_"), "{path}");
    assert!(app.find_user(ADA).await.is_some());
    (app, ada, path)
}

async fn an_old_session_is_written_to_and_the_link_deletes(stack: Stack) {
    let (app, ada, path) = asked(stack).await;
    let deleted = ada.get(&path).await;
    assert_eq!((deleted.status.as_u16(), deleted.header("location")), (302, Some("/goodbye")));
    assert!(deleted.clears_cookie());
    assert_eq!(app.find_user(ADA).await, None);
}

async fn the_link_deletes_nobody_but_whoever_is_signed_in(stack: Stack) {
    let (app, _ada, path) = asked(stack).await;
    let path = path.split('&').next().unwrap();
    app.anon().get(path).await.refused(404, "FAILED_TO_GET_USER_INFO");
    let eve = app.signed_up("eve@example.com").await;
    eve.get(path).await.refused(404, "INVALID_TOKEN");
    eve.get("/api/auth/delete-user/callback?token=du_x").await.refused(404, "INVALID_TOKEN");
    assert!(app.find_user(ADA).await.is_some() && app.find_user("eve@example.com").await.is_some());
}

async fn the_token_deletes_in_a_body_too(stack: Stack) {
    let (app, ada, path) = asked(stack).await;
    let token = path.split(['=', '&']).nth(1).unwrap();
    ada.auth_post("/delete-user", json!({"token": "du_x"})).await.refused(404, "INVALID_TOKEN");
    let deleted = ada.auth_post("/delete-user", json!({"token": token})).await;
    assert_eq!(deleted.ok(), json!({"success": true, "message": "User deleted"}));
    assert_eq!(app.find_user(ADA).await, None);
}

async fn a_person_is_asked_first(stack: Stack) {
    let (app, ada, path) = asked(stack).await;
    let page = ada.request(Method::GET, &path).header("accept", "text/html").send().await;
    assert!(page.text().contains("Delete my account") && app.find_user(ADA).await.is_some());
    let token = path.split(['=', '&']).nth(1).unwrap();
    let press = ada.request(Method::POST, "/api/auth/delete-user/callback").header("accept", "text/html");
    let pressed =
        press.body("application/x-www-form-urlencoded", format!("token={token}&callbackURL=%2Fgoodbye")).send().await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, Some("/goodbye")));
    assert_eq!(app.find_user(ADA).await, None);
}
