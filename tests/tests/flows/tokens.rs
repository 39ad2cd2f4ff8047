//! Access tokens: what they say, what they open, and how stale they may be.

use std::time::Duration;

use async_trait::async_trait;
use auth_core::base::Secret;
use auth_core::guard::AccessRule;
use auth_core::hooks::Hooks;
use auth_core::http::enforce;
use auth_core::session::SessionCheck;
use auth_core::user::User;
use auth_core::{Cx, RequestInfo, Result, token, user};
use auth_tests::{Actor, PASSWORD, REMEMBERED, Stack, TestApp, flows};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use crate::DAY;

flows![
    an_access_token_says_who_holds_what,
    an_access_token_opens_what_its_session_opens,
    an_access_token_gets_nobody_another_one,
    an_access_token_does_nothing_for_good,
    a_token_does_not_outlive_a_session_that_does_not_slide,
    an_access_token_lives_for_fifteen_minutes_and_no_longer,
    claims_of_the_application_are_in_the_token,
    with_a_shared_secret_a_token_dies_as_others_do,
    a_hook_cannot_replace_a_claim_of_ours,
    looked_up_with_each_request_nothing_is_stale,
    remembered_it_is_stale_for_as_long_as_the_route_says,
    believed_it_is_stale_until_it_expires,
    roles_that_a_program_does_not_know_have_the_session_looked_up,
    a_session_is_looked_up_where_a_handler_asks_for_it,
    without_the_setting_there_are_no_tokens,
    the_session_is_told_with_an_access_token,
    a_program_may_remember_no_tokens,
];

pub(crate) const ADA: &str = "ada@example.com";
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn app(stack: Stack) -> TestApp {
    stack.app_with(|builder| builder.tokens(token::Config::default())).await
}

/// Ada, who holds `reports:read`, in a browser.
pub(crate) async fn ada(stack: Stack) -> (TestApp, Actor) {
    let app = app(stack).await;
    let ada = app.signed_up(ADA).await;
    app.grant(ADA, "ADMIN", "analyst", &["reports:read"]).await;
    (app, ada)
}

pub(crate) async fn access_token(actor: &Actor) -> String {
    actor.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned()
}

/// A program that comes with the access token of this browser's session.
pub(crate) async fn bearer(app: &TestApp, actor: &Actor) -> Actor {
    app.program().with_bearer(&access_token(actor).await)
}

pub(crate) fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

async fn an_access_token_says_who_holds_what(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let token = access_token(&ada).await;
    let header = part(&token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert_eq!(header.as_object().unwrap().len(), 3, "{header}");
    let (claims, session) = (part(&token, 1), ada.session().await);
    assert_eq!(claims["iss"], "http://localhost:3000");
    assert_eq!(claims["aud"], "http://localhost:3000");
    assert_eq!(claims["sub"], session["user"]["id"]);
    assert_eq!(claims["sid"], session["session"]["id"]);
    assert_eq!(claims["kind"], "user");
    assert_eq!(claims["roles"], json!([{"name": "analyst", "guard": "ADMIN"}]));
    assert_eq!(claims["permissions"], json!(["reports:read"]));
    assert_eq!(claims["email"], ADA);
    assert_eq!(claims["client_id"], "first-party");
    let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert_eq!((issued, expires - issued), (app.auth().now().as_seconds(), 15 * 60));
    assert_ne!(part(&access_token(&ada).await, 1)["jti"], claims["jti"]);
}

async fn an_access_token_opens_what_its_session_opens(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let program = bearer(&app, &ada).await;
    assert_eq!(program.get("/me").await.ok()["email"], ADA);
    program.get("/reports").await.ok();
    program.get("/staff").await.refused(403, "FORBIDDEN");
    for (path, source) in [("/principal", "session"), ("/cached", "session"), ("/stateless", "claims")] {
        let principal = program.get(path).await.ok();
        assert_eq!((&principal["source"], &principal["kind"]), (&json!(source), &json!("user")), "{path}");
        assert_eq!(principal["roles"], json!([{"name": "analyst", "guard": "ADMIN"}]), "{path}");
        assert_eq!((&principal["email"], &principal["method"]), (&json!(ADA), &json!("password")), "{path}");
    }
    program.get("/stateless/reports").await.ok();
    // It stands for the session, in what can be undone.
    program.auth_post("/update-user", json!({"name": "Countess"})).await.ok();
    assert_eq!(ada.session().await["user"]["name"], "Countess");
    assert_eq!(program.session().await["user"]["name"], "Countess");
}

/// Every service that it is shown to has it.
async fn an_access_token_does_nothing_for_good(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let program = bearer(&app, &ada).await;
    for (path, body) in [
        ("/delete-user", json!({})),
        ("/delete-user", json!({"password": PASSWORD})),
        ("/set-password", json!({"newPassword": "Marble-Falcon-Quiet-77"})),
        ("/revoke-sessions", json!({})),
        ("/revoke-other-sessions", json!({})),
        ("/revoke-session", json!({"token": ada.session().await["session"]["id"]})),
        ("/change-password", json!({"currentPassword": PASSWORD, "newPassword": "Marble-Falcon-Quiet-77"})),
    ] {
        program.auth_post(path, body).await.refused(403, "FORBIDDEN");
    }
    assert!(ada.is_signed_in().await);
}

async fn a_token_does_not_outlive_a_session_that_does_not_slide(stack: Stack) {
    let app = app(stack).await;
    app.signed_up(ADA).await;
    let browser = app.anon();
    let body = json!({"email": ADA, "password": PASSWORD, "rememberMe": false});
    browser.auth_post("/sign-in/email", body).await.ok();
    app.advance(DAY - 5 * MINUTE);
    let token = access_token(&browser).await;
    let program = app.program().with_bearer(&token);
    program.get("/stateless").await.ok();
    app.advance(5 * MINUTE);
    program.get("/stateless").await.refused(401, "UNAUTHORIZED");
}

/// Otherwise what they permit would count in a program that does not know them.
async fn roles_that_a_program_does_not_know_have_the_session_looked_up(stack: Stack) {
    let tokens = |builder: auth_core::AuthBuilder| builder.tokens(token::Config::default());
    let app = stack.app_with(|builder| tokens(builder).role_guards(["BACKOFFICE"])).await;
    let ada = app.signed_up(ADA).await;
    app.grant(ADA, "BACKOFFICE", "analyst", &["reports:read"]).await;
    let other = app.restarted_with(stack.transport, tokens).await;
    let token = access_token(&ada).await;
    app.program().with_bearer(&token).get("/stateless/reports").await.ok();
    let there = other.program().with_bearer(&token);
    there.get("/stateless/reports").await.refused(403, "FORBIDDEN");
    let principal = there.get("/stateless").await.ok();
    assert_eq!((&principal["source"], &principal["permissions"]), (&json!("session"), &json!([])));
    // Of a holder of roles that both know, it is believed.
    app.signed_up("grace@example.com").await;
    app.grant("grace@example.com", "PORTAL", "reader", &["reports:read"]).await;
    let token = access_token(&app.signed_in("grace@example.com").await).await;
    assert_eq!(other.program().with_bearer(&token).get("/stateless/reports").await.ok()["source"], "claims");
}

/// Otherwise a stolen one would never expire.
async fn an_access_token_gets_nobody_another_one(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let program = bearer(&app, &ada).await;
    program.auth_get("/token").await.refused(403, "FORBIDDEN");
    program.auth_post("/token", json!({})).await.refused(403, "FORBIDDEN");
    app.anon().auth_get("/token").await.refused(401, "UNAUTHORIZED");
    app.anon().auth_post("/token", json!({})).await.refused(401, "UNAUTHORIZED");
    // The session's own secret does, as a bearer too.
    ada.bearer().auth_get("/token").await.ok();
}

async fn an_access_token_lives_for_fifteen_minutes_and_no_longer(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let program = bearer(&app, &ada).await;
    app.advance(15 * MINUTE - Duration::from_secs(1));
    for path in ["/me", "/stateless", "/cached"] {
        program.get(path).await.ok();
    }
    app.advance(Duration::from_secs(1));
    for path in ["/me", "/stateless", "/cached", "/api/auth/get-session"] {
        program.get(path).await.refused(401, "UNAUTHORIZED");
    }
}

struct Claims(&'static str);

#[async_trait]
impl Hooks for Claims {
    async fn token_claims(&self, _cx: &Cx, user: &User, claims: &mut Map<String, Value>) -> Result<()> {
        claims.insert(self.0.to_owned(), json!(format!("of {}", user.name)));
        Ok(())
    }
}

async fn claims_of_the_application_are_in_the_token(stack: Stack) {
    let hooked = |builder: auth_core::AuthBuilder| {
        builder.tokens(token::Config::default()).hooks(Claims("https://example.com/team"))
    };
    let app = stack.app_with(hooked).await;
    let ada = app.signed_up(ADA).await;
    let token = access_token(&ada).await;
    assert_eq!(part(&token, 1)["https://example.com/team"], "of Ada");
    app.program().with_bearer(&token).get("/stateless").await.ok();
    // They are told apart from ours; the second time from what is remembered of the token.
    for _ in 0..2 {
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
        let cx = app.auth().cx(RequestInfo::new(Method::GET, "/team", headers, None));
        enforce(&cx, &AccessRule::default().session_check(SessionCheck::Stateless), Ok(Vec::new())).await.unwrap();
        let caller = cx.authentication().await.unwrap().unwrap();
        let added = json!({"https://example.com/team": "of Ada"});
        assert_eq!(caller.claims(), added.as_object());
        assert!(!format!("{caller:?}").contains("of Ada"), "{caller:?}");
    }
}

/// Verified without a key pair, and remembered like any other.
async fn with_a_shared_secret_a_token_dies_as_others_do(stack: Stack) {
    let secret = || Secret::new("of the application and of those who sign: 7Qz!mK4v");
    let app = stack.app_with(|builder| builder.tokens(token::Config::default().shared_secret(secret()))).await;
    let ada = app.signed_up(ADA).await;
    let token = access_token(&ada).await;
    assert_eq!(part(&token, 0), json!({"alg": "HS256", "typ": "at+jwt"}));
    let program = app.program().with_bearer(&token);
    for _ in 0..2 {
        program.get("/stateless").await.ok();
        program.get("/me").await.ok();
    }
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    app.program().with_bearer(&forged).get("/stateless").await.refused(401, "UNAUTHORIZED");
    ada.auth_post("/sign-out", json!({})).await.ok();
    program.get("/me").await.refused(401, "UNAUTHORIZED");
    program.get("/stateless").await.ok();
    app.advance(15 * MINUTE);
    for _ in 0..2 {
        program.get("/stateless").await.refused(401, "UNAUTHORIZED");
    }
}

async fn a_hook_cannot_replace_a_claim_of_ours(stack: Stack) {
    for claim in ["sub", "iss", "roles", "permissions", "exp", "sid", "kind"] {
        let app = stack.app_with(|builder| builder.tokens(token::Config::default()).hooks(Claims(claim))).await;
        let ada = app.signed_up(ADA).await;
        ada.auth_get("/token").await.refused(500, "INTERNAL_SERVER_ERROR");
        assert!(ada.is_signed_in().await);
    }
}

/// What revocation, disabling and a change of roles do to an access token on a route.
async fn after(stack: Stack, path: &str, deed: impl AsyncFn(&TestApp, &Actor)) -> (TestApp, Actor) {
    let (app, ada) = ada(stack).await;
    let program = bearer(&app, &ada).await;
    program.get(path).await.ok();
    deed(&app, &ada).await;
    (app, program)
}

async fn sign_out(_: &TestApp, ada: &Actor) {
    ada.auth_post("/sign-out", json!({})).await.ok();
}

pub(crate) async fn disable(app: &TestApp, _: &Actor) {
    user::disable_user(&app.cx(), app.user_id(ADA).await).await.unwrap();
}

pub(crate) async fn demote(app: &TestApp, _: &Actor) {
    auth_core::role::revoke_role(&app.cx(), app.user_id(ADA).await, "ADMIN", "analyst").await.unwrap();
}

async fn looked_up_with_each_request_nothing_is_stale(stack: Stack) {
    after(stack, "/me", sign_out).await.1.get("/me").await.refused(401, "UNAUTHORIZED");
    after(stack, "/me", disable).await.1.get("/me").await.refused(401, "UNAUTHORIZED");
    after(stack, "/reports", demote).await.1.get("/reports").await.refused(403, "FORBIDDEN");
}

async fn remembered_it_is_stale_for_as_long_as_the_route_says(stack: Stack) {
    for session_token in [true, false] {
        let (app, ada) = ada(stack).await;
        let program = if session_token { ada.bearer() } else { bearer(&app, &ada).await };
        program.get("/cached").await.ok();
        app.advance(REMEMBERED / 2);
        demote(&app, &ada).await;
        sign_out(&app, &ada).await;
        assert_eq!(program.get("/cached").await.ok()["permissions"], json!(["reports:read"]), "worst case");
        program.get("/me").await.refused(401, "UNAUTHORIZED");
        app.advance(REMEMBERED / 2);
        program.get("/cached").await.refused(401, "UNAUTHORIZED");
    }
}

async fn believed_it_is_stale_until_it_expires(stack: Stack) {
    let (app, program) = after(stack, "/stateless/reports", async |app: &TestApp, ada: &Actor| {
        demote(app, ada).await;
        disable(app, ada).await;
    })
    .await;
    program.get("/stateless/reports").await.ok();
    app.advance(15 * MINUTE);
    program.get("/stateless/reports").await.refused(401, "UNAUTHORIZED");
    // An opaque token has no claims to believe.
    let (app, ada) = self::ada(stack).await;
    ada.get("/stateless").await.ok();
    disable(&app, &ada).await;
    ada.get("/stateless").await.refused(401, "UNAUTHORIZED");
}

async fn a_session_is_looked_up_where_a_handler_asks_for_it(stack: Stack) {
    let (_, program) = after(stack, "/stateless/session", sign_out).await;
    program.get("/stateless/session").await.refused(401, "UNAUTHORIZED");
    program.get("/stateless").await.ok();
}

async fn without_the_setting_there_are_no_tokens(stack: Stack) {
    let (app, ada) = stack.signed_up(ADA).await;
    ada.auth_get("/token").await.nowhere();
    ada.auth_post("/token/refresh", json!({"refreshToken": "x"})).await.nowhere();
    app.anon().auth_get("/jwks").await.nowhere();
    app.program().with_bearer("a.b.c").get("/me").await.refused(401, "UNAUTHORIZED");
}

async fn the_session_is_told_with_an_access_token(stack: Stack) {
    let (app, ada) = ada(stack).await;
    let reply = ada.auth_get("/get-session").await;
    let token = reply.header("set-auth-jwt").unwrap();
    app.program().with_bearer(token).get("/reports").await.ok();
    assert_eq!(app.anon().auth_get("/get-session").await.header("set-auth-jwt"), None);
    let signed_out = ada.auth_post("/sign-out", json!({})).await;
    assert_eq!(signed_out.header("set-auth-jwt"), None);
}

async fn a_program_may_remember_no_tokens(stack: Stack) {
    let app = stack.app_with(|builder| builder.tokens(token::Config::default().remembered(0))).await;
    let ada = app.signed_up(ADA).await;
    let program = bearer(&app, &ada).await;
    for _ in 0..3 {
        program.get("/stateless").await.ok();
    }
    app.advance(15 * MINUTE);
    program.get("/stateless").await.refused(401, "UNAUTHORIZED");
}
