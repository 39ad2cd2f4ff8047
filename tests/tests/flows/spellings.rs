//! A path may be written in many ways: none of them leads past the rule of its route.

use auth_tests::{Stack, flows};
use http::Method;

flows![no_spelling_of_a_path_leads_past_its_rule];

/// Ways to write `/reports`, or to hope that it is read so.
const SPELLINGS: &[&str] = &[
    "/reports",
    "/reports/",
    "//reports",
    "///reports",
    "/reports//",
    "/./reports",
    "/.//reports",
    "/reports/.",
    "/reports/..",
    "/reports/../reports",
    "/products/../reports",
    "/products/..%2freports",
    "/products/%2e%2e/reports",
    "/products/%2E%2E/reports",
    "/products/..;/reports",
    "/products;/../reports",
    "/reports;",
    "/reports;x=1",
    "/;/reports",
    "/reports%20",
    "/%20reports",
    "/reports%09",
    "/reports%00",
    "/reports%0a",
    "/reports%0d%0a",
    "/reports%2f",
    "/%2freports",
    "/%2Freports",
    "/%2e/reports",
    "/reports%2e",
    "/reports.",
    "/reports..",
    "/reports.json",
    "/reports%3f",
    "/reports?",
    "/reports??",
    "/reports?public=1",
    "/reports?_method=GET",
    "/reports&",
    "/reports%23",
    "/reports%23/products",
    "/reports%3b",
    "/Reports",
    "/REPORTS",
    "/rEPORTS",
    "/r%65ports",
    "/%72eports",
    "/%72%65%70%6f%72%74%73",
    "/%2572eports",
    "/%252freports",
    "/report%73",
    "/reports%c0%af",
    "/%c0%afreports",
    "/%e2%80%8breports",
    "/reports%e2%80%8b",
    "/%ef%bc%8freports",
    "/reports%ff",
    "/reports/index",
    "/reports/index.html",
    "/reports/*",
    "/reports/%2a",
    "/*",
    "/public/../reports",
    "/products/reports",
    "/reports/products",
    "/api/../reports",
    "/api/auth/../../reports",
    "/api/auth/..%2f..%2freports",
    "/api/auth/%2e%2e/%2e%2e/reports",
    "/api/auth//reports",
    "/api/auth/reports",
    "/health/../reports",
    "/health%2f..%2freports",
    "/health;/../reports",
    "/reports\\",
    "/\\reports",
    "/reports%5c",
    "/%5creports",
    "/products%5c..%5creports",
    "/reports~",
    "/reports'",
    "/reports%22",
    "/reports+",
    "/reports@",
    "/reports:80",
    "/reports,",
];

/// What asks a program to read a request as another one.
const OVERRIDES: &[(&str, &str)] = &[
    ("x-http-method-override", "GET"),
    ("x-method-override", "GET"),
    ("x-http-method", "GET"),
    ("x-original-url", "/reports"),
    ("x-rewrite-url", "/reports"),
    ("x-forwarded-prefix", "/reports"),
    ("x-forwarded-uri", "/reports"),
    ("x-forwarded-host", "localhost"),
    ("forwarded", "for=127.0.0.1;host=localhost"),
    ("x-forwarded-for", "127.0.0.1"),
    ("host", "localhost"),
];

async fn no_spelling_of_a_path_leads_past_its_rule(stack: Stack) {
    assert!(SPELLINGS.len() >= 80, "{}", SPELLINGS.len());
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let methods = [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PUT, Method::TRACE];
    for path in SPELLINGS {
        // What is no address at all comes from no client.
        if path.parse::<http::Uri>().is_err() {
            continue;
        }
        for method in &methods {
            for actor in [&app.anon(), &ada] {
                let reply = actor.request(method.clone(), path).send().await;
                assert!(!reply.text().contains("42"), "{method} {path}: {reply:?}");
                let is_refused = matches!(reply.status.as_u16(), 400 | 401 | 403 | 404 | 405);
                // Whoever reaches another route that is public reaches just that.
                let is_public = reply.text().contains("products") || reply.text().contains("\"ok\"");
                assert!(is_refused || is_public, "{method} {path}: {reply:?}");
            }
        }
    }
    for (name, value) in OVERRIDES {
        for (method, path) in [(Method::GET, "/reports"), (Method::POST, "/reports"), (Method::HEAD, "/reports")] {
            let reply = ada.request(method, path).header(name, value).send().await;
            assert!(matches!(reply.status.as_u16(), 403..=405), "{name}: {reply:?}");
        }
        let reply = app.anon().request(Method::GET, "/products").header(name, value).send().await;
        assert!(!reply.text().contains("42"), "{name}: {reply:?}");
    }
    app.grant("ada@example.com", "ADMIN", "reporter", &["reports:read"]).await;
    assert!(ada.get("/reports").await.text().contains("42"), "the handler is there");
}
