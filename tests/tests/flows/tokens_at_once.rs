//! Refresh tokens, one-time tokens and signing keys, used by many at the same time.

use std::collections::BTreeSet;
use std::time::Duration;

use auth_core::{AuthBuilder, code, token};
use auth_tests::{Actor, Reply, Stack, TestApp, database_flows};
use futures_util::future::join_all;
use serde_json::{Value, json};

database_flows![
    of_20_who_refresh_with_one_token_one_wins_and_the_session_ends,
    of_200_who_refresh_with_one_token_one_wins_and_the_session_ends,
    within_the_grace_time_all_get_the_same_token,
    a_refresh_and_the_end_of_its_session_leave_nothing_alive,
    of_32_who_redeem_a_one_time_token_one_is_let_in,
    a_session_opened_while_all_are_revoked_is_revoked_or_not_opened,
    processes_that_start_at_once_agree_on_one_key,
];

const ADA: &str = "ada@example.com";

fn configured(config: token::Config) -> impl FnOnce(AuthBuilder) -> AuthBuilder {
    |builder| builder.tokens(config).one_time_tokens(code::OneTimeTokens::default())
}

async fn ada(stack: Stack, config: token::Config) -> (TestApp, Actor, String) {
    let app = stack.app_with(configured(config)).await;
    let ada = app.signed_up(ADA).await;
    let pair = ada.auth_post("/token", json!({})).await.ok();
    (app, ada, text(&pair, "refreshToken"))
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

/// Lets so many send the same body, on several threads.
async fn at_once(app: &TestApp, many: usize, endpoint: &'static str, body: Value) -> Vec<Reply> {
    let send = |body: Value| {
        let program = app.program();
        tokio::spawn(async move { program.auth_post(endpoint, body).await })
    };
    join_all((0..many).map(|_| send(body.clone()))).await.into_iter().map(Result::unwrap).collect()
}

async fn one_wins_and_the_session_ends(stack: Stack, many: usize) {
    let (app, ada, refresh) = ada(stack, token::Config::default()).await;
    let replies = at_once(&app, many, "/token/refresh", json!({"refreshToken": refresh})).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
    let [winner] = &*won else { panic!("{} of {many} won on {stack:?}", won.len()) };
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.refused(401, "UNAUTHORIZED");
    }
    // Somebody has a copy, so nothing of it is good any more, and it stays so.
    let next = text(&winner.ok(), "refreshToken");
    for dead in [next, refresh] {
        let reply = app.program().auth_post("/token/refresh", json!({"refreshToken": dead})).await;
        reply.refused(401, "UNAUTHORIZED");
    }
    assert!(!ada.is_signed_in().await && app.sessions(ADA).await.is_empty());
}

async fn of_20_who_refresh_with_one_token_one_wins_and_the_session_ends(stack: Stack) {
    one_wins_and_the_session_ends(stack, 20).await;
}

async fn of_200_who_refresh_with_one_token_one_wins_and_the_session_ends(stack: Stack) {
    one_wins_and_the_session_ends(stack, 200).await;
}

async fn within_the_grace_time_all_get_the_same_token(stack: Stack) {
    let config = token::Config::default().reuse_grace(Duration::from_secs(10));
    let (app, ada, refresh) = ada(stack, config).await;
    let replies = at_once(&app, 20, "/token/refresh", json!({"refreshToken": refresh})).await;
    let tokens: BTreeSet<String> = replies.iter().map(|reply| text(&reply.ok(), "refreshToken")).collect();
    assert_eq!(tokens.len(), 1, "{stack:?}");
    assert!(ada.is_signed_in().await);
    let next = tokens.first().unwrap();
    app.program().auth_post("/token/refresh", json!({"refreshToken": next})).await.ok();
}

async fn a_refresh_and_the_end_of_its_session_leave_nothing_alive(stack: Stack) {
    for _ in 0..8 {
        let (app, ada, refresh) = ada(stack, token::Config::default()).await;
        let (refreshing, ending) = tokio::join!(
            at_once(&app, 1, "/token/refresh", json!({"refreshToken": refresh})),
            tokio::spawn(async move { ada.auth_post("/revoke-sessions", json!({})).await }),
        );
        ending.unwrap().ok();
        if refreshing[0].status == 200 {
            let next = text(&refreshing[0].ok(), "refreshToken");
            let reply = app.program().auth_post("/token/refresh", json!({"refreshToken": next})).await;
            reply.refused(401, "UNAUTHORIZED");
        } else {
            refreshing[0].refused(401, "UNAUTHORIZED");
        }
        assert!(app.sessions(ADA).await.is_empty());
    }
}

async fn of_32_who_redeem_a_one_time_token_one_is_let_in(stack: Stack) {
    let (app, ada, _) = ada(stack, token::Config::default()).await;
    let token = text(&ada.auth_get("/one-time-token/generate").await.ok(), "token");
    let replies = at_once(&app, 32, "/one-time-token/verify", json!({"token": token})).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{stack:?}");
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.refused(400, "INVALID_TOKEN");
    }
    assert_eq!(app.sessions(ADA).await.len(), 2);
}

/// Whoever has stolen sessions would otherwise survive their revocation in the ones that they are opening.
async fn a_session_opened_while_all_are_revoked_is_revoked_or_not_opened(stack: Stack) {
    let (app, ..) = ada(stack, token::Config::default()).await;
    for _ in 0..12 {
        let victim = app.signed_in(ADA).await;
        let mut redeeming = Vec::new();
        for _ in 0..4 {
            let thief = app.signed_in(ADA).await;
            let token = text(&thief.auth_get("/one-time-token/generate").await.ok(), "token");
            let anon = app.anon();
            redeeming.push(tokio::spawn(async move {
                anon.auth_post("/one-time-token/verify", json!({"token": token})).await
            }));
        }
        victim.auth_post("/revoke-sessions", json!({})).await.ok();
        for redeemed in redeeming {
            let reply = redeemed.await.unwrap();
            if reply.status != 200 {
                reply.refused(400, "INVALID_TOKEN");
            }
        }
        assert!(app.sessions(ADA).await.is_empty(), "a session has survived on {stack:?}");
    }
}

async fn processes_that_start_at_once_agree_on_one_key(stack: Stack) {
    let app = stack.app_with(configured(token::Config::default())).await;
    let mut processes = vec![app.clone()];
    for _ in 0..4 {
        processes.push(app.restarted_with(stack.transport, configured(token::Config::default())).await);
    }
    let asked = processes.iter().map(|process| {
        let anon = process.anon();
        tokio::spawn(async move { anon.auth_get("/jwks").await.ok() })
    });
    let published: BTreeSet<String> = join_all(asked).await.into_iter().map(|keys| keys.unwrap().to_string()).collect();
    assert_eq!(published.len(), 1, "{published:?}");
    assert_eq!(published.first().unwrap().matches("kid").count(), 1, "one key");
}
