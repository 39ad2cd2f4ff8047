//! Few connections, and none left.

use std::time::{Duration, Instant};

use auth_tests::PASSWORD;
use futures_util::future::join_all;

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
    let world = World::over(place.transport, database, store).await;
    let token = world.signed_up(EMAIL).await;
    let (signed_in, again, guarded, signed_up) = tokio::join!(
        world.sign_in(EMAIL, PASSWORD),
        world.sign_in(EMAIL, PASSWORD),
        world.me(&token),
        world.sign_up("grace@example.com"),
    );
    for reply in [signed_in, again, guarded, signed_up] {
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let changed = world.change_password(EMAIL, &token, "Marble-Falcon-Quiet-77").await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(world.sign_out(&changed.token()).await.status, 200);
    invariants(&world).await;
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
