//! The server itself stops, and comes back over the same data; or it stands still.

use std::time::Duration;

use auth_sqlx::SqlStore;
use auth_tests::servers::Server;
use auth_tests::{PASSWORD, TransportKind};
use futures_util::future::join_all;

use crate::gate::Turn;
use crate::invariants::invariants;
use crate::world::{ANSWER, MARGIN, PATIENCE, World};

const EMAIL: &str = "ada@example.com";

/// How long a pool may take to see that the server is back: it tries a new connection at least once a second.
const RETURN: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_stopped_and_halted() {
    is_stopped_and_halted(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_stopped_and_halted() {
    is_stopped_and_halted(Server::Mariadb).await;
}

/// A server for each kind of fault and adapter would take minutes to make: they share one, which each leaves well.
async fn is_stopped_and_halted(server: Server) {
    let Some(own) = server.of_its_own(&[]).await else { return };
    let mut worlds = Vec::new();
    for transport in [TransportKind::Axum, TransportKind::Actix] {
        let database = own.database().await;
        let store = SqlStore::connect(database.url()).await.unwrap();
        worlds.push(World::over(transport, database, store).await.answering_within(PATIENCE + ANSWER + MARGIN));
    }
    let mut tokens = Vec::new();
    for world in &worlds {
        tokens.push(world.signed_up(EMAIL).await);
    }

    own.stop();
    nobody_is_served(&worlds, &tokens).await;
    own.start().await;
    everybody_is_served(&worlds, &tokens).await;

    // Stopped in the middle of a transaction.
    for world in &worlds {
        world.gate.close(Turn::SignIn);
    }
    let (replies, ()) = tokio::join!(join_all(worlds.iter().map(|world| world.sign_in(EMAIL, PASSWORD))), async {
        for world in &worlds {
            world.gate.arrived().await;
        }
        own.stop();
        worlds.iter().for_each(|world| world.gate.open());
    });
    assert!(replies.iter().all(|reply| reply.status == 503), "{replies:?}");
    own.start().await;
    everybody_is_served(&worlds, &tokens).await;

    // Halted, it keeps its connections and answers none of them.
    own.halt();
    nobody_is_served(&worlds, &tokens).await;
    own.resume();
    everybody_is_served(&worlds, &tokens).await;
    for world in &worlds {
        invariants(world).await;
    }
}

/// Whatever needs the database is 503, at the same time and within bounds; nobody loses a cookie by it.
async fn nobody_is_served(worlds: &[World], tokens: &[String]) {
    join_all(worlds.iter().zip(tokens).map(|(world, token)| async move {
        let (guarded, signed_up, signed_in, signed_out) = tokio::join!(
            world.me(token),
            world.sign_up("grace@example.com"),
            world.sign_in(EMAIL, PASSWORD),
            world.sign_out(token),
        );
        for reply in [guarded, signed_up, signed_in, signed_out] {
            reply.refused(503, "SERVICE_UNAVAILABLE");
        }
        // What needs no database goes on.
        world.app.anon().get("/products").await.ok();
        world.app.anon().get("/me").await.refused(401, "UNAUTHORIZED");
    }))
    .await;
}

/// The same engine serves again, without having been restarted.
async fn everybody_is_served(worlds: &[World], tokens: &[String]) {
    for (world, token) in worlds.iter().zip(tokens) {
        tokio::time::timeout(RETURN, world.replace_connections(token)).await.expect("it serves again");
        assert_eq!(world.sign_in(EMAIL, PASSWORD).await.status, 200);
    }
}
