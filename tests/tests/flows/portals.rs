//! Several front ends over one user base, by the policy ready made: who gets in where, and that nobody learns why not.

use auth_core::base::{Email, TenantId};
use auth_core::crypto::password_hash::Password;
use auth_core::guard::{Anyone, Tenancy, any_role_in};
use auth_core::http::{Endpoint, Json, enforce};
use auth_core::portal::{AtOrigin, MultiPortal, OriginGuardResolver};
use auth_core::role::{self, RoleGrant, RoleSpec};
use auth_core::user::{self, SignUp};
use auth_core::{AuthBuilder, Cx, Result, code, password, tenant, token};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

flows![
    each_front_end_lets_in_whom_a_role_lets_in,
    whoever_pretends_is_let_in_by_no_more_than_the_front_ends_say,
    what_the_request_says_is_judged_before_anything_is_looked_up,
    whoever_has_no_role_there_is_a_wrong_password,
    a_role_opens_its_own_guard_alone,
    staff_of_the_platform_are_staff_at_their_own_front_end_alone,
    of_several_tenants_one_must_be_named_once_the_password_was_right,
];

pub(crate) type FrontEnd = &'static [(&'static str, &'static str)];
pub(crate) const ADMIN: FrontEnd = &[("origin", "https://admin.example.com")];
pub(crate) const PORTAL: FrontEnd = &[("origin", "https://app.example.com")];
pub(crate) const MOBILE: FrontEnd = &[("x-platform", "mobile")];
pub(crate) const NOWHERE: FrontEnd = &[];

pub(crate) const MEMBER: &str = "member@acme.test";
pub(crate) const CUSTOMER: &str = "customer@acme.test";
pub(crate) const STAFF: &str = "staff@corp.test";
pub(crate) const DUAL: &str = "dual@acme.test";
const WRONG: &str = "Wombat-Violet-Thunder-41";

/// `GET /area`: for holders of any role of the guard that the query names.
#[derive(Debug, Deserialize)]
struct Area {
    guard: String,
}

impl Endpoint for Area {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/area";
    const NAME: &'static str = "area";
    type Caller = Anyone;
    type Reply = Json<&'static str>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<&'static str>> {
        enforce(cx, &any_role_in(self.guard).into(), Ok(Vec::new())).await.map(|()| Json("welcome"))
    }
}

/// Two addresses, and a mobile app.
pub(crate) fn front_ends() -> OriginGuardResolver {
    OriginGuardResolver::default()
        .origin("https://admin.example.com", "ADMIN")
        .origin("https://app.example.com", "PORTAL")
        .mobile("FRONTEND")
}

pub(crate) fn with_policy(builder: AuthBuilder) -> AuthBuilder {
    let policy = MultiPortal::new(front_ends()).join_by_signing_up("PORTAL", "member");
    without_access(builder).platform_access(AtOrigin::new("https://admin.example.com")).hooks(policy)
}

pub(crate) fn without_access(builder: AuthBuilder) -> AuthBuilder {
    builder
        .role_guards(["FRONTEND"])
        .trusted_origins(["https://admin.example.com", "https://app.example.com"])
        .tenancy(Tenancy::shared())
        .tokens(token::Config::default())
        .one_time_tokens(code::OneTimeTokens::default())
        .endpoint::<Area>()
}

/// Two tenants, the roles of three front ends, and somebody for each.
pub(crate) async fn cast(stack: Stack) -> TestApp {
    let app = stack.app_with(with_policy).await;
    settle(&app).await;
    app
}

pub(crate) async fn settle(app: &TestApp) {
    let cx = app.cx();
    for name in ["acme", "globex"] {
        tenant::create(&cx, &tenant_id(name), name).await.unwrap();
    }
    let roles = [("ADMIN", "super_admin"), ("ADMIN", "support"), ("PORTAL", "admin"), ("PORTAL", "member")];
    let roles = roles.into_iter().chain([("FRONTEND", "customer")]).map(|(guard, name)| RoleSpec::new(guard, name));
    role::seed(&cx, roles).await.unwrap();
    for email in [MEMBER, CUSTOMER, STAFF, DUAL, "norole@acme.test", "gone@acme.test"] {
        let new = SignUp::new(Email::parse(email).unwrap(), "");
        let user = password::create_user(&cx, new, Password::new(PASSWORD)).await.unwrap();
        if email.ends_with("@acme.test") {
            tenant::add_member(&cx, user.id, &tenant_id("acme")).await.unwrap();
        }
    }
    for (email, guard, name) in [
        (MEMBER, "PORTAL", "member"),
        (CUSTOMER, "FRONTEND", "customer"),
        (DUAL, "PORTAL", "admin"),
        (DUAL, "ADMIN", "support"),
        ("gone@acme.test", "PORTAL", "member"),
    ] {
        grant(app, email, &RoleGrant::new(guard, name).in_tenant(tenant_id("acme"))).await;
    }
    grant(app, STAFF, &RoleGrant::new("ADMIN", "support").on_platform()).await;
    user::disable_user(&cx, app.user_id("gone@acme.test").await).await.unwrap();
}

pub(crate) fn tenant_id(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub(crate) async fn grant(app: &TestApp, email: &str, role: &RoleGrant) {
    role::grant(&app.cx(), app.user_id(email).await, role).await.unwrap();
}

/// Sends a request from a front end.
pub(crate) async fn send(actor: &Actor, from: FrontEnd, method: Method, path: &str, body: Value) -> Reply {
    let request = actor.request(method.clone(), path).without("origin");
    let request = from.iter().fold(request, |request, (name, value)| request.another(name, value));
    if method == Method::GET { request.send().await } else { request.json(&body).send().await }
}

pub(crate) async fn sign_in(app: &TestApp, from: FrontEnd, email: &str, password: &str, more: Value) -> Reply {
    let mut body = json!({ "email": email, "password": password });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(&app.program(), from, Method::POST, "/api/auth/sign-in/email", body).await
}

/// Whoever has signed in there, as a program with their session's token.
pub(crate) async fn signed_in(app: &TestApp, from: FrontEnd, email: &str) -> Actor {
    app.program().with_bearer(&sign_in(app, from, email, PASSWORD, json!({})).await.token())
}

pub(crate) async fn principal(actor: &Actor, from: FrontEnd) -> Value {
    send(actor, from, Method::GET, "/principal", Value::Null).await.ok()
}

/// The statuses of the areas of `ADMIN`, `PORTAL` and `FRONTEND`.
pub(crate) async fn areas(actor: &Actor, from: FrontEnd) -> [u16; 3] {
    let mut statuses = [0; 3];
    for (status, guard) in statuses.iter_mut().zip(["ADMIN", "PORTAL", "FRONTEND"]) {
        let path = format!("/api/auth/area?guard={guard}");
        *status = send(actor, from, Method::GET, &path, Value::Null).await.status.as_u16();
    }
    statuses
}

async fn each_front_end_lets_in_whom_a_role_lets_in(stack: Stack) {
    let app = cast(stack).await;
    let wrong = sign_in(&app, PORTAL, MEMBER, WRONG, json!({})).await;
    wrong.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    for (email, let_in, opens) in [
        (MEMBER, PORTAL, [403, 200, 403]),
        (CUSTOMER, MOBILE, [403, 403, 200]),
        (STAFF, ADMIN, [200, 403, 403]),
        (DUAL, PORTAL, [403, 200, 403]),
    ] {
        for from in [ADMIN, PORTAL, MOBILE] {
            let reply = sign_in(&app, from, email, PASSWORD, json!({})).await;
            if from == let_in {
                let caller = app.program().with_bearer(&reply.token());
                assert_eq!(areas(&caller, from).await, opens, "{email} {from:?}");
            } else {
                assert_eq!(reply.essence(), wrong.essence(), "{email} {from:?}");
            }
        }
    }
    for email in ["norole@acme.test", "gone@acme.test"] {
        for from in [ADMIN, PORTAL, MOBILE] {
            let reply = sign_in(&app, from, email, PASSWORD, json!({})).await;
            assert_eq!(reply.essence(), wrong.essence(), "{email} {from:?}");
        }
    }
    // The session says where it was opened and acts.
    let member = principal(&signed_in(&app, PORTAL, MEMBER).await, PORTAL).await;
    assert_eq!((&member["roleGuard"], &member["tenant"]), (&json!("PORTAL"), &json!("acme")));
    assert_eq!(member["roles"], json!([{ "name": "member", "guard": "PORTAL", "tenant": "acme" }]));
    assert_eq!(member.get("isStaff"), None);
}

/// What another page, or an app that pretends, may send. Whatever it is, nobody is let in by more than the front ends
/// say.
const TRICKS: &[(FrontEnd, Option<&str>)] = &[
    (&[("origin", "https://admin.example.com.evil.test")], None),
    (&[("origin", "https://evil-admin.example.com")], None),
    (&[("origin", "https://admin.example.com@evil.test")], None),
    (&[("origin", "https://user:pw@admin.example.com")], None),
    (&[("origin", "https://x.admin.example.com")], None),
    (&[("origin", "https://admin.example.com:8443")], None),
    (&[("origin", "null")], None),
    (&[("origin", "")], None),
    (&[("origin", "https://admin.example.com"), ("origin", "https://app.example.com")], None),
    (&[("referer", "https://evil.test/https://admin.example.com")], None),
    (&[("x-forwarded-host", "admin.example.com"), ("host", "admin.example.com")], None),
    (&[("x-platform", "Mobile")], None),
    (&[("x-mobile-guard", "ADMIN")], None),
    (&[("x-platform", "web"), ("x-client-type", "mobile"), ("x-mobile-guard", "ADMIN")], None),
    (&[("x-platform", "mobile"), ("x-mobile-guard", "admin")], Some("FRONTEND")),
    (&[("x-platform", "mobile"), ("x-mobile-guard", "ADMIN"), ("x-mobile-guard", "PORTAL")], Some("FRONTEND")),
    (&[("x-platform", "mobile"), ("x-mobile-guard", "ADMIN")], Some("ADMIN")),
    (&[("x-platform", "app"), ("origin", "https://app.example.com")], Some("FRONTEND")),
    (&[("origin", "https://app.example.com"), ("x-mobile-guard", "ADMIN")], Some("PORTAL")),
    (&[("origin", "https://ADMIN.example.com")], Some("ADMIN")),
];

async fn whoever_pretends_is_let_in_by_no_more_than_the_front_ends_say(stack: Stack) {
    let app = cast(stack).await;
    for (from, guard) in TRICKS {
        for email in [MEMBER, CUSTOMER, STAFF, DUAL] {
            let reply = sign_in(&app, from, email, PASSWORD, json!({})).await;
            // Staff are staff where `Origin` says so; in their tenant members are what they are there.
            let holds = match (email, guard) {
                (MEMBER, Some("PORTAL")) | (CUSTOMER, Some("FRONTEND")) | (DUAL, Some("PORTAL")) => true,
                (DUAL, Some("ADMIN")) => !from.iter().any(|(name, _)| *name == "origin"),
                (STAFF, Some("ADMIN")) => from.iter().any(|(name, _)| *name == "origin"),
                _ => false,
            };
            let is_in = reply.status == 200;
            // An origin in capitals is the front end's, and none that the engine's own endpoint trusts.
            let is_refused_anyway = from.iter().any(|(_, value)| value.contains("ADMIN.example.com"));
            assert_eq!(is_in, holds && !is_refused_anyway, "{email} {from:?}: {}", reply.text());
            if is_in {
                let caller = app.program().with_bearer(&reply.token());
                let opens = ["ADMIN", "PORTAL", "FRONTEND"].map(|each| if Some(each) == *guard { 200 } else { 403 });
                assert_eq!(areas(&caller, from).await, opens, "{email} {from:?}");
            }
        }
    }
}

async fn what_the_request_says_is_judged_before_anything_is_looked_up(stack: Stack) {
    let app = cast(stack).await;
    let cases: [(FrontEnd, Value, u16, &str); 9] = [
        (PORTAL, json!({ "guard": "ADMIN" }), 400, "GUARD_MISMATCH"),
        (ADMIN, json!({ "guard": "PORTAL" }), 400, "GUARD_MISMATCH"),
        (MOBILE, json!({ "guard": "PORTAL" }), 400, "GUARD_MISMATCH"),
        (NOWHERE, json!({}), 401, "GUARD_REQUIRED"),
        (NOWHERE, json!({ "guard": null }), 401, "GUARD_REQUIRED"),
        (PORTAL, json!({ "guard": "FOO" }), 401, "INVALID_EMAIL_OR_PASSWORD"),
        (NOWHERE, json!({ "guard": "portal" }), 401, "INVALID_EMAIL_OR_PASSWORD"),
        (PORTAL, json!({ "guard": ["PORTAL"] }), 401, "INVALID_EMAIL_OR_PASSWORD"),
        (NOWHERE, json!({ "guard": 1 }), 401, "INVALID_EMAIL_OR_PASSWORD"),
    ];
    for (from, more, status, code) in cases {
        let mut answers = Vec::new();
        for (email, password) in [(MEMBER, PASSWORD), (MEMBER, WRONG), (STAFF, PASSWORD), ("nobody@acme.test", WRONG)] {
            app.tap().take_calls();
            let reply = sign_in(&app, from, email, password, more.clone()).await;
            reply.refused(status, code);
            assert_eq!(reply.set_cookies().len(), 0);
            // That somebody was turned away is written down; no row of anybody is asked for, and no attempt counted.
            assert_eq!(app.tap().take_calls(), ["insert_audit"], "{email} {more}");
            answers.push(reply.essence());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    // Who signs up is told of a contradiction alone, and nothing at all is asked.
    let body = json!({ "name": "", "email": "new@acme.test", "password": PASSWORD, "guard": "ADMIN" });
    app.tap().take_calls();
    let reply = send(&app.program(), PORTAL, Method::POST, "/api/auth/sign-up/email", body).await;
    assert_eq!(reply.refused(400, "GUARD_MISMATCH").json()["message"], "Invalid request");
    assert!(app.tap().take_calls().is_empty());
}

async fn whoever_has_no_role_there_is_a_wrong_password(stack: Stack) {
    let app = cast(stack).await;
    let work = [
        "raise_attempts",
        "sign_in_facts",
        "begin",
        "claim_login",
        "memberships_of_user",
        "roles_of_user",
        "insert_audit",
    ];
    let mut answers = Vec::new();
    for (from, email, password, more) in [
        (PORTAL, MEMBER, WRONG, json!({})),
        (PORTAL, "nobody@acme.test", PASSWORD, json!({})),
        (ADMIN, MEMBER, PASSWORD, json!({})),
        (ADMIN, MEMBER, WRONG, json!({})),
        (PORTAL, STAFF, PASSWORD, json!({})),
        (MOBILE, STAFF, PASSWORD, json!({})),
        (NOWHERE, STAFF, PASSWORD, json!({ "guard": "ADMIN" })),
        (ADMIN, DUAL, PASSWORD, json!({})),
        (ADMIN, DUAL, PASSWORD, json!({ "tenantId": "acme" })),
        (PORTAL, "norole@acme.test", PASSWORD, json!({})),
        (PORTAL, "gone@acme.test", PASSWORD, json!({})),
        (PORTAL, MEMBER, PASSWORD, json!({ "tenantId": "globex" })),
        (PORTAL, MEMBER, PASSWORD, json!({ "tenantId": "nowhere" })),
        (PORTAL, MEMBER, WRONG, json!({ "tenantId": "globex" })),
    ] {
        app.tap().take_calls();
        let reply = sign_in(&app, from, email, password, more.clone()).await;
        assert_eq!(app.tap().take_calls(), work, "{email} {password} {from:?} {more}");
        reply.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        answers.push(reply.essence());
        // So that none of them is locked.
        app.advance(crate::DAY);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

async fn a_role_opens_its_own_guard_alone(stack: Stack) {
    let app = cast(stack).await;
    let at_portal = signed_in(&app, PORTAL, DUAL).await;
    let named = sign_in(&app, NOWHERE, DUAL, PASSWORD, json!({ "guard": "ADMIN" })).await;
    let named = app.program().with_bearer(&named.token());
    let app_of_admins: FrontEnd = &[("x-platform", "mobile"), ("x-mobile-guard", "ADMIN")];
    for from in [ADMIN, PORTAL, MOBILE, NOWHERE, app_of_admins] {
        assert_eq!(areas(&at_portal, from).await, [403, 200, 403], "{from:?}");
        assert_eq!(areas(&named, from).await, [200, 403, 403], "{from:?}");
    }
    // The pair counts: `admin` of one guard and another role of the other are not `admin` there.
    let has = async |actor: &Actor, name: &str| {
        let roles = principal(actor, NOWHERE).await["roles"].clone();
        roles.as_array().unwrap().iter().any(|role| role["guard"] == "ADMIN" && role["name"] == name)
    };
    assert!(!has(&named, "admin").await && !has(&at_portal, "admin").await && has(&named, "support").await);
    named.get("/staff").await.refused(403, "FORBIDDEN");
}

async fn staff_of_the_platform_are_staff_at_their_own_front_end_alone(stack: Stack) {
    let app = cast(stack).await;
    for more in [json!({}), json!({ "tenantId": "acme" }), json!({ "tenantId": "nowhere", "guard": "ADMIN" })] {
        let reply = sign_in(&app, ADMIN, STAFF, PASSWORD, more).await;
        let staff = app.program().with_bearer(&reply.token());
        let seen = principal(&staff, ADMIN).await;
        assert_eq!((&seen["isStaff"], &seen["tenant"]), (&json!(true), &json!(null)));
    }
    let staff = signed_in(&app, ADMIN, STAFF).await;
    let lookalike: FrontEnd = &[("origin", "https://admin.example.com.evil.test")];
    let twice: FrontEnd = &[("origin", "https://admin.example.com"), ("origin", "https://admin.example.com")];
    for from in [PORTAL, MOBILE, NOWHERE, lookalike, twice] {
        let seen = principal(&staff, from).await;
        assert_eq!((seen.get("isStaff"), &seen["roles"]), (None, &json!([])), "{from:?}");
        assert_eq!(areas(&staff, from).await, [403, 403, 403], "{from:?}");
    }
    let referer: FrontEnd = &[("referer", "https://admin.example.com/users")];
    for from in [ADMIN, referer] {
        assert_eq!(areas(&staff, from).await, [200, 403, 403], "{from:?}");
    }
    // What is held in a tenant counts for nothing there.
    let member = signed_in(&app, PORTAL, MEMBER).await;
    assert_eq!(principal(&member, ADMIN).await.get("isStaff"), None);
}

async fn of_several_tenants_one_must_be_named_once_the_password_was_right(stack: Stack) {
    let app = cast(stack).await;
    tenant::add_member(&app.cx(), app.user_id(MEMBER).await, &tenant_id("globex")).await.unwrap();
    // To belong to another one without a role of this guard makes no choice.
    grant(&app, MEMBER, &RoleGrant::new("FRONTEND", "customer").in_tenant(tenant_id("globex"))).await;
    assert_eq!(principal(&signed_in(&app, PORTAL, MEMBER).await, PORTAL).await["tenant"], "acme");
    assert_eq!(principal(&signed_in(&app, MOBILE, MEMBER).await, MOBILE).await["tenant"], "globex");
    grant(&app, MEMBER, &RoleGrant::new("PORTAL", "admin").in_tenant(tenant_id("globex"))).await;
    sign_in(&app, PORTAL, MEMBER, PASSWORD, json!({})).await.refused(400, "TENANT_REQUIRED");
    let wrong = sign_in(&app, PORTAL, MEMBER, WRONG, json!({})).await;
    wrong.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    for (name, role) in [("acme", "member"), ("globex", "admin")] {
        let reply = sign_in(&app, PORTAL, MEMBER, PASSWORD, json!({ "tenantId": name })).await;
        let seen = principal(&app.program().with_bearer(&reply.token()), PORTAL).await;
        assert_eq!(seen["roles"], json!([{ "name": role, "guard": "PORTAL", "tenant": name }]));
    }
    // Suspended, it is none.
    tenant::suspend_member(&app.cx(), app.user_id(MEMBER).await, &tenant_id("globex")).await.unwrap();
    assert_eq!(principal(&signed_in(&app, PORTAL, MEMBER).await, PORTAL).await["tenant"], "acme");
    let suspended = sign_in(&app, PORTAL, MEMBER, PASSWORD, json!({ "tenantId": "globex" })).await;
    assert_eq!(suspended.essence(), wrong.essence());
}
