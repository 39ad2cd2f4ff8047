//! Hooks that run with each request: before and after somebody has proved who they are, and over what counts for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::api_key::{self, NewApiKey};
use auth_core::error::{Error, ErrorKind};
use auth_core::guard::{Principal, PrincipalKind};
use auth_core::hooks::Hooks;
use auth_core::role::{GrantedRole, Permission};
use auth_core::user::User;
use auth_core::{AuthBuilder, Cx, Result, code, customer, session, token};
use auth_tests::{Actor, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

use crate::tokens::{ADA, access_token, part};

flows![
    each_runs_once_in_a_request,
    nothing_runs_where_nobody_shows_who_they_are,
    endpoints_of_the_engine_are_requests_too,
    whichever_fails_refuses_whatever_the_credential,
    whatever_proves_a_session_is_judged_by_them,
    a_credential_that_is_none_is_looked_at_and_nobody_is_found,
    what_counts_is_felt_in_routes_and_tokens,
    what_counts_is_an_upper_bound_for_keys,
    hooks_of_users_say_nothing_of_customers,
];

const ALL: [&str; 4] = ["before_auth", "resolve_roles", "resolve_permissions", "after_auth"];
/// Where a token is believed, no rows are looked up.
const BELIEVED: [&str; 2] = ["before_auth", "after_auth"];

/// Writes down when it is called, and fails where and how a header says.
#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Vec<&'static str>>>);

impl Watcher {
    async fn at(&self, cx: &Cx, hook: &'static str) -> Result<()> {
        self.0.lock().unwrap().push(hook);
        let header = |name: &str| cx.request().headers.get(name).and_then(|value| value.to_str().ok());
        match header("x-failure").filter(|_| header("x-hook") == Some(hook)) {
            None => Ok(()),
            Some("refuses") => Err(Error::new(ErrorKind::Unprocessable, "NOT_TODAY", "Not today.")),
            Some("panics") => panic!("a hook fell over"),
            Some(_) => std::future::pending().await,
        }
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[async_trait]
impl Hooks for Watcher {
    async fn before_auth(&self, cx: &Cx) -> Result<()> {
        self.at(cx, "before_auth").await
    }
    async fn after_auth(&self, cx: &Cx, principal: &Principal) -> Result<()> {
        assert!(principal.kind != PrincipalKind::Customer, "customers have hooks of their own");
        self.at(cx, "after_auth").await
    }
    async fn resolve_roles(&self, cx: &Cx, user: &User, _: &mut BTreeSet<GrantedRole>) -> Result<()> {
        assert!(!user.is_customer(), "customers have hooks of their own");
        self.at(cx, "resolve_roles").await
    }
    async fn resolve_permissions(
        &self,
        cx: &Cx,
        _: &User,
        _: &BTreeSet<GrantedRole>,
        _: &mut BTreeSet<Permission>,
    ) -> Result<()> {
        self.at(cx, "resolve_permissions").await
    }
}

struct World {
    app: TestApp,
    ada: Actor,
    access: String,
    key: String,
    watcher: Watcher,
}

impl World {
    async fn new(stack: Stack) -> Self {
        let watcher = Watcher::default();
        let hooks = watcher.clone();
        let app = stack.app_with(|builder| settings(builder).hooks(hooks)).await;
        let ada = app.signed_up(ADA).await;
        app.grant(ADA, "ADMIN", "super_admin", &["reports:read"]).await;
        let access = access_token(&ada).await;
        let key = ada.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
        watcher.take();
        Self { app, ada, access, key, watcher }
    }

    /// Ada with each kind of credential.
    fn credentials(&self) -> [(&'static str, Shown); 4] {
        let program = || self.app.program();
        [
            ("a cookie", Shown(self.ada.clone(), None)),
            ("a bearer", Shown(self.ada.bearer(), None)),
            ("an access token", Shown(program().with_bearer(&self.access), None)),
            ("a key", Shown(program(), Some(self.key.clone()))),
        ]
    }
}

fn settings(builder: AuthBuilder) -> AuthBuilder {
    let builder = builder.tokens(token::Config::default()).hook_time_limit(Duration::from_millis(50));
    builder.customers(customer::Config::default())
}

/// Somebody, and the API key that they show if they show one.
struct Shown(Actor, Option<String>);

impl Shown {
    async fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> Reply {
        let mut request = self.0.request(Method::GET, path);
        if let Some(key) = &self.1 {
            request = request.header("x-api-key", key);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await
    }
}

async fn each_runs_once_in_a_request(stack: Stack) {
    let it = World::new(stack).await;
    for (what, ada) in it.credentials() {
        for path in
            ["/me", "/principal", "/reports", "/pair", "/staff", "/fresh", "/maybe", "/users", "/cached", "/cached"]
        {
            let reply = ada.get(path, &[]).await;
            let expected = if what == "a key" && path == "/fresh" { 403 } else { 200 };
            assert_eq!((reply.status.as_u16(), it.watcher.take()), (expected, ALL.to_vec()), "{what} at {path}");
        }
        for path in ["/stateless", "/stateless/reports"] {
            ada.get(path, &[]).await.ok();
            let expected = if what == "an access token" { BELIEVED.to_vec() } else { ALL.to_vec() };
            assert_eq!(it.watcher.take(), expected, "{what} at {path}");
        }
        // Its handler wants the session that the rule around it does not: the rows are looked at then.
        ada.get("/stateless/session", &[]).await;
        let mut run = it.watcher.take();
        run.sort_unstable();
        let mut all = ALL.to_vec();
        all.sort_unstable();
        assert_eq!(run, all, "{what} at /stateless/session");
    }
}

async fn nothing_runs_where_nobody_shows_who_they_are(stack: Stack) {
    let it = World::new(stack).await;
    for (_, ada) in it.credentials() {
        ada.get("/products", &[]).await.ok();
    }
    let anon = it.app.anon();
    anon.get("/me").await.refused(401, "UNAUTHORIZED");
    for path in ["/products", "/maybe", "/shop", "/api/auth/get-session", "/api/auth/jwks"] {
        anon.get(path).await.ok();
    }
    anon.sign_in(ADA, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    assert!(it.watcher.take().is_empty());
}

async fn endpoints_of_the_engine_are_requests_too(stack: Stack) {
    let it = World::new(stack).await;
    for endpoint in ["/list-sessions", "/list-accounts", "/token", "/get-session", "/api-key/list"] {
        it.ada.auth_get(endpoint).await.ok();
        assert_eq!(it.watcher.take(), ALL, "{endpoint}");
    }
    it.ada.auth_post("/update-user", json!({"name": "Countess"})).await.ok();
    assert_eq!(it.watcher.take(), ALL, "/update-user");
    let failing =
        |path| it.ada.request(Method::GET, path).header("x-hook", "before_auth").header("x-failure", "refuses");
    for path in ["/api/auth/list-sessions", "/api/auth/get-session", "/api/auth/token"] {
        failing(path).send().await.refused(422, "NOT_TODAY");
    }
    assert!(it.ada.is_signed_in().await);
}

async fn whichever_fails_refuses_whatever_the_credential(stack: Stack) {
    let it = World::new(stack).await;
    let failures = [
        ("refuses", 422, "NOT_TODAY"),
        ("panics", 500, "INTERNAL_SERVER_ERROR"),
        ("hangs", 503, "SERVICE_UNAVAILABLE"),
    ];
    for (what, ada) in it.credentials() {
        for hook in ALL {
            for (failure, status, code) in failures {
                let failing = [("x-hook", hook), ("x-failure", failure)];
                for path in ["/me", "/maybe", "/cached"] {
                    let reply = ada.get(path, &failing).await;
                    reply.refused(status, code);
                    assert!(!reply.text().contains("fell over") && !reply.clears_cookie());
                }
                let reply = ada.get("/stateless", &failing).await;
                let runs = what != "an access token" || BELIEVED.contains(&hook);
                assert_eq!(reply.status, if runs { status } else { 200 }, "{what}: {hook} {failure}");
                ada.get("/products", &failing).await.ok();
            }
        }
        ada.get("/me", &[]).await.ok();
    }
    it.watcher.take();
    // What comes first decides, and nothing is looked up for it.
    let (_, ada) = &it.credentials()[0];
    it.app.tap().take_calls();
    ada.get("/me", &[("x-hook", "before_auth"), ("x-failure", "refuses")]).await.refused(422, "NOT_TODAY");
    assert_eq!((it.watcher.take(), it.app.tap().take_calls()), (vec!["before_auth"], vec![]));
}

/// One-time tokens, refresh tokens and the sessions that a browser keeps beside the one in use are no credential of the
/// request, and prove as much.
async fn whatever_proves_a_session_is_judged_by_them(stack: Stack) {
    let watcher = Watcher::default();
    let hooks = watcher.clone();
    let app = stack.app_with(|builder| {
        let several = session::Config::default().several_per_browser(3);
        settings(builder).hooks(hooks).session(several).one_time_tokens(code::OneTimeTokens::default())
    });
    let app = app.await;
    let browser = app.anon();
    browser.sign_up(ADA).await.ok();
    browser.sign_up("grace@example.com").await.ok();
    let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
    let once = text(&browser.auth_get("/one-time-token/generate").await.ok(), "token");
    let refresh = text(&browser.auth_post("/token", json!({})).await.ok(), "refreshToken");
    let list = "/api/auth/multi-session/list-device-sessions";
    let kept = browser.get(list).await.ok();
    let of_ada = kept.as_array().unwrap().iter().find(|row| row["user"]["email"] == ADA).unwrap();
    let of_ada = of_ada["session"]["token"].clone();
    watcher.take();

    let program = app.program();
    let (one, next) = ("/api/auth/one-time-token/verify", "/api/auth/token/refresh");
    for hook in ["before_auth", "after_auth"] {
        let failing = async |actor: &Actor, method: Method, path: &str, body: Value| {
            let request = actor.request(method.clone(), path).header("x-hook", hook).header("x-failure", "refuses");
            if method == Method::GET { request.send().await } else { request.json(&body).send().await }
        };
        failing(&program, Method::POST, one, json!({"token": once})).await.refused(422, "NOT_TODAY");
        failing(&program, Method::POST, next, json!({"refreshToken": refresh})).await.refused(422, "NOT_TODAY");
        let listed = failing(&browser, Method::GET, list, Value::Null).await;
        let switch = json!({"sessionToken": of_ada});
        let switched = failing(&browser, Method::POST, "/api/auth/multi-session/set-active", switch).await;
        if hook == "before_auth" {
            listed.refused(422, "NOT_TODAY");
            switched.refused(422, "NOT_TODAY");
        } else {
            // A session that would be refused by itself is left out, and the others are not.
            assert_eq!(listed.ok(), json!([]));
            switched.refused(401, "INVALID_SESSION_TOKEN");
        }
    }
    // Nothing was used up, and each of them is seen.
    watcher.take();
    program.post(one, json!({"token": once})).await.ok();
    assert_eq!(watcher.take(), ALL);
    program.post(next, json!({"refreshToken": refresh})).await.ok();
    assert_eq!(watcher.take(), ALL);
    assert_eq!(browser.get(list).await.ok().as_array().unwrap().len(), 2);
    assert_eq!(watcher.take().iter().filter(|hook| **hook == "after_auth").count(), 2);
}

async fn a_credential_that_is_none_is_looked_at_and_nobody_is_found(stack: Stack) {
    let it = World::new(stack).await;
    let other = World::new(stack).await;
    for (what, stranger) in other.credentials() {
        let stranger = match stranger {
            Shown(_, Some(key)) => Shown(it.app.program(), Some(key)),
            Shown(..) if what == "an access token" => Shown(it.app.program().with_bearer(&other.access), None),
            Shown(..) => Shown(it.app.program().with_bearer(&other.ada.cookie().unwrap()), None),
        };
        stranger.get("/me", &[]).await.refused(401, "UNAUTHORIZED");
        assert_eq!(it.watcher.take(), ["before_auth"], "{what}");
    }
    // What cannot even be read is no credential.
    it.app.program().with_bearer("garbage").get("/me").await.refused(401, "UNAUTHORIZED");
    assert!(it.watcher.take().is_empty());
}

/// Everybody is a `super_admin` and no `analyst`, may write reports, and may not delete any.
struct Reshapes;

#[async_trait]
impl Hooks for Reshapes {
    async fn resolve_roles(&self, _: &Cx, _: &User, roles: &mut BTreeSet<GrantedRole>) -> Result<()> {
        roles.retain(|role| role.name != "analyst");
        roles.insert(GrantedRole::new("ADMIN", "super_admin"));
        Ok(())
    }
    async fn resolve_permissions(
        &self,
        _: &Cx,
        _: &User,
        roles: &BTreeSet<GrantedRole>,
        permissions: &mut BTreeSet<Permission>,
    ) -> Result<()> {
        assert!(roles.contains(&GrantedRole::new("ADMIN", "super_admin")), "it runs after the other one");
        permissions.insert(Permission::parse("reports:write").unwrap());
        permissions.remove("reports:delete");
        Ok(())
    }
}

/// Ada, who is an `analyst` that may read reports, and a `clerk` that may delete and list them.
async fn reshaped(stack: Stack) -> (TestApp, Actor) {
    let app = stack.app_with(|builder| settings(builder).hooks(Reshapes)).await;
    let ada = app.signed_up(ADA).await;
    app.grant(ADA, "ADMIN", "analyst", &["reports:read"]).await;
    app.grant(ADA, "ADMIN", "clerk", &["reports:delete", "reports:list"]).await;
    (app, ada)
}

async fn what_counts_is_felt_in_routes_and_tokens(stack: Stack) {
    let (app, ada) = reshaped(stack).await;
    let pair = ada.auth_post("/token", json!({})).await.ok();
    let refreshed = app.program().auth_post("/token/refresh", json!({"refreshToken": pair["refreshToken"]})).await.ok();
    let told = ada.auth_get("/get-session").await.header("set-auth-jwt").unwrap().to_owned();
    let text = |body: &Value| body["accessToken"].as_str().unwrap().to_owned();
    let expected = |body: &Value| {
        assert_eq!(body["permissions"], json!(["reports:list", "reports:write"]));
        let names: Vec<_> = body["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
        assert_eq!(names, ["clerk", "super_admin"]);
    };
    let mut actors = vec![ada.clone(), ada.bearer()];
    for token in [text(&pair), text(&refreshed), told] {
        expected(&part(&token, 1));
        actors.push(app.program().with_bearer(&token));
    }
    for actor in &actors {
        for path in ["/principal", "/cached", "/stateless"] {
            expected(&actor.get(path).await.ok());
        }
        actor.get("/staff").await.ok();
        // What a role permits that was taken goes with it, and one that was added permits nothing by itself.
        actor.get("/reports").await.refused(403, "FORBIDDEN");
        actor.get("/pair").await.refused(403, "FORBIDDEN");
    }
}

async fn what_counts_is_an_upper_bound_for_keys(stack: Stack) {
    let (app, ada) = reshaped(stack).await;
    let whole = ada.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
    let user = app.user_id(ADA).await;
    let limited = async |names: &[&str]| {
        let mut new = NewApiKey::of_user(user);
        new.permissions = Some(names.iter().map(|name| Permission::parse(*name).unwrap()).collect());
        api_key::create(&app.cx(), new).await
    };
    let seen = async |key: &str| {
        let program = app.program();
        let principal = program.request(Method::GET, "/principal").header("x-api-key", key).send().await.ok();
        (principal["permissions"].clone(), principal["roles"].as_array().unwrap().len())
    };
    assert_eq!(seen(&whole).await, (json!(["reports:list", "reports:write"]), 2));
    let key = limited(&["reports:list", "reports:write"]).await.unwrap();
    assert_eq!(seen(key.secret.expose()).await, (json!(["reports:list", "reports:write"]), 0));
    for taken in ["reports:read", "reports:delete"] {
        assert!(limited(&[taken]).await.unwrap_err().is(auth_core::error::Code::PermissionNotHeld), "{taken}");
    }
    // One that was made before the hook came is bounded by it all the same.
    let before = app.restarted_with(stack.transport, settings).await;
    let mut new = NewApiKey::of_user(user);
    new.permissions =
        Some(vec![Permission::parse("reports:delete").unwrap(), Permission::parse("reports:list").unwrap()]);
    let key = api_key::create(&before.cx(), new).await.unwrap();
    assert_eq!(seen(key.secret.expose()).await, (json!(["reports:list"]), 0));
}

async fn hooks_of_users_say_nothing_of_customers(stack: Stack) {
    let (of_users, of_customers) = (Watcher::default(), Counter::default());
    let (users, customers) = (of_users.clone(), of_customers.clone());
    let with = |builder| settings(builder).hooks(users).customers(customer::Config::default().hooks(customers));
    let app = stack.app_with(with).await;
    let cleo = app.anon();
    let body = json!({"name": "Cleo", "email": "cleo@example.com", "password": auth_tests::PASSWORD});
    cleo.auth_post("/customer/sign-up/email", body).await.ok();
    cleo.get("/cart").await.ok();
    cleo.auth_get("/customer/list-sessions").await.ok();
    assert!(of_users.take().is_empty());
    assert_eq!(std::mem::take(&mut *of_customers.0.lock().unwrap()), ["before_auth", "after_auth"].repeat(2));
    let ada = app.signed_up(ADA).await;
    ada.get("/me").await.ok();
    assert_eq!(of_users.take(), ALL);
    assert!(of_customers.0.lock().unwrap().is_empty());
}

/// Writes down what runs for customers.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Vec<&'static str>>>);

#[async_trait]
impl Hooks for Counter {
    async fn before_auth(&self, _: &Cx) -> Result<()> {
        self.0.lock().unwrap().push("before_auth");
        Ok(())
    }
    async fn after_auth(&self, _: &Cx, principal: &Principal) -> Result<()> {
        assert_eq!(principal.kind, PrincipalKind::Customer);
        self.0.lock().unwrap().push("after_auth");
        Ok(())
    }
}
