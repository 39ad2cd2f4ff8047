//! The official JavaScript client drives the example programs, as it would drive the original server.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::path::Path;
use std::process::Command;

use auth_tests::built_example;

#[test]
fn the_official_client_drives_both_examples() {
    if !["node", "npm"].iter().all(|program| is_installed(program)) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "node and npm are missing");
        eprintln!("SKIPPED: the official client needs node and npm, which are not installed");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm");
    if !folder.join("node_modules").exists() {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder));
    }
    let (axum, actix) = (built_example("saas-axum"), built_example("saas-actix"));
    run(Command::new("node").arg("--test").current_dir(&folder).env("SAAS_AXUM", axum).env("SAAS_ACTIX", actix));
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    assert!(output.status.success(), "{command:?}\n{said}");
}
