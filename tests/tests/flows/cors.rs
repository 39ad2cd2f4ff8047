//! Pages of other origins: who may read what, and how they ask.

use auth_core::http::Cors;
use auth_core::limit::{Config, Quota};
use auth_tests::{Reply, Stack, TestApp, flows};
use http::Method;

flows![
    a_preflight_is_answered_before_anything_else,
    a_preflight_of_a_stranger_allows_nothing,
    every_answer_says_who_may_read_it,
    without_cors_nobody_else_reads_anything,
    any_page_reads_what_is_public_anyway,
    what_is_not_routed_is_not_shared,
];

const APP: &str = "https://app.example.com";

async fn shared(stack: Stack) -> TestApp {
    let limits = Config::default().anonymous([Quota::per_minute(2).unwrap()]);
    stack.app_with(|builder| builder.trusted_origins([APP]).cors(Cors::of_trusted_origins()).rate_limits(limits)).await
}

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Reply {
    app.anon()
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
}

async fn get(app: &TestApp, path: &str, origin: &str) -> Reply {
    app.anon().request(Method::GET, path).header("origin", origin).send().await
}

async fn a_preflight_is_answered_before_anything_else(stack: Stack) {
    let app = shared(stack).await;
    app.tap().take_calls();
    for _ in 0..5 {
        for path in ["/me", "/products", "/change", "/api/auth/sign-in/email", "/api/auth/get-session"] {
            let reply = preflight(&app, path, APP).await;
            assert_eq!((reply.status.as_u16(), reply.text()), (204, String::new()), "{path}");
            assert_eq!(reply.header("access-control-allow-origin"), Some(APP));
            assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
            assert_eq!(reply.header("access-control-max-age"), Some("86400"));
            let methods = reply.header("access-control-allow-methods").unwrap();
            for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
                assert!(methods.contains(method), "{methods}");
            }
            let headers = reply.header("access-control-allow-headers").unwrap().to_lowercase();
            assert!(headers.contains("content-type") && headers.contains("authorization"), "{headers}");
            assert!(reply.header("x-ratelimit-limit").is_none(), "it was counted");
            let varies: Vec<_> = reply.headers.get_all("vary").iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(varies.join(", "), "origin, access-control-request-method, access-control-request-headers");
        }
    }
    assert!(app.tap().take_calls().is_empty());
    app.anon().get("/products").await.ok();
}

async fn a_preflight_of_a_stranger_allows_nothing(stack: Stack) {
    let app = shared(stack).await;
    for origin in ["https://evil.test", "https://app.example.com.evil.test", "http://app.example.com", "null"] {
        let reply = preflight(&app, "/me", origin).await;
        assert_eq!(reply.status, 204, "{origin}");
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{origin}");
    }
    // What is no preflight is a request like any other.
    let reply = app.anon().request(Method::OPTIONS, "/me").send().await;
    assert_ne!(reply.status, 204);
    let reply = app.anon().request(Method::OPTIONS, "/me").header("origin", APP).send().await;
    assert_ne!(reply.status, 204);
}

async fn every_answer_says_who_may_read_it(stack: Stack) {
    let app = shared(stack).await;
    let answers = [
        (get(&app, "/products", APP).await, 200),
        (get(&app, "/me", APP).await, 401),
        (get(&app, "/me", APP).await, 429),
        (get(&app, "/api/auth/get-session", APP).await, 200),
        (get(&app, "/api/auth/list-sessions", APP).await, 401),
    ];
    for (reply, status) in answers {
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("access-control-allow-origin"), Some(APP), "{status}");
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("vary"), Some("origin"));
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in ["x-ratelimit-remaining", "retry-after", "x-correlation-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
    }
    for origin in ["https://evil.test", "null"] {
        let reply = get(&app, "/health", origin).await;
        reply.ok();
        assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), (None, Some("origin")));
    }
    let reply = app.anon().get("/health").await;
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), (None, Some("origin")));
}

async fn without_cors_nobody_else_reads_anything(stack: Stack) {
    let app = stack.app().await;
    for reply in [preflight(&app, "/me", APP).await, get(&app, "/products", APP).await] {
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{reply:?}");
    }
}

async fn any_page_reads_what_is_public_anyway(stack: Stack) {
    let app = stack.app_with(|builder| builder.cors(Cors::any_origin())).await;
    let reply = get(&app, "/products", "https://evil.test").await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

/// In both frameworks alike.
async fn what_is_not_routed_is_not_shared(stack: Stack) {
    let app = shared(stack).await;
    for path in ["/nothing", "/me/nothing"] {
        assert_eq!(preflight(&app, path, APP).await.status, 404, "{path}");
    }
}
