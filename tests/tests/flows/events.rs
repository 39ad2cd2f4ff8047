//! Events and the audit trail: an entry is part of its change, an event is told after it; both complete, without
//! secrets.

use std::time::Duration;

use async_trait::async_trait;
use auth_core::Cx;
use auth_core::audit::Outcome;
use auth_core::hooks::{Event, EventSink};
use auth_core::{role, user};
use auth_tests::{PASSWORD, Stack, flows};
use serde_json::json;

flows![
    every_turn_leaves_its_event_in_order,
    an_entry_says_who_what_where_and_in_which_request,
    failures_are_kept_with_their_reason,
    no_secret_and_no_address_is_in_the_trail,
    an_event_is_told_after_the_commit_alone,
    a_change_and_its_entry_are_one,
    a_sink_that_fails_never_fails_the_request,
    an_entry_that_cannot_be_written_does_not_change_a_refusal,
];

const NEW: &str = "Marble-Falcon-Quiet-77";

async fn every_turn_leaves_its_event_in_order(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await;
    ada.auth_post("/update-user", json!({"name": "Countess"})).await.ok();
    app.grant("ada@example.com", "ADMIN", "super_admin", &[]).await;
    role::revoke_role(&app.cx(), id, "ADMIN", "super_admin").await.unwrap();
    ada.change_password(PASSWORD, NEW).await.ok();
    let phone = app.anon();
    phone.sign_in("ada@example.com", NEW).await.ok();
    phone.auth_post("/sign-out", json!({})).await.ok();
    ada.auth_post("/revoke-other-sessions", json!({})).await.ok();
    ada.auth_post("/delete-user", json!({})).await.ok();
    let told = [
        "signed_up",
        "signed_in",
        "profile_changed",
        "role_defined",
        "role_granted",
        "role_revoked",
        "password_changed",
        "signed_in",
        "signed_in",
        "signed_out",
        "sessions_ended",
        "user_deleted",
    ];
    assert_eq!(app.events().take(), told);
    let mut kept: Vec<String> = app.audit(id).await.into_iter().map(|entry| entry.action).collect();
    // That a role was defined concerns nobody in particular; entries of one instant are in no order.
    let mut concerning_her: Vec<&str> = told.into_iter().filter(|action| *action != "role_defined").collect();
    kept.sort_unstable();
    concerning_her.sort_unstable();
    assert_eq!(kept, concerning_her);
}

async fn an_entry_says_who_what_where_and_in_which_request(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await;
    app.advance(Duration::from_secs(5));
    let phone = app.anon().from_ip("198.51.100.9");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let draft = phone.request(http::Method::POST, "/api/auth/sign-in/email").json(&body);
    draft.header("x-correlation-id", "req-4711").send().await.ok();
    let entry = app.audit(id).await.remove(0);
    assert_eq!((&*entry.action, entry.outcome, entry.user_id), ("signed_in", Outcome::Success, Some(id)));
    assert_eq!(entry.ip_address, Some("198.51.100.9".parse().unwrap()));
    assert_eq!((entry.correlation_id.as_deref(), entry.at), (Some("req-4711"), app.auth().now()));
    let session = phone.session().await["session"]["id"].clone();
    assert_eq!(json!(entry.session_id.unwrap()), session);
    app.advance(Duration::from_secs(1));
    app.grant("ada@example.com", "ADMIN", "super_admin", &[]).await;
    app.advance(Duration::from_secs(1));
    phone.auth_post("/update-user", json!({"name": "Countess"})).await.ok();
    let latest = app.audit(id).await;
    assert_eq!((&*latest[0].action, latest[0].actor_id), ("profile_changed", Some(id)));
    assert_eq!((latest[1].detail.as_deref(), latest[1].actor_id), (Some("ADMIN/super_admin"), None));
}

async fn failures_are_kept_with_their_reason(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await;
    ada.auth_post("/verify-password", json!({"password": "wrong"})).await;
    app.advance(Duration::from_secs(1));
    for _ in 0..10 {
        app.anon().sign_in("ada@example.com", "wrong").await;
    }
    app.advance(Duration::from_secs(1));
    app.anon().sign_in("ada@example.com", PASSWORD).await;
    app.advance(Duration::from_secs(1));
    user::disable_user(&app.cx(), id).await.unwrap();
    app.advance(Duration::from_secs(1));
    app.anon().sign_in("ada@example.com", PASSWORD).await;
    let latest: Vec<(String, Outcome)> =
        app.audit(id).await.into_iter().map(|entry| (entry.action, entry.outcome)).collect();
    assert_eq!(latest[0], ("sign_in_refused_disabled".to_owned(), Outcome::Failure));
    assert_eq!(latest[1].0, "user_disabled");
    assert_eq!(latest[2], ("sign_in_refused_locked".to_owned(), Outcome::Failure));
    assert_eq!(latest[3], ("sign_in_refused".to_owned(), Outcome::Failure));
    assert!(latest.contains(&("password_refused".to_owned(), Outcome::Failure)));
}

async fn no_secret_and_no_address_is_in_the_trail(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let mut secrets = vec![PASSWORD.to_owned(), NEW.to_owned(), "guess".to_owned(), "ada@example.com".to_owned()];
    secrets.extend(ada.cookie());
    app.anon().sign_in("ada@example.com", "guess").await;
    ada.change_password(PASSWORD, NEW).await.ok();
    secrets.extend(ada.cookie());
    let trail = format!("{:?}", app.audit(app.user_id("ada@example.com").await).await);
    for secret in secrets {
        assert!(!trail.contains(&secret), "{trail}");
    }
}

async fn an_event_is_told_after_the_commit_alone(stack: Stack) {
    let app = stack.app().await;
    app.tap().die_for("commit");
    app.anon().sign_up("ada@example.com").await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
    assert!(app.events().take().is_empty());
    app.signed_up("ada@example.com").await;
    assert_eq!(app.events().take(), ["signed_up", "signed_in"]);
    let id = app.user_id("ada@example.com").await;
    assert_eq!(app.audit(id).await.len(), 2, "the first attempt left no entry");
}

async fn a_change_and_its_entry_are_one(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await;
    app.events().take();
    let phone = app.signed_in("ada@example.com").await;
    app.tap().die_for("insert_audit");
    app.anon().sign_up("grace@example.com").await.refused(503, "SERVICE_UNAVAILABLE");
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(503, "SERVICE_UNAVAILABLE");
    ada.change_password(PASSWORD, NEW).await.refused(503, "SERVICE_UNAVAILABLE");
    ada.auth_post("/revoke-sessions", json!({})).await.refused(503, "SERVICE_UNAVAILABLE");
    ada.auth_post("/delete-user", json!({})).await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
    assert_eq!(app.events().take(), ["signed_in"]);
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    assert_eq!((app.sessions("ada@example.com").await.len(), app.audit(id).await.len()), (2, 3));
    assert_eq!(app.find_user("grace@example.com").await, None);
}

struct Panicking;

#[async_trait]
impl EventSink for Panicking {
    async fn deliver(&self, _cx: &Cx, _event: &Event) {
        panic!("a sink fell over");
    }
}

struct NeverEnding;

#[async_trait]
impl EventSink for NeverEnding {
    async fn deliver(&self, _cx: &Cx, _event: &Event) {
        std::future::pending().await
    }
}

async fn a_sink_that_fails_never_fails_the_request(stack: Stack) {
    let limit = Duration::from_millis(10);
    let sinks =
        |builder: auth_core::AuthBuilder| builder.event_sink(Panicking).event_sink(NeverEnding).hook_time_limit(limit);
    let app = stack.app_with(sinks).await;
    let ada = app.signed_up("ada@example.com").await;
    assert!(ada.is_signed_in().await);
    assert_eq!(app.events().take(), ["signed_up", "signed_in"], "the other sinks are told all the same");
}

async fn an_entry_that_cannot_be_written_does_not_change_a_refusal(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.tap().die_for("insert_audit");
    app.anon().sign_in("ada@example.com", "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    ada.auth_post("/verify-password", json!({"password": "wrong"})).await.refused(400, "INVALID_PASSWORD");
}
