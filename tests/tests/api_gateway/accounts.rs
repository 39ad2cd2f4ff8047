//! Registering, and signing in.

use http::Method;
use serde_json::{Value, json};

use crate::refusals::{forbidden, invalid, refused};
use crate::stage::{ALICE, BOB, FOREIGN, PASSWORD, Program, ROOT};

const REGISTER: &str = "/api/auth/register";
const EMAIL: &str = "ada@example.com";

fn ada() -> Value {
    json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace" })
}

/// The body of a registration, with something else in it; `null` takes it away.
fn but(changes: Value) -> Value {
    auth_tests::with(ada(), changes)
}

#[test]
fn whoever_registers_is_told_who_they_are_and_holds_nothing() {
    let program = Program::start();
    // What nobody asked for is not believed.
    let greedy = but(json!({ "permissions": ["users:admin"], "roles": ["administrator"], "id": "1", "role": "lead" }));
    let answer = program.post(REGISTER, &greedy);
    assert_eq!(answer.header("set-cookie"), None);
    let created = answer.is(201);
    let id = created["id"].as_str().unwrap();
    assert_eq!(created, json!({ "id": id, "email": EMAIL, "name": "Ada Lovelace" }));
    let user = program.log_in(EMAIL, PASSWORD).is(200)["user"].clone();
    assert_eq!(user, created);
    let ada = program.signed_in(EMAIL);
    assert_eq!(ada.get("/api/context").is(200)["permissions"], json!([]));
    forbidden(&ada.get("/api/users"), "Missing required permission: users:read", &["users:read"], &[]);
    assert_eq!(ada.get(&format!("/api/users/{id}")).is(200), created);
}

#[test]
fn whoever_is_created_by_others_can_sign_in_and_holds_nothing() {
    let program = Program::start();
    let created = program.signed_in(ALICE).post("/api/users", &ada()).is(201);
    assert_eq!(created, json!({ "id": created["id"], "email": EMAIL, "name": "Ada Lovelace" }));
    assert_eq!(program.signed_in(EMAIL).get("/api/context").is(200)["permissions"], json!([]));
}

#[test]
fn an_address_has_one_account() {
    let program = Program::start();
    let root = program.signed_in(ROOT);
    program.post(REGISTER, &ada()).is(201);
    let message = "There is an account with this e-mail address already.";
    let conflict = json!({ "error": "Conflict", "message": message });
    for email in [EMAIL, "ADA@EXAMPLE.COM", BOB] {
        let body = but(json!({ "email": email, "name": "Somebody else", "password": "Another-Horse-9" }));
        refused(&program.post(REGISTER, &body), 409, &conflict);
        refused(&root.post("/api/users", &body), 409, &conflict);
    }
    assert_eq!(program.log_in(EMAIL, "Another-Horse-9").status, 401);
    program.signed_in(EMAIL);
}

#[test]
fn of_those_who_register_an_address_at_once_one_has_it() {
    let program = Program::start();
    let mut statuses = std::thread::scope(|scope| {
        let all = [(); 4].map(|()| scope.spawn(|| program.post(REGISTER, &ada()).status));
        all.map(|one| one.join().unwrap())
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let program = Program::start();
    let root = program.signed_in(ROOT);
    let long = format!("{}@example.com", "x".repeat(250));
    let mut cases = vec![
        (json!({}), vec!["email", "name", "password"]),
        (json!({ "email": "nonsense", "password": "x", "name": "" }), vec!["email", "name", "password"]),
        (json!({ "email": 1, "password": [], "name": {} }), vec!["email", "name", "password"]),
        (but(json!({ "email": null, "name": null })), vec!["email", "name"]),
        (but(json!({ "email": long })), vec!["email"]),
        (but(json!({ "name": "x".repeat(256) })), vec!["name"]),
        (but(json!({ "name": " " })), vec!["name"]),
        (but(json!({ "name": "a\nb" })), vec!["name"]),
    ];
    for email in ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com, eve@example.com"] {
        cases.push((but(json!({ "email": email })), vec!["email"]));
    }
    for password in [
        "",
        "Horse-9",                              // 7 characters
        &format!("{}-Horse-9", "x".repeat(93)), // 101
        "correct-horse-9",
        "CORRECT-HORSE-9",
        "Correct-Horse-Nine",
        "Password1", // that everybody uses
    ] {
        cases.push((but(json!({ "password": password })), vec!["password"]));
    }
    for (body, fields) in cases {
        invalid(&program.post(REGISTER, &body), &fields);
        invalid(&root.post("/api/users", &body), &fields);
    }
    // Nobody has come of it.
    assert_eq!(root.get("/api/users").is(200).as_array().unwrap().len(), 4);
}

#[test]
fn what_is_just_within_the_rules_is_fine() {
    let program = Program::start();
    for (at, password) in ["Kx7-vQzm", &format!("{}-Horse-9", "x".repeat(92)), "Пароль-Horse-9"].into_iter().enumerate()
    {
        let email = format!("{at}@example.com");
        let name = "N".repeat([1, 255, 20][at]);
        program.post(REGISTER, &json!({ "email": email, "password": password, "name": name })).is(201);
        assert_eq!(program.log_in(&email, password).is(200)["user"]["name"], name);
    }
}

/// It is judged with the address, and so later than the rest; the field is named all the same.
#[test]
fn a_password_that_holds_the_address_is_refused_by_name() {
    let program = Program::start();
    invalid(&program.post(REGISTER, &but(json!({ "password": "Ada@example.com-9" }))), &["password"]);
}

#[test]
fn an_address_that_is_none_is_named_when_somebody_signs_in() {
    invalid(&Program::start().log_in("nonsense", PASSWORD), &["email"]);
}

#[test]
fn signing_in_gives_a_token_and_the_refresh_token_to_the_browser_alone() {
    let program = Program::start();
    let answer = program.log_in(ALICE, PASSWORD);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("refresh_token=") && pair.len() > 40, "{cookie}");
    // A month; not Secure, for this is plain http; of no other host.
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.is(200);
    let id = body["user"]["id"].as_str().unwrap();
    let user = json!({ "id": id, "email": ALICE, "name": "Alice" });
    assert_eq!(body, json!({ "token": body["token"], "expiresIn": 900, "user": user }));
    assert_eq!(program.by(body["token"].as_str().unwrap()).get("/api/context").is(200)["userId"], id);

    let behind_tls = Program::with(&[("BASE_URL", "https://api.example.com")]);
    let cookie = behind_tls.log_in(ALICE, PASSWORD).header("set-cookie").unwrap().to_owned();
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.split("; ").any(|found| found == attribute), "{cookie}");
    }
}

#[test]
fn whatever_is_wrong_with_a_sign_in_it_is_told_the_same() {
    let program = Program::start();
    for (email, password) in [
        (ALICE, "Correct-Horse-8"),
        (ALICE, ""),
        (ALICE, "correct-horse-9"),
        (BOB, "Correct-Horse-9 "),
        ("nobody@example.com", PASSWORD),
    ] {
        let answer = program.log_in(email, password);
        refused(&answer, 401, &json!({ "error": "Unauthorized", "message": "Invalid credentials" }));
        assert_eq!(answer.header("set-cookie"), None);
    }
    invalid(&program.post("/api/auth/login", &json!({})), &["email", "password"]);
    invalid(&program.post("/api/auth/login", &json!({ "email": ALICE, "password": 1 })), &["password"]);
}

#[test]
fn no_page_elsewhere_registers_a_visitor_or_signs_them_in() {
    let program = Program::start();
    let login = json!({ "email": ALICE, "password": PASSWORD });
    for (path, body) in [(REGISTER, ada()), ("/api/auth/login", login)] {
        let answer = program.post_with(path, &[FOREIGN], &body);
        refused(
            &answer,
            403,
            &json!({ "error": "Forbidden", "message": "Requests from this origin are not allowed." }),
        );
        assert_eq!(answer.header("set-cookie"), None);
        // Its own may.
        let own = program.post_with(path, &[("origin", program.address())], &body);
        assert!([200, 201].contains(&own.status), "{}", own.body);
    }
    // A form of another page has no JSON.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(program.send(Method::POST, "/api/auth/login", &form, "email=a&password=b").status, 415);
}
