//! The second layer over users: whose account it is, and that nobody deletes their own.

use http::Method;
use serde_json::{Value, json};

use crate::refusals::{denied, forbidden, invalid, not_found, refused, rule_violation, unauthorized};
use crate::stage::{ALICE, BOB, Caller, OPS, PASSWORD, Program, ROOT};

const OWN: &str = "You cannot delete your own account.";
const NONE: &str = "There is no such user.";
/// The id of nobody.
const NOBODY: &str = "00000000000000000000000000000000";

fn path(id: &str) -> String {
    format!("/api/users/{id}")
}

/// An id in other letters, and as other programs write it.
fn spellings(id: &str) -> [String; 3] {
    let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
    [id.to_uppercase(), parts.join("-"), format!("urn:uuid:{}", parts.join("-"))]
}

#[test]
fn users_are_listed_in_order_and_as_everybody_sees_them() {
    let program = Program::start();
    let everybody = [(ALICE, "Alice"), (BOB, "Bob"), (OPS, "Ops"), (ROOT, "Root")];
    let expected =
        everybody.map(|(email, name)| json!({ "id": program.signed_in(email).id, "email": email, "name": name }));
    let bob = program.signed_in(BOB);
    assert_eq!(bob.get("/api/users").is(200), json!(expected));
    assert_eq!(bob.get("/api/users?limit=2").is(200), json!(expected[..2]));
    let next = format!("/api/users?limit=2&after={}", expected[1]["id"].as_str().unwrap());
    assert_eq!(bob.get(&next).is(200), json!(expected[2..]));
    for bad in ["limit=0", "limit=101", "limit=x", "limit=-1", "after=x"] {
        invalid(&bob.get(&format!("/api/users?{bad}")), &[bad.split_once('=').unwrap().0]);
    }
}

#[test]
fn an_account_is_for_its_owner_and_for_who_administers_all() {
    let program = Program::start();
    let [alice, root] = [ALICE, ROOT].map(|email| program.signed_in(email));
    let expected = json!({ "id": alice.id, "email": ALICE, "name": "Alice" });
    assert_eq!(alice.get(&path(&alice.id)).is(200), expected);
    assert_eq!(root.get(&path(&alice.id)).is(200), expected);
    // Whoever has signed the token. The owner needs no permission for it.
    assert_eq!(program.minted(&alice.id, &[]).get(&path(&alice.id)).is(200), expected);
    assert_eq!(program.minted("eve|1", &["users:admin"]).get(&path(&alice.id)).is(200), expected);
    let strangers = [
        program.signed_in(BOB),
        program.minted("eve|1", &["users:read", "users:create", "users:delete"]),
        program.minted(&root.id, &[]),
        program.minted(ALICE, &[]),
        program.minted(&alice.id[1..], &[]),
    ];
    for stranger in strangers {
        // Whether there is such a user is not for them to know.
        for id in [&*alice.id, NOBODY, "me", "x"] {
            denied(&stranger.get(&path(id)));
        }
    }
    for spelling in spellings(&alice.id) {
        let status = program.minted(&spelling, &[]).get(&path(&alice.id)).status;
        assert!([401, 403].contains(&status), "{spelling}: {status}");
    }
    for id in [NOBODY, "me", "x", "%00", "..%2f..%2fhealth", &"9".repeat(500)] {
        not_found(&root.get(&path(id)), NONE);
    }
}

#[test]
fn nobody_deletes_themselves_whatever_they_hold_and_whoever_signed_their_token() {
    let program = Program::start();
    let root = program.signed_in(ROOT);
    rule_violation(&root.delete(&path(&root.id)), OWN);
    // The same address, written in another way.
    rule_violation(&root.delete(&path(&format!("%{:x}{}", root.id.as_bytes()[0], &root.id[1..]))), OWN);
    for held in [&["users:delete"][..], &["users:admin", "users:delete"]] {
        rule_violation(&program.minted(&root.id, held).delete(&path(&root.id)), OWN);
    }
    // Nor is a subject somebody else because it is written in another way.
    for spelling in spellings(&root.id) {
        for target in [&root.id, &spelling] {
            let status = program.minted(&spelling, &["users:admin", "users:delete"]).delete(&path(target)).status;
            assert!([401, 403, 404, 422].contains(&status), "{spelling} deletes {target}: {status}");
        }
    }
    assert_eq!(root.get(&path(&root.id)).is(200)["email"], ROOT);
    program.signed_in(ROOT);
}

/// There are more ways to the engine than the routes of the contract. None of them is to lead around a policy.
#[test]
fn nor_do_they_by_an_endpoint_of_the_engine() {
    let program = Program::start();
    let login = json!({ "email": ROOT, "password": PASSWORD });
    let session = program.post("/account/sign-in/email", &login).body["token"].as_str().unwrap_or_default().to_owned();
    let root = program.signed_in(ROOT);
    for caller in [&program.by(session), &root] {
        caller.post("/account/delete-user", &json!({ "password": PASSWORD }));
    }
    let still_there = program.log_in(ROOT, PASSWORD);
    assert_eq!(still_there.status, 200, "root has deleted themselves: {}", still_there.body);
}

#[test]
fn the_permission_of_the_route_comes_first_then_yourself_then_the_administrator() {
    let program = Program::start();
    let [alice, bob] = [ALICE, BOB].map(|email| program.signed_in(email).id);
    let by = |held: &[&str], target: &str| program.minted(&alice, held).delete(&path(target));
    let missing = "Missing required permission: users:delete";
    for target in [&alice, &bob, NOBODY] {
        for held in [&[][..], &["users:admin"], &["users:admin", "users:read"]] {
            forbidden(&by(held, target), missing, &["users:delete"], held);
        }
    }
    rule_violation(&by(&["users:delete"], &alice), OWN);
    denied(&by(&["users:delete"], &bob));
    denied(&by(&["users:delete"], NOBODY));
    rule_violation(&by(&["users:delete", "users:admin"], &alice), OWN);
    not_found(&by(&["users:delete", "users:admin"], NOBODY), NONE);
    assert_eq!(by(&["users:delete", "users:admin"], &bob).status, 204);
}

#[test]
fn whoever_was_deleted_is_gone_and_cannot_sign_in() {
    let program = Program::start();
    let [root, bob] = [ROOT, BOB].map(|email| program.signed_in(email));
    program.post("/api/auth/reset-password", &json!({ "email": BOB })).is(202);
    let link = program.mail_to(BOB)["token"].clone();
    let answer = root.delete(&path(&bob.id));
    assert_eq!((answer.status, &answer.body), (204, &Value::Null));
    not_found(&root.get(&path(&bob.id)), NONE);
    not_found(&root.delete(&path(&bob.id)), NONE);
    let listed = root.get("/api/users").is(200);
    assert!(!listed.to_string().contains(&bob.id) && !listed.to_string().contains(BOB), "{listed}");
    let invalid = json!({ "error": "Unauthorized", "message": "Invalid credentials" });
    refused(&program.log_in(BOB, PASSWORD), 401, &invalid);
    unauthorized(&program.post("/api/auth/refresh", &json!({ "refreshToken": bob.refresh })));
    let reset = json!({ "token": link, "newPassword": "Marble-Falcon-77" });
    assert_eq!(program.post("/api/auth/reset-password", &reset).status, 400);
    // Their last access token is believed until it expires, and finds nobody.
    not_found(&bob.get(&path(&bob.id)), NONE);
    // The address is free again, and nothing of what was held comes with it.
    let body = json!({ "email": BOB, "password": PASSWORD, "name": "Another Bob" });
    assert_ne!(program.post("/api/auth/register", &body).is(201)["id"], json!(bob.id));
    assert_eq!(program.signed_in(BOB).get("/api/context").is(200)["permissions"], json!([]));
}

#[test]
fn what_is_imported_is_counted() {
    let program = Program::start();
    let ops = program.signed_in(OPS);
    let import = |caller: &Caller<'_>, items: Value| caller.post("/api/bulk-import", &json!({ "items": items }));
    assert_eq!(import(&ops, json!([])).is(202), json!({ "accepted": 0 }));
    assert_eq!(import(&ops, json!([{ "name": "Ada" }, 1, null])).is(202), json!({ "accepted": 3 }));
    for bad in [json!(null), json!({}), json!("x"), json!(1)] {
        invalid(&import(&ops, bad), &["items"]);
    }
    invalid(&ops.post("/api/bulk-import", &json!({})), &["items"]);
    assert_eq!(ops.send(Method::GET, "/api/bulk-import", &[], &Value::Null).status, 405);
}
