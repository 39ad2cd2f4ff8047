//! What checking an access token costs, next to a bare `jsonwebtoken::decode` of the same token.
//!
//! `cargo bench -p auth-tests --bench token_check` prints one Markdown table in less than a minute;
//! `cargo bench -p auth-tests --bench token_check -- EdDSA` measures only that algorithm. Ours is all that a
//! guarded route adds: the context of the request, the rule of the route, the verified token, and who acts with which
//! roles and permissions. The floor is the call alone, with the same key, the same claims, and the issuer, audience and
//! expiry that a careful caller has it look at. Neither is behind HTTP; the bench `load` has that.
//!
//! Each algorithm is measured with one token that comes again and again, as a client's does until it expires, and with
//! tokens of which none has been seen before. What is compared takes turns in short rounds on one thread, and medians
//! are reported. With the session looked up as well, in SQLite, the floor is the same: that row is for orientation.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use auth_core::base::{Email, OsRandom, Secret};
use auth_core::crypto::jwt::Algorithm;
use auth_core::crypto::password_hash::Password;
use auth_core::guard::AccessRule;
use auth_core::http::{Reply, enforce};
use auth_core::password::SignInEmail;
use auth_core::session::SessionCheck;
use auth_core::user::SignUp;
use auth_core::{Auth, RequestInfo, password, role, token};
use auth_sqlx::SqlStore;
use auth_tests::{BASE_URL, PASSWORD};
use http::{HeaderMap, HeaderValue, Method, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

const ROUNDS: usize = 21;
const CHECKS: usize = 300;
const ALGORITHMS: [Algorithm; 4] = [Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
const ADA: &str = "ada@example.com";
const SECRET: [u8; 32] = *b"only-for-this-benchmark:7Qz!mK4v";

/// What an access token of ours says.
#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read out of the token, and that is what is measured")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    iat: i64,
    jti: String,
    client_id: String,
    sid: String,
    kind: String,
    roles: Vec<Role>,
    permissions: Vec<String>,
    auth_time: i64,
    method: String,
    aal: i64,
    email: String,
    email_verified: bool,
    name: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read out of the token, and that is what is measured")]
struct Role {
    name: String,
    guard: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Cargo adds `--bench` of its own accord.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_wanted = |algorithm: &Algorithm| wanted.is_empty() || wanted.iter().any(|name| name == algorithm.as_str());
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("bench.db").display());
    let store = SqlStore::connect(&url).await.unwrap();
    auth_sqlx::migrate(&store).await.unwrap();
    let session = session(&engine(&store, Algorithm::EdDsa)).await;
    println!("| algorithm | token | ours | `decode` | ratio |\n|---|---|---|---|---|");
    for algorithm in ALGORITHMS.into_iter().filter(is_wanted) {
        Contest::between(engine(&store, algorithm), algorithm, &session).await.run().await;
    }
}

fn engine(store: &SqlStore, algorithm: Algorithm) -> Auth {
    let config = match algorithm {
        Algorithm::Hs256 => token::Config::default().shared_secret(Secret::new(SECRET)),
        pairs => token::Config::default().algorithm(pairs),
    };
    auth_tests::builder().random(Arc::new(OsRandom)).store(store.clone()).tokens(config).build().unwrap()
}

/// The token of a session of somebody with a role of three permissions.
async fn session(auth: &Auth) -> String {
    let cx = auth.background_cx();
    let signup = SignUp::new(Email::parse(ADA).unwrap(), "Ada Lovelace");
    let user = password::create_user(&cx, signup, Password::new(PASSWORD)).await.unwrap();
    let permissions = ["articles:read", "articles:write", "reports:read"];
    role::define_role(&cx, "PORTAL", "editor", permissions).await.unwrap();
    role::grant_role(&cx, user.id, "PORTAL", "editor").await.unwrap();
    let sign_in = SignInEmail::new(ADA, Password::new(PASSWORD));
    let signed_in = auth.call(&cx, sign_in).await.unwrap();
    body::<Value>(signed_in, auth)["token"].as_str().unwrap().to_owned()
}

/// What an endpoint answers over HTTP.
fn body<T: DeserializeOwned>(reply: impl Reply, auth: &Auth) -> T {
    serde_json::from_slice(reply.into_response(&auth.background_cx()).unwrap().body()).unwrap()
}

/// A request with the headers that browsers send, and this credential.
fn request(credential: &str) -> RequestInfo {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, "localhost:3000"),
        (header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        (header::ACCEPT, "application/json"),
        (header::ACCEPT_LANGUAGE, "en-US,en;q=0.5"),
        (header::ACCEPT_ENCODING, "gzip, deflate, br"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {credential}")).unwrap());
    RequestInfo::new(Method::GET, "/profile", headers, None)
}

/// One algorithm: an engine that issues its tokens, and the key and the rules that a bare call needs.
struct Contest {
    auth: Auth,
    algorithm: Algorithm,
    session: RequestInfo,
    key: DecodingKey,
    validation: Validation,
}

/// Microseconds of one check, round by round.
#[derive(Default)]
struct Samples {
    ours: Vec<f64>,
    bare: Vec<f64>,
}

impl Contest {
    async fn between(auth: Auth, algorithm: Algorithm, session: &str) -> Self {
        let mut validation = Validation::new(algorithm.as_str().parse().unwrap());
        validation.leeway = 0;
        validation.set_issuer(&[BASE_URL]);
        validation.set_audience(&[BASE_URL]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        let mut contest =
            Self { key: DecodingKey::from_secret(&SECRET), auth, algorithm, session: request(session), validation };
        if !algorithm.is_symmetric() {
            contest.key = contest.published_key().await;
        }
        contest
    }

    /// The public key of the tokens, as other programs learn it.
    async fn published_key(&self) -> DecodingKey {
        let header = jsonwebtoken::decode_header(self.new_token().await).unwrap();
        let published = self.auth.call(&self.auth.background_cx(), token::Jwks {}).await.unwrap();
        let keys: JwkSet = body(published, &self.auth);
        DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap()
    }

    async fn new_token(&self) -> String {
        let reply = self.auth.call(&self.auth.cx(self.session.clone()), token::GetToken {}).await.unwrap();
        reply.token().expose().to_owned()
    }

    async fn new_tokens(&self) -> Vec<String> {
        let mut tokens = Vec::with_capacity(CHECKS);
        for _ in 0..CHECKS {
            tokens.push(self.new_token().await);
        }
        tokens
    }

    async fn run(&self) {
        let known = vec![self.new_token().await; CHECKS];
        let [mut again, mut once, mut strict] = [Samples::default(), Samples::default(), Samples::default()];
        self.round(0, &known, SessionCheck::Strict, &mut Samples::default()).await;
        for round in 0..ROUNDS {
            self.round(round, &known, SessionCheck::Stateless, &mut again).await;
            self.round(round, &self.new_tokens().await, SessionCheck::Stateless, &mut once).await;
            self.round(round, &known, SessionCheck::Strict, &mut strict).await;
        }
        self.report("the same again", again);
        self.report("a new one each time", once);
        self.report("the same again, its session looked up", strict);
    }

    async fn round(&self, round: usize, tokens: &[String], check: SessionCheck, samples: &mut Samples) {
        // Whoever is always first could be favoured.
        if round.is_multiple_of(2) {
            samples.bare.push(self.bare(tokens));
        }
        samples.ours.push(self.ours(tokens, check).await);
        if !round.is_multiple_of(2) {
            samples.bare.push(self.bare(tokens));
        }
    }

    async fn ours(&self, tokens: &[String], check: SessionCheck) -> f64 {
        let rule = AccessRule::default().session_check(check);
        // The adapter reads the request, whoever judges it.
        let requests: Vec<RequestInfo> = tokens.iter().map(|token| request(token)).collect();
        let begun = Instant::now();
        for request in requests {
            let cx = self.auth.cx(request);
            enforce(&cx, &rule, Ok(Vec::new())).await.unwrap();
            black_box(cx);
        }
        microseconds(begun)
    }

    fn bare(&self, tokens: &[String]) -> f64 {
        let begun = Instant::now();
        for token in tokens {
            black_box(jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).unwrap());
        }
        microseconds(begun)
    }

    fn report(&self, tokens: &str, Samples { ours, bare }: Samples) {
        let ratio = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect());
        let (algorithm, ours, bare) = (self.algorithm, median(ours), median(bare));
        println!("| {algorithm} | {tokens} | {ours:.1} µs | {bare:.1} µs | {ratio:.2} × |");
    }
}

/// Of one check, on average.
fn microseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / CHECKS as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}
