//! Which addresses answer: exactly those of the table, with exactly their method.

use auth_tests::{Stack, flows};
use http::Method;
use serde_json::json;

flows![an_unknown_address_is_nowhere, another_method_is_nowhere, the_two_that_belong_to_nobody_answer];

async fn an_unknown_address_is_nowhere(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for path in [
        "/api/auth/unknown",
        "/api/auth/get-session/",
        "/api/auth//get-session",
        "/api/auth/get-session/x",
        "/api/auth/Get-Session",
        "/api/auth/get-session%2F",
        "/api/auth/%67et-session/",
        "/api/auth/../auth/get-sessionx",
        "/api/auth/admin/list-users",
    ] {
        ada.get(path).await.nowhere();
        ada.post(path, json!({})).await.nowhere();
    }
    for path in ["/api//auth/get-session", "//api/auth/get-session", "/api/authx/get-session", "/API/auth/get-session"]
    {
        ada.get(path).await.nowhere();
    }
}

async fn another_method_is_nowhere(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for (method, endpoint) in [
        (Method::OPTIONS, "/get-session"),
        (Method::OPTIONS, "/sign-in/email"),
        (Method::PUT, "/get-session"),
        (Method::DELETE, "/delete-user"),
        (Method::PATCH, "/update-user"),
        (Method::GET, "/sign-in/email"),
        (Method::GET, "/sign-out"),
        (Method::POST, "/list-sessions"),
        (Method::HEAD, "/sign-in/email"),
        (Method::TRACE, "/get-session"),
    ] {
        let reply = ada.request(method.clone(), &format!("/api/auth{endpoint}")).send().await;
        reply.nowhere();
        assert_eq!(reply.header("allow"), None, "{method} {endpoint}");
    }
}

async fn the_two_that_belong_to_nobody_answer(stack: Stack) {
    let app = stack.app().await;
    assert_eq!(app.anon().auth_get("/ok").await.ok(), json!({"ok": true}));
    for (query, shown) in
        [("", "UNKNOWN"), ("?error=INVALID_TOKEN", "INVALID_TOKEN"), ("?error=%3Cscript%3E", "UNKNOWN")]
    {
        let page = app.anon().auth_get(&format!("/error{query}")).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.text().contains(&format!("<code>{shown}</code>")));
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    }
}
