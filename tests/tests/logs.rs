//! What the library writes into a log at its most talkative: no token, key, secret, password or address of a person.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::api_key::{self, NewApiKey};
use auth_core::base::Secret;
use auth_core::crypto::jwt::SigningKey;
use auth_core::issuer::{StaticKeyVerifier, VerifierChain};
use auth_core::{AuthBuilder, code, customer, session, token};
use auth_tests::{Actor, PASSWORD, Stack, TestApp};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

const ADA: &str = "ada.lovelace@example.com";
const ISSUER: &str = "https://issuer.example";
const SHARED: &str = "a secret that two programs share, 0123456789";
const NEW: &str = "Heron-Amber-Quartz-77";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn configured(builder: AuthBuilder) -> AuthBuilder {
    let verifier = StaticKeyVerifier::secret(Secret::new(SHARED)).issuer(ISSUER).audience(["the-api"]);
    builder
        .tokens(token::Config::default().reuse_grace(Duration::from_secs(5)))
        .one_time_tokens(code::OneTimeTokens::default())
        .customers(customer::Config::default())
        .api_keys(api_key::Config::default())
        .session(session::Config::default().several_per_browser(5))
        .issuers(VerifierChain::builder().static_keys(verifier).build().unwrap())
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

/// Does what there is to do, well and badly; everything secret that was seen on the way.
async fn everything(app: &TestApp) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), NEW.to_owned(), SHARED.to_owned()];
    let ada = app.signed_up(ADA).await;
    secrets.push(ada.cookie().unwrap());
    app.anon().sign_in(ADA, "Wrong-Password-1").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    secrets.push("Wrong-Password-1".to_owned());
    secrets.push(text(&app.anon().sign_in(ADA, PASSWORD).await.ok(), "token"));
    tokens(app, &ada, &mut secrets).await;

    let once = text(&ada.auth_get("/one-time-token/generate").await.ok(), "token");
    for status in [200, 400] {
        let reply = app.anon().auth_post("/one-time-token/verify", json!({"token": once})).await;
        assert_eq!(reply.status.as_u16(), status);
    }
    secrets.push(once);
    let key = api_key::create(&app.cx(), NewApiKey::of_user(app.user_id(ADA).await)).await.unwrap();
    secrets.push(key.secret.expose().to_owned());
    for key in [key.secret.expose(), &key.secret.expose()[..50]] {
        app.program().request(http::Method::GET, "/me").header("x-api-key", key).send().await;
    }
    let now = app.auth().now().as_seconds();
    let claims = json!({"iss": ISSUER, "aud": "the-api", "sub": "ext|1", "iat": now, "exp": now + 60, "email": ADA});
    let external = SigningKey::hs256(&Secret::new(SHARED), None).unwrap().sign("JWT", &claims).unwrap();
    for token in [&*external, &external[..external.len() - 1]] {
        app.program().with_bearer(token).get("/me").await;
    }
    secrets.push(external);
    let renewed = ada.change_password(PASSWORD, NEW).await.ok();
    secrets.push(text(&renewed, "token"));
    app.tap().die_after(0);
    ada.get("/me").await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
    ada.auth_post("/sign-out", json!({})).await.ok();
    secrets
}

async fn tokens(app: &TestApp, ada: &Actor, secrets: &mut Vec<String>) {
    let pair = ada.auth_post("/token", json!({})).await.ok();
    let (access, refresh) = (text(&pair, "accessToken"), text(&pair, "refreshToken"));
    for path in ["/me", "/stateless", "/cached", "/staff"] {
        app.program().with_bearer(&access).get(path).await;
        app.program().with_bearer(&access[..access.len() - 1]).get(path).await.refused(401, "UNAUTHORIZED");
    }
    let phone = app.signed_in(ADA).await;
    secrets.push(phone.cookie().unwrap());
    let of_phone = text(&phone.auth_post("/token", json!({})).await.ok(), "refreshToken");
    let next = app.program().auth_post("/token/refresh", json!({"refreshToken": of_phone})).await.ok();
    app.advance(Duration::from_secs(6));
    let reuse = app.program().auth_post("/token/refresh", json!({"refreshToken": of_phone})).await;
    reuse.refused(401, "UNAUTHORIZED");
    secrets.extend([access, refresh, of_phone, text(&next, "accessToken"), text(&next, "refreshToken")]);
}

/// One process has one subscriber, so there is one test.
#[tokio::test]
async fn nothing_secret_is_in_a_log_at_trace_level() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.with_ansi(false).finish()).unwrap();
    for stack in [Stack::CORE_MEMORY, Stack::AXUM_SQLITE, Stack::ACTIX_SQLITE] {
        let secrets = everything(&stack.app_with(configured).await).await;
        let written = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
        assert!(written.contains("request refused") && written.contains("request failed"), "it listens");
        for secret in &secrets {
            assert!(secret.len() > 8 && !written.contains(secret.as_str()), "a secret is in the log on {stack:?}");
            // Nor most of one: what is cut off would be guessed.
            let part = &secret[..secret.len().min(24)];
            assert!(!written.contains(part), "the beginning of a secret is in the log on {stack:?}: {part}");
        }
        assert!(!written.contains("ada.lovelace"), "an address is in the log on {stack:?}");
    }
}
