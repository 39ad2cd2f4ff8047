//! Guessing is slowed down: ten wrong passwords for one account, fifty from one address, in fifteen minutes.

use std::time::Duration;

use auth_core::http::{ForwardingHeader, TrustedProxies};
use auth_tests::{PASSWORD, Stack, TestApp, flows};

use crate::MICROSECOND;

flows![
    after_ten_wrong_passwords_the_right_one_is_refused_alike,
    the_window_passes,
    an_open_session_is_unaffected,
    a_success_starts_the_count_anew,
    an_unknown_address_is_limited_alike,
    one_address_may_not_try_everybody,
    a_forged_forwarding_header_does_not_help,
    behind_a_trusted_proxy_the_client_is_counted,
    an_ipv6_network_counts_as_one,
    the_count_survives_a_restart,
];

const WINDOW: Duration = Duration::from_mins(15);

async fn guess(app: &TestApp, times: usize) {
    for _ in 0..times {
        app.anon().sign_in("ada@example.com", "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
}

async fn after_ten_wrong_passwords_the_right_one_is_refused_alike(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    guess(&app, 9).await;
    let tenth = app.anon().sign_in("ada@example.com", "wrong").await;
    let right = app.anon().sign_in("ada@example.com", PASSWORD).await;
    right.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    assert_eq!(right.essence(), tenth.essence());
    // Another network does not help: it is the account that is counted.
    let elsewhere = app.anon().from_ip("198.51.100.1").sign_in("ada@example.com", PASSWORD).await;
    assert_eq!(elsewhere.essence(), tenth.essence());
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn the_window_passes(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    guess(&app, 10).await;
    app.advance(WINDOW - MICROSECOND);
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.advance(MICROSECOND);
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn an_open_session_is_unaffected(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    guess(&app, 12).await;
    assert!(ada.is_signed_in().await);
    ada.change_password(PASSWORD, "Marble-Falcon-Quiet-77").await.ok();
}

async fn a_success_starts_the_count_anew(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for _ in 0..3 {
        guess(&app, 9).await;
        app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    }
}

async fn an_unknown_address_is_limited_alike(stack: Stack) {
    let app = stack.app().await;
    guess(&app, 11).await;
    // Whoever signs up in the middle of the window meets the count that is there already.
    app.signed_up("ada@example.com").await;
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

async fn spray(app: &TestApp, forwarded: Option<&str>) {
    for n in 0..50 {
        let actor = app.anon();
        let body = serde_json::json!({"email": format!("user{n}@example.com"), "password": "wrong"});
        let mut draft = actor.request(http::Method::POST, "/api/auth/sign-in/email").json(&body);
        if let Some(prefix) = forwarded {
            draft = draft.header("x-forwarded-for", &format!("{prefix}{n}"));
        }
        draft.send().await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
}

async fn one_address_may_not_try_everybody(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    spray(&app, None).await;
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.anon().from_ip("198.51.100.1").sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn a_forged_forwarding_header_does_not_help(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    spray(&app, Some("203.0.113.")).await;
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

async fn behind_a_trusted_proxy_the_client_is_counted(stack: Stack) {
    let proxies = TrustedProxies::parse(["192.0.2.0/24"], ForwardingHeader::XForwardedFor).unwrap();
    let app = stack.app_with(|builder| builder.trusted_proxies(proxies)).await;
    app.signed_up("ada@example.com").await;
    // What the client wrote itself stands further left than what the proxy saw.
    let forged = app.anon();
    for n in 0..50 {
        let body = serde_json::json!({"email": format!("user{n}@example.com"), "password": "wrong"});
        let draft = forged.request(http::Method::POST, "/api/auth/sign-in/email").json(&body);
        draft.header("x-forwarded-for", &format!("10.0.0.{n}, 203.0.113.7")).send().await;
    }
    for (client, status) in [("203.0.113.7", 401), ("203.0.113.8", 200)] {
        let body = serde_json::json!({"email": "ada@example.com", "password": PASSWORD});
        let draft = forged.request(http::Method::POST, "/api/auth/sign-in/email").json(&body);
        assert_eq!(draft.header("x-forwarded-for", client).send().await.status, status, "{client}");
    }
}

async fn an_ipv6_network_counts_as_one(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for n in 0..50 {
        let actor = app.anon().from_ip(&format!("2001:db8::{n:x}"));
        actor.sign_in(&format!("user{n}@example.com"), "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    let (inside, outside) = (app.anon().from_ip("2001:db8::ffff:1"), app.anon().from_ip("2001:db8:0:1::1"));
    inside.sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    outside.sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn the_count_survives_a_restart(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    guess(&app, 10).await;
    let again = app.restarted(stack.transport).await;
    drop(app);
    again.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    // And so does a session.
    assert!(again.anon().with_cookie(&ada.cookie().unwrap()).is_signed_in().await);
}
