//! A forgotten password, in two steps.

use auth_tests::Answer;
use serde_json::{Value, json};

use crate::refusals::{invalid, refused, unauthorized};
use crate::stage::{ALICE, BOB, FOREIGN, PASSWORD, Program};

const RESET: &str = "/api/auth/reset-password";
const NEW: &str = "Marble-Falcon-77";

/// Asks for a link, and tells the token in it.
#[track_caller]
fn link_of(program: &Program, email: &str) -> String {
    program.post(RESET, &json!({ "email": email })).is(202);
    program.mail_to(email)["token"].as_str().unwrap().to_owned()
}

fn set(program: &Program, token: &str, password: &str) -> Answer {
    program.post(RESET, &json!({ "token": token, "newPassword": password }))
}

/// A link that is none, or none any more.
#[track_caller]
fn is_dead(answer: &Answer) {
    refused(answer, 400, &json!({ "error": "BadRequest", "message": "The token is not valid, or not any more." }));
}

#[test]
fn a_link_sets_another_password_once_and_ends_every_session() {
    let program = Program::start();
    let [alice, elsewhere] = [(); 2].map(|()| program.signed_in(ALICE));
    let bob = program.signed_in(BOB);
    let asked = program.post(RESET, &json!({ "email": ALICE })).is(202);
    let mail = program.mail_to(ALICE);
    assert_eq!(mail["kind"], "reset-password");
    let (token, url) = (mail["token"].as_str().unwrap(), mail["url"].as_str().unwrap());
    // The mail goes to its owner, and nothing of it to whoever has asked.
    assert!(!asked.to_string().contains(token), "{asked}");
    let path = url.strip_prefix(program.address()).unwrap();
    assert!(path.contains(token), "{path}");
    assert_eq!(program.get(path).status, 200);
    // So far nothing has happened.
    program.signed_in(ALICE);

    let done = set(&program, token, NEW);
    assert_eq!(done.header("set-cookie"), None);
    assert_eq!(done.is(200).as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    refused(
        &program.log_in(ALICE, PASSWORD),
        401,
        &json!({ "error": "Unauthorized", "message": "Invalid credentials" }),
    );
    program.log_in(ALICE, NEW).is(200);
    for refresh in [&alice.refresh, &elsewhere.refresh] {
        unauthorized(&program.post("/api/auth/refresh", &json!({ "refreshToken": refresh })));
    }
    is_dead(&set(&program, token, "Another-Falcon-77"));
    program.log_in(ALICE, NEW).is(200);
    // Nobody else is concerned.
    program.post("/api/auth/refresh", &json!({ "refreshToken": bob.refresh })).is(200);
}

#[test]
fn nobody_learns_whether_there_is_an_account() {
    let program = Program::start();
    let [known, unknown] = [ALICE, "nobody@example.com"].map(|email| program.post(RESET, &json!({ "email": email })));
    assert_eq!((known.status, &known.body), (202, &unknown.body));
    assert_eq!(unknown.status, 202);
    let names = |answer: &Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
    let sent = program.get("/__outbox").is(200);
    assert!(sent.as_array().unwrap().iter().all(|mail| mail["to"] == ALICE), "{sent}");
}

#[test]
fn a_link_is_good_for_an_hour_and_for_its_owner() {
    let program = Program::start();
    let [early, late] = [ALICE, BOB].map(|email| link_of(&program, email));
    program.advance(3600 - 20);
    set(&program, &early, NEW).is(200);
    program.advance(20);
    is_dead(&set(&program, &late, NEW));
    program.log_in(ALICE, NEW).is(200);
    program.signed_in(BOB);
}

#[test]
fn a_step_that_is_wrong_changes_nothing_and_names_the_field() {
    let program = Program::start();
    let token = link_of(&program, ALICE);
    for bad in ["", "x", "rp_x", &token[..token.len() - 1], &token.to_uppercase(), &format!("{token}x")] {
        is_dead(&set(&program, bad, NEW));
    }
    for weak in ["", "Horse-9", "correct-horse-9", "CORRECT-HORSE-9", "Correct-Horse", "Password1"] {
        invalid(&set(&program, &token, weak), &["newPassword"]);
    }
    for (body, fields) in [
        (json!({}), &["email"][..]),
        (json!({ "email": "nonsense" }), &["email"]),
        (json!({ "email": 1 }), &["email"]),
        (json!({ "token": token }), &["newPassword"]),
        (json!({ "newPassword": NEW }), &["token"]),
        (json!({ "token": 1, "newPassword": "x" }), &["newPassword", "token"]),
        // One step at a time.
        (json!({ "email": ALICE, "token": token, "newPassword": NEW }), &["email"]),
    ] {
        invalid(&program.post(RESET, &body), fields);
    }
    for body in [json!({ "email": ALICE }), json!({ "token": token, "newPassword": NEW })] {
        assert_eq!(program.post_with(RESET, &[FOREIGN], &body).status, 403);
    }
    program.signed_in(ALICE);
    assert_eq!(program.get("/__outbox").is(200).as_array().map(Vec::len), Some(1));
    // This is seen only with the account, whose address it holds.
    assert_eq!(set(&program, &token, "Alice@example.com-9").status, 400);
    // What was refused has not used the link up.
    assert_ne!(set(&program, &token, NEW).is(200), Value::Null);
}
