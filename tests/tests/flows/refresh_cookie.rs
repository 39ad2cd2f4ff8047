//! The refresh token in a cookie and the access token in the body: for pages that keep the latter in their memory.

use std::time::Duration;

use auth_core::AuthBuilder;
use auth_core::http::CredentialSource;
use auth_core::token::{self, Transport};
use auth_tests::{Actor, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

use crate::token_cookies::{cookies, own_sign_in, with};
use crate::tokens::ADA;

flows![
    the_refresh_token_is_in_no_body_and_the_access_token_in_no_cookie,
    the_cookie_gets_the_next_pair_from_a_trusted_page_alone,
    the_cookie_opens_nothing_else,
    a_refresh_token_in_a_body_counts_too,
    a_second_use_ends_the_session_and_takes_the_cookie,
    signing_out_ends_what_the_cookie_stands_for,
    a_foreign_page_ends_and_moves_nothing_by_the_cookie,
];

fn in_a_cookie(builder: AuthBuilder) -> AuthBuilder {
    let config = token::Config::default().transport(Transport::RefreshCookie);
    with(builder, config).credentials([CredentialSource::Bearer])
}

/// Ada's browser, which holds the cookie, and the access token that her page keeps.
async fn ada(stack: Stack) -> (TestApp, Actor, String) {
    let app = stack.app_with(in_a_cookie).await;
    app.signed_up(ADA).await;
    let browser = app.anon();
    let token = access_token(&own_sign_in(&browser).await.ok());
    (app, browser, token)
}

fn access_token(body: &Value) -> String {
    body["accessToken"].as_str().unwrap().to_owned()
}

async fn refreshed(browser: &Actor) -> Reply {
    browser.auth_post("/token/refresh", json!({})).await
}

async fn the_refresh_token_is_in_no_body_and_the_access_token_in_no_cookie(stack: Stack) {
    let (app, browser, token) = ada(stack).await;
    for reply in [own_sign_in(&app.anon()).await, refreshed(&browser).await] {
        assert_eq!(cookies(&reply), ["refresh_token=… HttpOnly Max-Age=2592000 Path=/ SameSite=Lax"]);
        let body = reply.ok();
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["accessToken", "expiresIn", "refreshExpiresIn", "tokenType"]);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(app.anon().with_bearer(&token).get("/me").await.ok()["email"], ADA);
    browser.auth_get("/csrf").await.nowhere();
}

async fn the_cookie_gets_the_next_pair_from_a_trusted_page_alone(stack: Stack) {
    let (app, browser, _) = ada(stack).await;
    let cookie = format!("refresh_token={}", browser.cookie_called("refresh_token").unwrap());
    let from = async |origin: Option<&str>| {
        let program = app.program();
        let draft = program.request(Method::POST, "/api/auth/token/refresh").header("cookie", &cookie);
        let draft = origin.into_iter().fold(draft, |draft, origin| draft.header("origin", origin));
        draft.json(&json!({})).send().await
    };
    from(Some("https://evil.test")).await.refused(403, "INVALID_ORIGIN");
    from(Some("null")).await.refused(403, "MISSING_OR_NULL_ORIGIN");
    from(None).await.refused(403, "MISSING_OR_NULL_ORIGIN");
    // Nothing was used up, and a trusted page needs nothing but the cookie.
    for _ in 0..3 {
        app.advance(Duration::from_secs(900));
        let token = access_token(&refreshed(&browser).await.ok());
        app.anon().with_bearer(&token).get("/me").await.ok();
    }
}

async fn the_cookie_opens_nothing_else(stack: Stack) {
    let (app, browser, token) = ada(stack).await;
    browser.get("/me").await.refused(401, "UNAUTHORIZED");
    let planted = app.anon().with_cookie_called("access_token", Some(&token));
    planted.get("/me").await.refused(401, "UNAUTHORIZED");
    assert_eq!(planted.get("/maybe").await.ok(), json!({"who": null}));
}

async fn a_refresh_token_in_a_body_counts_too(stack: Stack) {
    let (app, browser, _) = ada(stack).await;
    let refresh = browser.cookie_called("refresh_token").unwrap();
    let program = app.program();
    let reply = program.auth_post("/token/refresh", json!({"refreshToken": refresh})).await;
    assert_eq!(cookies(&reply), ["refresh_token=… HttpOnly Max-Age=2592000 Path=/ SameSite=Lax"]);
    assert_eq!(reply.ok()["refreshToken"], json!(null));
}

async fn a_second_use_ends_the_session_and_takes_the_cookie(stack: Stack) {
    let (app, browser, _) = ada(stack).await;
    let thief = browser.copied();
    let token = access_token(&refreshed(&browser).await.ok());
    let reply = refreshed(&thief).await;
    assert_eq!(cookies(reply.refused(401, "UNAUTHORIZED")), ["refresh_token= HttpOnly Max-Age=0 Path=/ SameSite=Lax"]);
    app.anon().with_bearer(&token).get("/me").await.refused(401, "UNAUTHORIZED");
    refreshed(&browser).await.refused(401, "UNAUTHORIZED");
}

async fn signing_out_ends_what_the_cookie_stands_for(stack: Stack) {
    let (app, browser, token) = ada(stack).await;
    let reply = browser.auth_post("/token/revoke", json!({})).await;
    reply.ok();
    assert_eq!(cookies(&reply), ["refresh_token= HttpOnly Max-Age=0 Path=/ SameSite=Lax"]);
    app.anon().with_bearer(&token).get("/me").await.refused(401, "UNAUTHORIZED");
}

async fn a_foreign_page_ends_and_moves_nothing_by_the_cookie(stack: Stack) {
    let (app, browser, token) = ada(stack).await;
    let cookie = format!("refresh_token={}", browser.cookie_called("refresh_token").unwrap());
    for path in ["/api/auth/token/refresh", "/api/auth/token/revoke", "/api/auth/sign-out"] {
        let program = app.program();
        let draft = program.request(Method::POST, path).header("cookie", &cookie);
        let draft = draft.header("origin", "https://evil.test");
        draft.json(&json!({})).send().await.refused(403, "INVALID_ORIGIN");
    }
    app.anon().with_bearer(&token).get("/me").await.ok();
    refreshed(&browser).await.ok();
}
