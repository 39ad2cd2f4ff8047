//! A running program, the front ends before it, and those who sign in there.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use auth_core::Auth;
use auth_core::base::{Email, Secret, TenantId};
use auth_core::guard::Tenancy;
use auth_core::role::{self, RoleGrant};
use auth_core::{tenant, user};
use auth_sqlx::SqlStore;
use auth_tests::{RunningExample, built_example};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

pub(crate) const SECRET: &str = "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK";
/// That of everybody in the fixture.
pub(crate) const PASSWORD: &str = "Correct-Horse-9";

pub(crate) const MEMBER: &str = "member@acme.test";
pub(crate) const CUSTOMER: &str = "customer@acme.test";
pub(crate) const STAFF: &str = "staff@corp.test";
pub(crate) const ROOT: &str = "root@corp.test";
pub(crate) const DUAL: &str = "dual@acme.test";

/// What a request says of its front end.
pub(crate) type FrontEnd<'h> = &'h [(&'h str, &'h str)];
pub(crate) const ADMIN: FrontEnd<'static> = &[("origin", "https://admin.example.com")];
pub(crate) const PORTAL: FrontEnd<'static> = &[("origin", "https://app.example.com")];
pub(crate) const SITE: FrontEnd<'static> = &[("origin", "https://www.example.com")];
pub(crate) const MOBILE: FrontEnd<'static> = &[("x-platform", "mobile")];
/// A program that says nothing.
pub(crate) const NOWHERE: FrontEnd<'static> = &[];

pub(crate) const ENVIRONMENT: [(&str, &str); 4] = [
    ("JWT_SECRET", SECRET),
    ("ADMIN_URL", "https://admin.example.com"),
    ("PORTAL_URL", "https://app.example.com"),
    ("FRONT_URL", "https://www.example.com"),
];

pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built_example("multi-portal"));

/// The program, over a database of its own, with the people of its fixture.
pub(crate) struct Program {
    running: RunningExample,
    agent: Agent,
    directory: TempDir,
}

impl Program {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With more in its environment, or other values.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let running = Self::run(&directory, variables);
        // One connection a request: a server that refuses before it has read a body may close, and whoever comes next
        // on it would be told so.
        let agent = Agent::config_builder()
            .max_idle_connections(0)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        Self { running, agent, directory }
    }

    fn run(directory: &TempDir, variables: &[(&str, &str)]) -> RunningExample {
        let variables = [&ENVIRONMENT, variables].concat();
        RunningExample::start_with(&PROGRAM, &directory.path().join("app.db"), &variables)
    }

    /// Another process over the same database, after this one was killed.
    pub(crate) fn restart(&mut self, variables: &[(&str, &str)]) {
        self.running.kill();
        self.running = Self::run(&self.directory, variables);
    }

    /// Ends it, and tells what it has said on stderr.
    pub(crate) fn into_log(self) -> String {
        self.running.into_log()
    }

    pub(crate) fn address(&self) -> &str {
        self.running.address()
    }

    /// Sends a request; a body that is `null` is none.
    pub(crate) fn send(&self, method: Method, path: &str, headers: FrontEnd<'_>, body: &Value) -> Answer {
        if body.is_null() {
            return self.send_text(method, path, headers, "");
        }
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send_text(method, path, &headers, &body.to_string())
    }

    pub(crate) fn send_text(&self, method: Method, path: &str, headers: FrontEnd<'_>, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: response.status(), headers: response.headers().clone(), text, body }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, NOWHERE, &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, from: FrontEnd<'_>, body: &Value) -> Answer {
        self.send(Method::POST, path, from, body)
    }

    /// Signs in with the password of the fixture.
    pub(crate) fn log_in(&self, from: FrontEnd<'_>, email: &str) -> Answer {
        self.log_in_saying(from, email, json!({}))
    }

    /// As [`log_in`](Self::log_in), with more in the body, or something else in place.
    pub(crate) fn log_in_saying(&self, from: FrontEnd<'_>, email: &str, more: Value) -> Answer {
        self.post("/auth/login", from, &login(email, PASSWORD, more))
    }

    /// Whoever has signed in there, and acts from there.
    #[track_caller]
    pub(crate) fn signed_in<'p>(&'p self, from: FrontEnd<'p>, email: &str) -> Caller<'p> {
        self.caller(from, &self.log_in(from, email).is(200))
    }

    /// Whoever was given these tokens.
    #[track_caller]
    pub(crate) fn caller<'p>(&'p self, from: FrontEnd<'p>, welcome: &Value) -> Caller<'p> {
        let text = |name: &str| welcome[name].as_str().unwrap().to_owned();
        Caller {
            program: self,
            from,
            access: text("accessToken"),
            refresh: text("refreshToken"),
            welcome: welcome.clone(),
        }
    }

    pub(crate) fn advance(&self, seconds: u32) {
        assert_eq!(self.post("/__clock", NOWHERE, &json!({ "advance_seconds": seconds })).status, 204);
    }

    /// Has somebody belong to globex as well, and hold a role there, past the program.
    pub(crate) async fn join_globex(&self, email: &str, guard: &str, role: &str) {
        let url = format!("sqlite://{}", self.directory.path().join("app.db").display());
        let auth = Auth::builder()
            .base_url("http://localhost:3000")
            .secret(Secret::new(SECRET))
            .store(SqlStore::connect(&url).await.unwrap())
            .role_guards(["ADMIN", "PORTAL", "FRONTEND"])
            .tenancy(Tenancy::shared())
            .build()
            .unwrap();
        let (cx, globex) = (auth.background_cx(), TenantId::parse("globex").unwrap());
        let id = user::user_by_email(&cx, &Email::parse(email).unwrap()).await.unwrap().unwrap().id;
        tenant::add_member(&cx, id, &globex).await.unwrap();
        role::grant(&cx, id, &RoleGrant::new(guard, role).in_tenant(globex)).await.unwrap();
    }
}

/// The body of a sign-in, with more in it, or something else in place.
pub(crate) fn login(email: &str, password: &str, more: Value) -> Value {
    let body = json!({ "providerName": "email", "credentials": { "email": email, "password": password } });
    merged(body, more)
}

pub(crate) fn merged(mut body: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// What a token says.
pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Whoever holds a pair of tokens.
pub(crate) struct Caller<'p> {
    program: &'p Program,
    from: FrontEnd<'p>,
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// The answer that brought the tokens.
    pub(crate) welcome: Value,
}

impl<'p> Caller<'p> {
    /// The same tokens in another front end.
    pub(crate) fn at(&self, from: FrontEnd<'p>) -> Self {
        let Self { program, access, refresh, welcome, .. } = self;
        Self { program, from, access: access.clone(), refresh: refresh.clone(), welcome: welcome.clone() }
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.access);
        let headers = [self.from, &[("authorization", &*bearer)]].concat();
        self.program.send(method, path, &headers, body)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &Value::Null)
    }

    /// Exchanges the refresh token, and shows no other credential.
    pub(crate) fn refreshed(&self) -> Answer {
        self.program.post("/auth/refresh-token", self.from, &json!({ "refreshToken": self.refresh }))
    }

    pub(crate) fn me(&self) -> Value {
        self.get("/auth/me").is(200)
    }

    pub(crate) fn id(&self) -> String {
        self.welcome["user"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn session(&self) -> String {
        claims(&self.access)["sid"].as_str().unwrap().to_owned()
    }

    /// The statuses of these pages.
    pub(crate) fn opens<const N: usize>(&self, paths: [&str; N]) -> [u16; N] {
        paths.map(|path| self.get(path).status.as_u16())
    }

    /// Whether the access token, and whether the refresh token opens anything. Spends the latter.
    pub(crate) fn is_alive(&self) -> [bool; 2] {
        let alive = |answer: Answer| match answer.status.as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}: {}", answer.text),
        };
        [alive(self.get("/auth/me")), alive(self.refreshed())]
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// `null` when there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Checks that this is a refusal, in the one form that all have, and which.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        let body = self.body.as_object().unwrap();
        assert_eq!(body["statusCode"], status);
        assert_eq!(body["error"], self.status.canonical_reason().unwrap());
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        let fields = usize::from(body.contains_key("fields"));
        assert_eq!(body.len(), 4 + fields, "{}", self.text);
        self
    }

    /// The names of the fields that were refused.
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.body["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
    }

    /// Everything that a client can tell apart, but for the request's own name and the time.
    pub(crate) fn essence(&self) -> String {
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-correlation-id"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        format!("{}\n{}\n\n{}", self.status, lines.join("\n"), self.text)
    }
}
