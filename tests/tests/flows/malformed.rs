//! Three hundred malformed bodies for every endpoint that reads one: refused, and nothing is written.

use auth_tests::{Actor, PASSWORD, Stack, TestApp};
use fastrand::Rng;
use http::Method;
use serde_json::{Value, json};

const BODIES: usize = 300;

#[tokio::test]
async fn the_engine_refuses_malformed_bodies_and_writes_nothing() {
    every_endpoint_refuses(Stack::CORE_MEMORY, 1).await;
}

#[tokio::test]
async fn axum_refuses_malformed_bodies_and_writes_nothing() {
    every_endpoint_refuses(Stack::AXUM_MEMORY, 2).await;
}

#[tokio::test]
async fn actix_refuses_malformed_bodies_and_writes_nothing() {
    every_endpoint_refuses(Stack::ACTIX_MEMORY, 3).await;
}

/// A request that would succeed, for each endpoint with fields that it insists on.
fn endpoints() -> Vec<(&'static str, Value)> {
    vec![
        ("/sign-up/email", json!({"name": "Eve", "email": "eve@example.com", "password": PASSWORD})),
        ("/sign-in/email", json!({"email": "ada@example.com", "password": PASSWORD})),
        ("/verify-password", json!({"password": PASSWORD})),
        ("/change-password", json!({"currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77"})),
        ("/set-password", json!({"newPassword": "Marble-Falcon-Quiet-77"})),
        ("/update-user", json!({"name": "Eve"})),
        ("/revoke-session", json!({"token": "0123456789abcdef0123456789abcdef"})),
        ("/delete-user", json!({"password": PASSWORD})),
        ("/api-key/create", json!({"name": "ci", "prefix": "ci_"})),
        ("/api-key/update", json!({"keyId": "0123456789abcdef0123456789abcdef", "name": "ci"})),
        ("/api-key/rotate", json!({"keyId": "0123456789abcdef0123456789abcdef"})),
        ("/api-key/delete", json!({"keyId": "0123456789abcdef0123456789abcdef"})),
    ]
}

async fn every_endpoint_refuses(stack: Stack, seed: u64) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let mut random = Rng::with_seed(seed);
    let before = fingerprint(&app, &ada).await;
    for (endpoint, good) in endpoints() {
        for _ in 0..BODIES {
            let (media_type, body) = malformed(&mut random, &good);
            let request = ada.copied();
            let draft = request.request(Method::POST, &format!("/api/auth{endpoint}")).body(media_type, body.clone());
            let reply = draft.send().await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            assert!(reply.status.is_client_error(), "{endpoint} {media_type} {shown:?}: {}", reply.text());
            assert_eq!(reply.set_cookies().len(), 0, "{endpoint} {shown:?}");
        }
    }
    assert_eq!(fingerprint(&app, &ada).await, before);
}

/// What must not have changed: who there is, what opens, and every write that would open more.
async fn fingerprint(app: &TestApp, ada: &Actor) -> String {
    let sessions = app.sessions("ada@example.com").await;
    format!("{:?} {} {:?}", sessions, ada.session().await, app.tap().access_writes())
}

/// A body that cannot be a request: broken, cut, of the wrong type, huge, deep, or no text at all.
fn malformed(random: &mut Rng, good: &Value) -> (&'static str, Vec<u8>) {
    const JSON: &str = "application/json";
    let text = good.to_string();
    match random.u8(0..9) {
        // Cut off before its end.
        0 => (JSON, text.as_bytes()[..random.usize(1..text.len())].to_vec()),
        // A stray byte that no JSON has there.
        1 => {
            let mut bytes = text.into_bytes();
            bytes.insert(0, *random.choice(b"\0\x01}],:x'\\\xff\xc0").unwrap());
            (JSON, bytes)
        }
        // Noise.
        2 => {
            let mut noise = vec![0; random.usize(1..600)];
            random.fill(&mut noise);
            (JSON, noise)
        }
        // One field of another type.
        3 | 4 => {
            let mut body = good.clone();
            let fields: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            body[random.choice(fields).unwrap()] = strange(random);
            (JSON, body.to_string().into_bytes())
        }
        // Too deep, or too large.
        5 => (JSON, [b"{\"a\":".repeat(random.usize(200..4_000)), b"1".to_vec()].concat()),
        6 => (JSON, format!("{{\"x\":\"{}\"}}", "x".repeat(random.usize(65_537..200_000))).into_bytes()),
        // Another media type, or no object.
        7 => (random.choice(["text/plain", "application/xml", "application/jsonp"]).unwrap(), text.into_bytes()),
        _ => (JSON, Value::Array(vec![good.clone()]).to_string().into_bytes()),
    }
}

/// No string, and never `null`, which stands for an absent field where one may be absent.
fn strange(random: &mut Rng) -> Value {
    match random.u8(0..6) {
        0 => json!(random.i64(..)),
        1 => json!(random.f64()),
        2 => json!(random.bool()),
        3 => json!([PASSWORD, "\u{202e}\0"]),
        4 => json!({"$ne": "", "toString": "\u{1f4a9}"}),
        _ => json!([[[[{"x": [null]}]]]]),
    }
}
