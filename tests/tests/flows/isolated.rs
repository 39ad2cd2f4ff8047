//! Accounts that belong to one tenant: the same address in another one is somebody else.

use std::collections::BTreeSet;

use async_trait::async_trait;
use auth_core::base::{Email, TenantId, UserId};
use auth_core::crypto::password_hash::Password;
use auth_core::error::Code;
use auth_core::guard::{PlatformAccess, Tenancy};
use auth_core::hooks::{Hooks, LoginAttempt};
use auth_core::role::{self, RoleGrant, RolePlace, RoleScope, RoleSpec};
use auth_core::user::{SignUp, User, user_by_email, user_by_email_in_tenant};
use auth_core::{AuthBuilder, Cx, Result, Work, password, tenant};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

use crate::granting::Acting;

flows![
    one_address_in_two_tenants_is_two_accounts,
    a_tenant_must_be_named,
    a_wrong_tenant_looks_like_a_wrong_password,
    a_wrong_password_in_one_tenant_does_not_lock_the_other,
    an_address_is_taken_once_in_each_tenant,
    whoever_signs_up_is_a_member_from_the_start,
    roles_of_the_tenant_count_in_it,
    a_suspended_member_is_out_and_a_removed_one_stays_out,
    an_account_is_never_a_member_of_another_tenant,
    nobody_switches,
    a_hook_may_name_the_tenant_and_no_hook_moves_an_account,
    programs_create_accounts_of_a_tenant,
    elsewhere_accounts_belong_to_no_tenant,
    staff_of_the_platform_belong_to_no_tenant,
    an_account_of_a_tenant_is_no_staff,
    nobody_gives_roles_beyond_their_own_tenant,
    accounts_from_before_do_nothing,
];

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const OTHER: &str = "Heron-Amber-Quartz-77";
pub(crate) const HEADER: &str = "x-tenant";

pub(crate) fn id(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn ada() -> Email {
    Email::parse(ADA).unwrap()
}

pub(crate) fn isolated(builder: AuthBuilder) -> AuthBuilder {
    builder.tenancy(Tenancy::isolated().header(HEADER))
}

/// An application with two tenants, where nobody has signed up yet.
pub(crate) async fn app_with(stack: Stack, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> TestApp {
    let app = stack.app_with(|builder| change(isolated(builder))).await;
    for name in ["acme", "globex"] {
        tenant::create(&app.cx(), &id(name), name).await.unwrap();
    }
    app.events().take();
    app
}

pub(crate) async fn sign_up(actor: &Actor, tenant: &str, password: &str) -> Reply {
    let body = json!({"name": tenant, "email": ADA, "password": password, "tenantId": tenant});
    actor.auth_post("/sign-up/email", body).await
}

pub(crate) async fn sign_in(actor: &Actor, tenant: &str, password: &str) -> Reply {
    let body = json!({"email": ADA, "password": password, "tenantId": tenant});
    actor.auth_post("/sign-in/email", body).await
}

/// Sends a request that names a tenant by header.
pub(crate) async fn named(actor: &Actor, method: Method, path: &str, tenant: &str, body: Value) -> Reply {
    let request = actor.request(method.clone(), path).header(HEADER, tenant);
    if method == Method::GET { request.send().await } else { request.json(&body).send().await }
}

/// Ada of acme and Ada of globex, each in a browser of their own, the second one with another password.
pub(crate) async fn both(app: &TestApp) -> [Actor; 2] {
    let browsers = [app.anon(), app.anon()];
    sign_up(&browsers[0], "acme", PASSWORD).await.ok();
    sign_up(&browsers[1], "globex", OTHER).await.ok();
    browsers
}

pub(crate) async fn user_id(app: &TestApp, tenant: &str) -> UserId {
    user_by_email_in_tenant(&app.cx(), &ada(), &id(tenant)).await.unwrap().unwrap().id
}

async fn one_address_in_two_tenants_is_two_accounts(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    let [of_acme, of_globex] = both(&app).await;
    let [one, other] = [of_acme.get("/principal").await.ok(), of_globex.get("/principal").await.ok()];
    assert_ne!(one["id"], other["id"]);
    assert_eq!((&one["tenant"], &other["tenant"]), (&json!("acme"), &json!("globex")));
    assert_eq!((&one["name"], &other["name"]), (&json!("acme"), &json!("globex")));
    for (tenant, right, wrong) in [("acme", PASSWORD, OTHER), ("globex", OTHER, PASSWORD)] {
        let browser = app.anon();
        sign_in(&browser, tenant, wrong).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        let body = sign_in(&browser, tenant, right).await.ok();
        assert_eq!((&body["user"]["name"], body["user"].get("tenant")), (&json!(tenant), None));
        assert_eq!(browser.get("/tenant").await.ok(), json!({"tenant": tenant}));
    }
    // What one of them does is not done to the other.
    of_acme.change_password(PASSWORD, "Falcon-Copper-Meadow-12").await.ok();
    sign_in(&app.anon(), "globex", OTHER).await.ok();
    let gone = json!({"password": OTHER});
    of_globex.auth_post("/delete-user", gone).await.ok();
    assert!(of_acme.is_signed_in().await && !of_globex.is_signed_in().await);
}

async fn a_tenant_must_be_named(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    both(&app).await;
    app.tap().take_calls();
    app.anon().sign_up("grace@example.com").await.refused(400, "TENANT_REQUIRED");
    app.anon().sign_in(ADA, PASSWORD).await.refused(400, "TENANT_REQUIRED");
    for (path, body) in [
        ("/api/auth/sign-up/email", json!({"name": "Grace", "email": "grace@example.com", "password": PASSWORD})),
        ("/api/auth/sign-in/email", json!({"email": ADA, "password": PASSWORD})),
    ] {
        let with = |tenant: &str| {
            let mut body = body.clone();
            body["tenantId"] = tenant.into();
            body
        };
        named(&app.anon(), Method::POST, path, "globex", with("acme")).await.refused(403, "TENANT_MISMATCH");
        named(&app.anon(), Method::POST, path, "two words", body.clone()).await.refused(400, "VALIDATION_ERROR");
        app.anon().post(path, with("two words")).await.refused(400, "VALIDATION_ERROR");
        assert!(app.tap().access_writes().is_empty() && !app.tap().take_calls().contains(&"raise_attempts"));
        let browser = app.anon();
        named(&browser, Method::POST, path, "acme", body.clone()).await.ok();
        assert_eq!(browser.get("/tenant").await.ok(), json!({"tenant": "acme"}));
        app.tap().take_calls();
    }
    named(
        &app.anon(),
        Method::POST,
        "/api/auth/sign-in/email",
        "acme",
        json!({"email": ADA, "password": PASSWORD, "tenantId": "acme"}),
    )
    .await
    .ok();
}

/// Nobody learns where an address has an account, nor which tenants there are.
async fn a_wrong_tenant_looks_like_a_wrong_password(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    sign_up(&app.anon(), "acme", PASSWORD).await.ok();
    let mut answers = Vec::new();
    for (tenant, password) in [("acme", "wrong"), ("globex", PASSWORD), ("initech", PASSWORD), ("ACME", PASSWORD)] {
        app.tap().take_calls();
        let reply = sign_in(&app.anon(), tenant, password).await;
        reply.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        answers.push((tenant, (reply.essence(), app.tap().take_calls())));
    }
    for (tenant, answer) in &answers {
        assert_eq!(answer, &answers[0].1, "{tenant}");
    }
}

async fn a_wrong_password_in_one_tenant_does_not_lock_the_other(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    both(&app).await;
    for attempt in 0..12 {
        let stranger = app.anon().from_ip(&format!("198.51.100.{attempt}"));
        sign_in(&stranger, "acme", "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    sign_in(&app.anon(), "globex", OTHER).await.ok();
}

async fn an_address_is_taken_once_in_each_tenant(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    both(&app).await;
    let again = sign_up(&app.anon(), "acme", OTHER).await;
    again.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_eq!(again.set_cookies().len(), 0);
    app.tap().take_calls();
    sign_up(&app.anon(), "initech", PASSWORD).await.refused(404, "TENANT_NOT_FOUND");
    assert!(app.tap().access_writes().is_empty());
    sign_in(&app.anon(), "acme", PASSWORD).await.ok();
}

/// Gives the first role, where the account is at home.
struct Welcome;

#[async_trait]
impl Hooks for Welcome {
    async fn on_signup(&self, cx: &Cx, work: &mut Work<'_>, user: &User, signup: &SignUp) -> Result<()> {
        assert_eq!(user.tenant, signup.tenant);
        let Some(tenant) = user.tenant.clone() else { return Ok(()) };
        let membership = work.membership(user.id, &tenant).await?.expect("whoever signs up is a member by now");
        assert!(membership.is_active());
        role::grant_within(cx, work, user.id, &RoleGrant::new("PORTAL", "reader").in_tenant(tenant)).await.map(drop)
    }
}

async fn whoever_signs_up_is_a_member_from_the_start(stack: Stack) {
    let app = app_with(stack, |builder| builder.hooks(Welcome)).await;
    role::define_role(&app.cx(), "PORTAL", "reader", ["reports:read"]).await.unwrap();
    app.events().take();
    let browser = app.anon();
    sign_up(&browser, "acme", PASSWORD).await.ok();
    assert_eq!(app.events().take(), ["signed_up", "member_added", "role_granted", "signed_in"]);
    browser.get("/reports").await.ok();
    let memberships = tenant::memberships_of_user(&app.cx(), user_id(&app, "acme").await).await.unwrap();
    assert_eq!(memberships.iter().map(|it| it.tenant.as_str()).collect::<Vec<_>>(), ["acme"]);
}

async fn roles_of_the_tenant_count_in_it(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    let [of_acme, of_globex] = both(&app).await;
    let (cx, user) = (app.cx(), user_id(&app, "acme").await);
    role::define(&cx, RoleSpec::new("PORTAL", "reader").permissions(["reports:read"]).in_tenant(id("acme")))
        .await
        .unwrap();
    of_acme.get("/reports").await.refused(403, "FORBIDDEN");
    let grant = RoleGrant::new("PORTAL", "reader").in_tenant(id("acme"));
    assert!(role::grant(&cx, user, &grant).await.unwrap());
    of_acme.get("/reports").await.ok();
    of_globex.get("/reports").await.refused(403, "FORBIDDEN");
    let of_another = role::grant(&cx, user_id(&app, "globex").await, &grant).await;
    assert!(of_another.unwrap_err().is(Code::NotAMember));
}

async fn a_suspended_member_is_out_and_a_removed_one_stays_out(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    let [of_acme, of_globex] = both(&app).await;
    let (cx, user, acme) = (app.cx(), user_id(&app, "acme").await, id("acme"));
    tenant::suspend_member(&cx, user, &acme).await.unwrap();
    assert!(!of_acme.is_signed_in().await && of_globex.is_signed_in().await);
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(403, "TENANT_MISMATCH");
    tenant::reinstate_member(&cx, user, &acme).await.unwrap();
    sign_in(&of_acme, "acme", PASSWORD).await.ok();
    tenant::remove_member(&cx, user, &acme).await.unwrap();
    assert!(!of_acme.is_signed_in().await);
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(403, "TENANT_MISMATCH");
    assert!(tenant::add_member(&cx, user, &acme).await.unwrap());
    sign_in(&app.anon(), "acme", PASSWORD).await.ok();
}

async fn an_account_is_never_a_member_of_another_tenant(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    both(&app).await;
    let (cx, user) = (app.cx(), user_id(&app, "acme").await);
    assert!(tenant::add_member(&cx, user, &id("globex")).await.unwrap_err().is(Code::AccountOfAnotherTenant));
    assert!(!tenant::add_member(&cx, user, &id("acme")).await.unwrap(), "a member twice");
    // Nor once the program is run in another way.
    let shared = app.restarted_with(stack.transport, |builder| builder.tenancy(Tenancy::shared())).await;
    let refused = tenant::add_member(&shared.cx(), user, &id("globex")).await.unwrap_err();
    assert!(refused.is(Code::AccountOfAnotherTenant) && refused.kind().status() == 409);
}

async fn nobody_switches(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    let [of_acme, _] = both(&app).await;
    for tenant in [json!("globex"), json!("acme"), Value::Null] {
        let refused = of_acme.auth_post("/switch-tenant", json!({"tenantId": tenant})).await;
        refused.refused(400, "TENANT_SWITCHING_NOT_SUPPORTED");
    }
    app.anon().auth_post("/switch-tenant", json!({"tenantId": "acme"})).await.refused(401, "UNAUTHORIZED");
    assert_eq!(of_acme.get("/tenant").await.ok(), json!({"tenant": "acme"}));
}

/// Names the tenant for clients that do not, and would have accounts elsewhere.
struct Names;

#[async_trait]
impl Hooks for Names {
    async fn before_login(&self, _: &Cx, attempt: &mut LoginAttempt<'_>) -> Result<()> {
        attempt.tenant.get_or_insert_with(|| id("acme"));
        Ok(())
    }

    async fn before_signup(&self, _: &Cx, _: &mut Work<'_>, signup: &mut SignUp) -> Result<()> {
        signup.tenant = Some(id("globex"));
        Ok(())
    }
}

async fn a_hook_may_name_the_tenant_and_no_hook_moves_an_account(stack: Stack) {
    let app = app_with(stack, |builder| builder.hooks(Names)).await;
    let browser = app.signed_up(ADA).await;
    assert_eq!(browser.get("/tenant").await.ok(), json!({"tenant": "acme"}));
    assert_eq!(app.signed_in(ADA).await.get("/tenant").await.ok(), json!({"tenant": "acme"}));
    assert!(user_by_email_in_tenant(&app.cx(), &ada(), &id("globex")).await.unwrap().is_none());
}

async fn programs_create_accounts_of_a_tenant(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    let cx = app.cx();
    let create = |signup| password::create_user(&cx, signup, Password::new(PASSWORD));
    let created = create(SignUp::new(ada(), "Ada").in_tenant(id("acme"))).await.unwrap();
    assert_eq!(created.tenant, Some(id("acme")));
    sign_in(&app.anon(), "acme", PASSWORD).await.ok();
    assert!(create(SignUp::new(ada(), "Ada")).await.unwrap_err().is(Code::TenantRequired));
    assert!(create(SignUp::new(ada(), "Ada").in_tenant(id("initech"))).await.unwrap_err().is(Code::TenantNotFound));
    assert!(create(SignUp::new(ada(), "Ada").in_tenant(id("acme"))).await.unwrap_err().is(Code::UserAlreadyExists));
    let other = auth_core::user::create_user(&cx, SignUp::new(ada(), "Ada").in_tenant(id("globex"))).await.unwrap();
    assert_eq!(user_id(&app, "globex").await, other.id);
    assert_eq!(user_id(&app, "acme").await, created.id);
    assert!(user_by_email(&cx, &ada()).await.unwrap().is_none());
}

async fn elsewhere_accounts_belong_to_no_tenant(stack: Stack) {
    for tenancy in [Tenancy::default(), Tenancy::shared()] {
        let app = stack.app_with(|builder| builder.tenancy(tenancy)).await;
        let signup = SignUp::new(ada(), "Ada").in_tenant(id("acme"));
        let created = auth_core::user::create_user(&app.cx(), signup.clone()).await.unwrap();
        assert_eq!(created.tenant, None);
        assert!(tenant::memberships_of_user(&app.cx(), created.id).await.unwrap().is_empty());
        let again = auth_core::user::create_user(&app.cx(), signup).await.unwrap_err();
        assert!(again.is(Code::UserAlreadyExists));
    }
}

/// In force where a request says so.
struct Console;

#[async_trait]
impl PlatformAccess for Console {
    async fn in_force(&self, cx: &Cx) -> Result<bool> {
        Ok(cx.request().headers.contains_key("x-console"))
    }
}

async fn on_console(actor: &Actor, body: Value) -> Reply {
    actor.request(Method::POST, "/api/auth/sign-in/email").header("x-console", "1").json(&body).send().await
}

async fn staff_of_the_platform_belong_to_no_tenant(stack: Stack) {
    let app = app_with(stack, |builder| builder.platform_access(Console)).await;
    let cx = app.cx();
    role::define_role(&cx, "ADMIN", "super_admin", ["reports:read"]).await.unwrap();
    let body = json!({"email": ADA, "password": PASSWORD});
    // They do not sign themselves up.
    app.anon().sign_up(ADA).await.refused(400, "TENANT_REQUIRED");
    let staff = password::create_user(&cx, SignUp::new(ada(), "Ada"), Password::new(PASSWORD)).await.unwrap();
    assert_eq!(staff.tenant, None);
    // Without a role on the platform there is nowhere to act, and none is given by membership.
    on_console(&app.anon(), body.clone()).await.refused(403, "TENANT_MISMATCH");
    assert!(tenant::add_member(&cx, staff.id, &id("acme")).await.unwrap_err().is(Code::AccountOfAnotherTenant));
    role::grant(&cx, staff.id, &RoleGrant::new("ADMIN", "super_admin").on_platform()).await.unwrap();
    let browser = app.anon();
    on_console(&browser, body.clone()).await.ok();
    let staff_only = || browser.request(Method::GET, "/staff");
    staff_only().header("x-console", "1").send().await.ok();
    staff_only().send().await.refused(403, "FORBIDDEN");
    app.anon().post("/api/auth/sign-in/email", body).await.refused(400, "TENANT_REQUIRED");
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

/// Whoever runs a tenant may come to hold what its accounts are proved by: nothing beyond the tenant hangs on it.
async fn an_account_of_a_tenant_is_no_staff(stack: Stack) {
    let app = app_with(stack, |builder| builder.platform_access(Console)).await;
    let [_, _] = both(&app).await;
    let cx = app.cx();
    role::define_role(&cx, "ADMIN", "super_admin", []).await.unwrap();
    let grant = RoleGrant::new("ADMIN", "super_admin").on_platform();
    role::grant(&cx, user_id(&app, "acme").await, &grant).await.unwrap();
    let browser = app.anon();
    on_console(&browser, json!({"email": ADA, "password": PASSWORD, "tenantId": "acme"})).await.ok();
    browser.request(Method::GET, "/staff").header("x-console", "1").send().await.refused(403, "FORBIDDEN");
    assert_eq!(browser.get("/tenant").await.ok(), json!({"tenant": "acme"}));
}

async fn nobody_gives_roles_beyond_their_own_tenant(stack: Stack) {
    let app = app_with(stack, |builder| builder.platform_access(Console)).await;
    let [of_acme, _] = both(&app).await;
    let (cx, acme, globex) = (app.cx(), id("acme"), id("globex"));
    let owner = RoleGrant::new("PORTAL", "owner");
    let (owns, member) = (RoleSpec::new("PORTAL", "owner").manages(), RoleGrant::new("PORTAL", "member"));
    role::seed(&cx, [owns, RoleSpec::new("PORTAL", "member")]).await.unwrap();
    role::grant(&cx, user_id(&app, "acme").await, &owner).await.unwrap();
    let new = |email: &str| SignUp::new(Email::parse(email).unwrap(), "");
    let staff = auth_core::user::create_user(&cx, new("staff@corp.test")).await.unwrap().id;
    let colleague = auth_core::user::create_user(&cx, new("bob@acme.test").in_tenant(acme.clone())).await.unwrap().id;
    let stranger = user_id(&app, "globex").await;

    let acting = Acting::by(&app, "authorization", &format!("Bearer {}", of_acme.cookie().unwrap())).await;
    let granter = acting.0.principal().granter().unwrap();
    for (whom, role) in [
        (stranger, owner.clone()),
        (stranger, owner.clone().in_tenant(globex.clone())),
        (stranger, owner.clone().on_platform()),
        (staff, owner.clone()),
        (staff, owner.clone().on_platform()),
        (colleague, owner.clone().on_platform()),
    ] {
        let refused = role::grant_as(&cx, granter, whom, &role).await.unwrap_err();
        assert!(refused.is(Code::BeyondYourAuthority), "{role:?}: {}", refused.code());
    }
    role::grant(&cx, stranger, &owner).await.unwrap();
    let refused = role::revoke_as(&cx, granter, stranger, &owner).await.unwrap_err();
    assert!(refused.is(Code::BeyondYourAuthority), "{}", refused.code());
    let everywhere = RolePlace { guard: "PORTAL".to_owned(), scope: RoleScope::Everywhere };
    let refused = role::replace_as(&cx, granter, stranger, &everywhere, &BTreeSet::new()).await.unwrap_err();
    assert!(refused.is(Code::BeyondYourAuthority), "{}", refused.code());
    // Everywhere is that tenant for a suspended member, too.
    tenant::suspend_member(&cx, user_id(&app, "acme").await, &acme).await.unwrap();
    let suspended = role::grant_as(&cx, granter, colleague, &member).await.unwrap_err();
    assert!(suspended.is(Code::BeyondYourAuthority), "{}", suspended.code());
    tenant::reinstate_member(&cx, user_id(&app, "acme").await, &acme).await.unwrap();
    // Within it, what is held everywhere is held there.
    for role in [member.clone(), member.in_tenant(acme)] {
        assert!(role::grant_as(&cx, granter, colleague, &role).await.unwrap());
        assert!(role::revoke_as(&cx, granter, colleague, &role).await.unwrap());
    }
}

async fn accounts_from_before_do_nothing(stack: Stack) {
    let app = stack.app_with(|builder| builder.tenancy(Tenancy::shared().header(HEADER))).await;
    let (everywhere, member) = (app.signed_up(ADA).await, app.anon());
    let (cx, acme) = (app.cx(), id("acme"));
    tenant::create(&cx, &acme, "Acme").await.unwrap();
    tenant::add_member(&cx, app.user_id(ADA).await, &acme).await.unwrap();
    sign_in(&member, "acme", PASSWORD).await.ok();
    let key = everywhere.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
    let after = app.restarted_with(stack.transport, isolated).await;
    for session in [everywhere.cookie().unwrap(), member.cookie().unwrap()] {
        app.anon().with_cookie(&session).get("/me").await.ok();
        after.anon().with_cookie(&session).get("/me").await.refused(401, "UNAUTHORIZED");
    }
    let keyed = after.program();
    keyed.request(Method::GET, "/me").header("x-api-key", &key).send().await.refused(401, "UNAUTHORIZED");
    sign_in(&after.anon(), "acme", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    after.anon().sign_in(ADA, PASSWORD).await.refused(400, "TENANT_REQUIRED");
}
