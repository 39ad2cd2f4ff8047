//! Signing in, and up, by a link.

use std::time::Duration;

use auth_core::magic_link::Config;
use auth_core::password::SignUpMode;
use auth_tests::{Mailbox, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

flows![
    a_link_signs_in_once,
    a_link_signs_up_whoever_has_no_account,
    what_is_closed_to_passwords_is_closed_to_links,
    without_sign_up_strangers_get_nothing_and_are_told_nothing,
    everything_of_a_stranger_goes_when_the_mailbox_is_proved,
    what_was_put_into_a_proved_account_stays,
    a_link_lives_five_minutes,
    it_goes_on_to_where_it_was_asked_to,
    a_scanner_signs_nobody_in,
    a_link_made_before_the_account_opens_it_not,
    a_change_of_password_and_a_ban_end_it,
    where_mailboxes_must_be_proved_a_link_proves_one,
];

const ADA: &str = "ada@example.com";

async fn app(stack: Stack) -> (TestApp, Mailbox) {
    app_with(stack, Config::default()).await
}

async fn app_with(stack: Stack, config: Config) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    (stack.app_with(|builder| mail.connect(builder).magic_links(config)).await, mail)
}

async fn ask(app: &TestApp, email: &str) -> Reply {
    app.anon().auth_post("/sign-in/magic-link", json!({"email": email})).await
}

async fn a_link_signs_in_once(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    assert_eq!(ask(&app, ADA).await.ok(), json!({"status": true}));
    let path = mail.path(&app, "magic-link", ADA).await;
    assert!(path.starts_with("/api/auth/magic-link/verify?token=ml_"), "{path}");
    let phone = app.anon();
    let entered = phone.get(&path).await;
    let body = entered.ok();
    assert_eq!((&body["user"]["email"], &body["user"]["emailVerified"]), (&json!(ADA), &json!(true)));
    assert_eq!(body["session"]["userId"], body["user"]["id"]);
    assert_eq!(body["token"].as_str(), phone.cookie().as_deref());
    assert!(phone.is_signed_in().await);
    assert_eq!(phone.get("/principal").await.ok()["method"], "magic-link");
    app.anon().get(&path).await.refused(400, "INVALID_TOKEN");
}

async fn a_link_signs_up_whoever_has_no_account(stack: Stack) {
    let (app, mail) = app(stack).await;
    let body = json!({"email": ADA, "name": "Ada", "callbackURL": "/home", "newUserCallbackURL": "/welcome"});
    app.anon().auth_post("/sign-in/magic-link", body.clone()).await.ok();
    assert_eq!(app.find_user(ADA).await, None);
    let path = mail.path(&app, "magic-link", ADA).await;
    let ada = app.anon();
    let entered = ada.get(&path).await;
    assert_eq!((entered.status.as_u16(), entered.header("location")), (302, Some("/welcome")));
    let user = &ada.session().await["user"];
    assert_eq!((&user["name"], &user["emailVerified"]), (&json!("Ada"), &json!(true)));
    assert!(app.events().take().contains(&"signed_up"));
    app.anon().auth_post("/sign-in/magic-link", body).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    assert_eq!(app.anon().get(&path).await.header("location"), Some("/home"));
}

async fn without_sign_up_strangers_get_nothing_and_are_told_nothing(stack: Stack) {
    let (app, mail) = app_with(stack, Config::default().sign_up(SignUpMode::Closed)).await;
    app.signed_up(ADA).await;
    let mut answers = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        app.tap().take_calls();
        answers.push((ask(&app, email).await.essence(), app.tap().take_calls()));
    }
    assert_eq!(answers[0], answers[1]);
    mail.one(&app, "magic-link", ADA).await;
}

async fn what_is_closed_to_passwords_is_closed_to_links(stack: Stack) {
    for mode in [SignUpMode::Closed, SignUpMode::ByInvitation] {
        let mail = Mailbox::default();
        let password = auth_tests::password_config().sign_up(mode);
        let app =
            stack.app_with(|builder| mail.connect(builder).magic_links(Config::default()).password(password)).await;
        ask(&app, ADA).await.ok();
        assert_eq!(mail.take(&app).await, Vec::<Value>::new());
    }
}

/// Eve signs up with Ada's address before Ada does, and waits.
async fn everything_of_a_stranger_goes_when_the_mailbox_is_proved(stack: Stack) {
    let (app, mail) = app(stack).await;
    let eve = app.signed_up(ADA).await;
    let key = eve.auth_post("/api-key/create", json!({"name": "mine"})).await.ok()["key"].as_str().unwrap().to_owned();
    ask(&app, ADA).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    let ada = app.anon();
    ada.get(&path).await.ok();
    assert!(ada.is_signed_in().await && !eve.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    let program = app.program();
    program.request(Method::GET, "/me").header("x-api-key", &key).send().await.refused(401, "UNAUTHORIZED");
    assert_eq!(ada.auth_get("/list-accounts").await.ok(), json!([]));
    assert_eq!(app.sessions(ADA).await.len(), 1);
    ada.auth_post("/set-password", json!({"newPassword": "Marble-Falcon-Quiet-77"})).await.ok();
}

async fn what_was_put_into_a_proved_account_stays(stack: Stack) {
    let (app, mail) = app(stack).await;
    let laptop = app.signed_up(ADA).await;
    laptop.auth_post("/send-verification-email", json!({"email": ADA})).await.ok();
    let path = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&path).await.ok();
    ask(&app, ADA).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    app.anon().get(&path).await.ok();
    assert!(laptop.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.ok();
}

async fn a_link_lives_five_minutes(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    ask(&app, ADA).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    app.advance(Duration::from_mins(5));
    app.anon().get(&path).await.refused(400, "INVALID_TOKEN");
}

async fn it_goes_on_to_where_it_was_asked_to(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let body = json!({"email": ADA, "callbackURL": "/home", "errorCallbackURL": "/oops?a=b"});
    app.anon().auth_post("/sign-in/magic-link", body).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    assert_eq!(app.anon().get(&path).await.header("location"), Some("/home"));
    let again = app.anon().get(&path).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (302, Some("/oops?a=b&error=INVALID_TOKEN")));
    for (field, code) in [
        ("callbackURL", "INVALID_CALLBACK_URL"),
        ("errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
        ("newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
    ] {
        let body = json!({"email": ADA, field: "https://evil.test"});
        app.anon().auth_post("/sign-in/magic-link", body).await.refused(403, code);
        let path = format!("/api/auth/magic-link/verify?token=x&{field}=%2F%2Fevil.test");
        app.anon().get(&path).await.refused(403, code);
    }
}

async fn a_scanner_signs_nobody_in(stack: Stack) {
    let (app, mail) = app(stack).await;
    ask(&app, ADA).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    for _ in 0..2 {
        let scanner = app.anon();
        let page = scanner.request(Method::GET, &path).header("accept", "text/html").send().await;
        assert!(page.text().contains("<form") && page.text().contains(ADA));
        assert_eq!((scanner.cookie(), app.find_user(ADA).await), (None, None));
    }
    let (ada, token) = (app.anon(), path.split(['=', '&']).nth(1).unwrap());
    let press = ada.request(Method::POST, "/api/auth/magic-link/verify").header("accept", "text/html");
    let pressed = press.body("application/x-www-form-urlencoded", format!("token={token}")).send().await;
    assert!(pressed.text().contains("You are signed in"), "{}", pressed.text());
    assert!(ada.is_signed_in().await);
}

/// Somebody asks for a link, and then makes the account in another way.
async fn a_link_made_before_the_account_opens_it_not(stack: Stack) {
    let (app, mail) = app(stack).await;
    ask(&app, ADA).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    let ada = app.signed_up(ADA).await;
    app.anon().get(&path).await.refused(400, "INVALID_TOKEN");
    assert!(ada.is_signed_in().await);
}

async fn a_change_of_password_and_a_ban_end_it(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    ask(&app, ADA).await.ok();
    let first = mail.path(&app, "magic-link", ADA).await;
    ada.change_password(PASSWORD, "Marble-Falcon-Quiet-77").await.ok();
    app.anon().get(&first).await.refused(400, "INVALID_TOKEN");
    ask(&app, ADA).await.ok();
    let second = mail.path(&app, "magic-link", ADA).await;
    auth_core::user::disable_user(&app.cx(), app.user_id(ADA).await).await.unwrap();
    app.anon().get(&second).await.refused(400, "INVALID_TOKEN");
    ask(&app, ADA).await.ok();
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}

async fn where_mailboxes_must_be_proved_a_link_proves_one(stack: Stack) {
    let mail = Mailbox::default();
    let email = auth_core::email::Config::default().require_verified();
    let app = stack.app_with(|builder| mail.connect(builder).magic_links(Config::default()).email(email)).await;
    ask(&app, ADA).await.ok();
    let path = mail.path(&app, "magic-link", ADA).await;
    let ada = app.anon();
    ada.get(&path).await.ok();
    assert!(ada.is_signed_in().await);
}
