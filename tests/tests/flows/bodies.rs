//! What is told of a body that does not fit, at the endpoints and on routes of the application.

use auth_core::http::GatewayErrors;
use auth_tests::{Actor, PASSWORD, Reply, Stack, TransportKind, flows};
use http::Method;
use serde_json::{Value, json};

use crate::tokens::ADA;

flows![
    every_field_that_is_wrong_is_named_at_an_endpoint,
    every_field_that_is_wrong_is_named_on_a_route,
    what_fits_is_read_whatever_else_was_sent,
    a_body_that_is_no_object_says_so,
    a_body_that_is_too_large_is_413,
    nobody_is_told_of_a_body_whom_the_route_is_closed_to,
    an_application_may_have_another_form,
];

fn fields(reply: &Reply) -> Vec<String> {
    let fields = reply.refused(400, "VALIDATION_ERROR").json()["fields"].clone();
    let name = |field: &Value| field["field"].as_str().unwrap().to_owned();
    fields.as_array().unwrap().iter().map(name).collect()
}

async fn invited(by: &Actor, body: &str) -> Reply {
    by.request(Method::POST, "/invite").body("application/json", body.to_owned()).send().await
}

async fn every_field_that_is_wrong_is_named_at_an_endpoint(stack: Stack) {
    let app = stack.app().await;
    let anon = app.anon();
    assert_eq!(fields(&anon.auth_post("/sign-up/email", json!({})).await), ["name", "email", "password"]);
    let reply = anon.auth_post("/sign-up/email", json!({"email": "ada", "password": 4711, "rememberMe": 1})).await;
    assert_eq!(fields(&reply), ["email", "password", "rememberMe", "name"]);
    assert!(!reply.text().contains("4711"), "{}", reply.text());
    let reply = anon.auth_post("/sign-in/email", json!({"email": []})).await;
    assert_eq!(
        reply.json()["message"],
        "[body.email] expected a string; [body.password] required",
        "as the protocol has it"
    );
    assert_eq!(app.events().take(), [""; 0]);
}

async fn every_field_that_is_wrong_is_named_on_a_route(stack: Stack) {
    let app = stack.app().await;
    let ada = app.signed_up(ADA).await;
    for (body, expected) in [
        ("", &["email", "displayName"][..]),
        ("{}", &["email", "displayName"]),
        (r#"{"email":"x"}"#, &["email", "displayName"]),
        (r#"{"email":"bob@example.com","displayName":7,"role":{}}"#, &["displayName", "role"]),
        (r#"{"email":null,"displayName":null,"role":null}"#, &["displayName", "email"]),
    ] {
        assert_eq!(fields(&invited(&ada, body).await), expected, "{body}");
    }
}

async fn what_fits_is_read_whatever_else_was_sent(stack: Stack) {
    let app = stack.app().await;
    let ada = app.signed_up(ADA).await;
    let reply = invited(&ada, r#"{"email":"Bob@Example.com","displayName":"Bob","more":[1]}"#).await;
    assert_eq!(reply.ok(), json!({"email": "bob@example.com", "displayName": "Bob", "role": null}));
}

async fn a_body_that_is_no_object_says_so(stack: Stack) {
    let app = stack.app().await;
    let ada = app.signed_up(ADA).await;
    for (body, code) in [
        ("[]", "BODY_MUST_BE_AN_OBJECT"),
        ("{", "BAD_REQUEST"),
        ("\u{0}", "BAD_REQUEST"),
        (r#"{"email":"a@example.com","email":"b@example.com","displayName":"x"}"#, "BAD_REQUEST"),
    ] {
        invited(&ada, body).await.refused(400, code);
    }
    let reply = ada.request(Method::POST, "/invite").body("text/plain", "{}").send().await;
    reply.refused(415, "UNSUPPORTED_MEDIA_TYPE");
}

async fn a_body_that_is_too_large_is_413(stack: Stack) {
    // Without a framework nobody reads it.
    if stack.transport == TransportKind::Core {
        return;
    }
    let app = stack.app().await;
    let ada = app.signed_up(ADA).await;
    let body = format!(r#"{{"displayName":"{}"}}"#, "x".repeat(3 * 1024 * 1024));
    invited(&ada, &body).await.refused(413, "PAYLOAD_TOO_LARGE");
}

async fn nobody_is_told_of_a_body_whom_the_route_is_closed_to(stack: Stack) {
    let app = stack.app().await;
    for body in ["{", "{}", "[]"] {
        invited(&app.anon(), body).await.refused(401, "UNAUTHORIZED");
    }
}

async fn an_application_may_have_another_form(stack: Stack) {
    let app = stack.app_with(|builder| builder.error_renderer(GatewayErrors)).await;
    let ada = app.anon();
    ada.auth_post("/sign-up/email", json!({"email": ADA, "name": "Ada", "password": PASSWORD})).await.ok();
    for reply in [ada.auth_post("/sign-in/email", json!({})).await, invited(&ada, "{}").await] {
        assert_eq!(reply.status, 400);
        let body = reply.json();
        assert_eq!((&body["error"], body["fields"].as_array().unwrap().len()), (&json!("BadRequest"), 2), "{body}");
    }
}
