//! Which claim holds what.

use serde_json::json;

use super::*;
use crate::issuer::{Answers, ClaimMap};

/// What a token with these claims says, to a verifier that was told more about claims.
async fn read(map: ClaimMap, changes: Value) -> Result<VerifiedClaims, Refusal> {
    let stand = Stand::fixed(StaticKeyVerifier::secret(secret()).issuer(ISSUER).audience([API]).claims(map));
    let key = SigningKey::hs256(&secret(), None).unwrap();
    match stand.verify(&token(&key, changes)).await {
        Ok(claims) => Ok(claims),
        Err(VerifyError::Refused(refusal)) => Err(refusal),
        Err(VerifyError::Unavailable(error)) => panic!("{error}"),
    }
}

fn texts(permissions: &[crate::role::Permission]) -> Vec<&str> {
    permissions.iter().map(crate::role::Permission::as_str).collect()
}

#[tokio::test]
async fn the_usual_names_are_read() {
    let claims = read(
        ClaimMap::default(),
        json!({
            "email": "Ada@Example.com", "email_verified": true, "name": "Ada", "organizationId": "org_1", "sid": "s1",
            "roles": ["admin", "member"], "permissions": ["users:read", "users:admin"], "plan": { "tier": "free" },
        }),
    )
    .await
    .unwrap();
    assert_eq!(claims.email.as_ref().unwrap().as_str(), "ada@example.com");
    assert!(claims.email_verified);
    assert_eq!((claims.name.as_deref(), claims.session_id.as_deref()), (Some("Ada"), Some("s1")));
    assert_eq!(claims.tenant.as_ref().unwrap().as_str(), "org_1");
    assert_eq!(claims.roles, ["admin", "member"]);
    assert_eq!(texts(&claims.permissions), ["users:read", "users:admin"]);
    assert_eq!((claims.expires_at.as_seconds(), claims.issued_at.unwrap().as_seconds()), (NOW + 300, NOW));
    assert_eq!(claims.raw["plan"]["tier"], "free");
}

#[tokio::test]
async fn what_is_not_there_is_empty() {
    let changes = json!({ "email": "", "name": null, "organizationId": " ", "roles": null, "iat": null });
    let claims = read(ClaimMap::default(), changes).await.unwrap();
    assert!(claims.email.is_none() && claims.name.is_none() && claims.tenant.is_none() && claims.session_id.is_none());
    assert!(claims.roles.is_empty() && claims.permissions.is_empty() && claims.issued_at.is_none());
    // An address that is not there was not verified either.
    assert!(!read(ClaimMap::default(), json!({ "email_verified": true })).await.unwrap().email_verified);
}

#[tokio::test]
async fn other_names_and_paths_are_read_in_order() {
    let map = ClaimMap::default()
        .organization(["https://acme.example/org", "o.id", "org_id"])
        .roles(["realm_access.roles"])
        .permissions(["scope"])
        .email(["contact.mail"]);
    let read_with = |changes| read(map.clone(), changes);
    let claims = read_with(json!({
        "https://acme.example/org": "a", "o": { "id": "b" }, "realm_access": { "roles": ["x"] },
        "contact": { "mail": "ada@example.com" }, "scope": "users:read users:create", "roles": ["no"],
    }));
    let claims = claims.await.unwrap();
    assert_eq!(claims.tenant.unwrap().as_str(), "a");
    assert_eq!((claims.roles, texts(&claims.permissions)), (vec!["x".to_owned()], vec!["users:read", "users:create"]));
    assert_eq!(claims.email.unwrap().as_str(), "ada@example.com");

    let tenant = |changes| async { read_with(changes).await.unwrap().tenant.unwrap().as_str().to_owned() };
    assert_eq!(tenant(json!({ "o": { "id": "b" }, "org_id": "c" })).await, "b");
    assert_eq!(tenant(json!({ "o": null, "org_id": "c" })).await, "c");
    // The name as it stands comes before the path.
    assert_eq!(tenant(json!({ "o.id": "literal", "o": { "id": "b" } })).await, "literal");
    let nothing = read(ClaimMap::default().organization([""; 0]), json!({ "organizationId": 7 })).await.unwrap();
    assert!(nothing.tenant.is_none());
}

#[tokio::test]
async fn lists_are_arrays_or_separated_by_spaces_or_commas() {
    for roles in [json!(["a", "b c"]), json!("a b"), json!("a,b"), json!("a, b"), json!(" a  ,,b ")] {
        let claims = read(ClaimMap::default(), json!({ "roles": roles })).await.unwrap();
        assert_eq!(claims.roles.len(), 2, "{roles}");
    }
    assert!(read(ClaimMap::default(), json!({ "roles": "" })).await.unwrap().roles.is_empty());
}

#[tokio::test]
async fn a_mistyped_claim_refuses_the_token() {
    let map = || ClaimMap::default().roles(["realm_access.roles"]);
    for (claim, value) in [
        ("email", json!(1)),
        ("email", json!("no address")),
        ("email", json!(["ada@example.com"])),
        ("email_verified", json!("yes")),
        ("email_verified", json!(1)),
        ("name", json!({ "first": "Ada" })),
        ("organizationId", json!(7)),
        ("organizationId", json!("two words")),
        ("permissions", json!([1])),
        ("permissions", json!(["users:read", ""])),
        ("permissions", json!({ "users": "read" })),
        ("sid", json!(1)),
    ] {
        let refusal = read(map(), json!({ claim: value })).await.unwrap_err();
        assert_eq!(refusal, Refusal::Mistyped(claim.into()), "{value}");
    }
    for realm in
        [json!({ "roles": [null] }), json!({ "roles": { "a": 1 } }), json!({ "roles": 1 }), json!("x"), json!([])]
    {
        let refusal = read(map(), json!({ "realm_access": realm })).await.unwrap_err();
        assert_eq!(refusal, Refusal::Mistyped("realm_access.roles".into()), "{realm}");
    }
}

#[tokio::test]
async fn booleans_may_be_written_as_strings() {
    for (value, is_verified) in [(json!("true"), true), (json!("false"), false), (json!(false), false)] {
        let changes = json!({ "email": "ada@example.com", "email_verified": value });
        assert_eq!(read(ClaimMap::default(), changes).await.unwrap().email_verified, is_verified);
    }
}

#[tokio::test]
async fn somebody_may_be_identified_by_another_claim() {
    let map = || ClaimMap::default().id(["uid"]);
    assert_eq!(read(map(), json!({ "uid": "u1" })).await.unwrap().subject(), "u1");
    assert_eq!(read(map(), json!({ "uid": "u1", "sub": null })).await.unwrap().subject(), "u1");
    for uid in [json!(null), json!(""), json!(" ")] {
        let refusal = read(map(), json!({ "uid": uid, "sub": null })).await.unwrap_err();
        assert_eq!(refusal, Refusal::Missing("uid".into()));
    }
    // One that is there is judged even if nobody reads it.
    assert!(read(map(), json!({ "uid": "u1", "sub": "" })).await.is_err());
    assert!(read(map(), json!({ "uid": 7 })).await.is_err());
}

#[tokio::test]
async fn a_key_may_take_the_place_of_the_issuer() {
    let stand = Stand::fixed(StaticKeyVerifier::secret(secret()));
    assert_eq!(stand.verifier.answers_for(), Answers::Others { known_as: "local" });
    let key = SigningKey::hs256(&secret(), None).unwrap();
    // Whatever the token says, it speaks for nobody else.
    for iss in [json!(null), json!("https://accounts.google.com")] {
        let claims = stand.accepted(&token(&key, json!({ "iss": iss, "aud": null }))).await;
        assert_eq!(claims.issuer(), "local");
    }
    stand.refused(&token(&key, json!({ "iss": 7, "aud": null }))).await;
    // It is for somebody else, who shares the secret.
    stand.refused(&token(&key, json!({}))).await;
    let named = Stand::fixed(StaticKeyVerifier::secret(secret()).known_as("urn:acme:tokens"));
    assert_eq!(named.accepted(&token(&key, json!({ "aud": null }))).await.issuer(), "urn:acme:tokens");
}

#[tokio::test]
async fn public_keys_may_be_known_beforehand() {
    let (key, other) = (ed("1"), ed("2"));
    let keys = key.public_jwk().into_iter().collect();
    let stand = Stand::fixed(StaticKeyVerifier::public_keys(ISSUER, keys).audience([API]));
    stand.accepted(&token(&key, json!({}))).await;
    assert_eq!(stand.refused(&token(&other, json!({}))).await, Refusal::UnknownKey);
    stand.refused(&token(&key, json!({ "aud": "other" }))).await;
    stand.refused(&token(&key, json!({ "iss": "other" }))).await;
}
