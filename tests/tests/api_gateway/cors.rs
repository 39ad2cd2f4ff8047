//! Which pages may read the answers, refusals among them.

use auth_tests::Answer;
use http::Method;
use serde_json::Value;

use crate::refusals::{standing, too_many};
use crate::stage::{OPS, Program};

const PAGE: &str = "https://app.example.com";
const ORIGINS: (&str, &str) = ("CORS_ORIGINS", "https://app.example.com, https://admin.example.com");
const PREFIX: &str = "access-control-";

/// Asks whether a page may send that.
fn preflight(program: &Program, path: &str, origin: &str, method: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "authorization, content-type"),
    ];
    program.send(Method::OPTIONS, path, &headers, "")
}

/// The words of a header that lists some, in lower case.
fn words(answer: &Answer, name: &str) -> Vec<String> {
    let values = answer.headers.get_all(name).iter();
    let text = values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(",");
    text.split(',').map(|word| word.trim().to_ascii_lowercase()).collect()
}

#[track_caller]
fn varies_by_origin(answer: &Answer) {
    assert!(words(answer, "vary").contains(&"origin".to_owned()), "{answer:?}");
}

/// That this page may read it, as it is.
#[track_caller]
fn is_shared_with(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{answer:?}");
    assert_eq!(answer.headers.get_all("access-control-allow-origin").iter().count(), 1);
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    varies_by_origin(answer);
}

#[track_caller]
fn is_shared_with_nobody(answer: &Answer) {
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with(PREFIX)), "{answer:?}");
    varies_by_origin(answer);
}

/// Whatever a page is answered, by status; the token is of somebody who may not everything.
fn answers(program: &Program, origin: &str) -> Vec<Answer> {
    let ops = program.signed_in(OPS);
    let (origin, none) = (&[("origin", origin)][..], Value::Null);
    let text = [origin, &[("content-type", "text/plain")]].concat();
    vec![
        program.send(Method::GET, "/api/products", origin, ""),
        ops.send(Method::GET, "/api/context", origin, &none),
        program.send(Method::POST, "/api/auth/logout", origin, ""),
        program.send(
            Method::POST,
            "/api/auth/register",
            &[origin, &[("content-type", "application/json")]].concat(),
            "{}",
        ),
        program.send(Method::GET, "/api/users", origin, ""),
        ops.send(Method::GET, "/api/users", origin, &none),
        ops.send(Method::GET, "/api/users/1", origin, &none),
        program.send(Method::PUT, "/api/products", origin, ""),
        program.send(Method::POST, "/api/auth/login", &text, "{}"),
        program.send(Method::GET, "/health", origin, ""),
    ]
}

#[test]
fn a_preflight_is_answered_to_the_pages_that_are_named_without_a_token() {
    let program = Program::with(&[ORIGINS]);
    for path in ["/api/users", "/api/users/1", "/api/orders/7/process", "/api/products", "/api/auth/login"] {
        for origin in [PAGE, "https://admin.example.com"] {
            let answer = preflight(&program, path, origin, "DELETE");
            assert_eq!((answer.status, &answer.body), (204, &Value::Null));
            is_shared_with(&answer, origin);
            let methods = words(&answer, "access-control-allow-methods");
            for method in ["get", "post", "put", "delete", "patch", "options"] {
                assert!(methods.contains(&method.to_owned()), "{methods:?}");
            }
            let headers = words(&answer, "access-control-allow-headers");
            assert!(["content-type", "authorization"].iter().all(|name| headers.contains(&(*name).to_owned())));
            assert_eq!(answer.header("access-control-max-age"), Some("86400"));
        }
    }
}

#[test]
fn every_answer_says_whether_the_page_may_read_it() {
    let program = Program::with(&[ORIGINS]);
    let mut statuses = Vec::new();
    for answer in answers(&program, PAGE) {
        is_shared_with(&answer, PAGE);
        let exposed = words(&answer, "access-control-expose-headers");
        for name in ["x-correlation-id", "retry-after", "x-ratelimit-remaining"] {
            assert!(exposed.contains(&name.to_owned()), "{exposed:?}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 204, 400, 401, 403, 403, 405, 415, 200]);
    // Whoever is no page gets the same, without the headers of pages; caches are told all the same.
    is_shared_with_nobody(&program.get("/api/products"));
    is_shared_with_nobody(&program.get("/api/users"));
}

#[test]
fn pages_of_other_origins_read_nothing() {
    let program = Program::with(&[ORIGINS]);
    for origin in [
        "https://evil.test",
        "https://app.example.com.evil.test",
        "https://evil-app.example.com",
        "https://sub.app.example.com",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://app.example.com/",
        "HTTPS://APP.EXAMPLE.COM",
        "https://app.example.com, https://evil.test",
        "null",
        "*",
        "",
    ] {
        is_shared_with_nobody(&preflight(&program, "/api/users", origin, "GET"));
        is_shared_with_nobody(&program.send(Method::GET, "/api/products", &[("origin", origin)], ""));
        is_shared_with_nobody(&program.send(Method::GET, "/api/users", &[("origin", origin)], ""));
    }
    for answer in answers(&program, "https://evil.test") {
        is_shared_with_nobody(&answer);
    }
    let two = [("origin", PAGE), ("origin", "https://evil.test")];
    is_shared_with_nobody(&program.send(Method::GET, "/api/products", &two, ""));
}

#[test]
fn without_origins_nobody_but_the_programs_own_page_reads_anything() {
    let program = Program::start();
    for answer in [
        program.send(Method::GET, "/api/products", &[("origin", PAGE)], ""),
        program.send(Method::GET, "/api/users", &[("origin", PAGE)], ""),
        preflight(&program, "/api/users", PAGE, "GET"),
    ] {
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with(PREFIX)), "{answer:?}");
    }
}

#[test]
fn a_preflight_is_not_counted_and_a_refusal_by_limits_may_be_read() {
    let program = Program::limited(&[ORIGINS]);
    for _ in 0..15 {
        let answer = preflight(&program, "/api/products", PAGE, "GET");
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (204, None));
    }
    let page = [("origin", PAGE)];
    for left in (0..10).rev() {
        assert_eq!(standing(&program.send(Method::GET, "/api/products", &page, "")), (10, left));
    }
    let refused = program.send(Method::GET, "/api/products", &page, "");
    too_many(&refused, 10, 60);
    is_shared_with(&refused, PAGE);
    assert_eq!(preflight(&program, "/api/products", PAGE, "GET").status, 204);
    // OPTIONS that is no preflight is a request like any other.
    assert!([405, 429].contains(&program.send(Method::OPTIONS, "/api/products", &page, "").status));
}
