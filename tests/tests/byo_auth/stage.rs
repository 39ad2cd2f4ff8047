//! A running program, those who issue tokens for it, and those who show them.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use auth_core::base::{Clock, SystemClock};
use auth_tests::{RunningExample, built_example};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

pub(crate) const SECRET: &str = "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK";

pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built_example("byo-auth"));

/// The program, over a database of its own.
pub(crate) struct Program {
    running: RunningExample,
    variables: Vec<(String, String)>,
    agent: Agent,
    directory: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    /// `null` when there is none.
    pub(crate) body: Value,
}

impl Program {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let running = RunningExample::start_with(&PROGRAM, &directory.path().join("app.db"), variables);
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        Self { running, variables, agent, directory }
    }

    /// The same program over the same database, after it was killed; and what the earlier one has said on stderr.
    pub(crate) fn restart(&mut self) -> String {
        self.running.kill();
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        let again = RunningExample::start_with(&PROGRAM, &self.directory.path().join("app.db"), &variables);
        std::mem::replace(&mut self.running, again).into_log()
    }

    /// In the mode with a secret.
    pub(crate) fn with_secret() -> Self {
        Self::start(&[("JWT_SECRET", SECRET)])
    }

    pub(crate) fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.running.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::from(text)).take();
        let body = if body == "" { Value::Null } else { body };
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    /// A request without credentials.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "")
    }

    /// Somebody who shows this token.
    pub(crate) fn by(&self, token: impl Into<String>) -> Caller<'_> {
        Caller { program: self, credential: ("authorization", format!("Bearer {}", token.into())) }
    }

    /// A program that shows this API key.
    pub(crate) fn with_key(&self, key: &str) -> Caller<'_> {
        Caller { program: self, credential: ("x-api-key", key.to_owned()) }
    }

    /// The member of an organisation, in the mode with a secret.
    pub(crate) fn member(&self, organization: &str) -> Caller<'_> {
        self.by(signed(&claims(organization)))
    }

    pub(crate) fn advance(&self, seconds: u32) {
        let body = json!({ "advance_seconds": seconds }).to_string();
        assert_eq!(self.send(Method::POST, "/__clock", &[], &body).status, 204);
    }

    /// Ends it, and tells what it has said on stderr.
    pub(crate) fn into_log(self) -> String {
        self.running.into_log()
    }
}

/// Whoever shows one credential.
pub(crate) struct Caller<'p> {
    program: &'p Program,
    credential: (&'static str, String),
}

impl Caller<'_> {
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.program.send(Method::GET, path, &[(self.credential.0, &self.credential.1)], "")
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.program.send(Method::DELETE, path, &[(self.credential.0, &self.credential.1)], "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::POST, path, body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::PUT, path, body)
    }

    /// Creates a project and tells its id.
    pub(crate) fn creates(&self, name: &str) -> String {
        let project = self.post("/projects", &json!({ "name": name })).is(201);
        project["id"].as_str().unwrap().to_owned()
    }

    fn with_body(&self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [(self.credential.0, &*self.credential.1), ("content-type", "application/json")];
        self.program.send(method, path, &headers, &body.to_string())
    }
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// What a member of an organisation is told about in a token, which lives for five hours.
pub(crate) fn claims(organization: &str) -> Value {
    let now = SystemClock.now().as_seconds();
    json!({
        "sub": format!("user of {organization}"),
        "email": "ada@example.com",
        "organizationId": organization,
        "iat": now,
        "exp": now + 5 * 3600,
    })
}

/// The same claims with others in their place; `null` takes one away.
pub(crate) fn with(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A token by the shared secret.
pub(crate) fn signed(claims: &Value) -> String {
    signed_as(&json!({ "alg": "HS256", "typ": "JWT" }), claims, SECRET.as_bytes())
}

/// A token by HMAC, whatever its header says.
pub(crate) fn signed_as(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
