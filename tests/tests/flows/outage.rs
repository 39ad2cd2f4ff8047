//! A database that dies, at whichever call: never a way in, never 401, and nothing half done.

use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

flows![
    a_dead_database_is_503_for_everybody_with_a_credential,
    a_dead_database_is_no_wrong_password,
    a_sign_up_that_dies_at_any_call_leaves_nothing,
    a_sign_in_that_dies_at_any_call_leaves_no_session,
    a_sign_in_that_an_outage_ended_is_no_wrong_password,
    a_proof_that_an_outage_ended_is_no_wrong_password,
    a_change_of_password_that_dies_at_any_call_changes_nothing,
    a_revocation_that_dies_says_so,
    the_cause_is_not_shown,
];

async fn a_dead_database_is_503_for_everybody_with_a_credential(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "super_admin", &["reports:read"]).await;
    app.tap().die_after(0);
    for actor in [ada.copied(), ada.bearer()] {
        for path in ["/me", "/fresh", "/reports", "/staff", "/pair", "/maybe"] {
            actor.get(path).await.refused(503, "SERVICE_UNAVAILABLE");
        }
        actor.post("/change", json!({})).await.refused(503, "SERVICE_UNAVAILABLE");
        for endpoint in ["/get-session", "/list-sessions", "/list-accounts"] {
            let reply = actor.auth_get(endpoint).await;
            reply.refused(503, "SERVICE_UNAVAILABLE");
            assert_eq!(reply.set_cookies().len(), 0, "the browser keeps its session for when the database is back");
        }
    }
    // Nothing needs the database to refuse who brings nothing, or to serve what is public.
    app.anon().get("/me").await.refused(401, "UNAUTHORIZED");
    app.anon().get("/products").await.ok();
    app.tap().revive();
    assert!(ada.is_signed_in().await);
}

async fn a_dead_database_is_no_wrong_password(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    app.tap().die_after(0);
    for password in [PASSWORD, "wrong"] {
        app.anon().sign_in("ada@example.com", password).await.refused(503, "SERVICE_UNAVAILABLE");
    }
}

/// Repeats `act` on fresh applications, with the store dying one call later each time, until it succeeds; checks with
/// `untouched` what every death left. A death after the commit costs the audit row alone.
async fn dies_everywhere<U>(
    stack: Stack,
    act: impl AsyncFn(&Actor) -> Reply,
    untouched: impl AsyncFn(&TestApp, &Actor) -> U,
) {
    for calls in 0.. {
        assert!(calls < 40, "it never succeeds");
        let (app, ada) = stack.signed_up("ada@example.com").await;
        app.tap().take_calls();
        app.tap().die_after(calls);
        let reply = act(&ada).await;
        let died_at = app.tap().take_calls();
        app.tap().revive();
        if reply.status.is_success() {
            assert!(died_at.contains(&"commit"), "{died_at:?}");
            return;
        }
        reply.refused(503, "SERVICE_UNAVAILABLE");
        assert_eq!(reply.set_cookies().len(), 0, "{died_at:?}");
        untouched(&app, &ada).await;
    }
}

async fn a_sign_up_that_dies_at_any_call_leaves_nothing(stack: Stack) {
    let act = async |ada: &Actor| ada.copied().sign_up("grace@example.com").await;
    dies_everywhere(stack, act, async |app: &TestApp, _: &Actor| {
        assert_eq!(app.find_user("grace@example.com").await, None);
        app.signed_up("grace@example.com").await;
    })
    .await;
}

async fn a_sign_in_that_dies_at_any_call_leaves_no_session(stack: Stack) {
    let act = async |ada: &Actor| ada.copied().sign_in("ada@example.com", PASSWORD).await;
    dies_everywhere(stack, act, async |app: &TestApp, _: &Actor| {
        assert_eq!(app.sessions("ada@example.com").await.len(), 1);
    })
    .await;
}

/// More often than wrong passwords are forgiven.
async fn a_sign_in_that_an_outage_ended_is_no_wrong_password(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for question in ["sign_in_facts", "begin", "open_session", "settle_attempts", "commit"] {
        app.tap().die_for(question);
        for _ in 0..11 {
            app.anon().sign_in("ada@example.com", PASSWORD).await.refused(503, "SERVICE_UNAVAILABLE");
        }
        app.tap().revive();
        app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    }
}

/// Nor is proving the password again in a session.
async fn a_proof_that_an_outage_ended_is_no_wrong_password(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for question in ["attempts", "password_of_user", "begin", "settle_attempts", "commit"] {
        app.tap().die_for(question);
        for _ in 0..11 {
            let body = json!({"password": PASSWORD});
            ada.auth_post("/verify-password", body).await.refused(503, "SERVICE_UNAVAILABLE");
        }
        app.tap().revive();
        ada.auth_post("/verify-password", json!({"password": PASSWORD})).await.ok();
    }
}

async fn a_change_of_password_that_dies_at_any_call_changes_nothing(stack: Stack) {
    let act = async |ada: &Actor| ada.copied().change_password(PASSWORD, "Marble-Falcon-Quiet-77").await;
    dies_everywhere(stack, act, async |app: &TestApp, ada: &Actor| {
        assert!(ada.is_signed_in().await);
        app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    })
    .await;
}

async fn a_revocation_that_dies_says_so(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for (endpoint, question) in [
        ("/sign-out", "end_session"),
        ("/revoke-sessions", "end_sessions_of_user"),
        ("/revoke-other-sessions", "end_sessions_of_user"),
    ] {
        app.tap().die_for(question);
        let reply = ada.auth_post(endpoint, json!({})).await;
        reply.refused(503, "SERVICE_UNAVAILABLE");
        assert_eq!(reply.set_cookies().len(), 0, "{endpoint}");
    }
    app.tap().revive();
    assert!(ada.is_signed_in().await);
}

async fn the_cause_is_not_shown(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.tap().die_after(0);
    let draft = ada.request(Method::GET, "/me");
    for reply in [draft.send().await, ada.sign_in("ada@example.com", PASSWORD).await] {
        let body: Value = reply.json();
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        assert!(!reply.text().contains("db.internal") && !reply.text().contains("app_user"));
    }
}
