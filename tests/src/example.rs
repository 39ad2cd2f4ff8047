//! The example programs, built and running as processes of their own, and what clients send them.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use ureq::Agent;

/// Builds an example and tells where its program lies.
///
/// # Panics
/// When it does not build.
pub fn built_example(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics", "-p", name]).current_dir(workspace);
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{name} does not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == name && message["executable"].is_string();
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    executable.expect("cargo names the program")
}

/// What a program says on stderr that refuses to start with these variables, and no others, in its environment.
///
/// # Panics
/// When it does not end with an error.
pub fn refusal_to_start<V: AsRef<OsStr> + Copy + Debug>(program: &Path, variables: &[(&str, V)]) -> String {
    let output = Command::new(program).env_clear().env("PORT", "0").envs(variables.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{variables:?}");
    assert!(output.stdout.is_empty(), "it listened with {variables:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A running program; killed when this is dropped.
#[derive(Debug)]
pub struct RunningExample {
    command: Command,
    process: Child,
    address: String,
    agent: Agent,
    log: Option<JoinHandle<String>>,
}

/// What a program has answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The document, or a text that is none; `null` when there is nothing.
    pub body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    ///
    /// # Panics
    /// When it has another one.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The text of a header; of several that of the first.
    ///
    /// # Panics
    /// When it is no text.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl RunningExample {
    /// Starts a program on a free port over the SQLite file at `database`, and waits until it listens.
    pub fn start(program: &Path, database: &Path) -> Self {
        Self::start_with(program, database, &[("AUTH_SECRET", "a secret that survives every restart 0123456789")])
    }

    /// As [`start`](Self::start), with these variables in its environment, and none of this process.
    pub fn start_with(program: &Path, database: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().env("HOST", "127.0.0.1").env("PORT", "0").env("DEMO", "1").env("RATE_LIMIT", "off");
        command.env("DATABASE_URL", format!("sqlite://{}?mode=rwc", database.display()));
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::run(command)
    }

    /// The same program over the same database and with the same environment, after this one was killed; and what it has
    /// said on stderr.
    pub fn restart(&mut self) -> String {
        self.kill();
        let again = Self::run(std::mem::replace(&mut self.command, Command::new("")));
        std::mem::replace(self, again).into_log()
    }

    fn run(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let (output, mut errors) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        // Read all the time, or the program would wait once the pipe is full.
        let log = thread::spawn(move || {
            let mut log = String::new();
            errors.read_to_string(&mut log).unwrap();
            log
        });
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines.filter_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).next();
        let mut running = Self { command, address: String::new(), agent: agent(), process, log: Some(log) };
        let Some(address) = address else { panic!("the program does not listen:\n{}", running.into_log()) };
        running.address = address;
        running
    }

    /// Sends it a request, and waits for the answer, whatever its status.
    ///
    /// # Panics
    /// When there is none.
    pub fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::from(text));
        let body = if body == "" { Value::Null } else { body };
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    /// Moves the clock of a program that runs with `DEMO=1`.
    ///
    /// # Panics
    /// When it has none that can be moved.
    #[track_caller]
    pub fn advance(&self, seconds: u32) {
        let body = json!({ "advance_seconds": seconds }).to_string();
        assert_eq!(self.send(Method::POST, "/__clock", &[], &body).status, 204);
    }

    /// Ends it, and tells all that it has said on stderr.
    pub fn into_log(mut self) -> String {
        self.kill();
        self.log.take().unwrap().join().unwrap()
    }

    /// Asks it to stop by this signal, such as `TERM`, and tells its exit code: `None` if it was ended by the signal.
    ///
    /// # Panics
    /// Where there are no signals.
    pub fn asked_to_stop(mut self, signal: &str) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }

    /// Where it listens, such as `http://127.0.0.1:49152`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it at once and without warning, as a power failure would: SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for RunningExample {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One connection a request: a server that refuses before it has read a body may close, and whoever comes next on it
/// would be told so.
fn agent() -> Agent {
    Agent::config_builder()
        .max_idle_connections(0)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into()
}

/// The same claims with others in their place; `null` takes one away.
///
/// # Panics
/// When one of the two is no object.
pub fn with(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A token by HMAC with SHA-256, whatever its header says.
pub fn signed_as(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
