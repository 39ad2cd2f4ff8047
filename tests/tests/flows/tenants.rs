//! Tokens that are bound to a tenant: from the header to the claim, and through every refresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::base::TenantId;
use auth_core::guard::{Principal, Tenancy, TenantAccess};
use auth_core::hooks::Hooks;
use auth_core::user::User;
use auth_core::{Cx, Result, api_key, token};
use auth_tests::{Actor, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Map, Value, json};

use crate::tokens::{ADA, part};

flows![
    a_token_is_bound_to_the_tenant_that_the_request_names,
    a_bound_token_acts_for_no_other_tenant,
    nobody_gets_a_token_for_a_tenant_of_others,
    the_end_of_a_membership_is_noticed_where_rows_are_looked_up,
    a_refresh_asks_for_the_membership_anew,
    a_stolen_token_ends_its_session_whatever_became_of_the_membership,
    the_tenant_is_written_under_other_names_too,
    a_hook_cannot_name_the_tenant,
    a_key_is_bound_to_the_tenant_it_was_made_for,
    whoever_is_asked_and_asks_back_ends_the_request,
];

/// Everybody belongs to acme and to initech, as long as the switch is on.
struct Membership(Arc<AtomicBool>);

#[async_trait]
impl TenantAccess for Membership {
    async fn may_act(&self, _: &Cx, _: &Principal, tenant: &TenantId) -> Result<bool> {
        Ok(["acme", "initech"].contains(&tenant.as_str()) && self.0.load(Ordering::Relaxed))
    }
}

struct World {
    app: TestApp,
    ada: Actor,
    is_member: Arc<AtomicBool>,
}

impl World {
    async fn new(stack: Stack, config: token::Config) -> Self {
        let is_member = Arc::new(AtomicBool::new(true));
        let tenancy = Tenancy::default().header("orgid").access(Membership(Arc::clone(&is_member)));
        let keys = api_key::Config::default();
        let app = stack.app_with(|builder| builder.tokens(config).tenancy(tenancy).api_keys(keys)).await;
        let ada = app.signed_up(ADA).await;
        Self { app, ada, is_member }
    }

    /// The pair that Ada gets for a tenant: access and refresh token.
    async fn pair(&self, tenant: &str) -> (String, String) {
        pair(&named(&self.ada, Method::POST, "/api/auth/token", tenant, json!({})).await)
    }

    async fn refresh(&self, token: &str) -> Reply {
        self.app.program().auth_post("/token/refresh", json!({"refreshToken": token})).await
    }

    fn bearer(&self, access: &str) -> Actor {
        self.app.program().with_bearer(access)
    }
}

fn pair(reply: &Reply) -> (String, String) {
    let text = |name: &str| reply.ok()[name].as_str().unwrap().to_owned();
    (text("accessToken"), text("refreshToken"))
}

/// Sends a request that names a tenant by header.
async fn named(actor: &Actor, method: Method, path: &str, tenant: &str, body: Value) -> Reply {
    let request = actor.request(method.clone(), path).header("orgid", tenant);
    if method == Method::GET { request.send().await } else { request.json(&body).send().await }
}

async fn get_named(actor: &Actor, path: &str, tenant: &str) -> Reply {
    named(actor, Method::GET, path, tenant, Value::Null).await
}

async fn a_token_is_bound_to_the_tenant_that_the_request_names(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    let single = get_named(&it.ada, "/api/auth/token", "acme").await.ok()["token"].as_str().unwrap().to_owned();
    let (access, refresh) = it.pair("acme").await;
    let (next, _) = pair(&it.refresh(&refresh).await);
    for token in [single, access, next] {
        assert_eq!(part(&token, 1)["tenant"], "acme");
        for path in ["/principal", "/cached", "/stateless"] {
            assert_eq!(it.bearer(&token).get(path).await.ok()["tenant"], "acme", "{path}");
        }
        assert_eq!(it.bearer(&token).get("/tenant").await.ok(), json!({"tenant": "acme"}));
    }
    // Another one is asked for anew, and is another family; the earlier one of the session is dead.
    let (access, _) = it.pair("initech").await;
    assert_eq!(it.bearer(&access).get("/tenant").await.ok(), json!({"tenant": "initech"}));
    // Whoever names none gets a token of none.
    let unbound = it.ada.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    assert_eq!(part(&unbound, 1).get("tenant"), None);
    it.bearer(&unbound).get("/tenant").await.refused(400, "TENANT_REQUIRED");
    assert_eq!(get_named(&it.bearer(&unbound), "/tenant", "acme").await.ok(), json!({"tenant": "acme"}));
}

async fn a_bound_token_acts_for_no_other_tenant(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    let (access, refresh) = it.pair("acme").await;
    for path in ["/tenant", "/me", "/principal", "/cached", "/stateless"] {
        get_named(&it.bearer(&access), path, "initech").await.refused(403, "TENANT_MISMATCH");
        get_named(&it.bearer(&access), path, "acme").await.ok();
    }
    let body = json!({"refreshToken": refresh});
    let refreshed = |tenant| named(&it.ada, Method::POST, "/api/auth/token/refresh", tenant, body.clone());
    refreshed("initech").await.refused(403, "TENANT_MISMATCH");
    refreshed("two words").await.refused(400, "VALIDATION_ERROR");
    refreshed("acme").await.ok();
}

async fn nobody_gets_a_token_for_a_tenant_of_others(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    get_named(&it.ada, "/api/auth/token", "globex").await.refused(403, "TENANT_MISMATCH");
    get_named(&it.ada, "/api/auth/token", "two words").await.refused(400, "VALIDATION_ERROR");
    named(&it.ada, Method::POST, "/api/auth/token", "globex", json!({})).await.refused(403, "TENANT_MISMATCH");
    get_named(&it.app.anon(), "/api/auth/token", "acme").await.refused(401, "UNAUTHORIZED");
    it.is_member.store(false, Ordering::Relaxed);
    get_named(&it.ada, "/api/auth/token", "acme").await.refused(403, "TENANT_MISMATCH");
}

async fn the_end_of_a_membership_is_noticed_where_rows_are_looked_up(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    let (access, _) = it.pair("acme").await;
    it.is_member.store(false, Ordering::Relaxed);
    for path in ["/tenant", "/me", "/principal", "/cached"] {
        it.bearer(&access).get(path).await.refused(403, "TENANT_MISMATCH");
    }
    // There a token is believed until it expires.
    it.bearer(&access).get("/stateless").await.ok();
}

async fn a_refresh_asks_for_the_membership_anew(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    let (_, refresh) = it.pair("acme").await;
    it.is_member.store(false, Ordering::Relaxed);
    for _ in 0..2 {
        it.refresh(&refresh).await.refused(403, "TENANT_MISMATCH");
    }
    // The token was not used up by that.
    it.is_member.store(true, Ordering::Relaxed);
    it.refresh(&refresh).await.ok();
    assert!(it.ada.is_signed_in().await);
}

async fn a_stolen_token_ends_its_session_whatever_became_of_the_membership(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    let (_, refresh) = it.pair("acme").await;
    it.refresh(&refresh).await.ok();
    it.is_member.store(false, Ordering::Relaxed);
    it.refresh(&refresh).await.refused(401, "UNAUTHORIZED");
    assert!(!it.ada.is_signed_in().await);
}

async fn the_tenant_is_written_under_other_names_too(stack: Stack) {
    let config = token::Config::default().tenant_claims(["organizationId", "org_id"]);
    let it = World::new(stack, config).await;
    let (access, _) = it.pair("acme").await;
    let claims = part(&access, 1);
    for name in ["tenant", "organizationId", "org_id"] {
        assert_eq!(claims[name], "acme");
    }
    it.bearer(&access).get("/stateless").await.ok();
    let unbound = it.ada.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    assert_eq!(part(&unbound, 1).get("organizationId"), None);
    for taken in ["", "sub", "tenant"] {
        let config = token::Config::default().tenant_claims([taken]);
        let refused = auth_tests::builder().tokens(config).build().unwrap_err();
        assert!(refused.to_string().contains("tenant_claims"), "{refused}");
    }
}

struct Claim(&'static str);

#[async_trait]
impl Hooks for Claim {
    async fn token_claims(&self, _: &Cx, _: &User, claims: &mut Map<String, Value>) -> Result<()> {
        claims.insert(self.0.to_owned(), "globex".into());
        Ok(())
    }
}

async fn a_hook_cannot_name_the_tenant(stack: Stack) {
    for name in ["tenant", "organizationId"] {
        let config = token::Config::default().tenant_claims(["organizationId"]);
        let app = stack.app_with(|builder| builder.tokens(config).hooks(Claim(name))).await;
        app.signed_up(ADA).await.auth_get("/token").await.refused(500, "INTERNAL_SERVER_ERROR");
    }
}

async fn a_key_is_bound_to_the_tenant_it_was_made_for(stack: Stack) {
    let it = World::new(stack, token::Config::default()).await;
    let create = |tenant| named(&it.ada, Method::POST, "/api/auth/api-key/create", tenant, json!({}));
    create("globex").await.refused(403, "TENANT_MISMATCH");
    let made = create("acme").await.ok();
    assert_eq!(made["tenantId"], "acme");
    let key = made["key"].as_str().unwrap().to_owned();
    let program = it.app.program();
    let tenant = program.request(Method::GET, "/tenant").header("x-api-key", &key).send().await;
    assert_eq!(tenant.ok(), json!({"tenant": "acme"}));
    let other = program.request(Method::GET, "/tenant").header("x-api-key", &key).header("orgid", "initech");
    other.send().await.refused(403, "TENANT_MISMATCH");
    // One of none acts where its owner may.
    let free = it.ada.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
    let of_none = |tenant| program.request(Method::GET, "/tenant").header("x-api-key", &free).header("orgid", tenant);
    assert_eq!(of_none("initech").send().await.ok(), json!({"tenant": "initech"}));
    of_none("globex").send().await.refused(403, "TENANT_MISMATCH");
    it.is_member.store(false, Ordering::Relaxed);
    let ended = program.request(Method::GET, "/me").header("x-api-key", &key).send().await;
    ended.refused(403, "TENANT_MISMATCH");
}

/// Asks who calls, instead of looking at whom it is told.
struct AsksBack;

#[async_trait]
impl TenantAccess for AsksBack {
    async fn may_act(&self, cx: &Cx, _: &Principal, _: &TenantId) -> Result<bool> {
        Ok(cx.authentication().await?.is_some())
    }
}

async fn whoever_is_asked_and_asks_back_ends_the_request(stack: Stack) {
    let tenancy = Tenancy::default().header("orgid").access(AsksBack);
    let limit = Duration::from_millis(50);
    let keys = api_key::Config::default();
    let app = stack.app_with(|builder| builder.tenancy(tenancy).api_keys(keys).hook_time_limit(limit)).await;
    let ada = app.signed_up(ADA).await;
    // A header is judged when it is known who calls.
    get_named(&ada, "/tenant", "acme").await.ok();
    let made = named(&ada, Method::POST, "/api/auth/api-key/create", "acme", json!({})).await.ok();
    let key = made["key"].as_str().unwrap();
    let reply = app.program().request(Method::GET, "/me").header("x-api-key", key).send().await;
    reply.refused(503, "SERVICE_UNAVAILABLE");
}
