//! Signing up.

use auth_core::password::SignUpMode;
use auth_tests::{PASSWORD, Stack, flows, password_config};
use serde_json::{Value, json};

flows![
    signing_up_opens_a_session,
    the_address_is_kept_in_its_canonical_form,
    an_address_is_taken_only_once_however_it_is_spelled,
    a_bad_password_is_refused_and_nobody_is_created,
    a_bad_address_name_or_picture_is_refused,
    protected_fields_are_refused,
    a_form_signs_up_too,
    a_closed_sign_up_refuses_everybody,
];

async fn signing_up_opens_a_session(stack: Stack) {
    let app = stack.app().await;
    let ada = app.anon();
    let body = ada.sign_up("ada@example.com").await.ok();
    assert_eq!(body["user"]["email"], "ada@example.com");
    assert_eq!(body["user"]["emailVerified"], false);
    assert_eq!(body["user"]["image"], Value::Null);
    assert_eq!(ada.cookie().as_deref(), body["token"].as_str());
    assert!(ada.is_signed_in().await);
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn the_address_is_kept_in_its_canonical_form(stack: Stack) {
    let app = stack.app().await;
    let body = app.anon().sign_up(" Ada@B\u{fc}cher.Example ").await.ok();
    assert_eq!(body["user"]["email"], "ada@xn--bcher-kva.example");
}

async fn an_address_is_taken_only_once_however_it_is_spelled(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for spelling in ["ada@example.com", " ADA@EXAMPLE.com "] {
        let reply = app.anon().sign_up(spelling).await;
        reply.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
        assert_eq!(reply.set_cookies().len(), 0);
    }
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
    assert_eq!(app.anon().sign_in("ada@example.com", PASSWORD).await.status, 200);
}

async fn a_bad_password_is_refused_and_nobody_is_created(stack: Stack) {
    let app = stack.app().await;
    for (password, code) in [
        ("", "PASSWORD_TOO_SHORT"),
        ("seven77", "PASSWORD_TOO_SHORT"),
        (&*"x7-".repeat(43), "PASSWORD_TOO_LONG"),
        // 512 bytes are hashed at most, whatever the policy allows.
        (&*"\u{1f511}".repeat(129), "PASSWORD_TOO_LONG"),
        ("password1", "PASSWORD_COMPROMISED"),
        ("my-ada@example.com", "PASSWORD_CONTAINS_EMAIL"),
    ] {
        let body = json!({"name": "Ada", "email": "ada@example.com", "password": password});
        app.anon().auth_post("/sign-up/email", body).await.refused(400, code);
    }
    assert!(app.tap().access_writes().is_empty());
}

async fn a_bad_address_name_or_picture_is_refused(stack: Stack) {
    let app = stack.app().await;
    let good = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD});
    for (field, value) in [
        ("email", json!("ada")),
        ("email", json!("ada\u{ff20}example.com")),
        ("email", json!("ada@example.com\u{0}")),
        ("email", json!(["ada@example.com"])),
        ("email", Value::Null),
        ("name", json!("x".repeat(256))),
        ("name", json!("Ada\nBcc: x")),
        ("name", json!(1)),
        ("image", json!("x".repeat(2_049))),
        ("password", json!(12_345_678)),
        ("rememberMe", json!("perhaps")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let reply = app.anon().auth_post("/sign-up/email", body).await;
        reply.refused(400, "VALIDATION_ERROR");
        assert!(reply.json()["message"].as_str().unwrap().contains(field), "{}", reply.text());
    }
    assert!(app.tap().access_writes().is_empty());
}

async fn protected_fields_are_refused(stack: Stack) {
    let app = stack.app().await;
    for field in
        ["role", "roles", "id", "userId", "user_id", "emailVerified", "email_verified", "banned", "createdAt", "pool"]
    {
        let mut body = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD});
        body[field] = json!("admin");
        app.anon().auth_post("/sign-up/email", body).await.refused(400, "FIELD_NOT_ALLOWED");
    }
    assert!(app.tap().access_writes().is_empty());
}

async fn a_form_signs_up_too(stack: Stack) {
    let app = stack.app().await;
    let form = format!("name=Ada+L&email=ada%40example.com&password={PASSWORD}&rememberMe=false");
    let browser = app.anon();
    let draft = browser.request(http::Method::POST, "/api/auth/sign-up/email");
    let reply = draft.body("application/x-www-form-urlencoded", form).send().await;
    assert_eq!(reply.ok()["user"]["name"], "Ada L");
    assert!(!reply.set_cookies()[0].contains("Max-Age"));
}

async fn a_closed_sign_up_refuses_everybody(stack: Stack) {
    let closed = password_config().sign_up(SignUpMode::Closed);
    let app = stack.app_with(|builder| builder.password(closed)).await;
    app.anon().sign_up("ada@example.com").await.refused(400, "EMAIL_PASSWORD_SIGN_UP_DISABLED");
    assert!(app.tap().access_writes().is_empty());
}
