//! What permissions are called, and what is said of routes before the first request.

use auth_core::error::Code;
use auth_core::guard::{AccessRule, all, any, fresh, not, permission, policy, role as holds, signed_in};
use auth_core::guard::{Decision, PolicyContext};
use auth_core::limit::{Quota, RateLimit, RateLimitKey};
use auth_core::role::{self, PermissionGrammar, PermissionRules, WildcardPolicy};
use auth_core::store::MemoryStore;
use auth_core::{Auth, AuthBuilder, ConfigErrors};
use auth_tests::{Stack, builder, flows};

flows![
    a_wildcard_stands_for_what_begins_like_it_where_that_is_said,
    a_role_holds_what_the_grammar_allows,
    a_refusal_names_what_the_whole_route_requires,
    a_stale_session_is_told_of_and_not_a_permission,
];

async fn a_wildcard_stands_for_what_begins_like_it_where_that_is_said(stack: Stack) {
    for (rules, expected) in
        [(PermissionRules::default(), 403), (PermissionRules::default().wildcards(WildcardPolicy::Suffix), 200)]
    {
        let app = stack.app_with(|builder| builder.permissions(rules)).await;
        let ada = app.signed_up("ada@example.com").await;
        app.grant("ada@example.com", "ADMIN", "reporter", &["reports:*"]).await;
        assert_eq!(ada.get("/reports").await.status, expected);
        let own = format!("/accounts/{}", app.user_id("ada@example.com").await);
        ada.request(http::Method::DELETE, &own).send().await.refused(403, "FORBIDDEN");
    }
}

async fn a_role_holds_what_the_grammar_allows(stack: Stack) {
    let rules = PermissionRules::default().grammar(PermissionGrammar::ResourceAction);
    let app = stack.app_with(|builder| builder.permissions(rules)).await;
    let define = async |name: &str| role::define_role(&app.cx(), "ADMIN", "clerk", [name]).await;
    define("users:read").await.unwrap();
    for bad in ["users", "Users:read", "users:*", "users.read"] {
        let refused = define(bad).await.unwrap_err();
        assert!(refused.code() == "VALIDATION_ERROR" && refused.message().contains(bad), "{refused}");
    }
}

/// What is missing is told where that is why.
async fn a_stale_session_is_told_of_and_not_a_permission(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "clerk", &["a"]).await;
    let bearer = format!("Bearer {}", ada.cookie().unwrap()).parse().unwrap();
    let headers = http::HeaderMap::from_iter([(http::header::AUTHORIZATION, bearer)]);
    let cx = app.auth().cx(auth_core::RequestInfo::new(http::Method::POST, "/orders", headers, None));
    let rule = AccessRule::default().require(fresh()).require(any([permission("a"), permission("b")]));
    app.advance(std::time::Duration::from_hours(25));
    let refused = auth_core::http::enforce(&cx, &rule, Ok(Vec::new())).await.unwrap_err();
    assert!(refused.is(Code::SessionNotFresh) && refused.missing_permissions().is_none(), "{refused}");
}

async fn a_refusal_names_what_the_whole_route_requires(stack: Stack) {
    let app = stack.app().await;
    let ada = app.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "clerk", &["orders:read"]).await;
    let bearer = format!("Bearer {}", ada.cookie().unwrap()).parse().unwrap();
    let headers = http::HeaderMap::from_iter([(http::header::AUTHORIZATION, bearer)]);
    let cx = app.auth().cx(auth_core::RequestInfo::new(http::Method::POST, "/orders", headers, None));
    let caller = cx.authentication().await.unwrap().unwrap();
    let process = all([permission("orders:read"), permission("orders:process"), permission("orders:pay")]);
    let refused = app.auth().authorize(caller.principal(), &process).unwrap_err();
    let permissions = refused.missing_permissions().unwrap();
    assert_eq!(permissions.required, ["orders:read", "orders:process", "orders:pay"]);
    assert_eq!(permissions.missing, ["orders:process", "orders:pay"]);
    assert_eq!(permissions.held, ["orders:read"]);
    // The protocol's clients are told what was asked for, and not what somebody holds.
    assert!(!ada.get("/reports").await.text().contains("orders:read"));
}

fn auth(change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Auth {
    change(builder()).store(MemoryStore::new()).build().unwrap()
}

/// What is wrong with a route, in both frameworks.
fn problems(auth: &Auth, axum: auth_axum::Router, actix: auth_actix::Router) -> Vec<String> {
    let of = |errors: ConfigErrors| errors.problems().to_vec();
    let by_axum = axum.auth(auth.clone()).map_or_else(of, |_| Vec::new());
    let by_actix = actix.auth(auth.clone()).map_or_else(of, |_| Vec::new());
    assert_eq!(by_axum, by_actix);
    by_axum
}

macro_rules! route {
    ($auth:expr, $path:literal, |$route:ident| $rule:expr) => {{
        let axum = {
            use auth_axum::{Protected, RouteExt as _};
            let $route: Protected = axum::routing::get(async || "").into();
            auth_axum::Router::new().route($path, $rule)
        };
        let actix = {
            use auth_actix::{Protected, RouteExt as _};
            let $route: Protected = actix_web::web::get().to(async || "").into();
            auth_actix::Router::new().route($path, $rule)
        };
        problems($auth, axum, actix)
    }};
}

#[test]
fn a_route_that_says_nothing_is_an_error_where_that_is_wanted() {
    let (lenient, strict) = (auth(|builder| builder), auth(AuthBuilder::deny_unscoped_routes));
    assert!(route!(&lenient, "/x", |route| route.with_rule(|rule| rule)).is_empty());
    let found = route!(&strict, "/x", |route| route.with_rule(|rule| rule));
    assert!(found.len() == 1 && found[0].starts_with("route /x: it says nothing"), "{found:?}");
    assert!(route!(&strict, "/x", |route| route.public()).is_empty());
    assert!(route!(&strict, "/x", |route| route.require(signed_in())).is_empty());
    assert!(route!(&strict, "/x", |route| route.require(permission("x:read"))).is_empty());
    assert!(route!(&strict, "/x", |route| route.for_customers()).is_empty());
}

#[test]
fn a_permission_that_is_none_is_told_at_start_up() {
    let auth = auth(|builder| {
        builder.permissions(PermissionRules::default().grammar(PermissionGrammar::Verb(&["read", "approve"])))
    });
    assert!(route!(&auth, "/x", |route| route.require(permission("contact:approve"))).is_empty());
    for bad in ["contact:delete", "contact", "two words", "contact:*"] {
        let found = route!(&auth, "/x", |route| route.require(all([signed_in(), permission(bad)])));
        assert!(found.len() == 1 && found[0].contains(bad), "{found:?}");
    }
}

#[test]
fn contradictory_limits_and_policies_are_told_at_start_up() {
    let auth = auth(|builder| builder);
    let quota = || Quota::per_minute(1).unwrap();
    let never = || policy(|_: &PolicyContext<'_>, _: &u32| Decision::Deny);
    assert!(route!(&auth, "/x/{id}", |route| route.policy("id", never())).is_empty());
    for found in [
        route!(&auth, "/x", |route| route.rate_limit(RateLimit::per(RateLimitKey::Client, []))),
        route!(&auth, "/x", |route| route.rate_limit(RateLimit::per(RateLimitKey::Client, [quota(); 5]))),
        route!(&auth, "/x", |route| route.rate_limit(RateLimit::per(RateLimitKey::Client, [quota()])).unlimited()),
        route!(&auth, "/x/{idea}", |route| route.policy("id", never())),
        route!(&auth, "/x/{id}", |route| route.policy("id", never()).public()),
        route!(&auth, "/x/{id}", |route| route.policy::<u32>("id", not(holds("root").in_guard("TYPO")))),
    ] {
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
