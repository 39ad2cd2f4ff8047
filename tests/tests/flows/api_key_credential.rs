//! API keys as credentials, and the order in which credentials count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_core::api_key::{self, NewApiKey, Quota};
use auth_core::base::TenantId;
use auth_core::guard::{Principal, Tenancy, TenantAccess};
use auth_core::http::CredentialSource;
use auth_core::prelude::Code;
use auth_core::role::Permission;
use auth_core::{AuthBuilder, Cx, Result, customer, token, user};
use auth_tests::{Actor, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

flows![
    a_key_acts_for_its_owner,
    a_key_is_read_from_either_header_and_from_one_alone,
    a_limited_key_does_what_it_and_its_owner_may,
    what_the_owner_loses_the_key_loses_at_once,
    a_key_of_a_tenant_ends_with_its_owner_s_membership,
    a_key_of_the_other_pool_is_refused_and_not_used_up,
    a_service_s_key_is_a_service,
    a_banned_owner_s_keys_stop_at_once,
    a_key_manages_nothing,
    an_access_token_makes_no_key,
    a_quota_is_429_with_the_time_to_wait,
    an_organisation_s_key_is_a_service,
    a_bearer_token_beats_a_key_and_a_bad_one_is_401,
    the_application_may_choose_another_order,
    without_the_feature_a_key_is_a_bad_credential,
    a_public_route_counts_no_use,
];

const ADA: &str = "ada@example.com";

fn with_keys(builder: AuthBuilder) -> AuthBuilder {
    builder.api_keys(api_key::Config::default()).tokens(token::Config::default())
}

async fn ada(stack: Stack) -> (TestApp, Actor) {
    let app = stack.app_with(with_keys).await;
    let ada = app.signed_up(ADA).await;
    app.grant(ADA, "ADMIN", "super_admin", &["reports:read", "reports:write"]).await;
    (app, ada)
}

/// A key of Ada's.
async fn key(app: &TestApp, change: impl FnOnce(&mut NewApiKey)) -> String {
    let mut new = NewApiKey::of_user(app.user_id(ADA).await);
    change(&mut new);
    api_key::create(&app.cx(), new).await.unwrap().secret.expose().to_owned()
}

fn permissions(names: &[&str]) -> Option<Vec<Permission>> {
    Some(names.iter().map(|name| Permission::parse(*name).unwrap()).collect())
}

async fn get(actor: &Actor, path: &str, key: &str) -> Reply {
    actor.request(Method::GET, path).header("x-api-key", key).send().await
}

async fn a_key_acts_for_its_owner(stack: Stack) {
    let (app, _) = ada(stack).await;
    let key = key(&app, |new| new.tenant = Some(TenantId::parse("acme").unwrap())).await;
    let program = app.program();
    assert_eq!(get(&program, "/me", &key).await.ok()["email"], ADA);
    let principal = get(&program, "/principal", &key).await.ok();
    assert_eq!(principal["id"], app.user_id(ADA).await.to_string());
    assert_eq!((&principal["kind"], &principal["method"]), (&json!("user"), &json!("api-key")));
    assert_eq!((&principal["tenant"], &principal["session"]), (&json!("acme"), &Value::Null));
    assert_eq!(principal["permissions"], json!(["reports:read", "reports:write"]));
    assert_eq!(get(&program, "/tenant", &key).await.ok(), json!({"tenant": "acme"}));
    get(&program, "/staff", &key).await.ok();
    get(&program, "/reports", &key).await.ok();
    get(&program, "/stateless", &key).await.ok();
    get(&program, "/fresh", &key).await.refused(403, "SESSION_NOT_FRESH");
}

async fn a_key_is_read_from_either_header_and_from_one_alone(stack: Stack) {
    let (app, _) = ada(stack).await;
    let (key, program) = (key(&app, |_| {}).await, app.program());
    let draft = || program.request(Method::GET, "/me");
    draft().header("authorization", &format!("ApiKey {key}")).send().await.ok();
    draft().header("authorization", &format!("apikey   {key} ")).send().await.ok();
    draft().header("x-api-key", &format!(" {key} ")).send().await.ok();
    let both = draft().header("x-api-key", &key).header("authorization", &format!("ApiKey {key}"));
    both.send().await.refused(401, "UNAUTHORIZED");
    let twice = draft().header("x-api-key", &key).another("x-api-key", &key);
    twice.send().await.refused(401, "UNAUTHORIZED");
    let (cut, longer, upper) = (&key[..key.len() - 1], format!("{key}A"), key.to_uppercase());
    for bad in ["", " ", "ak_live_", cut, &longer, &upper, &key[8..], &format!("{key}, {key}")] {
        get(&program, "/me", bad).await.refused(401, "UNAUTHORIZED");
    }
    // A session's token is none, nor is a key a session's token.
    let session = app.signed_in(ADA).await.cookie().unwrap();
    get(&program, "/me", &session).await.refused(401, "UNAUTHORIZED");
    program.with_bearer(&key).get("/me").await.refused(401, "UNAUTHORIZED");
    app.anon().with_cookie(&key).get("/me").await.refused(401, "UNAUTHORIZED");
}

async fn a_limited_key_does_what_it_and_its_owner_may(stack: Stack) {
    let (app, _) = ada(stack).await;
    let reader = key(&app, |new| new.permissions = permissions(&["reports:read"])).await;
    let program = app.program();
    get(&program, "/reports", &reader).await.ok();
    // It holds no role: a role is more than a key that is limited.
    get(&program, "/staff", &reader).await.refused(403, "FORBIDDEN");
    assert_eq!(get(&program, "/principal", &reader).await.ok()["roles"], json!([]));
    let none = key(&app, |new| new.permissions = permissions(&[])).await;
    get(&program, "/reports", &none).await.refused(403, "FORBIDDEN");
    let mut more = NewApiKey::of_user(app.user_id(ADA).await);
    more.permissions = permissions(&["users:delete"]);
    assert!(api_key::create(&app.cx(), more).await.is_err(), "nobody gives away what they do not hold");
}

async fn what_the_owner_loses_the_key_loses_at_once(stack: Stack) {
    let (app, _) = ada(stack).await;
    let (whole, reader) =
        (key(&app, |_| {}).await, key(&app, |new| new.permissions = permissions(&["reports:read"])).await);
    let id = app.user_id(ADA).await;
    auth_core::role::revoke_role(&app.cx(), id, "ADMIN", "super_admin").await.unwrap();
    for key in [whole, reader] {
        get(&app.program(), "/reports", &key).await.refused(403, "FORBIDDEN");
        get(&app.program(), "/me", &key).await.ok();
    }
}

/// Of `acme` only, and only as long as the switch is on.
struct Membership(Arc<AtomicBool>);

#[async_trait]
impl TenantAccess for Membership {
    async fn may_act(&self, _: &Cx, _: &Principal, tenant: &TenantId) -> Result<bool> {
        Ok(tenant.as_str() == "acme" && self.0.load(Ordering::Relaxed))
    }
}

async fn a_key_of_a_tenant_ends_with_its_owner_s_membership(stack: Stack) {
    let is_member = Arc::new(AtomicBool::new(true));
    let access = Membership(Arc::clone(&is_member));
    let app = stack.app_with(|builder| with_keys(builder).tenancy(Tenancy::default().access(access))).await;
    app.signed_up(ADA).await;
    let acme = TenantId::parse("acme").unwrap();
    let (key, program) = (key(&app, |new| new.tenant = Some(acme.clone())).await, app.program());
    let of_acme = NewApiKey::of_organization(acme, permissions(&[]).unwrap());
    let own = api_key::create(&app.cx(), of_acme).await.unwrap().secret;
    get(&program, "/tenant", &key).await.ok();
    is_member.store(false, Ordering::Relaxed);
    for path in ["/tenant", "/me"] {
        get(&program, path, &key).await.refused(403, "TENANT_MISMATCH");
    }
    // The organisation's own has no member behind it.
    get(&program, "/tenant", own.expose()).await.ok();
}

async fn a_key_of_the_other_pool_is_refused_and_not_used_up(stack: Stack) {
    let app = stack.app_with(|builder| with_keys(builder).customers(customer::Config::default())).await;
    app.signed_up(ADA).await;
    let key = key(&app, |new| new.quotas = Some(vec![Quota::per_day(1).unwrap()])).await;
    for _ in 0..3 {
        get(&app.program(), "/api/auth/customer/list-sessions", &key).await.refused(401, "UNAUTHORIZED");
    }
    get(&app.program(), "/me", &key).await.ok();
}

async fn a_service_s_key_is_a_service(stack: Stack) {
    let (app, _) = ada(stack).await;
    for bad in [String::new(), "s".repeat(129)] {
        let new = NewApiKey::of_service(bad, permissions(&["reports:read"]).unwrap());
        assert!(api_key::create(&app.cx(), new).await.unwrap_err().is(Code::ValidationError));
    }
    for name in ["nightly".to_owned(), "é".repeat(128)] {
        let new = NewApiKey::of_service(name.clone(), permissions(&["reports:read"]).unwrap());
        let created = api_key::create(&app.cx(), new).await.unwrap();
        let principal = get(&app.program(), "/principal", created.secret.expose()).await.ok();
        let id = format!("service:{name}");
        assert_eq!((&principal["kind"], &principal["id"]), (&"service".into(), &id.into()));
        get(&app.program(), "/reports", created.secret.expose()).await.ok();
    }
    let mut other = NewApiKey::of_organization(TenantId::parse("acme").unwrap(), permissions(&[]).unwrap());
    other.tenant = None;
    let refused = api_key::create(&app.cx(), other).await.unwrap_err();
    assert!(refused.is(Code::ValidationError), "an organisation's key acts for that organisation");
}

async fn a_banned_owner_s_keys_stop_at_once(stack: Stack) {
    let (app, _) = ada(stack).await;
    let (key, id) = (key(&app, |_| {}).await, app.user_id(ADA).await);
    user::disable_user(&app.cx(), id).await.unwrap();
    get(&app.program(), "/me", &key).await.refused(401, "UNAUTHORIZED");
    user::enable_user(&app.cx(), id).await.unwrap();
    get(&app.program(), "/me", &key).await.ok();
}

async fn a_key_manages_nothing(stack: Stack) {
    let (app, _) = ada(stack).await;
    let (key, program) = (key(&app, |_| {}).await, app.program());
    for endpoint in ["/list-sessions", "/list-accounts", "/token", "/api-key/list"] {
        let reply = get(&program, &format!("/api/auth{endpoint}"), &key).await;
        reply.refused(403, "FORBIDDEN");
    }
    for (endpoint, body) in [
        ("/update-user", json!({"name": "Mallory"})),
        ("/delete-user", json!({})),
        ("/revoke-sessions", json!({})),
        ("/token", json!({})),
        ("/api-key/create", json!({})),
        ("/api-key/delete", json!({"keyId": "0"})),
    ] {
        let draft = program.request(Method::POST, &format!("/api/auth{endpoint}")).header("x-api-key", &key);
        draft.json(&body).send().await.refused(403, "FORBIDDEN");
    }
    assert_eq!(get(&program, "/api/auth/get-session", &key).await.ok(), Value::Null);
    get(&program, "/api/auth/get-session", "nonsense").await.refused(401, "UNAUTHORIZED");
}

async fn a_quota_is_429_with_the_time_to_wait(stack: Stack) {
    let (app, _) = ada(stack).await;
    let key = key(&app, |new| new.quotas = Some(vec![Quota::per_minute(2).unwrap()])).await;
    let program = app.program();
    for _ in 0..2 {
        get(&program, "/me", &key).await.ok();
    }
    let refused = get(&program, "/me", &key).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("60")), "{}", refused.text());
    app.advance(std::time::Duration::from_secs(60));
    get(&program, "/me", &key).await.ok();
}

async fn an_organisation_s_key_is_a_service(stack: Stack) {
    let (app, _) = ada(stack).await;
    let acme = TenantId::parse("acme").unwrap();
    let mut new = NewApiKey::of_organization(acme, permissions(&["reports:read"]).unwrap());
    let mut unlimited = new.clone();
    unlimited.permissions = None;
    assert!(api_key::create(&app.cx(), unlimited).await.is_err(), "it must say what it permits");
    new.name = Some("Nightly".to_owned());
    let created = api_key::create(&app.cx(), new).await.unwrap();
    let (key, program) = (created.secret.expose(), app.program());
    let principal = get(&program, "/principal", key).await.ok();
    assert_eq!((&principal["kind"], &principal["name"]), (&json!("service"), &json!("Nightly")));
    assert_eq!((&principal["permissions"], &principal["roles"]), (&json!(["reports:read"]), &json!([])));
    get(&program, "/reports", key).await.ok();
    get(&program, "/users", key).await.refused(403, "FORBIDDEN");
    api_key::revoke(&app.cx(), &created.key.owner, created.key.id).await.unwrap();
    get(&program, "/reports", key).await.refused(401, "UNAUTHORIZED");
}

/// Otherwise a token of minutes would be worth a key of years.
async fn an_access_token_makes_no_key(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let access = ada.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    let program = app.program().with_bearer(&access);
    let created = ada.auth_post("/api-key/create", json!({})).await.ok();
    let id = &created["id"];
    for (endpoint, body) in [
        ("/api-key/create", json!({})),
        ("/api-key/rotate", json!({"keyId": id})),
        ("/api-key/update", json!({"keyId": id, "name": "mine"})),
        ("/api-key/delete", json!({"keyId": id})),
    ] {
        program.auth_post(endpoint, body).await.refused(403, "FORBIDDEN");
    }
    assert_eq!(program.auth_get("/api-key/list").await.ok()["total"], 1);
}

/// AE-27.
async fn a_bearer_token_beats_a_key_and_a_bad_one_is_401(stack: Stack) {
    let (app, _) = ada(stack).await;
    let key = key(&app, |_| {}).await;
    let grace = app.signed_up("grace@example.com").await;
    let access = grace.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    for good in [grace.bearer(), app.program().with_bearer(&access), grace.clone()] {
        assert_eq!(get(&good, "/me", &key).await.ok()["email"], "grace@example.com");
    }
    let expired = "A".repeat(43);
    for bad in ["", "nonsense", "a.b.c", &expired, &access[..access.len() - 4]] {
        get(&app.program().with_bearer(bad), "/me", &key).await.refused(401, "UNAUTHORIZED");
    }
    get(&app.anon().with_cookie("nonsense"), "/me", &key).await.refused(401, "UNAUTHORIZED");
}

async fn the_application_may_choose_another_order(stack: Stack) {
    let first = |builder| with_keys(builder).credentials([CredentialSource::ApiKey, CredentialSource::Bearer]);
    let app = stack.app_with(first).await;
    let ada = app.signed_up(ADA).await;
    let key = key(&app, |_| {}).await;
    assert_eq!(get(&app.program().with_bearer("nonsense"), "/me", &key).await.ok()["email"], ADA);
    get(&ada.bearer(), "/me", "nonsense").await.refused(401, "UNAUTHORIZED");
    // What is not named counts for nothing.
    ada.get("/me").await.refused(401, "UNAUTHORIZED");
    let none = auth_tests::builder().credentials([]).build();
    assert!(none.unwrap_err().to_string().contains("credentials"));
}

async fn without_the_feature_a_key_is_a_bad_credential(stack: Stack) {
    let app = stack.app_with(|builder| builder.customers(customer::Config::default())).await;
    let key = format!("ak_live_{}", "A".repeat(43));
    get(&app.program(), "/me", &key).await.refused(401, "UNAUTHORIZED");
    get(&app.program(), "/maybe", &key).await.refused(401, "UNAUTHORIZED");
}

async fn a_public_route_counts_no_use(stack: Stack) {
    let (app, _) = ada(stack).await;
    let key = key(&app, |new| new.quotas = Some(vec![Quota::per_day(1).unwrap()])).await;
    for _ in 0..3 {
        get(&app.program(), "/products", &key).await.ok();
    }
    get(&app.program(), "/me", &key).await.ok();
}
