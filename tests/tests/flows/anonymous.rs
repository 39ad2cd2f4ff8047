//! Trying an application before saying who one is.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auth_core::anonymous::Config;
use auth_core::error::ErrorKind;
use auth_core::hooks::Hooks;
use auth_core::user::User;
use auth_core::{Cx, Error, Result, Work, email_otp, phone, username};
use auth_tests::{Mailbox, PASSWORD, Stack, TestApp, flows};
use serde_json::{Value, json};

flows![
    somebody_unknown_has_a_session,
    nobody_is_anonymous_twice,
    whoever_signs_up_takes_along_what_they_have_made,
    whoever_signs_in_takes_it_along_too,
    what_a_hook_refuses_changes_nothing,
    an_anonymous_user_goes_when_they_ask_for_it,
    nobody_signs_in_as_one_of_them,
    they_get_nothing_to_sign_in_with_but_by_signing_up,
];

const ADA: &str = "ada@example.com";

/// Remembers whose things were moved to whom, unless it refuses.
#[derive(Clone, Default)]
struct Moving {
    moved: Arc<Mutex<Vec<(String, String)>>>,
    refuses: bool,
}

#[async_trait]
impl Hooks for Moving {
    async fn on_link_account(&self, _: &Cx, work: &mut Work<'_>, anonymous: &User, user: &User) -> Result<()> {
        if self.refuses {
            return Err(Error::new(ErrorKind::Conflict, "NOT_NOW", "Not now."));
        }
        // Both are there at this moment.
        assert!(work.user_by_id(anonymous.id).await?.is_some() && work.user_by_id(user.id).await?.is_some());
        self.moved.lock().unwrap().push((anonymous.id.to_string(), user.email.to_string()));
        Ok(())
    }
}

async fn app(stack: Stack) -> (TestApp, Moving) {
    let moving = Moving::default();
    (stack.app_with(|builder| builder.anonymous(Config::default()).hooks(moving.clone())).await, moving)
}

async fn somebody_unknown_has_a_session(stack: Stack) {
    let (app, _) = app(stack).await;
    let guest = app.anon();
    let body = guest.auth_post("/sign-in/anonymous", json!({})).await.ok();
    assert_eq!((&body["user"]["name"], &body["user"]["isAnonymous"]), (&json!("Anonymous"), &json!(true)));
    assert!(body["user"]["email"].as_str().unwrap().ends_with("@anonymous.invalid"));
    assert!(guest.is_signed_in().await);
    assert_eq!(guest.get("/principal").await.ok()["method"], "anonymous");
    let other = app.anon();
    let other = other.auth_post("/sign-in/anonymous", json!({})).await.ok();
    assert_ne!(other["user"]["id"], body["user"]["id"]);
}

async fn nobody_is_anonymous_twice(stack: Stack) {
    let (app, _) = app(stack).await;
    let guest = app.anon();
    guest.auth_post("/sign-in/anonymous", json!({})).await.ok();
    let again = guest.auth_post("/sign-in/anonymous", json!({})).await;
    again.refused(400, "ANONYMOUS_USERS_CANNOT_SIGN_IN_AGAIN_ANONYMOUSLY");
}

async fn whoever_signs_up_takes_along_what_they_have_made(stack: Stack) {
    let (app, moving) = app(stack).await;
    let guest = app.anon();
    let former = guest.auth_post("/sign-in/anonymous", json!({})).await.ok()["user"].clone();
    let stolen = guest.copied();
    guest.sign_up(ADA).await.ok();
    let moved = (former["id"].as_str().unwrap().to_owned(), ADA.to_owned());
    assert_eq!(*moving.moved.lock().unwrap(), [moved]);
    assert!(!stolen.is_signed_in().await && guest.is_signed_in().await);
    assert_eq!(app.find_user(former["email"].as_str().unwrap()).await, None);
    assert_eq!(guest.session().await["user"]["isAnonymous"], false);
    assert!(app.events().take().contains(&"anonymous_linked"));
}

async fn whoever_signs_in_takes_it_along_too(stack: Stack) {
    let (app, moving) = app(stack).await;
    app.signed_up(ADA).await;
    let guest = app.anon();
    guest.auth_post("/sign-in/anonymous", json!({})).await.ok();
    guest.sign_in(ADA, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    assert!(moving.moved.lock().unwrap().is_empty() && guest.is_signed_in().await);
    guest.sign_in(ADA, PASSWORD).await.ok();
    assert_eq!(moving.moved.lock().unwrap().len(), 1);
    // Once they are known, nobody is moved any more.
    app.signed_up("grace@example.com").await;
    guest.sign_in("grace@example.com", PASSWORD).await.ok();
    assert_eq!(moving.moved.lock().unwrap().len(), 1);
    assert!(app.find_user(ADA).await.is_some());
}

async fn what_a_hook_refuses_changes_nothing(stack: Stack) {
    let moving = Moving { refuses: true, ..Moving::default() };
    let app = stack.app_with(|builder| builder.anonymous(Config::default()).hooks(moving)).await;
    let guest = app.anon();
    let former = guest.auth_post("/sign-in/anonymous", json!({})).await.ok()["user"]["email"].clone();
    guest.sign_up(ADA).await.refused(409, "NOT_NOW");
    assert!(app.find_user(ADA).await.is_none() && guest.is_signed_in().await);
    assert!(app.find_user(former.as_str().unwrap()).await.is_some());
}

async fn an_anonymous_user_goes_when_they_ask_for_it(stack: Stack) {
    let (app, _) = app(stack).await;
    let guest = app.anon();
    let email = guest.auth_post("/sign-in/anonymous", json!({})).await.ok()["user"]["email"].clone();
    let gone = guest.auth_post("/delete-anonymous-user", json!({})).await;
    assert_eq!(gone.ok(), json!({"success": true}));
    assert!(gone.clears_cookie());
    assert_eq!(app.find_user(email.as_str().unwrap()).await, None);
    let ada = app.signed_up(ADA).await;
    ada.auth_post("/delete-anonymous-user", json!({})).await.refused(403, "USER_IS_NOT_ANONYMOUS");
    app.anon().auth_post("/delete-anonymous-user", json!({})).await.refused(401, "UNAUTHORIZED");
}

async fn nobody_signs_in_as_one_of_them(stack: Stack) {
    let (app, _) = app(stack).await;
    let guest = app.anon();
    let email = guest.auth_post("/sign-in/anonymous", json!({})).await.ok()["user"]["email"].clone();
    app.anon().sign_in(email.as_str().unwrap(), PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

/// Else a sign-up that is closed, or takes an invitation, would be open to whoever comes anonymously.
async fn they_get_nothing_to_sign_in_with_but_by_signing_up(stack: Stack) {
    let mail = Mailbox::default();
    let app = stack
        .app_with(|builder| {
            let builder = mail.connect(builder).anonymous(Config::default()).usernames(username::Config::default());
            builder.phone_numbers(phone::Config::default()).email_otps(email_otp::Config::default())
        })
        .await;
    let guest = app.anon();
    guest.auth_post("/sign-in/anonymous", json!({})).await.ok();
    for (path, body) in [
        ("/set-password", json!({"newPassword": PASSWORD})),
        ("/update-user", json!({"username": "guest"})),
        ("/change-email", json!({"newEmail": ADA})),
        ("/email-otp/request-email-change", json!({"newEmail": ADA})),
        ("/phone-number/verify", json!({"phoneNumber": "+4930901820", "code": "000000", "updatePhoneNumber": true})),
    ] {
        guest.auth_post(path, body).await.refused(403, "USER_IS_ANONYMOUS");
    }
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
    guest.auth_post("/update-user", json!({"name": "Guest"})).await.ok();
}
