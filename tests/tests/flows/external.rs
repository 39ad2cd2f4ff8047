//! Tokens of external issuers, and tenants: a handler does not see who signed somebody in.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::base::TenantId;
use auth_core::base::{Secret, UserId};
use auth_core::crypto::jwt::SigningKey;
use auth_core::error::Code;
use auth_core::guard::{Principal, Tenancy, TenantAccess, TenantRequirement};
use auth_core::issuer::{
    ClaimsProfile, ExternalIssuers, ExternalUsers, JwksVerifier, StaticKeyVerifier, TenantClaim, VerifiedClaims,
    VerifierChain,
};
use auth_core::ports::{HttpClient, PortError};
use auth_core::user::{self, SignUp, create_user, user_by_email};
use auth_core::{AuthBuilder, Cx, Result, customer, token};
use auth_tests::{Actor, BASE_URL, Reply, Stack, TestApp, flows};
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Value, json};

flows![
    a_token_of_another_issuer_is_a_user_like_any_other,
    a_token_that_proves_nothing_is_401_and_never_falls_through,
    tokens_of_ours_and_of_others_live_side_by_side,
    a_subject_may_be_a_user_of_ours,
    a_subject_may_become_a_user_of_ours,
    another_program_believes_our_tokens,
    roles_of_an_issuer_count_only_where_they_are_let_in,
    a_public_route_looks_at_no_credential,
    an_external_user_has_no_session_here,
    a_sign_in_elsewhere_is_fresh_by_the_issuer_s_word,
    whoever_cannot_be_taken_in_is_nobody,
    a_program_of_the_issuer_s_is_no_user,
    a_token_s_tenant_is_the_caller_s,
    a_header_must_agree_with_the_token,
    a_header_alone_lets_nobody_in,
    whoever_has_access_may_name_a_tenant,
    a_tenant_can_be_demanded_of_the_token,
    a_malformed_header_is_refused,
    a_header_can_be_demanded_of_every_request,
];

const ISSUER: &str = "https://issuer.example";
const SECRET: &str = "a secret that two programs share, 0123456789";
const ADA: &str = "ada@example.com";

fn chain() -> VerifierChain {
    let verifier = StaticKeyVerifier::secret(Secret::new(SECRET))
        .issuer(ISSUER)
        .audience(["the-api"])
        .profile(ClaimsProfile::apso().tenant(TenantClaim::Optional));
    VerifierChain::builder().static_keys(verifier).build().unwrap()
}

fn with_issuer(builder: AuthBuilder) -> AuthBuilder {
    builder.issuers(chain())
}

/// A token of the issuer, with these claims in place of the usual ones; `null` leaves one out.
fn token(app: &TestApp, changes: Value) -> String {
    let now = app.auth().now().as_seconds();
    let mut claims = json!({
        "iss": ISSUER, "aud": "the-api", "sub": "ext|1", "email": ADA, "name": "Ada", "iat": now, "exp": now + 600,
        "roles": ["super_admin"], "permissions": ["reports:read"], "organizationId": "acme",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    SigningKey::hs256(&Secret::new(SECRET), None).unwrap().sign("JWT", &claims).unwrap()
}

fn bearer(app: &TestApp, changes: Value) -> Actor {
    app.program().with_bearer(&token(app, changes))
}

async fn a_token_of_another_issuer_is_a_user_like_any_other(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    let ada = bearer(&app, json!({}));
    assert_eq!(ada.get("/me").await.ok()["email"], ADA);
    let principal = ada.get("/principal").await.ok();
    assert_eq!((&principal["id"], &principal["kind"]), (&json!("ext|1"), &json!("user")));
    assert_eq!((&principal["tenant"], &principal["method"]), (&json!("acme"), &json!("external")));
    assert_eq!((&principal["source"], &principal["session"]), (&json!("claims"), &Value::Null));
    ada.get("/reports").await.ok();
    // Roles may be missing, and the address is no condition of being somebody.
    let nobody_special = bearer(&app, json!({"roles": null, "permissions": null}));
    assert_eq!(nobody_special.get("/principal").await.ok()["roles"], json!([]));
    nobody_special.get("/reports").await.refused(403, "FORBIDDEN");
}

async fn a_token_that_proves_nothing_is_401_and_never_falls_through(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    let grace = app.signed_up("grace@example.com").await;
    let now = app.auth().now().as_seconds();
    for bad in [
        json!({"iss": "https://evil.test"}),
        json!({"iss": [ISSUER]}),
        json!({"aud": "another-api"}),
        json!({"aud": null}),
        json!({"exp": now - 31}),
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"sub": ""}),
        json!({"email": null}),
        json!({"email": 7}),
        json!({"nbf": now + 120}),
        json!({"roles": 7}),
    ] {
        let reply = bearer(&app, bad.clone()).get("/me").await;
        reply.refused(401, "UNAUTHORIZED");
        assert!(!reply.text().contains("claim") && !reply.text().contains("aud"), "{}", reply.text());
        // A good cookie beside it does not help.
        grace.clone().with_bearer(&token(&app, bad)).get("/me").await.refused(401, "UNAUTHORIZED");
    }
    let good = token(&app, json!({}));
    let forged = SigningKey::hs256(&Secret::new("another secret of a good length, 9876543210"), None).unwrap();
    let forged = forged.sign("JWT", &json!({"iss": ISSUER, "sub": "ext|1"})).unwrap();
    for bad in [&*forged, &good[..good.len() - 2], "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30."] {
        app.program().with_bearer(bad).get("/me").await.refused(401, "UNAUTHORIZED");
    }
    grace.get("/me").await.ok();
}

async fn tokens_of_ours_and_of_others_live_side_by_side(stack: Stack) {
    let app = stack.app_with(|builder| with_issuer(builder).tokens(token::Config::default())).await;
    let grace = app.signed_up("grace@example.com").await;
    let ours = grace.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    assert_eq!(app.program().with_bearer(&ours).get("/me").await.ok()["email"], "grace@example.com");
    assert_eq!(bearer(&app, json!({})).get("/me").await.ok()["email"], ADA);
    grace.get("/me").await.ok();
    // Nobody speaks for us.
    bearer(&app, json!({"iss": app.auth().base_url()})).get("/me").await.refused(401, "UNAUTHORIZED");
}

/// Takes a verified address for the name of a user of ours.
struct ByAddress;

#[async_trait]
impl ExternalUsers for ByAddress {
    async fn user_of(&self, cx: &Cx, claims: &VerifiedClaims) -> Result<Option<UserId>> {
        let Some(email) = claims.email.as_ref().filter(|_| claims.email_verified) else { return Ok(None) };
        Ok(user_by_email(cx, email).await?.map(|user| user.id))
    }
}

async fn a_subject_may_be_a_user_of_ours(stack: Stack) {
    let with = |builder: AuthBuilder| builder.issuers(ExternalIssuers::from(chain()).users(ByAddress));
    let app = stack.app_with(with).await;
    app.signed_up(ADA).await;
    app.grant(ADA, "PORTAL", "reader", &["reports:read"]).await;
    let ada = bearer(&app, json!({"email_verified": true, "permissions": ["everything"]}));
    let principal = ada.get("/principal").await.ok();
    assert_eq!(principal["id"], app.user_id(ADA).await.to_string());
    assert_eq!((&principal["permissions"], &principal["source"]), (&json!(["reports:read"]), &json!("store")));
    assert_eq!(principal["roles"], json!([{"name": "reader", "guard": "PORTAL"}]));
    bearer(&app, json!({})).get("/me").await.refused(401, "UNAUTHORIZED");
    let stranger = json!({"email": "nobody@example.com", "email_verified": true});
    bearer(&app, stranger).get("/me").await.refused(401, "UNAUTHORIZED");
    auth_core::user::disable_user(&app.cx(), app.user_id(ADA).await).await.unwrap();
    ada.get("/me").await.refused(401, "UNAUTHORIZED");
}

/// Takes in whoever comes with a verified address that nobody has. A program would file the issuer and the subject.
struct TakesIn;

#[async_trait]
impl ExternalUsers for TakesIn {
    async fn user_of(&self, cx: &Cx, claims: &VerifiedClaims) -> Result<Option<UserId>> {
        let Some(email) = claims.email.clone().filter(|_| claims.email_verified) else { return Ok(None) };
        if let Some(found) = user_by_email(cx, &email).await? {
            return Ok(Some(found.id));
        }
        let signup = SignUp::new(email.clone(), claims.name.clone().unwrap_or_default());
        match create_user(cx, signup).await {
            Ok(created) => Ok(Some(created.id)),
            // Their other request was first.
            Err(error) if error.is(Code::UserAlreadyExists) => {
                Ok(user_by_email(cx, &email).await?.map(|found| found.id))
            }
            Err(error) => Err(error),
        }
    }
}

async fn a_subject_may_become_a_user_of_ours(stack: Stack) {
    let app = stack.app_with(|builder| builder.issuers(ExternalIssuers::from(chain()).users(TakesIn))).await;
    app.events().take();
    let ada = bearer(&app, json!({"email_verified": true}));
    let both = join_all([ada.get("/principal"), ada.get("/principal")]).await;
    let id = app.user_id(ADA).await.to_string();
    for principal in both {
        assert_eq!(principal.ok()["id"], id.as_str());
    }
    assert_eq!(app.events().take(), ["signed_up"]);
    // There is no password, and so no way in by one.
    app.program().sign_in(ADA, auth_tests::PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    user::disable_user(&app.cx(), app.user_id(ADA).await).await.unwrap();
    ada.get("/principal").await.refused(401, "UNAUTHORIZED");
}

/// Answers everybody with the keys of an application.
struct Keys(Bytes);

#[async_trait]
impl HttpClient for Keys {
    async fn send(&self, request: http::Request<Bytes>) -> std::result::Result<http::Response<Bytes>, PortError> {
        assert_eq!(request.uri().to_string(), format!("{BASE_URL}/api/auth/jwks"));
        Ok(http::Response::new(self.0.clone()))
    }
}

async fn another_program_believes_our_tokens(stack: Stack) {
    let with = |builder: AuthBuilder| builder.tokens(token::Config::default()).customers(customer::Config::default());
    let app = stack.app_with(with).await;
    let (ada, customer) = (app.signed_up(ADA).await, app.anon());
    app.grant(ADA, "ADMIN", "super_admin", &["reports:read"]).await;
    let body = json!({"email": ADA, "password": auth_tests::PASSWORD, "name": "Ada"});
    customer.auth_post("/customer/sign-up/email", body).await.ok();
    let keys = Keys(app.anon().auth_get("/jwks").await.body);
    let verifier = JwksVerifier::another_engine(BASE_URL, BASE_URL).allow_plain_http_insecurely();
    let chain = VerifierChain::builder().http_client(Arc::new(keys)).jwks(verifier).build().unwrap();
    let elsewhere = stack.app_with(|builder| builder.issuers(chain)).await;
    let token = |reply: Reply| reply.ok()["token"].as_str().unwrap().to_owned();

    let of_user = elsewhere.program().with_bearer(&token(ada.auth_get("/token").await));
    let principal = of_user.get("/principal").await.ok();
    assert_eq!((&principal["kind"], &principal["id"]), (&json!("user"), &json!(app.user_id(ADA).await.to_string())));
    assert_eq!((&principal["roles"], &principal["permissions"]), (&json!([]), &json!(["reports:read"])));
    of_user.get("/staff").await.refused(403, "FORBIDDEN");
    let of_customer = token(customer.auth_get("/customer/token").await);
    elsewhere.program().with_bearer(&of_customer).get("/principal").await.refused(401, "UNAUTHORIZED");
}

async fn roles_of_an_issuer_count_only_where_they_are_let_in(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    bearer(&app, json!({})).get("/staff").await.refused(403, "FORBIDDEN");
    let app = stack.app_with(|builder| builder.issuers(ExternalIssuers::from(chain()).role_guard("PORTAL"))).await;
    bearer(&app, json!({})).get("/staff").await.refused(403, "FORBIDDEN");
    let app = stack.app_with(|builder| builder.issuers(ExternalIssuers::from(chain()).role_guard("ADMIN"))).await;
    bearer(&app, json!({})).get("/staff").await.ok();
    let unknown = auth_tests::builder().issuers(ExternalIssuers::from(chain()).role_guard("NOWHERE")).build();
    assert!(unknown.unwrap_err().to_string().contains("NOWHERE"));
}

async fn a_public_route_looks_at_no_credential(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    app.program().with_bearer("a.b.c").get("/products").await.ok();
    app.program().with_bearer("nonsense").get("/products").await.ok();
    // Unless its handler asks who is there.
    app.program().with_bearer("a.b.c").get("/maybe").await.refused(401, "UNAUTHORIZED");
}

async fn an_external_user_has_no_session_here(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    let ada = bearer(&app, json!({}));
    for endpoint in ["/list-sessions", "/list-accounts"] {
        ada.auth_get(endpoint).await.refused(403, "FORBIDDEN");
    }
    ada.auth_post("/delete-user", json!({})).await.refused(403, "FORBIDDEN");
    assert_eq!(ada.session().await, Value::Null);
    ada.get("/fresh").await.refused(403, "SESSION_NOT_FRESH");
}

async fn a_sign_in_elsewhere_is_fresh_by_the_issuer_s_word(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    let now = app.auth().now().as_seconds();
    let day = 24 * 60 * 60;
    for (auth_time, is_fresh) in [(json!(now), true), (json!(now - day + 1), true), (json!(now - day), false)] {
        let reply = bearer(&app, json!({"auth_time": auth_time})).get("/fresh").await;
        assert_eq!(reply.status == 200, is_fresh, "{auth_time}");
    }
    for nonsense in [json!(now + 1), json!(-1), json!("today"), json!(1e300), Value::Null] {
        let reply = bearer(&app, json!({"auth_time": nonsense})).get("/fresh").await;
        reply.refused(403, "SESSION_NOT_FRESH");
    }
}

async fn whoever_cannot_be_taken_in_is_nobody(stack: Stack) {
    let app = stack.app_with(|builder| builder.issuers(ExternalIssuers::from(chain()).users(TakesInTwice))).await;
    let stranger = bearer(&app, json!({}));
    stranger.get("/principal").await.ok();
    stranger.get("/principal").await.refused(401, "UNAUTHORIZED");
    app.tap().die_after(0);
    stranger.get("/principal").await.refused(503, "SERVICE_UNAVAILABLE");
}

/// Knows nobody, and creates them each time.
struct TakesInTwice;

#[async_trait]
impl ExternalUsers for TakesInTwice {
    async fn user_of(&self, cx: &Cx, claims: &VerifiedClaims) -> Result<Option<UserId>> {
        let signup = SignUp::new(claims.email.clone().unwrap(), "Ada");
        create_user(cx, signup).await.map(|created| Some(created.id))
    }
}

async fn a_program_of_the_issuer_s_is_no_user(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    // RFC 9068 §2.2: a client that acts for itself is its own subject.
    let machine = bearer(&app, json!({"sub": "nightly", "client_id": "nightly"}));
    assert_eq!(machine.get("/principal").await.ok()["kind"], "service");
    machine.get("/reports").await.ok();
    for path in ["/me", "/users", "/fresh"] {
        machine.get(path).await.refused(403, "FORBIDDEN");
    }
    let person = bearer(&app, json!({"client_id": "nightly"}));
    assert_eq!(person.get("/principal").await.ok()["kind"], "user");
}

async fn a_token_s_tenant_is_the_caller_s(stack: Stack) {
    let app = stack.app_with(with_issuer).await;
    assert_eq!(bearer(&app, json!({})).get("/tenant").await.ok(), json!({"tenant": "acme"}));
    bearer(&app, json!({"organizationId": null})).get("/tenant").await.refused(400, "TENANT_REQUIRED");
    app.signed_up(ADA).await.get("/tenant").await.refused(400, "TENANT_REQUIRED");
    app.anon().get("/tenant").await.refused(401, "UNAUTHORIZED");
}

async fn tenant_by_header(actor: &Actor, path: &str, tenant: &str) -> auth_tests::Reply {
    actor.request(http::Method::GET, path).header("orgid", tenant).send().await
}

async fn a_header_must_agree_with_the_token(stack: Stack) {
    let app = stack.app_with(|builder| with_issuer(builder).tenancy(Tenancy::default().header("orgid"))).await;
    let ada = bearer(&app, json!({}));
    tenant_by_header(&ada, "/tenant", "acme").await.ok();
    // Everywhere, whether the handler asks for a tenant or not.
    for path in ["/tenant", "/me", "/reports"] {
        tenant_by_header(&ada, path, "globex").await.refused(403, "TENANT_MISMATCH");
        tenant_by_header(&ada, path, "ACME").await.refused(403, "TENANT_MISMATCH");
    }
    tenant_by_header(&ada, "/products", "globex").await.ok();
}

async fn a_header_alone_lets_nobody_in(stack: Stack) {
    let app = stack.app_with(|builder| builder.tenancy(Tenancy::default().header("orgid"))).await;
    let ada = app.signed_up(ADA).await;
    tenant_by_header(&ada, "/tenant", "acme").await.refused(403, "TENANT_MISMATCH");
    tenant_by_header(&app.anon(), "/tenant", "acme").await.refused(401, "UNAUTHORIZED");
    ada.get("/me").await.ok();
}

/// Ada belongs to acme.
struct Members;

#[async_trait]
impl TenantAccess for Members {
    async fn may_act(&self, _: &Cx, caller: &Principal, tenant: &TenantId) -> Result<bool> {
        Ok(caller.email.as_ref().is_some_and(|email| email.as_str() == ADA) && tenant.as_str() == "acme")
    }
}

async fn whoever_has_access_may_name_a_tenant(stack: Stack) {
    let tenancy = || Tenancy::default().header("orgid").access(Members).require(TenantRequirement::Required);
    let app = stack.app_with(|builder| builder.tenancy(tenancy())).await;
    let (ada, grace) = (app.signed_up(ADA).await, app.signed_up("grace@example.com").await);
    assert_eq!(tenant_by_header(&ada, "/tenant", "acme").await.ok(), json!({"tenant": "acme"}));
    tenant_by_header(&ada, "/me", "acme").await.ok();
    tenant_by_header(&ada, "/tenant", "globex").await.refused(403, "TENANT_MISMATCH");
    tenant_by_header(&grace, "/tenant", "acme").await.refused(403, "TENANT_MISMATCH");
    ada.get("/me").await.refused(400, "TENANT_REQUIRED");
    app.anon().get("/me").await.refused(401, "UNAUTHORIZED");
}

async fn a_tenant_can_be_demanded_of_the_token(stack: Stack) {
    let tenancy = Tenancy::default().header("orgid").access(Members).require(TenantRequirement::RequiredInToken);
    let app = stack.app_with(|builder| with_issuer(builder).tenancy(tenancy)).await;
    bearer(&app, json!({})).get("/me").await.ok();
    let without = bearer(&app, json!({"organizationId": null}));
    let refused = without.get("/me").await;
    refused.refused(401, "UNAUTHORIZED");
    assert_eq!(refused.body, app.anon().get("/me").await.body, "nothing tells what was missing");
    // The header is no token.
    tenant_by_header(&without, "/me", "acme").await.refused(401, "UNAUTHORIZED");
}

async fn a_malformed_header_is_refused(stack: Stack) {
    let app = stack.app_with(|builder| with_issuer(builder).tenancy(Tenancy::default().header("orgid"))).await;
    let ada = bearer(&app, json!({}));
    for bad in ["", " ", "a b", &"x".repeat(129)] {
        tenant_by_header(&ada, "/me", bad).await.refused(400, "VALIDATION_ERROR");
    }
    let twice = ada.request(http::Method::GET, "/me").header("orgid", "acme").another("orgid", "acme");
    twice.send().await.refused(400, "VALIDATION_ERROR");
}

async fn a_header_can_be_demanded_of_every_request(stack: Stack) {
    let tenancy = Tenancy::default().header("orgid").header_always();
    let with_tokens = |builder: AuthBuilder| builder.tokens(token::Config::default()).tenancy(tenancy);
    let app = stack.app_with(|builder| with_issuer(with_tokens(builder))).await;
    let sign_up = "/api/auth/sign-up/email";
    let body = json!({"email": ADA, "password": auth_tests::PASSWORD, "name": "Ada"});
    app.program().post(sign_up, body.clone()).await.refused(400, "TENANT_REQUIRED");
    let named = app.program();
    let request = |tenant| named.request(http::Method::POST, sign_up).header("orgid", tenant).json(&body);
    request("two words").send().await.refused(400, "VALIDATION_ERROR");
    request("acme").send().await.ok();
    for path in ["/products", "/maybe", "/me", "/api/auth/get-session"] {
        app.anon().get(path).await.refused(400, "TENANT_REQUIRED");
        tenant_by_header(&app.anon(), path, "two words").await.refused(400, "VALIDATION_ERROR");
    }
    tenant_by_header(&app.anon(), "/products", "globex").await.ok();
    bearer(&app, json!({})).get("/me").await.refused(400, "TENANT_REQUIRED");
    tenant_by_header(&bearer(&app, json!({})), "/me", "acme").await.ok();
    // Programs that read our keys, or look whether we are alive, know nothing of it.
    for endpoint in ["/ok", "/jwks"] {
        app.anon().auth_get(endpoint).await.ok();
    }
    let nameless = auth_tests::builder().tenancy(Tenancy::default().header_always()).build();
    assert!(nameless.unwrap_err().to_string().contains("header_always"));
}
