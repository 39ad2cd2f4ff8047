//! Tokens of an issuer that we did not write: the npm package `oidc-provider`, on loopback.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use auth_core::base::{Clock, ManualClock, SystemClock};
use auth_core::crypto::jwt::JwtError;
use auth_core::issuer::{
    ClaimsProfile, JwksVerifier, PresentedToken, Refusal, TokenVerifier, VerifiedClaims, VerifyError,
};
use auth_core::ports::{HttpClient, ReqwestClient};
use auth_tests::node_folder;
use bytes::Bytes;
use serde_json::Value;

const API: &str = "https://api.example";

#[tokio::test]
async fn access_tokens_of_oidc_provider_are_verified_by_discovery() {
    let Some(folder) = node_folder("oidc") else { return };
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let port = free_port();
        let (issuer, clock) = (format!("http://127.0.0.1:{port}"), ManualClock::at(SystemClock.now()));
        let client = client();
        let verifier = JwksVerifier::custom(&*issuer)
            .audience([API])
            .token_types(["at+jwt"])
            .profile(ClaimsProfile::apso())
            .allow_plain_http_insecurely()
            .build(client.clone())
            .unwrap();
        let verify = async |token: &str| verifier.verify(&PresentedToken::parse(token).unwrap(), clock.now()).await;

        let provider = Provider::start(&folder, port, algorithm, "first");
        let first = token(&client, &issuer, API).await;
        let claims = verify(&first).await.unwrap();
        assert_eq!((claims.issuer(), claims.subject()), (&*issuer, "machine"));
        assert_eq!((claims.tenant.as_ref().unwrap().as_str(), &*claims.roles), ("org_1", &["worker".to_owned()][..]));
        assert_eq!(claims.email.as_ref().unwrap().as_str(), "machine@acme.example");

        // Issued for somebody else, changed, and too old.
        let elsewhere = token(&client, &issuer, "https://other.example").await;
        assert_eq!(refusal(verify(&elsewhere).await), Refusal::Token(JwtError::Audience));
        assert_eq!(refusal(verify(&changed(&first)).await), Refusal::Token(JwtError::Signature));
        let later = clock.now().plus(Duration::from_secs(400));
        let old = verifier.verify(&PresentedToken::parse(&first).unwrap(), later).await;
        assert_eq!(refusal(old), Refusal::Token(JwtError::Expired));

        // It comes back with another key: the new one is found, the old one ends with the reading.
        drop(provider);
        let provider = Provider::start(&folder, port, algorithm, "second");
        let second = token(&client, &issuer, API).await;
        verify(&second).await.unwrap();
        assert_eq!(refusal(verify(&first).await), Refusal::UnknownKey);

        // And goes away: keys that were read go on.
        drop(provider);
        verify(&second).await.unwrap();
    }
}

fn refusal(verdict: Result<VerifiedClaims, VerifyError>) -> Refusal {
    match verdict {
        Err(VerifyError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The same token, with another letter in its signature.
fn changed(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 10;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    [&token[..at], other, &token[at + 1..]].concat()
}

fn client() -> Arc<dyn HttpClient> {
    Arc::new(ReqwestClient::builder().allow_plain_http_insecurely().build().unwrap())
}

/// An access token of the machine for `resource` (RFC 6749 §4.4, RFC 8707).
async fn token(client: &Arc<dyn HttpClient>, issuer: &str, resource: &str) -> String {
    let form = format!("grant_type=client_credentials&scope=read&resource={resource}");
    let request = http::Request::post(format!("{issuer}/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        // machine:not-much-of-a-secret
        .header("authorization", "Basic bWFjaGluZTpub3QtbXVjaC1vZi1hLXNlY3JldA==")
        .body(Bytes::from(form))
        .unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The running issuer, which ends with the test.
struct Provider(Child);

impl Provider {
    fn start(folder: &Path, port: u16, algorithm: &str, kid: &str) -> Self {
        let mut node = Command::new("node");
        node.args(["issuer.mjs", &port.to_string(), algorithm, kid]).current_dir(folder);
        let mut child = node.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line == "ready"), "the issuer did not start");
        Self(child)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
