//! A running program, and whoever calls it.

use std::path::PathBuf;
use std::sync::LazyLock;

use auth_core::base::{Clock, SystemClock};
use auth_tests::{Answer, RunningExample, built_example, signed_as, with};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const SECRET: &str = "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK";
pub(crate) const JWT_SECRET: (&str, &str) = ("JWT_SECRET", SECRET);
/// That of everybody in the fixture.
pub(crate) const PASSWORD: &str = "Correct-Horse-9";

pub(crate) const ALICE: &str = "alice@example.com";
pub(crate) const BOB: &str = "bob@example.com";
pub(crate) const OPS: &str = "ops@example.com";
pub(crate) const ROOT: &str = "root@example.com";

/// A page of somebody else, on whose behalf nothing is changed.
pub(crate) const FOREIGN: (&str, &str) = ("origin", "https://evil.test");

pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built_example("api-gateway"));

/// The program, over a database of its own, with the people of its fixture.
pub(crate) struct Program {
    running: RunningExample,
    directory: TempDir,
}

impl Program {
    /// With a secret, and without limits.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// As [`start`](Self::start), with more in its environment.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        Self::bare(&[&[JWT_SECRET], variables].concat())
    }

    /// With the limits of production.
    pub(crate) fn limited(variables: &[(&str, &str)]) -> Self {
        // An empty variable counts as unset.
        Self::with(&[&[("RATE_LIMIT", "")], variables].concat())
    }

    /// With these variables alone, and so without a secret unless there is one among them.
    pub(crate) fn bare(variables: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let running = RunningExample::start_with(&PROGRAM, &directory.path().join("app.db"), variables);
        Self { running, directory }
    }

    /// The same program over the same database, after it was killed; and what the earlier one has said on stderr.
    pub(crate) fn restart(&mut self) -> String {
        self.running.restart()
    }

    /// Ends it, and tells what it has said on stderr.
    pub(crate) fn into_log(self) -> String {
        self.running.into_log()
    }

    /// Asks it to stop, and tells its exit code.
    pub(crate) fn asked_to_stop(self, signal: &str) -> Option<i32> {
        self.running.asked_to_stop(signal)
    }

    /// Everything that lies in the files of the database.
    pub(crate) fn stored(&self) -> Vec<u8> {
        let files = self.directory.path().read_dir().unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    pub(crate) fn address(&self) -> &str {
        self.running.address()
    }

    pub(crate) fn advance(&self, seconds: u32) {
        self.running.advance(seconds);
    }

    pub(crate) fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.running.send(method, path, headers, body)
    }

    /// A request without credentials.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body)
    }

    /// As [`post`](Self::post), with more headers.
    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(Method::POST, path, &headers, &body.to_string())
    }

    pub(crate) fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/login", &json!({ "email": email, "password": password }))
    }

    /// Somebody of the fixture who has signed in.
    #[track_caller]
    pub(crate) fn signed_in(&self, email: &str) -> Caller<'_> {
        let answer = self.log_in(email, PASSWORD);
        let refresh = refresh_token(&answer);
        let body = answer.is(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Caller { program: self, token: text(&body["token"]), id: text(&body["user"]["id"]), refresh }
    }

    /// Whoever shows this token.
    pub(crate) fn by(&self, token: impl Into<String>) -> Caller<'_> {
        Caller { program: self, token: token.into(), id: String::new(), refresh: String::new() }
    }

    /// Whoever shows a token that another program has signed with the secret, with these permissions.
    pub(crate) fn minted(&self, subject: &str, permissions: &[&str]) -> Caller<'_> {
        self.by(signed(&with(claims(), json!({ "sub": subject, "permissions": permissions }))))
    }

    /// The last mail to somebody.
    pub(crate) fn mail_to(&self, email: &str) -> Value {
        let sent = self.get("/__outbox").is(200);
        sent.as_array().unwrap().iter().rfind(|mail| mail["to"] == email).unwrap().clone()
    }
}

/// Whoever shows an access token.
pub(crate) struct Caller<'p> {
    program: &'p Program,
    pub(crate) token: String,
    /// That of the user, who has signed in here; else empty.
    pub(crate) id: String,
    /// That of the cookie, who has signed in here; else empty.
    pub(crate) refresh: String,
}

impl Caller<'_> {
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], &Value::Null)
    }

    /// A body that is `null` is none.
    pub(crate) fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [&[("authorization", &*bearer)], headers].concat();
        if body.is_null() {
            return self.program.send(method, path, &headers, "");
        }
        let headers = [&[("content-type", "application/json")], &*headers].concat();
        self.program.send(method, path, &headers, &body.to_string())
    }
}

/// The refresh token that an answer has set, in a cookie that no script reads.
#[track_caller]
pub(crate) fn refresh_token(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap();
    cookie.strip_prefix("refresh_token=").unwrap().split_once(';').unwrap().0.to_owned()
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().as_seconds()
}

/// The five claims, which are good for years: a clock that is moved forward does not end them.
pub(crate) fn claims() -> Value {
    json!({
        "sub": "eve|1",
        "email": "eve@example.com",
        "name": "Eve",
        "permissions": ["users:read"],
        "exp": now() + 5 * 365 * 86_400,
    })
}

/// A token of another program that has the secret.
pub(crate) fn signed(claims: &Value) -> String {
    signed_as(&json!({ "alg": "HS256", "typ": "JWT" }), claims, SECRET.as_bytes())
}
