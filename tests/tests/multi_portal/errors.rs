//! Every refusal has one form, and names what is wrong.

use http::Method;
use serde_json::{Value, json};

use crate::stage::{ADMIN, MEMBER, NOWHERE, PASSWORD, PORTAL, Program, ROOT, login};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Every route that reads a body, with whoever may call it.
const READERS: [&str; 5] = ["/auth/signup", "/auth/login", "/auth/refresh-token", "/auth/change-password", "/staff"];

#[test]
fn what_is_no_json_is_refused_everywhere() {
    let program = Program::start();
    let root = program.signed_in(ADMIN, ROOT);
    let bearer = format!("Bearer {}", root.access);
    let send = |path: &str, media: &str, body: &str| {
        let headers = [ADMIN, &[("authorization", &*bearer), ("content-type", media)]].concat();
        program.send_text(Method::POST, path, &headers, body)
    };
    for path in READERS {
        for broken in ["{", "{\"email\":", "nonsense", "{\"email\" 1}", "\u{1}"] {
            send(path, "application/json", broken).refused(400, "BAD_REQUEST");
        }
        for other in ["\"text\"", "1", "null", "true"] {
            send(path, "application/json", other).refused(400, "BODY_MUST_BE_AN_OBJECT");
        }
        for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
            send(path, media, "{}").refused(415, "UNSUPPORTED_MEDIA_TYPE");
        }
    }
    for path in ["/auth/signup", "/auth/login"] {
        for list in ["[]", "[{}]"] {
            send(path, "application/json", list).refused(400, "BODY_MUST_BE_AN_OBJECT");
        }
    }
    send("/auth/logout", "application/json", "{").refused(400, "BAD_REQUEST");
    send("/auth/logout", "text/plain", "{}").refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(root.get("/auth/me").status, 200);
}

#[test]
fn a_field_that_is_missing_or_of_another_type_is_named() {
    let program = Program::start();
    let cases = [
        ("/auth/login", json!({}), &["providerName", "credentials"][..]),
        ("/auth/login", json!({ "providerName": "email" }), &["credentials"]),
        ("/auth/login", json!({ "providerName": "email", "credentials": {} }), &["credentials.email"]),
        ("/auth/login", json!({ "providerName": "email", "credentials": { "email": "x" } }), &["credentials.password"]),
        ("/auth/login", json!({ "providerName": "email", "credentials": "x" }), &["credentials"]),
        ("/auth/login", login(MEMBER, PASSWORD, json!({ "providerName": 1 })), &["providerName"]),
        (
            "/auth/login",
            login(MEMBER, PASSWORD, json!({ "providerName": 1, "tenantId": 1 })),
            &["providerName", "tenantId"],
        ),
        (
            "/auth/login",
            json!({ "providerName": "email", "credentials": { "email": 1, "password": "x" } }),
            &["credentials.email"],
        ),
        ("/auth/signup", json!({}), &["email", "password"]),
        ("/auth/signup", json!({ "email": MEMBER }), &["password"]),
        ("/auth/signup", json!({ "email": "nonsense" }), &["email", "password"]),
        ("/auth/signup", json!({ "email": "nonsense", "password": 1 }), &["email", "password"]),
        ("/auth/signup", json!({ "email": MEMBER, "password": PASSWORD, "name": [] }), &["name"]),
        ("/auth/refresh-token", json!({ "refreshToken": 1 }), &["refreshToken"]),
    ];
    for (path, body, fields) in cases {
        let answer = program.post(path, PORTAL, &body);
        assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), fields, "{path} {body}");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("[body.{}] ", fields[0])), "{message}");
    }
    // A field that is given twice is no field, since two readers could each see another one.
    let twice = format!(r#"{{"email":"a@acme.test","email":"b@acme.test","password":"{PASSWORD}"}}"#);
    program.send_text(Method::POST, "/auth/signup", &[JSON], &twice).refused(400, "BAD_REQUEST");
}

#[test]
fn an_address_that_is_none_and_a_provider_that_is_none_are_told() {
    let program = Program::start();
    for email in ["", "member", "member@", "@acme.test", "a b@acme.test"] {
        program.log_in(PORTAL, email).refused(400, "INVALID_EMAIL");
    }
    for provider in ["github", "", "EMAIL"] {
        let body = json!({ "providerName": provider });
        program.log_in_saying(PORTAL, MEMBER, body).refused(401, "INVALID_PROVIDER");
    }
}

#[test]
fn what_is_not_there_is_404_in_the_same_form() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    for path in ["/nowhere", "/auth", "/auth/login/", "/auth/nothing", "/staff/users", "/AUTH/LOGIN"] {
        program.get(path).refused(404, "NOT_FOUND");
        member.get(path).refused(404, "NOT_FOUND");
        program.post(path, PORTAL, &json!({})).refused(404, "NOT_FOUND");
    }
    // A known address with another method.
    for (method, path) in [(Method::GET, "/auth/login"), (Method::PUT, "/auth/signup"), (Method::POST, "/auth/csrf")] {
        assert_eq!(program.send(method, path, NOWHERE, &Value::Null).status, 405, "{path}");
    }
    program.send(Method::PATCH, "/auth/me", NOWHERE, &Value::Null).refused(401, "UNAUTHORIZED");
}

#[test]
fn an_identifier_that_is_none_is_named() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    let capitals = "A".repeat(32);
    for bad in ["x", "0", "../me", "%00", &*capitals] {
        let answer = member.delete(&format!("/auth/sessions/{}", bad.replace('/', "%2f")));
        assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), ["id"], "{bad}");
    }
    // What is no text names no field.
    member.delete("/auth/sessions/%ff").refused(400, "VALIDATION_ERROR");
    let root = program.signed_in(ADMIN, ROOT);
    root.delete("/staff/users/%ff/sessions/%ff").refused(400, "VALIDATION_ERROR");
    let answer = root.delete(&format!("/staff/users/x/sessions/{}", member.session()));
    assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), ["user"]);
    let answer = root.delete(&format!("/staff/users/{}/sessions/x", member.id()));
    assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), ["sid"]);
}

#[test]
fn a_refusal_has_a_name_to_ask_for_it_by() {
    let program = Program::start();
    let own = [("x-correlation-id", "abc-1.2_3")];
    let answer = program.log_in(&own, MEMBER);
    assert_eq!(answer.refused(401, "INVALID_CREDENTIALS").headers["x-correlation-id"], "abc-1.2_3");
    let made_up = program.log_in(&[("x-correlation-id", "two words")], MEMBER);
    assert!(made_up.headers["x-correlation-id"].to_str().unwrap().starts_with("cor_"));
}

#[test]
fn what_needs_nobody_is_open_and_everything_else_is_closed() {
    let program = Program::start();
    for path in ["/", "/health", "/auth/csrf"] {
        assert_eq!(program.get(path).status, 200, "{path}");
    }
    assert_eq!(program.get("/health").body["status"], "ok");
    let closed = ["/auth/me", "/auth/sessions", "/staff-area", "/staff-area/admin", "/portal-area", "/shop-area"];
    for path in closed {
        assert_eq!(program.get(path).refused(401, "UNAUTHORIZED").headers["www-authenticate"], "Bearer");
    }
    // Signing out succeeds for whoever is signed out.
    for path in ["/auth/logout", "/auth/logout-all"] {
        assert_eq!(program.post(path, NOWHERE, &json!({})).is(200), json!({ "success": true }));
    }
    for path in ["/auth/change-password", "/staff"] {
        // Before anything of the body is read.
        program.send_text(Method::POST, path, &[JSON], "{").refused(401, "UNAUTHORIZED");
    }
}
