//! Signing up by invitation only.

use auth_core::base::Email;
use auth_core::email;
use auth_core::password::SignUpMode;
use auth_tests::{Actor, Mailbox, PASSWORD, Reply, Stack, TestApp, flows, password_config};
use serde_json::{Value, json};

use crate::DAY;

flows![
    whoever_is_invited_signs_up_and_has_proved_the_mailbox,
    the_token_comes_before_the_fragment_of_a_page,
    nobody_else_signs_up,
    an_invitation_is_good_once_for_its_address_and_for_a_week,
    a_newer_invitation_takes_the_place_of_the_older_one,
    where_mailboxes_must_be_proved_an_invitation_proves_one,
    nobody_is_invited_who_has_an_account_or_to_elsewhere,
];

const ADA: &str = "ada@example.com";

async fn app(stack: Stack) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    let password = password_config().sign_up(SignUpMode::ByInvitation);
    (stack.app_with(|builder| mail.connect(builder).password(password)).await, mail)
}

async fn invite(app: &TestApp, email: &str) -> auth_core::Result<()> {
    email::invite(&app.cx(), &Email::parse(email).unwrap(), None, "/welcome?from=us").await
}

async fn invited(app: &TestApp, mail: &Mailbox) -> String {
    invite(app, ADA).await.unwrap();
    let message = mail.one(app, "sign-up-invitation", ADA).await;
    let token = message["token"].as_str().unwrap().to_owned();
    assert_eq!(message["url"], format!("{}/welcome?from=us&token={token}", app.auth().base_url()));
    token
}

async fn sign_up(actor: &Actor, email: &str, invitation: Option<&str>) -> Reply {
    let body = json!({"name": "Ada", "email": email, "password": PASSWORD, "invitation": invitation});
    actor.auth_post("/sign-up/email", body).await
}

async fn whoever_is_invited_signs_up_and_has_proved_the_mailbox(stack: Stack) {
    let (app, mail) = app(stack).await;
    let (token, ada) = (invited(&app, &mail).await, app.anon());
    sign_up(&ada, ADA, Some(&token)).await.ok();
    assert_eq!(ada.session().await["user"]["emailVerified"], true);
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}

async fn the_token_comes_before_the_fragment_of_a_page(stack: Stack) {
    let (app, mail) = app(stack).await;
    email::invite(&app.cx(), &Email::parse(ADA).unwrap(), None, "/app#/welcome").await.unwrap();
    let message = mail.one(&app, "sign-up-invitation", ADA).await;
    let url = format!("{}/app?token={}#/welcome", app.auth().base_url(), message["token"].as_str().unwrap());
    assert_eq!(message["url"], url);
}

async fn nobody_else_signs_up(stack: Stack) {
    let (app, mail) = app(stack).await;
    let token = invited(&app, &mail).await;
    sign_up(&app.anon(), ADA, None).await.refused(403, "INVITATION_REQUIRED");
    sign_up(&app.anon(), ADA, Some("in_nonsense")).await.refused(400, "INVALID_TOKEN");
    sign_up(&app.anon(), "eve@example.com", Some(&token)).await.refused(400, "INVALID_TOKEN");
    assert!(app.find_user(ADA).await.is_none() && app.find_user("eve@example.com").await.is_none());
    sign_up(&app.anon(), ADA, Some(&token)).await.ok();
}

async fn an_invitation_is_good_once_for_its_address_and_for_a_week(stack: Stack) {
    let (app, mail) = app(stack).await;
    let token = invited(&app, &mail).await;
    app.advance(7 * DAY);
    sign_up(&app.anon(), ADA, Some(&token)).await.refused(400, "INVALID_TOKEN");
    let (token, ada) = (invited(&app, &mail).await, app.anon());
    sign_up(&ada, ADA, Some(&token)).await.ok();
    ada.auth_post("/delete-user", json!({"password": PASSWORD})).await.ok();
    sign_up(&app.anon(), ADA, Some(&token)).await.refused(400, "INVALID_TOKEN");
}

async fn a_newer_invitation_takes_the_place_of_the_older_one(stack: Stack) {
    let (app, mail) = app(stack).await;
    let (older, newer) = (invited(&app, &mail).await, invited(&app, &mail).await);
    sign_up(&app.anon(), ADA, Some(&older)).await.refused(400, "INVALID_TOKEN");
    sign_up(&app.anon(), ADA, Some(&newer)).await.ok();
}

async fn where_mailboxes_must_be_proved_an_invitation_proves_one(stack: Stack) {
    let mail = Mailbox::default();
    let password = password_config().sign_up(SignUpMode::ByInvitation);
    let config = email::Config::default().require_verified();
    let app = stack.app_with(|builder| mail.connect(builder).password(password).email(config)).await;
    let (token, ada) = (invited(&app, &mail).await, app.anon());
    sign_up(&ada, ADA, Some(&token)).await.ok();
    assert!(ada.is_signed_in().await);
}

async fn nobody_is_invited_who_has_an_account_or_to_elsewhere(stack: Stack) {
    let (app, mail) = app(stack).await;
    let token = invited(&app, &mail).await;
    sign_up(&app.anon(), ADA, Some(&token)).await.ok();
    assert!(invite(&app, ADA).await.unwrap_err().is(auth_core::error::Code::UserAlreadyExists));
    let grace = Email::parse("grace@example.com").unwrap();
    for page in ["https://evil.test/sign-up", "//evil.test", "sign-up"] {
        let refused = email::invite(&app.cx(), &grace, None, page).await.unwrap_err();
        assert!(refused.is(auth_core::error::Code::InvalidCallbackUrl), "{page}");
    }
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}
