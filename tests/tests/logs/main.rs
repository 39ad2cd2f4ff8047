//! What the library writes into a log at its most talkative: no token, key, secret, password or address of a person.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

mod in_cookies;
mod secrets;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::api_key::{self, NewApiKey};
use auth_core::base::{Email, Secret, Timestamp};
use auth_core::crypto::jwt::{Algorithm, JwkSet, SigningKey};
use auth_core::crypto::keys::Keyring;
use auth_core::crypto::seal::{Aad, Sealer};
use auth_core::issuer::{JwksVerifier, StaticKeyVerifier, VerifierChain};
use auth_core::ports::ReqwestClient;
use auth_core::store::Store;
use auth_core::token::Transport;
use auth_core::user::Pool;
use auth_core::{AuthBuilder, code, customer, session, token};
use auth_tests::loopback::{Answer, Server};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, TransportKind};
use http::Method;
use serde_json::{Value, json};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::secrets::Secrets;

const ADA: &str = "ada.lovelace@example.com";
const BYRON: &str = "byron.lovelace@example.com";
const ISSUER: &str = "https://issuer.example";
const API: &str = "the-api";
const NEW: &str = "Heron-Amber-Quartz-77";
const WRONG: &str = "Wrong-Password-1";
/// The application's own, and the one that takes its place.
const AUTH: [&str; 2] =
    ["the first of two secrets, 0123456789 abcdefghij", "another that follows it, 9876543210 jihgfedcba"];
/// What an issuer signs with, and what the application does where it has no key pairs.
const SHARED: [&str; 2] =
    ["a secret that two programs share, 0123456789", "what access tokens are signed with, 9876543210"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what was written since the last time.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whoever signs tokens elsewhere and publishes the key.
struct Issuer {
    server: Server,
    key: SigningKey,
}

impl Issuer {
    const METADATA: &str = "/.well-known/openid-configuration";
    const KEYS: &str = "/keys";

    async fn start() -> Self {
        let (server, key) = (Server::start().await, SigningKey::generate(Algorithm::EdDsa, "1").unwrap());
        let metadata = json!({"issuer": server.origin(), "jwks_uri": format!("{}{}", server.origin(), Self::KEYS)});
        server.answers(Self::METADATA, Answer::json(&metadata));
        let keys: JwkSet = key.public_jwk().into_iter().collect();
        server.answers(Self::KEYS, Answer::json(&serde_json::to_value(keys).unwrap()));
        Self { server, key }
    }

    /// Everything that there is switched on.
    fn configured(&self, builder: AuthBuilder) -> AuthBuilder {
        let shared = StaticKeyVerifier::secret(Secret::new(SHARED[0])).issuer(ISSUER).audience([API]);
        let published = JwksVerifier::custom(self.server.origin()).audience([API]).allow_plain_http_insecurely();
        let client = ReqwestClient::builder().allow_plain_http_insecurely().build().unwrap();
        let issuers = VerifierChain::builder().http_client(Arc::new(client)).static_keys(shared).jwks(published);
        builder
            .secret(Secret::new(AUTH[0]))
            .tokens(token::Config::default().reuse_grace(Duration::from_secs(5)).transport(Transport::Negotiated))
            .one_time_tokens(code::OneTimeTokens::default())
            .customers(customer::Config::default())
            .api_keys(api_key::Config::default())
            .session(session::Config::default().several_per_browser(5))
            .issuers(issuers.build().unwrap())
    }
}

/// People of one pool who do what there is to do, well and badly.
struct Visit<'a> {
    app: &'a TestApp,
    /// Of the pool's endpoints.
    prefix: &'static str,
    secrets: Secrets,
    /// The endpoints that were asked.
    asked: BTreeSet<(Method, String)>,
}

impl<'a> Visit<'a> {
    fn of(app: &'a TestApp) -> Self {
        let mut secrets = Secrets::default();
        for secret in [&[PASSWORD, NEW, WRONG][..], &AUTH, &SHARED].concat() {
            secrets.keep(secret);
        }
        Self { app, prefix: "", secrets, asked: BTreeSet::new() }
    }

    async fn get(&mut self, actor: &Actor, endpoint: &str) -> Reply {
        let reply = actor.auth_get(&format!("{}{endpoint}", self.prefix)).await;
        self.noted(Method::GET, endpoint, reply)
    }

    async fn post(&mut self, actor: &Actor, endpoint: &str, body: Value) -> Reply {
        let reply = actor.auth_post(&format!("{}{endpoint}", self.prefix), body).await;
        self.noted(Method::POST, endpoint, reply)
    }

    fn noted(&mut self, method: Method, endpoint: &str, reply: Reply) -> Reply {
        self.asked.insert((method, format!("{}{}", self.prefix, endpoint.split('?').next().unwrap())));
        self.secrets.keep_shown(&reply);
        reply
    }

    async fn sign_up(&mut self, browser: &Actor, email: &str) -> Reply {
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD});
        let reply = self.post(browser, "/sign-up/email", body).await;
        self.keep_hash(email).await;
        reply
    }

    async fn sign_in(&mut self, browser: &Actor, email: &str, password: &str) -> Reply {
        self.post(browser, "/sign-in/email", json!({"email": email, "password": password})).await
    }

    async fn signed_in(&mut self, email: &str) -> Actor {
        let browser = self.app.anon();
        self.sign_in(&browser, email, PASSWORD).await.ok();
        browser
    }

    /// An access token and a refresh token.
    async fn pair(&mut self, actor: &Actor) -> [String; 2] {
        pair_of(&self.post(actor, "/token", json!({})).await)
    }

    async fn exchange(&mut self, refresh: &str) -> Reply {
        self.post(&self.app.program(), "/token/refresh", json!({"refreshToken": refresh})).await
    }

    /// The hash of the password that holds now.
    async fn keep_hash(&mut self, email: &str) {
        let pool = if self.prefix.is_empty() { Pool::User } else { Pool::Customer };
        let mut conn = self.app.store().conn();
        let user = conn.user_by_email(&pool.into(), &Email::parse(email).unwrap()).await.unwrap().unwrap();
        self.secrets.keep(conn.password_of_user(user.id).await.unwrap().unwrap().as_stored());
    }

    /// The private halves of the signing keys: as they are stored, as they are signed with, and the seed alone, which
    /// ends what they are signed with (RFC 8410 §7).
    async fn keep_private_halves(&mut self) {
        let sealer = Sealer::new(&Keyring::new(Secret::new(AUTH[1]), vec![Secret::new(AUTH[0])]).unwrap());
        for key in self.app.store().conn().signing_keys(Timestamp::from_micros(0)).await.unwrap() {
            let id = key.id.as_uuid().into_bytes();
            let place = Aad::new("signing_key", "sealed_private", &id);
            let private = sealer.open(&place, &key.sealed_private).unwrap();
            let seed = &private.expose()[private.expose().len() - 32..];
            for bytes in [&key.sealed_private, private.expose(), seed] {
                self.secrets.keep_bytes(bytes);
            }
        }
    }
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

fn pair_of(reply: &Reply) -> [String; 2] {
    ["accessToken", "refreshToken"].map(|name| text(&reply.ok(), name))
}

/// Cut short by a character, as by a careless copy.
fn cut(secret: &str) -> &str {
    &secret[..secret.len() - 1]
}

/// Everything secret that was seen while everything was done.
async fn everything(stack: Stack, app: &TestApp, issuer: &Issuer) -> Secrets {
    let mut visit = Visit::of(app);
    for endpoint in ["/ok", "/error?error=INVALID_TOKEN", "/jwks"] {
        assert_eq!(visit.get(&app.anon(), endpoint).await.status, 200);
    }
    for prefix in ["", "/customer"] {
        visit.prefix = prefix;
        let ada = app.anon();
        visit.sign_up(&ada, ADA).await.ok();
        accounts(&mut visit, &ada).await;
        misplaced(&mut visit).await;
        tokens(&mut visit, &ada).await;
        in_cookies::tokens(&mut visit).await;
        one_time_tokens(&mut visit, &ada).await;
        several(&mut visit, &ada).await;
        if prefix.is_empty() {
            api_keys(&mut visit, &ada).await;
            signing_keys(&mut visit, &ada).await;
            external(&mut visit, issuer).await;
        }
        outage(&mut visit, &ada).await;
        farewell(&mut visit, ada).await;
    }
    other_secret(&mut visit, stack, issuer).await;
    let rows = app.auth().routes().iter().map(|row| (row.method().clone(), row.path().to_owned()));
    assert_eq!(visit.asked, rows.collect(), "what was asked, and what there is to ask");
    visit.secrets
}

async fn accounts(visit: &mut Visit<'_>, ada: &Actor) {
    let anon = visit.app.anon();
    visit.sign_up(&anon, ADA).await.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    for (email, password) in [(ADA, WRONG), (BYRON, WRONG)] {
        visit.sign_in(&anon, email, password).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    for endpoint in ["/get-session", "/list-sessions", "/list-accounts"] {
        visit.get(ada, endpoint).await.ok();
        visit.get(&visit.app.program().with_bearer(WRONG), endpoint).await.refused(401, "UNAUTHORIZED");
    }
    visit.post(ada, "/get-session", json!({})).await;
    visit.post(ada, "/update-user", json!({"name": "Ada Lovelace"})).await.ok();
    visit.post(ada, "/verify-password", json!({"password": PASSWORD})).await.ok();
    visit.post(ada, "/verify-password", json!({"password": WRONG})).await.refused(400, "INVALID_PASSWORD");
}

/// What parsers refuse they like to quote.
async fn misplaced(visit: &mut Visit<'_>) {
    let anon = visit.app.anon();
    for (endpoint, body) in [
        ("/sign-up/email", json!({"name": "Ada", "email": PASSWORD, "password": NEW})),
        ("/sign-up/email", json!({"name": "Ada", "email": ADA, "password": [NEW]})),
        ("/sign-in/email", json!({"email": PASSWORD, "password": ADA})),
        ("/sign-in/email", json!({"email": ADA, "password": {"text": PASSWORD}})),
        ("/sign-in/email", json!({"email": ADA, "password": PASSWORD, "rememberMe": PASSWORD})),
        ("/sign-in/email", json!([ADA, PASSWORD])),
        ("/token/refresh", json!({"refreshToken": [NEW]})),
        ("/one-time-token/verify", json!({"token": NEW})),
    ] {
        assert_eq!(visit.post(&anon, endpoint, body).await.status, 400);
    }
}

async fn tokens(visit: &mut Visit<'_>, ada: &Actor) {
    let app = visit.app;
    visit.get(ada, "/token").await.ok();
    let [access, refresh] = visit.pair(ada).await;
    for path in ["/principal", "/stateless", "/cached", "/staff"] {
        app.program().with_bearer(&access).get(path).await;
        app.program().with_bearer(cut(&access)).get(path).await.refused(401, "UNAUTHORIZED");
    }
    visit.exchange(&access).await.refused(401, "UNAUTHORIZED");
    visit.exchange(cut(&refresh)).await.refused(401, "UNAUTHORIZED");
    visit.exchange(&refresh).await.ok();

    let phone = visit.signed_in(ADA).await;
    let [_, refresh] = visit.pair(&phone).await;
    let [_, next] = pair_of(&visit.exchange(&refresh).await);
    app.advance(Duration::from_secs(4));
    let [_, again] = pair_of(&visit.exchange(&refresh).await);
    assert_eq!(again, next, "the grace time has not passed");
    app.advance(Duration::from_secs(1));
    visit.exchange(&refresh).await.refused(401, "UNAUTHORIZED");
    visit.exchange(&next).await.refused(401, "UNAUTHORIZED");

    let tablet = visit.signed_in(ADA).await;
    let [_, refresh] = visit.pair(&tablet).await;
    for token in [cut(&refresh), &refresh, &refresh] {
        visit.post(&app.program(), "/token/revoke", json!({"refreshToken": token})).await.ok();
    }
    visit.exchange(&refresh).await.refused(401, "UNAUTHORIZED");
}

async fn one_time_tokens(visit: &mut Visit<'_>, ada: &Actor) {
    let once = text(&visit.get(ada, "/one-time-token/generate").await.ok(), "token");
    for (token, status) in [(cut(&once), 400), (&once, 200), (&once, 400)] {
        let reply = visit.post(&visit.app.anon(), "/one-time-token/verify", json!({"token": token})).await;
        assert_eq!(reply.status, status);
    }
}

/// Two people in one browser, who switch by the handle of a list and by a session's own secret.
async fn several(visit: &mut Visit<'_>, ada: &Actor) {
    let of_byron = text(&visit.sign_up(ada, BYRON).await.ok(), "token");
    let listed = visit.get(ada, "/multi-session/list-device-sessions").await.ok();
    let of_ada = listed.as_array().unwrap().iter().find(|row| row["user"]["email"] == ADA).unwrap();
    for name in [&text(&of_ada["session"], "token"), &of_byron] {
        visit.post(ada, "/multi-session/set-active", json!({"sessionToken": name})).await.ok();
    }
    let stranger = json!({"sessionToken": cut(&of_byron)});
    visit.post(ada, "/multi-session/set-active", stranger).await.refused(401, "INVALID_SESSION_TOKEN");
    let revoked = json!({"sessionToken": of_byron});
    visit.post(ada, "/multi-session/revoke", revoked.clone()).await.ok();
    visit.post(ada, "/multi-session/revoke", revoked).await.refused(401, "INVALID_SESSION_TOKEN");
}

async fn api_keys(visit: &mut Visit<'_>, ada: &Actor) {
    let app = visit.app;
    let of_program = api_key::create(&app.cx(), NewApiKey::of_user(app.user_id(ADA).await)).await.unwrap();
    let created = visit.post(ada, "/api-key/create", json!({"name": "ci"})).await.ok();
    let id = &created["id"];
    let rotated = visit.post(ada, "/api-key/rotate", json!({"keyId": id, "graceSeconds": 60})).await.ok();
    visit.secrets.keep(of_program.secret.expose());
    for key in [of_program.secret.expose(), &text(&created, "key"), &text(&rotated, "key")] {
        assert_eq!(with_key(app, key).await, [200, 200]);
        assert_eq!(with_key(app, cut(key)).await, [401, 401]);
    }
    for endpoint in ["get", "usage"] {
        visit.get(ada, &format!("/api-key/{endpoint}?id={}", id.as_str().unwrap())).await.ok();
    }
    visit.get(ada, "/api-key/list").await.ok();
    let secret = text(&rotated, "key");
    // Who takes the key itself for its name.
    visit.get(ada, &format!("/api-key/get?id={secret}")).await.refused(404, "KEY_NOT_FOUND");
    visit.post(ada, "/api-key/delete", json!({"keyId": secret})).await.refused(404, "KEY_NOT_FOUND");
    visit.post(ada, "/api-key/update", json!({"keyId": id, "enabled": false})).await.ok();
    assert_eq!(with_key(app, &secret).await, [401, 401]);
    visit.post(ada, "/api-key/delete", json!({"keyId": id})).await.ok();
}

/// The statuses for a key in either header.
async fn with_key(app: &TestApp, key: &str) -> [u16; 2] {
    let program = app.program();
    let own = program.request(Method::GET, "/me").header("x-api-key", key).send().await;
    let standard = program.request(Method::GET, "/me").header("authorization", &format!("ApiKey {key}")).send().await;
    [own, standard].map(|reply| reply.status.as_u16())
}

async fn signing_keys(visit: &mut Visit<'_>, ada: &Actor) {
    let (app, cx) = (visit.app, visit.app.cx());
    let [access, _] = visit.pair(ada).await;
    let [first] = &*app.store().conn().signing_keys(app.auth().now()).await.unwrap() else { panic!("one key") };
    token::rotate_signing_key(&cx).await.unwrap();
    visit.pair(ada).await;
    app.program().with_bearer(&access).get("/stateless").await.ok();
    assert!(token::revoke_signing_key(&cx, first.id).await.unwrap());
    app.program().with_bearer(&access).get("/stateless").await.refused(401, "UNAUTHORIZED");
}

/// Tokens of issuers by a shared secret and by a published key, as long as it can be read.
async fn external(visit: &mut Visit<'_>, issuer: &Issuer) {
    let (app, now) = (visit.app, visit.app.auth().now().as_seconds());
    let claims = |iss: &str| json!({"iss": iss, "aud": API, "sub": "ext|1", "iat": now, "exp": now + 60, "email": ADA});
    let shared = SigningKey::hs256(&Secret::new(SHARED[0]), None).unwrap();
    let [unknown, lost] = ["2", "3"].map(|kid| SigningKey::generate(Algorithm::EdDsa, kid).unwrap());
    let origin = issuer.server.origin();
    for (key, iss, status) in [(&shared, ISSUER, 200), (&issuer.key, &*origin, 200), (&unknown, &*origin, 401)] {
        let token = key.sign("JWT", &claims(iss)).unwrap();
        assert_eq!(app.program().with_bearer(&token).get("/me").await.status, status);
        app.program().with_bearer(cut(&token)).get("/me").await.refused(401, "UNAUTHORIZED");
        visit.secrets.keep(&token);
    }
    issuer.server.answers(Issuer::KEYS, Answer::redirect(302, "https://elsewhere.example"));
    app.advance(Duration::from_secs(30));
    let token = lost.sign("JWT", &claims(&origin)).unwrap();
    app.program().with_bearer(&token).get("/me").await.refused(401, "UNAUTHORIZED");
    visit.secrets.keep(&token);
}

/// The next process has another secret: alone, and with the former beside it, which has the keys sealed anew.
async fn other_secret(visit: &mut Visit<'_>, stack: Stack, issuer: &Issuer) {
    visit.keep_private_halves().await;
    let next = |builder| issuer.configured(builder).secret(Secret::new(AUTH[1]));
    let without = visit.app.restarted_with(stack.transport, next).await;
    without.anon().auth_get("/jwks").await.ok();
    let both = |builder| next(builder).previous_secret(Secret::new(AUTH[0]));
    let with = visit.app.restarted_with(stack.transport, both).await;
    with.anon().auth_get("/jwks").await.ok();
    visit.keep_private_halves().await;
}

async fn outage(visit: &mut Visit<'_>, ada: &Actor) {
    let app = visit.app;
    let [access, refresh] = visit.pair(ada).await;
    app.tap().die_after(0);
    visit.sign_in(&app.anon(), ADA, PASSWORD).await.refused(503, "SERVICE_UNAVAILABLE");
    visit.exchange(&refresh).await.refused(503, "SERVICE_UNAVAILABLE");
    app.program().with_bearer(&access).get("/principal").await.refused(503, "SERVICE_UNAVAILABLE");
    visit.get(ada, "/list-sessions").await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
}

/// Sessions end one after the other, a password does, and in the end the account.
async fn farewell(visit: &mut Visit<'_>, ada: Actor) {
    let phone = visit.signed_in(ADA).await;
    let handle = text(&visit.get(&phone, "/get-session").await.ok()["session"], "token");
    visit.post(&ada, "/revoke-session", json!({"token": handle})).await.ok();
    visit.post(&ada, "/revoke-other-sessions", json!({})).await.ok();
    visit.post(&ada, "/set-password", json!({"newPassword": NEW})).await.refused(400, "PASSWORD_ALREADY_SET");
    for (current, status) in [(WRONG, 400), (PASSWORD, 200)] {
        let body = json!({"currentPassword": current, "newPassword": NEW});
        assert_eq!(visit.post(&ada, "/change-password", body).await.status, status);
    }
    visit.keep_hash(ADA).await;
    visit.post(&ada, "/sign-out", json!({})).await.ok();
    for (endpoint, body) in [("/revoke-sessions", json!({})), ("/delete-user", json!({"password": NEW}))] {
        visit.sign_in(&ada, ADA, NEW).await.ok();
        visit.post(&ada, endpoint, body).await.ok();
    }
}

/// An application that has no key pairs.
async fn by_a_shared_secret(app: &TestApp) -> Secrets {
    let (mut visit, ada) = (Visit::of(app), app.anon());
    visit.sign_up(&ada, ADA).await.ok();
    tokens(&mut visit, &ada).await;
    visit.secrets
}

/// One process has one subscriber, so there is one test.
#[tokio::test]
async fn nothing_secret_is_in_a_log_at_trace_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    // What a span says counts as well where nothing happens in it.
    let subscriber = subscriber.with_span_events(FmtSpan::NEW | FmtSpan::CLOSE).with_ansi(false);
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let servers = [Stack::AXUM_POSTGRES, Stack::ACTIX_MARIADB];
    for stack in [Stack::CORE_MEMORY, Stack::AXUM_SQLITE, Stack::ACTIX_SQLITE].into_iter().chain(servers) {
        stack.run(async |stack| nothing_secret_is_written(stack, &log).await).await;
    }
}

async fn nothing_secret_is_written(stack: Stack, log: &Log) {
    let issuer = Issuer::start().await;
    let app = stack.app_with(|builder| issuer.configured(builder)).await;
    let mut secrets = everything(stack, &app, &issuer).await;
    let shared = token::Config::default().reuse_grace(Duration::from_secs(5)).shared_secret(Secret::new(SHARED[1]));
    let app = stack.app_with(|builder| issuer.configured(builder).tokens(shared)).await;
    secrets.0.extend(by_a_shared_secret(&app).await.0);

    let written = log.take();
    for line in ["request refused", "request failed", "keys of an issuer could not be read", "cannot be opened"] {
        assert!(written.contains(line), "it listens, and yet nobody says {line:?} on {stack:?}");
    }
    assert_eq!(secrets.found_in(&written), None, "the beginning of a secret is in the log on {stack:?}");
    assert!(!written.contains("lovelace"), "an address is in the log on {stack:?}");
    if stack.transport != TransportKind::Core {
        names_the_request(&app, log).await;
    }
}

/// What a handler logs is in the span of its request.
async fn names_the_request(app: &TestApp, log: &Log) {
    let grace = app.signed_up("grace@example.com").await;
    grace.request(Method::GET, "/context").header("x-correlation-id", "req-of-grace").send().await.ok();
    let written = log.take();
    let line = written.lines().find(|line| line.contains("a handler logs")).unwrap();
    assert!(line.contains("correlation_id=\"req-of-grace\"") && line.contains("route=\"/context\""), "{line}");
}
