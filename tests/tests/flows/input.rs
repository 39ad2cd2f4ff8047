//! What a body must be like before anybody looks into it.

use auth_tests::{PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::json;

flows![
    a_body_of_64_kib_is_read_and_one_byte_more_is_not,
    the_media_type_must_be_json,
    broken_json_is_refused,
    a_field_named_twice_is_refused,
    what_changes_something_is_told_in_the_body_alone,
    a_refusal_quotes_no_value,
];

async fn sign_in_with(app: &TestApp, media_type: &str, body: impl Into<bytes::Bytes>) -> Reply {
    app.anon().request(Method::POST, "/api/auth/sign-in/email").body(media_type, body).send().await
}

async fn a_body_of_64_kib_is_read_and_one_byte_more_is_not(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let body = |length: usize| {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "filler": ""}).to_string();
        body.replace("\"filler\":\"\"", &format!("\"filler\":\"{}\"", "x".repeat(length - body.len())))
    };
    assert_eq!(body(65_536).len(), 65_536);
    sign_in_with(&app, "application/json", body(65_536)).await.ok();
    sign_in_with(&app, "application/json", body(65_537)).await.refused(413, "PAYLOAD_TOO_LARGE");
    sign_in_with(&app, "text/plain", vec![0; 5_000_000]).await.refused(413, "PAYLOAD_TOO_LARGE");
}

async fn the_media_type_must_be_json(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    for media_type in ["text/plain", "application/jsonx", "multipart/form-data; boundary=x", "", "text/json"] {
        sign_in_with(&app, media_type, body.clone()).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for media_type in ["application/json", "APPLICATION/JSON; charset=utf-8"] {
        sign_in_with(&app, media_type, body.clone()).await.ok();
    }
    // A form is a foreign page's only way to send without asking first: two endpoints read it, the rest do not.
    let form = ada.request(Method::POST, "/api/auth/update-user");
    let form = form.body("application/x-www-form-urlencoded", "name=Eve");
    form.send().await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
}

async fn broken_json_is_refused(stack: Stack) {
    let app = stack.app().await;
    for body in
        ["{", "{}x", "nul", "{\"email\":\"a@example.com\",}", "\u{feff}{}", "{'email':1}", "\0", "{\"a\":1e999}"]
    {
        sign_in_with(&app, "application/json", body).await.refused(400, "BAD_REQUEST");
    }
    sign_in_with(&app, "application/json", &b"{\"email\":\"\xff\xfe\"}"[..]).await.refused(400, "BAD_REQUEST");
    sign_in_with(&app, "application/json", "[".repeat(60_000)).await.refused(400, "BAD_REQUEST");
    for body in ["[]", "null", "\"x\"", "7", "true", "[{\"email\":\"a\"}]"] {
        sign_in_with(&app, "application/json", body).await.refused(400, "BODY_MUST_BE_AN_OBJECT");
    }
    sign_in_with(&app, "application/json", "").await.refused(400, "VALIDATION_ERROR");
}

async fn a_field_named_twice_is_refused(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let good = format!("\"password\":\"{PASSWORD}\"");
    for body in [
        format!("{{\"email\":\"eve@example.com\",\"email\":\"ada@example.com\",{good}}}"),
        format!("{{\"email\":\"ada@example.com\",\"\\u0065mail\":\"ada@example.com\",{good}}}"),
        format!("{{\"email\":\"ada@example.com\",\"x\":{{\"a\":1,\"a\":2}},{good}}}"),
    ] {
        sign_in_with(&app, "application/json", body).await.refused(400, "BAD_REQUEST");
    }
    let form = format!("email=ada%40example.com&email=ada%40example.com&password={PASSWORD}");
    sign_in_with(&app, "application/x-www-form-urlencoded", form).await.refused(400, "VALIDATION_ERROR");
    app.anon().auth_get("/get-session?disableRefresh=true&disableRefresh=false").await.refused(400, "VALIDATION_ERROR");
}

async fn what_changes_something_is_told_in_the_body_alone(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let everything = format!("/api/auth/sign-in/email?email=ada%40example.com&password={PASSWORD}");
    app.anon().post(&everything, json!({})).await.refused(400, "VALIDATION_ERROR");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let path = "/api/auth/sign-in/email?email=eve%40example.com&rememberMe=false";
    let reply = app.anon().post(path, body).await;
    assert_eq!(reply.ok()["user"]["email"], "ada@example.com");
    assert!(reply.set_cookies()[0].contains("Max-Age"));
}

async fn a_refusal_quotes_no_value(stack: Stack) {
    let app = stack.app().await;
    for body in [
        json!({"name": "Ada", "email": "ada@example.com", "password": 47_114_711}),
        json!({"name": "Ada", "email": "ada@example.com", "password": ["hunter-47114711"]}),
        json!({"name": "Ada", "email": "47114711", "password": PASSWORD}),
        json!({"name": {"x": "47114711"}, "email": "ada@example.com", "password": PASSWORD}),
    ] {
        let reply = app.anon().auth_post("/sign-up/email", body).await;
        reply.refused(400, "VALIDATION_ERROR");
        assert!(!reply.text().contains("47114711"), "{}", reply.text());
    }
}
