//! How long a session lives, and how many there are.

use std::time::Duration;

use auth_core::session::Config;
use auth_core::user;
use auth_tests::{PASSWORD, Stack, TestApp, flows};
use serde_json::json;

use crate::{DAY, MICROSECOND};

flows![
    a_session_dies_at_the_very_instant_of_its_expiry,
    use_after_a_day_moves_the_expiry,
    use_within_a_day_writes_nothing,
    thirty_days_are_the_end_whatever_the_use,
    a_session_that_is_not_remembered_lives_a_day_and_does_not_slide,
    refreshing_can_be_left_out,
    a_bearer_slides_without_a_cookie,
    the_least_recently_used_session_is_evicted,
    a_disabled_user_has_no_session_at_once,
    an_expired_session_is_not_listed,
];

async fn a_session_dies_at_the_very_instant_of_its_expiry(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let late = ada.copied();
    app.advance(7 * DAY - MICROSECOND);
    // Still alive, and looked at without moving the expiry.
    assert!(ada.auth_get("/get-session?disableRefresh=true").await.ok().is_object());
    app.advance(MICROSECOND);
    assert!(!late.is_signed_in().await);
    assert!(!late.bearer().is_signed_in().await);
}

fn max_age(lines: &[&str]) -> u64 {
    let attribute = lines[0].split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="));
    attribute.unwrap().parse().unwrap()
}

async fn use_after_a_day_moves_the_expiry(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(DAY);
    let reply = ada.get("/me").await;
    assert_eq!(max_age(&reply.set_cookies()), 7 * DAY.as_secs());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    app.advance(7 * DAY - MICROSECOND);
    assert!(ada.is_signed_in().await);
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn use_within_a_day_writes_nothing(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(DAY - MICROSECOND);
    app.tap().take_calls();
    assert_eq!(ada.get("/me").await.set_cookies().len(), 0);
    ada.auth_get("/get-session").await.ok();
    assert_eq!(app.tap().take_calls(), ["session_by_token", "session_by_token"]);
}

async fn thirty_days_are_the_end_whatever_the_use(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for _ in 0..29 {
        app.advance(DAY);
        assert!(ada.is_signed_in().await);
    }
    let last = ada.copied();
    app.advance(DAY - MICROSECOND);
    assert!(last.is_signed_in().await);
    app.advance(MICROSECOND);
    assert!(!last.is_signed_in().await);
}

async fn a_session_that_is_not_remembered_lives_a_day_and_does_not_slide(stack: Stack) {
    let (app, _) = stack.signed_up("ada@example.com").await;
    let cafe = app.anon();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "rememberMe": false});
    let reply = cafe.auth_post("/sign-in/email", body).await;
    assert!(!reply.set_cookies()[0].contains("Max-Age") && !reply.set_cookies()[0].contains("Expires"));
    for _ in 0..23 {
        app.advance(DAY / 24);
        assert_eq!(cafe.get("/me").await.set_cookies().len(), 0);
    }
    app.advance(DAY / 24 - MICROSECOND);
    assert!(cafe.is_signed_in().await);
    app.advance(MICROSECOND);
    assert!(!cafe.is_signed_in().await);
}

async fn refreshing_can_be_left_out(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(2 * DAY);
    let left_out = ada.auth_get("/get-session?disableRefresh=true").await;
    assert_eq!(left_out.set_cookies().len(), 0);
    let refreshed = ada.auth_get("/get-session").await;
    assert_eq!(refreshed.set_cookies().len(), 1);
    assert_ne!(left_out.ok()["session"]["expiresAt"], refreshed.ok()["session"]["expiresAt"]);
}

async fn a_bearer_slides_without_a_cookie(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let program = ada.bearer();
    app.advance(DAY);
    let reply = program.get("/me").await;
    reply.ok();
    assert_eq!(reply.set_cookies().len(), 0);
    app.advance(7 * DAY - MICROSECOND);
    assert!(program.is_signed_in().await);
}

async fn limited_to_three(stack: Stack) -> TestApp {
    stack.app_with(|builder| builder.session(Config::default().max_per_user(3))).await
}

async fn the_least_recently_used_session_is_evicted(stack: Stack) {
    let app = limited_to_three(stack).await;
    let first = app.signed_up("ada@example.com").await;
    let mut later = Vec::new();
    for _ in 0..2 {
        app.advance(Duration::from_secs(60));
        later.push(app.signed_in("ada@example.com").await);
    }
    app.advance(DAY);
    assert!(first.is_signed_in().await, "and its use has just been written down");
    let fourth = app.signed_in("ada@example.com").await;
    assert!(fourth.is_signed_in().await && first.is_signed_in().await);
    assert!(!later[0].is_signed_in().await);
    assert!(later[1].is_signed_in().await);
    assert_eq!(app.sessions("ada@example.com").await.len(), 3);
}

async fn a_disabled_user_has_no_session_at_once(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await;
    let thief = ada.copied();
    user::disable_user(&app.cx(), id).await.unwrap();
    assert!(!thief.is_signed_in().await && !ada.bearer().is_signed_in().await);
    user::enable_user(&app.cx(), id).await.unwrap();
    assert!(!thief.is_signed_in().await, "an ended session does not come back");
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn an_expired_session_is_not_listed(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    app.advance(7 * DAY);
    let phone = app.signed_in("ada@example.com").await;
    assert_eq!(phone.auth_get("/list-sessions").await.ok().as_array().unwrap().len(), 1);
}
