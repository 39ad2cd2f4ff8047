//! Somebody to be while an application is written, and nobody anywhere else.

use auth_core::AuthBuilder;
use auth_core::guard::{DevelopmentAuth, Environment};
use auth_core::store::MemoryStore;
use auth_tests::{BASE_URL, PASSWORD, Stack, builder, flows};
use http::Method;
use serde_json::json;

flows![
    a_request_without_a_credential_is_the_developers,
    a_bad_credential_is_still_refused,
    whoever_signs_in_is_themselves,
    a_foreign_page_does_not_act_as_the_developer,
    the_endpoints_know_nothing_of_it,
];

fn developed(builder: AuthBuilder) -> AuthBuilder {
    let developer = DevelopmentAuth::default().name("Dev").permissions(["reports:read"]).role("ADMIN", "super_admin");
    builder.environment(Environment::Development).development_auth(developer)
}

async fn a_request_without_a_credential_is_the_developers(stack: Stack) {
    let app = stack.app_with(developed).await;
    for path in ["/me", "/reports", "/staff", "/pair", "/context", "/principal"] {
        app.anon().get(path).await.ok();
    }
    assert_eq!(app.anon().get("/me").await.json()["email"], "developer@localhost.invalid");
    app.anon().post("/change", json!({})).await.ok();
    app.program().post("/change", json!({})).await.ok();
    // What somebody has to be a user of ours for, they are not.
    app.anon().get("/stateless/session").await.refused(403, "FORBIDDEN");
    app.anon().get("/customers").await.refused(403, "FORBIDDEN");
}

async fn a_bad_credential_is_still_refused(stack: Stack) {
    let app = stack.app_with(developed).await;
    app.anon().with_cookie("stolen").get("/me").await.refused(401, "UNAUTHORIZED");
    for token in ["", "x", "a.b.c"] {
        app.program().with_bearer(token).get("/me").await.refused(401, "UNAUTHORIZED");
    }
    let reply = app.program().request(Method::GET, "/me").header("x-api-key", "guessed").send().await;
    reply.refused(401, "UNAUTHORIZED");
}

async fn whoever_signs_in_is_themselves(stack: Stack) {
    let app = stack.app_with(developed).await;
    let ada = app.signed_up("ada@example.com").await;
    assert_eq!(ada.get("/me").await.json()["email"], "ada@example.com");
    ada.get("/reports").await.refused(403, "FORBIDDEN");
}

async fn a_foreign_page_does_not_act_as_the_developer(stack: Stack) {
    let app = stack.app_with(developed).await;
    for (name, value) in [("origin", "https://evil.test"), ("sec-fetch-mode", "no-cors")] {
        let reply = app.program().request(Method::POST, "/change").header(name, value).send().await;
        assert_eq!(reply.status, 403, "{name}");
    }
}

async fn the_endpoints_know_nothing_of_it(stack: Stack) {
    let app = stack.app_with(developed).await;
    app.anon().auth_get("/list-sessions").await.refused(401, "UNAUTHORIZED");
    assert_eq!(app.anon().auth_get("/get-session").await.text(), "null");
    app.anon().sign_up("eve@example.com").await.ok();
    app.anon().sign_in("eve@example.com", PASSWORD).await.ok();
}

#[test]
fn it_is_for_development_on_this_machine() {
    let problems = |builder: AuthBuilder| {
        builder.store(MemoryStore::new()).build().map_or_else(|errors| errors.problems().to_vec(), |_| Vec::new())
    };
    assert!(problems(developed(builder())).is_empty());
    assert_eq!(problems(builder().development_auth(DevelopmentAuth::default())).len(), 1, "production is the default");
    assert_eq!(problems(developed(builder()).environment(Environment::Production)).len(), 1);
    assert_eq!(problems(developed(builder().base_url("https://api.example.com"))).len(), 1);
    assert_eq!(
        problems(developed(builder().base_url(BASE_URL)).development_auth(DevelopmentAuth::default().email("x"))).len(),
        1
    );
}
