//! The name of a request, in and out.

use auth_tests::{Stack, flows};
use http::Method;

flows![
    a_well_formed_name_is_echoed,
    any_other_is_replaced,
    a_request_without_one_gets_one,
    a_handler_knows_the_name_and_the_trail_has_it,
];

/// Endpoints, guarded and public routes, and refusals.
const PATHS: [&str; 4] = ["/api/auth/get-session", "/products", "/me", "/api/auth/list-accounts"];

async fn a_well_formed_name_is_echoed(stack: Stack) {
    let app = stack.app().await;
    for path in PATHS {
        let actor = app.anon();
        let reply = actor.request(Method::GET, path).header("x-correlation-id", "req-1.A_b").send().await;
        assert_eq!(reply.header("x-correlation-id"), Some("req-1.A_b"), "{path}");
    }
}

async fn any_other_is_replaced(stack: Stack) {
    let app = stack.app().await;
    for bad in ["", "a b", "<script>", "\u{e9}", &"a".repeat(129)] {
        for path in PATHS {
            let actor = app.anon();
            let reply = actor.request(Method::GET, path).header("x-correlation-id", bad).send().await;
            assert!(reply.header("x-correlation-id").unwrap().starts_with("cor_"), "{path} {bad:?}");
        }
    }
}

async fn a_request_without_one_gets_one(stack: Stack) {
    let app = stack.app().await;
    let (first, second) = (app.anon().get("/products").await, app.anon().get("/products").await);
    let (first, second) = (first.header("x-correlation-id").unwrap(), second.header("x-correlation-id").unwrap());
    assert!(first.starts_with("cor_") && first.len() == 20 && first != second);
}

async fn a_handler_knows_the_name_and_the_trail_has_it(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "reporter", &["reports:read"]).await;
    let reply = ada.request(Method::GET, "/context").header("x-correlation-id", "req-2").send().await;
    let body = reply.json();
    let id = app.user_id("ada@example.com").await;
    let context = serde_json::json!({
        "userId": id, "email": "ada@example.com", "name": "Ada", "permissions": ["reports:read"],
        "correlationId": "req-2", "timestamp": app.cx().now(),
    });
    assert_eq!((&body["context"], &body["reads"]), (&context, &true.into()));
    let sign_out = ada.request(Method::POST, "/api/auth/sign-out").header("x-correlation-id", "req-3");
    sign_out.send().await.ok();
    let trail = app.audit(id).await;
    assert!(trail.iter().any(|row| row.correlation_id.as_deref() == Some("req-3")), "{trail:?}");
}
