//! What is secret stands in no answer but the one that gives it, in no log, and not as it is in the database.

use http::Method;
use serde_json::json;

use crate::stage::{ALICE, BOB, PASSWORD, Program, ROOT, SECRET, claims, refresh_token, signed};

const NEW: &str = "Marble-Falcon-77";

#[test]
fn no_password_hash_or_refresh_token_is_in_a_body_or_in_the_log() {
    let program = Program::with(&[("RUST_LOG", "trace")]);
    let (alice, bob, root) = (program.signed_in(ALICE), program.signed_in(BOB), program.signed_in(ROOT));
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD, "name": "Ada" });
    let minted = signed(&claims());

    let mut answers = vec![
        program.post("/api/auth/register", &ada),
        program.post("/api/auth/register", &ada),
        program.log_in("ada@example.com", PASSWORD),
        program.log_in("ada@example.com", NEW),
        root.get("/api/users"),
        root.get(&format!("/api/users/{}", alice.id)),
        root.get("/api/context"),
        alice.post("/api/users", &json!({ "email": "eve@example.com", "password": PASSWORD, "name": "Eve" })),
        program.by(&*minted).get("/api/context"),
        program.by(format!("{minted}x")).get("/api/context"),
        program.post("/api/auth/reset-password", &json!({ "email": BOB })),
    ];
    let link = program.mail_to(BOB);
    let token = link["token"].as_str().unwrap().to_owned();
    let url = link["url"].as_str().unwrap().strip_prefix(program.address()).unwrap();
    let page = program.get(url);
    answers.push(program.post("/api/auth/reset-password", &json!({ "token": token, "newPassword": NEW })));
    answers.push(program.post("/api/auth/reset-password", &json!({ "token": token, "newPassword": NEW })));
    let origin = program.address();
    let cookie = format!("refresh_token={}", alice.refresh);
    let next = program.send(Method::POST, "/api/auth/refresh", &[("cookie", &cookie), ("origin", origin)], "");
    let next_refresh = refresh_token(&next);
    answers.push(next);
    answers.push(program.post("/api/auth/refresh", &json!({ "refreshToken": alice.refresh })));
    answers.push(program.post("/api/auth/logout", &json!({ "refreshToken": root.refresh })));
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 409, 200, 401, 200, 200, 200, 201, 200, 401, 202, 200, 400, 200, 401, 204]);
    assert_eq!(page.status, 200);

    let refresh = [&alice.refresh, &bob.refresh, &root.refresh, &next_refresh].map(|token| &**token);
    for answer in &answers {
        let body = answer.body.to_string();
        for secret in [PASSWORD, NEW, SECRET, "$argon2", &token].iter().chain(&refresh) {
            assert!(!body.contains(secret), "{body}");
        }
        assert!(!body.to_lowercase().contains("refreshtoken"), "{body}");
    }

    // Nor as they were given, where the database lies. Its journal is among the files.
    let stored = program.stored();
    let is_stored = |secret: &str| stored.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(is_stored("ada@example.com"));
    for secret in [PASSWORD, NEW, SECRET, &alice.token].iter().chain(&refresh) {
        assert!(!is_stored(secret), "{secret}");
    }

    let secrets = [PASSWORD, NEW, SECRET, "$argon2", &token, &alice.token, &root.token, &minted];
    let secrets: Vec<String> = secrets.iter().chain(&refresh).map(|secret| (*secret).to_owned()).collect();
    drop((alice, bob, root));
    let log = program.into_log();
    assert!(log.contains("DEMO=1"), "{log}");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
}

#[test]
fn what_is_wrong_is_logged_and_not_told() {
    let program = Program::with(&[("RUST_LOG", "trace")]);
    let bad = signed(&auth_tests::with(claims(), json!({ "permissions": null })));
    let answer = program.by(&*bad).get("/api/context");
    let name = answer.body["correlationId"].as_str().unwrap().to_owned();
    assert!(!answer.is(401).to_string().contains("permissions"));
    let log = program.into_log();
    // Which claim it was stands there, by the name of the request.
    assert!(log.lines().any(|line| line.contains("permissions") && line.contains(&name)), "{log}");
}
