//! What is never shown.

use serde_json::json;

use super::*;
use crate::issuer::VerifierChain;

/// The token and everything in it that is about somebody.
fn words(token: &str) -> Vec<&str> {
    let mut words: Vec<&str> = token.split('.').collect();
    words.extend([
        "ada",
        "Lovelace",
        "org_secret",
        "sess_secret",
        "role_secret",
        "https://stranger.example",
        "kid_secret",
    ]);
    words
}

fn shows(shown: &str, token: &str) {
    for word in words(token) {
        assert!(!shown.contains(word), "{word} in {shown}");
    }
}

fn telling(changes: Value) -> Value {
    let mut all = json!({
        "name": "Lovelace", "email": "ada@example.com", "organizationId": "org_secret", "sid": "sess_secret",
        "roles": ["role_secret"],
    });
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

#[tokio::test]
async fn claims_and_tokens_do_not_show_themselves() {
    let key = ed("kid_secret");
    let stand = Stand::publishing(&[&key]);
    let good = token(&key, telling(json!({})));
    let claims = stand.accepted(&good).await;
    assert_eq!(format!("{claims:?}"), format!("VerifiedClaims({ISSUER}, [redacted])"));
    shows(&format!("{:?} {:?}", PresentedToken::parse(&good).unwrap(), stand.verifier), &good);
    assert!(!format!("{:?}", StaticKeyVerifier::secret(secret())).contains("q8hNf2Wc"));
}

#[tokio::test]
async fn no_refusal_quotes_the_token() {
    let (key, stranger) = (ed("kid_secret"), ed("kid_secret"));
    let client: Arc<dyn HttpClient> = Arc::new(Net::default());
    let chain = VerifierChain::builder().http_client(client).jwks(custom()).build().unwrap();
    let stand = Stand::publishing(&[&ed("1")]);
    let known = Stand::publishing(&[&key]);
    for (stand, key, changes) in [
        (&known, &key, json!({ "aud": "ada" })),
        (&known, &key, json!({ "email": "ada" })),
        (&known, &key, json!({ "organizationId": ["org_secret"] })),
        (&known, &key, json!({ "exp": NOW - 100 })),
        (&known, &key, json!({ "sub": "ada\n" })),
        (&known, &key, json!({ "iss": "https://stranger.example" })),
        (&known, &stranger, json!({})),
        (&stand, &key, json!({})),
    ] {
        let bad = token(key, telling(changes));
        let error = stand.verify(&bad).await.unwrap_err();
        shows(&format!("{error} {error:?}"), &bad);
        shows(&format!("{:?}", crate::error::Error::from(error)), &bad);
    }
    let unknown = token(&key, telling(json!({ "iss": "https://stranger.example" })));
    let error = chain.verify(&unknown, clock().now()).await.unwrap_err();
    shows(&format!("{error} {error:?}"), &unknown);
    let down = chain.verify(&token(&key, telling(json!({}))), clock().now()).await.unwrap_err();
    shows(&format!("{down} {down:?}"), &unknown);
}
