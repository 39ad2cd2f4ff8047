//! Access tokens: how they are signed, how somebody without a library checks them, and where the load has them from.

use std::sync::Arc;

use auth_core::base::Secret;
use auth_core::crypto::jwt::Algorithm;
use auth_core::http::Reply;
use auth_core::{Auth, RequestInfo, token};
use http::{HeaderMap, HeaderValue, Method, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;

use crate::app::{self, Profile};
use crate::client;
use crate::seed::Seed;

const SECRET: [u8; 32] = *b"shared-by-the-floor-and-us:9Tf#q";

pub(crate) fn config(algorithm: Algorithm) -> token::Config {
    match algorithm {
        Algorithm::Hs256 => token::Config::default().shared_secret(Secret::new(SECRET)),
        pairs => token::Config::default().algorithm(pairs),
    }
}

/// The least that checks a token: one call, with issuer, audience and expiry.
pub(crate) struct ByHand {
    key: DecodingKey,
    validation: Validation,
}

/// What the answer needs of the claims; the others are skipped.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    email: String,
    name: String,
}

impl ByHand {
    pub(crate) async fn new(auth: &Auth, algorithm: Algorithm) -> Self {
        let mut validation = Validation::new(algorithm.as_str().parse().unwrap());
        validation.leeway = 0;
        validation.set_issuer(&[auth.base_url()]);
        validation.set_audience(&[auth.base_url()]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        let key = match algorithm {
            Algorithm::Hs256 => DecodingKey::from_secret(&SECRET),
            _ => published_key(auth).await,
        };
        Self { key, validation }
    }

    pub(crate) fn decode(&self, authorization: Option<&str>) -> Option<Profile> {
        let token = authorization?.strip_prefix("Bearer ")?;
        let Claims { sub, email, name } = jsonwebtoken::decode(token, &self.key, &self.validation).ok()?.claims;
        Some(Profile { id: sub, email, name })
    }
}

/// The public key that the engine signs with now.
async fn published_key(auth: &Auth) -> DecodingKey {
    let cx = auth.background_cx();
    let published = auth.call(&cx, token::Jwks {}).await.unwrap().into_response(&cx).unwrap();
    let keys: JwkSet = serde_json::from_slice(published.body()).unwrap();
    DecodingKey::from_jwk(&keys.keys[0]).unwrap()
}

/// An access token of each of so many sessions.
pub(crate) fn issue(algorithm: Algorithm, seed: &Seed, count: usize) -> Arc<Vec<String>> {
    client::block_on(async {
        let (auth, _) = app::engine(algorithm, &seed.url()).await;
        let mut tokens = Vec::with_capacity(count);
        for session in &seed.tokens[..count] {
            let bearer = HeaderValue::try_from(format!("Bearer {session}")).unwrap();
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
            let cx = auth.cx(RequestInfo::new(Method::GET, "/api/auth/token", headers, None));
            tokens.push(auth.call(&cx, token::GetToken {}).await.unwrap().token().expose().to_owned());
        }
        Arc::new(tokens)
    })
}
