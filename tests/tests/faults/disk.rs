//! The disk is full.
//!
//! A server has its data on a disk of its own then, which needs the right to mount one: where that is refused, the test
//! skips and says so, in CI too, for it is the machine's to decide. SQLite takes a limit of its own, so that one of
//! them always runs.

use auth_sqlx::SqlStore;
use auth_tests::servers::{OwnServer, Server};
use auth_tests::{PASSWORD, TransportKind};
use futures_util::future::join_all;
use sqlx::AssertSqlSafe;

use crate::invariants::invariants;
use crate::world::{ANSWER, MARGIN, PATIENCE, World};

/// More sign-ups than any of the disks has room for.
const MANY: usize = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_loses_nothing_when_its_disk_is_full() {
    loses_nothing(Server::Postgres, 160, &["-c", "min_wal_size=32MB", "-c", "max_wal_size=32MB"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_loses_nothing_when_its_disk_is_full() {
    loses_nothing(Server::Mariadb, 300, &[]).await;
}

async fn loses_nothing(server: Server, megabytes: u32, arguments: &[&str]) {
    let Some(own) = server.of_its_own_on_disk(megabytes, arguments).await else { return };
    let database = own.database().await;
    let store = SqlStore::connect(database.url()).await.unwrap();
    let world = World::over(TransportKind::Axum, database, store).await.answering_within(PATIENCE + ANSWER + MARGIN);
    let token = world.signed_up("ada@example.com").await;
    own.fill_disk();
    until_it_is_full(&world, &token).await;
    own.free_disk();
    recover(&own).await;
    world.replace_connections(&token).await;
    assert_eq!(world.sign_up("grace@example.com").await.status, 200);
    invariants(&world).await;
}

/// A server that has given up is started again; one that goes on may be left alone.
async fn recover(own: &OwnServer) {
    if !own.is_running() {
        own.stop();
        own.start().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_loses_nothing_when_its_disk_is_full() {
    let world = World::over_sqlite().await;
    let token = world.signed_up("ada@example.com").await;
    limit_pages(&world.store, "(SELECT page_count + 4 FROM pragma_page_count)").await;
    until_it_is_full(&world, &token).await;
    // Nobody who reads needs room.
    assert_eq!(world.me(&token).await.status, 200);
    limit_pages(&world.store, "1000000").await;
    assert_eq!(world.sign_up("grace@example.com").await.status, 200);
    invariants(&world).await;
}

/// The limit belongs to a connection, so each of the pool gets it.
async fn limit_pages(store: &SqlStore, limit: &str) {
    let pool = store.sqlite_pool().unwrap();
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT {limit}"))).fetch_one(pool).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {count}");
    for connection in join_all((0..8).map(|_| pool.acquire())).await {
        sqlx::raw_sql(AssertSqlSafe(limit.clone())).execute(&mut *connection.unwrap()).await.unwrap();
    }
}

/// Signs up until there is no room, and looks at everything else then: it is 503, or true.
async fn until_it_is_full(world: &World, token: &str) {
    for n in 0.. {
        assert!(n < MANY, "the disk does not fill");
        if world.sign_up(&format!("user{n}@example.com")).await.status == 503 {
            break;
        }
    }
    for n in 0..3 {
        world.sign_up(&format!("full{n}@example.com")).await;
        world.sign_in("ada@example.com", PASSWORD).await;
        let guarded = world.me(token).await;
        assert!([200, 503].contains(&guarded.status.as_u16()), "{}", guarded.text());
    }
}
