//! The protocol as it travels: whole answers, with ids, tokens and dates replaced by what they are.
//!
//! One snapshot serves every transport and store.

use auth_tests::{PASSWORD, Stack, flows};
use insta::assert_snapshot;
use serde_json::json;

flows![signing_up_and_in, reading_and_listing, changing_and_leaving, api_keys, refusals];

async fn signing_up_and_in(stack: Stack) {
    let app = stack.app().await;
    assert_snapshot!("sign_up", app.anon().sign_up("ada@example.com").await.snapshot());
    assert_snapshot!("sign_up_taken", app.anon().sign_up("ada@example.com").await.snapshot());
    let ada = app.anon();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "callbackURL": "/home", "rememberMe": false});
    assert_snapshot!("sign_in", ada.auth_post("/sign-in/email", body).await.snapshot());
    assert_snapshot!("sign_in_refused", ada.sign_in("ada@example.com", "wrong").await.snapshot());
    assert_snapshot!("sign_out", ada.auth_post("/sign-out", json!({})).await.snapshot());
}

async fn reading_and_listing(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    assert_snapshot!("get_session_of_nobody", app.anon().auth_get("/get-session").await.snapshot());
    assert_snapshot!("get_session", ada.auth_get("/get-session").await.snapshot());
    assert_snapshot!("list_sessions", ada.auth_get("/list-sessions").await.snapshot());
    assert_snapshot!("list_accounts", ada.auth_get("/list-accounts").await.snapshot());
}

async fn changing_and_leaving(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    assert_snapshot!("update_user", ada.auth_post("/update-user", json!({"name": "Countess"})).await.snapshot());
    assert_snapshot!("change_password", ada.change_password(PASSWORD, "Marble-Falcon-Quiet-77").await.snapshot());
    assert_snapshot!("delete_user", ada.auth_post("/delete-user", json!({})).await.snapshot());
}

async fn api_keys(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let body = json!({"name": "ci", "expiresIn": 86_400, "metadata": {"plan": "pro"}});
    let created = ada.auth_post("/api-key/create", body).await;
    let id = created.ok()["id"].as_str().unwrap().to_owned();
    assert_snapshot!("create_api_key", created.snapshot());
    assert_snapshot!("list_api_keys", ada.auth_get("/api-key/list").await.snapshot());
    assert_snapshot!("api_key_usage", ada.auth_get(&format!("/api-key/usage?id={id}")).await.snapshot());
    assert_snapshot!("delete_api_key", ada.auth_post("/api-key/delete", json!({"keyId": id})).await.snapshot());
    let gone = ada.auth_get(&format!("/api-key/get?id={id}")).await;
    assert_snapshot!("api_key_not_found", gone.snapshot());
    let limited = ada.auth_post("/api-key/create", json!({"remaining": 5})).await;
    assert_snapshot!("api_key_server_only", limited.snapshot());
}

async fn refusals(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    assert_snapshot!("unauthorized", app.anon().get("/me").await.snapshot());
    assert_snapshot!("forbidden", ada.get("/reports").await.snapshot());
    let incomplete = json!({"name": "Ada", "password": PASSWORD});
    assert_snapshot!("validation_error", app.anon().auth_post("/sign-up/email", incomplete).await.snapshot());
    assert_snapshot!("unknown_address", ada.auth_get("/unknown").await.snapshot());
    app.tap().die_after(0);
    assert_snapshot!("unavailable", ada.get("/me").await.snapshot());
}
