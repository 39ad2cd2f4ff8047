//! The second layer: what the business allows, on routes and in handlers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use auth_core::base::UserId;
use auth_core::error::{Code, Error};
use auth_core::guard::{
    BusinessHours, Decision, Policy, PolicyContext, PolicyExt, Principal, RequiresRole, fresh, not, not_yourself,
    owner_or, permission, policy, required_role_or,
};
use auth_core::http::GatewayErrors;
use auth_core::limit::{Config, Quota};
use auth_core::{RequestInfo, Result};
use auth_tests::{Actor, Reply, Stack, TestApp, flows};
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};

flows![
    an_account_is_seen_by_its_owner_and_by_who_may_see_all,
    nobody_deletes_their_own_account,
    what_a_policy_judges_is_what_the_handler_gets,
    policies_combine,
    a_record_may_say_whose_role_it_takes,
    a_policy_that_fails_refuses,
    a_policy_knows_the_request,
    business_hours_go_by_the_clock_of_the_engine,
    a_gateway_tells_what_to_do_next,
];

/// Ada, who may do nothing; Root, who holds all of `users:`.
async fn people(app: &TestApp) -> (Actor, Actor) {
    let (ada, root) = (app.signed_up("ada@example.com").await, app.signed_up("root@example.com").await);
    app.grant("root@example.com", "ADMIN", "root", &["users:admin", "users:delete"]).await;
    (ada, root)
}

async fn account(app: &TestApp, email: &str) -> String {
    format!("/accounts/{}", app.user_id(email).await)
}

async fn delete(actor: &Actor, path: &str) -> Reply {
    actor.request(Method::DELETE, path).send().await
}

async fn an_account_is_seen_by_its_owner_and_by_who_may_see_all(stack: Stack) {
    let app = stack.app().await;
    let (ada, root) = people(&app).await;
    let (own, other) = (account(&app, "ada@example.com").await, account(&app, "root@example.com").await);
    ada.get(&own).await.ok();
    ada.get(&other).await.refused(403, "FORBIDDEN");
    root.get(&own).await.ok();
    root.get(&other).await.ok();
    app.anon().get(&own).await.refused(401, "UNAUTHORIZED");
    for bad in ["/accounts/1", "/accounts/ada@example.com", "/accounts/%00"] {
        let reply = root.get(bad).await;
        reply.refused(400, "VALIDATION_ERROR");
        assert_eq!(reply.json()["fields"][0]["field"], "id", "{bad}");
    }
}

async fn nobody_deletes_their_own_account(stack: Stack) {
    let app = stack.app().await;
    let (ada, root) = people(&app).await;
    let (hers, roots) = (account(&app, "ada@example.com").await, account(&app, "root@example.com").await);
    // Layer one comes first.
    delete(&ada, &hers).await.refused(403, "FORBIDDEN");
    delete(&app.anon(), &hers).await.refused(401, "UNAUTHORIZED");
    let reply = delete(&root, &roots).await;
    reply.refused(422, "BUSINESS_RULE_VIOLATION");
    assert_eq!(reply.json()["message"], "Nobody deletes their own account.");
    delete(&root, &hers).await.ok();
    // Whoever passes layer one and is no admin is told of themselves first.
    app.grant("ada@example.com", "PORTAL", "clerk", &["users:delete"]).await;
    delete(&ada, &hers).await.refused(422, "BUSINESS_RULE_VIOLATION");
    delete(&ada, &roots).await.refused(403, "FORBIDDEN");
}

/// However the id is written, the policy and the handler read the same.
async fn what_a_policy_judges_is_what_the_handler_gets(stack: Stack) {
    let app = stack.app().await;
    let (ada, _) = people(&app).await;
    let (own, other) = (app.user_id("ada@example.com").await, app.user_id("root@example.com").await);
    let encoded = |id: UserId| id.to_string().bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    for (id, expected) in [(own, 200), (other, 403)] {
        for text in [id.to_string(), encoded(id), id.to_string().to_uppercase(), encoded(id).to_uppercase()] {
            let reply = ada.get(&format!("/accounts/{text}")).await;
            let is_sound = match reply.status.as_u16() {
                200 => expected == 200 && reply.json()["id"].as_str().unwrap().eq_ignore_ascii_case(&own.to_string()),
                403 => expected == 403,
                status => status == 400,
            };
            assert!(is_sound, "{text}: {reply:?}");
        }
    }
    for path in ["/accounts/", "/accounts", "/accounts//", "/accounts/x/y"] {
        assert_ne!(ada.get(path).await.status, 200, "{path}");
    }
}

/// Whoever acts in the tests that need no request.
async fn principal(app: &TestApp, actor: &Actor) -> Principal {
    let bearer = format!("Bearer {}", actor.cookie().unwrap()).parse().unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let cx = app.auth().cx(RequestInfo::new(Method::GET, "/socket", headers, None));
    cx.authentication().await.unwrap().unwrap().principal().clone()
}

const ALLOW: Decision = Decision::Allow;
const DENY: Decision = Decision::Deny;

fn violation() -> Decision {
    Decision::violation("Not today.")
}

async fn policies_combine(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let principal = principal(&app, &ada).await;
    let context = PolicyContext::new(app.auth(), &principal);
    let says = |decision: Decision| policy(move |_, (): &()| decision.clone());
    for (a, b, both, either) in [
        (ALLOW, ALLOW, ALLOW, ALLOW),
        (ALLOW, DENY, DENY, ALLOW),
        (DENY, ALLOW, DENY, ALLOW),
        (DENY, violation(), DENY, violation()),
        (violation(), DENY, violation(), DENY),
        (violation(), ALLOW, violation(), ALLOW),
    ] {
        let pair = || (says(a.clone()), says(b.clone()));
        let (first, second) = pair();
        assert_eq!(first.and(second).decide(&context, &()).await.unwrap(), both, "{a:?} and {b:?}");
        let (first, second) = pair();
        assert_eq!(first.or(second).decide(&context, &()).await.unwrap(), either, "{a:?} or {b:?}");
    }
    for (decision, negated) in [(ALLOW, DENY), (DENY, ALLOW), (violation(), ALLOW)] {
        assert_eq!(not(says(decision)).decide(&context, &()).await.unwrap(), negated);
    }
    // Whoever would have to sign in again may be somebody whom the other policy allows it.
    app.advance(Duration::from_hours(25));
    for (stale, expected) in [
        (fresh().or(says(ALLOW)).decide(&context, &()).await, ALLOW),
        (fresh().and(says(ALLOW)).decide(&context, &()).await, Decision::SignInAgain),
        (not(fresh()).decide(&context, &()).await, ALLOW),
    ] {
        assert_eq!(stale.unwrap(), expected);
    }
    assert!(Decision::SignInAgain.into_result().unwrap_err().is(Code::SessionNotFresh));
    let nested = not_yourself("No.").or(permission("users:admin")).and(not(owner_or("users:admin")));
    let (own, other) = (app.user_id("ada@example.com").await, UserId::new(app.cx().now(), app.auth().random()));
    assert_eq!(nested.decide(&context, &own).await.unwrap(), DENY);
    assert_eq!(nested.decide(&context, &other).await.unwrap(), ALLOW);
    assert!(ALLOW.into_result().is_ok());
    assert!(DENY.into_result().unwrap_err().is(Code::Forbidden));
    assert!(violation().into_result().unwrap_err().is(Code::RuleViolation));
}

struct Record(Option<(&'static str, &'static str)>);

impl RequiresRole for Record {
    fn required_role(&self) -> Option<(&str, &str)> {
        self.0
    }
}

async fn a_record_may_say_whose_role_it_takes(stack: Stack) {
    let app = stack.app().await;
    let policy = required_role_or(permission("contact:update"));
    let mut decisions = BTreeMap::new();
    for (name, roles) in [
        ("editor", &[("ADMIN", "editor", "contact:update")][..]),
        ("owner", &[("ADMIN", "owner", "contact:read")]),
        ("namesake", &[("PORTAL", "owner", "contact:update")]),
    ] {
        let email = format!("{name}@example.com");
        let actor = app.signed_up(&email).await;
        for (guard, role, permission) in roles {
            app.grant(&email, guard, role, &[*permission]).await;
        }
        let principal = principal(&app, &actor).await;
        let context = PolicyContext::new(app.auth(), &principal);
        let plain = policy.decide(&context, &Record(None)).await.unwrap();
        let owned = policy.decide(&context, &Record(Some(("ADMIN", "owner")))).await.unwrap();
        decisions.insert(name, (plain, owned));
    }
    let expected = [("editor", (ALLOW, DENY)), ("owner", (DENY, ALLOW)), ("namesake", (ALLOW, DENY))];
    assert_eq!(decisions, BTreeMap::from(expected));
}

/// Its database is down.
struct Broken;

impl Policy<()> for Broken {
    async fn decide(&self, _context: &PolicyContext<'_>, (): &()) -> Result<Decision> {
        Err(Error::from(Code::Unavailable))
    }
}

async fn a_policy_that_fails_refuses(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let principal = principal(&app, &ada).await;
    let context = PolicyContext::new(app.auth(), &principal);
    let allowed = || policy(|_, (): &()| Decision::Allow);
    assert!(Broken.decide(&context, &()).await.is_err());
    assert!(not(Broken).decide(&context, &()).await.is_err());
    assert!(Broken.and(allowed()).decide(&context, &()).await.is_err());
    assert!(Broken.or(allowed()).decide(&context, &()).await.is_err());
    assert!(allowed().and(Broken).decide(&context, &()).await.is_err());
    let nobody = app.cx();
    assert!(allowed().enforce(&nobody, &()).await.unwrap_err().is(Code::Unauthorized));
}

async fn a_policy_knows_the_request(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let bearer = format!("Bearer {}", ada.cookie().unwrap()).parse().unwrap();
    let headers = HeaderMap::from_iter([
        (header::AUTHORIZATION, bearer),
        (http::HeaderName::from_static("x-correlation-id"), "req-1".parse().unwrap()),
    ]);
    let cx = app.auth().cx(RequestInfo::new(Method::GET, "/orders", headers, None));
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let written = Arc::clone(&seen);
    let notes = policy(move |context, input: &str| {
        let email = context.principal.email.as_ref().unwrap();
        *written.lock().unwrap() = format!("{email} {} {} {input}", context.correlation_id, context.now);
        Decision::Allow
    });
    notes.enforce(&cx, "order 7").await.unwrap();
    assert_eq!(*seen.lock().unwrap(), format!("ada@example.com req-1 {} order 7", app.cx().now()));
}

fn body(reply: &Reply) -> Value {
    let mut body = reply.json();
    let id = reply.header("x-correlation-id").unwrap();
    assert_eq!(body["correlationId"], id);
    body.as_object_mut().unwrap().remove("correlationId");
    body
}

async fn a_gateway_tells_what_to_do_next(stack: Stack) {
    let limits = || Config::default().signed_in([Quota::per_minute(4).unwrap()]);
    let app = stack.app_with(|builder| builder.error_renderer(GatewayErrors).rate_limits(limits())).await;
    let ada = app.anon().from_ip("192.0.2.1");
    ada.sign_up("ada@example.com").await.ok();
    app.grant("ada@example.com", "ADMIN", "clerk", &["users:read"]).await;
    let at = app.cx().now().to_string();

    let missing = json!({
        "error": "Unauthorized", "message": "Missing or invalid authentication token", "timestamp": at,
    });
    for nobody in [app.anon(), app.anon().with_cookie("guessed"), app.program().with_bearer("guessed")] {
        let reply = nobody.get("/me").await;
        assert_eq!((reply.status.as_u16(), body(&reply)), (401, missing.clone()));
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    let reply = ada.get("/reports").await;
    let lacking = json!({
        "error": "Forbidden", "message": "Missing required permission: reports:read", "timestamp": at,
        "requiredPermissions": ["reports:read"], "userPermissions": ["users:read"],
    });
    assert_eq!((reply.status.as_u16(), body(&reply)), (403, lacking));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("3"));

    let reply = ada.get("/accounts/1").await;
    assert_eq!(reply.status, 400);
    assert_eq!(body(&reply)["fields"], json!([{"field": "id", "message": "malformed"}]));
    let own = account(&app, "ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "clerk", &["users:delete"]).await;
    let reply = delete(&ada, &own).await;
    let rule = json!({
        "error": "BusinessRuleViolation", "message": "Nobody deletes their own account.", "timestamp": at,
    });
    assert_eq!((reply.status.as_u16(), body(&reply)), (422, rule));
    ada.get("/me").await.ok();
    let reply = ada.get("/me").await;
    let limited = json!({
        "error": "TooManyRequests", "message": "Rate limit exceeded. Try again in 60 seconds.",
        "retryAfter": 60, "limit": 4, "window": 60,
    });
    assert_eq!((reply.status.as_u16(), body(&reply)), (429, limited));
    assert_eq!(reply.header("retry-after"), Some("60"));
    let reply = app.anon().sign_in("ada@example.com", "wrong").await;
    assert_eq!((reply.status.as_u16(), body(&reply)["message"].clone()), (401, json!("Invalid credentials")));
}

async fn business_hours_go_by_the_clock_of_the_engine(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let principal = principal(&app, &ada).await;
    let hours = BusinessHours::between(9, 17).unwrap().saying("Come at nine.");
    let ask = async || {
        let context = PolicyContext::new(app.auth(), &principal);
        Policy::<()>::decide(&hours, &context, &()).await.unwrap()
    };
    let seconds = app.cx().now().as_seconds().rem_euclid(86_400);
    // To half past eight of the next day, then over both edges.
    app.advance(Duration::from_secs(u64::try_from(86_400 - seconds).unwrap()) + Duration::from_mins(8 * 60 + 30));
    assert_eq!(ask().await, Decision::violation("Come at nine."));
    app.advance(Duration::from_mins(30));
    assert_eq!(ask().await, ALLOW);
    app.advance(Duration::from_hours(8) - Duration::from_secs(1));
    assert_eq!(ask().await, ALLOW);
    app.advance(Duration::from_secs(1));
    assert_eq!(ask().await, Decision::violation("Come at nine."));
}
