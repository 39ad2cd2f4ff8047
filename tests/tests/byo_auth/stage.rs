//! A running program, those who issue tokens for it, and those who show them.

use std::path::PathBuf;
use std::sync::LazyLock;

use auth_core::base::{Clock, SystemClock};
pub(crate) use auth_tests::{Answer, signed_as, with};
use auth_tests::{RunningExample, built_example};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const SECRET: &str = "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK";

pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built_example("byo-auth"));

/// The program, over a database of its own.
pub(crate) struct Program {
    running: RunningExample,
    /// Where the database lies, for as long as the program runs.
    _directory: TempDir,
}

impl Program {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let running = RunningExample::start_with(&PROGRAM, &directory.path().join("app.db"), variables);
        Self { running, _directory: directory }
    }

    /// The same program over the same database, after it was killed; and what the earlier one has said on stderr.
    pub(crate) fn restart(&mut self) -> String {
        self.running.restart()
    }

    /// In the mode with a secret.
    pub(crate) fn with_secret() -> Self {
        Self::start(&[("JWT_SECRET", SECRET)])
    }

    pub(crate) fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.running.send(method, path, headers, body)
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
        self.running.advance(seconds);
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

/// A token by the shared secret.
pub(crate) fn signed(claims: &Value) -> String {
    signed_as(&json!({ "alg": "HS256", "typ": "JWT" }), claims, SECRET.as_bytes())
}
