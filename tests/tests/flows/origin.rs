//! Where a request comes from: cross-site request forgery, with cookies and without.

use auth_tests::{Actor, PASSWORD, Stack, flows};
use http::Method;
use serde_json::json;

flows![
    a_cookie_from_a_foreign_page_is_refused,
    a_cookie_without_an_origin_is_refused,
    a_referer_stands_in_for_the_origin,
    signing_in_from_a_foreign_page_is_refused_without_cookies_too,
    a_program_needs_no_origin,
    a_configured_origin_is_trusted_and_what_resembles_it_is_not,
    the_application_s_own_routes_are_protected_alike,
    reading_is_not_checked,
    a_websocket_from_a_foreign_page_is_refused,
    an_origin_is_judged_before_the_credential,
];

const EVIL: &str = "https://evil.test";

type Headers<'a> = &'a [(&'static str, &'a str)];

/// `POST` of this path with exactly these headers beside the cookies.
async fn post_with(actor: &Actor, path: &str, headers: Headers<'_>) -> auth_tests::Reply {
    let mut draft = actor.request(Method::POST, path).without("origin").json(&json!({}));
    for (name, value) in headers {
        draft = draft.header(name, value);
    }
    draft.send().await
}

const REFUSED_WITH_A_COOKIE: [(Headers<'_>, &str); 9] = [
    (&[("origin", EVIL)], "INVALID_ORIGIN"),
    (&[("origin", "http://localhost:3001")], "INVALID_ORIGIN"),
    (&[("origin", "https://localhost:3000")], "INVALID_ORIGIN"),
    (&[("origin", "http://localhost:3000.evil.test")], "INVALID_ORIGIN"),
    (&[("origin", "http://localhost:3000@evil.test")], "INVALID_ORIGIN"),
    (&[("origin", "null")], "MISSING_OR_NULL_ORIGIN"),
    (&[("origin", "null"), ("sec-fetch-site", "cross-site")], "MISSING_OR_NULL_ORIGIN"),
    (&[("referer", "https://evil.test/http://localhost:3000/")], "INVALID_ORIGIN"),
    // Host and forwarding headers are the attacker's own words.
    (&[("origin", EVIL), ("host", "evil.test"), ("x-forwarded-host", "evil.test")], "INVALID_ORIGIN"),
];

async fn a_cookie_from_a_foreign_page_is_refused(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for (headers, code) in REFUSED_WITH_A_COOKIE {
        for endpoint in ["/api/auth/sign-out", "/api/auth/revoke-sessions", "/api/auth/delete-user"] {
            post_with(&ada, endpoint, headers).await.refused(403, code);
        }
    }
    assert!(ada.is_signed_in().await);
    let both = ada.request(Method::POST, "/api/auth/revoke-sessions").json(&json!({})).another("origin", EVIL);
    both.send().await.refused(403, "INVALID_ORIGIN");
}

async fn a_cookie_without_an_origin_is_refused(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    post_with(&ada, "/api/auth/revoke-sessions", &[]).await.refused(403, "MISSING_OR_NULL_ORIGIN");
    // Any cookie shows that a browser is at work.
    post_with(&app.program(), "/api/auth/sign-out", &[("cookie", "theme=dark")])
        .await
        .refused(403, "MISSING_OR_NULL_ORIGIN");
    assert!(ada.is_signed_in().await);
}

async fn a_referer_stands_in_for_the_origin(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let page = [("referer", "http://localhost:3000/settings?tab=1")];
    post_with(&ada, "/api/auth/revoke-other-sessions", &page).await.ok();
    let hidden = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    post_with(&ada, "/api/auth/revoke-other-sessions", &hidden).await.ok();
}

/// Login CSRF: a foreign page must not sign its visitor in to the attacker's account.
async fn signing_in_from_a_foreign_page_is_refused_without_cookies_too(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let form = format!("email=ada%40example.com&password={PASSWORD}");
    for (headers, code) in [
        (&[("origin", EVIL)][..], "INVALID_ORIGIN"),
        (&[("origin", "null")], "MISSING_OR_NULL_ORIGIN"),
        (&[("referer", "https://evil.test/")], "INVALID_ORIGIN"),
        (&[("sec-fetch-mode", "cors")], "MISSING_OR_NULL_ORIGIN"),
        (
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("origin", EVIL)],
            "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
        ),
    ] {
        let visitor = app.program();
        let mut draft = visitor.request(Method::POST, "/api/auth/sign-in/email");
        draft = draft.body("application/x-www-form-urlencoded", form.clone());
        for (name, value) in headers {
            draft = draft.header(name, value);
        }
        let reply = draft.send().await;
        reply.refused(403, code);
        assert_eq!(reply.set_cookies().len(), 0);
    }
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn a_program_needs_no_origin(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.program().sign_in("ada@example.com", PASSWORD).await.ok();
    ada.bearer().auth_post("/revoke-other-sessions", json!({})).await.ok();
    ada.bearer().post("/change", json!({})).await.ok();
}

async fn a_configured_origin_is_trusted_and_what_resembles_it_is_not(stack: Stack) {
    let trusting = |builder: auth_core::AuthBuilder| builder.trusted_origins(["https://*.example.com"]);
    let app = stack.app_with(trusting).await;
    let ada = app.signed_up("ada@example.com").await;
    for (origin, trusted) in [
        ("https://app.example.com", true),
        ("https://a.b.example.com", true),
        ("https://example.com", false),
        ("http://app.example.com", false),
        ("https://app.example.com:8443", false),
        ("https://evilexample.com", false),
        ("https://app.example.com.evil.test", false),
    ] {
        let reply = post_with(&ada, "/api/auth/revoke-other-sessions", &[("origin", origin)]).await;
        assert_eq!(reply.status.is_success(), trusted, "{origin}");
    }
}

async fn the_application_s_own_routes_are_protected_alike(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for (headers, code) in REFUSED_WITH_A_COOKIE {
        post_with(&ada, "/change", headers).await.refused(403, code);
    }
    post_with(&ada, "/change", &[]).await.refused(403, "MISSING_OR_NULL_ORIGIN");
    ada.post("/change", json!({})).await.ok();
}

async fn reading_is_not_checked(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for path in ["/me", "/api/auth/get-session", "/api/auth/list-sessions"] {
        ada.request(Method::GET, path).header("origin", EVIL).send().await.ok();
    }
}

/// A WebSocket begins with a GET that carries the cookie, from whatever page.
async fn a_websocket_from_a_foreign_page_is_refused(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for (origin, status) in [(EVIL, 403), ("http://localhost:3000", 200)] {
        let opening = ada.request(Method::GET, "/me").header("origin", origin).header("upgrade", "websocket");
        assert_eq!(opening.send().await.status, status, "{origin}");
    }
}

async fn an_origin_is_judged_before_the_credential(stack: Stack) {
    let app = stack.app().await;
    let stranger = app.anon().with_cookie("garbage");
    post_with(&stranger, "/api/auth/revoke-sessions", &[("origin", EVIL)]).await.refused(403, "INVALID_ORIGIN");
}
