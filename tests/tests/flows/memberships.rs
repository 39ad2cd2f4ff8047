//! Tenants and their members: where somebody who belongs to several signs in, and what ends when a membership does.

use async_trait::async_trait;
use auth_core::api_key::{self, NewApiKey};
use auth_core::base::{Email, TenantId, UserId};
use auth_core::error::Code;
use auth_core::guard::Tenancy;
use auth_core::hooks::Hooks;
use auth_core::role::{self, RoleGrant, RoleScope, RoleSpec};
use auth_core::tenant;
use auth_core::user::{SignUp, User};
use auth_core::{AuthBuilder, Cx, Result, Work, code, customer, token};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

flows![
    a_member_signs_in_to_a_tenant,
    a_member_is_more_than_somebody_who_may_act,
    roles_of_a_tenant_count_in_its_sessions_alone,
    whoever_may_not_act_there_is_told_after_the_right_password,
    what_the_header_and_the_body_name_agrees,
    without_memberships_nobody_names_a_tenant,
    a_suspended_member_is_out_at_once_and_back_with_their_roles,
    a_removed_member_is_out_for_good,
    the_end_of_a_tenant_ends_its_sessions,
    whoever_signs_up_belongs_where_a_hook_says,
    what_a_hook_makes_of_somebody_new_is_gone_with_a_refusal,
    customers_belong_to_no_tenant,
];

pub(crate) const ADA: &str = "ada@example.com";
const WRONG: &str = "Wombat-Violet-Thunder-43";

pub(crate) fn named(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub(crate) fn settings(builder: AuthBuilder) -> AuthBuilder {
    let builder = builder.tenancy(Tenancy::shared().header("orgid")).tokens(token::Config::default());
    builder.one_time_tokens(code::OneTimeTokens::default()).customers(customer::Config::default())
}

/// Ada belongs to acme, where she may read reports, and to globex, where she is a `super_admin`. Nobody belongs to
/// initech.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) ada: UserId,
}

impl World {
    pub(crate) async fn new(stack: Stack) -> Self {
        Self::with(stack, settings).await
    }

    pub(crate) async fn with(stack: Stack, settings: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Self {
        let app = stack.app_with(settings).await;
        for name in ["acme", "globex", "initech"] {
            tenant::create(&app.cx(), &named(name), name).await.unwrap();
        }
        role::define_role(&app.cx(), "PORTAL", "reader", ["reports:read"]).await.unwrap();
        role::define_role(&app.cx(), "ADMIN", "super_admin", []).await.unwrap();
        app.signed_up(ADA).await;
        let it = Self { ada: app.user_id(ADA).await, app };
        it.joins("acme").await;
        it.joins("globex").await;
        it.is_given("PORTAL", "reader", RoleScope::Tenant(named("acme"))).await;
        it.is_given("ADMIN", "super_admin", RoleScope::Tenant(named("globex"))).await;
        it
    }

    pub(crate) async fn joins(&self, name: &str) {
        assert!(tenant::add_member(&self.app.cx(), self.ada, &named(name)).await.unwrap());
    }

    pub(crate) async fn is_given(&self, guard: &str, name: &str, scope: RoleScope) {
        let grant = match scope {
            RoleScope::Everywhere => RoleGrant::new(guard, name),
            RoleScope::Platform => RoleGrant::new(guard, name).on_platform(),
            RoleScope::Tenant(tenant) => RoleGrant::new(guard, name).in_tenant(tenant),
        };
        assert!(role::grant(&self.app.cx(), self.ada, &grant).await.unwrap());
    }

    pub(crate) async fn is_suspended_in(&self, name: &str) {
        assert!(tenant::suspend_member(&self.app.cx(), self.ada, &named(name)).await.unwrap());
    }

    pub(crate) async fn is_reinstated_in(&self, name: &str) {
        assert!(tenant::reinstate_member(&self.app.cx(), self.ada, &named(name)).await.unwrap());
    }

    /// Ada in a browser, in a session of this tenant.
    pub(crate) async fn inside(&self, name: &str) -> Actor {
        let actor = self.app.anon();
        sign_in_to(&actor, name, PASSWORD).await.ok();
        actor
    }
}

pub(crate) async fn sign_in_to(actor: &Actor, tenant: &str, password: &str) -> Reply {
    let body = json!({"email": ADA, "password": password, "tenantId": tenant});
    actor.auth_post("/sign-in/email", body).await
}

/// What is known of whoever sends this: for which tenant, and `guard/name` of the roles.
pub(crate) async fn standing(actor: &Actor) -> (Value, Vec<String>) {
    let principal = actor.get("/principal").await.ok();
    let name = |role: &Value| format!("{}/{}", role["guard"].as_str().unwrap(), role["name"].as_str().unwrap());
    (principal["tenant"].clone(), principal["roles"].as_array().unwrap().iter().map(name).collect())
}

async fn a_member_signs_in_to_a_tenant(stack: Stack) {
    let it = World::new(stack).await;
    let ada = it.inside("acme").await;
    let principal = ada.get("/principal").await.ok();
    assert_eq!(principal["tenant"], "acme");
    assert_eq!(principal["roles"], json!([{"name": "reader", "guard": "PORTAL", "tenant": "acme"}]));
    assert_eq!(principal["permissions"], json!(["reports:read"]));
    assert_eq!(ada.get("/tenant").await.ok(), json!({"tenant": "acme"}));
    ada.get("/reports").await.ok();
    let mut scopes: Vec<RoleScope> = it.app.sessions(ADA).await.into_iter().map(|session| session.scope).collect();
    scopes.sort_unstable();
    assert_eq!(scopes, [RoleScope::Everywhere, RoleScope::Tenant(named("acme"))]);
}

async fn a_member_is_more_than_somebody_who_may_act(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, none) = (it.inside("acme").await, it.app.signed_in(ADA).await);
    assert_eq!(acme.get("/member").await.ok(), json!({"tenant": "acme"}));
    none.get("/member").await.refused(400, "TENANT_REQUIRED");
    it.app.anon().get("/member").await.refused(401, "UNAUTHORIZED");
    let asks =
        async |actor: &Actor, name: &str| actor.request(Method::GET, "/member").header("orgid", name).send().await;
    assert_eq!(asks(&none, "globex").await.ok(), json!({"tenant": "globex"}));
    asks(&none, "initech").await.refused(403, "TENANT_MISMATCH");
    it.is_suspended_in("globex").await;
    asks(&none, "globex").await.refused(403, "TENANT_MISMATCH");
    // A program acts for the tenant that its key is for, and belongs to none.
    let key = NewApiKey::of_organization(named("acme"), Vec::new());
    let key = api_key::create(&it.app.cx(), key).await.unwrap().secret;
    let program = it.app.program();
    let by_key = |path| program.request(Method::GET, path).header("x-api-key", key.expose()).send();
    assert_eq!(by_key("/tenant").await.ok(), json!({"tenant": "acme"}));
    by_key("/member").await.refused(403, "TENANT_MISMATCH");
}

async fn roles_of_a_tenant_count_in_its_sessions_alone(stack: Stack) {
    let it = World::new(stack).await;
    role::define_role(&it.app.cx(), "PORTAL", "guest", []).await.unwrap();
    it.is_given("PORTAL", "guest", RoleScope::Everywhere).await;
    let (acme, globex, none) = (it.inside("acme").await, it.inside("globex").await, it.app.signed_in(ADA).await);
    assert_eq!(standing(&acme).await, (json!("acme"), vec!["PORTAL/guest".to_owned(), "PORTAL/reader".to_owned()]));
    assert_eq!(
        standing(&globex).await,
        (json!("globex"), vec!["PORTAL/guest".to_owned(), "ADMIN/super_admin".to_owned()])
    );
    assert_eq!(standing(&none).await, (Value::Null, vec!["PORTAL/guest".to_owned()]));
    for (actor, may_read, is_staff) in [(&acme, true, false), (&globex, false, true), (&none, false, false)] {
        for (path, may) in [("/reports", may_read), ("/staff", is_staff)] {
            assert_eq!(actor.get(path).await.status, if may { 200 } else { 403 }, "{path}");
            assert_eq!(actor.bearer().get(path).await.status, if may { 200 } else { 403 }, "{path}");
        }
    }
    // What a header names may be acted for, and brings no role along.
    let named = none.request(Method::GET, "/tenant").header("orgid", "acme").send().await;
    assert_eq!(named.ok(), json!({"tenant": "acme"}));
    none.request(Method::GET, "/reports").header("orgid", "acme").send().await.refused(403, "FORBIDDEN");
    none.request(Method::GET, "/tenant").header("orgid", "initech").send().await.refused(403, "TENANT_MISMATCH");
    it.is_suspended_in("acme").await;
    none.request(Method::GET, "/tenant").header("orgid", "acme").send().await.refused(403, "TENANT_MISMATCH");
}

/// Neither whether there is such a tenant nor who belongs to it is told to somebody without the password.
async fn whoever_may_not_act_there_is_told_after_the_right_password(stack: Stack) {
    let it = World::new(stack).await;
    it.is_suspended_in("globex").await;
    let mut answers = Vec::new();
    for tenant in ["globex", "initech", "nowhere"] {
        let refused = sign_in_to(&it.app.anon(), tenant, PASSWORD).await;
        refused.refused(403, "TENANT_MISMATCH");
        answers.push(refused.essence());
        let wrong = sign_in_to(&it.app.anon(), tenant, WRONG).await;
        wrong.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        let body = json!({"email": "nobody@example.com", "password": PASSWORD, "tenantId": tenant});
        assert_eq!(it.app.anon().auth_post("/sign-in/email", body).await.essence(), wrong.essence());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && !answer.contains("set-cookie")), "{answers:?}");
    assert_eq!(it.app.sessions(ADA).await.len(), 1, "that of the sign-up");
    let late = it.app.audit(it.ada).await.into_iter().filter(|entry| entry.action == "sign_in_refused_late");
    assert_eq!(late.count(), 3);
}

async fn what_the_header_and_the_body_name_agrees(stack: Stack) {
    let it = World::new(stack).await;
    let sign_in = async |header: &str, body: Value, password: &str| {
        let (actor, mut fields) = (it.app.anon(), json!({"email": ADA, "password": password}));
        fields["tenantId"] = body;
        let request = actor.request(Method::POST, "/api/auth/sign-in/email").header("orgid", header);
        (request.json(&fields).send().await, actor)
    };
    for body in [Value::Null, json!("acme")] {
        let (reply, ada) = sign_in("acme", body, PASSWORD).await;
        reply.ok();
        assert_eq!(ada.get("/tenant").await.ok(), json!({"tenant": "acme"}));
    }
    // Before anybody looks at the password.
    for password in [PASSWORD, WRONG] {
        sign_in("acme", json!("globex"), password).await.0.refused(403, "TENANT_MISMATCH");
        sign_in("acme", json!("ACME"), password).await.0.refused(403, "TENANT_MISMATCH");
        sign_in("two words", json!("acme"), password).await.0.refused(400, "VALIDATION_ERROR");
        for malformed in [json!(""), json!("two words"), json!(7), json!(["acme"]), json!("a".repeat(129))] {
            sign_in("acme", malformed, password).await.0.refused(400, "VALIDATION_ERROR");
        }
    }
    assert_eq!(it.app.sessions(ADA).await.len(), 3);
}

async fn without_memberships_nobody_names_a_tenant(stack: Stack) {
    let disabled = Tenancy::default().header("orgid");
    let app = stack.app_with(|builder| builder.tenancy(disabled)).await;
    let ada = app.signed_up(ADA).await;
    for password in [PASSWORD, WRONG] {
        sign_in_to(&app.anon(), "acme", password).await.refused(400, "TENANT_NOT_ENABLED");
    }
    let sign_up = json!({"name": "Eve", "email": "eve@example.com", "password": PASSWORD, "tenantId": "acme"});
    app.anon().auth_post("/sign-up/email", sign_up).await.refused(400, "TENANT_NOT_ENABLED");
    assert_eq!(app.find_user("eve@example.com").await, None);
    // A header is for those who ask for it, and so is `null`.
    let body = json!({"email": ADA, "password": PASSWORD, "tenantId": null});
    let named = ada.request(Method::POST, "/api/auth/sign-in/email").header("orgid", "acme").json(&body).send().await;
    named.ok();
    assert_eq!(standing(&ada).await.0, Value::Null);
    ada.auth_post("/switch-tenant", json!({"tenantId": "acme"})).await.nowhere();
}

async fn a_suspended_member_is_out_at_once_and_back_with_their_roles(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, globex, none) = (it.inside("acme").await, it.inside("globex").await, it.app.signed_in(ADA).await);
    it.app.events().take();
    it.is_suspended_in("acme").await;
    assert!(!tenant::suspend_member(&it.app.cx(), it.ada, &named("acme")).await.unwrap(), "it is suspended already");
    assert_eq!(it.app.events().take(), ["member_suspended"]);
    for path in ["/me", "/tenant", "/reports"] {
        acme.get(path).await.refused(401, "UNAUTHORIZED");
    }
    assert!(globex.is_signed_in().await && none.is_signed_in().await);
    sign_in_to(&it.app.anon(), "acme", PASSWORD).await.refused(403, "TENANT_MISMATCH");
    it.is_reinstated_in("acme").await;
    assert!(!tenant::reinstate_member(&it.app.cx(), it.ada, &named("acme")).await.unwrap(), "it counts already");
    assert_eq!(it.app.events().take().last(), Some(&"member_reinstated"));
    assert!(!acme.is_signed_in().await, "what has ended stays ended");
    it.inside("acme").await.get("/reports").await.ok();
    for outcome in [
        tenant::suspend_member(&it.app.cx(), it.ada, &named("initech")).await,
        tenant::reinstate_member(&it.app.cx(), it.ada, &named("nowhere")).await,
    ] {
        assert!(outcome.unwrap_err().is(Code::NotAMember));
    }
}

async fn a_removed_member_is_out_for_good(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, globex) = (it.inside("acme").await, it.inside("globex").await);
    let remove = async || tenant::remove_member(&it.app.cx(), it.ada, &named("acme")).await.unwrap();
    assert!(remove().await);
    acme.get("/me").await.refused(401, "UNAUTHORIZED");
    globex.get("/staff").await.ok();
    sign_in_to(&it.app.anon(), "acme", PASSWORD).await.refused(403, "TENANT_MISMATCH");
    assert!(!remove().await);
    // Whoever comes back begins anew.
    it.joins("acme").await;
    assert!(!acme.is_signed_in().await);
    assert_eq!(standing(&it.inside("acme").await).await, (json!("acme"), vec![]));
    let tenants = tenant::memberships_of_user(&it.app.cx(), it.ada).await.unwrap();
    assert_eq!(tenants.iter().map(|it| it.tenant.as_str()).collect::<Vec<_>>(), ["acme", "globex"]);
}

async fn the_end_of_a_tenant_ends_its_sessions(stack: Stack) {
    let it = World::new(stack).await;
    let (acme, globex) = (it.inside("acme").await, it.inside("globex").await);
    assert!(tenant::delete(&it.app.cx(), &named("acme")).await.unwrap());
    assert!(!tenant::delete(&it.app.cx(), &named("acme")).await.unwrap());
    assert!(tenant::by_id(&it.app.cx(), &named("acme")).await.unwrap().is_none());
    acme.get("/me").await.refused(401, "UNAUTHORIZED");
    assert!(globex.is_signed_in().await);
    sign_in_to(&it.app.anon(), "acme", PASSWORD).await.refused(403, "TENANT_MISMATCH");
    assert!(tenant::add_member(&it.app.cx(), it.ada, &named("acme")).await.unwrap_err().is(Code::TenantNotFound));
    let taken = tenant::create(&it.app.cx(), &named("globex"), "Another").await.unwrap_err();
    assert!(taken.is(Code::TenantAlreadyExists));
    for name in ["", " ", "a\nb", &"a".repeat(256)] {
        let refused = tenant::create(&it.app.cx(), &named("hooli"), name).await.unwrap_err();
        assert!(refused.is(Code::ValidationError), "{name:?}");
    }
}

/// Has whoever signs up join the tenant that they name, as a member of the portal.
struct Joins;

#[async_trait]
impl Hooks for Joins {
    async fn on_signup(&self, cx: &Cx, work: &mut Work<'_>, user: &User, signup: &SignUp) -> Result<()> {
        let Some(tenant) = signup.tenant.clone() else { return Ok(()) };
        tenant::add_member_within(cx, work, user.id, &tenant).await?;
        let member = RoleGrant::new("PORTAL", "member").in_tenant(tenant);
        role::grant_within(cx, work, user.id, &member).await.map(drop)
    }
}

fn sign_up(email: &str, tenant: Option<&str>) -> Value {
    json!({"name": "Eve", "email": email, "password": PASSWORD, "tenantId": tenant})
}

async fn whoever_signs_up_belongs_where_a_hook_says(stack: Stack) {
    let it = World::with(stack, |builder| settings(builder).hooks(Joins)).await;
    role::seed(&it.app.cx(), [RoleSpec::new("PORTAL", "member").permissions(["reports:read"])]).await.unwrap();
    let (eve, mel) = (it.app.anon(), it.app.anon());
    eve.auth_post("/sign-up/email", sign_up("eve@example.com", Some("acme"))).await.ok();
    assert_eq!(standing(&eve).await, (json!("acme"), vec!["PORTAL/member".to_owned()]));
    eve.get("/reports").await.ok();
    // Naming none is nothing to the hook.
    mel.auth_post("/sign-up/email", sign_up("mel@example.com", None)).await.ok();
    assert_eq!(standing(&mel).await, (Value::Null, vec![]));
    let user = it.app.user_id("mel@example.com").await;
    assert!(tenant::memberships_of_user(&it.app.cx(), user).await.unwrap().is_empty());
}

async fn what_a_hook_makes_of_somebody_new_is_gone_with_a_refusal(stack: Stack) {
    let it = World::new(stack).await;
    let body = sign_up("eve@example.com", Some("acme"));
    it.app.anon().auth_post("/sign-up/email", body.clone()).await.refused(403, "TENANT_MISMATCH");
    assert_eq!(it.app.find_user("eve@example.com").await, None, "nobody saw to it that she belongs there");
    let hooked = it.app.restarted_with(stack.transport, |builder| settings(builder).hooks(Joins)).await;
    // There is no such role, and then no such tenant.
    hooked.anon().auth_post("/sign-up/email", body).await.refused(400, "ROLE_NOT_FOUND");
    let nowhere = sign_up("eve@example.com", Some("nowhere"));
    hooked.anon().auth_post("/sign-up/email", nowhere).await.refused(404, "TENANT_NOT_FOUND");
    assert_eq!(hooked.find_user("eve@example.com").await, None);
}

async fn customers_belong_to_no_tenant(stack: Stack) {
    let it = World::with(stack, |builder| settings(builder).customers(customer::Config::default().hooks(Joins))).await;
    role::define_role(&it.app.cx(), "PORTAL", "member", []).await.unwrap();
    let post = async |path: &str, tenant: Option<&str>| {
        it.app.anon().auth_post(&format!("/customer/{path}/email"), sign_up("cleo@example.com", tenant)).await
    };
    // Not even by a hook.
    post("sign-up", Some("acme")).await.refused(404, "USER_NOT_FOUND");
    post("sign-up", None).await.ok();
    let cleo = customer::customer_by_email(&it.app.cx(), &Email::parse("cleo@example.com").unwrap()).await.unwrap();
    let taken_for_a_user: UserId = cleo.unwrap().id.to_string().parse().unwrap();
    let added = tenant::add_member(&it.app.cx(), taken_for_a_user, &named("acme")).await;
    assert!(added.unwrap_err().is(Code::UserNotFound));
    assert!(tenant::memberships_of_user(&it.app.cx(), taken_for_a_user).await.unwrap().is_empty());
    post("sign-in", Some("acme")).await.refused(403, "TENANT_MISMATCH");
    post("sign-in", None).await.ok();
}
