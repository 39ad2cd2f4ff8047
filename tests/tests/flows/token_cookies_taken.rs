//! When the cookies of tokens are taken from a browser.

use std::time::Duration;

use auth_core::crypto::password_hash::Password;
use auth_core::http::{Reply, finish};
use auth_core::password::SignInEmail;
use auth_core::{RequestInfo, session, token};
use auth_tests::{PASSWORD, Stack, flows};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use crate::token_cookies::{CLEARED, ada, cookies, in_cookies, refreshed};
use crate::tokens::ADA;

flows![
    signing_out_ends_the_session_and_takes_the_cookies,
    a_session_that_ends_takes_its_cookies_along,
    another_session_takes_earlier_tokens_away,
    a_session_that_is_put_into_use_takes_tokens_of_the_other_away,
    a_stale_access_cookie_is_taken_from_the_browser,
];

async fn signing_out_ends_the_session_and_takes_the_cookies(stack: Stack) {
    for endpoint in ["/token/revoke", "/sign-out"] {
        let (app, ada) = ada(stack).await;
        let stolen = ada.copied();
        app.events().take();
        let reply = ada.auth_post(endpoint, json!({})).await;
        assert_eq!((reply.ok(), cookies(&reply)), (json!({"success": true}), CLEARED.map(str::to_owned).to_vec()));
        assert_eq!(app.events().take(), ["signed_out"], "{endpoint}");
        assert!(!stolen.is_signed_in().await);
        refreshed(&stolen).await.refused(401, "UNAUTHORIZED");
        // Whatever they are worth.
        let junk = app.anon().with_cookie_called("refresh_token", Some("junk"));
        for browser in [ada, app.anon(), junk] {
            assert_eq!(cookies(&browser.auth_post(endpoint, json!({})).await), CLEARED);
        }
    }
    // Of two, one was planted: nothing tells which, and both their sessions end.
    let (app, ada) = ada(stack).await;
    let line = format!("refresh_token=junk; refresh_token={}", ada.cookie_called("refresh_token").unwrap());
    let browser = app.anon();
    browser.request(Method::POST, "/api/auth/token/revoke").header("cookie", &line).send().await.ok();
    assert!(!ada.is_signed_in().await);
}

async fn a_session_that_ends_takes_its_cookies_along(stack: Stack) {
    for (endpoint, body) in [("/revoke-sessions", json!({})), ("/delete-user", json!({"password": PASSWORD}))] {
        let app = stack.app_with(in_cookies).await;
        let ada = app.signed_up(ADA).await;
        ada.auth_post("/token", json!({})).await.ok();
        assert_eq!(cookies(&ada.auth_post(endpoint, body).await), CLEARED, "{endpoint}");
    }
    let app = stack.app_with(in_cookies).await;
    let ada = app.signed_up(ADA).await;
    ada.auth_post("/token", json!({})).await.ok();
    let id = ada.session().await["session"]["id"].clone();
    assert_eq!(cookies(&ada.auth_post("/revoke-session", json!({"token": id})).await), CLEARED);
}

/// Otherwise the browser would go on as the first user when the second one's session ends.
async fn another_session_takes_earlier_tokens_away(stack: Stack) {
    let (app, ada) = ada(stack).await;
    app.signed_up("grace@example.com").await;
    let reply = ada.sign_in("grace@example.com", PASSWORD).await;
    assert_eq!(cookies(&reply), CLEARED);
    assert_eq!(ada.get("/me").await.ok()["email"], "grace@example.com");
    assert!(cookies(&app.anon().sign_in("grace@example.com", PASSWORD).await).is_empty(), "nothing to take away");
    // What the answer itself gives stays, whichever is written first.
    let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("access_token=x"))]);
    for session_first in [true, false] {
        let cx = app.auth().cx(RequestInfo::new(Method::GET, "/own", headers.clone(), None));
        let (email, password) = (ADA.to_owned(), Password::new(PASSWORD));
        let sign_in = SignInEmail::new(email, password);
        let reply = app.auth().call(&cx, sign_in).await.unwrap();
        let pair = token::open(&cx, reply.signed_in(), None).await.unwrap();
        if session_first {
            reply.into_response(&cx).unwrap();
            let _ = pair.give(&cx);
        } else {
            let _ = pair.give(&cx);
            reply.into_response(&cx).unwrap();
        }
        let mut left = HeaderMap::new();
        finish(&cx, &mut left);
        let lines = left.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
        assert_eq!(lines.filter(|line| !line.contains("Max-Age=0")).count(), 4, "{left:?}");
    }
}

/// Otherwise the browser would show one user by its session and renew another one.
async fn a_session_that_is_put_into_use_takes_tokens_of_the_other_away(stack: Stack) {
    let several = session::Config::default().several_per_browser(3);
    let app = stack.app_with(|builder| in_cookies(builder).session(several)).await;
    let (browser, grace) = (app.anon(), "grace@example.com");
    browser.sign_up(ADA).await.ok();
    let of_ada = browser.session().await["session"]["id"].clone();
    browser.sign_up(grace).await.ok();
    let of_grace = browser.session().await["session"]["id"].clone();
    let with_tokens = async || {
        browser.auth_post("/token", json!({})).await.ok();
        refreshed(&browser).await.ok();
    };
    with_tokens().await;
    let reply = browser.auth_post("/multi-session/set-active", json!({"sessionToken": of_ada})).await;
    assert_eq!(
        (reply.ok()["user"]["email"].clone(), cookies(&reply)),
        (json!(ADA), CLEARED.map(str::to_owned).to_vec())
    );
    // What is revoked is not in use, so what is in use keeps its tokens.
    with_tokens().await;
    browser.auth_post("/multi-session/set-active", json!({"sessionToken": of_grace})).await.ok();
    with_tokens().await;
    let reply = browser.auth_post("/multi-session/revoke", json!({"sessionToken": of_grace})).await;
    assert_eq!(cookies(&reply), CLEARED, "another one takes its place");
    assert_eq!(browser.get("/me").await.ok()["email"], ADA);
    with_tokens().await;
    assert_eq!(cookies(&browser.auth_post("/multi-session/revoke", json!({"sessionToken": of_ada})).await), CLEARED);
    browser.get("/me").await.refused(401, "UNAUTHORIZED");
}

async fn a_stale_access_cookie_is_taken_from_the_browser(stack: Stack) {
    let (app, ada) = ada(stack).await;
    app.advance(Duration::from_secs(900));
    let reply = ada.auth_get("/get-session").await;
    assert_eq!((reply.ok(), cookies(&reply)), (json!(null), vec![CLEARED[0].to_owned()]));
    assert_eq!(ada.get("/maybe").await.ok(), json!({"who": null}));
    refreshed(&ada).await.ok();
    assert!(ada.is_signed_in().await);
}
