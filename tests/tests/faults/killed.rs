//! Connections that the server ends: by an administrator, by a failover, by a proxy that has seen nothing for long.

use std::time::Duration;

use auth_tests::{PASSWORD, Reply};

use crate::gate::Turn;
use crate::invariants::invariants;
use crate::world::World;
use crate::{Place, on_each_place};

on_each_place!(
    an_idle_connection_that_was_killed_is_noticed_after_rest,
    connections_that_were_killed_cost_one_answer_each,
    a_sign_up_whose_connection_is_killed_is_absent,
    a_sign_in_whose_connection_is_killed_is_absent,
    a_change_of_password_whose_connection_is_killed_is_absent,
);

const EMAIL: &str = "ada@example.com";
const NEW: &str = "Marble-Falcon-Quiet-77";

async fn an_idle_connection_that_was_killed_is_noticed_after_rest(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let token = world.signed_up(EMAIL).await;
    world.database.on_server().kill_connections().await;
    // The rest after which a connection is tested: the passing of time itself is what counts.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(world.me(&token).await.status, 200);
    assert_eq!(world.sign_in(EMAIL, PASSWORD).await.status, 200);
    invariants(&world).await;
}

async fn connections_that_were_killed_cost_one_answer_each(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let token = world.signed_up(EMAIL).await;
    world.replace_connections(&token).await;
    world.database.on_server().kill_connections().await;
    world.replace_connections(&token).await;
    invariants(&world).await;
}

/// Kills the connections while `act` is held at `turn`, in the middle of its transaction.
async fn killed_at(world: &World, turn: Turn, act: impl Future<Output = Reply>) {
    world.gate.close(turn);
    let (reply, ()) = tokio::join!(act, async {
        world.gate.arrived().await;
        world.database.on_server().kill_connections().await;
        world.gate.open();
    });
    reply.refused(503, "SERVICE_UNAVAILABLE");
}

async fn a_sign_up_whose_connection_is_killed_is_absent(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let somebody = world.signed_up("grace@example.com").await;
    killed_at(&world, Turn::SignUp, world.sign_up(EMAIL)).await;
    assert_eq!(world.database.number("SELECT count(*) FROM auth_user").await, 1);
    world.replace_connections(&somebody).await;
    let token = world.signed_up(EMAIL).await;
    assert_eq!(world.me(&token).await.status, 200);
    invariants(&world).await;
}

async fn a_sign_in_whose_connection_is_killed_is_absent(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let token = world.signed_up(EMAIL).await;
    killed_at(&world, Turn::SignIn, world.sign_in(EMAIL, PASSWORD)).await;
    assert_eq!(world.database.number("SELECT count(*) FROM auth_session").await, 1);
    world.replace_connections(&token).await;
    assert_eq!(world.sign_in(EMAIL, PASSWORD).await.status, 200);
    invariants(&world).await;
}

async fn a_change_of_password_whose_connection_is_killed_is_absent(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let token = world.signed_up(EMAIL).await;
    killed_at(&world, Turn::PasswordChange, world.change_password(EMAIL, &token, NEW)).await;
    world.replace_connections(&token).await;
    invariants(&world).await;
    let token = world.sign_in(EMAIL, PASSWORD).await.token();
    assert_eq!(world.change_password(EMAIL, &token, NEW).await.status, 200);
    invariants(&world).await;
}
