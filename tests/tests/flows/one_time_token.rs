//! One-time tokens: a session is handed from one client of its user to another.

use std::time::Duration;

use auth_core::{code, customer, session, token};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use serde_json::json;

use crate::DAY;

flows![
    a_token_opens_another_session_of_the_same_user,
    a_token_is_good_once,
    a_newer_token_kills_the_older_one,
    a_token_lives_three_minutes_and_no_longer,
    a_token_dies_with_its_session,
    a_disabled_user_s_token_opens_nothing,
    a_change_of_password_ends_tokens_also_of_sessions_that_go_on,
    an_access_token_gets_nobody_a_token,
    a_token_of_the_other_pool_is_refused_and_not_used_up,
    the_new_session_is_as_fresh_as_the_old_one_and_lives_no_longer,
    malformed_tokens_are_refused,
    without_the_setting_there_are_no_such_endpoints,
];

const ADA: &str = "ada@example.com";

async fn ada(stack: Stack) -> (TestApp, Actor) {
    let with = |builder: auth_core::AuthBuilder| {
        let builder = builder.one_time_tokens(code::OneTimeTokens::default()).tokens(token::Config::default());
        builder.customers(customer::Config::default())
    };
    let app = stack.app_with(with).await;
    let ada = app.signed_up(ADA).await;
    (app, ada)
}

async fn token(actor: &Actor) -> String {
    actor.auth_get("/one-time-token/generate").await.ok()["token"].as_str().unwrap().to_owned()
}

async fn redeem(actor: &Actor, token: &str) -> Reply {
    actor.auth_post("/one-time-token/verify", json!({"token": token})).await
}

async fn a_token_opens_another_session_of_the_same_user(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let token = token(&ada).await;
    assert_eq!(token.len(), 43);
    let phone = app.anon();
    let opened = redeem(&phone, &token).await;
    assert_eq!(opened.ok()["user"]["email"], ADA);
    assert!(phone.is_signed_in().await && ada.is_signed_in().await);
    assert_ne!(phone.cookie(), ada.cookie());
    assert_eq!(opened.header("set-auth-token"), phone.cookie().as_deref());
    assert_eq!(app.sessions(ADA).await.len(), 2);
    assert_eq!(phone.get("/principal").await.ok()["method"], "one-time-token");
    // Either ends by itself.
    ada.auth_post("/sign-out", json!({})).await.ok();
    assert!(phone.is_signed_in().await);
}

async fn a_token_is_good_once(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let token = token(&ada).await;
    redeem(&app.anon(), &token).await.ok();
    redeem(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
    assert_eq!(app.sessions(ADA).await.len(), 2);
}

async fn a_newer_token_kills_the_older_one(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let (older, newer) = (token(&ada).await, token(&ada).await);
    redeem(&app.anon(), &older).await.refused(400, "INVALID_TOKEN");
    redeem(&app.anon(), &newer).await.ok();
}

async fn a_token_lives_three_minutes_and_no_longer(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let (first, minutes) = (token(&ada).await, Duration::from_secs(180));
    app.advance(minutes - Duration::from_micros(1));
    redeem(&app.anon(), &first).await.ok();
    let second = token(&ada).await;
    app.advance(minutes);
    redeem(&app.anon(), &second).await.refused(400, "INVALID_TOKEN");
}

async fn a_token_dies_with_its_session(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let token = token(&ada).await;
    ada.auth_post("/sign-out", json!({})).await.ok();
    redeem(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
}

async fn a_disabled_user_s_token_opens_nothing(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let token = token(&ada).await;
    auth_core::user::disable_user(&app.cx(), app.user_id(ADA).await).await.unwrap();
    redeem(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
}

async fn a_change_of_password_ends_tokens_also_of_sessions_that_go_on(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let thief = app.signed_in(ADA).await;
    let (own, stolen) = (token(&ada).await, token(&thief).await);
    let body =
        json!({"currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77", "revokeOtherSessions": false});
    ada.auth_post("/change-password", body).await.ok();
    assert!(thief.is_signed_in().await);
    for token in [own, stolen] {
        redeem(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
    }
    redeem(&app.anon(), &token(&ada).await).await.ok();
}

/// It is good for minutes, and a session for days.
async fn an_access_token_gets_nobody_a_token(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let access = ada.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    app.program().with_bearer(&access).auth_get("/one-time-token/generate").await.refused(403, "FORBIDDEN");
    app.anon().auth_get("/one-time-token/generate").await.refused(401, "UNAUTHORIZED");
    ada.bearer().auth_get("/one-time-token/generate").await.ok();
}

async fn a_token_of_the_other_pool_is_refused_and_not_used_up(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let token = token(&ada).await;
    let there = app.anon().auth_post("/customer/one-time-token/verify", json!({"token": token})).await;
    there.refused(400, "INVALID_TOKEN");
    redeem(&app.anon(), &token).await.ok();
}

async fn the_new_session_is_as_fresh_as_the_old_one_and_lives_no_longer(stack: Stack) {
    let sessions = session::Config::default().idle(DAY * 20).update_age(DAY * 20);
    let with =
        |builder: auth_core::AuthBuilder| builder.one_time_tokens(code::OneTimeTokens::default()).session(sessions);
    let app = stack.app_with(with).await;
    let ada = app.signed_up(ADA).await;
    app.advance(DAY * 15);
    let phone = app.anon();
    redeem(&phone, &token(&ada).await).await.ok();
    phone.get("/fresh").await.refused(403, "SESSION_NOT_FRESH");
    let [first, second] = &*app.sessions(ADA).await else { panic!("two sessions") };
    assert_eq!(first.absolute_expires_at, second.absolute_expires_at);
    assert_eq!(first.authenticated_at, second.authenticated_at);
}

async fn malformed_tokens_are_refused(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let session = ada.cookie().unwrap();
    for bad in ["", "x", &session, &"A".repeat(43), &"A".repeat(42), &format!("{}=", "A".repeat(43))] {
        redeem(&app.anon(), bad).await.refused(400, "INVALID_TOKEN");
    }
    for body in [json!({}), json!({"token": null}), json!({"token": 7})] {
        app.anon().auth_post("/one-time-token/verify", body).await.refused(400, "VALIDATION_ERROR");
    }
    assert!(ada.is_signed_in().await);
}

async fn without_the_setting_there_are_no_such_endpoints(stack: Stack) {
    let (app, ada) = stack.signed_up(ADA).await;
    ada.auth_get("/one-time-token/generate").await.nowhere();
    app.anon().auth_post("/one-time-token/verify", json!({"token": "x"})).await.nowhere();
}
