//! The same through the whole engine: requests that may succeed once, sent by many at once.

use auth_tests::{Actor, PASSWORD};
use serde_json::json;

use crate::stage::{Stage, address, together};
use crate::{RACERS, ROUNDS, on_each_store};

on_each_store![
    of_many_sign_ups_of_one_address_one_succeeds,
    of_many_sign_outs_of_one_session_one_is_told,
    of_many_changes_of_one_password_one_succeeds,
    of_many_deletions_of_one_user_one_is_told,
];

/// Somebody in so many browsers.
fn browsers(one: impl Fn() -> Actor) -> Vec<Actor> {
    (0..RACERS).map(|_| one()).collect()
}

async fn of_many_sign_ups_of_one_address_one_succeeds(stage: Stage) {
    let prepare = async |stage: &Stage, round| (address(round), browsers(|| stage.app.anon()));
    let sign_up =
        |_, (email, actors): (String, Vec<Actor>), racer: usize| async move { actors[racer].sign_up(&email).await };
    let settled = async |stage: &Stage, (email, actors): (String, Vec<Actor>), winner: usize| {
        let signed_in: Vec<_> = actors.iter().enumerate().filter(|(_, actor)| actor.cookie().is_some()).collect();
        assert_eq!(signed_in.iter().map(|(racer, _)| *racer).collect::<Vec<_>>(), [winner]);
        assert!(actors[winner].is_signed_in().await);
        assert_eq!(stage.app.sessions(&email).await.len(), 1);
        stage.app.signed_in(&email).await;
    };
    stage.one_wins(prepare, sign_up, settled).await;
}

/// Signing out says yes to whoever asks; the event tells whose request it was that ended the session.
async fn of_many_sign_outs_of_one_session_one_is_told(stage: Stage) {
    for round in 0..ROUNDS {
        let ada = stage.signed_up(round).await.actor;
        stage.app.events().take();
        let leaving = browsers(|| ada.copied()).into_iter().map(|actor| async move {
            actor.auth_post("/sign-out", json!({})).await.ok();
        });
        together(leaving).await;
        assert_eq!(stage.app.events().take(), ["signed_out"], "round {round}");
        assert!(!ada.is_signed_in().await);
    }
}

/// Each wants another password.
async fn of_many_changes_of_one_password_one_succeeds(stage: Stage) {
    let wanted = |racer: usize| format!("Marble-Falcon-Quiet-{racer}");
    let prepare = async |stage: &Stage, round| {
        let ada = stage.signed_up(round).await.actor;
        (address(round), browsers(|| ada.copied()))
    };
    let change = |_, (_, actors): (String, Vec<Actor>), racer: usize| async move {
        actors[racer].change_password(PASSWORD, &wanted(racer)).await
    };
    let settled = async |stage: &Stage, (email, actors): (String, Vec<Actor>), winner: usize| {
        let alive = actors[winner].is_signed_in().await;
        assert!(alive && stage.app.sessions(&email).await.len() == 1, "the winner's session alone goes on");
        let loser = (winner + 1) % RACERS;
        for (password, status) in [(wanted(winner), 200), (wanted(loser), 401), (PASSWORD.to_owned(), 401)] {
            assert_eq!(stage.app.anon().sign_in(&email, &password).await.status, status);
        }
    };
    stage.one_wins(prepare, change, settled).await;
}

/// Whoever comes to the store too late is told that the user is gone, which is what they wanted.
async fn of_many_deletions_of_one_user_one_is_told(stage: Stage) {
    for round in 0..ROUNDS {
        let ada = stage.signed_up(round).await.actor;
        stage.app.events().take();
        let leaving = browsers(|| ada.copied())
            .into_iter()
            .map(|actor| async move { actor.auth_post("/delete-user", json!({})).await.status.as_u16() });
        let statuses = together(leaving).await;
        assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
        assert_eq!(stage.app.events().take(), ["user_deleted"], "round {round}");
        assert!(!ada.is_signed_in().await);
        assert_eq!(stage.app.find_user(&address(round)).await, None);
    }
}
