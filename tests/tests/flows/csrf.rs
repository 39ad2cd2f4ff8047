//! Who changes something by a cookie shows the CSRF token of its session, from a page that is trusted.

use std::time::Duration;

use auth_core::RequestInfo;
use auth_core::base::Secret;
use auth_core::crypto::jwt::SigningKey;
use auth_core::crypto::password_hash::Password;
use auth_core::http::finish;
use auth_core::issuer::{StaticKeyVerifier, VerifierChain};
use auth_core::password::SignInEmail;
use auth_core::token::{self, Given};
use auth_tests::{Actor, BASE_URL, PASSWORD, Reply, Stack, flows};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::json;

use crate::token_cookies::{ada, in_cookies, own_sign_in, post, refreshed, with};
use crate::tokens::ADA;

flows![
    what_changes_something_needs_the_token_in_cookie_and_header,
    reading_needs_none,
    a_token_of_another_session_is_none,
    a_foreign_page_is_refused_although_it_has_the_token,
    a_websocket_is_opened_by_a_page_with_the_token,
    other_credentials_need_none,
    a_refresh_by_cookie_needs_page_and_token_and_uses_nothing_up_without,
    a_browser_gets_a_token_for_its_session,
    a_browser_with_worthless_cookies_gets_a_token_for_none,
    a_token_for_no_session_opens_nothing,
    a_handler_s_sign_in_by_cookies_is_for_trusted_pages,
    a_cookie_is_never_shown_to_other_issuers,
    a_replaced_secret_leaves_open_pages_alone,
];

/// Routes of the application and of the engine that change something.
const UNSAFE: [(&str, &str); 2] = [("/change", "{}"), ("/api/auth/update-user", r#"{"name":"Countess"}"#)];

async fn each(browser: &Actor, token: Option<&str>, check: impl Fn(&Reply)) {
    for (path, body) in UNSAFE {
        let draft = browser.request(Method::POST, path).body("application/json", body);
        let draft = if let Some(token) = token { draft.header("x-csrf-token", token) } else { draft };
        check(&draft.send().await);
    }
}

fn is_refused(reply: &Reply) {
    reply.refused(403, "CSRF_TOKEN_INVALID");
}

fn is_ok(reply: &Reply) {
    reply.ok();
}

async fn what_changes_something_needs_the_token_in_cookie_and_header(stack: Stack) {
    let (_app, ada) = ada(stack).await;
    let good = ada.cookie_called("csrf_token").unwrap();
    each(&ada, Some(&good), is_ok).await;
    each(&ada, None, is_refused).await;
    let without = ada.copied().with_cookie_called("csrf_token", None);
    each(&without, Some(&good), is_refused).await;
    // A page that plants a cookie knows what is in it, and not what we would have made.
    let mut bytes = URL_SAFE_NO_PAD.decode(&good).unwrap();
    bytes[47] ^= 1;
    let (other_tag, zeros) = (URL_SAFE_NO_PAD.encode(&bytes), "A".repeat(64));
    for bad in ["", &good[..63], &format!("{good}A"), &other_tag, &zeros] {
        each(&ada, Some(bad), is_refused).await;
        let planted = ada.copied().with_cookie_called("csrf_token", Some(bad));
        each(&planted, Some(bad), is_refused).await;
        each(&planted, Some(&good), is_refused).await;
    }
    let twice = ada.request(Method::POST, "/change").another("x-csrf-token", &good).another("x-csrf-token", &good);
    is_refused(&twice.send().await);
    assert_eq!(ada.session().await["user"]["name"], "Countess", "done once");
}

async fn reading_needs_none(stack: Stack) {
    let (_app, ada) = ada(stack).await;
    let bare = ada.copied().with_cookie_called("csrf_token", None);
    for path in ["/me", "/principal", "/stateless", "/api/auth/get-session", "/api/auth/list-accounts"] {
        bare.request(Method::GET, path).header("origin", "https://evil.test").send().await.ok();
    }
}

async fn a_token_of_another_session_is_none(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let again = app.anon();
    own_sign_in(&again).await.ok();
    let other = again.cookie_called("csrf_token").unwrap();
    each(&ada.copied().with_cookie_called("csrf_token", Some(&other)), Some(&other), is_refused).await;
    each(&again, Some(&other), is_ok).await;
    // Neither the next pair nor a new token makes an earlier one of the same session worse.
    let first = ada.cookie_called("csrf_token").unwrap();
    refreshed(&ada).await.ok();
    each(&ada.copied().with_cookie_called("csrf_token", Some(&first)), Some(&first), is_ok).await;
}

async fn a_foreign_page_is_refused_although_it_has_the_token(stack: Stack) {
    let (_app, ada) = ada(stack).await;
    let good = ada.cookie_called("csrf_token").unwrap();
    for (path, body) in UNSAFE {
        let draft = || ada.request(Method::POST, path).header("x-csrf-token", &good).body("application/json", body);
        draft().header("origin", "https://evil.test").send().await.refused(403, "INVALID_ORIGIN");
        draft().header("origin", "null").send().await.refused(403, "MISSING_OR_NULL_ORIGIN");
        draft().without("origin").send().await.refused(403, "MISSING_OR_NULL_ORIGIN");
        draft().send().await.ok();
    }
}

async fn a_websocket_is_opened_by_a_page_with_the_token(stack: Stack) {
    let (_app, ada) = ada(stack).await;
    let good = ada.cookie_called("csrf_token").unwrap();
    let draft = || ada.request(Method::GET, "/me").header("upgrade", "websocket").header("origin", BASE_URL);
    is_refused(&draft().send().await);
    draft().header("origin", "https://evil.test").send().await.refused(403, "INVALID_ORIGIN");
    draft().header("x-csrf-token", &good).send().await.ok();
}

async fn other_credentials_need_none(stack: Stack) {
    let app = stack.app_with(in_cookies).await;
    let ada = app.signed_up(ADA).await;
    each(&ada, None, is_ok).await;
    ada.auth_post("/token", json!({})).await.ok();
    // The session cookie stands before the access token's, and is guarded by the origin.
    each(&ada, None, is_ok).await;
    let access = ada.cookie_called("access_token").unwrap();
    each(&app.program().with_bearer(&access), None, is_ok).await;
}

async fn a_refresh_by_cookie_needs_page_and_token_and_uses_nothing_up_without(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let other = app.anon();
    own_sign_in(&other).await.ok();
    let (good, foreign) = (ada.cookie_called("csrf_token").unwrap(), other.cookie_called("csrf_token").unwrap());
    let spent = ada.copied();
    refreshed(&ada).await.ok();
    for browser in [&ada, &spent] {
        let draft = || browser.request(Method::POST, "/api/auth/token/refresh");
        draft().header("x-csrf-token", &foreign).send().await.refused(403, "CSRF_TOKEN_INVALID");
        draft().send().await.refused(403, "CSRF_TOKEN_INVALID");
        let draft = || draft().header("x-csrf-token", &good);
        draft().without("origin").send().await.refused(403, "MISSING_OR_NULL_ORIGIN");
        let reply = draft().header("origin", "https://evil.test").send().await;
        assert!(reply.refused(403, "INVALID_ORIGIN").set_cookies().is_empty());
    }
    // Not even a spent one has ended anything; signing out needs the page alone.
    refreshed(&ada).await.ok();
    let foreign = ada.request(Method::POST, "/api/auth/token/revoke").header("origin", "https://evil.test");
    assert!(foreign.send().await.refused(403, "INVALID_ORIGIN").set_cookies().is_empty());
    assert!(ada.is_signed_in().await);
    ada.auth_post("/token/revoke", json!({})).await.ok();
    assert!(!ada.is_signed_in().await);
}

async fn a_browser_gets_a_token_for_its_session(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let ada = ada.with_cookie_called("csrf_token", None);
    let reply = ada.auth_get("/csrf").await;
    let shown = reply.ok()["csrfToken"].as_str().unwrap().to_owned();
    assert_eq!(reply.set_cookies(), [format!("csrf_token={shown}; SameSite=Lax; Path=/")]);
    assert_eq!(reply.ok().as_object().unwrap().len(), 1);
    each(&ada, Some(&shown), is_ok).await;
    // Without an access token, or with one that has expired, its session is that of the refresh token.
    app.advance(Duration::from_secs(900));
    let expired = ada.with_cookie_called("csrf_token", None);
    expired.auth_get("/csrf").await.ok();
    refreshed(&expired).await.ok();
    let returned = expired.with_cookie_called("access_token", None).with_cookie_called("csrf_token", None);
    returned.auth_get("/csrf").await.ok();
    refreshed(&returned).await.ok();
    assert_eq!(post(&returned, "/change", json!({})).await.ok(), json!({"changed": true}));
    // A page may ask before it asks for tokens.
    let grace = app.signed_up("grace@example.com").await;
    let shown = grace.auth_get("/csrf").await.ok()["csrfToken"].as_str().unwrap().to_owned();
    grace.auth_post("/token", json!({})).await.ok();
    let grace = grace.with_cookie_called("auth.session_token", None).with_cookie_called("csrf_token", Some(&shown));
    each(&grace, Some(&shown), is_ok).await;
}

async fn a_browser_with_worthless_cookies_gets_a_token_for_none(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let stale = ada.copied();
    ada.auth_post("/token/revoke", json!({})).await.ok();
    let junk = app.anon().with_cookie_called("access_token", Some("junk"));
    for browser in [&stale, &junk, &app.anon()] {
        browser.auth_get("/csrf").await.ok();
        // And signs in again with what it has.
        own_sign_in(browser).await.ok();
        assert!(browser.is_signed_in().await);
    }
    let twice = app.anon();
    let twice = twice.request(Method::GET, "/api/auth/csrf").header("cookie", "access_token=a; access_token=b");
    twice.send().await.ok();
    app.program().with_bearer("junk").auth_get("/csrf").await.refused(401, "UNAUTHORIZED");
    app.tap().die_after(0);
    stale.auth_get("/csrf").await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
}

async fn a_token_for_no_session_opens_nothing(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let unbound = app.anon().auth_get("/csrf").await.ok()["csrfToken"].as_str().unwrap().to_owned();
    let ada = ada.with_cookie_called("csrf_token", Some(&unbound));
    each(&ada, Some(&unbound), is_refused).await;
    refreshed(&ada).await.refused(403, "CSRF_TOKEN_INVALID");
}

/// A page elsewhere could sign a visitor in as its owner, or out: nobody has judged it on a public route.
async fn a_handler_s_sign_in_by_cookies_is_for_trusted_pages(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let cookies = ["refresh_token", "csrf_token"].map(|name| format!("{name}={}", ada.cookie_called(name).unwrap()));
    let cx = |origin: &'static str| {
        let token = ada.cookie_called("csrf_token").unwrap().parse().unwrap();
        let cookies = cookies.join("; ").parse().unwrap();
        let headers = HeaderMap::from_iter([
            (header::ORIGIN, HeaderValue::from_static(origin)),
            (header::COOKIE, cookies),
            (HeaderName::from_static("x-csrf-token"), token),
        ]);
        app.auth().cx(RequestInfo::new(Method::POST, "/own", headers, None))
    };
    let background = app.cx();
    let signed_in = || app.auth().call(&background, SignInEmail::new(ADA, Password::new(PASSWORD)));
    let before = app.sessions(ADA).await.len();
    let reply = signed_in().await.unwrap();
    let evil = cx("https://evil.test");
    for refused in [
        token::open(&evil, reply.signed_in(), None).await.err(),
        token::refresh(&evil, None).await.err(),
        token::refresh(&evil, ada.cookie_called("refresh_token").as_deref()).await.err(),
        token::revoke(&evil, None).await.err(),
    ] {
        assert_eq!(refused.unwrap().code(), "INVALID_ORIGIN");
    }
    let mut left = HeaderMap::new();
    finish(&evil, &mut left);
    assert!(!left.contains_key(header::SET_COOKIE), "{left:?}");
    // Nobody has anything of the session that was opened for it.
    assert_eq!(app.sessions(ADA).await.len(), before);
    let (ours, reply) = (cx(BASE_URL), signed_in().await.unwrap());
    assert!(matches!(token::open(&ours, reply.signed_in(), None).await.unwrap().give(&ours), Given::InCookies { .. }));
    assert!(matches!(token::refresh(&ours, None).await.unwrap().give(&ours), Given::InCookies { .. }));
    token::revoke(&cx(BASE_URL), None).await.unwrap();
    assert!(!ada.is_signed_in().await);
}

/// One secret is known to both: what tells their tokens apart is where they are shown.
async fn a_cookie_is_never_shown_to_other_issuers(stack: Stack) {
    let secret = || Secret::new("a secret that two programs share, 0123456789");
    let verifier = StaticKeyVerifier::secret(secret()).issuer("https://issuer.example").audience(["the-api"]);
    let chain = VerifierChain::builder().static_keys(verifier).build().unwrap();
    let app = stack.app_with(|builder| in_cookies(builder).issuers(chain)).await;
    let now = app.auth().now().as_seconds();
    let claims = json!({"iss": "https://issuer.example", "aud": "the-api", "sub": "x", "iat": now, "exp": now + 60, "email": ADA});
    let token = SigningKey::hs256(&secret(), None).unwrap().sign("JWT", &claims).unwrap();
    app.program().with_bearer(&token).get("/principal").await.ok();
    let browser = app.anon().with_cookie_called("access_token", Some(&token));
    browser.get("/principal").await.refused(401, "UNAUTHORIZED");
}

async fn a_replaced_secret_leaves_open_pages_alone(stack: Stack) {
    let [old, new] =
        [b"the first of two secrets, 0123456789", b"another that follows it, 98765432100"].map(Secret::new);
    let config = || token::Config::default().transport(token::Transport::Cookie);
    let app = stack.app_with(|builder| with(builder, config()).secret(old.clone())).await;
    app.signed_up(ADA).await;
    let ada = app.anon();
    own_sign_in(&ada).await.ok();
    let both =
        app.restarted_with(stack.transport, |builder| with(builder, config()).secret(new).previous_secret(old)).await;
    let [access, csrf] = ["access_token", "csrf_token"].map(|name| ada.cookie_called(name).unwrap());
    let there = both.anon().with_cookie_called("access_token", Some(&access));
    each(&there.with_cookie_called("csrf_token", Some(&csrf)), Some(&csrf), is_ok).await;
}
