//! Codes that are mailed and typed in.

use std::time::Duration;

use auth_core::code::{Alphabet, OtpForm};
use auth_core::email_otp::Config;
use auth_core::password::SignUpMode;
use auth_tests::{Actor, Mailbox, PASSWORD, Reply, Stack, TestApp, flows};
use serde_json::{Value, json};

flows![
    a_code_signs_in_once,
    a_code_signs_up_whoever_has_no_account,
    three_wrong_tries_end_a_code_on_whatever_path,
    new_codes_give_nobody_more_tries,
    wrong_codes_and_wrong_passwords_are_counted_together,
    checking_a_code_leaves_it_good,
    a_code_proves_the_mailbox,
    a_code_sets_a_new_password,
    a_code_is_for_one_purpose,
    a_code_lives_five_minutes_and_a_newer_one_kills_it,
    strangers_are_answered_alike_at_every_step,
    the_address_changes_by_two_codes,
    codes_have_the_form_that_was_asked_for,
    everything_of_a_stranger_goes_when_the_mailbox_is_proved,
];

const ADA: &str = "ada@example.com";
const NEW: &str = "Marble-Falcon-Quiet-77";

async fn app(stack: Stack) -> (TestApp, Mailbox) {
    app_with(stack, Config::default()).await
}

async fn app_with(stack: Stack, config: Config) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    (stack.app_with(|builder| mail.connect(builder).email_otps(config)).await, mail)
}

async fn ask(app: &TestApp, email: &str, purpose: &str) -> Reply {
    app.anon().auth_post("/email-otp/send-verification-otp", json!({"email": email, "type": purpose})).await
}

async fn code(app: &TestApp, mail: &Mailbox, purpose: &str) -> String {
    assert_eq!(ask(app, ADA, purpose).await.ok(), json!({"success": true}));
    mail.otp(app, ADA).await
}

async fn sign_in(actor: &Actor, otp: &str) -> Reply {
    actor.auth_post("/sign-in/email-otp", json!({"email": ADA, "otp": otp, "name": "Ada"})).await
}

/// Another code of the same form.
fn wrong(otp: &str) -> String {
    let last = if otp.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &otp[..otp.len() - 1])
}

async fn a_code_signs_in_once(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let otp = code(&app, &mail, "sign-in").await;
    assert!(otp.len() == 6 && otp.bytes().all(|b| b.is_ascii_digit()), "{otp}");
    let phone = app.anon();
    let entered = sign_in(&phone, &otp).await;
    assert_eq!(entered.ok()["user"]["emailVerified"], true);
    assert_eq!(Some(entered.token()), phone.cookie());
    assert_eq!(phone.get("/principal").await.ok()["method"], "email-otp");
    sign_in(&app.anon(), &otp).await.refused(400, "INVALID_OTP");
}

async fn a_code_signs_up_whoever_has_no_account(stack: Stack) {
    let (app, mail) = app(stack).await;
    let otp = code(&app, &mail, "sign-in").await;
    let ada = app.anon();
    sign_in(&ada, &otp).await.ok();
    let user = &ada.session().await["user"];
    assert_eq!((&user["name"], &user["emailVerified"]), (&json!("Ada"), &json!(true)));

    let (app, mail) = app_with(stack, Config::default().sign_up(SignUpMode::Closed)).await;
    assert_eq!(ask(&app, ADA, "sign-in").await.ok(), json!({"success": true}));
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
    sign_in(&app.anon(), "123456").await.refused(400, "INVALID_OTP");
    assert_eq!(app.find_user(ADA).await, None);
}

async fn three_wrong_tries_end_a_code_on_whatever_path(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let otp = code(&app, &mail, "sign-in").await;
    let check = json!({"email": ADA, "type": "sign-in", "otp": wrong(&otp)});
    sign_in(&app.anon(), &wrong(&otp)).await.refused(400, "INVALID_OTP");
    app.anon().auth_post("/email-otp/check-verification-otp", check).await.refused(400, "INVALID_OTP");
    sign_in(&app.anon(), "no code at all").await.refused(400, "INVALID_OTP");
    sign_in(&app.anon(), &otp).await.refused(403, "TOO_MANY_ATTEMPTS");
    // In another process, too.
    let other =
        app.restarted_with(stack.transport, |builder| mail.connect(builder).email_otps(Config::default())).await;
    sign_in(&other.anon(), &otp).await.refused(403, "TOO_MANY_ATTEMPTS");
}

async fn new_codes_give_nobody_more_tries(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    for _ in 0..3 {
        let otp = code(&app, &mail, "sign-in").await;
        for _ in 0..3 {
            sign_in(&app.anon(), &wrong(&otp)).await.refused(400, "INVALID_OTP");
        }
    }
    let otp = code(&app, &mail, "sign-in").await;
    sign_in(&app.anon(), &wrong(&otp)).await.refused(400, "INVALID_OTP");
    // What there have been too many of is not told: it would tell whose name or number an address goes with.
    sign_in(&app.anon(), &otp).await.refused(400, "INVALID_OTP");
    app.advance(Duration::from_mins(15));
    let otp = code(&app, &mail, "sign-in").await;
    sign_in(&app.anon(), &otp).await.ok();
}

async fn wrong_codes_and_wrong_passwords_are_counted_together(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    for _ in 0..10 {
        app.anon().sign_in(ADA, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    let otp = code(&app, &mail, "sign-in").await;
    sign_in(&app.anon(), &otp).await.refused(400, "INVALID_OTP");
    app.advance(Duration::from_mins(15));
    let otp = code(&app, &mail, "sign-in").await;
    for _ in 0..3 {
        sign_in(&app.anon(), &wrong(&otp)).await.refused(400, "INVALID_OTP");
    }
    for _ in 0..7 {
        app.anon().sign_in(ADA, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

async fn checking_a_code_leaves_it_good(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let otp = code(&app, &mail, "sign-in").await;
    for _ in 0..12 {
        let body = json!({"email": ADA, "type": "sign-in", "otp": otp});
        let reply = app.anon().auth_post("/email-otp/check-verification-otp", body).await;
        assert_eq!(reply.ok(), json!({"success": true}));
    }
    sign_in(&app.anon(), &otp).await.ok();
}

async fn a_code_proves_the_mailbox(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let otp = code(&app, &mail, "email-verification").await;
    let body = json!({"email": ADA, "otp": otp});
    let verified = app.anon().auth_post("/email-otp/verify-email", body.clone()).await;
    assert_eq!((&verified.ok()["status"], &verified.ok()["token"]), (&json!(true), &Value::Null));
    assert_eq!(verified.ok()["user"]["emailVerified"], true);
    app.anon().auth_post("/email-otp/verify-email", body).await.refused(400, "INVALID_OTP");
    // Confirmed, and left as it was.
    assert!(ada.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.ok();
}

async fn a_code_sets_a_new_password(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    for path in ["/email-otp/request-password-reset", "/forget-password/email-otp"] {
        assert_eq!(app.anon().auth_post(path, json!({"email": ADA})).await.ok(), json!({"success": true}));
        let otp = mail.otp(&app, ADA).await;
        let body = |password: &str| json!({"email": ADA, "otp": otp, "password": password});
        let path = "/email-otp/reset-password";
        for _ in 0..4 {
            app.anon().auth_post(path, body("short")).await.refused(400, "PASSWORD_TOO_SHORT");
        }
        assert_eq!(app.anon().auth_post(path, body(NEW)).await.ok(), json!({"success": true}));
        app.anon().auth_post(path, body(NEW)).await.refused(400, "INVALID_OTP");
    }
    assert!(!ada.is_signed_in().await);
    app.anon().sign_in(ADA, NEW).await.ok();
}

async fn a_code_is_for_one_purpose(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let otp = code(&app, &mail, "email-verification").await;
    sign_in(&app.anon(), &otp).await.refused(400, "INVALID_OTP");
    let body = json!({"email": ADA, "otp": otp, "password": NEW});
    app.anon().auth_post("/email-otp/reset-password", body).await.refused(400, "INVALID_OTP");
    app.anon().auth_post("/email-otp/verify-email", json!({"email": ADA, "otp": otp})).await.ok();
    for (email, kind, code) in [
        (ADA, "change-email", "BAD_REQUEST"),
        ("no address", "sign-in", "INVALID_EMAIL"),
        (ADA, "other", "VALIDATION_ERROR"),
    ] {
        ask(&app, email, kind).await.refused(400, code);
    }
}

async fn a_code_lives_five_minutes_and_a_newer_one_kills_it(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let older = code(&app, &mail, "sign-in").await;
    let newer = code(&app, &mail, "sign-in").await;
    if older != newer {
        sign_in(&app.anon(), &older).await.refused(400, "INVALID_OTP");
    }
    app.advance(Duration::from_mins(5));
    sign_in(&app.anon(), &newer).await.refused(400, "OTP_EXPIRED");
}

async fn strangers_are_answered_alike_at_every_step(stack: Stack) {
    let (app, mail) = app_with(stack, Config::default().sign_up(SignUpMode::Closed)).await;
    app.signed_up(ADA).await;
    let nobody = "nobody@example.com";
    let mut steps: Vec<(&str, Value)> = Vec::new();
    for kind in ["sign-in", "email-verification", "forget-password"] {
        steps.push(("/email-otp/send-verification-otp", json!({"type": kind})));
    }
    steps.push(("/email-otp/request-password-reset", json!({})));
    for otp in ["000000", "nonsense", "000001", "000002"] {
        steps.push(("/email-otp/check-verification-otp", json!({"type": "sign-in", "otp": otp})));
    }
    steps.push(("/sign-in/email-otp", json!({"otp": "000000"})));
    steps.push(("/email-otp/verify-email", json!({"otp": "000000"})));
    steps.push(("/email-otp/reset-password", json!({"otp": "000000", "password": NEW})));
    for (path, body) in steps {
        let mut answers = Vec::new();
        for email in [ADA, nobody] {
            let mut body = body.clone();
            body["email"] = email.into();
            app.tap().take_calls();
            answers.push((app.anon().auth_post(path, body).await.essence(), app.tap().take_calls()));
        }
        assert_eq!(answers[0], answers[1], "{path} {body}");
    }
    assert!(mail.take(&app).await.iter().all(|message| message["to"] == ADA));
}

async fn the_address_changes_by_two_codes(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let otp = code(&app, &mail, "email-verification").await;
    app.anon().auth_post("/email-otp/verify-email", json!({"email": ADA, "otp": otp})).await.ok();
    let new = "ada@elsewhere.example";
    let request = "/email-otp/request-email-change";
    ada.auth_post(request, json!({"newEmail": new})).await.refused(400, "INVALID_OTP");
    ada.auth_post(request, json!({"newEmail": ADA})).await.refused(400, "EMAIL_UNCHANGED");
    let approval = code(&app, &mail, "email-verification").await;
    let body = json!({"newEmail": new, "otp": approval});
    ada.auth_post(request, body).await.ok();
    let otp = mail.otp(&app, new).await;
    let change = "/email-otp/change-email";
    let eve = app.signed_up("eve@example.com").await;
    eve.auth_post(change, json!({"newEmail": new, "otp": otp})).await.refused(400, "INVALID_OTP");
    ada.auth_post(change, json!({"newEmail": "other@example.com", "otp": otp})).await.refused(400, "INVALID_OTP");
    let changed = ada.auth_post(change, json!({"newEmail": new, "otp": otp})).await;
    assert_eq!(changed.ok(), json!({"success": true}));
    assert_eq!(ada.session().await["user"]["email"], new);
    app.anon().auth_post(change, json!({"newEmail": new, "otp": otp})).await.refused(401, "UNAUTHORIZED");
}

async fn codes_have_the_form_that_was_asked_for(stack: Stack) {
    let form = OtpForm::default().length(8).alphabet(Alphabet::Consonants).ttl(Duration::from_mins(2));
    let (app, mail) = app_with(stack, Config::default().form(form)).await;
    app.signed_up(ADA).await;
    let otp = code(&app, &mail, "sign-in").await;
    assert!(otp.len() == 8 && otp.bytes().all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b)), "{otp}");
    sign_in(&app.anon(), &otp.to_lowercase()).await.ok();
}

async fn everything_of_a_stranger_goes_when_the_mailbox_is_proved(stack: Stack) {
    let (app, mail) = app(stack).await;
    let eve = app.signed_up(ADA).await;
    let otp = code(&app, &mail, "sign-in").await;
    let ada = app.anon();
    sign_in(&ada, &otp).await.ok();
    assert!(ada.is_signed_in().await && !eve.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}
