//! "Forgot my password": a link, a new password, and everybody else is out.

use std::time::Duration;

use auth_core::base::Email;
use auth_core::crypto::password_hash::Password;
use auth_core::{api_key, password, user};
use auth_tests::{Actor, Mailbox, PASSWORD, Stack, TestApp, flows, password_config};
use http::Method;
use serde_json::json;

flows![
    a_link_sets_a_new_password_once,
    a_reset_ends_every_session_and_signs_nobody_in,
    the_link_leads_to_the_application_s_page_or_to_a_plain_one,
    a_refused_password_leaves_the_link_good,
    a_user_without_a_password_gets_one,
    an_unknown_address_is_answered_alike,
    a_link_dies_with_another_reset_a_change_of_password_and_its_hour,
    a_link_dies_with_the_address_it_was_sent_to,
    a_disabled_user_gets_nothing_and_a_link_from_before_is_refused,
    a_reset_of_an_account_that_nobody_had_proved_leaves_nothing_of_a_stranger,
    a_hook_may_refuse_and_the_link_stays_good,
    api_keys_end_where_that_is_wanted,
    a_customer_s_link_is_none_of_a_user_s,
    an_application_may_mount_what_links_lead_to_alone,
];

const ADA: &str = "ada@example.com";
const NEW: &str = "Marble-Falcon-Quiet-77";

pub(crate) async fn app(stack: Stack) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    (stack.app_with(|builder| mail.connect(builder)).await, mail)
}

async fn asked(app: &TestApp, email: &str) {
    let reply = app.anon().auth_post("/request-password-reset", json!({"email": email})).await;
    assert_eq!(reply.ok()["status"], true);
}

async fn reset(actor: &Actor, token: &str) -> auth_tests::Reply {
    actor.auth_post("/reset-password", json!({"newPassword": NEW, "token": token})).await
}

async fn a_link_sets_a_new_password_once(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    assert!(token.starts_with("rp_") && token.len() == 46, "{token}");
    let done = reset(&app.anon(), &token).await;
    assert_eq!((done.ok(), done.set_cookies().len()), (json!({"status": true}), 0));
    reset(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.anon().sign_in(ADA, NEW).await.ok();
    assert!(app.events().take().contains(&"password_reset"));
}

async fn a_reset_ends_every_session_and_signs_nobody_in(stack: Stack) {
    let (app, mail) = app(stack).await;
    let (ada, phone) = (app.signed_up(ADA).await, app.signed_in(ADA).await);
    let grace = app.signed_up("grace@example.com").await;
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    // In a browser that is signed in, too.
    reset(&ada, &token).await.ok();
    assert!(!ada.is_signed_in().await && !phone.is_signed_in().await && grace.is_signed_in().await);
    assert!(app.sessions(ADA).await.is_empty());
}

async fn the_link_leads_to_the_application_s_page_or_to_a_plain_one(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let body = json!({"email": ADA, "redirectTo": "/new-password?x=1"});
    app.anon().auth_post("/request-password-reset", body).await.ok();
    let path = mail.path(&app, "reset-password", ADA).await;
    let token = path.split(['/', '?']).nth(4).unwrap();
    for _ in 0..2 {
        let followed = app.anon().get(&path).await;
        let expected = format!("/new-password?x=1&token={token}");
        assert_eq!((followed.status.as_u16(), followed.header("location")), (302, Some(&*expected)));
    }
    let bad = app.anon().get("/api/auth/reset-password/nonsense?callbackURL=%2Fnew").await;
    assert_eq!(bad.header("location"), Some("/new?error=INVALID_TOKEN"));
    app.anon()
        .get("/api/auth/reset-password/x?callbackURL=https%3A%2F%2Fevil.test")
        .await
        .refused(403, "INVALID_CALLBACK_URL");
    let foreign = json!({"email": ADA, "redirectTo": "https://evil.test"});
    app.anon().auth_post("/request-password-reset", foreign).await.refused(403, "INVALID_REDIRECT_URL");

    asked(&app, ADA).await;
    let path = mail.path(&app, "reset-password", ADA).await;
    let page = app.anon().get(&path).await;
    assert!(
        page.text().contains("name=\"newPassword\"") && page.text().contains("action=\"/api/auth/reset-password\"")
    );
    let token = path.rsplit('/').next().unwrap();
    let draft = app.anon();
    let form = format!("newPassword={NEW}&token={token}");
    let draft = draft.request(Method::POST, "/api/auth/reset-password").header("accept", "text/html");
    let done = draft.body("application/x-www-form-urlencoded", form).send().await;
    assert!(done.status.is_success() && done.text().contains("Your password has changed"), "{}", done.text());
    app.anon().sign_in(ADA, NEW).await.ok();
}

async fn a_refused_password_leaves_the_link_good(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    for (bad, code) in [
        ("short", "PASSWORD_TOO_SHORT"),
        ("password1", "PASSWORD_COMPROMISED"),
        ("is-ada@example.com", "PASSWORD_CONTAINS_EMAIL"),
    ] {
        let body = json!({"newPassword": bad, "token": token});
        app.anon().auth_post("/reset-password", body).await.refused(400, code);
    }
    assert!(ada.is_signed_in().await);
    reset(&app.anon(), &token).await.ok();
}

async fn a_user_without_a_password_gets_one(stack: Stack) {
    let (app, mail) = app(stack).await;
    crate::sign_in::user_without_password(&app, "grace@example.com").await;
    asked(&app, "grace@example.com").await;
    let token = mail.token(&app, "reset-password", "grace@example.com").await;
    reset(&app.anon(), &token).await.ok();
    app.anon().sign_in("grace@example.com", NEW).await.ok();
}

async fn an_unknown_address_is_answered_alike(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let mut answers = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        app.tap().take_calls();
        let reply = app.anon().auth_post("/request-password-reset", json!({"email": email})).await;
        answers.push((reply.essence(), app.tap().take_calls()));
    }
    assert_eq!(answers[0], answers[1]);
    mail.one(&app, "reset-password", ADA).await;
}

async fn a_link_dies_with_another_reset_a_change_of_password_and_its_hour(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    asked(&app, ADA).await;
    let older = mail.token(&app, "reset-password", ADA).await;
    asked(&app, ADA).await;
    let newer = mail.token(&app, "reset-password", ADA).await;
    reset(&app.anon(), &older).await.refused(400, "INVALID_TOKEN");
    ada.change_password(PASSWORD, "Violet-Harbour-Stone-31").await.ok();
    reset(&app.anon(), &newer).await.refused(400, "INVALID_TOKEN");
    asked(&app, ADA).await;
    let last = mail.token(&app, "reset-password", ADA).await;
    app.advance(Duration::from_hours(1));
    reset(&app.anon(), &last).await.refused(400, "INVALID_TOKEN");
    assert!(ada.is_signed_in().await);
}

async fn a_link_dies_with_the_address_it_was_sent_to(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    ada.auth_post("/change-email", json!({"newEmail": "ada@elsewhere.example"})).await.ok();
    let path = mail.path(&app, "verify-email", "ada@elsewhere.example").await;
    app.anon().get(&path).await.ok();
    // The old mailbox may be somebody else's by now.
    reset(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
}

async fn a_disabled_user_gets_nothing_and_a_link_from_before_is_refused(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    auth_core::user::disable_user(&app.cx(), app.user_id(ADA).await).await.unwrap();
    reset(&app.anon(), &token).await.refused(400, "INVALID_TOKEN");
    asked(&app, ADA).await;
    assert!(mail.take(&app).await.is_empty());
}

/// Eve signs up with Ada's address before Ada does, and waits.
async fn a_reset_of_an_account_that_nobody_had_proved_leaves_nothing_of_a_stranger(stack: Stack) {
    let (app, mail) = app(stack).await;
    let eve = app.signed_up(ADA).await;
    let key = eve.auth_post("/api-key/create", json!({"name": "mine"})).await.ok()["key"].as_str().unwrap().to_owned();
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    reset(&app.anon(), &token).await.ok();
    assert!(!eve.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    let by_key = app.program();
    by_key.request(Method::GET, "/me").header("x-api-key", &key).send().await.refused(401, "UNAUTHORIZED");
    let ada = app.anon();
    ada.sign_in(ADA, NEW).await.ok();
    assert_eq!(ada.session().await["user"]["emailVerified"], true);
}

struct Never;

#[async_trait::async_trait]
impl auth_core::hooks::Hooks for Never {
    async fn before_password_change(
        &self,
        _: &auth_core::Cx,
        _: &mut auth_core::Work<'_>,
        _: &auth_core::user::User,
    ) -> auth_core::Result<()> {
        Err(auth_core::Error::new(auth_core::error::ErrorKind::Forbidden, "NEVER", "No."))
    }
}

async fn a_hook_may_refuse_and_the_link_stays_good(stack: Stack) {
    let mail = Mailbox::default();
    let app = stack.app_with(|builder| mail.connect(builder).hooks(Never)).await;
    let ada = app.signed_up(ADA).await;
    asked(&app, ADA).await;
    let token = mail.token(&app, "reset-password", ADA).await;
    for _ in 0..2 {
        reset(&app.anon(), &token).await.refused(403, "NEVER");
    }
    assert!(ada.is_signed_in().await);
    assert_eq!(ada.session().await["user"]["emailVerified"], false);
}

async fn api_keys_end_where_that_is_wanted(stack: Stack) {
    for (after, stays) in
        [(password::AfterReset::EndSessions, true), (password::AfterReset::EndSessionsAndApiKeys, false)]
    {
        let mail = Mailbox::default();
        let config = password_config().after_reset(after);
        let keys = api_key::Config::default();
        let app = stack.app_with(|builder| mail.connect(builder).password(config).api_keys(keys)).await;
        let ada = app.signed_up(ADA).await;
        ada.auth_post("/send-verification-email", json!({"email": ADA})).await.ok();
        let path = mail.path(&app, "verify-email", ADA).await;
        app.anon().get(&path).await.ok();
        let key =
            ada.auth_post("/api-key/create", json!({"name": "mine"})).await.ok()["key"].as_str().unwrap().to_owned();
        asked(&app, ADA).await;
        let token = mail.token(&app, "reset-password", ADA).await;
        reset(&app.anon(), &token).await.ok();
        let program = app.program();
        let used = program.request(Method::GET, "/me").header("x-api-key", &key).send().await;
        assert_eq!(used.status.is_success(), stays);
    }
}

async fn a_customer_s_link_is_none_of_a_user_s(stack: Stack) {
    let mail = Mailbox::default();
    let customers = auth_core::customer::Config::default();
    let app = stack.app_with(|builder| mail.connect(builder).customers(customers)).await;
    app.signed_up(ADA).await;
    let body = json!({"name": "Ada", "email": ADA, "password": PASSWORD});
    app.anon().auth_post("/customer/sign-up/email", body).await.ok();
    app.anon().auth_post("/customer/request-password-reset", json!({"email": ADA})).await.ok();
    let path = mail.path(&app, "reset-password", ADA).await;
    assert!(path.starts_with("/api/auth/customer/reset-password/rp_"), "{path}");
    let token = path.rsplit('/').next().unwrap();
    reset(&app.anon(), token).await.refused(400, "INVALID_TOKEN");
    let body = json!({"newPassword": NEW, "token": token});
    app.anon().auth_post("/customer/reset-password", body).await.ok();
    app.anon().sign_in(ADA, PASSWORD).await.ok();
    app.anon().auth_post("/customer/sign-in/email", json!({"email": ADA, "password": NEW})).await.ok();
}

async fn an_application_may_mount_what_links_lead_to_alone(stack: Stack) {
    let mail = Mailbox::default();
    let app = stack.app_with(|builder| mail.connect(builder).only_link_endpoints()).await;
    let signup = user::SignUp::new(Email::parse(ADA).unwrap(), "Ada");
    password::create_user(&app.cx(), signup, Password::new(PASSWORD)).await.unwrap();
    let sign_in = json!({"email": ADA, "password": PASSWORD});
    for path in ["/sign-in/email", "/sign-up/email", "/request-password-reset", "/delete-user", "/change-password"] {
        app.anon().auth_post(path, sign_in.clone()).await.nowhere();
    }
    app.anon().auth_get("/get-session").await.nowhere();
    // What is not mounted is called, and what it sends leads somewhere.
    let cx = app.cx();
    let reset =
        password::RequestPasswordReset { email: Email::parse(ADA).unwrap(), redirect_to: None, tenant_id: None };
    cx.auth().call(&cx, reset).await.unwrap();
    let path = mail.path(&app, "reset-password", ADA).await;
    assert_eq!(app.anon().get(&path).await.status, 200);
    let token = path.rsplit('/').next().unwrap();
    self::reset(&app.anon(), token).await.ok();
    cx.auth().call(&cx, password::SignInEmail::new(ADA, Password::new(NEW))).await.unwrap();
}
