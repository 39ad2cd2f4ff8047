//! What happens between the start of a request and its change counts: a session that was ended meanwhile changes
//! nothing any more, and what one engine has proved means nothing to another.

use std::time::{Duration, Instant};

use auth_core::account::Lockout;
use auth_core::crypto::password_hash::HashConfig;
use auth_core::guard::{public, signed_in};
use auth_core::http::{ForwardingHeader, TrustedProxies};
use auth_core::password;
use auth_core::store::MemoryStore;
use auth_core::user::{disable_user, user_by_id};
use auth_tests::{Actor, PASSWORD, Stack, TestApp, builder, flows, password_config};
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request};
use serde_json::json;
use tower::ServiceExt;

flows![
    a_session_ended_meanwhile_changes_no_password,
    a_user_disabled_meanwhile_changes_no_password,
    whoever_lost_their_session_meanwhile_changes_no_profile,
    whoever_lost_their_session_meanwhile_deletes_nobody,
    signing_out_ends_every_session_that_is_shown,
    a_websocket_from_a_foreign_page_has_no_session,
    an_address_beyond_its_limit_is_not_hashed_for,
];

const NEW: &str = "Another-Good-One-77";

#[derive(Clone, Copy, PartialEq)]
enum Deed {
    EndSessions,
    Disable,
}

/// Somebody with a session, to whom something happens between the look at it and the change that they ask for.
async fn interrupted(stack: Stack, deed: Deed) -> (TestApp, Actor) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await;
    let cx = app.cx();
    app.tap().meanwhile("begin", async move {
        match deed {
            Deed::EndSessions => drop(cx.conn().end_sessions_of_user(id, None).await.unwrap()),
            Deed::Disable => disable_user(&cx, id).await.unwrap(),
        }
    });
    (app, ada)
}

async fn a_session_ended_meanwhile_changes_no_password(stack: Stack) {
    for revoke in [true, false] {
        let (app, thief) = interrupted(stack, Deed::EndSessions).await;
        let body = json!({"currentPassword": PASSWORD, "newPassword": NEW, "revokeOtherSessions": revoke});
        thief.auth_post("/change-password", body).await.refused(401, "UNAUTHORIZED");
        app.anon().sign_in("ada@example.com", NEW).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    }
}

async fn a_user_disabled_meanwhile_changes_no_password(stack: Stack) {
    let (app, ada) = interrupted(stack, Deed::Disable).await;
    ada.change_password(PASSWORD, NEW).await.refused(401, "UNAUTHORIZED");
    assert!(app.sessions("ada@example.com").await.is_empty());
}

async fn whoever_lost_their_session_meanwhile_changes_no_profile(stack: Stack) {
    for deed in [Deed::EndSessions, Deed::Disable] {
        let (app, thief) = interrupted(stack, deed).await;
        thief.auth_post("/update-user", json!({"name": "Mallory"})).await.refused(401, "UNAUTHORIZED");
        let id = app.user_id("ada@example.com").await;
        let user = user_by_id(&app.cx(), id).await.unwrap().unwrap();
        assert_ne!(user.name, "Mallory");
    }
}

async fn whoever_lost_their_session_meanwhile_deletes_nobody(stack: Stack) {
    for deed in [Deed::EndSessions, Deed::Disable] {
        let (app, thief) = interrupted(stack, deed).await;
        thief.auth_post("/delete-user", json!({})).await.refused(401, "UNAUTHORIZED");
        assert!(app.find_user("ada@example.com").await.is_some(), "an ended session deleted its user");
    }
}

async fn signing_out_ends_every_session_that_is_shown(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let stolen = ada.copied();
    let stale = "A".repeat(43);
    ada.with_bearer(&stale).auth_post("/sign-out", json!({})).await.ok();
    assert!(!stolen.is_signed_in().await && app.sessions("ada@example.com").await.is_empty());
}

async fn a_websocket_from_a_foreign_page_has_no_session(stack: Stack) {
    let (_, ada) = stack.signed_up("ada@example.com").await;
    let upgrade = |origin: &'static str| {
        ada.request(Method::GET, "/me").header("upgrade", "websocket").header("origin", origin).send()
    };
    upgrade("https://evil.example.com").await.refused(403, "INVALID_ORIGIN");
    upgrade(auth_tests::BASE_URL).await.ok();
}

/// `Option<CurrentUser>` in actix-web, `Result<CurrentUser, Refusal>` in axum.
#[tokio::test]
async fn a_refusal_that_a_handler_overlooks_stands() {
    for stack in [Stack::AXUM_MEMORY, Stack::ACTIX_MEMORY] {
        let (app, ada) = stack.signed_up("ada@example.com").await;
        assert_eq!(ada.get("/optional").await.ok(), json!({"somebody": true}));
        let bad = app.anon().with_bearer(&"A".repeat(43));
        bad.get("/optional").await.refused(401, "UNAUTHORIZED");
        app.tap().die_for("session_by_token");
        ada.get("/optional").await.refused(503, "SERVICE_UNAVAILABLE");
    }
}

async fn an_address_beyond_its_limit_is_not_hashed_for(stack: Stack) {
    let proxies = TrustedProxies::parse(["192.0.2.0/24"], ForwardingHeader::XForwardedFor).unwrap();
    // So dear that nothing else comes near it.
    let hash = HashConfig::insecure_fast_for_tests().memory_kib(64 * 1024).iterations(4);
    let password = password_config().hash(hash);
    let lockout = Lockout::default().per_address(2);
    let app = stack.app_with(|builder| builder.trusted_proxies(proxies).password(password).lockout(lockout)).await;
    app.signed_up("ada@example.com").await;
    let flood = app.anon().from_ip("198.51.100.7");
    let quickest_of_two = async |email: &str, password: &str| {
        let mut quickest = Duration::MAX;
        for _ in 0..2 {
            let begun = Instant::now();
            flood.sign_in(email, password).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
            quickest = quickest.min(begun.elapsed());
        }
        quickest
    };
    let hashed = quickest_of_two("nobody@example.com", "wrong").await;
    let blocked = quickest_of_two("ada@example.com", PASSWORD).await;
    assert!(blocked < hashed / 2, "{blocked:?} for an address over its limit, {hashed:?} before");
}

#[tokio::test]
async fn what_one_engine_has_proved_means_nothing_to_another() {
    use auth_axum::{AuthLayer, Router};
    let engine = || builder().store(MemoryStore::new()).build().unwrap();
    let (customers, staff) = (engine(), engine());
    let cx = customers.background_cx();
    let signup = json!({"name": "Mallory", "email": "mallory@example.com", "password": PASSWORD});
    let endpoint: password::SignUpEmail = serde_json::from_value(signup).unwrap();
    let token = customers.call(&cx, endpoint).await.unwrap().signed_in().unwrap().token.expose().to_owned();
    for outer in [public(), signed_in()] {
        let inner: axum::Router = Router::new().route("/staff", get(async || "secret")).auth(staff.clone()).unwrap();
        let app = inner.layer(AuthLayer::new(customers.clone(), outer).unwrap());
        let request = Request::builder().uri("/staff").header("authorization", format!("Bearer {token}"));
        let status = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status();
        assert_eq!(status, 401);
    }
    let again: password::SignInEmail =
        serde_json::from_value(json!({"email": "mallory@example.com", "password": PASSWORD})).unwrap();
    assert!(staff.call(&cx, again).await.is_err(), "an engine took another one's context");
}
