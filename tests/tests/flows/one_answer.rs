//! Every wrong sign-in gets one answer, so that nobody learns who has an account, and why it is closed.

use auth_core::user;
use auth_tests::{PASSWORD, Stack, TestApp, flows};

use crate::sign_in::user_without_password;

flows![all_wrong_sign_ins_are_equal_byte_for_byte, all_wrong_sign_ins_ask_the_store_the_same];

const CASES: [(&str, &str); 6] = [
    ("nobody@example.com", PASSWORD),
    ("ada@example.com", "wrong"),
    ("locked@example.com", PASSWORD),
    ("disabled@example.com", PASSWORD),
    ("disabled@example.com", "wrong"),
    ("grace@example.com", PASSWORD),
];

/// Ada, somebody locked, somebody disabled, and Grace who has no password.
async fn cast(stack: Stack) -> TestApp {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    for email in ["locked@example.com", "disabled@example.com"] {
        app.signed_up(email).await;
    }
    for _ in 0..10 {
        app.anon().sign_in("locked@example.com", "wrong").await;
    }
    user::disable_user(&app.cx(), app.user_id("disabled@example.com").await).await.unwrap();
    user_without_password(&app, "grace@example.com").await;
    app
}

async fn all_wrong_sign_ins_are_equal_byte_for_byte(stack: Stack) {
    let app = cast(stack).await;
    let mut answers = Vec::new();
    for (email, password) in CASES {
        let reply = app.anon().sign_in(email, password).await;
        reply.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        answers.push((email, reply.essence()));
    }
    for (email, answer) in &answers {
        assert_eq!(answer, &answers[0].1, "{email}");
    }
}

async fn all_wrong_sign_ins_ask_the_store_the_same(stack: Stack) {
    let app = cast(stack).await;
    for (email, password) in CASES {
        app.tap().take_calls();
        app.anon().sign_in(email, password).await;
        let asked = app.tap().take_calls();
        assert_eq!(asked, ["raise_attempts", "sign_in_facts", "insert_audit"], "{email}");
    }
}
