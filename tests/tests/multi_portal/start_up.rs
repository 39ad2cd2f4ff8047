//! What the program does not start with, and that it may be started again and again.

use auth_tests::refusal_to_start;
use serde_json::json;

use crate::stage::{ADMIN, CUSTOMER, DUAL, MEMBER, MOBILE, PASSWORD, PORTAL, PROGRAM, Program, ROOT, SECRET, STAFF};

const JWT_SECRET: (&str, &str) = ("JWT_SECRET", SECRET);

/// Each of the words begins a line of what is told.
#[track_caller]
fn refused(variables: &[(&str, &str)], words: &[&str]) -> String {
    let told = refusal_to_start(&PROGRAM, variables);
    for word in words {
        assert!(told.lines().any(|line| line.starts_with(word)), "{word} is missing in:\n{told}");
    }
    told
}

#[test]
fn without_a_secret_for_tokens_nothing_starts_in_any_environment() {
    for environment in ["local", "development", "test", "staging", "production"] {
        let environment = ("APP_ENV", environment);
        // Another secret is no substitute, and an empty one is none.
        refused(&[environment], &["JWT_SECRET is not set"]);
        refused(&[environment, ("AUTH_SECRET", SECRET), ("JWT_SECRET", "")], &["JWT_SECRET is not set"]);
        for short in ["hunter2hunter2", "0123456789012345678901234567890"] {
            let told = refused(&[environment, ("JWT_SECRET", short)], &["JWT_SECRET has"]);
            assert!(!told.contains(short), "{told}");
        }
    }
    refused(&[], &["JWT_SECRET is not set"]);
}

#[test]
fn lifetimes_are_whole_seconds_within_reason() {
    for bad in ["0", "-1", "1.5", "1h", "soon", " 60", "99999999999999999999"] {
        refused(&[JWT_SECRET, ("ACCESS_TTL", bad)], &["ACCESS_TTL"]);
        refused(&[JWT_SECRET, ("REFRESH_TTL", bad)], &["REFRESH_TTL"]);
    }
    refused(&[JWT_SECRET, ("ACCESS_TTL", "86401")], &["ACCESS_TTL"]);
    refused(&[JWT_SECRET, ("REFRESH_TTL", "34560001")], &["REFRESH_TTL"]);
    Program::with(&[("ACCESS_TTL", "86400"), ("REFRESH_TTL", "34560000")]);
}

#[test]
fn an_address_of_a_front_end_must_be_an_origin() {
    for name in ["ADMIN_URL", "PORTAL_URL", "FRONT_URL"] {
        for bad in ["two words", "ftp://admin.example.com", "https://admin.example.com/path", "https://", "*.com"] {
            refused(&[JWT_SECRET, (name, bad)], &[name]);
        }
    }
    // An empty one is no front end: nobody comes from there.
    let program = Program::with(&[("ADMIN_URL", "")]);
    program.log_in(ADMIN, STAFF).refused(401, "INVALID_CREDENTIALS");
    program.signed_in(PORTAL, MEMBER);
}

#[test]
fn production_has_no_demo_and_real_limits() {
    refused(&[JWT_SECRET, ("APP_ENV", "production"), ("DEMO", "1")], &["DEMO=1 is refused"]);
    refused(&[JWT_SECRET, ("RATE_LIMIT", "off")], &["RATE_LIMIT=off"]);
    refused(&[JWT_SECRET, ("APP_ENV", "prod")], &["APP_ENV"]);
    let program = Program::with(&[("APP_ENV", "production"), ("DEMO", "0"), ("RATE_LIMIT", "on")]);
    assert_eq!(program.get("/health").is(200)["status"], "ok");
    assert_eq!(program.get("/__outbox").status, 404);
    // Nobody of the fixture is there.
    program.log_in(ADMIN, ROOT).refused(401, "INVALID_CREDENTIALS");
}

#[test]
fn every_problem_is_told_at_once() {
    let told = refused(
        &[
            ("APP_ENV", "prod"),
            ("JWT_SECRET", "short"),
            ("AUTH_SECRET", "hunter2"),
            ("ACCESS_TTL", "never"),
            ("REFRESH_TTL", "0"),
            ("ADMIN_URL", "ftp://admin.example.com"),
            ("PORTAL_URL", "two words"),
            ("RATE_LIMIT", "off"),
            ("TRUSTED_PROXIES", "me"),
            ("PORT", "http"),
            ("COOKIE_DOMAIN", "bad/x"),
        ],
        &["APP_ENV", "JWT_SECRET", "AUTH_SECRET", "ACCESS_TTL", "REFRESH_TTL", "ADMIN_URL", "PORTAL_URL", "PORT is"],
    );
    for name in ["RATE_LIMIT", "TRUSTED_PROXIES", "COOKIE_DOMAIN"] {
        assert!(told.lines().any(|line| line.starts_with(name)), "{name} is missing in:\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_second_start_changes_nothing_of_what_is_there() {
    let mut program = Program::start();
    let who = |program: &Program| {
        [(PORTAL, MEMBER), (MOBILE, CUSTOMER), (ADMIN, STAFF), (ADMIN, ROOT), (PORTAL, DUAL)].map(|(from, email)| {
            let welcome = program.log_in(from, email).is(200);
            (welcome["user"]["id"].clone(), welcome["user"]["roles"].clone())
        })
    };
    let root = program.signed_in(ADMIN, ROOT);
    let body = json!({ "userId": program.signed_in(ADMIN, STAFF).id(), "roles": ["admin"] });
    root.post("/staff", &body).is(200);
    let before = who(&program);
    assert_eq!(before[2].1[0]["name"], "admin");
    for _ in 0..2 {
        program.restart(&[]);
        assert_eq!(who(&program), before);
    }
}

#[test]
fn the_secret_is_not_logged_nor_what_people_send() {
    let program = Program::with(&[("RUST_LOG", "trace")]);
    let member = program.signed_in(PORTAL, MEMBER);
    member.me();
    program.log_in_saying(PORTAL, MEMBER, json!({ "guard": "ADMIN" })).refused(400, "GUARD_MISMATCH");
    let secrets = [SECRET, PASSWORD, &member.access, &member.refresh].map(str::to_owned);
    let log = program.into_log();
    assert!(log.contains("DEMO=1"), "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret));
    }
}
