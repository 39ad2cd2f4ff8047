//! Few connections, and none left.

use std::time::{Duration, Instant};

use auth_core::crypto::password_hash::HashConfig;
use auth_tests::PASSWORD;
use futures_util::future::{OptionFuture, join_all};

use crate::gate::Turn;
use crate::invariants::invariants;
use crate::world::{CONNECTIONS, PATIENCE, World};
use crate::{Place, on_each_place, on_each_server};

on_each_place!(one_connection_is_enough);
on_each_server!(an_exhausted_pool_is_503_in_time_and_nothing_is_half_done);

const EMAIL: &str = "ada@example.com";

/// A request takes one connection at a time, and none while it hashes a password.
async fn one_connection_is_enough(place: Place) {
    let Some(database) = place.server.database().await else { return };
    let store = database.store_of(1).await;
    // It takes a moment, in which the test can look around.
    let hash = HashConfig::default().memory_kib(64 * 1024).iterations(6);
    let world = World::hashing(hash, place.transport, database, store).await;
    let token = world.signed_up(EMAIL).await;
    world.tap.take_calls();
    let (signed_in, ()) = tokio::join!(world.sign_in(EMAIL, PASSWORD), the_connection_is_free_for_the_hash(&world));
    let (again, once_more, guarded) =
        tokio::join!(world.sign_in(EMAIL, PASSWORD), world.sign_in(EMAIL, PASSWORD), world.me(&token));
    for reply in [signed_in, again, once_more, guarded] {
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert_eq!(world.sign_out(&token).await.status, 200);
    invariants(&world).await;
}

/// Takes the one connection when the stored hash has been read, and has it before the transaction of the sign-in.
async fn the_connection_is_free_for_the_hash(world: &World) {
    let mut calls = Vec::new();
    let begun = Instant::now();
    while !calls.contains(&"sign_in_facts") {
        assert!(begun.elapsed() < PATIENCE, "the stored hash was not asked for: {calls:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
        calls.extend(world.tap.take_calls());
    }
    let (postgres, mysql) = (world.store.postgres_pool(), world.store.mysql_pool());
    let (postgres, mysql) = (postgres.map(|pool| pool.acquire()), mysql.map(|pool| pool.acquire()));
    let taken = (OptionFuture::from(postgres).await, OptionFuture::from(mysql).await);
    assert!(matches!(taken, (Some(Ok(_)), None) | (None, Some(Ok(_)))), "{taken:?}");
    calls.extend(world.tap.take_calls());
    assert!(!calls.contains(&"begin"), "the connection was held for the hash");
}

/// The application shares the pool and has taken all of it.
async fn an_exhausted_pool_is_503_in_time_and_nothing_is_half_done(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let token = world.signed_up(EMAIL).await;
    // One request is in its transaction already: it has what it needs.
    world.gate.close(Turn::SignUp);
    let (reply, ()) = tokio::join!(world.sign_up("grace@example.com"), async {
        world.gate.arrived().await;
        let begun = Instant::now();
        // What the application holds: all but the one of the request above.
        let (postgres, mysql) = (world.store.postgres_pool(), world.store.mysql_pool());
        let postgres = join_all(postgres.iter().flat_map(|pool| (1..CONNECTIONS).map(|_| pool.acquire()))).await;
        let mysql = join_all(mysql.iter().flat_map(|pool| (1..CONNECTIONS).map(|_| pool.acquire()))).await;
        assert_eq!(postgres.iter().flatten().count() + mysql.iter().flatten().count(), CONNECTIONS - 1);
        let (guarded, signed_up, signed_in, signed_out) = tokio::join!(
            world.me(&token),
            world.sign_up("joan@example.com"),
            world.sign_in(EMAIL, PASSWORD),
            world.sign_out(&token),
        );
        for reply in [guarded, signed_up, signed_in, signed_out] {
            reply.refused(503, "SERVICE_UNAVAILABLE");
        }
        assert!(begun.elapsed() >= PATIENCE - Duration::from_millis(100), "they waited for their turn");
        world.gate.open();
    });
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(world.database.number("SELECT count(*) FROM auth_user").await, 2);
    assert_eq!(world.me(&token).await.status, 200);
    invariants(&world).await;
}
