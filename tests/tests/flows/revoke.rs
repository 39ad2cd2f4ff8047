//! Listing sessions and ending them.

use auth_tests::{Actor, PASSWORD, Stack, flows};
use serde_json::{Value, json};

use crate::DAY;

flows![
    all_live_sessions_are_listed_without_their_secrets,
    a_list_needs_a_fresh_session,
    a_revoked_session_is_dead_at_once,
    revoking_the_present_session_takes_the_cookie_back,
    somebody_else_s_session_is_left_alone_and_the_answer_does_not_tell,
    revoking_the_others_keeps_this_one,
    revoking_all_includes_this_one,
    revoking_needs_a_session,
];

async fn handle(actor: &Actor) -> String {
    actor.session().await["session"]["token"].as_str().unwrap().to_owned()
}

async fn all_live_sessions_are_listed_without_their_secrets(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.signed_up("eve@example.com").await;
    let phone = app.signed_in("ada@example.com").await;
    let listed = ada.auth_get("/list-sessions").await.ok();
    let listed = listed.as_array().unwrap();
    let mut handles: Vec<&str> = listed.iter().map(|session| session["token"].as_str().unwrap()).collect();
    let (of_ada, of_phone) = (handle(&ada).await, handle(&phone).await);
    let mut expected = [&*of_ada, &*of_phone];
    handles.sort_unstable();
    expected.sort_unstable();
    assert_eq!(handles, expected);
    let text = Value::from(listed.clone()).to_string();
    assert!(!text.contains(&ada.cookie().unwrap()) && !text.contains(&phone.cookie().unwrap()));
}

async fn a_list_needs_a_fresh_session(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(DAY);
    ada.auth_get("/list-sessions").await.refused(403, "SESSION_NOT_FRESH");
    app.anon().auth_get("/list-sessions").await.refused(401, "UNAUTHORIZED");
}

async fn a_revoked_session_is_dead_at_once(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for by_secret in [false, true] {
        let phone = app.signed_in("ada@example.com").await;
        let token = if by_secret { phone.cookie().unwrap() } else { handle(&phone).await };
        let reply = ada.auth_post("/revoke-session", json!({"token": token})).await;
        assert_eq!(reply.ok(), json!({"status": true}));
        assert!(!reply.clears_cookie());
        assert!(!phone.is_signed_in().await && !phone.bearer().is_signed_in().await);
        assert!(ada.is_signed_in().await);
    }
}

async fn revoking_the_present_session_takes_the_cookie_back(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let thief = ada.copied();
    let reply = ada.auth_post("/revoke-session", json!({"token": handle(&ada).await})).await;
    assert_eq!(reply.ok(), json!({"status": true}));
    assert!(reply.clears_cookie());
    assert!(!thief.is_signed_in().await);
}

async fn somebody_else_s_session_is_left_alone_and_the_answer_does_not_tell(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let eve = app.signed_up("eve@example.com").await;
    let unknown = eve.auth_post("/revoke-session", json!({"token": "0123456789abcdef0123456789abcdef"})).await;
    for token in [handle(&ada).await, ada.cookie().unwrap(), "garbage".to_owned(), String::new()] {
        let reply = eve.auth_post("/revoke-session", json!({"token": token})).await;
        assert_eq!(reply.essence(), unknown.essence());
    }
    assert_eq!(unknown.ok(), json!({"status": true}));
    assert!(ada.is_signed_in().await);
}

async fn revoking_the_others_keeps_this_one(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (phone, eve) = (app.signed_in("ada@example.com").await, app.signed_up("eve@example.com").await);
    let reply = ada.auth_post("/revoke-other-sessions", json!({})).await;
    assert_eq!(reply.ok(), json!({"status": true}));
    assert!(ada.is_signed_in().await && eve.is_signed_in().await);
    assert!(!phone.is_signed_in().await);
}

async fn revoking_all_includes_this_one(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (phone, eve) = (app.signed_in("ada@example.com").await, app.signed_up("eve@example.com").await);
    let thief = ada.copied();
    let reply = ada.auth_post("/revoke-sessions", json!({})).await;
    assert_eq!(reply.ok(), json!({"status": true}));
    assert!(reply.clears_cookie());
    assert!(!thief.is_signed_in().await && !phone.is_signed_in().await);
    assert!(eve.is_signed_in().await);
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn revoking_needs_a_session(stack: Stack) {
    let app = stack.app().await;
    for endpoint in ["/revoke-session", "/revoke-sessions", "/revoke-other-sessions"] {
        app.anon().auth_post(endpoint, json!({"token": "x"})).await.refused(401, "UNAUTHORIZED");
    }
}
