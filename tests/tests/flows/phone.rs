//! Telephone numbers: proved by a code in a text message, and then a way to sign in.

use std::time::Duration;

use auth_core::anonymous;
use auth_core::password::SignUpMode;
use auth_core::phone::Config;
use auth_tests::{Actor, Mailbox, PASSWORD, Reply, Stack, TestApp, flows};
use serde_json::{Value, json};

use crate::DAY;

flows![
    a_code_gives_the_number_to_whoever_is_signed_in,
    a_proved_number_signs_in_by_code_and_by_password,
    a_code_signs_up_where_that_is_open,
    a_number_that_is_somebody_s_is_not_given_to_another,
    a_new_password_by_the_number,
    three_wrong_tries_end_a_code,
    strangers_are_answered_alike_and_cost_no_messages,
    nobody_in_particular_costs_no_messages_either,
    a_stranger_s_number_goes_when_the_mailbox_is_proved,
    a_number_is_set_by_its_code_alone,
    it_takes_a_fresh_session,
    numbers_that_are_none_are_refused,
    without_the_setting_there_are_no_such_endpoints,
];

const ADA: &str = "ada@example.com";
const NUMBER: &str = "+4930901820";
const NEW: &str = "Marble-Falcon-Quiet-77";

async fn app(stack: Stack) -> (TestApp, Mailbox) {
    app_with(stack, Config::default()).await
}

async fn app_with(stack: Stack, config: Config) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    (stack.app_with(|builder| mail.connect(builder).phone_numbers(config)).await, mail)
}

/// The code that somebody asks for.
async fn code(app: &TestApp, mail: &Mailbox, asking: &Actor) -> String {
    let reply = asking.auth_post("/phone-number/send-otp", json!({"phoneNumber": "+49 (30) 90-18.20"})).await;
    assert_eq!(reply.ok(), json!({"message": "code sent"}));
    mail.one(app, "sms-otp", NUMBER).await["otp"].as_str().unwrap().to_owned()
}

async fn verify(actor: &Actor, code: &str, more: Value) -> Reply {
    let mut body = json!({"phoneNumber": NUMBER, "code": code});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    actor.auth_post("/phone-number/verify", body).await
}

/// Ada, who has proved her number.
async fn proved(app: &TestApp, mail: &Mailbox) -> Actor {
    let ada = app.signed_up(ADA).await;
    let code = code(app, mail, &ada).await;
    verify(&ada, &code, json!({"updatePhoneNumber": true})).await.ok();
    ada
}

async fn a_code_gives_the_number_to_whoever_is_signed_in(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let code = code(&app, &mail, &ada).await;
    let reply = verify(&ada, &code, json!({"updatePhoneNumber": true})).await;
    let body = reply.ok();
    assert_eq!((&body["status"], &body["token"]), (&json!(true), &Value::Null));
    assert_eq!((&body["user"]["phoneNumber"], &body["user"]["phoneNumberVerified"]), (&json!(NUMBER), &json!(true)));
    assert_eq!(ada.session().await["user"]["phoneNumber"], NUMBER);
    verify(&ada, &code, json!({"updatePhoneNumber": true})).await.refused(400, "OTP_NOT_FOUND");
    assert!(app.events().take().contains(&"phone_verified"));
}

async fn a_proved_number_signs_in_by_code_and_by_password(stack: Stack) {
    let (app, mail) = app(stack).await;
    proved(&app, &mail).await;
    let phone = app.anon();
    let otp = code(&app, &mail, &phone).await;
    let entered = verify(&phone, &otp, json!({})).await;
    assert_eq!((entered.ok()["user"]["email"].as_str(), Some(entered.token())), (Some(ADA), phone.cookie()));
    assert_eq!(phone.get("/principal").await.ok()["method"], "phone-otp");
    let (quiet, otp) = (app.anon(), code(&app, &mail, &app.anon()).await);
    let entered = verify(&quiet, &otp, json!({"disableSession": true})).await;
    assert_eq!((&entered.ok()["token"], quiet.cookie()), (&Value::Null, None));
    let by_password = |password: &str| json!({"phoneNumber": NUMBER, "password": password});
    app.anon().auth_post("/sign-in/phone-number", by_password(PASSWORD)).await.ok();
    let wrong = app.anon().auth_post("/sign-in/phone-number", by_password("wrong")).await;
    wrong.refused(401, "INVALID_PHONE_NUMBER_OR_PASSWORD");
    let unknown = json!({"phoneNumber": "+4930901821", "password": PASSWORD});
    let unknown = app.anon().auth_post("/sign-in/phone-number", unknown).await;
    assert_eq!(unknown.essence(), wrong.essence());
}

async fn a_code_signs_up_where_that_is_open(stack: Stack) {
    let (app, mail) = app_with(stack, Config::default().sign_up(SignUpMode::Open)).await;
    let ada = app.anon();
    let otp = code(&app, &mail, &ada).await;
    let body = verify(&ada, &otp, json!({"name": "Ada"})).await.ok();
    assert_eq!((&body["user"]["name"], &body["user"]["phoneNumber"]), (&json!("Ada"), &json!(NUMBER)));
    assert!(body["user"]["email"].as_str().unwrap().ends_with("@phone.invalid"));
    assert!(ada.is_signed_in().await);
    // Nobody is written to at an address that is nobody's.
    app.anon().auth_post("/request-password-reset", json!({"email": body["user"]["email"]})).await.ok();
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
    // Nor does anybody get such an address.
    app.anon().sign_up("eve@phone.invalid").await.refused(422, "EMAIL_NOT_ALLOWED");
}

async fn a_number_that_is_somebody_s_is_not_given_to_another(stack: Stack) {
    let (app, mail) = app(stack).await;
    proved(&app, &mail).await;
    let eve = app.signed_up("eve@example.com").await;
    let otp = code(&app, &mail, &eve).await;
    verify(&eve, &otp, json!({"updatePhoneNumber": true})).await.refused(400, "PHONE_NUMBER_EXIST");
    assert_eq!(eve.session().await["user"]["phoneNumber"], Value::Null);
    // Whoever has the number has the code, and it is good still.
    verify(&app.anon(), &otp, json!({})).await.ok();
}

async fn a_new_password_by_the_number(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = proved(&app, &mail).await;
    let reply = app.anon().auth_post("/phone-number/request-password-reset", json!({"phoneNumber": NUMBER})).await;
    assert_eq!(reply.ok(), json!({"status": true}));
    let otp = mail.one(&app, "sms-otp", NUMBER).await["otp"].as_str().unwrap().to_owned();
    // It is for that alone.
    verify(&app.anon(), &otp, json!({})).await.refused(400, "OTP_NOT_FOUND");
    let body = |password: &str| json!({"phoneNumber": NUMBER, "otp": otp, "newPassword": password});
    let path = "/phone-number/reset-password";
    app.anon().auth_post(path, body("short")).await.refused(400, "PASSWORD_TOO_SHORT");
    assert_eq!(app.anon().auth_post(path, body(NEW)).await.ok(), json!({"status": true}));
    assert!(!ada.is_signed_in().await);
    app.anon().sign_in(ADA, NEW).await.ok();
    // It was the number that was proved, and not the mailbox.
    let again = app.signed_in_with(ADA, NEW).await;
    assert_eq!(again.session().await["user"]["emailVerified"], false);
}

async fn three_wrong_tries_end_a_code(stack: Stack) {
    let (app, mail) = app(stack).await;
    proved(&app, &mail).await;
    let otp = code(&app, &mail, &app.anon()).await;
    let wrong = if otp == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        verify(&app.anon(), wrong, json!({})).await.refused(400, "INVALID_OTP");
    }
    verify(&app.anon(), &otp, json!({})).await.refused(403, "TOO_MANY_ATTEMPTS");
    let otp = code(&app, &mail, &app.anon()).await;
    app.advance(Duration::from_mins(5));
    verify(&app.anon(), &otp, json!({})).await.refused(400, "OTP_EXPIRED");
}

async fn strangers_are_answered_alike_and_cost_no_messages(stack: Stack) {
    let (app, mail) = app(stack).await;
    proved(&app, &mail).await;
    let steps = [
        ("/phone-number/send-otp", json!({})),
        ("/phone-number/request-password-reset", json!({})),
        ("/phone-number/verify", json!({"code": "000000"})),
        ("/phone-number/reset-password", json!({"otp": "000000", "newPassword": NEW})),
    ];
    for (path, body) in steps {
        let mut answers = Vec::new();
        for number in [NUMBER, "+4930901821"] {
            let mut body = body.clone();
            body["phoneNumber"] = number.into();
            app.tap().take_calls();
            answers.push((app.anon().auth_post(path, body).await.essence(), app.tap().take_calls()));
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
    assert!(mail.take(&app).await.iter().all(|message| message["to"] == NUMBER));
}

/// Whoever is signed in anonymously is a stranger.
async fn nobody_in_particular_costs_no_messages_either(stack: Stack) {
    let mail = Mailbox::default();
    let app = stack
        .app_with(|builder| {
            mail.connect(builder).phone_numbers(Config::default()).anonymous(anonymous::Config::default())
        })
        .await;
    let nobody = app.anon();
    nobody.auth_post("/sign-in/anonymous", json!({})).await.ok();
    nobody.auth_post("/phone-number/send-otp", json!({"phoneNumber": NUMBER})).await.ok();
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}

async fn a_stranger_s_number_goes_when_the_mailbox_is_proved(stack: Stack) {
    let (app, mail) = app(stack).await;
    // Eve has made an account of Ada's address, and given it a number of hers.
    proved(&app, &mail).await;
    app.anon().auth_post("/request-password-reset", json!({"email": ADA})).await.ok();
    let token = mail.one(&app, "reset-password", ADA).await["token"].clone();
    app.anon().auth_post("/reset-password", json!({"token": token, "newPassword": NEW})).await.ok();
    let ada = app.anon();
    ada.sign_in(ADA, NEW).await.ok();
    assert_eq!(ada.session().await["user"]["phoneNumber"], Value::Null);
    let eve = app.anon();
    eve.auth_post("/sign-in/phone-number", json!({"phoneNumber": NUMBER, "password": NEW}))
        .await
        .refused(401, "INVALID_PHONE_NUMBER_OR_PASSWORD");
    eve.auth_post("/phone-number/send-otp", json!({"phoneNumber": NUMBER})).await.ok();
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}

async fn a_number_is_set_by_its_code_alone(stack: Stack) {
    let (app, _mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    ada.auth_post("/update-user", json!({"phoneNumber": NUMBER})).await.refused(400, "PHONE_NUMBER_CANNOT_BE_UPDATED");
    let body = json!({"name": "Eve", "email": "eve@example.com", "password": PASSWORD, "phoneNumber": NUMBER});
    app.anon().auth_post("/sign-up/email", body).await.refused(400, "PHONE_NUMBER_CANNOT_BE_SET");
    for field in ["phoneNumberVerified", "isAnonymous"] {
        ada.auth_post("/update-user", json!({"name": "A", field: true})).await.refused(400, "FIELD_NOT_ALLOWED");
    }
}

async fn it_takes_a_fresh_session(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let otp = code(&app, &mail, &ada).await;
    verify(&app.anon(), &otp, json!({"updatePhoneNumber": true})).await.refused(401, "UNAUTHORIZED");
    app.advance(DAY);
    verify(&ada, &otp, json!({"updatePhoneNumber": true})).await.refused(403, "SESSION_NOT_FRESH");
}

async fn numbers_that_are_none_are_refused(stack: Stack) {
    let (app, _mail) = app(stack).await;
    for path in ["/phone-number/send-otp", "/phone-number/request-password-reset"] {
        for bad in ["", "030901820", "+0", "+49x"] {
            app.anon().auth_post(path, json!({"phoneNumber": bad})).await.refused(400, "INVALID_PHONE_NUMBER");
        }
    }
}

async fn without_the_setting_there_are_no_such_endpoints(stack: Stack) {
    let app = stack.app().await;
    for path in
        ["/phone-number/send-otp", "/phone-number/verify", "/sign-in/phone-number", "/phone-number/reset-password"]
    {
        app.anon().auth_post(path, json!({})).await.nowhere();
    }
}
