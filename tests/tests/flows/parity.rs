//! axum, actix-web and the bare engine give the same answers over every store: status, headers, body, byte for byte.
//!
//! All draw the same randomness at the same time of day, so that even tokens and ids are equal.

use std::sync::Arc;

use auth_core::base::SeededRandom;
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp};
use http::Method;
use serde_json::{Value, json};

const EVIL: &str = "https://evil.test";

#[tokio::test]
async fn every_transport_gives_the_same_answers() {
    let engine = play(Stack::CORE_MEMORY).await;
    assert!(engine.len() >= 60, "{}", engine.len());
    for stack in [Stack::AXUM_MEMORY, Stack::ACTIX_MEMORY] {
        gives_the_same_answers(stack, &engine).await;
    }
}

#[tokio::test]
async fn every_store_gives_the_same_answers() {
    let engine = play(Stack::CORE_MEMORY).await;
    for stack in [Stack::CORE_SQLITE, Stack::AXUM_POSTGRES, Stack::ACTIX_MARIADB] {
        stack.run(async |stack| gives_the_same_answers(stack, &engine).await).await;
    }
}

async fn gives_the_same_answers(stack: Stack, engine: &Script) {
    let answers = play(stack).await;
    assert_eq!(answers.len(), engine.len());
    for ((request, expected), (_, answer)) in engine.iter().zip(&answers) {
        assert_eq!(answer, expected, "{request} through {stack:?}");
    }
}

/// What was asked, and the essence of what came back.
type Script = Vec<(String, String)>;

async fn play(stack: Stack) -> Script {
    let random = Arc::new(SeededRandom::predictable(1_815));
    let app = stack.app_with(|builder| builder.random(random)).await;
    let mut script = Script::new();
    let ada = accounts(&app, &mut script).await;
    api_keys(&app, &ada, &mut script).await;
    refusals(&app, &ada, &mut script).await;
    application(&app, &ada, &mut script).await;
    farewell(&app, &ada, &mut script).await;
    script
}

fn note(script: &mut Script, request: impl Into<String>, reply: &Reply) {
    script.push((request.into(), reply.essence()));
}

async fn tell(script: &mut Script, actor: &Actor, endpoint: &str, body: Value) {
    let request = format!("POST {endpoint} {body}");
    note(script, request, &actor.auth_post(endpoint, body).await);
}

async fn ask(script: &mut Script, actor: &Actor, path: &str) {
    note(script, format!("GET {path}"), &actor.get(path).await);
}

async fn accounts(app: &TestApp, script: &mut Script) -> Actor {
    let (ada, phone) = (app.anon(), app.anon());
    let complete = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD});
    tell(script, &ada, "/sign-up/email", complete.clone()).await;
    tell(script, &app.anon(), "/sign-up/email", complete).await;
    tell(script, &app.anon(), "/sign-up/email", json!({"name": "Ada", "email": "ada@example.com"})).await;
    tell(script, &phone, "/sign-in/email", json!({"email": "ada@example.com", "password": PASSWORD})).await;
    tell(script, &app.anon(), "/sign-in/email", json!({"email": "ada@example.com", "password": "wrong"})).await;
    tell(script, &app.anon(), "/sign-in/email", json!({"email": "ada", "password": "wrong"})).await;
    for endpoint in ["/get-session", "/list-sessions", "/list-accounts", "/ok", "/error?error=X_Y", "/unknown"] {
        ask(script, &ada, &format!("/api/auth{endpoint}")).await;
        ask(script, &app.anon(), &format!("/api/auth{endpoint}")).await;
    }
    tell(script, &ada, "/update-user", json!({"name": "Countess", "image": null})).await;
    tell(script, &ada, "/update-user", json!({"role": "admin"})).await;
    tell(script, &ada, "/verify-password", json!({"password": "wrong"})).await;
    tell(script, &ada, "/get-session", json!({})).await;
    ada
}

async fn refusals(app: &TestApp, ada: &Actor, script: &mut Script) {
    for (media_type, body) in [
        ("application/json", &b"{"[..]),
        ("application/json", b"[]"),
        ("application/json", b"{\"a\":1,\"a\":2}"),
        ("application/json", b""),
        ("application/json", &[b'x'; 70_000]),
        ("text/plain", b"{}"),
        ("application/x-www-form-urlencoded", b"email=ada%40example.com&password=wrong"),
        ("application/x-www-form-urlencoded", b"email=a&email=b"),
    ] {
        let (actor, shown) = (app.anon(), String::from_utf8_lossy(&body[..body.len().min(50)]));
        let draft = actor.request(Method::POST, "/api/auth/sign-in/email").body(media_type, body.to_vec());
        note(script, format!("{media_type} {shown}"), &draft.send().await);
    }
    for (name, value) in [
        ("origin", EVIL),
        ("origin", "null"),
        ("authorization", "Bearer garbage"),
        ("authorization", "Basic YTpi"),
        ("cookie", "auth.session_token=a; auth.session_token=b"),
        ("cookie", "auth.session_token=garbage"),
    ] {
        for (method, path) in [(Method::POST, "/api/auth/sign-out"), (Method::GET, "/me"), (Method::POST, "/change")] {
            let draft = ada.copied();
            let draft = draft.request(method.clone(), path).header(name, value);
            note(script, format!("{method} {path} {name}: {value}"), &draft.send().await);
        }
    }
    for (method, path) in [
        (Method::OPTIONS, "/api/auth/get-session"),
        (Method::PUT, "/api/auth/sign-out"),
        (Method::GET, "/api/auth/get-session/"),
        (Method::GET, "/api/auth//get-session"),
        (Method::GET, "/nowhere"),
    ] {
        note(script, format!("{method} {path}"), &ada.request(method, path).send().await);
    }
}

async fn api_keys(app: &TestApp, ada: &Actor, script: &mut Script) {
    let created = ada.auth_post("/api-key/create", json!({"name": "ci", "metadata": {"a": [1, null]}})).await;
    note(script, "a new key", &created);
    let id = created.ok()["id"].as_str().unwrap().to_owned();
    for (endpoint, body) in [
        ("/api-key/create", json!({"permissions": {"a": ["read"]}})),
        ("/api-key/create", json!({"prefix": "two words"})),
        ("/api-key/create", json!({"expiresIn": 1})),
        ("/api-key/update", json!({"keyId": id, "name": "new", "expiresIn": 90_000})),
        ("/api-key/update", json!({"keyId": id})),
        ("/api-key/rotate", json!({"keyId": id, "graceSeconds": 60})),
        ("/api-key/rotate", json!({"keyId": "unknown"})),
    ] {
        tell(script, ada, endpoint, body).await;
    }
    let questions = ["?limit=1&sortBy=name&sortDirection=desc", "?limit=-1", "?sortBy=owner", ""];
    for query in questions {
        ask(script, ada, &format!("/api/auth/api-key/list{query}")).await;
    }
    for endpoint in [format!("get?id={id}"), format!("usage?id={id}"), "get".to_owned(), "get?id=unknown".to_owned()] {
        ask(script, ada, &format!("/api/auth/api-key/{endpoint}")).await;
        ask(script, &app.anon(), &format!("/api/auth/api-key/{endpoint}")).await;
    }
    tell(script, ada, "/api-key/delete", json!({"keyId": id})).await;
    tell(script, ada, "/api-key/delete", json!({"keyId": id})).await;
}

async fn application(app: &TestApp, ada: &Actor, script: &mut Script) {
    for path in ["/me", "/reports", "/products", "/maybe", "/fresh", "/staff", "/pair"] {
        ask(script, ada, path).await;
        ask(script, &app.anon(), path).await;
    }
    app.grant("ada@example.com", "ADMIN", "super_admin", &["reports:read"]).await;
    for path in ["/reports", "/staff", "/pair"] {
        ask(script, ada, path).await;
    }
    app.advance(crate::DAY);
    // The session slides: a handler's answer carries the engine's cookie.
    ask(script, ada, "/me").await;
    ask(script, ada, "/fresh").await;
    app.tap().die_after(0);
    ask(script, ada, "/me").await;
    ask(script, ada, "/maybe").await;
    app.tap().revive();
    let named = ada.request(Method::GET, "/me").header("x-correlation-id", "req-1");
    note(script, "a named request", &named.send().await);
}

async fn farewell(app: &TestApp, ada: &Actor, script: &mut Script) {
    let change = json!({"currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77"});
    tell(script, ada, "/change-password", change).await;
    tell(script, ada, "/set-password", json!({"newPassword": PASSWORD})).await;
    tell(script, ada, "/revoke-session", json!({"token": "garbage"})).await;
    tell(script, ada, "/revoke-other-sessions", json!({})).await;
    for _ in 0..11 {
        tell(script, ada, "/verify-password", json!({"password": "wrong"})).await;
    }
    tell(script, ada, "/sign-out", json!({})).await;
    tell(script, ada, "/revoke-sessions", json!({})).await;
    let back = json!({"email": "ada@example.com", "password": "Marble-Falcon-Quiet-77", "callbackURL": "/home"});
    tell(script, ada, "/sign-in/email", back).await;
    tell(script, ada, "/delete-user", json!({})).await;
    ask(script, &app.anon(), "/api/auth/get-session").await;
}
