//! The example programs, built and running as processes of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

/// A running program; killed when this is dropped.
#[derive(Debug)]
pub struct RunningExample {
    process: Child,
    address: String,
}

impl RunningExample {
    /// Starts a program on a free port over the SQLite file at `database`, and waits until it listens.
    pub fn start(program: &Path, database: &Path) -> Self {
        let mut command = Command::new(program);
        command.env("HOST", "127.0.0.1").env("PORT", "0").env("DEMO", "1").env("RATE_LIMIT", "off");
        command.env("DATABASE_URL", format!("sqlite://{}?mode=rwc", database.display()));
        command.env("AUTH_SECRET", "a secret that survives every restart 0123456789");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let lines = output.lines().map_while(Result::ok);
        let address = lines.filter_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).next();
        Self { address: address.expect("the program listens"), process }
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
