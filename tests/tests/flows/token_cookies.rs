//! Access and refresh tokens in cookies: how they come, what they open, and how they are exchanged.

use std::time::Duration;

use auth_core::crypto::password_hash::Password;
use auth_core::guard::Anyone;
use auth_core::http::{CredentialSource, Endpoint};
use auth_core::password::SignInEmail;
use auth_core::token::{self, TokenCookies, TokenPair, Transport};
use auth_core::{AuthBuilder, Cx, Result, customer};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::tokens::{ADA, access_token};

flows![
    a_pair_in_cookies_is_in_no_body,
    on_https_the_cookies_are_bound_to_this_host,
    a_domain_and_other_sites_are_settings,
    the_request_says_how_it_wants_its_tokens,
    an_access_token_in_a_cookie_opens_what_a_bearer_opens,
    an_access_token_in_a_cookie_gets_nobody_another_one,
    a_bearer_beats_a_token_in_a_cookie,
    two_cookies_of_one_token_prove_nothing,
    in_headers_alone_a_cookie_is_no_credential,
    a_refresh_by_cookie_gives_the_next_pair,
    a_second_use_of_a_cookie_ends_the_session,
    what_came_in_a_cookie_goes_back_in_cookies,
    a_body_beats_a_cookie,
    the_tokens_of_a_session_that_is_not_kept_go_with_the_browser,
    a_token_that_fits_into_no_cookie_is_refused_before_anything_is_used_up,
    customers_have_cookies_of_their_own,
];

/// A handler of an application that signs people in by cookies and gives them no session cookie.
#[derive(Deserialize)]
pub(crate) struct OwnSignIn {
    email: String,
    password: Password,
    remember: Option<bool>,
}

impl Endpoint for OwnSignIn {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/own/sign-in";
    const NAME: &'static str = "own_sign_in";
    type Caller = Anyone;
    type Reply = TokenPair;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<TokenPair> {
        let Self { email, password, remember: remember_me } = self;
        let sign_in = SignInEmail { remember_me, ..SignInEmail::new(email, password) };
        let reply = cx.auth().call(cx, sign_in).await?;
        token::open(cx, reply.signed_in(), None).await
    }
}

pub(crate) fn in_cookies(builder: AuthBuilder) -> AuthBuilder {
    with(builder, token::Config::default().transport(Transport::Cookie))
}

fn negotiated(builder: AuthBuilder) -> AuthBuilder {
    with(builder, token::Config::default().transport(Transport::Negotiated))
}

pub(crate) fn with(builder: AuthBuilder, config: token::Config) -> AuthBuilder {
    builder.tokens(config).endpoint::<OwnSignIn>()
}

/// Ada in a browser that holds a pair in cookies and nothing else.
pub(crate) async fn ada(stack: Stack) -> (TestApp, Actor) {
    let app = stack.app_with(in_cookies).await;
    app.signed_up(ADA).await;
    app.grant(ADA, "ADMIN", "analyst", &["reports:read"]).await;
    let ada = app.anon();
    own_sign_in(&ada).await.ok();
    (app, ada)
}

pub(crate) async fn own_sign_in(browser: &Actor) -> Reply {
    browser.auth_post("/own/sign-in", json!({"email": ADA, "password": PASSWORD})).await
}

/// A `POST` of a page of ours, which shows the CSRF token of its cookie.
pub(crate) async fn post(browser: &Actor, path: &str, body: serde_json::Value) -> Reply {
    let token = browser.cookie_called("csrf_token").unwrap_or_default();
    browser.request(Method::POST, path).header("x-csrf-token", &token).json(&body).send().await
}

pub(crate) async fn refreshed(browser: &Actor) -> Reply {
    post(browser, "/api/auth/token/refresh", json!({})).await
}

/// Name, and attributes in order, of every cookie but a session's.
pub(crate) fn cookies(reply: &Reply) -> Vec<String> {
    let lines = reply.set_cookies().into_iter().filter(|line| !line.starts_with("auth.") && !line.contains("-auth."));
    let mut shown: Vec<String> = lines
        .map(|line| {
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut attributes: Vec<&str> = attributes.split("; ").collect();
            attributes.sort_unstable();
            format!("{name}={} {}", if value.is_empty() { "" } else { "…" }, attributes.join(" "))
        })
        .collect();
    shown.sort_unstable();
    shown
}

pub(crate) const CLEARED: [&str; 3] = [
    "access_token= HttpOnly Max-Age=0 Path=/ SameSite=Lax",
    "csrf_token= Max-Age=0 Path=/ SameSite=Lax",
    "refresh_token= HttpOnly Max-Age=0 Path=/ SameSite=Lax",
];

async fn a_pair_in_cookies_is_in_no_body(stack: Stack) {
    let app = stack.app_with(in_cookies).await;
    let browser = app.signed_up(ADA).await;
    let by_session = browser.auth_post("/token", json!({})).await;
    let by_handler = own_sign_in(&app.anon()).await;
    for reply in [by_session, by_handler] {
        assert_eq!(
            cookies(&reply),
            [
                "access_token=… HttpOnly Max-Age=900 Path=/ SameSite=Lax",
                "csrf_token=… Max-Age=2592000 Path=/ SameSite=Lax",
                "refresh_token=… HttpOnly Max-Age=2592000 Path=/ SameSite=Lax",
            ]
        );
        let body = reply.ok();
        assert_eq!((&body["expiresIn"], &body["refreshExpiresIn"]), (&json!(900), &json!(2_592_000)), "{body}");
        assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
        let line = reply.set_cookies().into_iter().find(|line| line.starts_with("csrf_token=")).unwrap();
        assert!(line[11..].starts_with(body["csrfToken"].as_str().unwrap()), "the one of the cookie");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

async fn on_https_the_cookies_are_bound_to_this_host(stack: Stack) {
    let app = stack.app_with(|builder| in_cookies(builder.base_url("https://api.example.com"))).await;
    app.signed_up(ADA).await;
    let ada = app.anon();
    assert_eq!(
        cookies(&own_sign_in(&ada).await),
        [
            "__Host-access_token=… HttpOnly Max-Age=900 Path=/ SameSite=Lax Secure",
            "__Host-csrf_token=… Max-Age=2592000 Path=/ SameSite=Lax Secure",
            "__Host-refresh_token=… HttpOnly Max-Age=2592000 Path=/ SameSite=Lax Secure",
        ]
    );
    assert!(ada.is_signed_in().await);
    // A cookie of the bare name is somebody else's.
    let token = ada.cookie_called("__Host-access_token").unwrap();
    assert!(!app.anon().with_cookie_called("access_token", Some(&token)).is_signed_in().await);
}

async fn a_domain_and_other_sites_are_settings(stack: Stack) {
    let given = async |url: &'static str, settings: TokenCookies| {
        let config = token::Config::default().transport(Transport::Cookie).cookies(settings);
        let app = stack.app_with(|builder| with(builder.base_url(url), config)).await;
        app.signed_up(ADA).await;
        let ada = app.anon();
        let lines = cookies(&own_sign_in(&ada).await);
        assert!(ada.is_signed_in().await);
        lines[0].clone()
    };
    let (https, http, default) = ("https://api.example.com", "http://localhost:3000", TokenCookies::default);
    assert_eq!(
        given(https, default().domain("example.com")).await,
        "__Secure-access_token=… Domain=example.com HttpOnly Max-Age=900 Path=/ SameSite=Lax Secure"
    );
    assert_eq!(
        given(https, default().cross_site().without_prefix().access("at")).await,
        "at=… HttpOnly Max-Age=900 Path=/ SameSite=None Secure"
    );
    // Behind a proxy where TLS ends.
    assert_eq!(
        given(http, default().cross_site().always_secure().without_prefix()).await,
        "access_token=… HttpOnly Max-Age=900 Path=/ SameSite=None Secure"
    );
}

async fn the_request_says_how_it_wants_its_tokens(stack: Stack) {
    let app = stack.app_with(negotiated).await;
    let ada = app.signed_up(ADA).await;
    let asked = async |kind: &str| {
        let draft = ada.request(Method::POST, "/api/auth/token").header("x-access-token-type", kind);
        draft.send().await
    };
    let silent = ada.auth_post("/token", json!({})).await;
    for reply in [silent, asked("header").await] {
        assert!(reply.ok()["refreshToken"].is_string() && cookies(&reply).is_empty());
    }
    let reply = asked("cookie").await;
    assert_eq!((cookies(&reply).len(), &reply.ok()["refreshToken"]), (3, &json!(null)));
    let refresh = asked("header").await.ok()["refreshToken"].clone();
    for bad in ["", "Cookie", "cookie, header", "body"] {
        let reply = asked(bad).await;
        reply.refused(400, "VALIDATION_ERROR");
        assert_eq!(reply.json()["fields"][0]["field"], "x-access-token-type", "{bad:?}");
        let draft = app.program();
        let draft = draft.request(Method::POST, "/api/auth/token/refresh").header("x-access-token-type", bad);
        draft.json(&json!({"refreshToken": refresh})).send().await.refused(400, "VALIDATION_ERROR");
    }
    let twice = ada.request(Method::POST, "/api/auth/token").another("x-access-token-type", "cookie");
    twice.another("x-access-token-type", "cookie").send().await.refused(400, "VALIDATION_ERROR");
    // Nothing was used up.
    app.program().auth_post("/token/refresh", json!({"refreshToken": refresh})).await.ok();
}

async fn an_access_token_in_a_cookie_opens_what_a_bearer_opens(stack: Stack) {
    let (app, ada) = ada(stack).await;
    assert_eq!(ada.get("/me").await.ok()["email"], ADA);
    assert_eq!(ada.session().await["user"]["email"], ADA);
    for (path, source) in [("/principal", "session"), ("/cached", "session"), ("/stateless/reports", "claims")] {
        let principal = ada.get(path).await.ok();
        assert_eq!((&principal["source"], &principal["permissions"]), (&json!(source), &json!(["reports:read"])));
    }
    ada.get("/staff").await.refused(403, "FORBIDDEN");
    app.advance(Duration::from_secs(900));
    ada.get("/me").await.refused(401, "UNAUTHORIZED");
    ada.get("/stateless").await.refused(401, "UNAUTHORIZED");
}

async fn an_access_token_in_a_cookie_gets_nobody_another_one(stack: Stack) {
    let (_app, ada) = ada(stack).await;
    ada.auth_get("/token").await.refused(403, "FORBIDDEN");
    for (path, body) in [
        ("/token", json!({})),
        ("/delete-user", json!({"password": PASSWORD})),
        ("/revoke-sessions", json!({})),
        ("/change-password", json!({"currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77"})),
    ] {
        post(&ada, &format!("/api/auth{path}"), body).await.refused(403, "FORBIDDEN");
    }
}

async fn a_bearer_beats_a_token_in_a_cookie(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let eve = app.signed_up("eve@example.com").await;
    let token = access_token(&eve).await;
    assert_eq!(ada.copied().with_bearer(&token).get("/me").await.ok()["email"], "eve@example.com");
    let good = ada.cookie_called("access_token").unwrap();
    for bad in ["", "garbage", "a.b.c", &good[..good.len() - 1]] {
        ada.copied().with_bearer(bad).get("/me").await.refused(401, "UNAUTHORIZED");
        ada.copied().with_bearer(bad).get("/maybe").await.refused(401, "UNAUTHORIZED");
    }
    // The order is the application's to say.
    let first = [CredentialSource::AccessTokenCookie, CredentialSource::Bearer];
    let other = app.restarted_with(stack.transport, |builder| in_cookies(builder).credentials(first)).await;
    let both = other.anon().with_cookie_called("access_token", Some(&good)).with_bearer(&token);
    assert_eq!(both.get("/me").await.ok()["email"], ADA);
}

async fn two_cookies_of_one_token_prove_nothing(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let [access, refresh, csrf] =
        ["access_token", "refresh_token", "csrf_token"].map(|name| ada.cookie_called(name).unwrap());
    let request = async |method: Method, path: &str, line: String| {
        let browser = app.anon();
        let draft = browser.request(method, path).header("cookie", &line).header("x-csrf-token", &csrf);
        draft.send().await
    };
    for planted in ["x", "", &access] {
        let line = format!("access_token={access}; access_token={planted}; csrf_token={csrf}");
        for path in ["/me", "/maybe", "/api/auth/list-accounts"] {
            request(Method::GET, path, line.clone()).await.refused(401, "UNAUTHORIZED");
        }
    }
    let line = format!("access_token={access}; csrf_token={csrf}; csrf_token={csrf}");
    request(Method::POST, "/change", line).await.refused(403, "CSRF_TOKEN_INVALID");
    let line = format!("refresh_token={refresh}; refresh_token=x; csrf_token={csrf}");
    let reply = request(Method::POST, "/api/auth/token/refresh", line).await;
    assert_eq!(cookies(reply.refused(401, "UNAUTHORIZED")), CLEARED);
    refreshed(&ada).await.ok();
}

async fn in_headers_alone_a_cookie_is_no_credential(stack: Stack) {
    let app = stack.app_with(|builder| builder.tokens(token::Config::default())).await;
    let ada = app.signed_up(ADA).await;
    let body = ada.auth_post("/token", json!({})).await.ok();
    let planted = |name: &str, token: &str| app.anon().with_cookie_called(name, body[token].as_str());
    let browser = planted("access_token", "accessToken");
    browser.get("/me").await.refused(401, "UNAUTHORIZED");
    assert_eq!(browser.get("/maybe").await.ok(), json!({"who": null}));
    browser.auth_get("/csrf").await.nowhere();
    let browser = planted("refresh_token", "refreshToken");
    for endpoint in ["/token/refresh", "/token/revoke"] {
        let reply = browser.auth_post(endpoint, json!({})).await;
        assert_eq!(reply.refused(400, "VALIDATION_ERROR").json()["fields"][0]["field"], "refreshToken");
    }
    assert!(ada.is_signed_in().await);
    assert!(cookies(&ada.auth_post("/sign-out", json!({})).await).is_empty());
}

async fn a_refresh_by_cookie_gives_the_next_pair(stack: Stack) {
    let (app, ada) = ada(stack).await;
    for _ in 0..3 {
        let before = ["access_token", "refresh_token", "csrf_token"].map(|name| ada.cookie_called(name).unwrap());
        app.advance(Duration::from_secs(900));
        let reply = refreshed(&ada).await;
        assert_eq!(reply.ok().as_object().unwrap().len(), 3);
        let after = ["access_token", "refresh_token", "csrf_token"].map(|name| ada.cookie_called(name).unwrap());
        assert!(before.iter().zip(&after).all(|(before, after)| before != after));
        assert!(ada.is_signed_in().await);
    }
    // The null of a client that fills in every field names no token either.
    post(&ada, "/api/auth/token/refresh", json!({"refreshToken": null})).await.ok();
    app.anon().auth_post("/token/refresh", json!({})).await.refused(401, "UNAUTHORIZED");
}

async fn a_second_use_of_a_cookie_ends_the_session(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let thief = ada.copied();
    refreshed(&ada).await.ok();
    app.events().take();
    let reply = refreshed(&thief).await;
    assert_eq!(cookies(reply.refused(401, "UNAUTHORIZED")), CLEARED);
    assert_eq!(app.events().take(), ["refresh_reused"]);
    assert_eq!(thief.cookie_called("refresh_token"), None);
    assert!(!ada.is_signed_in().await);
    assert_eq!(cookies(refreshed(&ada).await.refused(401, "UNAUTHORIZED")), CLEARED);
}

/// A script that cannot read the cookie would else have its successor told.
async fn what_came_in_a_cookie_goes_back_in_cookies(stack: Stack) {
    let app = stack.app_with(negotiated).await;
    let ada = app.signed_up(ADA).await;
    let draft = ada.request(Method::POST, "/api/auth/token").header("x-access-token-type", "cookie");
    draft.send().await.ok();
    for kind in ["header", "cookie"] {
        let token = ada.cookie_called("csrf_token").unwrap();
        let draft = ada.request(Method::POST, "/api/auth/token/refresh").header("x-csrf-token", &token);
        let reply = draft.header("x-access-token-type", kind).send().await;
        assert_eq!((cookies(&reply).len(), &reply.ok()["refreshToken"]), (3, &json!(null)), "{kind}");
    }
    let reply = refreshed(&ada).await;
    assert_eq!((cookies(&reply).len(), &reply.ok()["refreshToken"]), (3, &json!(null)));
}

async fn a_body_beats_a_cookie(stack: Stack) {
    let (app, ada) = ada(stack).await;
    for bad in ["", "rt_", "x"] {
        let reply = post(&ada, "/api/auth/token/refresh", json!({"refreshToken": bad})).await;
        assert!(cookies(reply.refused(401, "UNAUTHORIZED")).is_empty());
        post(&ada, "/api/auth/token/revoke", json!({"refreshToken": bad})).await.ok();
    }
    assert!(ada.is_signed_in().await);
    // A program that keeps its tokens itself gets the next ones as the application says.
    let refresh = ada.cookie_called("refresh_token").unwrap();
    let reply = app.program().auth_post("/token/refresh", json!({"refreshToken": refresh})).await;
    assert_eq!((cookies(&reply).len(), &reply.ok()["refreshToken"]), (3, &json!(null)));
}

async fn the_tokens_of_a_session_that_is_not_kept_go_with_the_browser(stack: Stack) {
    let (app, _) = ada(stack).await;
    let shared = app.anon();
    let body = json!({"email": ADA, "password": PASSWORD, "remember": false});
    let reply = shared.auth_post("/own/sign-in", body).await;
    for reply in [reply, refreshed(&shared).await] {
        assert_eq!(cookies(&reply).len(), 3);
        assert!(cookies(&reply).iter().all(|line| !line.contains("Max-Age")), "{:?}", cookies(&reply));
    }
}

async fn a_token_that_fits_into_no_cookie_is_refused_before_anything_is_used_up(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let names: Vec<String> = (0..120).map(|n| format!("a-long-winded-permission:{n:03}")).collect();
    app.grant(ADA, "ADMIN", "everything", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    refreshed(&ada).await.refused(500, "INTERNAL_SERVER_ERROR");
    own_sign_in(&app.anon()).await.refused(500, "INTERNAL_SERVER_ERROR");
    auth_core::role::revoke_role(&app.cx(), app.user_id(ADA).await, "ADMIN", "everything").await.unwrap();
    refreshed(&ada).await.ok();
}

async fn customers_have_cookies_of_their_own(stack: Stack) {
    let app = stack.app_with(|builder| in_cookies(builder).customers(customer::Config::default())).await;
    let cleo = app.anon();
    let body = json!({"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD});
    cleo.auth_post("/customer/sign-up/email", body).await.ok();
    let reply = cleo.auth_post("/customer/token", json!({})).await;
    let names: Vec<String> = cookies(&reply).iter().map(|line| line.split('=').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["customer_access_token", "customer_csrf_token", "customer_refresh_token"]);
    let cleo = cleo.with_cookie_called("auth.customer_token", None);
    cleo.get("/cart").await.ok();
    cleo.get("/me").await.refused(401, "UNAUTHORIZED");
    let csrf = cleo.cookie_called("customer_csrf_token").unwrap();
    let renew = async |path: &str| cleo.request(Method::POST, path).header("x-csrf-token", &csrf).send().await;
    renew("/api/auth/token/refresh").await.refused(401, "UNAUTHORIZED");
    renew("/api/auth/customer/token/refresh").await.ok();
    // In a cookie of the other pool it is somebody of the wrong kind, or nobody.
    let token = cleo.cookie_called("customer_access_token").unwrap();
    let posing = app.anon().with_cookie_called("access_token", Some(&token));
    posing.get("/me").await.refused(403, "FORBIDDEN");
    posing.auth_get("/list-accounts").await.refused(401, "UNAUTHORIZED");
}
