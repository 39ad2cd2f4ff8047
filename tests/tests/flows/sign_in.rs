//! Signing in and out.

use auth_core::base::{Email, SeededRandom, UserId};
use auth_core::crypto::password_hash::Password;
use auth_core::password;
use auth_core::store::Store;
use auth_core::user::{Pool, SignUp, User};
use auth_tests::{PASSWORD, Stack, flows};
use serde_json::json;

flows![
    signing_in_opens_a_second_session,
    the_secret_is_new_each_time_and_an_old_cookie_is_not_taken_over,
    an_address_is_found_however_it_is_spelled,
    a_password_is_compared_exactly,
    what_is_no_address_is_told,
    signing_out_ends_this_session_alone,
    signing_out_succeeds_without_a_session,
    a_bearer_signs_out_too,
    signing_out_ends_every_session_that_is_shown,
    a_user_made_by_a_program_signs_in,
];

async fn signing_in_opens_a_second_session(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let phone = app.anon();
    let body = phone.sign_in("ada@example.com", PASSWORD).await.ok();
    assert_eq!((&body["redirect"], &body["user"]["email"]), (&json!(false), &json!("ada@example.com")));
    assert_eq!(phone.cookie().as_deref(), body["token"].as_str());
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    assert_eq!(app.sessions("ada@example.com").await.len(), 2);
}

/// Session fixation: a cookie that somebody planted before the sign-in opens nothing afterwards.
async fn the_secret_is_new_each_time_and_an_old_cookie_is_not_taken_over(stack: Stack) {
    let (app, mallory) = stack.signed_up("mallory@example.com").await;
    app.signed_up("ada@example.com").await;
    let planted = mallory.cookie().unwrap();
    let victim = app.anon().with_cookie(&planted);
    let first = victim.sign_in("ada@example.com", PASSWORD).await.token();
    let second = victim.sign_in("ada@example.com", PASSWORD).await.token();
    assert!(first != planted && second != planted && first != second);
    assert_eq!(mallory.session().await["user"]["email"], "mallory@example.com");
}

async fn an_address_is_found_however_it_is_spelled(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    app.anon().sign_in("  ADA@Example.COM ", PASSWORD).await.ok();
}

async fn a_password_is_compared_exactly(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for wrong in [
        PASSWORD.to_lowercase(),
        format!("{PASSWORD} "),
        PASSWORD[..PASSWORD.len() - 1].to_owned(),
        format!("{PASSWORD}\0"),
        String::new(),
        "x".repeat(10_000),
    ] {
        app.anon().sign_in("ada@example.com", &wrong).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn what_is_no_address_is_told(stack: Stack) {
    let app = stack.app().await;
    app.anon().sign_in("ada", PASSWORD).await.refused(400, "INVALID_EMAIL");
}

async fn signing_out_ends_this_session_alone(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let phone = app.signed_in("ada@example.com").await;
    let thief = ada.copied();
    let reply = ada.auth_post("/sign-out", json!({})).await;
    assert_eq!(reply.ok(), json!({"success": true}));
    assert!(reply.clears_cookie());
    assert_eq!(ada.cookie(), None);
    // The row is gone, not only the cookie.
    assert!(!thief.is_signed_in().await);
    assert!(phone.is_signed_in().await);
}

async fn signing_out_succeeds_without_a_session(stack: Stack) {
    let app = stack.app().await;
    for actor in [app.anon(), app.anon().with_cookie("garbage"), app.program().with_bearer("garbage")] {
        assert_eq!(actor.auth_post("/sign-out", json!({})).await.ok(), json!({"success": true}));
    }
}

async fn a_bearer_signs_out_too(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let program = ada.bearer();
    assert!(program.is_signed_in().await);
    program.auth_post("/sign-out", json!({})).await.ok();
    assert!(!program.is_signed_in().await);
}

/// Whoever planted a second cookie must not keep the first one's session alive by it.
async fn signing_out_ends_every_session_that_is_shown(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (phone, tablet) = (app.signed_in("ada@example.com").await, app.signed_in("ada@example.com").await);
    let [first, second] = [&ada, &phone].map(|actor| actor.cookie().unwrap());
    let line = format!("auth.session_token={first}; auth.session_token={second}");
    let both = ada.request(http::Method::POST, "/api/auth/sign-out").json(&json!({})).header("cookie", &line);
    both.send().await.ok();
    assert!(!app.anon().with_cookie(&first).is_signed_in().await);
    assert!(!phone.is_signed_in().await && tablet.is_signed_in().await);
}

async fn a_user_made_by_a_program_signs_in(stack: Stack) {
    let app = stack.app().await;
    let signup = SignUp::new(Email::parse("ada@example.com").unwrap(), "Ada");
    password::create_user(&app.cx(), signup, Password::new(PASSWORD)).await.unwrap();
    assert_eq!(app.sessions("ada@example.com").await.len(), 0);
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

/// A user whom another system brought along: a row without a password.
pub(crate) async fn user_without_password(app: &auth_tests::TestApp, email: &str) -> UserId {
    let now = app.auth().now();
    let user = User {
        id: UserId::new(now, &SeededRandom::predictable(77)),
        name: "Grace".to_owned(),
        email: Email::parse(email).unwrap(),
        email_verified: true,
        image: None,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        credential_version: 0,
        pool: Pool::User,
        tenant: None,
        identifiers: auth_core::user::Identifiers::default(),
    };
    app.store().conn().insert_user(&user).await.unwrap();
    user.id
}
