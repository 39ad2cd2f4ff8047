//! What was acknowledged is sent, whatever becomes of the mail server; and no request waits for it.

use std::time::Duration;

use auth_core::{email, outbox};
use auth_tests::{Mailbox, Stack, TestApp, flows};
use serde_json::json;

flows![
    a_dead_mail_server_fails_no_request_and_loses_nothing,
    what_is_of_no_use_any_more_is_not_sent,
    another_process_sends_what_one_has_left,
    what_was_taken_back_is_not_sent,
    the_engine_sends_by_itself,
    a_message_that_nobody_can_read_is_kept_until_it_is_of_no_use,
];

const ADA: &str = "ada@example.com";

async fn app(stack: Stack) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    let config = email::Config::default().verify_at_sign_up();
    (stack.app_with(|builder| mail.connect(builder).email(config)).await, mail)
}

async fn a_dead_mail_server_fails_no_request_and_loses_nothing(stack: Stack) {
    let (app, mail) = app(stack).await;
    mail.set_down(true);
    app.anon().sign_up(ADA).await.ok();
    assert!(mail.take(&app).await.is_empty());
    assert_eq!(outbox::backlog(&app.cx()).await.unwrap().waiting, 1);
    // Not again at once.
    mail.set_down(false);
    assert!(mail.take(&app).await.is_empty());
    app.advance(Duration::from_mins(1));
    let path = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&path).await.ok();
    assert_eq!(outbox::backlog(&app.cx()).await.unwrap(), outbox::Backlog::default());
}

async fn what_is_of_no_use_any_more_is_not_sent(stack: Stack) {
    let (app, mail) = app(stack).await;
    mail.set_down(true);
    app.anon().sign_up(ADA).await.ok();
    for _ in 0..5 {
        mail.take(&app).await;
        app.advance(Duration::from_mins(16));
    }
    mail.set_down(false);
    assert!(mail.take(&app).await.is_empty());
    assert!(app.events().take().contains(&"message_expired"));
    assert_eq!(outbox::backlog(&app.cx()).await.unwrap(), outbox::Backlog::default());
}

async fn another_process_sends_what_one_has_left(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.anon().sign_up(ADA).await.ok();
    let other = app.restarted_with(stack.transport, |builder| mail.connect(builder)).await;
    mail.one(&other, "verify-email", ADA).await;
    assert!(mail.take(&app).await.is_empty());
}

async fn what_was_taken_back_is_not_sent(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.tap().die_for("insert_audit");
    app.anon().sign_up(ADA).await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
    assert!(mail.take(&app).await.is_empty());
    assert_eq!(app.find_user(ADA).await, None);
}

async fn the_engine_sends_by_itself(stack: Stack) {
    let mail = Mailbox::default();
    let config = email::Config::default().verify_at_sign_up();
    let app = stack.app_with(|builder| builder.mailer(mail.clone()).email(config)).await;
    app.anon().sign_up(ADA).await.ok();
    app.anon().auth_post("/request-password-reset", json!({"email": ADA})).await.ok();
    mail.arrived(2).await;
}

/// It was sealed under a secret that the program has no more.
async fn a_message_that_nobody_can_read_is_kept_until_it_is_of_no_use(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.anon().sign_up(ADA).await.ok();
    let secret = || auth_core::base::Secret::new("another secret that is good enough for tests 0123456789");
    let other = app.restarted_with(stack.transport, |builder| mail.connect(builder).secret(secret())).await;
    assert!(mail.take(&other).await.is_empty());
    assert_eq!(outbox::backlog(&other.cx()).await.unwrap().waiting, 1);
    app.advance(Duration::from_mins(1));
    mail.one(&app, "verify-email", ADA).await;
}
