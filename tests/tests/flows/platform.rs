//! Staff of the platform: what they hold counts where platform access is in force, and nothing of it anywhere else.

use std::time::Duration;

use async_trait::async_trait;
use auth_core::guard::{self, PlatformAccess};
use auth_core::role::{self, RoleGrant, RoleScope};
use auth_core::store::Store;
use auth_core::{AuthBuilder, Cx, Error, RequestInfo, Result, api_key};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::memberships::{ADA, World, named, settings, sign_in_to};

flows![
    staff_get_a_session_on_the_platform_where_it_is_in_force,
    roles_of_staff_vanish_where_it_is_not_in_force_and_come_back,
    a_demand_for_staff_is_fulfilled_where_they_are_staff,
    whoever_is_no_staff_any_more_is_nobody_on_the_platform,
    the_platform_goes_before_a_tenant_for_staff_alone,
    a_refresh_elsewhere_is_refused_and_harms_nothing,
    access_tokens_of_staff_are_looked_up,
    a_predicate_that_cannot_tell_refuses_and_never_grants,
    a_predicate_is_asked_where_it_matters,
    without_a_predicate_nothing_on_the_platform_counts,
    nobody_becomes_staff_by_signing_up,
    an_api_key_is_nobody_of_staff,
    staff_change_to_no_tenant,
    a_session_of_another_front_end_vouches_for_no_staff,
    a_session_of_staff_vouches_for_staff_where_they_are_staff,
];

/// Platform access is in force in requests that say so.
struct Office;

#[async_trait]
impl PlatformAccess for Office {
    async fn in_force(&self, cx: &Cx) -> Result<bool> {
        match cx.request().headers.get(OFFICE).and_then(|value| value.to_str().ok()) {
            Some("yes") => Ok(true),
            Some("fails") => Err(Error::internal("nobody knows")),
            Some("panics") => panic!("the predicate fell over"),
            Some("hangs") => std::future::pending().await,
            Some(_) | None => Ok(false),
        }
    }
}

const OFFICE: &str = "x-office";
/// What the predicate may come to instead of an answer, and what is answered then.
const FAILURES: [(&str, u16, &str); 3] = [
    ("fails", 500, "INTERNAL_SERVER_ERROR"),
    ("panics", 500, "INTERNAL_SERVER_ERROR"),
    ("hangs", 503, "SERVICE_UNAVAILABLE"),
];

fn with_office(builder: AuthBuilder) -> AuthBuilder {
    settings(builder).platform_access(Office).hook_time_limit(Duration::from_millis(50))
}

/// Ada is staff as well: a `super_admin` who may read reports. Elsewhere she is what [`World`] says.
async fn world(stack: Stack) -> World {
    let it = World::with(stack, with_office).await;
    role::define_role(&it.app.cx(), "ADMIN", "support", ["reports:read"]).await.unwrap();
    for name in ["super_admin", "support"] {
        it.is_given("ADMIN", name, RoleScope::Platform).await;
    }
    it
}

async fn get(actor: &Actor, path: &str, office: &str) -> Reply {
    actor.request(Method::GET, path).header(OFFICE, office).send().await
}

async fn post(actor: &Actor, path: &str, office: &str, body: Value) -> Reply {
    actor.request(Method::POST, &format!("/api/auth{path}")).header(OFFICE, office).json(&body).send().await
}

async fn sign_in(app: &TestApp, office: &str) -> (Reply, Actor) {
    let actor = app.anon();
    (post(&actor, "/sign-in/email", office, json!({"email": ADA, "password": PASSWORD})).await, actor)
}

/// Ada at the office.
async fn staff(it: &World) -> Actor {
    let (reply, actor) = sign_in(&it.app, "yes").await;
    reply.ok();
    actor
}

/// Whether they act as staff, and the names of their roles.
async fn standing(actor: &Actor, path: &str, office: &str) -> (bool, Vec<String>) {
    let principal = get(actor, path, office).await.ok();
    let names = principal["roles"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap().to_owned());
    (principal["isStaff"] == true, names.collect())
}

fn of_staff() -> (bool, Vec<String>) {
    (true, vec!["super_admin".to_owned(), "support".to_owned()])
}

async fn scopes(it: &World) -> Vec<RoleScope> {
    let mut scopes: Vec<RoleScope> = it.app.sessions(ADA).await.into_iter().map(|session| session.scope).collect();
    scopes.sort_unstable();
    scopes
}

async fn staff_get_a_session_on_the_platform_where_it_is_in_force(stack: Stack) {
    let it = world(stack).await;
    let ada = staff(&it).await;
    assert_eq!(scopes(&it).await, [RoleScope::Everywhere, RoleScope::Platform]);
    assert_eq!(standing(&ada, "/principal", "yes").await, of_staff());
    for path in ["/staff", "/reports", "/pair"] {
        get(&ada, path, "yes").await.ok();
    }
    // What was opened elsewhere is no session of staff, wherever it is used.
    for office in ["no", "YES", ""] {
        let (reply, ada) = sign_in(&it.app, office).await;
        reply.ok();
        assert_eq!(standing(&ada, "/principal", "yes").await, (false, vec![]));
        get(&ada, "/staff", "yes").await.refused(403, "FORBIDDEN");
        get(&ada, "/reports", "yes").await.refused(403, "FORBIDDEN");
    }
    let wrong = json!({"email": ADA, "password": "Wombat-Violet-Thunder-43"});
    post(&it.app.anon(), "/sign-in/email", "yes", wrong).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    assert_eq!(scopes(&it).await.iter().filter(|scope| **scope == RoleScope::Platform).count(), 1);
}

async fn roles_of_staff_vanish_where_it_is_not_in_force_and_come_back(stack: Stack) {
    let it = world(stack).await;
    // Not even what counts everywhere counts in a session of staff that has leaked.
    it.is_given("PORTAL", "reader", RoleScope::Everywhere).await;
    let ada = staff(&it).await;
    for _ in 0..2 {
        for (path, permitted) in [("/staff", 200), ("/reports", 200), ("/me", 200)] {
            assert_eq!(get(&ada, path, "yes").await.status, permitted, "{path}");
        }
        for actor in [&ada, &ada.bearer()] {
            for path in ["/staff", "/reports", "/pair"] {
                get(actor, path, "no").await.refused(403, "FORBIDDEN");
            }
            get(actor, "/me", "no").await.ok();
            for path in ["/principal", "/cached"] {
                assert_eq!(standing(actor, path, "no").await, (false, vec![]), "{path}");
                assert!(standing(actor, path, "yes").await.0, "{path}");
            }
        }
    }
    let revoked = role::revoke(&it.app.cx(), it.ada, &RoleGrant::new("ADMIN", "super_admin").on_platform()).await;
    assert!(revoked.unwrap());
    get(&ada, "/staff", "yes").await.refused(403, "FORBIDDEN");
}

async fn a_demand_for_staff_is_fulfilled_where_they_are_staff(stack: Stack) {
    let it = world(stack).await;
    let of_staff = staff(&it).await;
    let elsewhere = it.app.signed_in(ADA).await;
    let judged = async |actor: &Actor, office: &'static str| {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", actor.cookie().unwrap())).unwrap();
        let office = (HeaderName::from_static("x-office"), HeaderValue::from_static(office));
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer), office]);
        let cx = it.app.auth().cx(RequestInfo::new(Method::GET, "/", headers, None));
        guard::staff().judge(&cx).await.map_err(|error| (error.code().to_owned(), error.message().to_owned()))
    };
    assert_eq!(judged(&of_staff, "yes").await, Ok(()));
    let required = "Required: staff of the platform, with platform access in force.".to_owned();
    for (actor, office) in [(&of_staff, "no"), (&elsewhere, "yes")] {
        assert_eq!(judged(actor, office).await, Err(("FORBIDDEN".to_owned(), required.clone())), "{office}");
    }
    let nobody = stack.app_with(settings).await;
    assert_eq!(guard::staff().problems(nobody.auth()), ["nobody is staff: platform_access() is not set"]);
    assert!(guard::staff().problems(it.app.auth()).is_empty());
}

async fn whoever_is_no_staff_any_more_is_nobody_on_the_platform(stack: Stack) {
    let it = world(stack).await;
    it.is_given("PORTAL", "reader", RoleScope::Everywhere).await;
    let ada = staff(&it).await;
    let pair = post(&ada, "/token", "yes", json!({})).await.ok();
    for name in ["super_admin", "support"] {
        role::revoke(&it.app.cx(), it.ada, &RoleGrant::new("ADMIN", name).on_platform()).await.unwrap();
    }
    for actor in [&ada, &it.app.program().with_bearer(pair["accessToken"].as_str().unwrap())] {
        for path in ["/principal", "/cached", "/stateless"] {
            assert_eq!(standing(actor, path, "yes").await, (false, vec![]), "{path}");
        }
        get(actor, "/reports", "yes").await.refused(403, "FORBIDDEN");
        get(actor, "/me", "yes").await.ok();
    }
    let body = json!({"refreshToken": pair["refreshToken"]});
    post(&it.app.program(), "/token/refresh", "yes", body).await.refused(401, "UNAUTHORIZED");
    // At the next sign-in she is whoever else she is.
    assert_eq!(standing(&staff(&it).await, "/principal", "yes").await, (false, vec!["reader".to_owned()]));
}

async fn the_platform_goes_before_a_tenant_for_staff_alone(stack: Stack) {
    let it = world(stack).await;
    let body = |email: &str| json!({"email": email, "password": PASSWORD, "tenantId": "acme"});
    let ada = it.app.anon();
    post(&ada, "/sign-in/email", "yes", body(ADA)).await.ok();
    assert_eq!(get(&ada, "/principal", "yes").await.ok()["tenant"], Value::Null);
    assert_eq!(standing(&ada, "/principal", "yes").await, of_staff());
    get(&ada, "/tenant", "yes").await.refused(400, "TENANT_REQUIRED");
    // For whoever is no staff the office is a place as any other.
    let eve = it.app.signed_up("eve@example.com").await;
    post(&eve, "/sign-in/email", "yes", body("eve@example.com")).await.refused(403, "TENANT_MISMATCH");
    let id = it.app.user_id("eve@example.com").await;
    auth_core::tenant::add_member(&it.app.cx(), id, &named("acme")).await.unwrap();
    post(&eve, "/sign-in/email", "yes", body("eve@example.com")).await.ok();
    assert_eq!(get(&eve, "/tenant", "yes").await.ok(), json!({"tenant": "acme"}));
    assert_eq!(standing(&eve, "/principal", "yes").await, (false, vec![]));
}

/// The product that this follows answers with an empty list of roles, and the token is used up.
async fn a_refresh_elsewhere_is_refused_and_harms_nothing(stack: Stack) {
    let it = world(stack).await;
    let ada = staff(&it).await;
    let pair = post(&ada, "/token", "yes", json!({})).await.ok();
    let body = json!({"refreshToken": pair["refreshToken"]});
    let refresh = |office: &'static str| {
        let (program, body) = (it.app.program(), body.clone());
        async move { post(&program, "/token/refresh", office, body).await }
    };
    for _ in 0..2 {
        let refused = refresh("no").await;
        refused.refused(401, "UNAUTHORIZED");
        let unknown = json!({"refreshToken": format!("rt_{}", "A".repeat(64))});
        assert_eq!(refused.essence(), post(&it.app.program(), "/token/refresh", "no", unknown).await.essence());
    }
    assert_eq!(standing(&ada, "/principal", "yes").await, of_staff());
    let next = refresh("yes").await.ok();
    let program = it.app.program().with_bearer(next["accessToken"].as_str().unwrap());
    get(&program, "/staff", "yes").await.ok();
    get(&program, "/staff", "no").await.refused(403, "FORBIDDEN");
    // Thrown away it can be anywhere: whoever signs out means it.
    let body = json!({"refreshToken": next["refreshToken"]});
    post(&it.app.program(), "/token/revoke", "no", body.clone()).await.ok();
    get(&ada, "/staff", "yes").await.refused(401, "UNAUTHORIZED");
    post(&it.app.program(), "/token/refresh", "yes", body).await.refused(401, "UNAUTHORIZED");
}

async fn access_tokens_of_staff_are_looked_up(stack: Stack) {
    let it = world(stack).await;
    let ada = staff(&it).await;
    let token = get(&ada, "/api/auth/token", "yes").await.ok()["token"].as_str().unwrap().to_owned();
    let program = it.app.program().with_bearer(&token);
    for path in ["/principal", "/cached", "/stateless"] {
        assert_eq!(standing(&program, path, "yes").await, of_staff(), "{path}");
        assert_eq!(standing(&program, path, "no").await, (false, vec![]), "{path}");
        assert_eq!(get(&program, path, "yes").await.ok()["source"], "session", "{path}");
    }
    get(&program, "/stateless/reports", "yes").await.ok();
    get(&program, "/stateless/reports", "no").await.refused(403, "FORBIDDEN");
    // And so nothing that has ended is believed for some more minutes.
    ada.auth_post("/sign-out", json!({})).await.ok();
    get(&program, "/stateless", "yes").await.refused(401, "UNAUTHORIZED");
    // One that is made where nothing counts says nothing, and gets no further elsewhere.
    let ada = staff(&it).await;
    let token = get(&ada, "/api/auth/token", "no").await.ok()["token"].as_str().unwrap().to_owned();
    assert_eq!(crate::tokens::part(&token, 1)["roles"], json!([]));
    assert_eq!(standing(&it.app.program().with_bearer(&token), "/stateless", "yes").await, of_staff());
}

async fn a_predicate_that_cannot_tell_refuses_and_never_grants(stack: Stack) {
    let it = world(stack).await;
    let ada = staff(&it).await;
    let pair = post(&ada, "/token", "yes", json!({})).await.ok();
    let program = it.app.program().with_bearer(pair["accessToken"].as_str().unwrap());
    let before = it.app.sessions(ADA).await.len();
    for (office, status, code) in FAILURES {
        let (reply, nobody) = sign_in(&it.app, office).await;
        reply.refused(status, code);
        assert!(nobody.cookie().is_none() && !reply.text().contains("fell over"));
        for path in ["/me", "/staff", "/reports", "/cached", "/principal", "/maybe"] {
            get(&ada, path, office).await.refused(status, code);
        }
        for path in ["/me", "/stateless"] {
            get(&program, path, office).await.refused(status, code);
        }
        let refresh = json!({"refreshToken": pair["refreshToken"]});
        post(&it.app.program(), "/token/refresh", office, refresh).await.refused(status, code);
    }
    assert_eq!(it.app.sessions(ADA).await.len(), before);
    let refresh = json!({"refreshToken": pair["refreshToken"]});
    post(&it.app.program(), "/token/refresh", "yes", refresh).await.ok();
    assert_eq!(standing(&ada, "/principal", "yes").await, of_staff());
}

/// Somebody who is not on the platform depends on it as little as a public route does.
async fn a_predicate_is_asked_where_it_matters(stack: Stack) {
    let it = world(stack).await;
    let (acme, none) = (it.inside("acme").await, it.app.signed_in(ADA).await);
    for (office, ..) in FAILURES {
        for path in ["/reports", "/me", "/cached", "/products"] {
            get(&acme, path, office).await.ok();
        }
        get(&none, "/me", office).await.ok();
        get(&it.app.anon(), "/me", office).await.refused(401, "UNAUTHORIZED");
    }
}

async fn without_a_predicate_nothing_on_the_platform_counts(stack: Stack) {
    let it = world(stack).await;
    let (ada, pair) = (staff(&it).await, post(&staff(&it).await, "/token", "yes", json!({})).await.ok());
    let app = it.app.restarted_with(stack.transport, settings).await;
    let (reply, fresh) = sign_in(&app, "yes").await;
    reply.ok();
    let old = app.anon().with_cookie(&ada.cookie().unwrap());
    for actor in [&fresh, &old] {
        assert_eq!(standing(actor, "/principal", "yes").await, (false, vec![]));
        get(actor, "/staff", "yes").await.refused(403, "FORBIDDEN");
        get(actor, "/me", "yes").await.ok();
    }
    let body = json!({"refreshToken": pair["refreshToken"]});
    post(&app.program(), "/token/refresh", "yes", body).await.refused(401, "UNAUTHORIZED");
}

async fn nobody_becomes_staff_by_signing_up(stack: Stack) {
    let it = world(stack).await;
    let eve = it.app.anon();
    let body =
        json!({"name": "Eve", "email": "eve@example.com", "password": PASSWORD, "isStaff": true, "scope": "platform"});
    post(&eve, "/sign-up/email", "yes", body).await.ok();
    let id = it.app.user_id("eve@example.com").await;
    assert!(it.app.store().conn().roles_of_user(id, None).await.unwrap().is_empty());
    assert_eq!(it.app.sessions("eve@example.com").await[0].scope, RoleScope::Everywhere);
    assert_eq!(standing(&eve, "/principal", "yes").await, (false, vec![]));
    for path in ["/staff", "/reports"] {
        get(&eve, path, "yes").await.refused(403, "FORBIDDEN");
    }
}

async fn an_api_key_is_nobody_of_staff(stack: Stack) {
    let it = world(stack).await;
    let made = post(&staff(&it).await, "/api-key/create", "yes", json!({})).await.ok();
    let limited = api_key::NewApiKey::of_user(it.ada);
    let by_program = api_key::create(&it.app.cx(), limited).await.unwrap();
    for key in [made["key"].as_str().unwrap(), by_program.secret.expose()] {
        let program = it.app.program();
        let get = |path| program.request(Method::GET, path).header("x-api-key", key).header(OFFICE, "yes").send();
        let principal = get("/principal").await.ok();
        assert_eq!((principal.get("isStaff"), &principal["roles"]), (None, &json!([])));
        for path in ["/staff", "/reports"] {
            get(path).await.refused(403, "FORBIDDEN");
        }
    }
    // Where they are no staff, their session is good for no key: one would have what they hold everywhere.
    post(&staff(&it).await, "/api-key/create", "no", json!({})).await.refused(403, "FORBIDDEN");
    let mut asked = api_key::NewApiKey::of_user(it.ada);
    asked.permissions = Some(vec![role::Permission::parse("reports:read").unwrap()]);
    let refused = api_key::create(&it.app.cx(), asked).await.unwrap_err();
    assert!(refused.is(auth_core::error::Code::PermissionNotHeld));
}

async fn staff_change_to_no_tenant(stack: Stack) {
    let it = world(stack).await;
    let ada = staff(&it).await;
    for office in ["yes", "no"] {
        for tenant in [json!("acme"), json!("nowhere"), Value::Null] {
            post(&ada, "/switch-tenant", office, json!({"tenantId": tenant})).await.refused(403, "TENANT_MISMATCH");
        }
    }
    assert_eq!(standing(&ada, "/principal", "yes").await, of_staff());
}

async fn redeem(actor: &Actor, token: &Value, office: &str) -> Reply {
    post(actor, "/one-time-token/verify", office, json!({"token": token})).await
}

async fn one_time_token(actor: &Actor, office: &str) -> Value {
    get(actor, "/api/auth/one-time-token/generate", office).await.ok()["token"].clone()
}

/// Who has stolen a token of the portal names the office in a header: that makes nobody staff.
async fn a_session_of_another_front_end_vouches_for_no_staff(stack: Stack) {
    let it = world(stack).await;
    let (acme, none, phone) = (it.inside("acme").await, it.app.signed_in(ADA).await, it.app.anon());
    redeem(&phone, &one_time_token(&acme, "yes").await, "yes").await.ok();
    assert_eq!(standing(&phone, "/principal", "yes").await, (false, vec!["reader".to_owned()]));
    post(&none, "/switch-tenant", "yes", json!({"tenantId": "acme"})).await.ok();
    assert_eq!(standing(&none, "/principal", "yes").await, (false, vec!["reader".to_owned()]));
    for tenant in [json!("globex"), Value::Null] {
        post(&acme, "/switch-tenant", "yes", json!({"tenantId": tenant})).await.ok();
        assert!(!standing(&acme, "/principal", "yes").await.0);
        get(&acme, "/pair", "yes").await.refused(403, "FORBIDDEN");
    }
    assert!(!scopes(&it).await.contains(&RoleScope::Platform));
    // Whoever proves who they are becomes it.
    sign_in_to(&acme, "acme", PASSWORD).await.ok();
    assert_eq!(standing(&staff(&it).await, "/principal", "yes").await, of_staff());
}

async fn a_session_of_staff_vouches_for_staff_where_they_are_staff(stack: Stack) {
    let it = world(stack).await;
    let (ada, phone) = (staff(&it).await, it.app.anon());
    let token = one_time_token(&ada, "yes").await;
    for _ in 0..2 {
        redeem(&phone, &token, "no").await.refused(401, "UNAUTHORIZED");
    }
    assert!(phone.cookie().is_none());
    // It was not used up by that.
    redeem(&phone, &token, "yes").await.ok();
    assert_eq!(standing(&phone, "/principal", "yes").await, of_staff());
    assert_eq!(standing(&phone, "/principal", "no").await, (false, vec![]));
    // Nor is it worth anything to somebody who was staff.
    let token = one_time_token(&ada, "yes").await;
    for name in ["super_admin", "support"] {
        role::revoke(&it.app.cx(), it.ada, &RoleGrant::new("ADMIN", name).on_platform()).await.unwrap();
    }
    redeem(&it.app.anon(), &token, "yes").await.refused(401, "UNAUTHORIZED");
}
