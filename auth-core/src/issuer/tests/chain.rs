//! Several issuers.

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::crypto::jwt::JwtError;
use crate::error::{Code, Error};
use crate::issuer::{Answers, VerifierChain};

const OTHER: &str = "https://other.example";
const OTHER_KEYS: &str = "https://other.example/keys";

struct Chain {
    chain: VerifierChain,
    net: Arc<Net>,
    keys: [SigningKey; 2],
}

/// Two issuers that publish their keys under the same name, and a secret.
fn chain() -> Chain {
    let (net, keys) = (Arc::new(Net::default()), [ed("1"), ed("1")]);
    net.answers(KEYS, set_of(&[&keys[0]]));
    net.answers(OTHER_KEYS, set_of(&[&keys[1]]));
    let client: Arc<dyn HttpClient> = net.clone();
    let chain = VerifierChain::builder()
        .http_client(client)
        .jwks(custom())
        .jwks(JwksVerifier::custom(OTHER).jwks_url(OTHER_KEYS).audience([API]))
        .static_keys(StaticKeyVerifier::secret(secret()))
        .build();
    Chain { chain: chain.unwrap(), net, keys }
}

#[tokio::test]
async fn a_token_is_brought_to_the_verifier_of_its_issuer() {
    let Chain { chain, net, keys } = chain();
    for (issuer, key, url) in [(ISSUER, &keys[0], KEYS), (OTHER, &keys[1], OTHER_KEYS)] {
        let claims = chain.verify(&token(key, json!({ "iss": issuer })), clock().now()).await.unwrap();
        assert_eq!((claims.issuer(), net.asked().last().unwrap().as_str()), (issuer, url));
    }
    // Each with the key of the other.
    for (issuer, key) in [(OTHER, &keys[0]), (ISSUER, &keys[1])] {
        let refused = chain.verify(&token(key, json!({ "iss": issuer })), clock().now()).await;
        assert!(matches!(refused, Err(VerifyError::Refused(Refusal::Token(JwtError::Signature)))));
    }
    let local = SigningKey::hs256(&secret(), None).unwrap();
    let claims = chain.verify(&token(&local, json!({ "iss": null, "aud": null })), clock().now()).await.unwrap();
    assert_eq!(claims.issuer(), "local");
    // The secret does not speak for an issuer that has keys.
    let refused = chain.verify(&token(&local, json!({})), clock().now()).await;
    assert!(matches!(refused, Err(VerifyError::Refused(Refusal::Algorithm))));
}

#[tokio::test]
async fn an_issuer_that_nobody_answers_for_causes_no_request() {
    let net = Arc::new(Net::default());
    let client: Arc<dyn HttpClient> = net.clone();
    let chain = VerifierChain::builder().http_client(client).jwks(custom()).build().unwrap();
    let key = ed("1");
    for iss in [json!("https://evil.example"), json!(null), json!([ISSUER]), json!(format!("{ISSUER}/"))] {
        let refused = chain.verify(&token(&key, json!({ "iss": iss })), clock().now()).await;
        assert!(matches!(refused, Err(VerifyError::Refused(Refusal::UnknownIssuer))), "{iss}");
    }
    assert_eq!(net.count(), 0);
    // A chain that would refuse everybody cannot be made.
    assert!(VerifierChain::builder().build().is_err());
}

/// Believes everything, and says what it was told to.
struct Credulous {
    issuers: Vec<String>,
    says: (&'static str, i64),
}

#[async_trait]
impl TokenVerifier for Credulous {
    fn answers_for(&self) -> Answers<'_> {
        Answers::Issuers(&self.issuers)
    }

    async fn verify(&self, token: &PresentedToken<'_>, _: Timestamp) -> Result<VerifiedClaims, VerifyError> {
        assert_eq!(token.expose().split('.').count(), 3);
        let (issuer, expires) = self.says;
        Ok(VerifiedClaims::new(issuer, "ada", Timestamp::from_micros(expires * 1_000_000))?)
    }
}

#[tokio::test]
async fn a_verifier_speaks_for_the_issuer_that_it_was_asked_about_and_for_the_living() {
    let key = ed("1");
    for (says, is_accepted) in [
        ((ISSUER, NOW + 1), true),
        ((OTHER, NOW + 1), false),
        (("https://evil.example", NOW + 1), false),
        ((ISSUER, NOW - 60), false),
    ] {
        let verifier = Credulous { issuers: vec![ISSUER.to_owned(), OTHER.to_owned()], says };
        let chain = VerifierChain::builder().verifier(verifier).build().unwrap();
        let verified = chain.verify(&token(&key, json!({})), clock().now()).await;
        assert_eq!(verified.is_ok(), is_accepted, "{says:?}");
    }
    let nobody = Credulous { issuers: Vec::new(), says: (ISSUER, NOW) };
    assert!(VerifierChain::builder().verifier(nobody).build().is_err());
}

#[test]
fn a_verifier_names_somebody() {
    for (issuer, subject) in
        [("", "ada"), (" ", "ada"), (ISSUER, ""), (ISSUER, " "), (ISSUER, "a\0"), (ISSUER, &*"x".repeat(256))]
    {
        assert!(VerifiedClaims::new(issuer, subject, clock().now()).is_err());
    }
}

#[tokio::test]
async fn a_refusal_is_401_and_an_outage_503_and_clients_learn_no_more() {
    let Chain { chain, net, .. } = chain();
    let key = ed("2");
    let refused = Error::from(chain.verify(&token(&key, json!({})), clock().now()).await.unwrap_err());
    assert!(refused.is(Code::Unauthorized));
    net.is_down();
    let stand = Stand::with(custom());
    let down = Error::from(stand.verify(&token(&key, json!({}))).await.unwrap_err());
    assert!(down.is(Code::Unavailable));
    for error in [refused, down] {
        assert_eq!(
            error.message(),
            if error.is(Code::Unauthorized) { Code::Unauthorized } else { Code::Unavailable }.message()
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}
