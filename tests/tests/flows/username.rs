//! Names that people sign in with.

use auth_core::username::Config;
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use serde_json::{Value, json};

use crate::DAY;

flows![
    a_name_signs_in_in_whatever_case,
    names_that_are_none_are_refused_with_the_reason,
    a_taken_name_is_told_and_anybody_may_ask,
    a_name_changes_and_the_old_one_is_free,
    fixed_names_stay,
    whatever_is_wrong_gets_one_answer_and_one_amount_of_work,
    wrong_passwords_count_for_the_account_by_whatever_it_is_named,
    another_name_takes_a_fresh_session_and_another_spelling_does_not,
    without_the_setting_a_name_is_nothing,
];

const ADA: &str = "ada@example.com";

async fn app(stack: Stack) -> TestApp {
    stack.app_with(|builder| builder.usernames(Config::default())).await
}

async fn sign_up(app: &TestApp, email: &str, username: &str) -> (Actor, Reply) {
    let (actor, body) =
        (app.anon(), json!({"name": "Ada", "email": email, "password": PASSWORD, "username": username}));
    let reply = actor.auth_post("/sign-up/email", body).await;
    (actor, reply)
}

async fn sign_in(app: &TestApp, username: &str, password: &str) -> Reply {
    app.anon().auth_post("/sign-in/username", json!({"username": username, "password": password})).await
}

async fn a_name_signs_in_in_whatever_case(stack: Stack) {
    let app = app(stack).await;
    let (_, reply) = sign_up(&app, ADA, "Ada.L_1").await;
    let user = &reply.ok()["user"];
    assert_eq!((&user["username"], &user["displayUsername"]), (&json!("ada.l_1"), &json!("Ada.L_1")));
    for spelling in ["Ada.L_1", "ada.l_1", "ADA.L_1"] {
        let reply = sign_in(&app, spelling, PASSWORD).await;
        assert_eq!((&reply.ok()["redirect"], &reply.ok()["user"]["email"]), (&json!(false), &json!(ADA)));
        assert_eq!(reply.set_cookies().len(), 1);
    }
    app.anon().sign_in(ADA, PASSWORD).await.ok();
}

async fn names_that_are_none_are_refused_with_the_reason(stack: Stack) {
    let app = app(stack).await;
    for (bad, code) in
        [("ab", "USERNAME_TOO_SHORT"), (&*"a".repeat(31), "USERNAME_TOO_LONG"), ("a b c", "INVALID_USERNAME")]
    {
        sign_up(&app, ADA, bad).await.1.refused(400, code);
        sign_in(&app, bad, PASSWORD).await.refused(422, code);
        app.anon().auth_post("/is-username-available", json!({"username": bad})).await.refused(422, code);
    }
    let body = json!({"name": "Ada", "email": ADA, "password": PASSWORD, "username": 7});
    app.anon().auth_post("/sign-up/email", body).await.refused(400, "VALIDATION_ERROR");
    let body = json!({"name": "Ada", "email": ADA, "password": PASSWORD, "username": "ada", "displayUsername": ""});
    app.anon().auth_post("/sign-up/email", body).await.refused(400, "INVALID_DISPLAY_USERNAME");
    assert_eq!(app.find_user(ADA).await, None);
}

async fn a_taken_name_is_told_and_anybody_may_ask(stack: Stack) {
    let app = app(stack).await;
    sign_up(&app, ADA, "ada").await.1.ok();
    sign_up(&app, "eve@example.com", "ADA").await.1.refused(400, "USERNAME_IS_ALREADY_TAKEN");
    assert_eq!(app.find_user("eve@example.com").await, None);
    for (name, available) in [("Ada", false), ("grace", true)] {
        let reply = app.anon().auth_post("/is-username-available", json!({"username": name})).await;
        assert_eq!(reply.ok(), json!({"available": available}));
    }
}

async fn a_name_changes_and_the_old_one_is_free(stack: Stack) {
    let app = app(stack).await;
    let (ada, _) = sign_up(&app, ADA, "ada").await;
    let grace = app.signed_up("grace@example.com").await;
    grace.auth_post("/update-user", json!({"username": "ada"})).await.refused(400, "USERNAME_IS_ALREADY_TAKEN");
    grace.auth_post("/update-user", json!({"displayUsername": "Grace"})).await.refused(400, "INVALID_USERNAME");
    ada.auth_post("/update-user", json!({"username": "lovelace", "displayUsername": "Lady L"})).await.ok();
    let user = &ada.session().await["user"];
    assert_eq!((&user["username"], &user["displayUsername"]), (&json!("lovelace"), &json!("Lady L")));
    grace.auth_post("/update-user", json!({"username": "ada"})).await.ok();
    sign_in(&app, "lovelace", PASSWORD).await.ok();
    assert_eq!(sign_in(&app, "ada", PASSWORD).await.ok()["user"]["email"], "grace@example.com");
}

async fn fixed_names_stay(stack: Stack) {
    let app = stack.app_with(|builder| builder.usernames(Config::default().fixed())).await;
    let (ada, _) = sign_up(&app, ADA, "ada").await;
    ada.auth_post("/update-user", json!({"username": "other"})).await.refused(400, "USERNAME_IS_IMMUTABLE");
    ada.auth_post("/update-user", json!({"displayUsername": "ADA"})).await.ok();
    // Whoever has none may choose one.
    let grace = app.signed_up("grace@example.com").await;
    grace.auth_post("/update-user", json!({"username": "grace"})).await.ok();
}

async fn whatever_is_wrong_gets_one_answer_and_one_amount_of_work(stack: Stack) {
    let app = app(stack).await;
    for (email, name) in [(ADA, "ada"), ("disabled@example.com", "disabled"), ("locked@example.com", "locked")] {
        sign_up(&app, email, name).await.1.ok();
    }
    auth_core::user::disable_user(&app.cx(), app.user_id("disabled@example.com").await).await.unwrap();
    for _ in 0..10 {
        sign_in(&app, "locked", "wrong").await;
    }
    let mut answers = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("ada", "wrong"), ("disabled", PASSWORD), ("locked", PASSWORD)] {
        app.tap().take_calls();
        let reply = sign_in(&app, name, password).await;
        reply.refused(401, "INVALID_USERNAME_OR_PASSWORD");
        answers.push((reply.essence(), app.tap().take_calls()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

async fn wrong_passwords_count_for_the_account_by_whatever_it_is_named(stack: Stack) {
    let app = app(stack).await;
    sign_up(&app, ADA, "ada").await.1.ok();
    for _ in 0..5 {
        sign_in(&app, "ada", "wrong").await.refused(401, "INVALID_USERNAME_OR_PASSWORD");
        app.anon().sign_in(ADA, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    sign_in(&app, "ada", PASSWORD).await.refused(401, "INVALID_USERNAME_OR_PASSWORD");
}

/// Else a leaked access token, or a moment at somebody's unlocked browser, would take their name.
async fn another_name_takes_a_fresh_session_and_another_spelling_does_not(stack: Stack) {
    let app = app(stack).await;
    let ada = sign_up(&app, ADA, "ada").await.0;
    app.advance(DAY);
    ada.auth_post("/update-user", json!({"username": "other"})).await.refused(403, "SESSION_NOT_FRESH");
    ada.auth_post("/update-user", json!({"username": "ada", "displayUsername": "ADA"})).await.ok();
    assert_eq!(ada.session().await["user"]["displayUsername"], "ADA");
    sign_in(&app, "ada", PASSWORD).await.ok();
}

async fn without_the_setting_a_name_is_nothing(stack: Stack) {
    let app = stack.app().await;
    let (ada, reply) = sign_up(&app, ADA, "x").await;
    assert_eq!(reply.ok()["user"].get("username"), None::<&Value>);
    ada.auth_post("/update-user", json!({"username": "ada"})).await.refused(400, "NO_FIELDS_TO_UPDATE");
    sign_in(&app, "ada", PASSWORD).await.nowhere();
}
