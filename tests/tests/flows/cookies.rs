//! The session cookie on its way out and back in.

use auth_core::http::CookieConfig;
use auth_tests::{Actor, PASSWORD, Stack, flows};
use http::Method;
use serde_json::json;

flows![
    on_https_the_cookie_is_bound_to_this_host,
    on_http_it_is_a_plain_name,
    a_prefix_and_a_domain_are_configurable,
    two_cookies_of_the_name_prove_nothing,
    a_flood_of_cookies_is_not_looked_up_at_sign_out,
    another_application_s_cookies_do_not_matter,
    a_bearer_beats_a_cookie,
    a_bad_bearer_never_falls_through_to_a_good_cookie,
    a_malformed_credential_is_refused_everywhere,
];

fn attributes(line: &str) -> Vec<&str> {
    let mut attributes: Vec<&str> = line.split("; ").skip(1).collect();
    attributes.sort_unstable();
    attributes
}

async fn on_https_the_cookie_is_bound_to_this_host(stack: Stack) {
    let app = stack.app_with(|builder| builder.base_url("https://api.example.com")).await;
    let reply = app.anon().sign_up("ada@example.com").await;
    let [line] = &*reply.set_cookies() else { panic!("{:?}", reply.set_cookies()) };
    assert_eq!(*line.split('=').next().unwrap(), *"__Host-auth.session_token");
    assert_eq!(attributes(line), ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax", "Secure"]);
    let ada = app.signed_in("ada@example.com").await;
    assert!(ada.is_signed_in().await);
    let cleared = ada.auth_post("/sign-out", json!({})).await;
    assert_eq!(attributes(cleared.set_cookies()[0]), ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]);
}

async fn on_http_it_is_a_plain_name(stack: Stack) {
    let app = stack.app().await;
    let reply = app.anon().sign_up("ada@example.com").await;
    assert!(reply.set_cookies()[0].starts_with("auth.session_token="));
    assert_eq!(attributes(reply.set_cookies()[0]), ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax"]);
}

async fn a_prefix_and_a_domain_are_configurable(stack: Stack) {
    let cookies = CookieConfig::default().prefix("shop").domain("example.com");
    let app = stack.app_with(|builder| builder.base_url("https://api.example.com").cookies(cookies)).await;
    let reply = app.anon().sign_up("ada@example.com").await;
    assert!(reply.set_cookies()[0].starts_with("__Secure-shop.session_token="));
    let attributes = attributes(reply.set_cookies()[0]);
    assert_eq!(attributes, ["Domain=example.com", "HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax", "Secure"]);
}

async fn with_cookie_line(actor: &Actor, path: &str, line: &str) -> u16 {
    actor.request(Method::GET, path).header("cookie", line).send().await.status.as_u16()
}

/// Cookie tossing: a sibling host plants a second cookie, and nothing tells which is ours.
/// Anybody can send thousands in one request.
async fn a_flood_of_cookies_is_not_looked_up_at_sign_out(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let own = ada.cookie().unwrap();
    let asked = async |line: String| {
        app.tap().take_calls();
        let request = app.program();
        let request = request.request(Method::POST, "/api/auth/sign-out").header("cookie", &line);
        request.header("origin", "http://localhost:3000").json(&json!({})).send().await.ok();
        app.tap().take_calls()
    };
    let pair = |value: &str| format!("auth.session_token={value}");
    let flood = (0..90).map(|n| pair(&format!("{n:0>42}A")));
    let calls = asked(flood.collect::<Vec<_>>().join("; ")).await;
    assert!(calls.len() <= 40 && calls.iter().all(|call| *call == "session_by_token"), "{calls:?}");
    assert!(ada.is_signed_in().await);
    // The same one again and again is one.
    let calls = asked(vec![pair(&own); 90].join("; ")).await;
    assert_eq!(calls.iter().filter(|call| **call == "session_by_token").count(), 1, "{calls:?}");
    assert!(!ada.is_signed_in().await);
}

async fn two_cookies_of_the_name_prove_nothing(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let mallory = app.signed_up("mallory@example.com").await;
    let (good, planted) = (ada.cookie().unwrap(), mallory.cookie().unwrap());
    let pair = |value: &str| format!("auth.session_token={value}");
    for line in [
        format!("{}; {}", pair(&good), pair(&planted)),
        format!("{}; {}", pair(&planted), pair(&good)),
        format!("{}; {}", pair(&good), pair(&good)),
        format!("{}; {}", pair(""), pair(&good)),
    ] {
        assert_eq!(with_cookie_line(&app.program(), "/me", &line).await, 401, "{line}");
    }
    let twice = app.program();
    let twice = twice.request(Method::GET, "/me").header("cookie", &pair(&good)).another("cookie", &pair(&planted));
    twice.send().await.refused(401, "UNAUTHORIZED");
}

async fn another_application_s_cookies_do_not_matter(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let good = ada.cookie().unwrap();
    for (line, status) in [
        (format!("a=1; auth.session_token={good}; b=\"x y\"; c"), 200),
        (format!(";;; auth.session_token={good};"), 200),
        (format!("AUTH.SESSION_TOKEN={good}"), 401),
        (format!("xauth.session_token={good}"), 401),
        (format!("__Host-auth.session_token={good}"), 401),
        ("auth.session_token=".to_owned(), 401),
    ] {
        assert_eq!(with_cookie_line(&app.program(), "/me", &line).await, status, "{line}");
    }
}

async fn a_bearer_beats_a_cookie(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let eve = app.signed_up("eve@example.com").await;
    let both = ada.copied().with_bearer(&eve.cookie().unwrap());
    assert_eq!(both.get("/me").await.ok()["email"], "eve@example.com");
}

async fn a_bad_bearer_never_falls_through_to_a_good_cookie(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for bad in ["", "garbage", &"A".repeat(43)] {
        let both = ada.copied().with_bearer(bad);
        for path in ["/me", "/maybe", "/api/auth/get-session", "/api/auth/list-accounts"] {
            both.get(path).await.refused(401, "UNAUTHORIZED");
        }
    }
    // Another scheme is none of ours: the cookie counts.
    ada.request(Method::GET, "/me").header("authorization", "Basic YTpi").send().await.ok();
    let twice = ada.bearer();
    let twice = twice.request(Method::GET, "/me").another("authorization", "Bearer x");
    twice.send().await.refused(401, "UNAUTHORIZED");
}

async fn a_malformed_credential_is_refused_everywhere(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let token = ada.cookie().unwrap();
    let decoded_alike = format!("{}{}", &token[..42], next_character(&token));
    for bad in [&token[..42], &token[1..], &format!("{token}A"), &format!("{token}="), &decoded_alike, PASSWORD] {
        app.program().with_bearer(bad).get("/me").await.refused(401, "UNAUTHORIZED");
        app.anon().with_cookie(bad).get("/me").await.refused(401, "UNAUTHORIZED");
        app.anon().with_cookie(bad).get("/maybe").await.refused(401, "UNAUTHORIZED");
        app.anon().with_cookie(bad).auth_get("/list-accounts").await.refused(401, "UNAUTHORIZED");
    }
}

/// The last of 43 characters has two spare bits: the next character decodes to the same 32 bytes.
fn next_character(token: &str) -> char {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = ALPHABET.find(&token[42..]).unwrap();
    ALPHABET.chars().nth(last + 1).unwrap()
}
