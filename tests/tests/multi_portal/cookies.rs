//! Tokens in cookies: what they are called, whom they are for, and that a page must show more than them.

use http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::stage::{Answer, CUSTOMER, DUAL, MEMBER, PASSWORD, PORTAL, Program, STAFF};

const PAGE: &str = "https://app.example.com";
const CONSOLE: &str = "https://admin.example.com";

fn change() -> Value {
    json!({ "currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77" })
}

#[test]
fn cookies_are_for_https_and_other_sites_unless_the_program_is_local() {
    for environment in ["development", "test", "staging"] {
        let program = Program::with(&[("APP_ENV", environment)]);
        let answer = Browser::at(&program, PAGE).log_in(MEMBER);
        assert_eq!(
            answer.cookies(),
            [
                "access_token=… HttpOnly Max-Age=3600 Path=/ SameSite=None Secure",
                "csrf_token=… Max-Age=2592000 Path=/ SameSite=None Secure",
                "refresh_token=… HttpOnly Max-Age=2592000 Path=/ SameSite=None Secure",
            ]
        );
        assert_eq!(answer.headers["cache-control"], "no-store");
        // The tokens themselves are in no body, and nothing else in a cookie.
        assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["csrfToken", "user"]);
    }
    let local = Program::with(&[("APP_ENV", "local"), ("COOKIE_DOMAIN", "example.com"), ("ACCESS_TTL", "60")]);
    assert_eq!(
        Browser::at(&local, PAGE).log_in(MEMBER).cookies(),
        [
            "access_token=… HttpOnly Max-Age=60 Path=/ SameSite=Lax",
            "csrf_token=… Max-Age=2592000 Path=/ SameSite=Lax",
            "refresh_token=… HttpOnly Max-Age=2592000 Path=/ SameSite=Lax",
        ]
    );
}

#[test]
fn cookies_belong_to_the_domain_that_is_configured() {
    for domain in ["example.com", ".example.com"] {
        let program = Program::with(&[("COOKIE_DOMAIN", domain)]);
        let browser = Browser::signed_in(&program, PAGE, MEMBER);
        let lines = browser.post("/auth/refresh-token", &json!({})).cookies();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.contains(" Domain=example.com ")), "{lines:?}");
        let taken = browser.post("/auth/logout", &json!({})).cookies();
        assert!(taken.len() == 3 && taken.iter().all(|line| line.contains(" Domain=example.com ")), "{taken:?}");
    }
    let program = Program::with(&[("COOKIE_DOMAIN", "localhost")]);
    let lines = Browser::at(&program, PAGE).log_in(MEMBER).cookies();
    assert!(lines.len() == 3 && lines.iter().all(|line| !line.contains("Domain")), "{lines:?}");
}

#[test]
fn a_request_chooses_how_it_gets_its_tokens() {
    let program = Program::start();
    for headers in [PORTAL.to_vec(), [PORTAL, &[("x-access-token-type", "header")]].concat()] {
        let answer = program.log_in(&headers, MEMBER);
        assert!(answer.body["accessToken"].is_string() && answer.cookies().is_empty());
    }
    let browser = Browser::at(&program, PAGE);
    let body = json!({ "email": "new@acme.test", "password": PASSWORD, "tenantId": "acme" });
    let answer = browser.send(Method::POST, "/auth/signup", &[("x-access-token-type", "cookie")], &body);
    assert_eq!((answer.cookies().len(), answer.status.as_u16()), (3, 201));
    assert_eq!(browser.get("/portal-area").status, 200);
}

#[test]
fn a_cookie_opens_what_its_token_opens() {
    let program = Program::start();
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    let me = member.get("/auth/me").is(200);
    assert_eq!((&me["user"]["email"], &me["isPlatformAccess"]), (&json!(MEMBER), &json!(false)));
    assert_eq!([member.get("/portal-area").status, member.get("/staff-area").status], [200, 403]);
    let staff = Browser::signed_in(&program, CONSOLE, STAFF);
    assert_eq!(staff.get("/staff-area").status, 200);
    staff.copied(PAGE).get("/staff-area").refused(403, "FORBIDDEN");
    // The engine's own session cookie is no credential of this program.
    let planted = Browser::at(&program, PAGE);
    planted
        .send(Method::POST, "/api/auth/sign-in/email", &[], &json!({ "email": MEMBER, "password": PASSWORD }))
        .is(200);
    assert!(planted.cookie("auth.session_token").is_some());
    planted.get("/auth/me").refused(401, "UNAUTHORIZED");
}

/// Requests that change something, with a body for each.
const UNSAFE: [(&str, &str); 3] = [
    ("/auth/change-password", "POST"),
    ("/auth/logout-all", "POST"),
    ("/auth/sessions/00000000000000000000000000000000", "DELETE"),
];

fn each(browser: &Browser<'_>, headers: &[(&str, &str)], check: impl Fn(&Answer)) {
    for (path, method) in UNSAFE {
        let method: Method = method.parse().unwrap();
        let body = if method == Method::POST { change() } else { Value::Null };
        check(&browser.send(method, path, headers, &body));
    }
    check(&browser.send(Method::POST, "/auth/refresh-token", headers, &json!({})));
}

fn no_pair(answer: &Answer) {
    answer.refused(403, "CSRF_TOKEN_INVALID");
}

#[test]
fn who_changes_something_shows_the_csrf_token_in_cookie_and_header() {
    let program = Program::start();
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    let good = member.cookie("csrf_token").unwrap();
    each(&member, &[], no_pair);
    for bad in ["", "x", &good[1..], &"A".repeat(64)] {
        each(&member, &[("x-csrf-token", bad)], no_pair);
        let planted = member.copied(PAGE);
        planted.set("csrf_token", Some(bad));
        each(&planted, &[("x-csrf-token", bad)], no_pair);
    }
    let without = member.copied(PAGE);
    without.set("csrf_token", None);
    each(&without, &[("x-csrf-token", &good)], no_pair);
    each(&member, &[("x-csrf-token", &good), ("x-csrf-token", &good)], no_pair);
    // Reading needs none, and with the pair all of it works.
    assert_eq!(member.get("/auth/sessions").status, 200);
    member.post("/auth/refresh-token", &json!({})).is(200);
    let token = member.cookie("csrf_token").unwrap();
    let headers = [("x-csrf-token", &*token), ("x-access-token-type", "cookie")];
    let changed = member.send(Method::POST, "/auth/change-password", &headers, &change());
    assert_eq!(changed.cookies().len(), 3);
    assert_eq!(changed.is(200).as_object().unwrap().keys().collect::<Vec<_>>(), ["csrfToken", "user"]);
    assert_eq!(member.get("/portal-area").status, 200);
    member.post("/auth/refresh-token", &json!({})).is(200);
}

#[test]
fn the_csrf_token_of_another_session_is_none() {
    let program = Program::start();
    let [member, again] = [(); 2].map(|()| Browser::signed_in(&program, PAGE, MEMBER));
    let customer = Browser::at(&program, PAGE);
    let foreign = [again.cookie("csrf_token").unwrap(), {
        customer.get("/auth/csrf").is(200)["csrfToken"].as_str().unwrap().to_owned()
    }];
    for token in foreign {
        let planted = member.copied(PAGE);
        planted.set("csrf_token", Some(&token));
        each(&planted, &[("x-csrf-token", &token)], no_pair);
    }
    member.post("/auth/refresh-token", &json!({})).is(200);
    again.post("/auth/refresh-token", &json!({})).is(200);
}

#[test]
fn a_page_of_others_changes_nothing_though_it_has_the_token() {
    let program = Program::start();
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    let good = member.cookie("csrf_token").unwrap();
    for (page, code) in [
        ("https://evil.test", "INVALID_ORIGIN"),
        ("https://app.example.com.evil.test", "INVALID_ORIGIN"),
        ("http://app.example.com", "INVALID_ORIGIN"),
        ("null", "MISSING_OR_NULL_ORIGIN"),
        ("", "MISSING_OR_NULL_ORIGIN"),
    ] {
        let elsewhere = member.copied(page);
        each(&elsewhere, &[("x-csrf-token", &good)], |answer| {
            answer.refused(403, code);
        });
        let out = elsewhere.send(Method::POST, "/auth/logout", &[], &json!({}));
        assert!(out.refused(403, code).cookies().is_empty());
    }
    assert_eq!(member.get("/auth/me").status, 200);
    member.post("/auth/refresh-token", &json!({})).is(200);
}

#[test]
fn signing_out_needs_the_page_alone_and_takes_the_cookies() {
    let program = Program::start();
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    let stolen = member.copied(PAGE);
    let out = member.send(Method::POST, "/auth/logout", &[], &Value::Null);
    assert_eq!(
        out.cookies(),
        [
            "access_token= HttpOnly Max-Age=0 Path=/ SameSite=None Secure",
            "csrf_token= Max-Age=0 Path=/ SameSite=None Secure",
            "refresh_token= HttpOnly Max-Age=0 Path=/ SameSite=None Secure",
        ]
    );
    assert_eq!(out.is(200), json!({ "success": true }));
    stolen.get("/auth/me").refused(401, "UNAUTHORIZED");
    let refreshed = stolen.post("/auth/refresh-token", &json!({}));
    assert_eq!(refreshed.refused(401, "UNAUTHORIZED").cookies().len(), 3, "they are good for nothing");
    assert_eq!(member.send(Method::POST, "/auth/logout", &[], &Value::Null).status, 200);
    // Everywhere, with the pair. Nobody is told that they are signed out whose tokens prove nothing.
    let [here, there] = [(); 2].map(|()| Browser::signed_in(&program, PAGE, MEMBER));
    assert_eq!(here.post("/auth/logout-all", &Value::Null).cookies().len(), 3);
    there.get("/auth/me").refused(401, "UNAUTHORIZED");
    there.post("/auth/logout-all", &Value::Null).refused(401, "UNAUTHORIZED");
    here.post("/auth/logout-all", &Value::Null).is(200);
    // Where there is an access token alone, only the pair tells that the page is ours: nothing is said to have ended.
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    member.set("refresh_token", None);
    member.send(Method::POST, "/auth/logout", &[], &Value::Null).refused(403, "CSRF_TOKEN_INVALID");
    assert_eq!(member.get("/auth/me").status, 200);
}

#[test]
fn a_cookie_is_exchanged_for_the_next_pair_once() {
    let program = Program::start();
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    let thief = member.copied(PAGE);
    let answer = member.post("/auth/refresh-token", &json!({}));
    assert_eq!(answer.cookies().len(), 3);
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["csrfToken"]);
    assert_eq!(member.get("/auth/me").status, 200);
    // What came in a cookie goes back in cookies, or a script could read what it is kept from.
    let token = member.cookie("csrf_token").unwrap();
    let headers = [("x-csrf-token", &*token), ("x-access-token-type", "header")];
    let answer = member.send(Method::POST, "/auth/refresh-token", &headers, &json!({}));
    assert!(answer.cookies().len() == 3 && answer.body.get("refreshToken").is_none(), "{}", answer.text);
    thief.post("/auth/refresh-token", &json!({})).refused(401, "UNAUTHORIZED");
    member.get("/auth/me").refused(401, "UNAUTHORIZED");
    // Without cookie and body there is nothing to exchange.
    let nothing = Browser::at(&program, PAGE).send(Method::POST, "/auth/refresh-token", &[], &json!({}));
    nothing.refused(401, "UNAUTHORIZED");
}

#[test]
fn of_a_bearer_and_a_cookie_the_bearer_decides() {
    let program = Program::start();
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    let dual = program.signed_in(PORTAL, DUAL);
    let bearer = format!("Bearer {}", dual.access);
    let me = member.send(Method::GET, "/auth/me", &[("authorization", &bearer)], &Value::Null).is(200);
    assert_eq!(me["user"]["email"], DUAL);
    // No browser sends it by itself, so no CSRF token is asked for, and the cookie's session is left alone.
    let changed = member.send(Method::POST, "/auth/change-password", &[("authorization", &bearer)], &change());
    changed.is(200);
    assert_eq!(dual.get("/auth/me").status, 401);
    program.signed_in(PORTAL, MEMBER);
    // One that proves nothing is not made up for by the cookie.
    for bad in ["Bearer x", "Bearer ", &bearer] {
        let answer = member.send(Method::GET, "/auth/me", &[("authorization", bad)], &Value::Null);
        answer.refused(401, "UNAUTHORIZED");
    }
}

#[test]
fn anybody_gets_a_csrf_token_and_it_opens_nothing() {
    let program = Program::start();
    let browser = Browser::at(&program, PAGE);
    let answer = browser.get("/auth/csrf");
    assert_eq!(answer.cookies().len(), 1);
    assert_eq!(answer.body, json!({ "csrfToken": browser.cookie("csrf_token") }));
    browser.get("/auth/me").refused(401, "UNAUTHORIZED");
    // For a session that is there it is of that one.
    let member = Browser::signed_in(&program, PAGE, MEMBER);
    member.set("csrf_token", None);
    member.get("/auth/csrf").is(200);
    member.post("/auth/refresh-token", &json!({})).is(200);
    Browser::at(&program, PAGE).log_in(CUSTOMER).refused(401, "INVALID_CREDENTIALS");
}
