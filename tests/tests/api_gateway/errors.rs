//! Every refusal has one form, and a name to ask for it by.

use auth_tests::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::refusals::{invalid, not_found, refused};
use crate::stage::{OPS, PASSWORD, Program, ROOT};

const READERS: [&str; 6] = [
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/auth/reset-password",
    "/api/users",
    "/api/bulk-import",
];

#[test]
fn what_is_no_json_is_refused_everywhere() {
    let program = Program::start();
    let root = format!("Bearer {}", program.signed_in(ROOT).token);
    let send = |path: &str, media: &str, body: &str| {
        program.send(Method::POST, path, &[("authorization", &root), ("content-type", media)], body)
    };
    let no_json = json!({ "error": "BadRequest", "message": "The body is not valid JSON." });
    let no_object = json!({ "error": "BadRequest", "message": "The body must be a JSON object." });
    let message = "The body must be JSON (content-type: application/json).";
    let no_media = json!({ "error": "UnsupportedMediaType", "message": message });
    for path in READERS {
        for broken in ["{", "{\"email\":", "nonsense", "\u{1}", "{\"email\" 1}"] {
            refused(&send(path, "application/json", broken), 400, &no_json);
        }
        for other in ["[]", "[{}]", "\"text\"", "1", "null", "true"] {
            refused(&send(path, "application/json", other), 400, &no_object);
        }
        for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
            refused(&send(path, media, "{}"), 415, &no_media);
        }
        let large = format!("{{\"email\":\"{}\"}}", "x".repeat(5_000_000));
        let answer = send(path, "application/json", &large);
        assert_eq!((answer.status, &answer.body["error"]), (413, &json!("PayloadTooLarge")), "{path}");
    }
    // A field that is given twice is no field, since two readers could each see another one.
    let twice = format!(r#"{{"email":"a@example.com","email":"b@example.com","password":"{PASSWORD}","name":"A"}}"#);
    assert_eq!(send("/api/auth/register", "application/json", &twice).status, 400);
    // Any name of JSON will do.
    for media in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        invalid(&send("/api/auth/login", media, "{}"), &["email", "password"]);
    }
}

/// What a request is called, in the header, in the body of a refusal, and in what handlers know.
fn names(program: &Program, given: Option<&str>) -> [String; 3] {
    let given: Vec<(&str, &str)> = given.iter().map(|given| ("x-correlation-id", *given)).collect();
    let header = |answer: &Answer| answer.header("x-correlation-id").unwrap().to_owned();
    let (refusal, public) =
        (program.send(Method::GET, "/api/users", &given, ""), program.send(Method::GET, "/api/products", &given, ""));
    assert_eq!(refusal.body["correlationId"], header(&refusal));
    let known = program.minted("eve|1", &[]).send(Method::GET, "/api/context", &given, &Value::Null);
    assert_eq!(known.body["correlationId"], header(&known));
    [header(&refusal), header(&public), header(&known)]
}

#[test]
fn a_request_has_the_name_that_it_brings_when_that_is_one() {
    let program = Program::start();
    for name in ["a", "abc-1.2_3", "cor_", "...", &"x".repeat(128), "0190c6a0-f6f7-4c7f-8d1f-0a0b0c0d0e0f"] {
        assert_eq!(names(&program, Some(name)), [name; 3]);
    }
}

#[test]
fn a_request_without_a_good_name_is_given_one_that_nobody_else_has() {
    let program = Program::start();
    let mut given: Vec<String> = names(&program, None).into();
    for bad in ["", "a b", "a/b", "a:b", "<script>", "a,b", "a\"b", "a\tb", "abc\u{e9}", &"x".repeat(129)] {
        given.extend(names(&program, Some(bad)));
    }
    for name in &given {
        let rest = name.strip_prefix("cor_").unwrap();
        let is_plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        assert!(rest.len() >= 16 && is_plain, "{name}");
    }
    let count = given.len();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), count);
}

#[test]
fn every_answer_of_a_known_route_has_a_name() {
    let program = Program::start();
    let ops = program.signed_in(OPS);
    for (status, answer) in [
        (200, program.get("/health")),
        (200, program.get("/")),
        (200, program.get("/api/products")),
        (400, program.post("/api/auth/login", &json!({}))),
        (401, program.get("/api/context")),
        (403, ops.get("/api/users")),
        (405, program.send(Method::PUT, "/api/products", &[], "")),
        (204, program.post("/api/auth/logout", &json!({}))),
    ] {
        assert_eq!(answer.status, status);
        assert!(answer.header("x-correlation-id").is_some_and(|name| name.starts_with("cor_")), "{answer:?}");
    }
}

#[test]
fn what_is_not_there_is_404_in_the_same_form() {
    let program = Program::start();
    let root = program.signed_in(ROOT);
    for path in ["/nowhere", "/api", "/api/nowhere", "/api/auth/nothing", "/api/users/", "/API/USERS"] {
        for answer in [program.get(path), root.get(path), program.post(path, &json!({}))] {
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.body["error"], "NotFound", "{path}: {answer:?}");
            let message = answer.body["message"].as_str().unwrap().to_owned();
            not_found(&answer, &message);
        }
    }
}

#[test]
fn another_method_is_405() {
    let program = Program::start();
    for (method, path) in
        [(Method::GET, "/api/auth/login"), (Method::PUT, "/api/products"), (Method::DELETE, "/health")]
    {
        assert_eq!(program.send(method, path, &[], "").status, 405, "{path}");
    }
}
