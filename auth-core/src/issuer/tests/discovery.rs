//! Where keys are found, and what is not believed.

use serde_json::json;

use super::*;

const METADATA: &str = "https://issuer.example/.well-known/openid-configuration";

fn metadata(issuer: &str, jwks_uri: &str) -> String {
    json!({ "issuer": issuer, "jwks_uri": jwks_uri, "token_endpoint": "https://elsewhere.example/token" }).to_string()
}

/// An issuer that is asked where its keys are and says this.
fn discovering(says: impl Into<bytes::Bytes>, key: &SigningKey) -> Stand<JwksVerifier> {
    let stand = Stand::with(JwksVerifier::custom(ISSUER).audience([API]));
    stand.net.answers(METADATA, says.into());
    stand.net.answers(KEYS, set_of(&[key]));
    stand
}

#[tokio::test]
async fn keys_are_found_by_the_metadata_once_a_day() {
    let (key, next) = (ed("1"), ed("2"));
    let lasting = |key| token(key, json!({ "exp": NOW + 1_000_000 }));
    let stand = discovering(metadata(ISSUER, KEYS), &key);
    stand.accepted(&lasting(&key)).await;
    stand.net.answers(KEYS, set_of(&[&key, &next]));
    stand.accepted(&lasting(&next)).await;
    assert_eq!(stand.net.asked(), [METADATA, KEYS, KEYS]);
    stand.passes(24 * 60 * 60);
    stand.accepted(&lasting(&next)).await;
    stand.passes(600);
    stand.accepted(&lasting(&next)).await;
    assert_eq!(stand.net.asked()[3..], [METADATA, KEYS, KEYS]);
}

#[tokio::test]
async fn keys_that_have_moved_are_found_after_a_failure() {
    let key = ed("1");
    let stand = discovering(metadata(ISSUER, KEYS), &key);
    stand.accepted(&token(&key, json!({}))).await;
    stand.net.is_down();
    let elsewhere = "https://issuer.example/elsewhere";
    stand.net.answers(METADATA, metadata(ISSUER, elsewhere));
    stand.net.answers(elsewhere, set_of(&[&key]));
    stand.passes(600);
    let token = token(&key, json!({ "exp": NOW + 1_000 }));
    stand.accepted(&token).await;
    stand.passes(30);
    stand.accepted(&token).await;
    assert_eq!(stand.net.asked()[2..], [KEYS, METADATA, elsewhere]);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_issuer_is_not_doubled_and_counts() {
    let key = ed("1");
    let with_slash = "https://issuer.example/realm/";
    let stand = Stand::with(JwksVerifier::custom(with_slash).audience([API]));
    stand.net.answers("https://issuer.example/realm/.well-known/openid-configuration", metadata(with_slash, KEYS));
    stand.net.answers(KEYS, set_of(&[&key]));
    stand.accepted(&token(&key, json!({ "iss": with_slash }))).await;
    stand.refused(&token(&key, json!({ "iss": "https://issuer.example/realm" }))).await;
    // Nor is metadata of the other spelling that of this issuer.
    let stand = Stand::with(JwksVerifier::custom(with_slash).audience([API]));
    let of_another = metadata("https://issuer.example/realm", KEYS);
    stand.net.answers("https://issuer.example/realm/.well-known/openid-configuration", of_another);
    stand.net.answers(KEYS, set_of(&[&key]));
    stand.unavailable(&token(&key, json!({ "iss": with_slash }))).await;
}

#[tokio::test]
async fn metadata_that_cannot_be_believed_leads_nowhere() {
    let key = ed("1");
    for bad in [
        metadata("https://evil.example", KEYS),
        metadata("https://issuer.example/", KEYS),
        metadata("https://ISSUER.example", KEYS),
        metadata(ISSUER, "https://evil.example/keys"),
        metadata(ISSUER, "https://issuer.example.evil.example/keys"),
        metadata(ISSUER, "https://issuer.example@evil.example/keys"),
        metadata(ISSUER, "https://user:password@issuer.example/keys"),
        metadata(ISSUER, "https://issuer.example:8443/keys"),
        metadata(ISSUER, "http://issuer.example/keys"),
        metadata(ISSUER, "file:///etc/keys"),
        metadata(ISSUER, "/keys"),
        metadata(ISSUER, "http://169.254.169.254/latest"),
        json!({ "issuer": ISSUER }).to_string(),
        json!({ "jwks_uri": KEYS }).to_string(),
        json!([ISSUER, KEYS]).to_string(),
        format!(r#"{{"issuer":"https://evil.example","issuer":"{ISSUER}","jwks_uri":"{KEYS}"}}"#),
        "<html>Sign in to this network</html>".to_owned(),
        String::new(),
    ] {
        let stand = discovering(bad.clone(), &key);
        stand.unavailable(&token(&key, json!({}))).await;
        assert_eq!(stand.net.asked(), [METADATA], "{bad}");
    }
}

#[tokio::test]
async fn keys_on_another_host_count_only_if_it_was_named() {
    let key = ed("1");
    let elsewhere = "https://keys.example:8443/set";
    for (hosts, is_accepted) in [
        (vec!["keys.example:8443"], true),
        (vec!["other.example", "KEYS.example:8443"], true),
        (vec!["keys.example"], false),
        (vec!["example:8443"], false),
        (vec![], false),
    ] {
        let stand = Stand::with(JwksVerifier::custom(ISSUER).audience([API]).jwks_hosts(hosts.clone()));
        stand.net.answers(METADATA, metadata(ISSUER, elsewhere));
        stand.net.answers(elsewhere, set_of(&[&key]));
        assert_eq!(stand.verify(&token(&key, json!({}))).await.is_ok(), is_accepted, "{hosts:?}");
    }
}

#[tokio::test]
async fn plain_http_is_asked_only_if_it_was_allowed() {
    let key = ed("1");
    let issuer = "http://127.0.0.1:8080";
    assert!(!JwksVerifier::custom(issuer).audience([API]).problems().is_empty());
    let stand = Stand::with(JwksVerifier::custom(issuer).audience([API]).allow_plain_http_insecurely());
    let keys = "http://127.0.0.1:8080/keys";
    stand.net.answers("http://127.0.0.1:8080/.well-known/openid-configuration", metadata(issuer, keys));
    stand.net.answers(keys, set_of(&[&key]));
    stand.accepted(&token(&key, json!({ "iss": issuer }))).await;
}

#[tokio::test]
async fn nothing_but_a_200_of_reasonable_size_is_an_answer() {
    let key = ed("1");
    let elsewhere = ("location", "https://elsewhere.example/keys");
    let keys = set_of(&[&key]);
    for status in [204, 206, 301, 302, 303, 307, 308, 304, 401, 404, 429, 500, 503] {
        let stand = Stand::with(custom());
        stand.net.answers_with(KEYS, status, &[elsewhere], keys.clone());
        stand.net.answers("https://elsewhere.example/keys", keys.clone());
        stand.unavailable(&token(&key, json!({}))).await;
        assert_eq!(stand.net.asked(), [KEYS], "{status}");
    }
    let padded = |size: usize| [keys.clone(), vec![b' '; size - keys.len()]].concat();
    let stand = Stand::with(custom());
    stand.net.answers(KEYS, padded(256 * 1024 + 1));
    stand.unavailable(&token(&key, json!({}))).await;
    stand.net.answers(KEYS, padded(256 * 1024));
    stand.passes(1);
    stand.accepted(&token(&key, json!({}))).await;
}

#[tokio::test]
async fn broken_sets_are_no_answer() {
    let key = ed("1");
    let good = String::from_utf8(set_of(&[&key])).unwrap();
    let twice = good.replace("{\"keys\":", "{\"keys\":[],\"keys\":");
    for bad in ["", "null", "[]", "{}", r#"{"keys":{}}"#, &good[..good.len() - 1], &format!("{good}x"), &twice] {
        let stand = Stand::with(custom());
        stand.net.answers(KEYS, bad.to_owned());
        stand.unavailable(&token(&key, json!({}))).await;
    }
}
