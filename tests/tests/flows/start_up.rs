//! What is wrong with a configuration is said at start-up, all of it, by name.

use std::time::Duration;

use auth_core::account::Lockout;
use auth_core::base::Secret;
use auth_core::crypto::password_hash::HashConfig;
use auth_core::guard::{PrincipalKind, Tenancy, TenantRequirement, all, any, kind, permission, public, role};
use auth_core::http::{CookieConfig, CredentialSource};
use auth_core::issuer::VerifierChain;
use auth_core::password::PasswordPolicy;
use auth_core::store::MemoryStore;
use auth_core::token::{TokenCookies, Transport};
use auth_core::{Auth, api_key, password, session, token};
use auth_tests::builder;

fn auth() -> Auth {
    builder().store(MemoryStore::new()).build().unwrap()
}

#[test]
fn every_problem_is_reported_at_once_and_by_name() {
    let password = password::Config::default()
        .policy(PasswordPolicy::default().min_length(4))
        .hash(HashConfig::default().memory_kib(1));
    let problems = Auth::builder()
        .base_url("http://api.example.com")
        .base_path("api/auth/")
        .secret(Secret::new("short"))
        .trusted_origins(["*"])
        .role_guards(["AD MIN"])
        .session(session::Config::default().idle(Duration::ZERO).max_per_user(0))
        .cookies(CookieConfig::default().domain("localhost"))
        .password(password)
        .lockout(Lockout::default().per_account(0))
        .api_keys(api_key::Config::default().prefix("two words"))
        .body_limit(1)
        .build()
        .unwrap_err();
    let all = problems.to_string();
    for word in [
        "store",
        "base_url",
        "base_path",
        "secret",
        "origin",
        "role guard",
        "idle",
        "max_per_user",
        "domain",
        "min_length",
        "per_account",
        "memory_kib",
        "api_keys prefix",
        "body_limit",
    ] {
        assert!(all.contains(word), "{word} is missing in:\n{all}");
    }
    assert_eq!(all.lines().count(), problems.problems().len());
    assert!(!all.contains("short"), "a secret is never quoted");
}

#[test]
fn a_chain_without_verifiers_and_a_header_that_says_something_else_are_refused() {
    let chain = VerifierChain::builder().build().unwrap_err();
    assert!(chain.to_string().contains("no verifier"), "{chain}");
    for name in ["authorization", "cookie", "Orgid", ""] {
        let problems =
            builder().tenancy(Tenancy::default().header(name)).store(MemoryStore::new()).build().unwrap_err();
        assert!(problems.to_string().contains("tenancy header"), "{problems}");
    }
}

#[test]
fn tokens_in_cookies_that_no_browser_keeps_or_nobody_reads_are_refused() {
    let config = |cookies| token::Config::default().transport(Transport::Cookie).cookies(cookies);
    let start = |config| builder().tokens(config).store(MemoryStore::new()).build();
    let abroad = TokenCookies::default().cross_site();
    let problems = start(config(abroad.clone())).unwrap_err().to_string();
    assert!(problems.contains("always_secure()"), "{problems}");
    assert!(start(config(abroad.clone().always_secure())).is_ok());
    assert!(start(token::Config::default().cookies(abroad)).is_ok(), "there are none");
    let tokens = builder().tokens(config(TokenCookies::default()));
    let problems =
        tokens.credentials([CredentialSource::Bearer]).store(MemoryStore::new()).build().unwrap_err().to_string();
    assert!(problems.contains("credentials()"), "{problems}");
}

#[test]
fn nothing_works_by_default_that_should_have_been_said() {
    let problems = Auth::builder().build().unwrap_err().to_string();
    for word in ["store", "base_url", "secret"] {
        assert!(problems.contains(word), "{problems}");
    }
}

#[test]
fn a_public_route_with_a_requirement_fails_in_axum_by_name() {
    use auth_axum::{RouteExt, Router};
    use axum::routing::get;
    let handler = || async { "" };
    let router: Router = Router::new()
        .route("/fine", get(handler).require(permission("reports:read")))
        .route("/both", get(handler).public().require(permission("reports:read")))
        .route("/unknown", get(handler).require(role("boss").in_guard("BACKOFFICE")))
        .route("/nested", get(handler).require(any([public(), permission("x")])))
        .route("/empty", get(handler).require(all([])))
        .route("/open", get(handler).require(public()))
        .route("/tenant", get(handler).public().tenant(TenantRequirement::Required))
        .route("/spaces", get(handler).require(permission("a b")))
        .route("/customers", get(handler).require(kind(PrincipalKind::Customer)));
    named(router.auth(auth()).unwrap_err().problems());
}

#[test]
fn a_public_route_with_a_requirement_fails_in_actix_by_name() {
    use actix_web::web;
    use auth_actix::{RouteExt, Router};
    let handler = || async { "" };
    let router = Router::new()
        .route("/fine", web::get().to(handler).require(permission("reports:read")))
        .route("/both", web::get().to(handler).public().require(permission("reports:read")))
        .route("/unknown", web::get().to(handler).require(role("boss").in_guard("BACKOFFICE")))
        .route("/nested", web::get().to(handler).require(any([public(), permission("x")])))
        .route("/empty", web::get().to(handler).require(all([])))
        .route("/open", web::get().to(handler).require(public()))
        .route("/tenant", web::get().to(handler).public().tenant(TenantRequirement::Required))
        .route("/spaces", web::get().to(handler).require(permission("a b")))
        .route("/customers", web::get().to(handler).require(kind(PrincipalKind::Customer)));
    named(router.auth(auth()).unwrap_err().problems());
}

fn named(problems: &[String]) {
    let expected = [
        ("/both", "public"),
        ("/unknown", "BACKOFFICE"),
        ("/nested", "public"),
        ("/empty", "empty list"),
        ("/open", "public"),
        ("/tenant", "tenant"),
        ("/spaces", "a b"),
        ("/customers", "for_customers"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, (route, word)) in problems.iter().zip(expected) {
        assert!(problem.contains(route) && problem.contains(word), "{problem}");
    }
}

#[test]
fn a_nested_route_keeps_its_rule_and_its_whole_name() {
    use auth_axum::{RouteExt, Router};
    use axum::routing::get;
    let inner: Router = Router::new().route("/both", get(|| async { "" }).public().require(permission("x")));
    let problems = Router::new().nest("/api", inner).auth(auth()).unwrap_err().to_string();
    assert!(problems.contains("/api/both"), "{problems}");
}
