//! What has no use any more is removed, and nothing else.

use std::time::Duration;

use auth_core::base::{SeededRandom, SigningKeyId, Timestamp, Token, TokenKind};
use auth_core::code::{CodePurpose, CodeSubject, StoredCode};
use auth_core::retention::{Config, prune, prune_regularly};
use auth_core::store::Store;
use auth_core::token::StoredSigningKey;
use auth_tests::{PASSWORD, Stack, TestApp, flows};

use crate::DAY;

const PATIENCE: Duration = Duration::from_secs(30);

flows![
    what_has_expired_is_removed_in_batches,
    the_audit_trail_is_kept_unless_it_is_said_for_how_long,
    an_entry_of_the_trail_goes_after_its_retention,
    a_store_that_is_down_is_an_error,
    the_regular_task_goes_on_after_an_outage,
];

fn in_small_batches() -> Config {
    Config::default().batch(2).pause(Duration::ZERO)
}

async fn what_has_expired_is_removed_in_batches(stack: Stack) {
    let app = stack.app_with(|builder| builder.retention(in_small_batches())).await;
    let old = app.signed_up("ada@example.com").await;
    for _ in 0..4 {
        app.signed_in("ada@example.com").await;
    }
    app.anon().sign_in("nobody@example.com", "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.advance(8 * DAY);
    let young = app.signed_in("ada@example.com").await;
    let (code, key) = expired_for_a_day(&app).await;
    let pruned = prune(&app.cx()).await.unwrap();
    assert_eq!(pruned.sessions, 5);
    assert!(pruned.attempts >= 1, "the counter of an account that nobody has tried again: {pruned:?}");
    assert_eq!((pruned.codes, pruned.signing_keys, pruned.audit), (1, 1, 0));
    let before = Timestamp::from_micros(0);
    assert!(!app.store().conn().consume_code(code.purpose, &code.hash, before).await.unwrap());
    assert!(!app.store().conn().signing_keys(before).await.unwrap().iter().any(|other| other.id == key.id));
    assert!(young.is_signed_in().await);
    assert!(!old.is_signed_in().await);
    let again = prune(&app.cx()).await.unwrap();
    assert_eq!((again.sessions, again.attempts, again.audit), (0, 0, 0));
    app.signed_in("ada@example.com").await;
}

/// A code of the user and a signing key that have been of no use for exactly a day.
async fn expired_for_a_day(app: &TestApp) -> (StoredCode, StoredSigningKey) {
    let (cx, random) = (app.cx(), SeededRandom::predictable(7));
    let expired = cx.now().minus(DAY);
    let user = app.user_id("ada@example.com").await;
    let code = StoredCode {
        hash: Token::random(TokenKind::OneTime, &random).hash(),
        purpose: CodePurpose::OneTimeToken,
        subject: CodeSubject::from(user),
        user_id: Some(user),
        session_id: None,
        binding: None,
        attempts: 0,
        created_at: expired,
        expires_at: expired,
    };
    assert!(app.store().conn().put_code(&code).await.unwrap());
    let key = StoredSigningKey {
        id: SigningKeyId::new(expired, &random),
        algorithm: "EdDSA".to_owned(),
        generation: 1,
        public_jwk: "{}".to_owned(),
        sealed_private: vec![1],
        created_at: expired,
        signs_from: expired,
        signs_until: expired,
        verifies_until: expired,
    };
    app.store().conn().insert_signing_key(&key).await.unwrap();
    (code, key)
}

async fn the_audit_trail_is_kept_unless_it_is_said_for_how_long(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let user = app.user_id("ada@example.com").await;
    let before = app.audit(user).await.len();
    app.advance(10_000 * DAY);
    prune(&app.cx()).await.unwrap();
    assert_eq!(app.audit(user).await.len(), before);
}

async fn an_entry_of_the_trail_goes_after_its_retention(stack: Stack) {
    let app = stack.app_with(|builder| builder.retention(in_small_batches().audit(30 * DAY))).await;
    app.signed_up("ada@example.com").await;
    let user = app.user_id("ada@example.com").await;
    app.advance(20 * DAY);
    app.signed_in("ada@example.com").await;
    app.advance(10 * DAY + Duration::from_millis(1));
    // Signing up left two entries: the user, and their first session.
    assert_eq!(prune(&app.cx()).await.unwrap().audit, 2);
    let left: Vec<_> = app.audit(user).await.into_iter().map(|entry| entry.action).collect();
    assert_eq!(left, ["signed_in"]);
}

async fn a_store_that_is_down_is_an_error(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.tap().die_after(0);
    assert_eq!(prune(&app.cx()).await.unwrap_err().code(), "SERVICE_UNAVAILABLE");
    app.tap().revive();
    assert!(ada.is_signed_in().await);
}

async fn the_regular_task_goes_on_after_an_outage(stack: Stack) {
    let app = stack.app_with(|builder| builder.retention(Config::default().interval(Duration::from_secs(1)))).await;
    app.signed_up("ada@example.com").await;
    app.advance(8 * DAY);
    app.tap().take_calls();
    app.tap().die_after(0);
    let task = tokio::spawn(prune_regularly(app.auth().clone()));
    let until = async |is_there: fn(&[&str]) -> bool| {
        while !is_there(&app.tap().take_calls()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, until(|calls| !calls.is_empty())).await.expect("it has not begun");
    app.tap().revive();
    let finished = until(|calls| calls.contains(&"prune_attempts"));
    tokio::time::timeout(PATIENCE, finished).await.expect("it has not gone on");
    task.abort();
    assert_eq!(prune(&app.cx()).await.unwrap().sessions, 0, "the task has removed them");
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}
