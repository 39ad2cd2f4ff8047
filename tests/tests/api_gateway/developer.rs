//! Somebody to be while a program is written.

use auth_tests::refusal_to_start;
use http::Method;
use serde_json::{Value, json};

use crate::refusals::{refused, unauthorized};
use crate::stage::{ALICE, BOB, FOREIGN, JWT_SECRET, PROGRAM, Program};

const ENABLED: (&str, &str) = ("DEVELOPMENT_AUTH_ENABLED", "true");

fn warns(log: &str) -> bool {
    log.lines().any(|line| line.contains("WARN") && line.to_lowercase().contains("development"))
}

#[test]
fn without_a_credential_everybody_is_a_developer_and_the_log_warns() {
    for environment in ["local", "development", "test"] {
        let program = Program::with(&[ENABLED, ("APP_ENV", environment)]);
        let context = program.get("/api/context").is(200);
        let permissions = context["permissions"].as_array().unwrap();
        assert!(permissions.contains(&json!("users:read")) && !context["userId"].is_null(), "{context}");
        assert_eq!(program.get("/api/users").status, 200);
        assert_eq!(program.post("/api/bulk-import", &json!({ "items": [1] })).is(202), json!({ "accepted": 1 }));
        assert!(warns(&program.into_log()), "{environment}");
    }
}

#[test]
fn a_credential_is_what_it_is_everywhere() {
    let program = Program::with(&[ENABLED]);
    for bad in ["", "x", "not.a.token"] {
        unauthorized(&program.by(bad).get("/api/context"));
    }
    let bob = program.signed_in(BOB);
    assert_eq!(bob.get("/api/context").is(200)["permissions"], json!(["users:read"]));
    assert_eq!(bob.post("/api/bulk-import", &json!({ "items": [] })).status, 403);
    // Nobody gets a session by it.
    unauthorized(&program.post("/api/auth/refresh", &json!({})));
    let wrong = json!({ "error": "Unauthorized", "message": "Invalid credentials" });
    refused(&program.log_in(ALICE, "wrong"), 401, &wrong);
}

#[test]
fn a_page_elsewhere_does_nothing_as_the_developer() {
    let program = Program::with(&[ENABLED]);
    let answer = program.post_with("/api/bulk-import", &[FOREIGN], &json!({ "items": [] }));
    assert_eq!(answer.status, 403, "{}", answer.body);
    let delete = program.send(Method::DELETE, "/api/users/1", &[FOREIGN], "");
    assert_eq!(delete.status, 403, "{}", delete.body);
}

#[test]
fn it_is_off_unless_somebody_says_so() {
    for off in ["", "false"] {
        let program = Program::with(&[("DEVELOPMENT_AUTH_ENABLED", off)]);
        unauthorized(&program.get("/api/context"));
        unauthorized(&program.post("/api/users", &Value::Null));
        assert!(!warns(&program.into_log()));
    }
}

#[test]
fn it_does_not_start_where_real_users_could_be() {
    for environment in ["production", "staging"] {
        let told = refusal_to_start(&PROGRAM, &[JWT_SECRET, ENABLED, ("APP_ENV", environment)]);
        assert!(told.lines().any(|line| line.starts_with("DEVELOPMENT_AUTH_ENABLED")), "{told}");
    }
    for word in ["TRUE", "yes", "1", "on"] {
        let told = refusal_to_start(&PROGRAM, &[JWT_SECRET, (ENABLED.0, word)]);
        assert!(told.lines().any(|line| line.starts_with("DEVELOPMENT_AUTH_ENABLED")), "{told}");
    }
    // Nor where others reach it.
    let database = ("DATABASE_URL", "sqlite::memory:");
    let told = refusal_to_start(&PROGRAM, &[JWT_SECRET, ENABLED, database, ("BASE_URL", "https://api.example.com")]);
    assert!(told.contains("lets everybody in"), "{told}");
}
