//! Tokens of an issuer that stands on loopback, its keys read through the real HTTP client.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::base::{Clock, ManualClock, Timestamp};
use auth_core::crypto::jwt::{Algorithm, JwkSet, JwtError, SigningKey};
use auth_core::issuer::{
    JwksVerifier, PresentedToken, Refusal, TokenVerifier, VerifiedClaims, VerifierChain, VerifyError,
};
use auth_core::ports::{HttpClient, MAX_RESPONSE_BYTES, ReqwestClient};
use auth_tests::loopback::{Answer, Server};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

const API: &str = "https://api.example";
const METADATA: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";
/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

/// An issuer on loopback, and the verifier that asks it.
struct Loopback {
    server: Server,
    verifier: JwksVerifier,
    clock: ManualClock,
}

impl Loopback {
    async fn publishing(keys: &[&SigningKey]) -> Self {
        let server = Server::start().await;
        server.answers(METADATA, Answer::json(&metadata(&server)));
        server.answers(KEYS, Answer::json(&set_of(keys)));
        let verifier = JwksVerifier::custom(server.origin())
            .audience([API])
            .time_limit(Duration::from_millis(500))
            .allow_plain_http_insecurely()
            .build(client());
        let clock = ManualClock::at(Timestamp::from_micros(NOW * 1_000_000));
        Self { verifier: verifier.unwrap(), server, clock }
    }

    fn claims(&self) -> Value {
        let now = self.clock.now().as_seconds();
        json!({ "iss": self.server.origin(), "aud": API, "sub": "ada", "iat": now, "exp": now + 300 })
    }

    fn token(&self, key: &SigningKey, changes: Value) -> String {
        key.sign("at+jwt", &with(self.claims(), &changes)).unwrap()
    }

    /// A token whose header says this, truly signed by a key of EdDSA.
    fn token_saying(&self, header: &Value, key: &SigningKey) -> String {
        let message = [header, &self.claims()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let pair = Ed25519KeyPair::from_pkcs8(key.to_pkcs8().unwrap().expose()).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    async fn verify(&self, token: &str) -> Result<VerifiedClaims, VerifyError> {
        self.verifier.verify(&PresentedToken::parse(token)?, self.clock.now()).await
    }

    async fn accepted(&self, key: &SigningKey) {
        let claims = self.verify(&self.token(key, json!({}))).await.unwrap();
        assert_eq!((claims.issuer(), claims.subject()), (&*self.server.origin(), "ada"));
    }

    async fn refused(&self, token: &str) {
        let verdict = self.verify(token).await;
        assert!(matches!(verdict, Err(VerifyError::Refused(_))), "{verdict:?}");
    }

    /// Why, for the log.
    async fn unavailable(&self, key: &SigningKey) -> String {
        match self.verify(&self.token(key, json!({}))).await {
            Err(VerifyError::Unavailable(error)) => format!("{error:?}"),
            other => panic!("not unavailable: {other:?}"),
        }
    }

    fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// An object with other members in place of its own.
fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn metadata(server: &Server) -> Value {
    json!({ "issuer": server.origin(), "jwks_uri": format!("{}{KEYS}", server.origin()) })
}

fn client() -> Arc<dyn HttpClient> {
    Arc::new(ReqwestClient::builder().allow_plain_http_insecurely().build().unwrap())
}

fn set_of(keys: &[&SigningKey]) -> Value {
    serde_json::to_value(keys.iter().filter_map(|key| key.public_jwk()).collect::<JwkSet>()).unwrap()
}

fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::generate(algorithm, kid).unwrap()
}

#[tokio::test]
async fn what_an_issuer_signed_is_accepted_and_nothing_else() {
    let keys = [key(Algorithm::Rs256, "rsa"), key(Algorithm::Es256, "ec"), key(Algorithm::EdDsa, "ed")];
    let loopback = Loopback::publishing(&keys.each_ref()).await;
    for key in &keys {
        loopback.accepted(key).await;
        for wrong in [
            json!({ "aud": "https://other.example" }),
            json!({ "iss": "https://other.example" }),
            json!({ "exp": NOW - 60 }),
            json!({ "nbf": NOW + 60 }),
            json!({ "sub": "" }),
        ] {
            loopback.refused(&loopback.token(key, wrong)).await;
        }
        let forged = self::key(key.algorithm(), key.kid().unwrap());
        loopback.refused(&loopback.token(&forged, json!({}))).await;
    }
    assert_eq!(loopback.server.asked(), [METADATA, KEYS]);
}

#[tokio::test]
async fn a_wrong_header_is_refused_beside_a_good_signature() {
    let (own, other) = (key(Algorithm::EdDsa, "1"), key(Algorithm::EdDsa, "2"));
    let loopback = Loopback::publishing(&[&own, &other]).await;
    let usual = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "1" });
    loopback.verify(&loopback.token_saying(&usual, &own)).await.unwrap();
    for wrong in [
        json!({ "typ": "id+jwt" }),
        json!({ "typ": "logout+jwt" }),
        json!({ "typ": "dpop+jwt" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "Ed25519" }),
        json!({ "alg": "none" }),
        json!({ "kid": "2" }),
        json!({ "kid": ["1"] }),
    ] {
        loopback.refused(&loopback.token_saying(&with(usual.clone(), &wrong), &own)).await;
    }
    assert_eq!(loopback.server.asked(), [METADATA, KEYS]);
}

/// RFC 8725 §3.10: whoever follows such a header asks whom the sender chose, and believes the answer. What may hold a
/// key is refused whatever it holds, also beside a good signature.
#[tokio::test]
async fn keys_that_a_token_brings_along_are_neither_fetched_nor_used() {
    let (own, planted) = (key(Algorithm::EdDsa, "1"), key(Algorithm::EdDsa, "1"));
    let loopback = Loopback::publishing(&[&own]).await;
    let elsewhere = Server::start().await;
    elsewhere.answers(KEYS, Answer::json(&set_of(&[&planted])));
    let there = format!("{}{KEYS}", elsewhere.origin());
    let members = json!({
        "jku": there,
        "x5u": there,
        "jwk": planted.public_jwk().unwrap(),
        "x5c": [STANDARD.encode(serde_json::to_vec(&planted.public_jwk()).unwrap())],
    });
    let usual = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "1" });
    let each = members.as_object().unwrap().iter().map(|(name, value)| json!({ name: value }));
    let own_address = json!({ "jku": format!("{}{KEYS}", loopback.server.origin()) });
    for more in each.chain([members.clone(), own_address]) {
        for key in [&planted, &own] {
            let token = loopback.token_saying(&with(usual.clone(), &more), key);
            let verdict = loopback.verify(&token).await;
            assert!(matches!(verdict, Err(VerifyError::Refused(Refusal::Token(JwtError::Header)))), "{verdict:?}");
        }
    }
    assert_eq!((elsewhere.asked(), loopback.server.asked()), (vec![], vec![]));
    loopback.verify(&loopback.token_saying(&usual, &own)).await.unwrap();
    loopback.refused(&loopback.token_saying(&usual, &planted)).await;
    assert_eq!(elsewhere.asked(), [""; 0]);
}

/// Tokens that name keys nobody has, in batches of a hundred at once. They are truly signed, so that it is the name
/// alone that can refuse them.
async fn strangers(loopback: &Arc<Loopback>, key: &SigningKey, tokens: usize, names: &mut Rng) {
    let tokens: Vec<_> = (0..tokens)
        .map(|_| json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": format!("{:032x}", names.u128(..)) }))
        .map(|header| loopback.token_saying(&header, key))
        .collect();
    for batch in tokens.chunks(100) {
        let requests = batch.iter().map(|token| {
            let (loopback, token) = (Arc::clone(loopback), token.clone());
            tokio::spawn(async move { loopback.verify(&token).await.map(|_| ()) })
        });
        for request in requests.collect::<Vec<_>>() {
            let verdict = request.await.unwrap();
            assert!(matches!(verdict, Err(VerifyError::Refused(Refusal::UnknownKey))), "{verdict:?}");
        }
    }
}

/// The first reading is the one that any token causes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_unknown_kids_cause_one_more_reading_in_30_seconds() {
    let (key, mut names) = (key(Algorithm::EdDsa, "1"), Rng::with_seed(7));
    let loopback = Arc::new(Loopback::publishing(&[&key]).await);
    strangers(&loopback, &key, 1_000, &mut names).await;
    assert_eq!(loopback.server.asked(), [METADATA, KEYS, KEYS]);
    loopback.passes(29);
    strangers(&loopback, &key, 200, &mut names).await;
    assert_eq!(loopback.server.asked(), [METADATA, KEYS, KEYS]);
    loopback.passes(1);
    strangers(&loopback, &key, 1_000, &mut names).await;
    assert_eq!(loopback.server.asked(), [METADATA, KEYS, KEYS, KEYS]);
    // Nor does any of it stand in the way of the issuer's own tokens.
    loopback.accepted(&key).await;
    assert_eq!(loopback.server.asked(), [METADATA, KEYS, KEYS, KEYS]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_cold_requests_cause_one_reading() {
    let key = key(Algorithm::EdDsa, "1");
    let loopback = Arc::new(Loopback::publishing(&[&key]).await);
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let (loopback, token) = (loopback.clone(), loopback.token(&key, json!({})));
            tokio::spawn(async move { loopback.verify(&token).await.map(|_| ()) })
        })
        .collect();
    for request in requests {
        request.await.unwrap().unwrap();
    }
    assert_eq!(loopback.server.asked(), [METADATA, KEYS]);
}

/// As with actix-web, whose workers have a runtime each.
#[test]
fn several_runtimes_share_one_reading() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (key, serving) = (key(Algorithm::EdDsa, "1"), runtime());
    let loopback = serving.block_on(Loopback::publishing(&[&key]));
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| serving.block_on(is_done));
        let workers: Vec<_> = (0..8).map(|_| scope.spawn(|| runtime().block_on(loopback.accepted(&key)))).collect();
        for worker in workers {
            worker.join().unwrap();
        }
        drop(done);
    });
    assert_eq!(loopback.server.asked(), [METADATA, KEYS]);
}

#[tokio::test]
async fn a_rotation_is_found_and_the_old_key_ends() {
    let (old, new) = (key(Algorithm::Es256, "old"), key(Algorithm::Es256, "new"));
    let loopback = Loopback::publishing(&[&old]).await;
    loopback.accepted(&old).await;
    loopback.server.answers(KEYS, Answer::json(&set_of(&[&new])));
    loopback.accepted(&new).await;
    loopback.refused(&loopback.token(&old, json!({}))).await;
    assert_eq!(loopback.server.asked(), [METADATA, KEYS, KEYS]);
}

#[tokio::test]
async fn an_outage_is_outlived_with_keys_and_is_503_without() {
    let (key, stranger) = (key(Algorithm::EdDsa, "1"), key(Algorithm::EdDsa, "2"));
    let mut loopback = Loopback::publishing(&[&key]).await;
    loopback.accepted(&key).await;
    loopback.server.stop().await;
    loopback.passes(600);
    loopback.accepted(&key).await;
    loopback.refused(&loopback.token(&stranger, json!({}))).await;
    loopback.passes(3600);
    loopback.unavailable(&key).await;
    loopback.server.restart().await;
    loopback.passes(1);
    loopback.accepted(&key).await;
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let key = key(Algorithm::EdDsa, "1");
    let elsewhere = Server::start().await;
    elsewhere.answers(KEYS, Answer::json(&set_of(&[&key])));
    elsewhere.answers(METADATA, Answer::json(&set_of(&[&key])));
    for status in [301, 302, 303, 307, 308] {
        for path in [KEYS, METADATA] {
            let loopback = Loopback::publishing(&[&key]).await;
            loopback.server.answers(path, Answer::redirect(status, &format!("{}{path}", elsewhere.origin())));
            loopback.unavailable(&key).await;
        }
    }
    // Nor are keys read that the metadata names there.
    let loopback = Loopback::publishing(&[&key]).await;
    let misled = json!({ "issuer": loopback.server.origin(), "jwks_uri": format!("{}{KEYS}", elsewhere.origin()) });
    loopback.server.answers(METADATA, Answer::json(&misled));
    loopback.unavailable(&key).await;
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[tokio::test]
async fn oversized_answers_are_not_read_to_their_end() {
    let key = key(Algorithm::EdDsa, "1");
    let loopback = Loopback::publishing(&[&key]).await;
    for answer in [Answer::Announced(8 * MAX_RESPONSE_BYTES), Answer::Endless] {
        loopback.server.answers(KEYS, answer);
        let why = loopback.unavailable(&key).await;
        assert!(why.contains("the answer has more than 1048576 bytes"), "{why}");
        loopback.passes(1);
    }
    loopback.server.answers(KEYS, Answer::json(&set_of(&[&key])));
    loopback.accepted(&key).await;
}

#[tokio::test]
async fn slow_answers_are_waited_for_within_the_time_limit() {
    let key = key(Algorithm::EdDsa, "1");
    let loopback = Loopback::publishing(&[&key]).await;
    for answer in [Answer::Never, Answer::Trickle] {
        loopback.server.answers(KEYS, answer);
        let begun = Instant::now();
        loopback.unavailable(&key).await;
        assert!((Duration::from_millis(500)..Duration::from_secs(3)).contains(&begun.elapsed()));
        loopback.passes(1);
    }
}

#[tokio::test]
async fn a_chain_asks_nobody_about_a_stranger() {
    let key = key(Algorithm::EdDsa, "1");
    let loopback = Loopback::publishing(&[&key]).await;
    let chain = VerifierChain::builder()
        .http_client(client())
        .jwks(JwksVerifier::custom(loopback.server.origin()).audience([API]).allow_plain_http_insecurely())
        .build()
        .unwrap();
    let strange = loopback.token(&key, json!({ "iss": "http://169.254.169.254" }));
    let verdict = chain.verify(&strange, loopback.clock.now()).await;
    assert!(matches!(verdict, Err(VerifyError::Refused(Refusal::UnknownIssuer))));
    assert_eq!(loopback.server.asked(), [""; 0]);
    chain.verify(&loopback.token(&key, json!({})), loopback.clock.now()).await.unwrap();
}

/// The contract of the port, as far as the tests above do not show it.
#[tokio::test]
async fn the_client_sends_what_it_was_given_and_keeps_no_cookies() {
    let server = Server::start().await;
    server.answers(
        "/cookie",
        Answer::Document { status: 418, headers: "set-cookie: a=b\r\n".to_owned(), body: Bytes::from("tea") },
    );
    let client = client();
    for _ in 0..2 {
        let request = http::Request::get(format!("{}/cookie?a=1", server.origin())).header("x-asked", "yes");
        let answer = client.send(request.body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (418, &b"tea"[..]));
        assert_eq!(answer.headers()["set-cookie"], "a=b");
    }
    let posted = http::Request::post(format!("{}/cookie", server.origin())).body(Bytes::from("body")).unwrap();
    client.send(posted).await.unwrap();
    let heads = server.heads();
    assert!(heads.iter().take(2).all(|head| head.starts_with("GET /cookie?a=1 ") && head.contains("x-asked: yes")));
    assert!(heads[2].starts_with("POST /cookie ") && heads[2].contains("content-length: 4"));
    assert!(heads.iter().all(|head| head.contains("user-agent: auth-core/") && !head.contains("cookie: a=b")));
    assert!(heads.iter().all(|head| !head.contains("accept-encoding")), "{heads:?}");
}

#[tokio::test]
async fn the_client_has_a_time_limit_of_its_own() {
    let server = Server::start().await;
    server.answers("/", Answer::Trickle);
    let builder = ReqwestClient::builder().time_limit(Duration::from_millis(200)).allow_plain_http_insecurely();
    let client = builder.build().unwrap();
    let begun = Instant::now();
    let request = http::Request::get(format!("{}/", server.origin())).body(Bytes::new()).unwrap();
    assert!(client.send(request).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(2));
}
