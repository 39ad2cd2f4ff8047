//! What outlives the program.

use serde_json::json;

use crate::refusals::unauthorized;
use crate::stage::{ALICE, BOB, OPS, PASSWORD, Program, ROOT};

const NEW: &str = "Marble-Falcon-77";
/// What tokens are made for, and else the port, which is another one after a restart.
const BASE_URL: (&str, &str) = ("BASE_URL", "http://localhost:3000");

#[test]
fn users_roles_and_sessions_are_there_after_a_power_failure() {
    let mut program = Program::with(&[BASE_URL]);
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD, "name": "Ada" });
    program.post("/api/auth/register", &ada).is(201);
    let root = program.signed_in(ROOT);
    let gone = program.signed_in("ada@example.com").id;
    let kept =
        root.post("/api/users", &json!({ "email": "eve@example.com", "password": PASSWORD, "name": "Eve" })).is(201);
    assert_eq!(root.delete(&format!("/api/users/{gone}")).status, 204);
    program.post("/api/auth/reset-password", &json!({ "email": BOB })).is(202);
    let token = program.mail_to(BOB)["token"].clone();
    program.post("/api/auth/reset-password", &json!({ "token": token, "newPassword": NEW })).is(200);
    let (access, refresh, before) = (root.token.clone(), root.refresh.clone(), root.get("/api/users").is(200));
    let spent = program.signed_in(OPS).refresh;
    program.post("/api/auth/refresh", &json!({ "refreshToken": spent })).is(200);

    for _ in 0..2 {
        program.restart();
        // The fixture is created once, and nobody of it as they were.
        assert_eq!(program.by(&*access).get("/api/users").is(200), before);
        assert!(before.as_array().unwrap().contains(&kept));
        assert_eq!(program.log_in("ada@example.com", PASSWORD).status, 401);
        assert_eq!((program.log_in(BOB, PASSWORD).status, program.log_in(BOB, NEW).status), (401, 200));
        let alice = program.signed_in(ALICE).get("/api/context").is(200);
        assert_eq!(alice["permissions"], json!(["orders:read", "users:create", "users:read"]));
        let eve = program.signed_in("eve@example.com").get("/api/context").is(200);
        assert_eq!((&eve["userId"], &eve["permissions"]), (&kept["id"], &json!([])));
    }
    // A session goes on, and one of which a refresh token was used up is ended by its second use.
    program.post("/api/auth/refresh", &json!({ "refreshToken": refresh })).is(200);
    unauthorized(&program.post("/api/auth/refresh", &json!({ "refreshToken": spent })));
}

#[test]
fn a_secret_that_was_made_up_is_warned_of_and_its_tokens_end_with_it() {
    let mut program = Program::bare(&[BASE_URL]);
    let token = program.signed_in(ALICE).token;
    assert_eq!(program.by(&*token).get("/api/context").status, 200);
    let log = program.restart();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("JWT_SECRET is not set")), "{log}");
    unauthorized(&program.by(&*token).get("/api/context"));
    // People are there all the same.
    assert_eq!(program.signed_in(ALICE).get("/api/context").status, 200);
}
