//! The first layer: what each of the fixture may do, and what a refusal says.

use serde_json::{Value, json};

use crate::refusals::{denied, forbidden, unauthorized};
use crate::stage::{ALICE, BOB, Caller, OPS, PASSWORD, Program, ROOT};

const NEEDS_READ: &str = "Missing required permission: users:read";
const NEEDS_CREATE: &str = "Missing required permission: users:create";
const NEEDS_DELETE: &str = "Missing required permission: users:delete";
const NEEDS_BOTH: &str = "Missing required permissions: orders:read, orders:process";
/// Of which route.
const PROCESS: [&str; 2] = ["orders:read", "orders:process"];

fn newcomer(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "New" })
}

fn import(caller: &Caller<'_>) -> auth_tests::Answer {
    caller.post("/api/bulk-import", &json!({ "items": [1, {}, "x"] }))
}

#[test]
fn each_of_the_fixture_may_do_what_they_hold_and_nothing_else() {
    let program = Program::start();
    let [alice, bob, ops, root] = [ALICE, BOB, OPS, ROOT].map(|email| program.signed_in(email));
    let path = |caller: &Caller<'_>| format!("/api/users/{}", caller.id);

    let holds = ["orders:read", "users:create", "users:read"];
    assert_eq!(alice.get("/api/users").status, 200);
    alice.post("/api/users", &newcomer("by.alice@example.com")).is(201);
    assert_eq!(import(&alice).is(202), json!({ "accepted": 3 }));
    let process = alice.post("/api/orders/7/process", &Value::Null);
    forbidden(&process, "Missing required permission: orders:process", &PROCESS, &holds);
    forbidden(&alice.delete(&path(&bob)), NEEDS_DELETE, &["users:delete"], &holds);
    denied(&alice.get(&path(&bob)));

    let holds = ["users:read"];
    assert_eq!(bob.get("/api/users").status, 200);
    forbidden(&bob.post("/api/users", &newcomer("by.bob@example.com")), NEEDS_CREATE, &["users:create"], &holds);
    forbidden(&import(&bob), NEEDS_CREATE, &["users:create"], &holds);
    forbidden(&bob.post("/api/orders/7/process", &Value::Null), NEEDS_BOTH, &PROCESS, &holds);
    forbidden(&bob.delete(&path(&bob)), NEEDS_DELETE, &["users:delete"], &holds);
    denied(&bob.get(&path(&alice)));

    let holds = ["orders:process", "orders:read", "users:create"];
    forbidden(&ops.get("/api/users"), NEEDS_READ, &["users:read"], &holds);
    ops.post("/api/users", &newcomer("by.ops@example.com")).is(201);
    assert_eq!(import(&ops).status, 202);
    // When they may is said elsewhere.
    assert!([200, 422].contains(&ops.post("/api/orders/7/process", &Value::Null).status));
    forbidden(&ops.delete(&path(&bob)), NEEDS_DELETE, &["users:delete"], &holds);
    denied(&ops.get(&path(&alice)));

    let holds = ["users:admin", "users:create", "users:delete", "users:read"];
    assert_eq!(root.get("/api/users").is(200).as_array().unwrap().len(), 6);
    root.post("/api/users", &newcomer("by.root@example.com")).is(201);
    assert_eq!(import(&root).status, 202);
    forbidden(&root.post("/api/orders/7/process", &Value::Null), NEEDS_BOTH, &PROCESS, &holds);
    for caller in [&alice, &bob, &ops, &root] {
        // Their own, and those of others for who administers them.
        let own = caller.get(&path(caller)).is(200);
        assert_eq!((&own, &own["id"]), (&root.get(&path(caller)).is(200), &json!(caller.id)));
    }
    assert_eq!(root.delete(&path(&bob)).status, 204);
}

#[test]
fn every_route_that_is_not_public_wants_a_token_before_anything_else() {
    let program = Program::start();
    for path in ["/api/context", "/api/users", "/api/users/1"] {
        unauthorized(&program.get(path));
        for bad in ["", "x", "a.b.c"] {
            unauthorized(&program.by(bad).get(path));
        }
    }
    unauthorized(&program.send(http::Method::DELETE, "/api/users/1", &[], ""));
    for path in ["/api/users", "/api/orders/7/process", "/api/orders/x/process", "/api/bulk-import"] {
        // Nothing of the body is read for it, nor for what they hold.
        unauthorized(&program.send(http::Method::POST, path, &[("content-type", "application/json")], "{"));
        assert_eq!(program.minted("eve|1", &[]).post(path, &json!([1])).status, 403, "{path}");
    }
    // Nothing but a bearer token is one.
    let token = program.signed_in(ROOT).token;
    for (name, value) in [
        ("authorization", token.clone()),
        ("authorization", format!("Basic {token}")),
        ("authorization", format!("ApiKey {token}")),
        ("x-api-key", token.clone()),
        ("cookie", format!("access_token={token}")),
        ("cookie", format!("token={token}")),
    ] {
        unauthorized(&program.send(http::Method::GET, "/api/users", &[(name, &value)], ""));
    }
    unauthorized(&program.get(&format!("/api/users?access_token={token}")));
    // Of two nobody can tell which is meant. The scheme has no case (RFC 9110, section 11.1).
    let bearer = format!("Bearer {token}");
    let twice = [("authorization", &*bearer), ("authorization", &*bearer)];
    unauthorized(&program.send(http::Method::GET, "/api/users", &twice, ""));
    let shouted = format!("BEARER {token}");
    assert_eq!(program.send(http::Method::GET, "/api/users", &[("authorization", &shouted)], "").status, 200);
}

#[test]
fn public_routes_look_at_no_credential() {
    let program = Program::start();
    for path in ["/api/products", "/health", "/"] {
        assert_eq!(program.get(path).status, 200, "{path}");
        assert_eq!(program.by("not.a.token").get(path).status, 200, "{path}");
    }
    assert!(program.get("/api/products").is(200).is_array());
    let health = program.get("/health").is(200);
    assert_eq!((&health["status"], health["version"].is_string()), (&json!("ok"), true));
    let page = program.get("/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.body.as_str().unwrap().starts_with("<!doctype html>"));
    let body = newcomer("ada@example.com");
    program.by("not.a.token").post("/api/auth/register", &body).is(201);
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    program.by("not.a.token").post("/api/auth/login", &login).is(200);
}

#[test]
fn a_permission_is_its_exact_name() {
    let program = Program::start();
    for other in ["users:admin", "users:write", "users:reads", "user:read", "users.read", "*", "users:*", "*:*"] {
        let answer = program.minted("eve|1", &[other]).get("/api/users");
        forbidden(&answer, NEEDS_READ, &["users:read"], &[other]);
    }
    assert_eq!(program.minted("eve|1", &["users:read"]).get("/api/users").status, 200);
    let answer = program.minted("eve|1", &["users:admin"]).post("/api/users", &newcomer("x@example.com"));
    forbidden(&answer, NEEDS_CREATE, &["users:create"], &["users:admin"]);
}

#[test]
fn of_several_permissions_those_that_are_missing_are_named() {
    let program = Program::start();
    for (held, message) in [
        (&[][..], NEEDS_BOTH),
        (&["users:read"], NEEDS_BOTH),
        (&["orders:read"], "Missing required permission: orders:process"),
        (&["orders:process"], "Missing required permission: orders:read"),
    ] {
        let answer = program.minted("eve|1", held).post("/api/orders/7/process", &Value::Null);
        forbidden(&answer, message, &PROCESS, held);
    }
}

#[test]
fn a_handler_knows_who_calls() {
    let program = Program::start();
    for (email, name, permissions) in [
        (ALICE, "Alice", json!(["orders:read", "users:create", "users:read"])),
        (BOB, "Bob", json!(["users:read"])),
        (OPS, "Ops", json!(["orders:process", "orders:read", "users:create"])),
        (ROOT, "Root", json!(["users:admin", "users:create", "users:delete", "users:read"])),
    ] {
        let caller = program.signed_in(email);
        let answer = caller.get("/api/context");
        let correlation = answer.header("x-correlation-id").unwrap().to_owned();
        let context = answer.is(200);
        let names: Vec<&String> = context.as_object().unwrap().keys().collect();
        assert_eq!(names, ["correlationId", "email", "name", "permissions", "timestamp", "userId"]);
        assert_eq!(
            (&context["userId"], &context["email"], &context["name"], &context["permissions"]),
            (&json!(caller.id), &json!(email), &json!(name), &permissions)
        );
        assert_eq!(context["correlationId"], correlation);
        assert!(context["timestamp"].as_str().unwrap().ends_with('Z'), "{context}");
    }
}
