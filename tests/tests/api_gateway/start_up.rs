//! What the program does not start with.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use auth_tests::refusal_to_start;

use crate::stage::{ALICE, JWT_SECRET, PASSWORD, PROGRAM, Program, SECRET};

const DOMAIN: (&str, &str) = ("AUTH0_DOMAIN", "acme.eu.auth0.com");
const AUDIENCE: (&str, &str) = ("AUTH0_AUDIENCE", "https://api.example");
const PRODUCTION: (&str, &str) = ("APP_ENV", "production");

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
fn a_short_secret_is_refused_and_not_shown() {
    for environment in ["development", "production"] {
        for secret in ["hunter2hunter2", "0123456789012345678901234567890"] {
            let told = refused(&[("APP_ENV", environment), ("JWT_SECRET", secret)], &["JWT_SECRET has"]);
            assert!(!told.contains(secret), "{told}");
        }
    }
    refused(&[JWT_SECRET, ("AUTH_SECRET", "hunter2")], &["AUTH_SECRET has 7 bytes"]);
    // Told once.
    let told = refused(&[("JWT_SECRET", "hunter2")], &["JWT_SECRET has 7 bytes"]);
    assert_eq!(told.matches("JWT_SECRET").count(), 1, "{told}");
}

/// Or a broken `APP_ENV` would be the default one, which lets developers in.
#[test]
fn what_is_no_text_counts_for_something() {
    let broken = OsStr::from_bytes(b"\xffproduction");
    let [secret, enabled] = [SECRET, "true"].map(OsStr::new);
    let variables = [("APP_ENV", broken), ("JWT_SECRET", secret), ("DEVELOPMENT_AUTH_ENABLED", enabled)];
    let told = refusal_to_start(&PROGRAM, &variables);
    assert!(told.lines().any(|line| line.starts_with("APP_ENV")), "{told}");
}

#[test]
fn production_makes_up_no_secret_and_has_no_demo() {
    for more in [&[][..], &[("JWT_SECRET", "")], &[("AUTH_SECRET", SECRET)]] {
        refused(&[&[PRODUCTION], more].concat(), &["JWT_SECRET is not set"]);
    }
    refused(&[PRODUCTION, JWT_SECRET, ("DEMO", "1")], &["DEMO=1 is refused"]);
    refused(&[PRODUCTION, JWT_SECRET, ("RATE_LIMIT", "off")], &["RATE_LIMIT=off"]);
    refused(&[JWT_SECRET, ("RATE_LIMIT", "off")], &["RATE_LIMIT=off is accepted with DEMO=1 only"]);

    let program = Program::with(&[PRODUCTION, ("DEMO", "0"), ("RATE_LIMIT", "on")]);
    assert_eq!(program.get("/health").status, 200);
    assert_eq!(
        (program.get("/__outbox").status, program.send(http::Method::POST, "/__clock", &[], "{}").status),
        (404, 404)
    );
    // Nobody of the fixture is there.
    assert_eq!(program.log_in(ALICE, PASSWORD).status, 401);
    assert_eq!(program.minted("eve|1", &["users:read"]).get("/api/users").is(200), serde_json::json!([]));
    assert!(!program.into_log().contains("WARN"));
}

#[test]
fn a_lifetime_is_a_number_of_seconds_within_reason() {
    for bad in ["0", "-1", "1.5", "1h", "soon", " 60", "86401", "99999999999999999999"] {
        refused(&[JWT_SECRET, ("JWT_EXPIRATION", bad)], &["JWT_EXPIRATION"]);
    }
    let day = Program::with(&[("JWT_EXPIRATION", "86400")]);
    assert_eq!(day.log_in(ALICE, PASSWORD).is(200)["expiresIn"], 86_400);
}

#[test]
fn auth0_is_configured_as_a_whole_or_not_at_all() {
    refused(&[JWT_SECRET, DOMAIN], &["AUTH0_AUDIENCE is not set"]);
    refused(&[JWT_SECRET, DOMAIN, ("AUTH0_ISSUER", "https://acme.eu.auth0.com/")], &["AUTH0_AUDIENCE is not set"]);
    refused(&[JWT_SECRET, AUDIENCE], &["AUTH0_AUDIENCE is about Auth0"]);
    refused(&[JWT_SECRET, ("AUTH0_ISSUER", "https://acme.eu.auth0.com/")], &["AUTH0_ISSUER is about Auth0"]);
    refused(&[JWT_SECRET, ("JWKS_URL", "https://acme.eu.auth0.com/keys")], &["JWKS_URL is about Auth0"]);
    // It replaces no secret.
    refused(&[PRODUCTION, DOMAIN, AUDIENCE], &["JWT_SECRET is not set"]);
    // Nobody on the way is to hand out keys.
    for environment in ["staging", "production"] {
        let keys = ("JWKS_URL", "http://127.0.0.1:1/keys");
        let told = refused(&[JWT_SECRET, ("APP_ENV", environment), DOMAIN, AUDIENCE, keys], &[]);
        assert!(told.contains("https"), "{told}");
    }
    Program::with(&[DOMAIN, AUDIENCE]);
}

#[test]
fn only_origins_may_read_answers_and_never_all_of_them() {
    for bad in ["*", "https://app.example.com, *", "*,https://app.example.com"] {
        refused(&[JWT_SECRET, ("CORS_ORIGINS", bad)], &["CORS_ORIGINS is \"*\""]);
    }
    for bad in ["app.example.com", "https://app.example.com/path", "ftp://app.example.com", "https://*", "two words"] {
        refused(&[JWT_SECRET, ("CORS_ORIGINS", bad)], &["CORS_ORIGINS"]);
    }
    // http is for a developer's machine.
    refused(&[JWT_SECRET, ("CORS_ORIGINS", "http://app.example.com")], &["CORS_ORIGINS"]);
    Program::with(&[("CORS_ORIGINS", "http://localhost:5173,https://app.example.com")]);
}

#[test]
fn every_problem_is_told_at_once_one_a_line() {
    let told = refused(
        &[
            ("APP_ENV", "prod"),
            ("JWT_SECRET", "hunter2"),
            ("AUTH_SECRET", "hunter3"),
            ("JWT_EXPIRATION", "1h"),
            DOMAIN,
            ("CORS_ORIGINS", "*"),
            ("DEVELOPMENT_AUTH_ENABLED", "yes"),
            ("RATE_LIMIT", "off"),
            ("TRUSTED_PROXIES", "me"),
            ("DEMO", "yes"),
            ("PORT", "http"),
        ],
        &["APP_ENV", "JWT_SECRET", "AUTH_SECRET", "JWT_EXPIRATION", "AUTH0_AUDIENCE", "CORS_ORIGINS"],
    );
    for name in ["DEVELOPMENT_AUTH_ENABLED", "RATE_LIMIT", "TRUSTED_PROXIES", "DEMO", "PORT"] {
        assert!(told.lines().any(|line| line.starts_with(name)), "{name} is missing in:\n{told}");
    }
    assert_eq!(told.lines().count(), 11, "{told}");
    assert!(!told.contains("hunter"), "{told}");
}

#[test]
fn a_secret_that_is_not_there_hides_no_other_problem() {
    refused(
        &[
            PRODUCTION,
            ("JWT_EXPIRATION", "1h"),
            ("CORS_ORIGINS", "*"),
            DOMAIN,
            ("DEVELOPMENT_AUTH_ENABLED", "true"),
            ("TRUSTED_PROXIES", "me"),
        ],
        &[
            "JWT_SECRET is not set",
            "JWT_EXPIRATION",
            "CORS_ORIGINS",
            "AUTH0_AUDIENCE",
            "DEVELOPMENT_AUTH_ENABLED",
            "TRUSTED_PROXIES",
        ],
    );
}

#[test]
fn what_only_several_variables_together_show_is_told_with_the_rest() {
    let keys = ("JWKS_URL", "http://127.0.0.1:1/keys");
    let told = refused(
        &[
            PRODUCTION,
            JWT_SECRET,
            DOMAIN,
            AUDIENCE,
            keys,
            ("DEMO", "1"),
            ("DEVELOPMENT_AUTH_ENABLED", "true"),
            ("HOST", "192.0.2.1"),
        ],
        &["DEMO", "DEVELOPMENT_AUTH_ENABLED", "HOST"],
    );
    assert!(told.contains("https"), "{told}");
    assert_eq!(told.lines().count(), 4, "{told}");
}

#[test]
fn it_stops_when_it_is_asked_to() {
    for signal in ["TERM", "INT"] {
        let program = Program::start();
        assert_eq!(program.get("/health").status, 200);
        assert_eq!(program.asked_to_stop(signal), Some(0), "{signal}");
    }
}

/// As soon as it says that it is ready, somebody may want it to end.
#[test]
fn it_stops_when_it_is_asked_to_as_soon_as_it_listens() {
    assert_eq!(Program::start().asked_to_stop("TERM"), Some(0));
}
