//! What the program does not start with.

use auth_tests::refusal_to_start;

use crate::stage::{PROGRAM, Program, SECRET};

const ISSUER: (&str, &str) = ("AUTH_ISSUER", "https://issuer.example");
const AUDIENCE: (&str, &str) = ("AUTH_AUDIENCE", "https://api.example");
const JWT_SECRET: (&str, &str) = ("JWT_SECRET", SECRET);

/// Each of the words stands in what is told.
#[track_caller]
fn refused(variables: &[(&str, &str)], words: &[&str]) -> String {
    let told = refusal_to_start(&PROGRAM, variables);
    for word in words {
        assert!(told.contains(word), "{word} is missing in:\n{told}");
    }
    told
}

#[test]
fn one_of_the_two_modes_must_be_chosen() {
    refused(&[], &["JWT_SECRET or AUTH_ISSUER must be set"]);
    refused(&[("JWT_SECRET", ""), ("AUTH_ISSUER", "")], &["JWT_SECRET or AUTH_ISSUER must be set"]);
    refused(&[JWT_SECRET, ISSUER, AUDIENCE], &["JWT_SECRET and AUTH_ISSUER are both set"]);
}

#[test]
fn an_issuer_needs_an_audience_and_the_other_way_round() {
    refused(&[ISSUER], &["AUTH_AUDIENCE is not set"]);
    for provider in ["auth0", "clerk", "cognito", "firebase", "keycloak", "supabase", "custom"] {
        refused(&[ISSUER, ("AUTH_PROVIDER", provider)], &["AUTH_AUDIENCE is not set"]);
    }
    refused(&[AUDIENCE], &["AUTH_AUDIENCE is about an issuer", "must be set"]);
    refused(&[JWT_SECRET, AUDIENCE], &["AUTH_AUDIENCE is about an issuer"]);
    refused(&[JWT_SECRET, ("JWKS_URL", "https://issuer.example/keys")], &["JWKS_URL is about an issuer"]);
}

#[test]
fn plain_http_is_for_a_developers_machine() {
    let strong = ("AUTH_SECRET", SECRET);
    for environment in ["staging", "production"] {
        let environment = ("APP_ENV", environment);
        refused(&[environment, strong, ("AUTH_ISSUER", "http://127.0.0.1:1"), AUDIENCE], &["AUTH_ISSUER", "https"]);
        let keys = ("JWKS_URL", "http://127.0.0.1:1/keys");
        refused(&[environment, strong, ISSUER, AUDIENCE, keys], &["address of its keys", "https"]);
    }
    for environment in ["local", "development"] {
        Program::start(&[("APP_ENV", environment), ("AUTH_ISSUER", "http://127.0.0.1:1"), AUDIENCE]);
    }
}

#[test]
fn a_short_secret_is_refused_and_not_shown() {
    for secret in ["hunter2hunter2", "0123456789012345678901234567890"] {
        let told = refused(&[("JWT_SECRET", secret)], &["JWT_SECRET has", "at least 32"]);
        assert!(!told.contains(secret));
    }
    refused(&[("AUTH_SECRET", "hunter2"), JWT_SECRET], &["AUTH_SECRET has 7 bytes"]);
}

#[test]
fn production_makes_up_no_secret() {
    let production = ("APP_ENV", "production");
    refused(&[production, ISSUER, AUDIENCE], &["AUTH_SECRET is not set"]);
    refused(&[production, JWT_SECRET, ("DEMO", "1")], &["DEMO=1 is refused"]);
    // The secret of tokens is enough: what else needs a key derives one from it.
    let program = Program::start(&[production, JWT_SECRET, ("DEMO", "0"), ("RATE_LIMIT", "on")]);
    assert_eq!(program.member("acme").get("/me").status, 200);
    assert_eq!(program.get("/__outbox").status, 404);
    assert!(!program.into_log().contains("AUTH_SECRET"));
}

#[test]
fn every_problem_is_told_at_once() {
    let told = refused(
        &[
            ("APP_ENV", "prod"),
            JWT_SECRET,
            ("AUTH_ISSUER", "ftp://issuer.example"),
            ("AUTH_PROVIDER", "okta"),
            ("AUTH_ALGORITHMS", "RS256,none"),
            ("RATE_LIMIT", "off"),
            ("AUTH_SECRET", "short"),
            ("TRUSTED_PROXIES", "me"),
            ("PORT", "http"),
        ],
        &["APP_ENV", "JWT_SECRET and", "AUTH_ISSUER:", "AUTH_PROVIDER", "AUTH_ALGORITHMS", "AUTH_AUDIENCE"],
    );
    for name in ["RATE_LIMIT", "AUTH_SECRET", "TRUSTED_PROXIES", "PORT"] {
        assert!(told.lines().any(|line| line.starts_with(name)), "{name} is missing in:\n{told}");
    }
    refused(&[JWT_SECRET, ("RATE_LIMIT", "off")], &["RATE_LIMIT=off is accepted with DEMO=1 only"]);
    refused(&[ISSUER, AUDIENCE, ("AUTH_ALGORITHMS", "HS256")], &["RS256"]);
    refused(&[("AUTH_PROVIDER", "entra"), ISSUER, AUDIENCE], &["AUTH_ISSUER", "tenant"]);
}
