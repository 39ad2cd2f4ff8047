//! Programs of other people that run on Node.js.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of `tests` with a `package.json`, whose packages are installed; npm fetches them the first time, and when
/// others are wanted. `None` where there is no Node.js, which is said and, with `CI=true`, an error.
pub fn node_folder(name: &str) -> Option<PathBuf> {
    if !["node", "npm"].iter().all(|program| is_installed(program)) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "node and npm are missing");
        eprintln!("SKIPPED: tests/{name} needs node and npm, which are not installed");
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    // Npm's own note of what it has installed.
    let [installed, wanted] = ["node_modules/.package-lock.json", "package-lock.json"].map(|file| folder.join(file));
    let written = |file: &Path| file.metadata().and_then(|metadata| metadata.modified()).ok();
    if written(&installed) < written(&wanted) {
        run_to_the_end(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder));
    }
    Some(folder)
}

/// Runs a program, which must succeed; what it said is shown if it does not.
pub fn run_to_the_end(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    assert!(output.status.success(), "{command:?}\n{said}");
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}
