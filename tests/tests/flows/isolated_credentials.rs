//! What proves an account of one tenant is nothing to another one, and ends with its own.

use async_trait::async_trait;
use auth_core::api_key::{self, NewApiKey};
use auth_core::base::{Email, Secret, UserId};
use auth_core::code::OneTimeTokens;
use auth_core::crypto::jwt::SigningKey;
use auth_core::customer::{self, Config};
use auth_core::error::Code;
use auth_core::issuer::{
    ClaimsProfile, ExternalIssuers, ExternalUsers, StaticKeyVerifier, TenantClaim, VerifiedClaims, VerifierChain,
};
use auth_core::role;
use auth_core::{Cx, Result, session, tenant, token};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, database_flows, flows};
use http::Method;
use serde_json::{Value, json};

use crate::isolated::{ADA, HEADER, OTHER, app_with, both, id, named, sign_in, sign_up, user_id};

flows![
    a_session_is_none_for_another_tenant,
    tokens_are_none_for_another_tenant,
    a_key_is_bound_to_the_tenant_of_its_owner,
    a_one_time_token_is_good_in_its_own_tenant,
    an_issuer_vouches_for_accounts_of_its_tenant,
    the_end_of_a_tenant_ends_everything,
    customers_belong_to_tenants_too,
    one_browser_may_keep_a_session_of_each,
];

database_flows![a_row_that_was_moved_by_hand_opens_nothing];

fn with_tokens(builder: auth_core::AuthBuilder) -> auth_core::AuthBuilder {
    builder.tokens(token::Config::default()).one_time_tokens(OneTimeTokens::default())
}

async fn get_named(actor: &Actor, path: &str, tenant: &str) -> Reply {
    named(actor, Method::GET, path, tenant, Value::Null).await
}

/// Every way of asking who it is, and every route, whatever it demands.
const ASKING: [&str; 6] = ["/me", "/tenant", "/principal", "/cached", "/maybe", "/api/auth/list-accounts"];

async fn is_of_acme(actor: &Actor) {
    for path in ASKING {
        get_named(actor, path, "acme").await.ok();
        actor.get(path).await.ok();
        for other in ["globex", "initech", "ACME"] {
            get_named(actor, path, other).await.refused(403, "TENANT_MISMATCH");
        }
    }
}

async fn a_session_is_none_for_another_tenant(stack: Stack) {
    let app = app_with(stack, with_tokens).await;
    let [of_acme, _] = both(&app).await;
    is_of_acme(&of_acme).await;
    is_of_acme(&of_acme.bearer()).await;
    let shown = get_named(&of_acme, "/api/auth/get-session", "globex").await;
    shown.refused(403, "TENANT_MISMATCH");
    // It is a good session all the same.
    assert!(!shown.clears_cookie());
    get_named(&of_acme, "/api/auth/get-session", "acme").await.ok();
    let change = json!({"name": "Mallory"});
    let changed = named(&of_acme, Method::POST, "/api/auth/update-user", "globex", change).await;
    changed.refused(403, "TENANT_MISMATCH");
    // Whoever signs in to another tenant in the same browser is not hindered by what is there.
    let body = json!({"email": ADA, "password": OTHER});
    named(&of_acme, Method::POST, "/api/auth/sign-in/email", "globex", body).await.ok();
    assert_eq!(of_acme.get("/tenant").await.ok(), json!({"tenant": "globex"}));
}

async fn tokens_are_none_for_another_tenant(stack: Stack) {
    let app = app_with(stack, with_tokens).await;
    let [of_acme, _] = both(&app).await;
    named(&of_acme, Method::POST, "/api/auth/token", "globex", json!({})).await.refused(403, "TENANT_MISMATCH");
    get_named(&of_acme, "/api/auth/token", "globex").await.refused(403, "TENANT_MISMATCH");
    let pair = of_acme.auth_post("/token", json!({})).await.ok();
    let access = app.program().with_bearer(pair["accessToken"].as_str().unwrap());
    is_of_acme(&access).await;
    assert_eq!(access.get("/stateless").await.ok()["tenant"], "acme");
    get_named(&access, "/stateless", "globex").await.refused(403, "TENANT_MISMATCH");
    let refresh = json!({"refreshToken": pair["refreshToken"]});
    let refreshed = |tenant| named(&of_acme, Method::POST, "/api/auth/token/refresh", tenant, refresh.clone());
    refreshed("globex").await.refused(403, "TENANT_MISMATCH");
    // It was not used up by that.
    refreshed("acme").await.ok();
}

async fn a_key_is_bound_to_the_tenant_of_its_owner(stack: Stack) {
    let app = app_with(stack, |builder| builder).await;
    let [of_acme, _] = both(&app).await;
    let (cx, user) = (app.cx(), user_id(&app, "acme").await);
    let made = of_acme.auth_post("/api-key/create", json!({})).await.ok();
    assert_eq!(made["tenantId"], "acme");
    let by_program = api_key::create(&cx, NewApiKey::of_user(user)).await.unwrap();
    assert_eq!(by_program.key.tenant, Some(id("acme")));
    let mut elsewhere = NewApiKey::of_user(user);
    elsewhere.tenant = Some(id("globex"));
    assert!(api_key::create(&cx, elsewhere).await.unwrap_err().is(Code::TenantMismatch));
    let secrets = [made["key"].as_str().unwrap().to_owned(), by_program.secret.expose().to_owned()];
    for secret in &secrets {
        let program = app.program();
        let keyed = |path| program.request(Method::GET, path).header("x-api-key", secret);
        keyed("/tenant").send().await.ok();
        keyed("/me").header(HEADER, "globex").send().await.refused(403, "TENANT_MISMATCH");
    }
    tenant::suspend_member(&cx, user, &id("acme")).await.unwrap();
    for secret in &secrets {
        let refused = app.program().request(Method::GET, "/me").header("x-api-key", secret).send().await;
        refused.refused(401, "UNAUTHORIZED");
    }
}

async fn a_one_time_token_is_good_in_its_own_tenant(stack: Stack) {
    let app = app_with(stack, with_tokens).await;
    let [of_acme, _] = both(&app).await;
    let token = of_acme.auth_get("/one-time-token/generate").await.ok()["token"].clone();
    let phone = app.anon();
    let verify =
        |tenant| named(&phone, Method::POST, "/api/auth/one-time-token/verify", tenant, json!({"token": token}));
    verify("globex").await.refused(403, "TENANT_MISMATCH");
    // It was not used up by that.
    verify("acme").await.ok();
    assert_eq!(phone.get("/tenant").await.ok(), json!({"tenant": "acme"}));
}

const SECRET: &str = "a secret that two programs share, 0123456789";

/// Knows one account, whatever the token says.
struct AlwaysAcme;

#[async_trait]
impl ExternalUsers for AlwaysAcme {
    async fn user_of(&self, cx: &Cx, _: &VerifiedClaims) -> Result<Option<UserId>> {
        let found = auth_core::user::user_by_email_in_tenant(cx, &Email::parse(ADA).unwrap(), &id("acme")).await?;
        Ok(found.map(|user| user.id))
    }
}

async fn an_issuer_vouches_for_accounts_of_its_tenant(stack: Stack) {
    let verifier = StaticKeyVerifier::secret(Secret::new(SECRET))
        .issuer("https://issuer.example")
        .audience(["the-api"])
        .profile(ClaimsProfile::apso().tenant(TenantClaim::Optional));
    let chain = VerifierChain::builder().static_keys(verifier).build().unwrap();
    let app = app_with(stack, |builder| builder.issuers(ExternalIssuers::from(chain).users(AlwaysAcme))).await;
    both(&app).await;
    let bearer = |tenant: Option<&str>| {
        let now = app.auth().now().as_seconds();
        let mut claims = json!({
            "iss": "https://issuer.example", "aud": "the-api", "sub": "1", "email": ADA, "iat": now, "exp": now + 600,
        });
        if let Some(tenant) = tenant {
            claims["organizationId"] = tenant.into();
        }
        let token = SigningKey::hs256(&Secret::new(SECRET), None).unwrap().sign("JWT", &claims).unwrap();
        app.program().with_bearer(&token)
    };
    for vouched in [bearer(Some("acme")), bearer(None)] {
        assert_eq!(vouched.get("/tenant").await.ok(), json!({"tenant": "acme"}));
        get_named(&vouched, "/me", "globex").await.refused(403, "TENANT_MISMATCH");
    }
    bearer(Some("globex")).get("/me").await.refused(401, "UNAUTHORIZED");
    tenant::suspend_member(&app.cx(), user_id(&app, "acme").await, &id("acme")).await.unwrap();
    bearer(None).get("/me").await.refused(403, "TENANT_MISMATCH");
}

async fn the_end_of_a_tenant_ends_everything(stack: Stack) {
    let app = app_with(stack, with_tokens).await;
    let [of_acme, of_globex] = both(&app).await;
    let pair = of_acme.auth_post("/token", json!({})).await.ok();
    let access = app.program().with_bearer(pair["accessToken"].as_str().unwrap());
    let key = of_acme.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
    assert!(tenant::delete(&app.cx(), &id("acme")).await.unwrap());
    of_acme.get("/me").await.refused(401, "UNAUTHORIZED");
    access.get("/me").await.refused(401, "UNAUTHORIZED");
    let refresh = json!({"refreshToken": pair["refreshToken"]});
    app.program().auth_post("/token/refresh", refresh).await.refused(401, "UNAUTHORIZED");
    let keyed = app.program().request(Method::GET, "/me").header("x-api-key", &key).send().await;
    keyed.refused(401, "UNAUTHORIZED");
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    assert!(of_globex.is_signed_in().await);
    // One of the same name has nothing of the former one.
    tenant::create(&app.cx(), &id("acme"), "Acme").await.unwrap();
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    sign_up(&app.anon(), "acme", OTHER).await.ok();
}

async fn customers_belong_to_tenants_too(stack: Stack) {
    let app = app_with(stack, |builder| builder.customers(Config::default())).await;
    let [of_acme, _] = both(&app).await;
    let post = |actor: Actor, path: &str, tenant: Option<&str>, password: &str| {
        let body = json!({"name": "C", "email": ADA, "password": password, "tenantId": tenant});
        let path = format!("/customer{path}");
        async move { actor.auth_post(&path, body).await }
    };
    let shopper = app.anon();
    post(shopper.clone(), "/sign-up/email", None, OTHER).await.refused(400, "TENANT_REQUIRED");
    post(shopper.clone(), "/sign-up/email", Some("acme"), OTHER).await.ok();
    let cart = shopper.get("/cart").await.ok();
    assert_eq!((&cart["kind"], &cart["tenant"]), (&json!("customer"), &json!("acme")));
    assert_ne!(cart["id"], of_acme.get("/principal").await.ok()["id"]);
    post(app.anon(), "/sign-in/email", Some("globex"), OTHER).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    post(app.anon(), "/sign-in/email", Some("acme"), PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    post(app.anon(), "/sign-up/email", Some("globex"), PASSWORD).await.ok();
    get_named(&shopper, "/cart", "globex").await.refused(403, "TENANT_MISMATCH");
    let switch = shopper.auth_post("/customer/switch-tenant", json!({"tenantId": "globex"})).await;
    switch.refused(400, "TENANT_SWITCHING_NOT_SUPPORTED");
    let cx = app.cx();
    let email = Email::parse(ADA).unwrap();
    let found = customer::customer_by_email_in_tenant(&cx, &email, &id("acme")).await.unwrap().unwrap();
    assert_eq!((found.id.to_string(), found.tenant), (cart["id"].as_str().unwrap().to_owned(), Some(id("acme"))));
    assert!(customer::customer_by_email(&cx, &email).await.unwrap().is_none());
    role::define_role(&cx, "PORTAL", "reader", ["reports:read"]).await.unwrap();
    customer::grant_role(&cx, found.id, "PORTAL", "reader").await.unwrap();
    shopper.get("/reports").await.ok();
    tenant::delete(&cx, &id("acme")).await.unwrap();
    shopper.get("/cart").await.refused(401, "UNAUTHORIZED");
    assert!(customer::customer_by_id(&cx, found.id).await.unwrap().is_none());
}

async fn one_browser_may_keep_a_session_of_each(stack: Stack) {
    let sessions = session::Config::default().several_per_browser(5);
    let app = app_with(stack, |builder| builder.session(sessions)).await;
    let browser = app.anon();
    sign_up(&browser, "acme", PASSWORD).await.ok();
    sign_up(&browser, "globex", OTHER).await.ok();
    let listed = browser.auth_get("/multi-session/list-device-sessions").await.ok();
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{listed}");
    assert_eq!(browser.get("/tenant").await.ok(), json!({"tenant": "globex"}));
    let of_acme = rows.iter().find(|row| row["user"]["name"] == "acme").unwrap();
    let active = json!({"sessionToken": of_acme["session"]["token"]});
    browser.auth_post("/multi-session/set-active", active).await.ok();
    assert_eq!(browser.get("/tenant").await.ok(), json!({"tenant": "acme"}));
}

/// The engine never moves an account. A row that somebody has moved past it is judged by where it is now.
async fn a_row_that_was_moved_by_hand_opens_nothing(stack: Stack) {
    let app: TestApp = app_with(stack, with_tokens).await;
    let browser = app.anon();
    sign_up(&browser, "acme", PASSWORD).await.ok();
    let access = browser.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    let key = browser.auth_post("/api-key/create", json!({})).await.ok()["key"].as_str().unwrap().to_owned();
    let token = browser.auth_get("/one-time-token/generate").await.ok()["token"].clone();
    app.database().run("UPDATE auth_user SET tenant = 'globex', home = 'globex'").await;
    browser.get("/me").await.refused(401, "UNAUTHORIZED");
    app.program().with_bearer(&access).get("/me").await.refused(401, "UNAUTHORIZED");
    let keyed = app.program().request(Method::GET, "/me").header("x-api-key", &key).send().await;
    keyed.refused(401, "UNAUTHORIZED");
    app.anon().auth_post("/one-time-token/verify", json!({"token": token})).await.refused(400, "INVALID_TOKEN");
    sign_in(&app.anon(), "acme", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    // They are no member there until somebody makes them one.
    sign_in(&app.anon(), "globex", PASSWORD).await.refused(403, "TENANT_MISMATCH");
    tenant::add_member(&app.cx(), user_id(&app, "globex").await, &id("globex")).await.unwrap();
    sign_in(&app.anon(), "globex", PASSWORD).await.ok();
}
