//! What becomes of a session that was opened in one front end when it is used, renewed or ended in another; and signing
//! up.

use std::sync::{Arc, Mutex};

use auth_core::RequestInfo;
use auth_core::crypto::password_hash::Password;
use auth_core::guard::Principal;
use auth_core::http::{ResponseTransformer, finish};
use auth_core::password::SignInEmail;
use auth_core::portal::{AtOrigin, MultiPortal, OriginGuardResolver};
use auth_core::prelude::*;
use auth_core::role::RoleGrant;
use auth_core::store::MemoryStore;
use auth_core::token::Transport;
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, builder, flows};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::portals::{
    ADMIN, DUAL, FrontEnd, MEMBER, MOBILE, NOWHERE, PORTAL, STAFF, areas, cast, front_ends, grant, principal, send,
    settle, sign_in, signed_in, tenant_id, with_policy, without_access,
};

flows![
    who_signs_up_and_names_a_tenant_belongs_to_it,
    nobody_becomes_staff_by_signing_up,
    a_role_that_is_not_defined_keeps_nobody_from_signing_up,
    without_joining_nobody_is_given_anything,
    nobody_renews_in_one_front_end_what_was_opened_in_another,
    a_token_of_staff_is_not_used_up_where_they_are_no_staff,
    a_token_of_staff_is_thrown_away_wherever_it_is_shown,
    cookies_of_staff_stay_where_they_are_no_staff,
    a_pair_that_could_not_be_given_is_refused_before_anything_is_written,
    answers_are_reshaped_and_refusals_are_not,
    a_handler_sees_whom_it_has_signed_in,
];

async fn sign_up(app: &TestApp, from: FrontEnd, email: &str, more: Value) -> Reply {
    let mut body = json!({ "name": "", "email": email, "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(&app.program(), from, Method::POST, "/api/auth/sign-up/email", body).await
}

async fn who_signs_up_and_names_a_tenant_belongs_to_it(stack: Stack) {
    let app = cast(stack).await;
    for (at, from) in [PORTAL, NOWHERE].into_iter().enumerate() {
        let reply = sign_up(&app, from, &format!("{at}@new.test"), json!({ "tenantId": "globex" })).await;
        let new = app.program().with_bearer(&reply.token());
        let seen = principal(&new, from).await;
        assert_eq!((&seen["roleGuard"], &seen["tenant"]), (&json!("PORTAL"), &json!("globex")));
        assert_eq!(seen["roles"], json!([{ "name": "member", "guard": "PORTAL", "tenant": "globex" }]));
        signed_in(&app, PORTAL, &format!("{at}@new.test")).await;
    }
    // In another front end the role is there and does not count.
    let mobile = sign_up(&app, MOBILE, "mobile@new.test", json!({ "tenantId": "globex" })).await;
    assert_eq!(areas(&app.program().with_bearer(&mobile.token()), MOBILE).await, [403, 403, 403]);
    signed_in(&app, PORTAL, "mobile@new.test").await;
    // Without a tenant nothing is given, and coming back takes a role.
    let alone = sign_up(&app, PORTAL, "alone@new.test", json!({})).await;
    let alone = app.program().with_bearer(&alone.token());
    assert_eq!(principal(&alone, PORTAL).await["roles"], json!([]));
    let back = sign_in(&app, PORTAL, "alone@new.test", PASSWORD, json!({})).await;
    back.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    // A tenant that is none leaves nobody behind.
    sign_up(&app, PORTAL, "lost@new.test", json!({ "tenantId": "nowhere" })).await.refused(404, "TENANT_NOT_FOUND");
    assert_eq!(app.find_user("lost@new.test").await, None);
}

async fn nobody_becomes_staff_by_signing_up(stack: Stack) {
    let app = cast(stack).await;
    for (at, more) in [json!({}), json!({ "tenantId": "acme" }), json!({ "guard": "ADMIN" })].into_iter().enumerate() {
        let email = format!("{at}@corp.test");
        let reply = sign_up(&app, ADMIN, &email, more).await;
        let new = app.program().with_bearer(&reply.token());
        assert_eq!(areas(&new, ADMIN).await, [403, 403, 403]);
        assert_eq!(principal(&new, ADMIN).await.get("isStaff"), None);
        sign_in(&app, ADMIN, &email, PASSWORD, json!({})).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
}

async fn a_role_that_is_not_defined_keeps_nobody_from_signing_up(stack: Stack) {
    let policy = MultiPortal::new(front_ends()).join_by_signing_up("PORTAL", "newcomer");
    let app = stack.app_with(|builder| without_access(builder).hooks(policy)).await;
    settle(&app).await;
    let reply = sign_up(&app, PORTAL, "new@new.test", json!({ "tenantId": "acme" })).await;
    let seen = principal(&app.program().with_bearer(&reply.token()), PORTAL).await;
    assert_eq!((&seen["tenant"], &seen["roles"]), (&json!("acme"), &json!([])));
}

async fn without_joining_nobody_is_given_anything(stack: Stack) {
    let app = stack.app_with(|builder| without_access(builder).hooks(MultiPortal::new(front_ends()))).await;
    settle(&app).await;
    sign_up(&app, PORTAL, "new@new.test", json!({ "tenantId": "acme" })).await.refused(403, "TENANT_MISMATCH");
    sign_up(&app, NOWHERE, "new@new.test", json!({})).await.refused(401, "GUARD_REQUIRED");
    assert_eq!(app.find_user("new@new.test").await, None);
    assert_eq!(sign_up(&app, PORTAL, "new@new.test", json!({})).await.status, 200);
    // And where nobody has said when it is in force, there is no platform.
    sign_in(&app, ADMIN, STAFF, PASSWORD, json!({})).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

/// Asks in another front end for a session in place of the present one, in the three ways there are.
async fn renewed(app: &TestApp, actor: &Actor, from: FrontEnd, there: FrontEnd) -> [Reply; 3] {
    let once = one_time_token(actor, from).await;
    let post = async |actor: &Actor, path: &str, body: Value| send(actor, there, Method::POST, path, body).await;
    [
        post(&app.program(), "/api/auth/one-time-token/verify", once).await,
        post(actor, "/api/auth/switch-tenant", json!({ "tenantId": null })).await,
        post(actor, "/api/auth/change-password", change()).await,
    ]
}

async fn one_time_token(actor: &Actor, from: FrontEnd) -> Value {
    send(actor, from, Method::GET, "/api/auth/one-time-token/generate", Value::Null).await.ok()
}

pub(crate) fn change() -> Value {
    json!({ "currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77" })
}

async fn nobody_renews_in_one_front_end_what_was_opened_in_another(stack: Stack) {
    let app = cast(stack).await;
    for (from, email) in [(PORTAL, MEMBER), (PORTAL, DUAL), (ADMIN, STAFF)] {
        let caller = signed_in(&app, from, email).await;
        let before = principal(&caller, from).await;
        for there in [ADMIN, PORTAL, MOBILE].into_iter().filter(|there| *there != from) {
            let [once, switched, changed] = renewed(&app, &caller, from, there).await;
            once.refused(401, "UNAUTHORIZED");
            changed.refused(401, "UNAUTHORIZED");
            // Staff act in no tenant anywhere.
            let (status, code) = if from == ADMIN { (403, "TENANT_MISMATCH") } else { (401, "UNAUTHORIZED") };
            switched.refused(status, code);
        }
        // Nothing has happened to it, nor to the password.
        assert_eq!(principal(&caller, from).await, before);
        signed_in(&app, from, email).await;
    }
    // Where it was opened all of it works, and acts where the first one did.
    let caller = signed_in(&app, PORTAL, MEMBER).await;
    for from in [PORTAL, NOWHERE] {
        let once = one_time_token(&caller, PORTAL).await;
        let reply = send(&app.program(), from, Method::POST, "/api/auth/one-time-token/verify", once).await;
        let beside = app.program().with_bearer(reply.header("set-auth-token").unwrap());
        assert_eq!(principal(&beside, PORTAL).await["roles"], principal(&caller, PORTAL).await["roles"]);
    }
    let changed = send(&caller, PORTAL, Method::POST, "/api/auth/change-password", change()).await;
    assert_eq!(areas(&app.program().with_bearer(&changed.token()), PORTAL).await, [403, 200, 403]);
}

/// Access and refresh token for the session of this caller.
async fn pair(caller: &Actor, from: FrontEnd) -> (String, String) {
    let body = send(caller, from, Method::POST, "/api/auth/token", json!({})).await.ok();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("accessToken"), text("refreshToken"))
}

async fn a_token_of_staff_is_not_used_up_where_they_are_no_staff(stack: Stack) {
    let app = cast(stack).await;
    let staff = signed_in(&app, ADMIN, STAFF).await;
    let (access, refresh) = pair(&staff, ADMIN).await;
    let access = app.program().with_bearer(&access);
    let refreshed = async |from| {
        let body = json!({ "refreshToken": refresh });
        send(&app.program(), from, Method::POST, "/api/auth/token/refresh", body).await
    };
    for from in [PORTAL, MOBILE, NOWHERE, PORTAL] {
        refreshed(from).await.refused(401, "UNAUTHORIZED");
        assert_eq!(areas(&access, from).await, [403, 403, 403]);
    }
    assert_eq!(areas(&access, ADMIN).await, [200, 403, 403]);
    let next = refreshed(ADMIN).await.ok()["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(areas(&app.program().with_bearer(&next), ADMIN).await, [200, 403, 403]);
}

/// Nobody is told that they are signed out who is not.
async fn a_token_of_staff_is_thrown_away_wherever_it_is_shown(stack: Stack) {
    let app = cast(stack).await;
    for from in [PORTAL, MOBILE, NOWHERE, ADMIN] {
        let staff = signed_in(&app, ADMIN, STAFF).await;
        let (access, refresh) = pair(&staff, ADMIN).await;
        let body = json!({ "refreshToken": refresh });
        send(&app.program(), from, Method::POST, "/api/auth/token/revoke", body.clone()).await.ok();
        let after = send(&app.program(), ADMIN, Method::POST, "/api/auth/token/refresh", body).await;
        after.refused(401, "UNAUTHORIZED");
        for caller in [&app.program().with_bearer(&access), &staff] {
            assert_eq!(areas(caller, ADMIN).await, [401, 401, 401], "{from:?}");
        }
    }
}

/// The front ends share them, so a page of one that renews what it finds must not sign anybody out of another.
async fn cookies_of_staff_stay_where_they_are_no_staff(stack: Stack) {
    let in_cookies = token::Config::default().transport(Transport::Cookie);
    let app = stack.app_with(|builder| with_policy(builder).tokens(in_cookies)).await;
    settle(&app).await;
    let staff = app.anon();
    let body = json!({ "email": STAFF, "password": PASSWORD });
    send(&staff, ADMIN, Method::POST, "/api/auth/sign-in/email", body).await.ok();
    send(&staff, ADMIN, Method::POST, "/api/auth/token", json!({})).await.ok();
    let refreshed = async |from: FrontEnd, csrf: Option<&str>| {
        let request = staff.request(Method::POST, "/api/auth/token/refresh").without("origin");
        let request = from.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = csrf.into_iter().fold(request, |request, csrf| request.header("x-csrf-token", csrf));
        request.json(&json!({})).send().await
    };
    let csrf = staff.cookie_called("csrf_token").unwrap();
    for (csrf, status, code) in [(None, 403, "CSRF_TOKEN_INVALID"), (Some(&*csrf), 401, "UNAUTHORIZED")] {
        let refused = refreshed(PORTAL, csrf).await;
        refused.refused(status, code);
        assert!(refused.set_cookies().is_empty(), "{:?}", refused.set_cookies());
    }
    refreshed(ADMIN, Some(&csrf)).await.ok();
}

/// Signs people in as the guide has it.
async fn welcome(cx: &Cx, sign_in: SignInEmail) -> Result<String> {
    token::expect_transport(cx)?;
    let reply = cx.auth().call(cx, sign_in).await?;
    let pair = token::open(cx, reply.signed_in(), None).await?;
    let _ = pair.give(cx);
    Ok(pair.access.expose().to_owned())
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    pairs.collect()
}

async fn a_pair_that_could_not_be_given_is_refused_before_anything_is_written(stack: Stack) {
    let negotiated = token::Config::default().transport(Transport::Negotiated);
    let app = stack.app_with(|builder| with_policy(builder).tokens(negotiated)).await;
    settle(&app).await;
    let cx = |pairs: &[(&'static str, &'static str)]| {
        app.auth().cx(RequestInfo::new(Method::POST, "/own", headers(pairs), None))
    };
    let plain = ("origin", "http://app.example.com");
    let portal = ("origin", "https://app.example.com");
    for (pairs, code) in [
        ([portal, ("x-access-token-type", "pigeon")], "VALIDATION_ERROR"),
        ([portal, ("x-access-token-type", "")], "VALIDATION_ERROR"),
        ([plain, ("x-access-token-type", "cookie")], "INVALID_ORIGIN"),
    ] {
        app.tap().take_calls();
        let refused = welcome(&cx(&pairs), SignInEmail::new(MEMBER, Password::new(PASSWORD))).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(app.tap().take_calls().is_empty());
    }
    for pairs in [&[portal][..], &[portal, ("x-access-token-type", "cookie")], &[plain]] {
        let cx = cx(pairs);
        welcome(&cx, SignInEmail::new(MEMBER, Password::new(PASSWORD))).await.unwrap();
        // Whichever way they go, nobody is to store the answer.
        let mut left = HeaderMap::new();
        finish(&cx, &mut left);
        assert_eq!(left.get_all("cache-control").iter().collect::<Vec<_>>(), ["no-store"], "{pairs:?}");
    }
}

/// Puts what the engine answers into an envelope.
struct Enveloped;

impl ResponseTransformer for Enveloped {
    fn transform(&self, cx: &Cx, endpoint: &str, body: Value) -> Value {
        assert!(!cx.request().headers.contains_key("x-fall-over"), "a transformer fell over");
        json!({ "endpoint": endpoint, "data": body })
    }
}

async fn answers_are_reshaped_and_refusals_are_not(stack: Stack) {
    let app = stack.app_with(|builder| with_policy(builder).response_transformer(Enveloped)).await;
    settle(&app).await;
    let body = sign_in(&app, PORTAL, MEMBER, PASSWORD, json!({})).await.ok();
    assert_eq!((&body["endpoint"], &body["data"]["user"]["email"]), (&json!("sign_in_email"), &json!(MEMBER)));
    for (from, more) in [(ADMIN, json!({})), (PORTAL, json!({ "guard": "ADMIN" })), (NOWHERE, json!({}))] {
        let refused = sign_in(&app, from, MEMBER, PASSWORD, more).await.json();
        assert_eq!(refused.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "message"]);
    }
    // One that panics changes nothing of an answer: what it tells has been done.
    let program = app.program();
    let plain = program.request(Method::POST, "/api/auth/sign-in/email");
    let plain = plain.header("origin", "https://app.example.com").header("x-fall-over", "yes");
    let body = json!({ "email": MEMBER, "password": PASSWORD });
    let reply = plain.json(&body).send().await;
    assert_eq!((reply.status.as_u16(), reply.json()["user"]["email"].clone()), (200, json!(MEMBER)));
    sign_in(&app, PORTAL, MEMBER, PASSWORD, json!({})).await.ok();
}

/// Remembers what guards would see of whoever has just signed in.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Value>>>);

#[async_trait]
impl Hooks for Seen {
    async fn after_auth(&self, _cx: &Cx, principal: &Principal) -> Result<()> {
        self.0.lock().unwrap().push(serde_json::to_value(principal).unwrap());
        Ok(())
    }
}

async fn a_handler_sees_whom_it_has_signed_in(stack: Stack) {
    let seen = Seen::default();
    let app = stack.app_with(|builder| with_policy(builder).hooks(seen.clone())).await;
    settle(&app).await;
    grant(&app, DUAL, &RoleGrant::new("ADMIN", "support").on_platform()).await;
    for (from, email, more) in
        [(PORTAL, MEMBER, json!({})), (ADMIN, STAFF, json!({})), (ADMIN, DUAL, json!({ "tenantId": "acme" }))]
    {
        let cx = app.auth().cx(RequestInfo::new(Method::POST, "/own", headers(from), None));
        let tenant_id = more["tenantId"].as_str().map(tenant_id);
        let sign_in = SignInEmail { tenant_id, ..SignInEmail::new(email, Password::new(PASSWORD)) };
        let reply = app.auth().call(&cx, sign_in).await.unwrap();
        let known = Principal::of(&cx, reply.signed_in()).await.unwrap();
        assert_eq!(known.is_staff, from == ADMIN, "{email}");
        let bearer = app.program().with_bearer(reply.signed_in().token.expose());
        let shown = principal(&bearer, from).await;
        assert_eq!(serde_json::to_value(&known).unwrap(), shown, "{email}");
        assert_eq!(seen.0.lock().unwrap().pop(), Some(shown));
        // It has ended since.
        session::sign_out(&cx, reply.signed_in().user.id, reply.signed_in().session.id).await.unwrap();
        assert!(Principal::of(&cx, reply.signed_in()).await.unwrap_err().is(Code::Unauthorized));
    }
}

#[test]
fn what_is_wrong_with_the_front_ends_is_told_at_start_up() {
    let start = |resolver: OriginGuardResolver, access: AtOrigin| {
        let policy = MultiPortal::new(resolver).join_by_signing_up("SHOP", "member");
        let settings = builder().store(MemoryStore::new()).tenancy(Tenancy::shared());
        settings.platform_access(access).hooks(policy).build().unwrap_err()
    };
    let resolver = OriginGuardResolver::default()
        .origin("https://admin.example.com/path", "ADMIN")
        .origin("https://app.example.com", "PORTALS")
        .origin("", "PORTAL")
        .mobile("FRONTEND");
    let problems = start(resolver, AtOrigin::new("two words"));
    for word in ["admin.example.com/path", "\"PORTALS\"", "\"FRONTEND\"", "\"SHOP\"", "two words"] {
        let named = problems.problems().iter().filter(|problem| problem.contains(word)).count();
        assert_eq!(named, 1, "{word} in:\n{problems}");
    }
    assert_eq!(problems.problems().len(), 5, "{problems}");
}
