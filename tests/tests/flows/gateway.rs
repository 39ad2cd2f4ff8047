//! The preset of an API gateway: tokens under a shared secret, whoever has made them, and what they are worth.

use auth_core::AuthBuilder;
use auth_core::base::Secret;
use auth_core::crypto::jwt::SigningKey;
use auth_core::gateway;
use auth_core::guard::{DevelopmentAuth, Environment};
use auth_tests::{Actor, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

use crate::token_cookies::{OwnSignIn, own_sign_in};
use crate::tokens::ADA;

flows![
    five_claims_make_a_token,
    a_claim_that_is_missing_or_of_another_type_makes_none,
    a_token_of_ours_counts_like_one_of_another_program,
    a_subject_that_is_a_user_of_ours_is_that_user,
    a_subject_that_is_none_is_somebody_all_the_same,
    no_user_has_a_second_name,
    nobody_but_a_bearer_is_anybody,
    pages_of_the_named_origins_read_the_answers,
    a_developer_needs_no_token_where_that_is_said,
];

const SECRET: &str = "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK";
const PAGE: &str = "https://app.example.com";

fn gateway(builder: AuthBuilder) -> AuthBuilder {
    with(builder, &[])
}

fn with(builder: AuthBuilder, more: &[(&str, &str)]) -> AuthBuilder {
    let set = [&[("JWT_SECRET", SECRET), ("CORS_ORIGINS", PAGE)], more].concat();
    let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let developer = DevelopmentAuth::default().permissions(["reports:read"]);
    let config = gateway::Config::from_variables(variable).unwrap().developer(developer);
    builder.gateway(config).endpoint::<OwnSignIn>()
}

/// A token with the five claims, and these changes; `null` leaves one out.
fn token(app: &TestApp, subject: &str, changes: Value) -> String {
    let mut claims = json!({
        "sub": subject, "email": "eve@example.com", "name": "Eve", "permissions": ["reports:read"],
        "exp": app.auth().now().as_seconds() + 600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    SigningKey::hs256(&Secret::new(SECRET), None).unwrap().sign("JWT", &claims).unwrap()
}

fn bearer(app: &TestApp, subject: &str, changes: Value) -> Actor {
    app.program().with_bearer(&token(app, subject, changes))
}

/// Refused in the form of a gateway.
fn refused(reply: &Reply, status: u16, error: &str, message: &str) {
    let body = reply.json();
    assert_eq!((reply.status.as_u16(), &body["error"], &body["message"]), (status, &json!(error), &json!(message)));
    assert_eq!(body["correlationId"].as_str(), reply.header("x-correlation-id"));
}

async fn five_claims_make_a_token(stack: Stack) {
    let app = stack.app_with(gateway).await;
    let eve = bearer(&app, "eve|1", json!({}));
    let context = eve.get("/context").await.ok()["context"].clone();
    assert_eq!(
        (&context["userId"], &context["email"], &context["name"], &context["permissions"]),
        (&json!("eve|1"), &json!("eve@example.com"), &json!("Eve"), &json!(["reports:read"]))
    );
    eve.get("/reports").await.ok();
    // What else it says is no obstacle, and permissions may be none.
    bearer(&app, "eve|1", json!({"iat": 1, "iss": "billing", "role": "x"})).get("/reports").await.ok();
    let reply = bearer(&app, "eve|1", json!({"permissions": []})).get("/reports").await;
    refused(&reply, 403, "Forbidden", "Missing required permission: reports:read");
}

async fn a_claim_that_is_missing_or_of_another_type_makes_none(stack: Stack) {
    let app = stack.app_with(gateway).await;
    let now = app.auth().now().as_seconds();
    let mut bad = vec![json!({"exp": now}), json!({"exp": "soon"}), json!({"aud": "elsewhere"})];
    for name in ["sub", "email", "name", "permissions", "exp"] {
        bad.extend([
            json!({name: null}),
            json!({name: {}}),
            json!({name: [1]}),
            json!({name: ""}),
            json!({name: true}),
        ]);
    }
    for changes in bad {
        let reply = bearer(&app, "eve|1", changes.clone()).get("/reports").await;
        refused(&reply, 401, "Unauthorized", "Missing or invalid authentication token");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{changes}");
    }
}

async fn a_token_of_ours_counts_like_one_of_another_program(stack: Stack) {
    let app = stack.app_with(gateway).await;
    app.signed_up(ADA).await;
    app.grant(ADA, "ADMIN", "analyst", &["reports:read"]).await;
    let body = own_sign_in(&app.anon()).await.ok();
    assert!(body["refreshToken"].is_null(), "{body}");
    let ours = app.program().with_bearer(body["accessToken"].as_str().unwrap());
    ours.get("/stateless/reports").await.ok();
    assert_eq!(ours.get("/context").await.ok()["context"]["email"], ADA);
    // Another program that believes the secret finds the five claims in it.
    let name = ["sub", "email", "name", "permissions", "exp"];
    let text = body["accessToken"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert!(name.iter().all(|name| !claims[name].is_null()), "{claims}");
}

async fn a_subject_that_is_a_user_of_ours_is_that_user(stack: Stack) {
    let app = stack.app_with(gateway).await;
    app.signed_up(ADA).await;
    let (ada, stranger) = (app.user_id(ADA).await.to_string(), "0".repeat(32));
    let path = |id: &str| format!("/accounts/{id}");
    let delete = async |caller: &Actor, id: &str| caller.request(Method::DELETE, &path(id)).send().await;
    // Whose it is, without a permission.
    bearer(&app, &ada, json!({"permissions": []})).get(&path(&ada)).await.ok();
    let reply = bearer(&app, &ada, json!({"permissions": []})).get(&path(&stranger)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (403, &json!("Forbidden")));
    // And nobody removes themselves, whoever has made their token.
    let all = json!({"permissions": ["users:delete", "users:admin"]});
    let reply = delete(&bearer(&app, &ada, all.clone()), &ada).await;
    refused(&reply, 422, "BusinessRuleViolation", "Nobody deletes their own account.");
    delete(&bearer(&app, &stranger, all), &ada).await.ok();
}

async fn a_subject_that_is_none_is_somebody_all_the_same(stack: Stack) {
    let app = stack.app_with(gateway).await;
    app.signed_up(ADA).await;
    let ada = app.user_id(ADA).await.to_string();
    let nobody = json!({"permissions": []});
    for subject in ["eve|1", "1", "ada@example.com", &format!("{ada} "), &ada[1..]] {
        let reply = bearer(&app, subject, nobody.clone()).get(&format!("/accounts/{ada}")).await;
        assert_eq!(reply.status, 403, "{subject:?}");
    }
}

/// Or "not yourself" would not hold for whoever spells their own id another way.
async fn no_user_has_a_second_name(stack: Stack) {
    let app = stack.app_with(gateway).await;
    app.signed_up(ADA).await;
    let id = app.user_id(ADA).await;
    let (ada, hyphenated) = (id.to_string(), id.as_uuid().hyphenated().to_string());
    let all = json!({"permissions": ["users:delete", "users:admin"]});
    for subject in
        [ada.to_uppercase(), hyphenated.clone(), format!("urn:uuid:{hyphenated}"), format!("{{{hyphenated}}}")]
    {
        let ada_again = bearer(&app, &subject, all.clone());
        let reply = ada_again.request(Method::DELETE, &format!("/accounts/{ada}")).send().await;
        refused(&reply, 401, "Unauthorized", "Missing or invalid authentication token");
    }
    // A program that acts for itself is no user, and is called like none.
    let service = bearer(&app, &ada, json!({"client_id": ada, "permissions": []}));
    assert_eq!(service.get(&format!("/accounts/{ada}")).await.status, 401);
}

async fn nobody_but_a_bearer_is_anybody(stack: Stack) {
    let app = stack.app_with(gateway).await;
    let token = token(&app, "eve|1", json!({}));
    for name in ["access_token", "token", "auth.session_token", "refresh_token"] {
        let reply = app.anon().with_cookie_called(name, Some(&token)).get("/reports").await;
        refused(&reply, 401, "Unauthorized", "Missing or invalid authentication token");
    }
    let reply = app.program().request(Method::GET, "/reports").header("x-api-key", &token).send().await;
    assert_eq!(reply.status, 401);
}

async fn pages_of_the_named_origins_read_the_answers(stack: Stack) {
    let app = stack.app_with(gateway).await;
    for (origin, is_named) in [(PAGE, true), ("https://evil.test", false)] {
        let draft = app.program();
        let reply = draft.request(Method::GET, "/reports").header("origin", origin).send().await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin).filter(|_| is_named));
    }
}

async fn a_developer_needs_no_token_where_that_is_said(stack: Stack) {
    let enabled = [("DEVELOPMENT_AUTH_ENABLED", "true")];
    let app = stack
        .app_with(|builder| {
            with(builder, &enabled).environment(Environment::Development).base_url("http://localhost:3000")
        })
        .await;
    app.program().get("/reports").await.ok();
    let reply = app.program().with_bearer("a.b.c").get("/reports").await;
    refused(&reply, 401, "Unauthorized", "Missing or invalid authentication token");
    let off = stack.app_with(gateway).await;
    assert_eq!(off.program().get("/reports").await.status, 401);
}
