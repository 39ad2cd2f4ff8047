//! What a token must say.

use serde_json::json;

use super::*;
use crate::issuer::{ClaimField, ClaimMap, ClaimType, ClaimsProfile, TenantClaim};

async fn judged(profile: ClaimsProfile, changes: Value) -> Option<Refusal> {
    let verifier = StaticKeyVerifier::secret(secret()).issuer(ISSUER).audience([API]);
    let stand = Stand::fixed(verifier.claims(ClaimMap::default().organization(["org"])).profile(profile));
    let key = SigningKey::hs256(&secret(), None).unwrap();
    match stand.verify(&token(&key, changes)).await {
        Ok(_) => None,
        Err(VerifyError::Refused(refusal)) => Some(refusal),
        Err(VerifyError::Unavailable(error)) => panic!("{error}"),
    }
}

/// Every claim of `good` is required, and none of these values will do.
async fn requires(profile: ClaimsProfile, good: Value, wrong: &[(&str, Value)]) {
    assert_eq!(judged(profile.clone(), good.clone()).await, None);
    for name in good.as_object().unwrap().keys() {
        for nothing in [json!(null), json!("")] {
            let mut changes = good.clone();
            changes[name] = nothing;
            assert!(judged(profile.clone(), changes).await.is_some(), "{name}");
        }
    }
    for (name, value) in wrong {
        let mut changes = good.clone();
        changes[*name] = value.clone();
        assert!(judged(profile.clone(), changes).await.is_some(), "{name}: {value}");
    }
}

#[tokio::test]
async fn the_least_is_somebody_until_some_time() {
    assert_eq!(judged(ClaimsProfile::minimal(), json!({ "iat": null })).await, None);
    requires(ClaimsProfile::minimal(), json!({ "sub": "ada", "exp": NOW + 1 }), &[]).await;
}

#[tokio::test]
async fn organisations_are_required_and_called_as_the_map_says() {
    let good = json!({ "sub": "ada", "email": "ada@example.com", "org": "org_1", "iat": NOW, "exp": NOW + 1 });
    let wrong = [("email", json!(true)), ("email", json!("ada")), ("org", json!(1)), ("iat", json!("now"))];
    requires(ClaimsProfile::apso(), good.clone(), &wrong).await;
    // Roles and everything else may be missing.
    let mut without = good;
    without["org"] = json!(null);
    assert_eq!(judged(ClaimsProfile::apso(), without.clone()).await, Some(Refusal::Missing("org".into())));
    without["organizationId"] = json!("org_1");
    assert_eq!(judged(ClaimsProfile::apso(), without.clone()).await, Some(Refusal::Missing("org".into())));
    assert_eq!(judged(ClaimsProfile::apso().tenant(TenantClaim::Optional), without).await, None);
}

#[tokio::test]
async fn a_gateway_requires_an_array_of_permissions() {
    let good = json!({ "sub": "ada", "email": "ada@example.com", "name": "Ada", "permissions": ["users:read"] });
    let wrong = [
        ("permissions", json!("users:read")),
        ("permissions", json!(["users:read", 1])),
        ("permissions", json!({})),
        ("name", json!(1)),
        ("exp", json!("soon")),
        ("exp", json!(null)),
    ];
    requires(ClaimsProfile::gateway(), good.clone(), &wrong).await;
    let mut fewest = good;
    fewest["permissions"] = json!([]);
    fewest["iat"] = json!(null);
    assert_eq!(judged(ClaimsProfile::gateway(), fewest).await, None);
}

#[tokio::test]
async fn other_claims_can_be_required_with_their_type() {
    for (kind, good, bad) in [
        (ClaimType::Any, json!([1]), json!(null)),
        (ClaimType::Text, json!("x"), json!(1)),
        (ClaimType::Number, json!(1.5), json!("1")),
        (ClaimType::Boolean, json!(false), json!("false")),
        (ClaimType::TextList, json!([]), json!([1])),
        (ClaimType::Object, json!({}), json!([])),
    ] {
        let profile = || ClaimsProfile::minimal().require_claim("plan.tier", kind);
        assert_eq!(judged(profile(), json!({ "plan": { "tier": good } })).await, None, "{kind:?}");
        assert!(judged(profile(), json!({ "plan": { "tier": bad } })).await.is_some(), "{kind:?}");
        assert_eq!(judged(profile(), json!({})).await, Some(Refusal::Missing("plan.tier".into())));
    }
    // Said twice, the last one counts.
    let profile = ClaimsProfile::gateway().require(ClaimField::Permissions, ClaimType::Any);
    let changes = json!({ "email": "ada@example.com", "name": "Ada", "permissions": "users:read" });
    assert_eq!(judged(profile, changes).await, None);
}
