//! What is made from a session in a tenant, and what else is bound to one: access and refresh tokens, API keys,
//! one-time tokens. None of it outlives the membership.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::base::{Secret, TenantId};
use auth_core::guard::{Principal, Tenancy, TenantAccess, TenantRequirement};
use auth_core::hooks::{Hooks, LoginAttempt};
use auth_core::role::RoleScope;
use auth_core::{Cx, Result, tenant, token};
use auth_tests::{Actor, Reply, Stack, flows};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::memberships::{ADA, World, named, settings, standing};
use crate::tokens::{access_token, part};

flows![
    tokens_of_a_session_are_of_its_tenant,
    a_token_of_another_tenant_than_its_session_is_refused,
    a_pair_is_refreshed_in_its_tenant,
    tokens_end_with_the_membership,
    a_key_has_the_roles_of_its_tenant,
    a_key_counts_while_its_owner_is_a_member,
    a_one_time_token_keeps_tenant_and_front_end,
    a_one_time_token_ends_with_the_membership,
    a_program_may_demand_a_session_in_a_tenant,
    whom_the_program_asks_is_asked_for_a_session_too,
];

async fn get_named(actor: &Actor, path: &str, tenant: &str) -> Reply {
    actor.request(Method::GET, path).header("orgid", tenant).send().await
}

async fn tokens_of_a_session_are_of_its_tenant(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    let pair = ada.auth_post("/token", json!({})).await.ok();
    let told = ada.auth_get("/get-session").await;
    let tokens = [
        access_token(&ada).await,
        pair["accessToken"].as_str().unwrap().to_owned(),
        told.header("set-auth-jwt").unwrap().to_owned(),
    ];
    let roles = json!([{"name": "reader", "guard": "PORTAL", "tenant": "acme"}]);
    for token in &tokens {
        let claims = part(token, 1);
        assert_eq!((&claims["tenant"], &claims["roles"]), (&json!("acme"), &roles));
        assert_eq!(claims["permissions"], json!(["reports:read"]));
        let program = it.app.program().with_bearer(token);
        for path in ["/principal", "/cached", "/stateless", "/stateless/reports"] {
            let principal = program.get(path).await.ok();
            assert_eq!((&principal["tenant"], &principal["roles"]), (&json!("acme"), &roles), "{path}");
            get_named(&program, path, "acme").await.ok();
            get_named(&program, path, "globex").await.refused(403, "TENANT_MISMATCH");
        }
        assert_eq!(program.get("/tenant").await.ok(), json!({"tenant": "acme"}));
        program.get("/reports").await.ok();
        program.get("/staff").await.refused(403, "FORBIDDEN");
    }
    // A session of one tenant gets no token of another, whatever its user belongs to.
    get_named(&ada, "/api/auth/token", "globex").await.refused(403, "TENANT_MISMATCH");
    let request = ada.request(Method::POST, "/api/auth/token").header("orgid", "globex");
    request.json(&json!({})).send().await.refused(403, "TENANT_MISMATCH");
}

/// With the secret of those who sign, what no session could have been given.
fn forged(token: &str, secret: &str, change: impl FnOnce(&mut Value)) -> String {
    let (mut claims, header) = (part(token, 1), token.split('.').next().unwrap());
    change(&mut claims);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

async fn a_token_of_another_tenant_than_its_session_is_refused(stack: Stack) {
    let secret = "of the application and of those who sign: 7Qz!mK4v";
    let config = token::Config::default().shared_secret(Secret::new(secret));
    let it = World::with(stack, |builder| settings(builder).tokens(config)).await;
    let (acme, globex) = (it.inside("acme").await, it.inside("globex").await);
    let (token, other) = (access_token(&acme).await, access_token(&globex).await);
    it.app.program().with_bearer(&forged(&token, secret, |_| {})).get("/me").await.ok();
    let of_globex = forged(&token, secret, |claims| claims["tenant"] = json!("globex"));
    let of_none = forged(&token, secret, |claims| drop(claims.as_object_mut().unwrap().remove("tenant")));
    let swapped = forged(&token, secret, |claims| claims["sid"] = part(&other, 1)["sid"].clone());
    for bad in [of_globex, of_none, swapped] {
        for path in ["/me", "/principal", "/cached", "/reports", "/tenant"] {
            it.app.program().with_bearer(&bad).get(path).await.refused(401, "UNAUTHORIZED");
        }
    }
}

async fn refresh(it: &World, token: &Value) -> Reply {
    it.app.program().auth_post("/token/refresh", json!({"refreshToken": token})).await
}

async fn a_pair_is_refreshed_in_its_tenant(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    let first = ada.auth_post("/token", json!({})).await.ok();
    let program = it.app.program();
    let request = program.request(Method::POST, "/api/auth/token/refresh").header("orgid", "globex");
    let body = json!({"refreshToken": first["refreshToken"]});
    request.json(&body).send().await.refused(403, "TENANT_MISMATCH");
    // It was not used up by that, and roles are looked up anew.
    it.is_given("ADMIN", "super_admin", RoleScope::Tenant(named("acme"))).await;
    let second = refresh(&it, &first["refreshToken"]).await.ok();
    let access = second["accessToken"].as_str().unwrap();
    assert_eq!(part(access, 1)["tenant"], "acme");
    assert_eq!(part(access, 1)["roles"].as_array().unwrap().len(), 2);
    it.app.program().with_bearer(access).get("/staff").await.ok();
    // A second use ends the session, as anywhere.
    refresh(&it, &first["refreshToken"]).await.refused(401, "UNAUTHORIZED");
    assert!(!ada.is_signed_in().await);
}

async fn tokens_end_with_the_membership(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, globex) = (it.inside("acme").await, it.inside("globex").await);
    let (of_acme, of_globex) =
        (acme.auth_post("/token", json!({})).await.ok(), globex.auth_post("/token", json!({})).await.ok());
    let unbound = access_token(&it.app.signed_in(ADA).await).await;
    it.is_suspended_in("acme").await;
    assert!(tenant::remove_member(&it.app.cx(), it.ada, &named("globex")).await.unwrap());
    it.is_reinstated_in("acme").await;
    for pair in [&of_acme, &of_globex] {
        let program = it.app.program().with_bearer(pair["accessToken"].as_str().unwrap());
        for path in ["/me", "/principal", "/cached", "/tenant"] {
            program.get(path).await.refused(401, "UNAUTHORIZED");
        }
        refresh(&it, &pair["refreshToken"]).await.refused(401, "UNAUTHORIZED");
        // There a token is believed, for the minutes that it lives.
        program.get("/stateless").await.ok();
    }
    it.app.program().with_bearer(&unbound).get("/me").await.ok();
    it.app.advance(Duration::from_mins(15));
    let late = it.app.program().with_bearer(of_acme["accessToken"].as_str().unwrap());
    late.get("/stateless").await.refused(401, "UNAUTHORIZED");
}

/// A key that is made in this session.
async fn key_of(actor: &Actor) -> Value {
    actor.auth_post("/api-key/create", json!({})).await.ok()
}

async fn by_key(it: &World, key: &Value, path: &str) -> Reply {
    let program = it.app.program();
    program.request(Method::GET, path).header("x-api-key", key["key"].as_str().unwrap()).send().await
}

async fn a_key_has_the_roles_of_its_tenant(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, globex) = (key_of(&it.inside("acme").await).await, key_of(&it.inside("globex").await).await);
    let none = key_of(&it.app.signed_in(ADA).await).await;
    let expected =
        [(&acme, json!("acme"), 200, 403), (&globex, json!("globex"), 403, 200), (&none, json!(null), 403, 403)];
    for (key, tenant, reports, staff) in expected {
        assert_eq!(key["tenantId"], tenant);
        assert_eq!(by_key(&it, key, "/principal").await.ok()["tenant"], tenant);
        assert_eq!(by_key(&it, key, "/reports").await.status, reports, "{tenant}");
        assert_eq!(by_key(&it, key, "/staff").await.status, staff, "{tenant}");
    }
    let program = it.app.program();
    let other = program.request(Method::GET, "/me").header("x-api-key", acme["key"].as_str().unwrap());
    other.header("orgid", "globex").send().await.refused(403, "TENANT_MISMATCH");
    let named = program.request(Method::GET, "/tenant").header("x-api-key", none["key"].as_str().unwrap());
    assert_eq!(named.header("orgid", "acme").send().await.ok(), json!({"tenant": "acme"}));
}

async fn a_key_counts_while_its_owner_is_a_member(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, globex) = (key_of(&it.inside("acme").await).await, key_of(&it.inside("globex").await).await);
    it.is_suspended_in("acme").await;
    for path in ["/me", "/reports", "/stateless", "/cached"] {
        by_key(&it, &acme, path).await.refused(401, "UNAUTHORIZED");
    }
    by_key(&it, &globex, "/staff").await.ok();
    it.is_reinstated_in("acme").await;
    by_key(&it, &acme, "/reports").await.ok();
    assert!(tenant::remove_member(&it.app.cx(), it.ada, &named("acme")).await.unwrap());
    by_key(&it, &acme, "/me").await.refused(401, "UNAUTHORIZED");
    assert!(tenant::delete(&it.app.cx(), &named("globex")).await.unwrap());
    by_key(&it, &globex, "/me").await.refused(401, "UNAUTHORIZED");
}

/// Opens every session under the role guard that a header names.
struct FrontEnd;

#[async_trait::async_trait]
impl Hooks for FrontEnd {
    async fn before_login(&self, cx: &Cx, attempt: &mut LoginAttempt<'_>) -> Result<()> {
        let named = cx.request().headers.get("x-front-end").and_then(|value| value.to_str().ok());
        attempt.role_guard = named.map(str::to_owned);
        Ok(())
    }
}

async fn redeem(actor: &Actor, token: &Value) -> Reply {
    let request = actor.request(Method::POST, "/api/auth/one-time-token/verify").header("x-front-end", "ADMIN");
    request.json(&json!({"token": token})).send().await
}

async fn one_time_token(actor: &Actor) -> Value {
    actor.auth_get("/one-time-token/generate").await.ok()["token"].clone()
}

async fn a_one_time_token_keeps_tenant_and_front_end(stack: Stack) {
    let it = World::with(stack, |builder| settings(builder).hooks(FrontEnd)).await;
    it.is_given("ADMIN", "super_admin", RoleScope::Tenant(named("acme"))).await;
    let (ada, phone) = (it.app.anon(), it.app.anon());
    let request = ada.request(Method::POST, "/api/auth/sign-in/email").header("x-front-end", "PORTAL");
    let body = json!({"email": ADA, "password": auth_tests::PASSWORD, "tenantId": "acme"});
    request.json(&body).send().await.ok();
    // Whatever the hooks say where it is redeemed.
    redeem(&phone, &one_time_token(&ada).await).await.ok();
    for actor in [&ada, &phone] {
        assert_eq!(standing(actor).await, (json!("acme"), vec!["PORTAL/reader".to_owned()]));
        assert_eq!(actor.get("/principal").await.ok()["roleGuard"], "PORTAL");
        actor.get("/reports").await.ok();
        actor.get("/staff").await.refused(403, "FORBIDDEN");
    }
}

async fn a_one_time_token_ends_with_the_membership(stack: Stack) {
    let it = World::new(stack).await;
    let token = one_time_token(&it.inside("acme").await).await;
    it.is_suspended_in("acme").await;
    it.is_reinstated_in("acme").await;
    redeem(&it.app.anon(), &token).await.refused(400, "INVALID_TOKEN");
    assert_eq!(it.app.sessions(ADA).await.len(), 1);
}

async fn a_program_may_demand_a_session_in_a_tenant(stack: Stack) {
    let demanding =
        |requirement| move |builder| settings(builder).tenancy(Tenancy::shared().header("orgid").require(requirement));
    let in_token = World::with(stack, demanding(TenantRequirement::RequiredInToken)).await;
    let named = World::with(stack, demanding(TenantRequirement::Required)).await;
    for (it, without, by_header) in [(&in_token, (401, "UNAUTHORIZED"), 401), (&named, (400, "TENANT_REQUIRED"), 200)] {
        let (acme, none) = (it.inside("acme").await, it.app.signed_in(ADA).await);
        for path in ["/me", "/cached", "/principal"] {
            acme.get(path).await.ok();
            none.get(path).await.refused(without.0, without.1);
            assert_eq!(get_named(&none, path, "acme").await.status, by_header, "{path}");
        }
        // Endpoints of the engine are for whoever is signed in, and lead there.
        none.auth_post("/switch-tenant", json!({"tenantId": "acme"})).await.ok();
        none.get("/me").await.ok();
    }
}

/// Everybody may act wherever they are a member, as long as the switch is on.
struct Switch(Arc<AtomicBool>);

#[async_trait]
impl TenantAccess for Switch {
    async fn may_act(&self, _: &Cx, _: &Principal, _: &TenantId) -> Result<bool> {
        Ok(self.0.load(Ordering::Relaxed))
    }
}

async fn whom_the_program_asks_is_asked_for_a_session_too(stack: Stack) {
    let is_on = Arc::new(AtomicBool::new(true));
    let tenancy = Tenancy::shared().header("orgid").access(Switch(Arc::clone(&is_on)));
    let it = World::with(stack, |builder| settings(builder).tenancy(tenancy)).await;
    let ada = it.inside("acme").await;
    let told = ada.auth_get("/get-session").await;
    assert_eq!(part(told.header("set-auth-jwt").unwrap(), 1)["tenant"], "acme");
    is_on.store(false, Ordering::Relaxed);
    for path in ["/api/auth/get-session", "/api/auth/token", "/api/auth/list-sessions", "/principal", "/me"] {
        let refused = ada.get(path).await;
        assert!(refused.header("set-auth-jwt").is_none(), "{path}");
        refused.refused(403, "TENANT_MISMATCH");
    }
    is_on.store(true, Ordering::Relaxed);
    ada.auth_get("/get-session").await.ok();
}
