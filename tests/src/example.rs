//! The example programs, built and running as processes of their own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use serde_json::Value;

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
pub fn refusal_to_start(program: &Path, variables: &[(&str, &str)]) -> String {
    let output = Command::new(program).env_clear().env("PORT", "0").envs(variables.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{variables:?}");
    assert!(output.stdout.is_empty(), "it listened with {variables:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A running program; killed when this is dropped.
#[derive(Debug)]
pub struct RunningExample {
    process: Child,
    address: String,
    log: Option<JoinHandle<String>>,
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
        command.envs(variables.iter().copied());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (output, mut errors) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        // Read all the time, or the program would wait once the pipe is full.
        let log = thread::spawn(move || {
            let mut log = String::new();
            errors.read_to_string(&mut log).unwrap();
            log
        });
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines.filter_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).next();
        let mut running = Self { address: String::new(), process, log: Some(log) };
        let Some(address) = address else { panic!("the program does not listen:\n{}", running.into_log()) };
        running.address = address;
        running
    }

    /// Ends it, and tells all that it has said on stderr.
    pub fn into_log(mut self) -> String {
        self.kill();
        self.log.take().unwrap().join().unwrap()
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
