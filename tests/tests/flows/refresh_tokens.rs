//! Refresh tokens: exchanged once, and a second use ends the session.

use std::time::Duration;

use auth_core::token;
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use serde_json::{Value, json};

use crate::DAY;
use crate::tokens::{ADA, ada, demote, disable, part};

flows![
    a_pair_is_exchanged_for_another,
    what_is_exchanged_is_looked_up_anew,
    a_refresh_token_that_was_used_ends_the_session,
    every_earlier_refresh_token_ends_the_session,
    with_a_grace_time_the_second_use_gets_the_same_answer,
    another_pair_kills_the_earlier_one,
    a_refresh_token_dies_with_its_session,
    a_refresh_token_expires,
    a_malformed_refresh_token_is_refused_and_changes_nothing,
    revoking_ends_the_session_and_is_idempotent,
    the_cookie_lasts_as_long_as_the_session_that_it_opens,
    a_phone_may_rest_for_as_long_as_its_refresh_token_says,
    the_session_lives_on_while_its_tokens_are_exchanged,
];

struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self { access: text("accessToken"), refresh: text("refreshToken") }
    }
}

async fn exchange(app: &TestApp, refresh: &str) -> Reply {
    app.program().auth_post("/token/refresh", json!({"refreshToken": refresh})).await
}

async fn pair(actor: &Actor) -> Pair {
    Pair::of(&actor.auth_post("/token", json!({})).await.ok())
}

async fn a_pair_is_exchanged_for_another(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let body = ada.auth_post("/token", json!({})).await.ok();
    assert_eq!((&body["tokenType"], &body["expiresIn"]), (&json!("Bearer"), &json!(900)), "{body}");
    assert_eq!(body["refreshExpiresIn"], 30 * 24 * 60 * 60);
    let mut pair = Pair::of(&body);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        assert!(pair.refresh.starts_with("rt_") && pair.refresh.len() == 67);
        assert!(seen.insert(pair.refresh.clone()) && seen.insert(pair.access.clone()));
        app.program().with_bearer(&pair.access).get("/me").await.ok();
        pair = Pair::of(&exchange(&app, &pair.refresh).await.ok());
    }
    // The names of RFC 6749 are taken too.
    app.program().auth_post("/token/refresh", json!({"refresh_token": pair.refresh})).await.ok();
}

async fn what_is_exchanged_is_looked_up_anew(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let first = pair(&ada).await;
    demote(&app, &ada).await;
    let second = Pair::of(&exchange(&app, &first.refresh).await.ok());
    assert_eq!(part(&second.access, 1)["permissions"], json!([]));
    disable(&app, &ada).await;
    exchange(&app, &second.refresh).await.refused(401, "UNAUTHORIZED");
}

async fn a_refresh_token_that_was_used_ends_the_session(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let other = app.signed_in(ADA).await;
    let first = pair(&ada).await;
    let second = Pair::of(&exchange(&app, &first.refresh).await.ok());
    app.events().take();
    exchange(&app, &first.refresh).await.refused(401, "UNAUTHORIZED");
    assert_eq!(app.events().take(), ["refresh_reused"]);
    // Neither side keeps anything of it.
    exchange(&app, &second.refresh).await.refused(401, "UNAUTHORIZED");
    app.program().with_bearer(&second.access).get("/me").await.refused(401, "UNAUTHORIZED");
    assert!(!ada.is_signed_in().await && other.is_signed_in().await);
    let entries = app.audit(app.user_id(ADA).await).await;
    assert!(entries.iter().any(|entry| entry.action == "refresh_reused"), "{entries:?}");
    // It holds after a restart as well: it is in the database.
    exchange(&app, &first.refresh).await.refused(401, "UNAUTHORIZED");
}

async fn every_earlier_refresh_token_ends_the_session(stack: Stack) {
    for uses in [2, 5] {
        let (app, ada) = ada(stack).await;
        let first = pair(&ada).await.refresh;
        let mut latest = first.clone();
        for _ in 0..uses {
            latest = Pair::of(&exchange(&app, &latest).await.ok()).refresh;
        }
        exchange(&app, &first).await.refused(401, "UNAUTHORIZED");
        exchange(&app, &latest).await.refused(401, "UNAUTHORIZED");
        assert!(!ada.is_signed_in().await);
    }
}

async fn with_a_grace_time_the_second_use_gets_the_same_answer(stack: Stack) {
    let grace = Duration::from_secs(10);
    let app = stack.app_with(|builder| builder.tokens(token::Config::default().reuse_grace(grace))).await;
    let ada = app.signed_up(ADA).await;
    let first = pair(&ada).await;
    let second = Pair::of(&exchange(&app, &first.refresh).await.ok());
    app.advance(grace - Duration::from_secs(1));
    let again = Pair::of(&exchange(&app, &first.refresh).await.ok());
    assert_eq!(again.refresh, second.refresh, "the same one, and no other");
    // Used, it is no answer any more.
    let third = Pair::of(&exchange(&app, &second.refresh).await.ok());
    exchange(&app, &first.refresh).await.refused(401, "UNAUTHORIZED");
    exchange(&app, &third.refresh).await.refused(401, "UNAUTHORIZED");
    assert!(!ada.is_signed_in().await);
    // And not a moment longer.
    let bob = app.signed_up("bob@example.com").await;
    let first = pair(&bob).await;
    exchange(&app, &first.refresh).await.ok();
    app.advance(grace);
    exchange(&app, &first.refresh).await.refused(401, "UNAUTHORIZED");
    assert!(!bob.is_signed_in().await);
}

async fn another_pair_kills_the_earlier_one(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let (first, second) = (pair(&ada).await, pair(&ada).await);
    exchange(&app, &first.refresh).await.refused(401, "UNAUTHORIZED");
    assert!(ada.is_signed_in().await, "a family that is gone has no session to end");
    exchange(&app, &second.refresh).await.ok();
}

async fn a_refresh_token_dies_with_its_session(stack: Stack) {
    let deeds: [fn(Actor) -> futures_util::future::BoxFuture<'static, ()>; 3] = [
        |ada| Box::pin(async move { drop(ada.auth_post("/sign-out", json!({})).await.ok()) }),
        |ada| Box::pin(async move { drop(ada.auth_post("/revoke-sessions", json!({})).await.ok()) }),
        |ada| Box::pin(async move { drop(ada.change_password(PASSWORD, "Heron-Amber-Quartz-77").await.ok()) }),
    ];
    for deed in deeds {
        let (app, ada) = ada(stack).await;
        let pair = pair(&ada).await;
        deed(ada).await;
        exchange(&app, &pair.refresh).await.refused(401, "UNAUTHORIZED");
        app.program().with_bearer(&pair.access).get("/me").await.refused(401, "UNAUTHORIZED");
    }
}

async fn a_refresh_token_expires(stack: Stack) {
    let config = token::Config::default().refresh_ttl(DAY);
    let app = stack.app_with(|builder| builder.tokens(config)).await;
    let ada = app.signed_up(ADA).await;
    let first = pair(&ada).await;
    app.advance(DAY - Duration::from_secs(1));
    let second = Pair::of(&exchange(&app, &first.refresh).await.ok());
    app.advance(DAY);
    exchange(&app, &second.refresh).await.refused(401, "UNAUTHORIZED");
    assert!(ada.is_signed_in().await, "an expired one ends nothing");
}

async fn a_malformed_refresh_token_is_refused_and_changes_nothing(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let pair = pair(&ada).await;
    let session = ada.cookie().unwrap();
    let stranger = format!("rt_{}", "A".repeat(64));
    let cut = &pair.refresh[..66];
    let (padded, bare) = (format!("{}=", pair.refresh), &pair.refresh[3..]);
    for bad in ["", "rt_", &stranger, cut, &padded, bare, &session, &pair.access, &format!(" {}", pair.refresh)] {
        exchange(&app, bad).await.refused(401, "UNAUTHORIZED");
        app.program().auth_post("/token/revoke", json!({"refreshToken": bad})).await.ok();
    }
    for body in [json!({}), json!({"refreshToken": 7}), json!({"refreshToken": null}), json!({"refreshToken": [bare]})]
    {
        let reply = app.program().auth_post("/token/refresh", body).await;
        reply.refused(400, "VALIDATION_ERROR");
    }
    exchange(&app, &pair.refresh).await.ok();
}

async fn revoking_ends_the_session_and_is_idempotent(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let pair = pair(&ada).await;
    for _ in 0..2 {
        let reply = app.program().auth_post("/token/revoke", json!({"refreshToken": pair.refresh})).await;
        assert_eq!(reply.ok(), json!({"success": true}));
    }
    exchange(&app, &pair.refresh).await.refused(401, "UNAUTHORIZED");
    assert!(!ada.is_signed_in().await);
}

/// The browser would forget it after the 7 days that it was told at first.
async fn the_cookie_lasts_as_long_as_the_session_that_it_opens(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let max_age = |reply: &Reply| {
        let cookies = reply.set_cookies();
        let [cookie] = &cookies[..] else { panic!("one cookie: {cookies:?}") };
        cookie.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).unwrap().parse::<u64>().unwrap()
    };
    let reply = ada.auth_post("/token", json!({})).await;
    assert_eq!(max_age(&reply), 30 * 24 * 60 * 60);
    assert!(ada.is_signed_in().await, "it is the same session");
    // Who shows it as a bearer keeps its own time.
    assert_eq!(ada.bearer().auth_post("/token", json!({})).await.set_cookies().len(), 0);
    drop(app);
}

async fn a_phone_may_rest_for_as_long_as_its_refresh_token_says(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let idle = app.signed_in(ADA).await;
    let pair = pair(&ada).await;
    app.advance(DAY * 30 - Duration::from_secs(1));
    assert!(!idle.is_signed_in().await, "7 days of idleness allowed");
    exchange(&app, &pair.refresh).await.ok();
    app.advance(Duration::from_secs(1));
    assert!(!ada.is_signed_in().await, "30 days in any case");

    let shared = app.anon();
    shared.auth_post("/sign-in/email", json!({"email": ADA, "password": PASSWORD, "rememberMe": false})).await.ok();
    let body = shared.auth_post("/token", json!({})).await.ok();
    assert_eq!(body["refreshExpiresIn"], 24 * 60 * 60);
    app.advance(DAY);
    exchange(&app, body["refreshToken"].as_str().unwrap()).await.refused(401, "UNAUTHORIZED");
}

async fn the_session_lives_on_while_its_tokens_are_exchanged(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let mut pair = pair(&ada).await;
    for _ in 0..5 {
        app.advance(DAY * 5);
        pair = Pair::of(&exchange(&app, &pair.refresh).await.ok());
    }
    assert!(ada.is_signed_in().await, "25 days, with 7 days of idleness allowed");
    app.advance(DAY * 5);
    exchange(&app, &pair.refresh).await.refused(401, "UNAUTHORIZED");
}
