//! Changing the tenant: a session of its own, no fresher than the one before, which ends.

use async_trait::async_trait;
use auth_core::base::{TenantId, Timestamp};
use auth_core::error::{Error, ErrorKind};
use auth_core::guard::{Principal, Tenancy, TenantAccess};
use auth_core::hooks::{Hooks, LoginAttempt};
use auth_core::session::{self, StoredSession};
use auth_core::user::User;
use auth_core::{AuthBuilder, Cx, RequestInfo, Result, token};
use auth_tests::{Actor, PASSWORD, Reply, Stack, flows};
use futures_util::future::join;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use crate::DAY;
use crate::memberships::{ADA, World, named, settings, standing};

flows![
    another_session_takes_the_place_of_the_present_one,
    a_change_of_tenant_is_no_proof_of_anybody,
    nobody_changes_to_a_tenant_of_others,
    null_is_no_tenant_and_nothing_is_no_answer,
    only_a_session_s_own_token_changes_the_tenant,
    what_was_made_from_the_old_session_is_dead,
    a_client_of_tokens_changes_the_tenant_by_its_refresh_token,
    what_refuses_the_tenant_leaves_everything_and_what_refuses_the_pair_signs_out,
    of_a_change_and_a_refresh_by_one_token_one_succeeds,
    the_front_end_stays_the_same,
];

async fn switch(actor: &Actor, tenant: Value) -> Reply {
    actor.auth_post("/switch-tenant", json!({"tenantId": tenant})).await
}

async fn another_session_takes_the_place_of_the_present_one(stack: Stack) {
    let it = World::new(stack).await;
    let (ada, beside) = (it.inside("acme").await, it.inside("acme").await);
    let (thief, before) = (ada.copied(), ada.cookie().unwrap());
    let row = |sessions: Vec<StoredSession>, name: &str| {
        sessions.into_iter().filter(|session| session.scope.tenant() == Some(&named(name))).count()
    };
    it.app.events().take();
    let reply = switch(&ada, json!("globex")).await;
    let body = reply.ok();
    assert_eq!((&body["tenantId"], &body["user"]["email"]), (&json!("globex"), &json!(ADA)));
    assert_eq!(body["token"].as_str(), ada.cookie().as_deref());
    assert_ne!(body["token"], before);
    assert_eq!(it.app.events().take(), ["signed_in", "signed_out"]);
    assert_eq!(standing(&ada).await, (json!("globex"), vec!["ADMIN/super_admin".to_owned()]));
    ada.get("/staff").await.ok();
    ada.get("/reports").await.refused(403, "FORBIDDEN");
    for dead in [thief.clone(), thief.bearer()] {
        dead.get("/me").await.refused(401, "UNAUTHORIZED");
    }
    // It was this session alone, and there is one new one.
    assert!(beside.is_signed_in().await);
    let sessions = it.app.sessions(ADA).await;
    assert_eq!((row(sessions.clone(), "acme"), row(sessions.clone(), "globex"), sessions.len()), (1, 1, 3));
    switch(&ada, json!("acme")).await.ok();
    ada.get("/reports").await.ok();
    // To the same one is a change as well.
    let before = ada.cookie();
    switch(&ada, json!("acme")).await.ok();
    assert_ne!(ada.cookie(), before);
    switch(&thief, json!("globex")).await.refused(401, "UNAUTHORIZED");
}

async fn a_change_of_tenant_is_no_proof_of_anybody(stack: Stack) {
    let sessions = session::Config::default().idle(20 * DAY).update_age(20 * DAY);
    let it = World::with(stack, |builder| settings(builder).session(sessions)).await;
    let body = json!({"email": ADA, "password": PASSWORD, "tenantId": "acme", "rememberMe": false});
    let (ada, browser) = (it.inside("acme").await, it.app.anon());
    browser.auth_post("/sign-in/email", body).await.ok();
    let ends = async || -> Vec<(Timestamp, Timestamp)> {
        let sessions = it.app.sessions(ADA).await;
        let mut ends: Vec<_> = sessions.iter().map(|it| (it.absolute_expires_at, it.authenticated_at)).collect();
        ends.sort_unstable();
        ends
    };
    it.app.advance(DAY - crate::MICROSECOND);
    let before = ends().await;
    for tenant in [json!("globex"), Value::Null, json!("acme")] {
        switch(&ada, tenant.clone()).await.ok();
        let kept = switch(&browser, tenant).await;
        assert!(kept.set_cookies().iter().all(|cookie| !cookie.contains("Max-Age")), "it ends with the browser");
        assert_eq!(ends().await, before);
        ada.get("/fresh").await.ok();
    }
    it.app.advance(crate::MICROSECOND);
    ada.get("/fresh").await.refused(403, "SESSION_NOT_FRESH");
    switch(&ada, json!("globex")).await.ok();
    ada.get("/fresh").await.refused(403, "SESSION_NOT_FRESH");
    // By changing to and fro nobody gets beyond the absolute end.
    it.app.advance(18 * DAY);
    switch(&ada, json!("acme")).await.ok();
    it.app.advance(11 * DAY - crate::MICROSECOND);
    switch(&ada, json!("globex")).await.ok();
    assert!(ada.is_signed_in().await);
    it.app.advance(crate::MICROSECOND);
    assert!(!ada.is_signed_in().await);
}

async fn nobody_changes_to_a_tenant_of_others(stack: Stack) {
    let it = World::new(stack).await;
    let (ada, none) = (it.inside("acme").await, it.app.signed_in(ADA).await);
    it.is_suspended_in("globex").await;
    it.app.events().take();
    for actor in [&ada, &none] {
        let (before, cookie) = (standing(actor).await, actor.cookie());
        for tenant in ["initech", "nowhere", "globex", "ACME"] {
            let refused = switch(actor, json!(tenant)).await;
            refused.refused(403, "TENANT_MISMATCH");
            assert!(refused.set_cookies().is_empty());
        }
        assert_eq!((standing(actor).await, actor.cookie()), (before, cookie));
    }
    assert!(it.app.events().take().is_empty());
    assert_eq!(it.app.sessions(ADA).await.len(), 3);
    switch(&none, json!("acme")).await.ok();
}

async fn null_is_no_tenant_and_nothing_is_no_answer(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    for body in [json!({}), json!({"tenant": "globex"}), json!({"tenant_id": null})] {
        let refused = ada.auth_post("/switch-tenant", body).await;
        refused.refused(400, "VALIDATION_ERROR");
        assert!(refused.text().contains("tenantId"), "{}", refused.text());
    }
    for malformed in [json!(""), json!("two words"), json!(7), json!(false), json!(["globex"])] {
        switch(&ada, malformed).await.refused(400, "VALIDATION_ERROR");
    }
    assert_eq!(standing(&ada).await.0, "acme");
    let body = switch(&ada, Value::Null).await.ok();
    assert_eq!(body.get("tenantId"), Some(&Value::Null));
    assert_eq!(standing(&ada).await, (Value::Null, vec![]));
    ada.get("/tenant").await.refused(400, "TENANT_REQUIRED");
}

async fn a_client_of_tokens_changes_the_tenant_by_its_refresh_token(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    let pair = ada.auth_post("/token", json!({})).await.ok();
    let text = |name: &str| pair[name].as_str().unwrap().to_owned();
    let cx = |headers: HeaderMap| it.app.auth().cx(RequestInfo::new(Method::POST, "/own", headers, None));
    let switched = async |token: &str, tenant: Option<&str>| {
        token::switch_tenant(&cx(HeaderMap::new()), Some(token), tenant.map(named)).await
    };
    it.app.events().take();
    // What may not be leaves everything as it was, and an access token or a session's own is none.
    for tenant in ["initech", "nowhere"] {
        assert_eq!(switched(&text("refreshToken"), Some(tenant)).await.unwrap_err().code(), "TENANT_MISMATCH");
    }
    for other in [text("accessToken"), ada.cookie().unwrap(), "junk".to_owned()] {
        assert_eq!(switched(&other, Some("globex")).await.unwrap_err().code(), "UNAUTHORIZED");
    }
    assert!(ada.is_signed_in().await && it.app.events().take().is_empty());
    let next = switched(&text("refreshToken"), Some("globex")).await.unwrap();
    let program = it.app.program().with_bearer(next.access.expose());
    assert_eq!(standing(&program).await, (json!("globex"), vec!["ADMIN/super_admin".to_owned()]));
    assert_eq!(program.get("/stateless").await.ok()["tenant"], "globex");
    // The one before has ended, and its tokens with it: of two at once one goes through.
    assert!(!ada.is_signed_in().await);
    it.app.program().with_bearer(&text("accessToken")).get("/me").await.refused(401, "UNAUTHORIZED");
    for tenant in [Some("acme"), None] {
        assert_eq!(switched(&text("refreshToken"), tenant).await.unwrap_err().code(), "UNAUTHORIZED");
    }
    let none = switched(next.refresh.expose(), None).await.unwrap();
    assert_eq!(standing(&it.app.program().with_bearer(none.access.expose())).await, (Value::Null, vec![]));
    // One that was used before is a copy: it ends the session.
    let last = token::refresh(&cx(HeaderMap::new()), Some(none.refresh.expose())).await.unwrap();
    assert_eq!(switched(none.refresh.expose(), Some("acme")).await.unwrap_err().code(), "UNAUTHORIZED");
    it.app.program().with_bearer(last.access.expose()).get("/me").await.refused(401, "UNAUTHORIZED");
}

/// Lets nobody act for globex.
struct Unpaid;

#[async_trait]
impl TenantAccess for Unpaid {
    async fn may_act(&self, _cx: &Cx, _caller: &Principal, tenant: &TenantId) -> Result<bool> {
        Ok(tenant.as_str() != "globex")
    }
}

/// Refuses tokens for whoever acts in globex.
struct Tokenless;

#[async_trait]
impl Hooks for Tokenless {
    async fn token_claims(&self, cx: &Cx, _user: &User, _claims: &mut Map<String, Value>) -> Result<()> {
        let is_refused = cx.request().headers.contains_key("x-refuse");
        if is_refused { Err(Error::new(ErrorKind::Forbidden, "NOT_TODAY", "Not today.")) } else { Ok(()) }
    }
}

async fn what_refuses_the_tenant_leaves_everything_and_what_refuses_the_pair_signs_out(stack: Stack) {
    let settings = |builder: AuthBuilder| settings(builder).tenancy(Tenancy::shared().access(Unpaid)).hooks(Tokenless);
    let it = World::with(stack, settings).await;
    let ada = it.inside("acme").await;
    let pair = ada.auth_post("/token", json!({})).await.ok();
    let refresh = pair["refreshToken"].as_str().unwrap().to_owned();
    let switched = async |name: &'static str, headers: &[(&'static str, &'static str)]| {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let cx = it.app.auth().cx(RequestInfo::new(Method::POST, "/own", headers.collect(), None));
        token::switch_tenant(&cx, Some(&refresh), Some(named(name))).await
    };
    assert_eq!(switched("globex", &[]).await.unwrap_err().code(), "TENANT_MISMATCH");
    assert!(ada.is_signed_in().await);
    let sessions = it.app.sessions(ADA).await.len();
    assert_eq!(switched("acme", &[("x-refuse", "yes")]).await.unwrap_err().code(), "NOT_TODAY");
    assert!(!ada.is_signed_in().await);
    assert_eq!(it.app.sessions(ADA).await.len(), sessions - 1, "nobody has the tokens of a session");
}

async fn of_a_change_and_a_refresh_by_one_token_one_succeeds(stack: Stack) {
    let it = World::new(stack).await;
    for round in 0..8 {
        let ada = it.inside("acme").await;
        let pair = ada.auth_post("/token", json!({})).await.ok();
        let token = pair["refreshToken"].as_str().unwrap();
        let cx = || it.app.auth().cx(RequestInfo::new(Method::POST, "/own", HeaderMap::new(), None));
        let (switching, refreshing) = (cx(), cx());
        let switch = token::switch_tenant(&switching, Some(token), Some(named("globex")));
        let (switched, refreshed) = join(switch, token::refresh(&refreshing, Some(token))).await;
        assert_eq!([switched.is_ok(), refreshed.is_ok()].iter().filter(|ok| **ok).count(), 1, "round {round}");
    }
}

async fn only_a_session_s_own_token_changes_the_tenant(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    let access = ada.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    switch(&it.app.program().with_bearer(&access), json!("globex")).await.refused(403, "FORBIDDEN");
    let key = ada.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
    let program = it.app.program();
    let by_key = program.request(Method::POST, "/api/auth/switch-tenant").header("x-api-key", &key);
    by_key.json(&json!({"tenantId": "globex"})).send().await.refused(403, "FORBIDDEN");
    switch(&it.app.anon(), json!("globex")).await.refused(401, "UNAUTHORIZED");
    switch(&it.app.anon().with_cookie("garbage"), json!("globex")).await.refused(401, "UNAUTHORIZED");
    assert_eq!(standing(&ada).await.0, "acme");
    let by_bearer = switch(&ada.bearer(), json!("globex")).await.token();
    assert_eq!(standing(&it.app.program().with_bearer(&by_bearer)).await.0, "globex");
    assert!(!ada.is_signed_in().await);
}

async fn what_was_made_from_the_old_session_is_dead(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    let pair = ada.auth_post("/token", json!({})).await.ok();
    let code = ada.auth_get("/one-time-token/generate").await.ok()["token"].clone();
    switch(&ada, json!("globex")).await.ok();
    it.app.program().with_bearer(pair["accessToken"].as_str().unwrap()).get("/me").await.refused(401, "UNAUTHORIZED");
    let body = json!({"refreshToken": pair["refreshToken"]});
    it.app.program().auth_post("/token/refresh", body).await.refused(401, "UNAUTHORIZED");
    it.app.anon().auth_post("/one-time-token/verify", json!({"token": code})).await.refused(400, "INVALID_TOKEN");
    assert!(ada.is_signed_in().await, "whoever comes with what is dead ends nothing");
}

/// Opens every session under the portal's role guard.
struct Portal;

#[async_trait::async_trait]
impl Hooks for Portal {
    async fn before_login(&self, _: &Cx, attempt: &mut LoginAttempt<'_>) -> Result<()> {
        attempt.role_guard = Some("PORTAL".to_owned());
        Ok(())
    }
}

async fn the_front_end_stays_the_same(stack: Stack) {
    let it = World::with(stack, |builder| settings(builder).hooks(Portal)).await;
    let ada = it.inside("acme").await;
    ada.get("/reports").await.ok();
    for tenant in [json!("globex"), Value::Null, json!("globex")] {
        switch(&ada, tenant).await.ok();
        assert_eq!(ada.get("/principal").await.ok()["roleGuard"], "PORTAL");
    }
    // There she holds a role of another front end, which is none here.
    ada.get("/staff").await.refused(403, "FORBIDDEN");
    switch(&ada, json!("acme")).await.ok();
    ada.get("/reports").await.ok();
}
