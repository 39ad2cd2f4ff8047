//! Reading the present session.

use auth_tests::{Reply, Stack, flows};
use serde_json::Value;

use crate::DAY;

flows![
    nobody_is_null,
    somebody_is_session_and_user,
    an_answer_is_never_stored,
    a_bad_cookie_is_null_and_taken_back,
    an_ended_session_is_null_and_taken_back,
    a_bad_bearer_credential_is_refused,
    posting_is_not_offered,
    the_secret_is_shown_at_sign_in_alone,
];

async fn nobody_is_null(stack: Stack) {
    let app = stack.app().await;
    let reply = app.anon().auth_get("/get-session").await;
    assert_eq!(reply.ok(), Value::Null);
    assert_eq!(reply.set_cookies().len(), 0);
}

async fn somebody_is_session_and_user(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let session = ada.session().await;
    let id = app.user_id("ada@example.com").await.to_string();
    assert_eq!(session["user"]["id"], *id);
    assert_eq!(session["session"]["userId"], *id);
    assert_eq!(session["session"]["ipAddress"], "192.0.2.10");
    assert_eq!(session["session"]["userAgent"], "");
    assert_eq!(ada.bearer().session().await, session);
}

async fn an_answer_is_never_stored(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for actor in [app.anon(), ada] {
        let reply = actor.auth_get("/get-session").await;
        assert_eq!((reply.header("cache-control"), reply.header("pragma")), (Some("no-store"), Some("no-cache")));
    }
}

fn is_null_and_takes_the_cookie_back(reply: &Reply) {
    assert_eq!(reply.ok(), Value::Null);
    assert!(reply.clears_cookie(), "{:?}", reply.set_cookies());
}

async fn a_bad_cookie_is_null_and_taken_back(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let token = ada.cookie().unwrap();
    let foreign = "A".repeat(43);
    for bad in ["garbage", &token[..42], &format!("{token}="), &format!("{token}A"), &token.to_lowercase(), &foreign] {
        is_null_and_takes_the_cookie_back(&app.anon().with_cookie(bad).auth_get("/get-session").await);
    }
}

async fn an_ended_session_is_null_and_taken_back(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(7 * DAY);
    is_null_and_takes_the_cookie_back(&ada.auth_get("/get-session").await);
    assert_eq!(ada.cookie(), None);
}

async fn a_bad_bearer_credential_is_refused(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let token = ada.cookie().unwrap();
    for bad in ["", "garbage", &token[1..], &"A".repeat(43), &format!("{token}{token}")] {
        let reply = app.program().with_bearer(bad).auth_get("/get-session").await;
        reply.refused(401, "UNAUTHORIZED");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        assert_eq!(reply.set_cookies().len(), 0);
    }
}

async fn posting_is_not_offered(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let reply = ada.auth_post("/get-session", serde_json::json!({})).await;
    reply.refused(405, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}

async fn the_secret_is_shown_at_sign_in_alone(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let secret = ada.cookie().unwrap();
    for endpoint in ["/get-session", "/list-sessions", "/list-accounts"] {
        assert!(!ada.auth_get(endpoint).await.text().contains(&secret), "{endpoint}");
    }
    let handle = ada.session().await["session"]["token"].as_str().unwrap().to_owned();
    assert!(!ada.bearer().with_bearer(&handle).is_signed_in().await, "the handle gives no access");
    assert!(!ada.copied().with_cookie(&handle).is_signed_in().await);
}
