//! Nobody answers, and nobody says so: a server without power, a client that does not wait.

use auth_tests::PASSWORD;
use futures_util::future::join_all;

use crate::gate::Turn;
use crate::invariants::invariants;
use crate::proxy::{Order, Proxy, Statement};
use crate::world::{ANSWER, CONNECTIONS, MARGIN, PATIENCE, World};
use crate::{Place, on_each_server};

on_each_server!(
    a_server_that_is_lost_is_503_within_bounds_and_its_successor_serves,
    a_transaction_whose_server_is_lost_is_absent,
    a_client_that_does_not_wait_leaves_nothing_open,
);

const EMAIL: &str = "ada@example.com";

/// Every connection of the pool can be had: none hangs on a line that is dead.
async fn all_connections_are_free(world: &World) {
    let within = ANSWER + PATIENCE + MARGIN;
    if let Some(pool) = world.store.postgres_pool() {
        let all = join_all((0..CONNECTIONS).map(|_| pool.acquire()));
        let all = tokio::time::timeout(within, all).await.unwrap();
        assert!(all.iter().all(Result::is_ok), "a connection hangs");
    }
    if let Some(pool) = world.store.mysql_pool() {
        let all = join_all((0..CONNECTIONS).map(|_| pool.acquire()));
        let all = tokio::time::timeout(within, all).await.unwrap();
        assert!(all.iter().all(Result::is_ok), "a connection hangs");
    }
}

async fn a_server_that_is_lost_is_503_within_bounds_and_its_successor_serves(place: Place) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    let world = world.answering_within(ANSWER + MARGIN);
    let token = world.signed_up(EMAIL).await;
    world.replace_connections(&token).await;
    proxy.lose_connections();
    world.replace_connections(&token).await;
    all_connections_are_free(&world).await;
    invariants(&world).await;
}

async fn a_transaction_whose_server_is_lost_is_absent(place: Place) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    let world = world.answering_within(ANSWER + MARGIN);
    let token = world.signed_up(EMAIL).await;
    world.gate.close(Turn::SignIn);
    let (reply, ()) = tokio::join!(world.sign_in(EMAIL, PASSWORD), async {
        world.gate.arrived().await;
        proxy.lose_connections();
        world.gate.open();
    });
    reply.refused(503, "SERVICE_UNAVAILABLE");
    // The server learns of it from its own network, or from an administrator.
    world.database.on_server().kill_connections().await;
    world.replace_connections(&token).await;
    assert_eq!(world.database.number("SELECT count(*) FROM auth_session").await, 1);
    all_connections_are_free(&world).await;
    invariants(&world).await;
}

/// A framework drops what it was doing for a client that has gone, wherever that was.
async fn a_client_that_does_not_wait_leaves_nothing_open(place: Place) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    world.signed_up(EMAIL).await;
    for (statement, email) in [(Statement::Begin, "grace@example.com"), (Statement::Commit, "joan@example.com")] {
        proxy.order(statement, Order::Hold);
        tokio::select! {
            reply = world.sign_up(email) => panic!("{}", reply.status),
            () = proxy.held() => {}
        }
        world.ledger.lock().unwrap().signed_up(email, None);
        proxy.release();
    }
    invariants(&world).await;
}
