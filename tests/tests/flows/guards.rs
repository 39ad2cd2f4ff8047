//! Who may reach the application's own routes.

use auth_core::guard::{all, any, fresh, permission, public, role, signed_in};
use auth_core::{RequestInfo, role as roles};
use auth_tests::{Stack, flows};
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use crate::DAY;

flows![
    a_route_that_says_nothing_is_closed,
    a_public_route_looks_at_no_credential,
    maybe_is_somebody_or_nobody_and_never_a_bad_credential,
    a_permission_is_needed_exactly,
    a_role_matches_only_with_its_guard,
    a_pair_needs_both,
    a_fresh_sign_in_is_needed_and_a_day_old_one_is_not,
    a_revoked_role_is_felt_at_once,
    requirements_combine,
];

/// Every guarded route, with the verdict on somebody who is merely signed in.
const GUARDED: [(Method, &str, u16); 6] = [
    (Method::GET, "/me", 200),
    (Method::GET, "/fresh", 200),
    (Method::POST, "/change", 200),
    (Method::GET, "/reports", 403),
    (Method::GET, "/staff", 403),
    (Method::GET, "/pair", 403),
];

async fn a_route_that_says_nothing_is_closed(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for (method, path, signed_in) in GUARDED {
        let reply = app.anon().request(method.clone(), path).send().await;
        reply.refused(401, "UNAUTHORIZED");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        let reply = ada.request(method.clone(), path).send().await;
        assert_eq!(reply.status, signed_in, "{path}");
        if signed_in == 403 {
            reply.refused(403, "FORBIDDEN");
            assert_eq!(reply.header("www-authenticate"), None);
        }
    }
}

async fn a_public_route_looks_at_no_credential(stack: Stack) {
    let app = stack.app().await;
    app.tap().take_calls();
    for actor in [app.anon(), app.anon().with_cookie("garbage"), app.program().with_bearer("garbage")] {
        assert_eq!(actor.get("/products").await.ok(), json!({"products": []}));
    }
    assert!(app.tap().take_calls().is_empty());
}

async fn maybe_is_somebody_or_nobody_and_never_a_bad_credential(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    assert_eq!(app.anon().get("/maybe").await.ok()["who"], Value::Null);
    let id = app.user_id("ada@example.com").await.to_string();
    assert_eq!(ada.get("/maybe").await.ok()["who"], *id);
    app.anon().with_cookie("garbage").get("/maybe").await.refused(401, "UNAUTHORIZED");
    app.program().with_bearer("garbage").get("/maybe").await.refused(401, "UNAUTHORIZED");
    ada.auth_post("/sign-out", json!({})).await.ok();
    assert_eq!(ada.get("/maybe").await.ok()["who"], Value::Null);
}

async fn a_permission_is_needed_exactly(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "analyst", &["reports", "reports:*", "reports:read:all", "Reports:Read"])
        .await;
    let reply = ada.get("/reports").await;
    reply.refused(403, "FORBIDDEN");
    assert_eq!(reply.json()["message"], "Required: permission reports:read.");
    app.grant("ada@example.com", "PORTAL", "reader", &["reports:read"]).await;
    ada.get("/reports").await.ok();
    ada.bearer().get("/reports").await.ok();
}

async fn a_role_matches_only_with_its_guard(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for (guard, name) in [("PORTAL", "super_admin"), ("ADMIN", "Super_Admin"), ("ADMIN", "super_admin2")] {
        app.grant("ada@example.com", guard, name, &[]).await;
        ada.get("/staff").await.refused(403, "FORBIDDEN");
    }
    app.grant("ada@example.com", "ADMIN", "super_admin", &[]).await;
    ada.get("/staff").await.ok();
    let cx = app.cx();
    let elsewhere = roles::define_role(&cx, "BACKOFFICE", "super_admin", []).await.unwrap_err();
    assert_eq!(elsewhere.code(), "GUARD_NOT_ALLOWED");
}

async fn a_pair_needs_both(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "super_admin", &[]).await;
    ada.get("/pair").await.refused(403, "FORBIDDEN");
    app.grant("ada@example.com", "ADMIN", "super_admin", &["reports:read"]).await;
    ada.get("/pair").await.ok();
    let eve = app.signed_up("eve@example.com").await;
    app.grant("eve@example.com", "PORTAL", "reader", &["reports:read"]).await;
    eve.get("/pair").await.refused(403, "FORBIDDEN");
}

async fn a_fresh_sign_in_is_needed_and_a_day_old_one_is_not(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.advance(DAY - crate::MICROSECOND);
    ada.get("/fresh").await.ok();
    app.advance(crate::MICROSECOND);
    ada.get("/fresh").await.refused(403, "SESSION_NOT_FRESH");
    // Use keeps a session alive, and does not make it fresh.
    assert!(ada.is_signed_in().await);
    ada.get("/fresh").await.refused(403, "SESSION_NOT_FRESH");
    app.signed_in("ada@example.com").await.get("/fresh").await.ok();
}

async fn a_revoked_role_is_felt_at_once(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "super_admin", &["reports:read"]).await;
    ada.get("/pair").await.ok();
    // Fewer permissions, then no role: neither waits for a new session.
    roles::define_role(&app.cx(), "ADMIN", "super_admin", []).await.unwrap();
    ada.get("/reports").await.refused(403, "FORBIDDEN");
    roles::revoke_role(&app.cx(), app.user_id("ada@example.com").await, "ADMIN", "super_admin").await.unwrap();
    ada.get("/staff").await.refused(403, "FORBIDDEN");
}

async fn requirements_combine(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.grant("ada@example.com", "ADMIN", "super_admin", &["reports:read"]).await;
    let bearer = format!("Bearer {}", ada.cookie().unwrap()).parse().unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let cx = app.auth().cx(RequestInfo::new(Method::GET, "/graphql", headers, None));
    let caller = cx.authentication().await.unwrap().unwrap();
    let holds =
        |requirement: auth_core::guard::Requirement| app.auth().authorize(caller.principal(), &requirement).is_ok();
    let (yes, no) = (|| permission("reports:read"), || permission("reports:write"));
    assert!(holds(signed_in()) && holds(public()) && holds(fresh()));
    assert!(holds(all([yes(), role("super_admin").in_guard("ADMIN")])));
    assert!(holds(any([no(), yes()])) && holds(all([yes(), any([no(), fresh()])])));
    assert!(!holds(all([yes(), no()])) && !holds(any([no(), role("super_admin").in_guard("PORTAL")])));
    assert!(!holds(all([])) && !holds(any([])), "an empty list is nobody's");
}
