//! What a refresh token is good for, and when it ends.

use auth_tests::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::refusals::{invalid, refused, unauthorized};
use crate::stage::{ALICE, BOB, FOREIGN, Program, refresh_token};

const REFRESH: &str = "/api/auth/refresh";
const LOGOUT: &str = "/api/auth/logout";

/// As a browser that shows its cookie on a page of this origin.
fn in_cookie(program: &Program, path: &str, refresh: &str, origin: &str) -> Answer {
    let cookie = format!("refresh_token={refresh}");
    program.post_with(path, &[("cookie", &cookie), ("origin", origin)], &json!({}))
}

fn in_body(program: &Program, path: &str, refresh: &str) -> Answer {
    program.post(path, &json!({ "refreshToken": refresh }))
}

/// Whether it is good still. Uses it up.
fn is_good(program: &Program, refresh: &str) -> bool {
    let answer = in_body(program, REFRESH, refresh);
    if answer.status != 200 {
        unauthorized(&answer);
    }
    answer.status == 200
}

/// The next pair: the access token, which works, and the refresh token, which is in the cookie alone.
fn next_pair(program: &Program, answer: Answer) -> (String, String) {
    let refresh = refresh_token(&answer);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert_eq!(cookie, format!("refresh_token={refresh}; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.is(200);
    assert_eq!(body, json!({ "token": body["token"], "expiresIn": 900 }));
    let token = body["token"].as_str().unwrap().to_owned();
    assert_eq!(program.by(&*token).get("/api/context").is(200)["email"], ALICE);
    (token, refresh)
}

#[test]
fn the_cookie_is_exchanged_on_a_page_of_the_program() {
    let program = Program::with(&[("CORS_ORIGINS", "https://app.example.com")]);
    let alice = program.signed_in(ALICE);
    let message = "Requests from this origin are not allowed.";
    let foreign = json!({ "error": "Forbidden", "message": message });
    refused(&in_cookie(&program, REFRESH, &alice.refresh, FOREIGN.1), 403, &foreign);
    let cookie = format!("refresh_token={}", alice.refresh);
    let nowhere = json!({ "error": "Forbidden", "message": "A request with cookies must name its origin." });
    for headers in [&[("cookie", &*cookie)][..], &[("cookie", &cookie), ("origin", "null")]] {
        refused(&program.post_with(REFRESH, headers, &json!({})), 403, &nowhere);
    }
    // None of that has used it up. Pages that may read the answers may ask, too.
    let (token, refresh) = next_pair(&program, in_cookie(&program, REFRESH, &alice.refresh, program.address()));
    assert!(token != alice.token && refresh != alice.refresh);
    let (_, refresh) = next_pair(&program, in_cookie(&program, REFRESH, &refresh, "https://app.example.com"));
    let localhost = program.address().replace("127.0.0.1", "localhost");
    let (_, refresh) = next_pair(&program, in_cookie(&program, REFRESH, &refresh, &localhost));
    // Without a body as well.
    let cookie = format!("refresh_token={refresh}");
    let headers = [("cookie", &*cookie), ("origin", program.address())];
    next_pair(&program, program.send(Method::POST, REFRESH, &headers, ""));
}

#[test]
fn a_program_shows_it_in_the_body() {
    let program = Program::start();
    let alice = program.signed_in(ALICE);
    let (_, refresh) = next_pair(&program, in_body(&program, REFRESH, &alice.refresh));
    next_pair(&program, in_body(&program, REFRESH, &refresh));
    // An access token beside it changes nothing.
    let bob = program.signed_in(BOB);
    let answer = bob.post(REFRESH, &json!({ "refreshToken": program.signed_in(ALICE).refresh }));
    next_pair(&program, answer);
}

#[test]
fn a_second_use_ends_the_session_and_no_other() {
    let program = Program::start();
    let [alice, other] = [(); 2].map(|()| program.signed_in(ALICE));
    let (_, next) = next_pair(&program, in_body(&program, REFRESH, &alice.refresh));
    unauthorized(&in_body(&program, REFRESH, &alice.refresh));
    assert!(!is_good(&program, &next));
    assert!(is_good(&program, &other.refresh));
    // In the cookie the same, and the cookie goes.
    let alice = program.signed_in(ALICE);
    let (_, next) = next_pair(&program, in_cookie(&program, REFRESH, &alice.refresh, program.address()));
    let again = in_cookie(&program, REFRESH, &alice.refresh, program.address());
    unauthorized(&again);
    assert_eq!(again.header("set-cookie"), Some("refresh_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"));
    assert!(!is_good(&program, &next));
}

#[test]
fn what_is_no_refresh_token_gets_nothing() {
    let program = Program::start();
    let alice = program.signed_in(ALICE);
    let cut = &alice.refresh[..alice.refresh.len() - 1];
    for bad in ["", "x", "rt_x", cut, &format!("{}x", alice.refresh), &alice.refresh.to_uppercase(), &alice.token] {
        unauthorized(&in_body(&program, REFRESH, bad));
        unauthorized(&in_cookie(&program, REFRESH, bad, program.address()));
    }
    unauthorized(&program.post(REFRESH, &json!({})));
    unauthorized(&program.send(Method::POST, REFRESH, &[], ""));
    invalid(&program.post(REFRESH, &json!({ "refreshToken": 1 })), &["refreshToken"]);
    // Nor does it open anything itself.
    unauthorized(&program.by(&*alice.refresh).get("/api/context"));
    assert!(is_good(&program, &alice.refresh));
}

#[test]
fn a_refresh_token_ends_after_thirty_days_without_use() {
    let program = Program::start();
    let [early, late] = [(); 2].map(|()| program.signed_in(ALICE));
    program.advance(30 * 86_400 - 20);
    assert!(is_good(&program, &early.refresh));
    program.advance(20);
    assert!(!is_good(&program, &late.refresh));
}

#[test]
fn signing_out_ends_the_session_and_succeeds_again() {
    let program = Program::start();
    let [cookie, body, other] = [(); 3].map(|()| program.signed_in(ALICE));
    // Nobody signs visitors out from elsewhere.
    assert_eq!(in_cookie(&program, LOGOUT, &cookie.refresh, FOREIGN.1).status, 403);
    for _ in 0..2 {
        let answer = in_cookie(&program, LOGOUT, &cookie.refresh, program.address());
        assert_eq!((answer.status, &answer.body), (204, &Value::Null));
        assert_eq!(answer.header("set-cookie"), Some("refresh_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"));
        assert_eq!(in_body(&program, LOGOUT, &body.refresh).status, 204);
    }
    assert!(!is_good(&program, &cookie.refresh) && !is_good(&program, &body.refresh));
    assert!(is_good(&program, &other.refresh));
    for nothing in [json!({}), json!({ "refreshToken": "rt_x" })] {
        assert_eq!(program.post(LOGOUT, &nothing).status, 204);
    }
    // An access token is believed until it expires, whatever has become of its session.
    assert_eq!(cookie.get("/api/context").status, 200);
    program.advance(900);
    unauthorized(&cookie.get("/api/context"));
}
