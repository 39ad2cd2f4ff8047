//! Where somebody may be sent afterwards: open redirects.

use auth_tests::{PASSWORD, Stack, flows};
use serde_json::{Value, json};

flows![a_trusted_target_is_answered, a_foreign_target_is_refused_before_anything_happens, every_target_field_is_judged];

const FOREIGN: [&str; 14] = [
    "https://evil.test",
    "//evil.test",
    "/\\evil.test",
    "/.//evil.test",
    "/a/..//evil.test",
    "/%2f/evil.test",
    "/%5cevil.test",
    "/%252fevil.test",
    "/\tevil.test",
    "javascript:alert(1)",
    "http://localhost:3000@evil.test",
    "http://localhost:3000.evil.test",
    "evil.test",
    "",
];

async fn a_trusted_target_is_answered(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for target in ["/dashboard", "/a?next=/b#c", "http://localhost:3000/x"] {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "callbackURL": target});
        let reply = app.anon().auth_post("/sign-in/email", body).await;
        let answer = reply.ok();
        assert_eq!((&answer["redirect"], &answer["url"]), (&json!(true), &json!(target)));
        assert_eq!(reply.header("location"), Some(target));
    }
}

async fn a_foreign_target_is_refused_before_anything_happens(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for target in FOREIGN {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "callbackURL": target});
        let reply = app.anon().auth_post("/sign-in/email", body).await;
        reply.refused(403, "INVALID_CALLBACK_URL");
        assert_eq!(reply.header("location"), None);
    }
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn every_target_field_is_judged(stack: Stack) {
    let app = stack.app().await;
    for (field, code) in [
        ("callbackURL", "INVALID_CALLBACK_URL"),
        ("redirectTo", "INVALID_REDIRECT_URL"),
        ("errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
        ("newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
    ] {
        let body =
            |target: Value| json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD, field: target});
        app.anon().auth_post("/sign-up/email", body("//evil.test".into())).await.refused(403, code);
        app.anon().auth_post("/sign-up/email", body(json!(["/"]))).await.refused(400, "VALIDATION_ERROR");
        let query = format!("/api/auth/get-session?{field}=https%3A%2F%2Fevil.test");
        app.anon().get(&query).await.refused(403, code);
    }
    assert!(app.tap().access_writes().is_empty());
}
