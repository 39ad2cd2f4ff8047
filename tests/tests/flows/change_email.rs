//! Another address: the old mailbox approves, the new one proves, and neither is told more than it must.

use auth_core::email::{self, AddressChange};
use auth_tests::{Actor, Mailbox, PASSWORD, Stack, TestApp, flows};
use serde_json::{Value, json};

use crate::DAY;

flows![
    a_proved_mailbox_approves_and_the_new_one_proves,
    a_mailbox_that_was_not_proved_is_not_asked,
    whether_the_new_address_is_taken_is_not_told,
    what_becomes_of_an_older_link_does_not_tell_either,
    a_mailbox_that_is_proved_meanwhile_is_asked,
    somebody_else_s_browser_does_not_follow_the_link,
    an_address_that_was_taken_meanwhile_is_refused,
    a_newer_wish_kills_the_older_one,
    it_takes_a_fresh_session_and_its_own_token,
    it_ends_with_the_other_sessions,
    it_can_be_switched_off,
];

const ADA: &str = "ada@example.com";
const NEW: &str = "ada@elsewhere.example";

async fn app(stack: Stack) -> (TestApp, Mailbox, Actor) {
    let mail = Mailbox::default();
    let app = stack.app_with(|builder| mail.connect(builder)).await;
    let ada = app.signed_up(ADA).await;
    (app, mail, ada)
}

/// Ada, whose mailbox is proved.
async fn proved(stack: Stack) -> (TestApp, Mailbox, Actor) {
    let (app, mail, ada) = app(stack).await;
    ada.auth_post("/send-verification-email", json!({"email": ADA})).await.ok();
    let path = mail.path(&app, "verify-email", ADA).await;
    ada.get(&path).await.ok();
    (app, mail, ada)
}

async fn wish(ada: &Actor) {
    let reply = ada.auth_post("/change-email", json!({"newEmail": NEW, "callbackURL": "/settings"})).await;
    assert_eq!(reply.ok(), json!({"status": true}));
}

async fn a_proved_mailbox_approves_and_the_new_one_proves(stack: Stack) {
    let (app, mail, ada) = proved(stack).await;
    wish(&ada).await;
    let approval = mail.path(&app, "change-email", ADA).await;
    assert!(approval.contains("token=ce_"), "{approval}");
    let approved = app.anon().get(&approval).await;
    assert_eq!((approved.status.as_u16(), approved.header("location")), (302, Some("/settings")));
    assert_eq!(ada.session().await["user"]["email"], ADA);
    let proof = mail.path(&app, "verify-email", NEW).await;
    assert!(proof.contains("token=ne_"), "{proof}");
    // Without the parameter, the answer is the user.
    let moved = ada.get(proof.split('&').next().unwrap()).await.ok();
    assert_eq!((&moved["status"], &moved["user"]["email"]), (&json!(true), &json!(NEW)));
    assert_eq!(moved["user"]["emailVerified"], true);
    for path in [&approval, &proof] {
        let again = app.anon().get(path).await;
        assert_eq!(again.header("location"), Some("/settings?error=INVALID_TOKEN"));
    }
    assert!(ada.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.anon().sign_in(NEW, PASSWORD).await.ok();
}

async fn a_mailbox_that_was_not_proved_is_not_asked(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    wish(&ada).await;
    let proof = mail.path(&app, "verify-email", NEW).await;
    app.anon().get(&proof).await;
    assert_eq!(ada.session().await["user"]["email"], NEW);
    assert_eq!(ada.session().await["user"]["emailVerified"], true);
}

async fn whether_the_new_address_is_taken_is_not_told(stack: Stack) {
    let (app, mail, ada) = proved(stack).await;
    app.signed_up("grace@example.com").await;
    app.tap().take_calls();
    wish(&ada).await;
    let (free, asked_of_free) =
        (ada.auth_post("/change-email", json!({"newEmail": NEW})).await.essence(), app.tap().take_calls());
    mail.take(&app).await;
    app.tap().take_calls();
    wish(&ada).await;
    let reply = ada.auth_post("/change-email", json!({"newEmail": "grace@example.com"})).await;
    assert_eq!((reply.essence(), app.tap().take_calls()), (free, asked_of_free));
    // Both are approved in the caller's own mailbox, and only then the new one is looked at.
    let sent = mail.take(&app).await;
    assert!(sent.len() == 2 && sent.iter().all(|message| message["to"] == ADA), "{sent:?}");
    for message in sent {
        let path = message["url"].as_str().unwrap().strip_prefix(app.auth().base_url()).unwrap().to_owned();
        app.anon().get(&path).await;
    }
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
    ada.auth_post("/change-email", json!({"newEmail": ADA})).await.refused(400, "EMAIL_UNCHANGED");
    ada.auth_post("/change-email", json!({"newEmail": "x"})).await.refused(400, "VALIDATION_ERROR");
    app.anon().auth_post("/change-email", json!({"newEmail": NEW})).await.refused(401, "UNAUTHORIZED");
}

async fn what_becomes_of_an_older_link_does_not_tell_either(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    app.signed_up("grace@example.com").await;
    for other in ["nobody@elsewhere.example", "grace@example.com"] {
        wish(&ada).await;
        let older = mail.path(&app, "verify-email", NEW).await;
        ada.auth_post("/change-email", json!({"newEmail": other})).await.ok();
        mail.take(&app).await;
        assert_eq!(app.anon().get(&older).await.header("location"), Some("/settings?error=INVALID_TOKEN"), "{other}");
    }
}

async fn a_mailbox_that_is_proved_meanwhile_is_asked(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    ada.auth_post("/send-verification-email", json!({"email": ADA})).await.ok();
    let verification = mail.path(&app, "verify-email", ADA).await;
    wish(&ada).await;
    let proof = mail.path(&app, "verify-email", NEW).await;
    app.anon().get(&verification).await.ok();
    assert_eq!(app.anon().get(&proof).await.header("location"), Some("/settings?error=INVALID_TOKEN"));
    assert_eq!(ada.session().await["user"]["email"], ADA);
}

async fn somebody_else_s_browser_does_not_follow_the_link(stack: Stack) {
    let (app, mail, ada) = proved(stack).await;
    let eve = app.signed_up("eve@example.com").await;
    ada.auth_post("/change-email", json!({"newEmail": NEW})).await.ok();
    let approval = mail.path(&app, "change-email", ADA).await;
    eve.get(&approval).await.refused(401, "INVALID_USER");
    app.anon().get(&approval).await.ok();
    let proof = mail.path(&app, "verify-email", NEW).await;
    eve.get(&proof).await.refused(401, "INVALID_USER");
    app.anon().get(&proof).await.ok();
    assert_eq!(ada.session().await["user"]["email"], NEW);
}

async fn an_address_that_was_taken_meanwhile_is_refused(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    ada.auth_post("/change-email", json!({"newEmail": NEW})).await.ok();
    let proof = mail.path(&app, "verify-email", NEW).await;
    app.signed_up(NEW).await;
    app.anon().get(&proof).await.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_eq!(ada.session().await["user"]["email"], ADA);
}

async fn a_newer_wish_kills_the_older_one(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    ada.auth_post("/change-email", json!({"newEmail": "typo@elsewhere.example"})).await.ok();
    let typo = mail.path(&app, "verify-email", "typo@elsewhere.example").await;
    ada.auth_post("/change-email", json!({"newEmail": NEW})).await.ok();
    app.anon().get(&typo).await.refused(401, "INVALID_TOKEN");
    assert_eq!(ada.session().await["user"]["email"], ADA);
}

async fn it_takes_a_fresh_session_and_its_own_token(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    app.advance(DAY);
    ada.auth_post("/change-email", json!({"newEmail": NEW})).await.refused(403, "SESSION_NOT_FRESH");
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}

/// A thief in a session of Ada's, whose mailbox nobody has proved, has a link sent to a mailbox of theirs.
async fn it_ends_with_the_other_sessions(stack: Stack) {
    let (app, mail, ada) = app(stack).await;
    for path in ["/revoke-session", "/revoke-other-sessions", "/revoke-sessions"] {
        let thief = app.anon();
        thief.sign_in(ADA, PASSWORD).await.ok();
        let stolen = thief.session().await["session"]["token"].clone();
        thief.auth_post("/change-email", json!({"newEmail": NEW})).await.ok();
        let proof = mail.path(&app, "verify-email", NEW).await;
        ada.auth_post(path, json!({"token": stolen})).await.ok();
        assert!(!thief.is_signed_in().await, "{path}");
        app.anon().get(&proof).await.refused(401, "INVALID_TOKEN");
        app.anon().sign_in(ADA, PASSWORD).await.ok();
    }
}

async fn it_can_be_switched_off(stack: Stack) {
    let mail = Mailbox::default();
    let config = email::Config::default().changes(AddressChange::Refused);
    let app = stack.app_with(|builder| mail.connect(builder).email(config)).await;
    let ada = app.signed_up(ADA).await;
    ada.auth_post("/change-email", json!({"newEmail": NEW})).await.refused(400, "CHANGE_EMAIL_DISABLED");
}
