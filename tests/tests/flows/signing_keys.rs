//! The keys that access tokens are signed with: published, replaced, revoked, shared by processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use auth_core::base::{Clock, Secret, Timestamp};
use auth_core::{AuthBuilder, token};
use auth_tests::{Actor, PASSWORD, Stack, TestApp, flows};
use futures_util::future::join_all;
use serde_json::Value;

use crate::DAY;
use crate::tokens::{ADA, access_token, ada, bearer, part};

flows![
    the_first_key_signs_in_the_moment_it_is_made,
    keys_are_published_without_their_private_half,
    a_next_key_is_published_before_it_signs,
    a_key_is_replaced_by_command_and_its_tokens_stay_good,
    a_replaced_key_verifies_nothing_beyond_its_last_token,
    a_revoked_key_takes_its_tokens_along,
    both_commands_are_in_the_trail,
    a_replaced_secret_seals_the_keys_anew,
    a_key_that_cannot_be_opened_verifies_and_another_one_signs,
    another_process_agrees_on_the_keys,
    a_revoked_key_is_dead_in_every_process_within_a_minute,
    in_an_outage_those_who_wait_for_the_keys_fail_together,
    a_next_key_that_cannot_be_written_waits,
];

const MINUTE: Duration = Duration::from_secs(60);

async fn kid(actor: &Actor) -> Value {
    part(&access_token(actor).await, 0)["kid"].clone()
}

async fn keys(app: &TestApp) -> Vec<Value> {
    app.anon().auth_get("/jwks").await.ok()["keys"].as_array().unwrap().clone()
}

/// Goes on with every look at it, as time does.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

async fn the_first_key_signs_in_the_moment_it_is_made(stack: Stack) {
    let clock = Arc::new(Ticking(AtomicI64::new(1_780_000_000_000_000)));
    let app = stack.app_with(|builder| builder.tokens(token::Config::default()).clock(clock)).await;
    let ada = app.signed_up(ADA).await;
    access_token(&ada).await;
}

async fn keys_are_published_without_their_private_half(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let reply = app.anon().auth_get("/jwks").await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    let [key] = &*keys(&app).await else { panic!("one key") };
    let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(key["kid"], kid(&ada).await);
}

async fn a_next_key_is_published_before_it_signs(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let first = kid(&ada).await;
    app.advance(DAY * 29 - MINUTE);
    let ada = app.signed_in(ADA).await;
    assert_eq!((kid(&ada).await, keys(&app).await.len()), (first.clone(), 1));
    app.advance(2 * MINUTE);
    let early = access_token(&ada).await;
    assert_eq!(part(&early, 0)["kid"], first);
    assert_eq!(keys(&app).await.len(), 2, "a day ahead");
    app.advance(DAY - 2 * MINUTE);
    let late = access_token(&ada).await;
    app.advance(2 * MINUTE);
    assert_ne!(kid(&ada).await, first);
    // What the old one signed last is good until it expires, and then the key goes.
    app.program().with_bearer(&late).get("/stateless").await.ok();
    app.advance(15 * MINUTE);
    assert_eq!(keys(&app).await.len(), 1);
}

async fn a_key_is_replaced_by_command_and_its_tokens_stay_good(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let (token, first) = (access_token(&ada).await, kid(&ada).await);
    token::rotate_signing_key(&app.cx()).await.unwrap();
    assert_ne!(kid(&ada).await, first);
    app.program().with_bearer(&token).get("/stateless").await.ok();
    assert_eq!(keys(&app).await.len(), 2);
}

/// Whoever has its private half by then can use it for minutes and not for a month.
async fn a_replaced_key_verifies_nothing_beyond_its_last_token(stack: Stack) {
    let (app, ada) = ada(stack).await;
    kid(&ada).await;
    token::rotate_signing_key(&app.cx()).await.unwrap();
    app.advance(15 * MINUTE);
    assert_eq!(keys(&app).await.len(), 2);
    app.advance(2 * MINUTE);
    assert_eq!(keys(&app).await.len(), 1);
}

async fn both_commands_are_in_the_trail(stack: Stack) {
    let (app, ada) = ada(stack).await;
    kid(&ada).await;
    app.events().take();
    token::rotate_signing_key(&app.cx()).await.unwrap();
    let id = kid(&ada).await.as_str().unwrap().parse().unwrap();
    assert!(token::revoke_signing_key(&app.cx(), id).await.unwrap());
    // What changes nothing is no news.
    assert!(!token::revoke_signing_key(&app.cx(), id).await.unwrap());
    assert_eq!(app.events().take(), ["signing_key_rotated", "signing_key_revoked"]);
}

const OLD: &str = "the first of two secrets, 0123456789 abcdefghij";
const NEW: &str = "the second of two secrets, 9876543210 jihgfedcba";

fn sealed_under(current: &str, previous: Option<&str>) -> impl FnOnce(AuthBuilder) -> AuthBuilder {
    let (current, previous) = (Secret::new(current), previous.map(Secret::new));
    move |builder| {
        let builder = builder.tokens(token::Config::default()).secret(current);
        previous.into_iter().fold(builder, AuthBuilder::previous_secret)
    }
}

async fn a_replaced_secret_seals_the_keys_anew(stack: Stack) {
    let app = stack.app_with(sealed_under(OLD, None)).await;
    let first = kid(&app.signed_up(ADA).await).await;
    let both = app.restarted_with(stack.transport, sealed_under(NEW, Some(OLD))).await;
    assert_eq!(keys(&both).await.len(), 1);
    // What was sealed anew needs the old secret no more.
    let only_new = both.restarted_with(stack.transport, sealed_under(NEW, None)).await;
    assert_eq!(kid(&only_new.signed_in(ADA).await).await, first);
}

async fn a_key_that_cannot_be_opened_verifies_and_another_one_signs(stack: Stack) {
    let app = stack.app_with(sealed_under(OLD, None)).await;
    let ada = app.signed_up(ADA).await;
    let (token, first) = (access_token(&ada).await, kid(&ada).await);
    let other = app.restarted_with(stack.transport, sealed_under(NEW, None)).await;
    assert_ne!(kid(&other.signed_in(ADA).await).await, first);
    assert_eq!(keys(&other).await.len(), 2);
    other.program().with_bearer(&token).get("/stateless").await.ok();
}

async fn a_revoked_key_takes_its_tokens_along(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let (token, first) = (access_token(&ada).await, kid(&ada).await);
    let program = app.program().with_bearer(&token);
    program.get("/stateless").await.ok();
    let id = first.as_str().unwrap().parse().unwrap();
    assert!(token::revoke_signing_key(&app.cx(), id).await.unwrap());
    assert!(!token::revoke_signing_key(&app.cx(), id).await.unwrap());
    for path in ["/stateless", "/me"] {
        program.get(path).await.refused(401, "UNAUTHORIZED");
    }
    assert_eq!(keys(&app).await.len(), 1);
    bearer(&app, &ada).await.get("/stateless").await.ok();
}

async fn another_process_agrees_on_the_keys(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let other = app.restarted_with(stack.transport, |builder| builder.tokens(token::Config::default())).await;
    let token = access_token(&ada).await;
    other.program().with_bearer(&token).get("/stateless").await.ok();
    assert_eq!(keys(&app).await, keys(&other).await);
    // A key that another process has made is known at once: its id is a new one.
    token::rotate_signing_key(&other.cx()).await.unwrap();
    let there = other.anon();
    there.sign_in(ADA, PASSWORD).await.ok();
    let token = access_token(&there).await;
    app.advance(Duration::from_secs(6));
    app.program().with_bearer(&token).get("/stateless").await.ok();
}

async fn a_revoked_key_is_dead_in_every_process_within_a_minute(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let other = app.restarted_with(stack.transport, |builder| builder.tokens(token::Config::default())).await;
    let token = access_token(&ada).await;
    let id = part(&token, 0)["kid"].as_str().unwrap().parse().unwrap();
    let elsewhere = other.program().with_bearer(&token);
    elsewhere.get("/stateless").await.ok();
    assert!(token::revoke_signing_key(&app.cx(), id).await.unwrap());
    app.program().with_bearer(&token).get("/stateless").await.refused(401, "UNAUTHORIZED");
    app.advance(MINUTE);
    elsewhere.get("/stateless").await.refused(401, "UNAUTHORIZED");
}

async fn in_an_outage_those_who_wait_for_the_keys_fail_together(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let caller = app.program().with_bearer(&access_token(&ada).await);
    app.advance(MINUTE);
    app.tap().die_for("signing_keys");
    app.tap().meanwhile("signing_keys", tokio::time::sleep(Duration::from_millis(500)));
    app.tap().take_calls();
    for reply in join_all((0..50).map(|_| caller.get("/stateless"))).await {
        reply.refused(503, "SERVICE_UNAVAILABLE");
    }
    // Each that comes while nobody waits asks.
    let asked = app.tap().take_calls().into_iter().filter(|call| *call == "signing_keys").count();
    assert!((1..10).contains(&asked), "{asked}");
    app.tap().revive();
    caller.get("/stateless").await.ok();
}

/// As in a failover to a database that may only be read: the present key is good for another day.
async fn a_next_key_that_cannot_be_written_waits(stack: Stack) {
    let (app, ada) = ada(stack).await;
    kid(&ada).await;
    app.advance(DAY * 29);
    let ada = app.signed_in(ADA).await;
    app.tap().die_for("insert_signing_key");
    app.tap().take_calls();
    for _ in 0..5 {
        access_token(&ada).await;
        assert_eq!(keys(&app).await.len(), 1);
    }
    let writes = |app: &TestApp| app.tap().take_calls().iter().filter(|call| **call == "insert_signing_key").count();
    assert_eq!(writes(&app), 1);
    app.advance(MINUTE);
    access_token(&ada).await;
    assert_eq!(writes(&app), 1);
    app.tap().revive();
    app.advance(MINUTE);
    assert_eq!(keys(&app).await.len(), 2);
    // When there is none that signs, nothing can be said.
    app.tap().die_for("insert_signing_key");
    app.advance(DAY * 70);
    app.signed_in(ADA).await.auth_get("/token").await.refused(503, "SERVICE_UNAVAILABLE");
}
