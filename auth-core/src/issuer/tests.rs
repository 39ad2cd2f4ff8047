//! What the tests share: an issuer in memory, the network to it, and tokens of it.

mod attacks;
mod cache;
mod chain;
mod claims;
mod config;
mod discovery;
mod net;
mod presets;
mod profiles;
mod silence;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use self::net::Net;
use super::builder::VerifierBuilder;
use super::fixed::StaticKeys;
use super::jwks::{JwksVerifier, KeySource};
use super::verifier::{PresentedToken, Refusal, TokenVerifier, VerifyError};
use super::{StaticKeyVerifier, VerifiedClaims};
use crate::base::{Clock, ManualClock, Secret, Timestamp};
use crate::crypto::jwt::{Algorithm, JwkSet, SigningKey};
use crate::ports::HttpClient;

const ISSUER: &str = "https://issuer.example";
const KEYS: &str = "https://issuer.example/keys";
const API: &str = "https://api.example";
/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

/// Generating an RSA key takes longer than a test.
static RSA: LazyLock<[Secret; 2]> =
    LazyLock::new(|| ["a", "b"].map(|kid| SigningKey::generate(Algorithm::Rs256, kid).unwrap().to_pkcs8().unwrap()));

fn rsa(kid: &str) -> SigningKey {
    SigningKey::from_pkcs8(Algorithm::Rs256, kid, &RSA[usize::from(kid == "b")]).unwrap()
}

fn ed(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDsa, kid).unwrap()
}

fn secret() -> Secret {
    Secret::new("q8hNf2Wc0vZxT5rLk1YdEo7sUa3JbPm9")
}

fn set_of(keys: &[&SigningKey]) -> Vec<u8> {
    serde_json::to_vec(&keys.iter().filter_map(|key| key.public_jwk()).collect::<JwkSet>()).unwrap()
}

/// Claims of a good token: `changes` replace those of their name, `null` takes them away.
fn claims(changes: Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": API, "sub": "ada", "iat": NOW, "exp": NOW + 300 });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn token(key: &SigningKey, changes: Value) -> String {
    key.sign("JWT", &claims(changes)).unwrap()
}

/// An Ed25519 token whose header names no key.
fn without_kid(key: &SigningKey, claims: &Value) -> String {
    let [header, claims] = [&json!({ "alg": "EdDSA" }), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{header}.{claims}");
    let pair = Ed25519KeyPair::from_pkcs8(key.to_pkcs8().unwrap().expose()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes())))
}

fn custom() -> VerifierBuilder<KeySource> {
    JwksVerifier::custom(ISSUER).jwks_url(KEYS).audience([API])
}

/// A verifier, the network that it asks and the clock that it is told.
struct Stand<V> {
    verifier: V,
    net: Arc<Net>,
    clock: ManualClock,
}

impl Stand<JwksVerifier> {
    fn with(builder: VerifierBuilder<KeySource>) -> Self {
        let net = Arc::new(Net::default());
        let client: Arc<dyn HttpClient> = net.clone();
        Self { verifier: builder.build(client).unwrap(), net, clock: clock() }
    }

    /// The issuer publishes these keys at the usual place.
    fn publishing(keys: &[&SigningKey]) -> Self {
        let stand = Self::with(custom());
        stand.net.answers(KEYS, set_of(keys));
        stand
    }
}

impl Stand<StaticKeyVerifier> {
    fn fixed(builder: VerifierBuilder<StaticKeys>) -> Self {
        Self { verifier: builder.build().unwrap(), net: Arc::default(), clock: clock() }
    }
}

impl<V: TokenVerifier> Stand<V> {
    async fn verify(&self, token: &str) -> Result<VerifiedClaims, VerifyError> {
        self.verifier.verify(&PresentedToken::parse(token)?, self.clock.now()).await
    }

    async fn accepted(&self, token: &str) -> VerifiedClaims {
        self.verify(token).await.unwrap()
    }

    async fn refused(&self, token: &str) -> Refusal {
        match self.verify(token).await {
            Err(VerifyError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn unavailable(&self, token: &str) {
        assert!(matches!(self.verify(token).await, Err(VerifyError::Unavailable(_))));
    }

    fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_micros(NOW * 1_000_000))
}
