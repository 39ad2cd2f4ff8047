//! The rules of each provider: what is accepted, what is not, and where keys are looked for.

use serde_json::json;

use super::*;
use crate::crypto::jwt::JwtError;

/// A provider that publishes an RSA key at this address, and the claims of a good token of it.
struct Provider {
    stand: Stand<JwksVerifier>,
    key: SigningKey,
    good: Value,
}

impl Provider {
    fn new(builder: VerifierBuilder<KeySource>, keys_at: &str, good: Value) -> Self {
        let (stand, key) = (Stand::with(builder), rsa("a"));
        stand.net.answers(keys_at, set_of(&[&key]));
        Self { stand, key, good }
    }

    fn token(&self, changes: Value) -> String {
        let mut claims = json!({ "sub": "ada", "iat": NOW, "exp": NOW + 300 });
        for (name, value) in self.good.as_object().unwrap().iter().chain(changes.as_object().unwrap()) {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.key.sign("JWT", &claims).unwrap()
    }

    async fn accepts(&self, changes: Value) -> VerifiedClaims {
        self.stand.accepted(&self.token(changes)).await
    }

    async fn refuses(&self, changes: Value, refusal: Refusal) {
        assert_eq!(self.stand.refused(&self.token(changes.clone())).await, refusal, "{changes}");
    }
}

const WRONG_ISSUER: Refusal = Refusal::Token(JwtError::Issuer);
const WRONG_AUDIENCE: Refusal = Refusal::Token(JwtError::Audience);

fn value(claim: &'static str) -> Refusal {
    Refusal::Value(claim.into())
}

fn missing(claim: &'static str) -> Refusal {
    Refusal::Missing(claim.into())
}

#[tokio::test]
async fn auth0() {
    for domain in ["acme.eu.auth0.com", "https://acme.eu.auth0.com/"] {
        let good = json!({
            "iss": "https://acme.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "azp": "spa",
            "aud": [API, "https://acme.eu.auth0.com/userinfo"], "scope": "openid", "permissions": ["read:users"],
        });
        let keys = "https://acme.eu.auth0.com/.well-known/jwks.json";
        let provider = Provider::new(JwksVerifier::auth0(domain, API), keys, good);
        let claims = provider.accepts(json!({})).await;
        assert_eq!(claims.subject(), "auth0|5f7c8ec7c33c6c004bbafe82");
        assert_eq!(claims.permissions[0].as_str(), "read:users");
        let machine = json!({ "sub": "spa@clients", "gty": "client-credentials" });
        assert!(!claims.is_service && provider.accepts(machine).await.is_service);
        let refreshed = json!({ "gty": ["refresh_token", "password"] });
        assert!(!provider.accepts(refreshed).await.is_service);
        provider.accepts(json!({ "aud": API, "permissions": null })).await;
        provider.refuses(json!({ "iss": "https://acme.eu.auth0.com" }), WRONG_ISSUER).await;
        provider.refuses(json!({ "iss": "https://evil.eu.auth0.com/" }), WRONG_ISSUER).await;
        // An ID token: its audience is the client.
        provider.refuses(json!({ "aud": "spa" }), WRONG_AUDIENCE).await;
        provider.refuses(json!({ "aud": null }), WRONG_AUDIENCE).await;
    }
    let mapped = JwksVerifier::auth0("acme.eu.auth0.com", API)
        .map_claims(|map| map.organization(["org_id"]).email(["https://acme.example/email"]));
    let good = json!({
        "iss": "https://acme.eu.auth0.com/", "aud": API, "org_id": "org_9", "https://acme.example/email": "ada@acme.example",
    });
    let provider = Provider::new(mapped, "https://acme.eu.auth0.com/.well-known/jwks.json", good);
    let claims = provider.accepts(json!({})).await;
    assert_eq!((claims.tenant.unwrap().as_str(), claims.email.unwrap().as_str()), ("org_9", "ada@acme.example"));
}

#[tokio::test]
async fn firebase() {
    let good = json!({
        "iss": "https://securetoken.google.com/acme-prod", "aud": "acme-prod", "auth_time": NOW - 100, "user_id": "ada",
        "email": "ada@example.com", "email_verified": true,
        "firebase": { "identities": {}, "sign_in_provider": "password", "tenant": "staff-1" },
    });
    let keys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
    let builder = JwksVerifier::firebase("acme-prod").map_claims(|map| map.organization(["firebase.tenant"]));
    let provider = Provider::new(builder, keys, good);
    let claims = provider.accepts(json!({})).await;
    assert!(claims.email_verified);
    assert_eq!(claims.tenant.unwrap().as_str(), "staff-1");
    provider.accepts(json!({ "sub": "x".repeat(128), "auth_time": NOW })).await;
    provider.refuses(json!({ "sub": "x".repeat(129) }), value("sub")).await;
    provider.refuses(json!({ "aud": "other" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "iss": "https://securetoken.google.com/other" }), WRONG_ISSUER).await;
    // A session cookie, which other keys sign.
    provider.refuses(json!({ "iss": "https://session.firebase.google.com/acme-prod" }), WRONG_ISSUER).await;
    provider.refuses(json!({ "auth_time": null }), missing("auth_time")).await;
    provider.refuses(json!({ "auth_time": "yesterday" }), Refusal::Mistyped("auth_time".into())).await;
    provider.refuses(json!({ "auth_time": NOW + 31 }), value("auth_time")).await;
    provider.refuses(json!({ "auth_time": -1 }), value("auth_time")).await;
}

/// What Supabase writes into the token of a user.
fn supabase_claims() -> Value {
    json!({
        "iss": "https://ref.supabase.co/auth/v1", "aud": "authenticated", "role": "authenticated", "session_id": "s1",
        "email": "ada@example.com", "phone": "", "is_anonymous": false, "aal": "aal1",
        "app_metadata": { "provider": "email", "roles": ["editor"] },
        "user_metadata": { "email_verified": true, "roles": ["root"] },
    })
}

#[tokio::test]
async fn supabase() {
    let keys = "https://ref.supabase.co/auth/v1/.well-known/jwks.json";
    let mut provider = Provider::new(JwksVerifier::supabase("https://ref.supabase.co/"), keys, supabase_claims());
    let claims = provider.accepts(json!({})).await;
    assert_eq!((claims.roles, claims.session_id.as_deref()), (vec!["editor".to_owned()], Some("s1")));
    // Users write it themselves.
    assert!(!claims.email_verified);
    // Somebody who signed in by telephone has an empty address.
    assert!(provider.accepts(json!({ "email": "" })).await.email.is_none());
    provider.refuses(json!({ "aud": null, "role": "service_role" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "aud": "anon" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "iss": "supabase" }), WRONG_ISSUER).await;
    provider.refuses(json!({ "sub": null }), missing("sub")).await;
    // Their usual algorithm.
    provider.key = SigningKey::generate(Algorithm::Es256, "es").unwrap();
    provider.stand.net.answers(keys, set_of(&[&provider.key]));
    provider.accepts(json!({})).await;
}

#[tokio::test]
async fn supabase_with_the_legacy_secret() {
    let stand = Stand::fixed(StaticKeyVerifier::supabase_legacy("https://ref.supabase.co", secret()));
    let key = SigningKey::hs256(&secret(), Some("any/kid".to_owned())).unwrap();
    let good = |changes: Value| {
        let mut all = supabase_claims();
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        token(&key, all)
    };
    let claims = stand.accepted(&good(json!({}))).await;
    assert_eq!(claims.issuer(), "https://ref.supabase.co/auth/v1");
    assert_eq!(claims.roles, ["editor"]);
    // The keys that a project publishes are tokens signed with the same secret.
    let anon = good(json!({ "iss": "supabase", "role": "anon", "aud": null, "sub": null }));
    stand.refused(&anon).await;
    assert_eq!(stand.refused(&good(json!({ "aud": null }))).await, WRONG_AUDIENCE);
    let other = SigningKey::hs256(&Secret::new("Zt4VbN8sQw2LxE6rJk9Hc3Gf7Yd1Ma5P"), None).unwrap();
    assert_eq!(stand.refused(&token(&other, supabase_claims())).await, Refusal::Token(JwtError::Signature));
    assert_eq!(stand.refused(&token(&rsa("a"), supabase_claims())).await, Refusal::Algorithm);
}

#[tokio::test]
async fn clerk() {
    let app = "https://app.acme.example";
    let good = json!({
        "iss": "https://clerk.acme.example", "azp": app, "nbf": NOW - 10, "sid": "sess_1", "v": 2, "sts": "active",
        "o": { "id": "org_2aB", "rol": "admin", "slg": "acme" }, "sub": "user_1",
    });
    let builder = JwksVerifier::clerk("clerk.acme.example", [app, "https://admin.acme.example"])
        .map_claims(|map| map.organization(["o.id", "org_id"]));
    let provider = Provider::new(builder, "https://clerk.acme.example/.well-known/jwks.json", good);
    let claims = provider.accepts(json!({})).await;
    assert_eq!((claims.tenant.unwrap().as_str(), claims.session_id.as_deref()), ("org_2aB", Some("sess_1")));
    provider.accepts(json!({ "azp": "https://admin.acme.example", "sts": null, "o": null })).await;
    provider.refuses(json!({ "azp": "https://evil.example" }), value("azp")).await;
    provider.refuses(json!({ "azp": "https://app.acme.example.evil.example" }), value("azp")).await;
    provider.refuses(json!({ "azp": [app] }), Refusal::Mistyped("azp".into())).await;
    provider.refuses(json!({ "azp": null }), missing("azp")).await;
    provider.refuses(json!({ "sts": "pending" }), value("sts")).await;
    // Made from a template for somebody else.
    provider.refuses(json!({ "aud": "convex" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "iss": "https://clerk.other.example" }), WRONG_ISSUER).await;
    provider.refuses(json!({ "nbf": NOW + 31 }), Refusal::Token(JwtError::NotYetValid)).await;
}

#[tokio::test]
async fn cognito() {
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC";
    let access = json!({
        "iss": issuer, "token_use": "access", "client_id": "web", "scope": "openid", "username": "ada",
        "cognito:groups": ["staff"], "origin_jti": "o1", "auth_time": NOW,
    });
    let builder = || JwksVerifier::cognito("eu-west-1", "eu-west-1_AbC", ["web", "mobile"]);
    let keys = format!("{issuer}/.well-known/jwks.json");
    let provider = Provider::new(builder(), &keys, access);
    let claims = provider.accepts(json!({})).await;
    assert_eq!((claims.roles, claims.session_id.as_deref()), (vec!["staff".to_owned()], Some("o1")));
    provider.accepts(json!({ "client_id": "mobile" })).await;
    let machine = json!({ "sub": "mobile", "client_id": "mobile", "username": null, "cognito:groups": null });
    assert!(provider.accepts(machine).await.is_service);
    let id = json!({ "token_use": "id", "aud": "web", "client_id": null, "email": "ada@example.com" });
    assert!(provider.accepts(id).await.email.is_some());
    provider.refuses(json!({ "client_id": "other" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "client_id": null, "aud": "web" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "aud": "https://other.example" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "token_use": "id", "aud": "other" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "token_use": "id" }), WRONG_AUDIENCE).await;
    for token_use in [json!(null), json!("refresh"), json!(""), json!(["access"])] {
        provider.refuses(json!({ "token_use": token_use }), value("token_use")).await;
    }
    provider.refuses(json!({ "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Xyz" }), WRONG_ISSUER).await;
    // Only one of the two, if that is what is wanted.
    let only_access = Provider::new(builder().require_value("token_use", ["access"]), &keys, provider.good.clone());
    only_access.accepts(json!({})).await;
    only_access.refuses(json!({ "token_use": "id", "aud": "web" }), value("token_use")).await;
}

const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const SECOND: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const STRANGER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn entra_issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// A set in which each key says for whose tokens it is good.
fn with_issuers(keys: &[(&SigningKey, &str)]) -> String {
    let jwk = |(key, issuer): &(&SigningKey, &str)| {
        let mut jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk["issuer"] = json!(issuer);
        jwk
    };
    json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() }).to_string()
}

#[tokio::test]
async fn entra() {
    let good = json!({
        "iss": entra_issuer(TENANT), "aud": "api-client", "tid": TENANT, "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "sub": "pairwise", "ver": "2.0", "roles": ["Task.Read"], "scp": "access",
    });
    let keys = "https://login.microsoftonline.com/common/discovery/v2.0/keys";
    let provider = Provider::new(JwksVerifier::entra([TENANT, SECOND], "api-client"), keys, good.clone());
    let claims = provider.accepts(json!({})).await;
    assert_eq!(claims.subject(), format!("{TENANT}:00000000-0000-0000-66f3-3332eca7ea81"));
    assert_eq!(claims.issuer(), entra_issuer(TENANT));
    assert_eq!(claims.roles, ["Task.Read"]);
    assert!(!claims.is_service && provider.accepts(json!({ "idtyp": "app", "scp": null })).await.is_service);
    let second = provider.accepts(json!({ "tid": SECOND, "iss": entra_issuer(SECOND) })).await;
    assert_eq!(second.issuer(), entra_issuer(SECOND));

    // A tenant that nobody has let in, with Microsoft's own signature.
    provider.refuses(json!({ "tid": STRANGER, "iss": entra_issuer(STRANGER) }), WRONG_ISSUER).await;
    provider.refuses(json!({ "tid": STRANGER }), value("tid")).await;
    // One that speaks for another.
    provider.refuses(json!({ "tid": SECOND }), WRONG_ISSUER).await;
    provider.refuses(json!({ "tid": null }), value("tid")).await;
    provider.refuses(json!({ "oid": null }), missing("oid")).await;
    provider.refuses(json!({ "oid": "" }), missing("oid")).await;
    provider.refuses(json!({ "aud": "00000003-0000-0000-c000-000000000000" }), WRONG_AUDIENCE).await;
    // Version 1.0.
    provider.refuses(json!({ "iss": format!("https://sts.windows.net/{TENANT}/") }), WRONG_ISSUER).await;
    provider.refuses(json!({ "iss": "https://login.microsoftonline.com/common/v2.0" }), WRONG_ISSUER).await;

    // One tenant has keys of its own address, and so has a national cloud.
    let own = format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys");
    Provider::new(JwksVerifier::entra([TENANT], "api-client"), &own, good).accepts(json!({})).await;
    let national =
        JwksVerifier::entra([TENANT], "api-client").issuer("https://login.microsoftonline.us/{tenantid}/v2.0");
    let good = json!({
        "iss": format!("https://login.microsoftonline.us/{TENANT}/v2.0"), "aud": "api-client", "tid": TENANT, "oid": "o",
    });
    let own = format!("https://login.microsoftonline.us/{TENANT}/discovery/v2.0/keys");
    Provider::new(national, &own, good).accepts(json!({})).await;
}

#[tokio::test]
async fn a_key_that_is_published_for_one_issuer_verifies_only_its_tokens() {
    let (all, strangers) = (rsa("a"), rsa("b"));
    let keys = "https://login.microsoftonline.com/common/discovery/v2.0/keys";
    let good = json!({ "iss": entra_issuer(TENANT), "aud": "api-client", "tid": TENANT, "oid": "o" });
    let mut provider = Provider::new(JwksVerifier::entra([TENANT, SECOND], "api-client"), keys, good);
    let for_all = "https://login.microsoftonline.com/{tenantid}/v2.0";
    provider.stand.net.answers(keys, with_issuers(&[(&all, for_all), (&strangers, &entra_issuer(STRANGER))]));
    provider.accepts(json!({})).await;
    provider.key = strangers;
    provider.refuses(json!({}), Refusal::UnknownKey).await;
}

#[tokio::test]
async fn keycloak() {
    let issuer = "https://sso.acme.example/realms/acme";
    let good = json!({
        "iss": issuer, "aud": "account", "azp": "backoffice", "typ": "Bearer", "sid": "s1", "scope": "openid",
        "realm_access": { "roles": ["offline_access", "staff"] }, "email": "ada@example.com", "email_verified": false,
        "resource_access": { "account": { "roles": ["manage-account"] } },
    });
    let keys = "https://sso.acme.example/realms/acme/protocol/openid-connect/certs";
    let provider = Provider::new(JwksVerifier::keycloak(issuer, "backoffice"), keys, good);
    let claims = provider.accepts(json!({})).await;
    assert_eq!(claims.roles, ["offline_access", "staff"]);
    provider.accepts(json!({ "azp": "other", "aud": ["account", "backoffice"] })).await;
    provider.refuses(json!({ "azp": "other" }), WRONG_AUDIENCE).await;
    provider.refuses(json!({ "azp": null, "aud": null }), WRONG_AUDIENCE).await;
    for typ in ["ID", "Refresh", "Offline", "Logout", "DPoP", ""] {
        provider.refuses(json!({ "typ": typ }), value("typ")).await;
    }
    provider.refuses(json!({ "iss": "https://sso.acme.example/realms/master" }), WRONG_ISSUER).await;
    // Its set has a key for encryption as well.
    let (key, other) = (rsa("a"), rsa("b"));
    let mut set: Value = serde_json::from_slice(&set_of(&[&key, &other])).unwrap();
    set["keys"][1]["use"] = json!("enc");
    set["keys"][1]["alg"] = json!("RSA-OAEP");
    let mut provider = provider;
    provider.stand.net.answers(keys, set.to_string());
    provider.stand.passes(600);
    provider.good["exp"] = json!(NOW + 900);
    provider.accepts(json!({})).await;
    provider.key = other;
    provider.refuses(json!({}), Refusal::UnknownKey).await;
}

#[tokio::test]
async fn a_preset_can_stand_at_another_address() {
    // As a development server does, or a custom domain.
    let builder = JwksVerifier::supabase("https://ref.supabase.co")
        .issuer("http://127.0.0.1:54321/auth/v1")
        .allow_plain_http_insecurely();
    let mut good = supabase_claims();
    good["iss"] = json!("http://127.0.0.1:54321/auth/v1");
    Provider::new(builder, "http://127.0.0.1:54321/auth/v1/.well-known/jwks.json", good).accepts(json!({})).await;
    let elsewhere =
        JwksVerifier::firebase("acme").issuer("http://127.0.0.1:9099/acme").jwks_url("http://127.0.0.1:9099/k");
    let good = json!({ "iss": "http://127.0.0.1:9099/acme", "aud": "acme", "auth_time": NOW });
    let emulator = elsewhere.allow_plain_http_insecurely();
    Provider::new(emulator, "http://127.0.0.1:9099/k", good).accepts(json!({})).await;
}
