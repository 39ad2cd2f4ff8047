//! What becomes of requests when the database fails: whatever was acknowledged holds, whatever was not is whole or
//! absent, and nobody waits for ever.
//!
//! Each module is a fault. A [`World`](world::World) is an application over a database that can be broken, with the
//! settings of `SqlStore::connect`; its [`Ledger`](ledger::Ledger) keeps what clients were told, and
//! [`invariants`](invariants::invariants) compares that with what is there once the fault is over.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test speaks by panicking")]

mod gate;
mod invariants;
mod ledger;
mod proxy;
mod reached;
mod world;

mod crash;
mod cut;
mod disk;
mod killed;
mod locks;
mod lost;
mod pool;
mod stopped;

use auth_tests::TransportKind;
use auth_tests::servers::Server;

/// What a test runs on.
#[derive(Clone, Copy, Debug)]
struct Place {
    server: Server,
    transport: TransportKind,
}

/// Runs each of them, an `async fn(Place)`, on every server through both adapters.
macro_rules! on_each_place {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            $crate::on_each_place!(@tests $test,
                postgres_axum Postgres Axum, postgres_actix Postgres Actix,
                mariadb_axum Mariadb Axum, mariadb_actix Mariadb Actix);
        }
    )+};
    (@tests $test:ident, $($name:ident $server:ident $transport:ident),+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let server = auth_tests::servers::Server::$server;
            let transport = auth_tests::TransportKind::$transport;
            super::$test($crate::Place { server, transport }).await;
        }
    )+};
}
use on_each_place;

/// The same for faults that have to be waited for: both adapters at a time.
macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::through_both_adapters(auth_tests::servers::Server::Postgres, super::$test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                $crate::through_both_adapters(auth_tests::servers::Server::Mariadb, super::$test).await;
            }
        }
    )+};
}
use on_each_server;

async fn through_both_adapters<F>(server: Server, test: fn(Place) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = [TransportKind::Axum, TransportKind::Actix].map(|transport| Place { server, transport });
    let running = places.map(|place| (place, tokio::spawn(test(place))));
    for (place, running) in running {
        assert!(running.await.is_ok(), "{place:?} failed: see above");
    }
}
