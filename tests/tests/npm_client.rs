//! The official JavaScript client drives the example programs, as it would drive the original server.

use std::process::Command;

use auth_tests::{built_example, node_folder, run_to_the_end};

#[test]
fn the_official_client_drives_both_examples() {
    let Some(folder) = node_folder("npm") else { return };
    let (axum, actix) = (built_example("saas-axum"), built_example("saas-actix"));
    let mut client = Command::new("node");
    client.arg("--test").current_dir(&folder).env("SAAS_AXUM", axum).env("SAAS_ACTIX", actix);
    run_to_the_end(&mut client);
}
