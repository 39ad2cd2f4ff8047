//! How far a session of one front end reaches: no role of another one counts in it, and nothing that is made from it or
//! moved to another tenant goes further.

use std::collections::BTreeSet;

use async_trait::async_trait;
use auth_core::api_key::{self, NewApiKey};
use auth_core::error::Code;
use auth_core::hooks::Hooks;
use auth_core::role::{self, GrantedRole, Permission, RoleGrant, RoleSpec};
use auth_core::user::User;
use auth_core::{Cx, Result, tenant};
use auth_tests::{PASSWORD, Stack, flows};
use http::Method;
use serde_json::{Value, json};

use crate::portals::{
    ADMIN, CUSTOMER, DUAL, MEMBER, PORTAL, STAFF, areas, cast, grant, principal, send, settle, sign_in, signed_in,
    tenant_id, with_policy,
};
use crate::portals_sessions::change;

flows![
    what_a_hook_adds_counts_in_its_front_end_alone,
    nobody_moves_to_a_tenant_that_they_could_not_sign_in_to,
    a_role_of_a_tenant_s_own_lets_its_members_in,
    a_key_reaches_no_further_than_the_session_that_made_it,
];

/// Makes everybody a super admin, as a directory elsewhere might some, and lets them read tickets.
struct Directory;

#[async_trait]
impl Hooks for Directory {
    async fn resolve_roles(&self, _cx: &Cx, _user: &User, roles: &mut BTreeSet<GrantedRole>) -> Result<()> {
        roles.insert(GrantedRole::new("ADMIN", "super_admin"));
        Ok(())
    }

    async fn resolve_permissions(
        &self,
        _cx: &Cx,
        _user: &User,
        roles: &BTreeSet<GrantedRole>,
        permissions: &mut BTreeSet<Permission>,
    ) -> Result<()> {
        if roles.iter().any(|role| role.name == "super_admin") {
            permissions.insert(Permission::parse("tickets:read").unwrap());
        }
        Ok(())
    }
}

async fn what_a_hook_adds_counts_in_its_front_end_alone(stack: Stack) {
    let app = stack.app_with(|builder| with_policy(builder).hooks(Directory)).await;
    settle(&app).await;
    let staff = signed_in(&app, ADMIN, STAFF).await;
    let seen = principal(&staff, ADMIN).await;
    let names: Vec<_> = seen["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
    assert_eq!((json!(names), &seen["permissions"]), (json!(["super_admin", "support"]), &json!(["tickets:read"])));
    let member = signed_in(&app, PORTAL, MEMBER).await;
    for (caller, names) in [(&staff, json!([])), (&member, json!(["member"]))] {
        let seen = principal(caller, PORTAL).await;
        let found: Vec<_> = seen["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
        assert_eq!((json!(found), &seen["permissions"]), (names, &json!([])));
    }
}

async fn nobody_moves_to_a_tenant_that_they_could_not_sign_in_to(stack: Stack) {
    let app = cast(stack).await;
    let user = app.user_id(MEMBER).await;
    tenant::add_member(&app.cx(), user, &tenant_id("globex")).await.unwrap();
    grant(&app, MEMBER, &RoleGrant::new("FRONTEND", "customer").in_tenant(tenant_id("globex"))).await;
    sign_in(&app, PORTAL, MEMBER, PASSWORD, json!({ "tenantId": "globex" }))
        .await
        .refused(401, "INVALID_EMAIL_OR_PASSWORD");
    let member = signed_in(&app, PORTAL, MEMBER).await;
    let switch = async |tenant: &str| {
        send(&member, PORTAL, Method::POST, "/api/auth/switch-tenant", json!({ "tenantId": tenant })).await
    };
    switch("globex").await.refused(403, "TENANT_MISMATCH");
    assert_eq!(principal(&member, PORTAL).await["tenant"], "acme");
    grant(&app, MEMBER, &RoleGrant::new("PORTAL", "admin").in_tenant(tenant_id("globex"))).await;
    let moved = app.program().with_bearer(&switch("globex").await.token());
    assert_eq!(areas(&moved, PORTAL).await, [403, 200, 403]);
    // Where they are they stay without one: a change of password must not hang on it.
    role::revoke(&app.cx(), user, &RoleGrant::new("PORTAL", "admin").in_tenant(tenant_id("globex"))).await.unwrap();
    send(&moved, PORTAL, Method::POST, "/api/auth/change-password", change()).await.ok();
}

async fn a_role_of_a_tenant_s_own_lets_its_members_in(stack: Stack) {
    let app = cast(stack).await;
    let clerk = RoleSpec::new("PORTAL", "clerk").permissions(["orders:read"]).in_tenant(tenant_id("acme"));
    role::define(&app.cx(), clerk).await.unwrap();
    sign_in(&app, PORTAL, CUSTOMER, PASSWORD, json!({})).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    grant(&app, CUSTOMER, &RoleGrant::new("PORTAL", "clerk").in_tenant(tenant_id("acme"))).await;
    let caller = signed_in(&app, PORTAL, CUSTOMER).await;
    let seen = principal(&caller, PORTAL).await;
    assert_eq!((&seen["tenant"], &seen["permissions"]), (&json!("acme"), &json!(["orders:read"])));
    // It permits, and fulfils no demand of the program.
    assert_eq!(areas(&caller, PORTAL).await, [403, 403, 403]);
}

async fn a_key_reaches_no_further_than_the_session_that_made_it(stack: Stack) {
    let app = cast(stack).await;
    let dual = signed_in(&app, PORTAL, DUAL).await;
    let post = |path: &'static str, body: Value| send(&dual, PORTAL, Method::POST, path, body);
    let shown = post("/api/auth/api-key/create", json!({})).await.ok();
    assert_eq!((&shown["roleGuard"], &shown["tenantId"]), (&json!("PORTAL"), &json!("acme")));
    let user = app.user_id(DUAL).await;
    let program = app.program();
    let seen = async |secret: &Value| {
        let get = |path| program.request(Method::GET, path).header("x-api-key", secret.as_str().unwrap()).send();
        let seen = get("/principal").await.ok();
        let areas = [
            get("/api/auth/area?guard=ADMIN").await.status.as_u16(),
            get("/api/auth/area?guard=PORTAL").await.status.as_u16(),
        ];
        (seen["roleGuard"].clone(), seen["roles"].clone(), areas)
    };
    // What they hold in acme under another guard does not come along.
    let roles = json!([{ "name": "admin", "guard": "PORTAL", "tenant": "acme" }]);
    assert_eq!(seen(&shown["key"]).await, (json!("PORTAL"), roles.clone(), [403, 200]));
    let again = post("/api/auth/api-key/rotate", json!({ "keyId": shown["id"] })).await.ok();
    assert_eq!(seen(&again["key"]).await.1, roles);
    for more in [json!({ "enabled": true }), json!({ "expiresIn": 86400 }), json!({ "enabled": false })] {
        let mut body = more;
        body["keyId"] = shown["id"].clone();
        post("/api/auth/api-key/update", body).await.ok();
    }

    tenant::add_member(&app.cx(), user, &tenant_id("globex")).await.unwrap();
    let mut of_another_guard = NewApiKey::of_user(user);
    (of_another_guard.tenant, of_another_guard.role_guard) = (Some(tenant_id("acme")), Some("ADMIN".to_owned()));
    let mut of_another_tenant = NewApiKey::of_user(user);
    (of_another_tenant.tenant, of_another_tenant.role_guard) = (Some(tenant_id("globex")), Some("PORTAL".to_owned()));
    let mut of_no_tenant = NewApiKey::of_user(user);
    of_no_tenant.role_guard = Some("PORTAL".to_owned());
    let mut of_all_guards = NewApiKey::of_user(user);
    of_all_guards.tenant = Some(tenant_id("acme"));
    for further in [of_another_guard, of_another_tenant, of_no_tenant, of_all_guards] {
        let id = api_key::create(&app.cx(), further).await.unwrap().key.id.to_string();
        post("/api/auth/api-key/rotate", json!({ "keyId": id })).await.refused(403, "FORBIDDEN");
        for more in [json!({ "keyId": id, "enabled": true }), json!({ "keyId": id, "expiresIn": 86400 })] {
            post("/api/auth/api-key/update", more).await.refused(403, "FORBIDDEN");
        }
        // To have less it suffices.
        post("/api/auth/api-key/update", json!({ "keyId": id, "enabled": false })).await.ok();
        post("/api/auth/api-key/delete", json!({ "keyId": id })).await.ok();
    }
    let mut nowhere = NewApiKey::of_user(user);
    nowhere.role_guard = Some("NOWHERE".to_owned());
    assert!(api_key::create(&app.cx(), nowhere).await.unwrap_err().is(Code::RoleGuardNotAllowed));
}
