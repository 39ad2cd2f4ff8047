//! The README's three portals, as they stand there.

use auth_core::role::{RoleGrant, RoleSpec};
use auth_core::{role, tenant};
use auth_tests::{PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::json;

flows![the_readme_s_three_portals_let_in_who_holds_a_role_there];

/// What the README shows, in a room with its imports.
mod readme {
    use auth_core::portal::{AtOrigin, MultiPortal, OriginGuardResolver};
    use auth_core::prelude::*;

    pub(super) fn portals(builder: auth_core::AuthBuilder) -> auth_core::AuthBuilder {
        let front_ends = OriginGuardResolver::default()
            .origin("https://admin.example.com", "ADMIN")
            .origin("https://app.example.com", "PORTAL")
            .mobile("FRONTEND");
        builder
            .role_guards(["ADMIN", "PORTAL", "FRONTEND"])
            .trusted_origins(["https://admin.example.com", "https://app.example.com"])
            .tenancy(Tenancy::shared()) // one account, many memberships
            .platform_access(AtOrigin::new("https://admin.example.com")) // staff are staff there alone
            .hooks(MultiPortal::new(front_ends))
    }
}

#[test]
fn the_readme_shows_this_very_function() {
    let here = include_str!("three_portals.rs");
    let (_, function) = here.split_once("pub(super) fn portals").unwrap();
    let (function, _) = function.split_once("\n    }\n").unwrap();
    let shown = format!("fn portals{}\n}}\n", function.replace("\n    ", "\n"));
    assert!(include_str!("../../../README.md").contains(&shown), "the README does not show:\n{shown}");
}

/// Where somebody comes from.
const PLACES: [(&str, &str); 3] =
    [("origin", "https://admin.example.com"), ("origin", "https://app.example.com"), ("x-platform", "mobile")];

async fn sign_in(app: &TestApp, email: &str, (name, value): (&'static str, &str)) -> Reply {
    let visitor = app.anon();
    let draft = visitor.request(Method::POST, "/api/auth/sign-in/email");
    let draft = if name == "origin" { draft.header(name, value) } else { draft.without("origin").header(name, value) };
    draft.json(&json!({ "email": email, "password": PASSWORD })).send().await
}

async fn the_readme_s_three_portals_let_in_who_holds_a_role_there(stack: Stack) {
    // Signed up before there were portals.
    let plain = stack.app().await;
    let (cx, acme) = (plain.cx(), auth_core::base::TenantId::parse("acme").unwrap());
    let people = [("member@acme.test", "PORTAL"), ("customer@acme.test", "FRONTEND"), ("staff@corp.test", "ADMIN")];
    for (email, _) in people {
        plain.signed_up(email).await;
    }
    let app = plain.restarted_with(stack.transport, readme::portals).await;
    tenant::create(&cx, &acme, "Acme Ltd.").await.unwrap();
    let cx = app.cx();
    role::seed(&cx, ["ADMIN", "PORTAL", "FRONTEND"].map(|guard| RoleSpec::new(guard, "someone"))).await.unwrap();
    for (email, guard) in people {
        let (user, role) = (app.user_id(email).await, RoleGrant::new(guard, "someone"));
        let role = if guard == "ADMIN" { role.on_platform() } else { role.in_tenant(acme.clone()) };
        if guard != "ADMIN" {
            tenant::add_member(&cx, user, &acme).await.unwrap();
        }
        role::grant(&cx, user, &role).await.unwrap();
    }
    let mut entered = Vec::new();
    for (email, _) in people {
        for place in PLACES {
            let reply = sign_in(&app, email, place).await;
            if reply.status == 200 {
                entered.push((email, place.1));
            } else {
                reply.refused(401, "INVALID_EMAIL_OR_PASSWORD");
            }
        }
    }
    let expected = [
        ("member@acme.test", "https://app.example.com"),
        ("customer@acme.test", "mobile"),
        ("staff@corp.test", "https://admin.example.com"),
    ];
    assert_eq!(entered, expected);
}
