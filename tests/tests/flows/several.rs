//! Several sessions in one browser.

use auth_core::session::Config;
use auth_tests::{Actor, PASSWORD, Stack, TestApp, flows};
use serde_json::{Value, json};

flows![
    a_browser_signs_in_as_several_users_and_switches,
    signing_in_again_replaces_the_session_of_the_same_user,
    no_more_sessions_are_kept_than_allowed,
    what_this_browser_does_not_keep_cannot_be_put_into_use,
    revoking_the_session_in_use_puts_another_one_in_its_place,
    revoking_another_session_leaves_the_one_in_use,
    signing_out_ends_all_of_them,
    a_dead_session_is_neither_listed_nor_used,
    two_cookies_of_one_session_are_none,
    without_the_setting_there_are_no_such_endpoints,
    a_new_session_is_told_in_a_header,
];

const ADA: &str = "ada@example.com";
const GRACE: &str = "grace@example.com";

async fn app(stack: Stack) -> TestApp {
    stack.app_with(|builder| builder.session(Config::default().several_per_browser(2))).await
}

/// A browser in which first Ada and then Grace signed up.
async fn both(stack: Stack) -> (TestApp, Actor) {
    let app = app(stack).await;
    let browser = app.anon();
    browser.sign_up(ADA).await.ok();
    browser.sign_up(GRACE).await.ok();
    (app, browser)
}

async fn listed(browser: &Actor) -> Vec<(String, String)> {
    let list = browser.auth_get("/multi-session/list-device-sessions").await.ok();
    let pair = |row: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&row["user"]["email"]), text(&row["session"]["token"]))
    };
    let mut pairs: Vec<_> = list.as_array().unwrap().iter().map(pair).collect();
    pairs.sort();
    pairs
}

async fn who(browser: &Actor) -> Value {
    browser.session().await["user"]["email"].clone()
}

async fn a_browser_signs_in_as_several_users_and_switches(stack: Stack) {
    let (_, browser) = both(stack).await;
    let [(ada, of_ada), (grace, _)] = &*listed(&browser).await else { panic!("two sessions") };
    assert_eq!((&**ada, &**grace), (ADA, GRACE));
    assert_eq!(who(&browser).await, GRACE);
    let switched = browser.auth_post("/multi-session/set-active", json!({"sessionToken": of_ada})).await.ok();
    assert_eq!((&switched["user"]["email"], &switched["session"]["token"]), (&json!(ADA), &json!(of_ada)));
    assert_eq!(who(&browser).await, ADA);
    assert_eq!(listed(&browser).await.len(), 2, "switching ends nothing");
}

async fn signing_in_again_replaces_the_session_of_the_same_user(stack: Stack) {
    let (app, browser) = both(stack).await;
    let stolen = browser.copied();
    browser.sign_in(ADA, PASSWORD).await.ok();
    assert_eq!(listed(&browser).await.len(), 2);
    assert_eq!(app.sessions(ADA).await.len(), 1, "the earlier one ended");
    assert_eq!(listed(&stolen).await.len(), 1);
    // From another browser it is another session.
    app.signed_in(ADA).await;
    assert_eq!(app.sessions(ADA).await.len(), 2);
}

async fn no_more_sessions_are_kept_than_allowed(stack: Stack) {
    let (_, browser) = both(stack).await;
    browser.sign_up("carol@example.com").await.ok();
    assert_eq!(who(&browser).await, "carol@example.com");
    let emails: Vec<_> = listed(&browser).await.into_iter().map(|(email, _)| email).collect();
    assert_eq!(emails, [ADA, GRACE]);
}

async fn what_this_browser_does_not_keep_cannot_be_put_into_use(stack: Stack) {
    let (app, browser) = both(stack).await;
    let mallory = app.signed_up("mallory@example.com").await;
    let [(_, of_mallory)] = &*listed(&mallory).await else { panic!("one session") };
    for name in [of_mallory, &mallory.cookie().unwrap(), "", "A", &"A".repeat(43)] {
        for endpoint in ["/multi-session/set-active", "/multi-session/revoke"] {
            let reply = browser.auth_post(endpoint, json!({"sessionToken": name})).await;
            reply.refused(401, "INVALID_SESSION_TOKEN");
        }
    }
    assert_eq!(who(&browser).await, GRACE);
    assert!(mallory.is_signed_in().await);
    let nobody = app.anon();
    assert!(listed(&nobody).await.is_empty());
    nobody
        .auth_post("/multi-session/set-active", json!({"sessionToken": of_mallory}))
        .await
        .refused(401, "INVALID_SESSION_TOKEN");
    nobody.auth_post("/multi-session/revoke", json!({"sessionToken": of_mallory})).await.refused(401, "UNAUTHORIZED");
}

async fn revoking_the_session_in_use_puts_another_one_in_its_place(stack: Stack) {
    let (app, browser) = both(stack).await;
    let of_grace = browser.cookie().unwrap();
    let reply = browser.auth_post("/multi-session/revoke", json!({"sessionToken": of_grace})).await.ok();
    assert_eq!(reply, json!({"status": true}));
    assert_eq!(who(&browser).await, ADA);
    assert!(app.sessions(GRACE).await.is_empty());
    let of_ada = browser.cookie().unwrap();
    browser.auth_post("/multi-session/revoke", json!({"sessionToken": of_ada})).await.ok();
    assert_eq!(browser.cookie(), None);
    assert!(listed(&browser).await.is_empty());
}

async fn revoking_another_session_leaves_the_one_in_use(stack: Stack) {
    let (app, browser) = both(stack).await;
    let (_, of_ada) = listed(&browser).await.swap_remove(0);
    browser.auth_post("/multi-session/revoke", json!({"sessionToken": of_ada})).await.ok();
    assert_eq!(who(&browser).await, GRACE);
    assert!(app.sessions(ADA).await.is_empty());
    assert_eq!(listed(&browser).await.len(), 1);
}

async fn signing_out_ends_all_of_them(stack: Stack) {
    let (app, browser) = both(stack).await;
    let stolen = browser.copied();
    browser.auth_post("/sign-out", json!({})).await.ok();
    assert!(app.sessions(ADA).await.is_empty() && app.sessions(GRACE).await.is_empty());
    assert!(listed(&browser).await.is_empty() && listed(&stolen).await.is_empty());
}

async fn a_dead_session_is_neither_listed_nor_used(stack: Stack) {
    let (app, browser) = both(stack).await;
    let (_, of_ada) = listed(&browser).await.swap_remove(0);
    let elsewhere = app.signed_in(ADA).await;
    elsewhere.auth_post("/revoke-other-sessions", json!({})).await.ok();
    let reply = browser.auth_post("/multi-session/set-active", json!({"sessionToken": of_ada})).await;
    reply.refused(401, "INVALID_SESSION_TOKEN");
    assert_eq!(who(&browser).await, GRACE);
    assert_eq!(listed(&browser).await.len(), 1);
}

/// Cookie tossing: nothing tells which of two is ours.
async fn two_cookies_of_one_session_are_none(stack: Stack) {
    let (_, browser) = both(stack).await;
    let (_, of_ada) = listed(&browser).await.swap_remove(0);
    let name = format!("auth.session_token_multi-{of_ada}");
    let doubled = browser.request(http::Method::GET, "/api/auth/multi-session/list-device-sessions");
    let doubled = doubled.another("cookie", &format!("{name}={}", "A".repeat(43)));
    assert_eq!(doubled.send().await.ok().as_array().unwrap().len(), 1);
}

async fn without_the_setting_there_are_no_such_endpoints(stack: Stack) {
    let (_, ada) = stack.signed_up(ADA).await;
    ada.auth_get("/multi-session/list-device-sessions").await.nowhere();
    ada.auth_post("/multi-session/set-active", json!({"sessionToken": "x"})).await.nowhere();
}

/// For clients that keep no cookies.
async fn a_new_session_is_told_in_a_header(stack: Stack) {
    let app = stack.app().await;
    let program = app.program();
    let reply = program.sign_up(ADA).await;
    let token = reply.header("set-auth-token").unwrap().to_owned();
    assert_eq!(reply.ok()["token"], token);
    assert_eq!(reply.header("access-control-expose-headers"), Some("set-auth-token"));
    assert!(app.program().with_bearer(&token).is_signed_in().await);
    // A page of a browser cannot read its cookie, and no later answer shows it what is in there.
    let ada = app.signed_in(ADA).await;
    app.advance(crate::DAY * 2);
    for reply in [ada.auth_get("/get-session").await, ada.get("/me").await, ada.sign_in(ADA, "wrong").await] {
        assert_eq!(reply.header("set-auth-token"), None);
    }
}
