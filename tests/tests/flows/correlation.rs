//! The name of a request, in and out.

use auth_tests::{Stack, flows};
use http::Method;

flows![a_well_formed_name_is_echoed, any_other_is_replaced, a_request_without_one_gets_one];

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
