//! Every kind of credential, offered wherever any other kind is expected: refused, not used up, and never a failure of
//! ours.

use std::collections::BTreeMap;

use auth_core::api_key::{self, KeyChange, NewApiKey};
use auth_core::base::Secret;
use auth_core::crypto::jwt::SigningKey;
use auth_core::issuer::{StaticKeyVerifier, VerifierChain};
use auth_core::{AuthBuilder, code, customer, session, token, user};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

flows![every_kind_is_refused_wherever_it_does_not_belong];

const ADA: &str = "ada@example.com";
const BANNED: &str = "banned@example.com";
const ISSUER: &str = "https://issuer.example";
const SHARED: &str = "a secret that two programs share, 0123456789";
const CUSTOMER_PASSWORD: &str = "Heron-Amber-Quartz-77";

macro_rules! places {
    ($($place:ident),+ $(,)?) => {
        /// Where a credential may be offered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum Place {
            $($place),+
        }

        const PLACES: &[Place] = &[$($place),+];
    };
}

places![
    BearerAnybody,
    BearerUsers,
    BearerCustomers,
    BearerStateless,
    BearerCached,
    BearerSessions,
    BearerCustomerSessions,
    BearerToken,
    BearerOneTimeToken,
    Cookie,
    CustomerCookie,
    AccessCookie,
    CustomerAccessCookie,
    RefreshCookie,
    ApiKeyHeader,
    ApiKeyScheme,
    Refresh,
    CustomerRefresh,
    Revoke,
    CustomerRevoke,
    OneTime,
    CustomerOneTime,
    SetActive,
    KeptCookie,
    RevokeSession,
    Password,
    BasicScheme,
];

use Place::*;

/// Where an own session's secret of a user counts, and so on.
const USER_SESSION: &[Place] = &[
    BearerAnybody,
    BearerUsers,
    BearerStateless,
    BearerCached,
    BearerSessions,
    BearerToken,
    BearerOneTimeToken,
    Cookie,
    RevokeSession,
];
const CUSTOMER_SESSION: &[Place] =
    &[BearerAnybody, BearerCustomers, BearerStateless, BearerCached, BearerCustomerSessions, CustomerCookie];
const USER_ACCESS: &[Place] =
    &[BearerAnybody, BearerUsers, BearerStateless, BearerCached, BearerSessions, AccessCookie];
const CUSTOMER_ACCESS: &[Place] =
    &[BearerAnybody, BearerCustomers, BearerStateless, BearerCached, BearerCustomerSessions, CustomerAccessCookie];
const EXTERNAL: &[Place] = &[BearerAnybody, BearerUsers, BearerStateless, BearerCached];

struct Kind {
    name: &'static str,
    text: String,
    counts: &'static [Place],
}

fn configured(builder: AuthBuilder) -> AuthBuilder {
    let verifier = StaticKeyVerifier::secret(Secret::new(SHARED)).issuer(ISSUER).audience(["the-api"]);
    builder
        .tokens(token::Config::default().transport(token::Transport::Negotiated))
        .one_time_tokens(code::OneTimeTokens::default())
        .customers(customer::Config::default())
        .api_keys(api_key::Config::default())
        .session(session::Config::default().several_per_browser(5))
        .issuers(VerifierChain::builder().static_keys(verifier).build().unwrap())
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

/// A program with a new session of this pool.
async fn program(app: &TestApp, prefix: &str, email: &str) -> (Actor, String) {
    let password = if prefix.is_empty() { PASSWORD } else { CUSTOMER_PASSWORD };
    let body = json!({"email": email, "password": password});
    let token = text(&app.program().auth_post(&format!("{prefix}/sign-in/email"), body).await.ok(), "token");
    (app.program().with_bearer(&token), token)
}

async fn pair(program: &Actor, prefix: &str) -> (String, String) {
    let body = program.auth_post(&format!("{prefix}/token"), json!({})).await.ok();
    (text(&body, "accessToken"), text(&body, "refreshToken"))
}

async fn one_time(program: &Actor, prefix: &str) -> String {
    text(&program.auth_get(&format!("{prefix}/one-time-token/generate")).await.ok(), "token")
}

async fn key(app: &TestApp, email: &str) -> api_key::CreatedKey {
    api_key::create(&app.cx(), NewApiKey::of_user(app.user_id(email).await)).await.unwrap()
}

/// One of each, most of them good.
async fn kinds(app: &TestApp) -> Vec<Kind> {
    app.signed_up(ADA).await;
    app.signed_up(BANNED).await;
    let body = json!({"name": "Ada", "email": ADA, "password": CUSTOMER_PASSWORD});
    app.program().auth_post("/customer/sign-up/email", body).await.ok();

    let mut kinds = Vec::new();
    let mut add = |name, text: String, counts| kinds.push(Kind { name, text, counts });
    for (prefix, session, access, refresh, once) in [
        ("", USER_SESSION, USER_ACCESS, &[Refresh, Revoke][..], &[OneTime][..]),
        ("/customer", CUSTOMER_SESSION, CUSTOMER_ACCESS, &[CustomerRefresh, CustomerRevoke], &[CustomerOneTime]),
    ] {
        let (own, token) = program(app, prefix, ADA).await;
        let (access_token, _) = pair(&own, prefix).await;
        add("a session", token, session);
        add("an access token", access_token, access);
        let (other, _) = program(app, prefix, ADA).await;
        add("a refresh token", pair(&other, prefix).await.1, refresh);
        let (other, _) = program(app, prefix, ADA).await;
        add("a one-time token", one_time(&other, prefix).await, once);
        let (ended, token) = program(app, prefix, ADA).await;
        let (dead_access, dead_refresh) = pair(&ended, prefix).await;
        let dead_code = one_time(&ended, prefix).await;
        ended.auth_post(&format!("{prefix}/sign-out"), json!({})).await.ok();
        add("a session that has ended", token, &[]);
        add("an access token of it", dead_access, &[BearerStateless]);
        add("a refresh token of it", dead_refresh, &[]);
        add("a one-time token of it", dead_code, &[]);
    }
    let good = key(app, ADA).await;
    add("an API key", good.secret.expose().to_owned(), &[ApiKeyHeader, ApiKeyScheme]);
    add("the name of an API key", good.key.id.to_string(), &[]);
    let off = key(app, ADA).await;
    let change = KeyChange { enabled: Some(false), ..KeyChange::default() };
    api_key::change(&app.cx(), &off.key.owner, off.key.id, change).await.unwrap();
    add("a disabled API key", off.secret.expose().to_owned(), &[]);
    let (banned, token) = program(app, "", BANNED).await;
    let (access_of_banned, refresh_of_banned) = pair(&banned, "").await;
    let key_of_banned = key(app, BANNED).await;
    user::disable_user(&app.cx(), app.user_id(BANNED).await).await.unwrap();
    add("a session of a disabled user", token, &[]);
    add("an access token of a disabled user", access_of_banned, &[BearerStateless]);
    add("a refresh token of a disabled user", refresh_of_banned, &[]);
    add("an API key of a disabled user", key_of_banned.secret.expose().to_owned(), &[]);

    let now = app.auth().now().as_seconds();
    let sign = |secret: &str, typ: &'static str, change: Value| {
        let mut claims = json!({"iss": ISSUER, "aud": "the-api", "sub": "ext|1", "iat": now, "exp": now + 600});
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        SigningKey::hs256(&Secret::new(secret), None).unwrap().sign(typ, &claims).unwrap()
    };
    add("a token of another issuer", sign(SHARED, "JWT", json!({})), EXTERNAL);
    add("an expired one", sign(SHARED, "JWT", json!({"exp": now - 60})), &[]);
    add("one for another audience", sign(SHARED, "JWT", json!({"aud": "another-api"})), &[]);
    add("one of another kind", sign(SHARED, "logout+jwt", json!({})), &[]);
    add("one that claims to be ours", sign(SHARED, "at+jwt", json!({"iss": app.auth().base_url()})), &[]);
    add("one of nobody's", sign("another secret of a good length, 9876543210", "JWT", json!({})), &[]);
    add("a CSRF token", text(&app.anon().auth_get("/csrf").await.ok(), "csrfToken"), &[]);
    add("a session's name", app.sessions(ADA).await[0].id.to_string(), &[]);
    add("a user's id", app.user_id(ADA).await.to_string(), &[]);
    add("a password", PASSWORD.to_owned(), &[Password]);
    add("43 characters", "A".repeat(43), &[]);
    add("nothing", String::new(), &[]);
    kinds
}

/// What a place says to somebody who offers it this text; `true` when it is let in.
async fn offered(app: &TestApp, place: Place, text: &str) -> (Reply, bool) {
    let nobody = app.program();
    let bearer = || nobody.clone().with_bearer(text);
    let get = async |path: &str, name: &'static str, value: &str| {
        nobody.request(Method::GET, path).header(name, value).send().await
    };
    let post = async |path: &str, body: Value| nobody.auth_post(path, body).await;
    let is_200 = |reply: Reply| {
        let ok = reply.status == 200;
        (reply, ok)
    };
    match place {
        BearerAnybody => is_200(bearer().get("/principal").await),
        BearerUsers => is_200(bearer().get("/users").await),
        BearerCustomers => is_200(bearer().get("/customers").await),
        BearerStateless => is_200(bearer().get("/stateless").await),
        BearerCached => is_200(bearer().get("/cached").await),
        BearerSessions => is_200(bearer().auth_get("/list-sessions").await),
        BearerCustomerSessions => is_200(bearer().auth_get("/customer/list-sessions").await),
        BearerToken => is_200(bearer().auth_get("/token").await),
        BearerOneTimeToken => is_200(bearer().auth_get("/one-time-token/generate").await),
        Cookie => is_200(get("/users", "cookie", &format!("auth.session_token={text}")).await),
        CustomerCookie => is_200(get("/cart", "cookie", &format!("auth.customer_token={text}")).await),
        AccessCookie => is_200(get("/users", "cookie", &format!("access_token={text}")).await),
        CustomerAccessCookie => is_200(get("/cart", "cookie", &format!("customer_access_token={text}")).await),
        // Nobody's without a CSRF token of its session.
        RefreshCookie => {
            let page = app.anon().with_cookie_called("refresh_token", Some(text));
            is_200(page.auth_post("/token/refresh", json!({})).await)
        }
        ApiKeyHeader => is_200(get("/principal", "x-api-key", text).await),
        ApiKeyScheme => is_200(get("/principal", "authorization", &format!("ApiKey {text}")).await),
        BasicScheme => is_200(get("/principal", "authorization", &format!("Basic {text}")).await),
        Refresh => is_200(post("/token/refresh", json!({"refreshToken": text})).await),
        CustomerRefresh => is_200(post("/customer/token/refresh", json!({"refreshToken": text})).await),
        OneTime => is_200(post("/one-time-token/verify", json!({"token": text})).await),
        CustomerOneTime => is_200(post("/customer/one-time-token/verify", json!({"token": text})).await),
        SetActive => is_200(post("/multi-session/set-active", json!({"sessionToken": text})).await),
        KeptCookie => {
            let id = "0".repeat(32);
            let reply = get(
                "/api/auth/multi-session/list-device-sessions",
                "cookie",
                &format!("auth.session_token_multi-{id}={text}"),
            )
            .await;
            let listed = !reply.ok().as_array().unwrap().is_empty();
            (reply, listed)
        }
        Password => is_200(post("/sign-in/email", json!({"email": ADA, "password": text})).await),
        // Whatever they are given, the answer is the same; what they do is seen by what is left afterwards.
        Revoke => (post("/token/revoke", json!({"refreshToken": text})).await, false),
        CustomerRevoke => (post("/customer/token/revoke", json!({"refreshToken": text})).await, false),
        RevokeSession => {
            let (stranger, _) = program(app, "", "stranger@example.com").await;
            (stranger.auth_post("/revoke-session", json!({"token": text})).await, false)
        }
    }
}

async fn every_kind_is_refused_wherever_it_does_not_belong(stack: Stack) {
    let lockout = auth_core::account::Lockout::disabled_insecurely();
    let app = stack.app_with(|builder| configured(builder).lockout(lockout)).await;
    app.signed_up("stranger@example.com").await;
    let kinds = kinds(&app).await;
    let mut pairs = 0;
    let mut wrong = BTreeMap::new();
    for &place in PLACES {
        for kind in kinds.iter().filter(|kind| !kind.counts.contains(&place)) {
            pairs += 1;
            let (reply, let_in) = offered(&app, place, &kind.text).await;
            if let_in || reply.status.is_server_error() {
                wrong.insert((place, kind.name), format!("{} {}", reply.status, reply.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{stack:?}: {wrong:#?}");
    assert!(pairs >= 600 && kinds.len() >= 24, "{pairs} pairs of {} kinds", kinds.len());
    // Nothing was used up, and nothing was ended: everything still opens where it belongs. What is good once comes
    // last.
    for kind in &kinds {
        let once = |place: &&Place| matches!(place, Revoke | CustomerRevoke | RevokeSession);
        for place in kind.counts.iter().filter(|place| !once(place)) {
            let (reply, let_in) = offered(&app, *place, &kind.text).await;
            assert!(let_in, "{} at {place:?} on {stack:?}: {} {}", kind.name, reply.status, reply.text());
        }
    }
}
