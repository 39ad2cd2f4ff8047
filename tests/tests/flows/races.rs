//! What happens at the same time, over a database with several connections.

use std::time::Duration;

use auth_core::session;
use auth_tests::{Actor, PASSWORD, Stack, database_flows};
use futures_util::future::join_all;
use serde_json::json;

database_flows![
    of_32_identical_sign_ups_one_succeeds,
    no_session_from_the_old_password_survives_its_change,
    of_two_changes_of_one_password_one_succeeds,
    a_session_that_is_ended_under_way_stays_ended,
    the_cap_holds_when_everybody_signs_in_at_once,
    guesses_made_at_once_are_all_counted,
];

const NEW: &str = "Marble-Falcon-Quiet-77";

async fn of_32_identical_sign_ups_one_succeeds(stack: Stack) {
    let app = stack.app().await;
    let replies =
        join_all((0..32).map(|_| spawn(app.anon(), |actor| async move { actor.sign_up("ada@example.com").await })))
            .await;
    let (mut won, mut taken) = (0, 0);
    for reply in &replies {
        match reply.status.as_u16() {
            200 => won += 1,
            _ => {
                reply.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
                taken += 1;
            }
        }
    }
    assert_eq!((won, taken), (1, 31), "{stack:?}");
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

/// Runs on another thread, so that requests really meet.
fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    actor: Actor,
    act: impl FnOnce(Actor) -> F,
) -> impl Future<Output = T> {
    let running = tokio::spawn(act(actor));
    async { running.await.unwrap() }
}

/// Whoever signs in with the old password while it is being changed must not keep a session from it.
async fn no_session_from_the_old_password_survives_its_change(stack: Stack) {
    for round in 0..4 {
        let (app, ada) = stack.signed_up("ada@example.com").await;
        let thieves: Vec<Actor> = (0..6).map(|_| app.anon()).collect();
        let signing_in = thieves.iter().map(|thief| {
            spawn(thief.clone(), move |thief| async move {
                // Some come before the change, some after, some in the middle.
                tokio::task::yield_now().await;
                thief.sign_in("ada@example.com", PASSWORD).await
            })
        });
        let signing_in: Vec<_> = signing_in.collect();
        let changed = spawn(ada.clone(), |ada| async move { ada.change_password(PASSWORD, NEW).await }).await;
        changed.ok();
        for reply in join_all(signing_in).await {
            assert!([200, 401].contains(&reply.status.as_u16()), "{}", reply.text());
        }
        for thief in &thieves {
            assert!(!thief.is_signed_in().await, "{stack:?}, round {round}");
        }
        assert!(ada.is_signed_in().await);
        assert_eq!(app.sessions("ada@example.com").await.len(), 1);
    }
}

async fn of_two_changes_of_one_password_one_succeeds(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let phone = app.signed_in("ada@example.com").await;
    let (first, second) = tokio::join!(ada.change_password(PASSWORD, NEW), phone.change_password(PASSWORD, NEW));
    let won = [&first, &second].iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1, "{} {}", first.text(), second.text());
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
    app.anon().sign_in("ada@example.com", NEW).await.ok();
}

/// Requests that run while a session is being ended see it alive or dead, and dead for ever after.
async fn a_session_that_is_ended_under_way_stays_ended(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let phone = app.signed_in("ada@example.com").await;
    // Every use would like to slide the session.
    app.advance(Duration::from_hours(25));
    let using: Vec<_> = (0..16)
        .map(|_| {
            spawn(phone.copied(), |phone| async move {
                let mut died = false;
                for _ in 0..8 {
                    let alive = phone.is_signed_in().await;
                    assert!(!(died && alive), "a dead session came back");
                    died |= !alive;
                }
            })
        })
        .collect();
    let ended = spawn(ada, |ada| async move { ada.auth_post("/revoke-other-sessions", json!({})).await }).await;
    ended.ok();
    assert!(!phone.copied().is_signed_in().await, "at once");
    join_all(using).await;
    assert!(!phone.is_signed_in().await);
    assert_eq!(app.sessions("ada@example.com").await.len(), 1);
}

async fn the_cap_holds_when_everybody_signs_in_at_once(stack: Stack) {
    let limited = |builder: auth_core::AuthBuilder| builder.session(session::Config::default().max_per_user(3));
    let app = stack.app_with(limited).await;
    app.signed_up("ada@example.com").await;
    let signing_in = (0..12).map(|_| {
        spawn(app.anon(), |actor| async move { actor.sign_in("ada@example.com", PASSWORD).await.status.as_u16() })
    });
    let statuses = join_all(signing_in.collect::<Vec<_>>()).await;
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    assert!(app.sessions("ada@example.com").await.len() <= 3);
}

async fn guesses_made_at_once_are_all_counted(stack: Stack) {
    let (app, _ada) = stack.signed_up("ada@example.com").await;
    let guesses = (0..30).map(|_| {
        spawn(app.anon(), |actor| async move { actor.sign_in("ada@example.com", "wrong").await.status.as_u16() })
    });
    let statuses = join_all(guesses.collect::<Vec<_>>()).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    // Had the counter lost guesses, the right password would open the door now.
    app.anon().sign_in("ada@example.com", PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}
