//! Locks that somebody else holds for too long, and two who wait for each other.

use std::time::{Duration, Instant};

use auth_tests::PASSWORD;
use auth_tests::servers::{Server, ServerDatabase};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::gate::Turn;
use crate::invariants::invariants;
use crate::reached::Reached;
use crate::world::{ANSWER, MARGIN, PATIENCE, World};
use crate::{Place, on_each_place, on_each_server};

on_each_place!(a_transaction_that_ends_a_deadlock_is_absent);
on_each_server!(a_lock_that_is_held_too_long_is_503_and_changes_nothing);

const EMAIL: &str = "ada@example.com";
const NEW: &str = "Marble-Falcon-Quiet-77";

/// Somebody else at work in the same database.
enum Other {
    Postgres(PgConnection),
    Mariadb(MySqlConnection),
}

impl Other {
    async fn to(server: Server, database: &ServerDatabase) -> Self {
        match server {
            Server::Postgres => Self::Postgres(PgConnection::connect(database.url()).await.unwrap()),
            Server::Mariadb => Self::Mariadb(MySqlConnection::connect(database.url()).await.unwrap()),
        }
    }

    async fn run(&mut self, statements: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        match self {
            Self::Postgres(postgres) => statements.execute(postgres).await.map(drop).unwrap(),
            Self::Mariadb(mysql) => statements.execute(mysql).await.map(drop).unwrap(),
        }
    }
}

async fn a_lock_that_is_held_too_long_is_503_and_changes_nothing(place: Place) {
    let Some(world) = World::at(place).await else { return };
    // With PostgreSQL those who wait wait for each other first, and then for the lock.
    let world = world.answering_within(ANSWER + MARGIN);
    let token = world.signed_up(EMAIL).await;
    let mut other = Other::to(place.server, world.database.on_server()).await;
    other.run("BEGIN").await;
    other.run(&format!("SELECT id FROM auth_user WHERE email = '{EMAIL}' FOR UPDATE")).await;

    let begun = Instant::now();
    let (signed_in, changed, guarded) = tokio::join!(
        world.sign_in(EMAIL, PASSWORD),
        world.change_password(EMAIL, &token, NEW),
        // A look-up locks nothing and waits for nobody.
        world.me(&token),
    );
    assert!(begun.elapsed() >= PATIENCE - Duration::from_millis(100), "they waited for the lock");
    signed_in.refused(503, "SERVICE_UNAVAILABLE");
    changed.refused(503, "SERVICE_UNAVAILABLE");
    assert_eq!(guarded.status, 200);
    other.run("ROLLBACK").await;

    assert_eq!(world.database.number("SELECT count(*) FROM auth_session").await, 1);
    assert_eq!(world.database.number("SELECT credential_version FROM auth_user").await, 0);
    assert_eq!(world.me(&token).await.status, 200);
    invariants(&world).await;
}

/// SQLite has one lock for all who write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_locked_too_long_is_503_and_changes_nothing() {
    let world = World::over_sqlite().await;
    let token = world.signed_up(EMAIL).await;
    let Reached::Sqlite(file) = &world.database else { panic!("it is over SQLite") };
    let mut other = file.connect().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (signed_in, signed_out, guarded) =
        tokio::join!(world.sign_in(EMAIL, PASSWORD), world.sign_out(&token), world.me(&token));
    signed_in.refused(503, "SERVICE_UNAVAILABLE");
    signed_out.refused(503, "SERVICE_UNAVAILABLE");
    assert_eq!(guarded.status, 200);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(world.me(&token).await.status, 200);
    invariants(&world).await;
}

/// The lock that the hook of an application asks for belongs to somebody who waits for ours.
async fn a_transaction_that_ends_a_deadlock_is_absent(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let token = world.signed_up(EMAIL).await;
    world.database.on_server().run("CREATE TABLE ledger (id int PRIMARY KEY, paid int NOT NULL)").await.unwrap();
    let mut other = Other::to(place.server, world.database.on_server()).await;
    match place.server {
        // Whoever looks for deadlocks first is the one to go.
        Server::Postgres => other.run("SET deadlock_timeout = '30s'").await,
        // Whoever has changed less is.
        Server::Mariadb => {}
    }
    other.run("BEGIN").await;
    let rows: Vec<_> = (0..100).map(|id| format!("({id}, 0)")).collect();
    other.run(&format!("INSERT INTO ledger VALUES {}", rows.join(", "))).await;

    world.gate.close_then(Turn::SignIn, "INSERT INTO ledger VALUES (7, 1)");
    let (reply, ()) = tokio::join!(world.sign_in(EMAIL, PASSWORD), async {
        world.gate.arrived().await;
        world.gate.open();
        // It waits for the lock of the sign-in, which waits for it.
        let update = format!("UPDATE auth_user SET updated_at = updated_at + 1 WHERE email = '{EMAIL}'");
        other.run(&update).await;
    });
    reply.refused(503, "SERVICE_UNAVAILABLE");
    other.run("COMMIT").await;

    assert_eq!(world.database.number("SELECT count(*) FROM ledger WHERE paid = 1").await, 0);
    assert_eq!(world.database.number("SELECT count(*) FROM auth_session").await, 1);
    assert_eq!(world.me(&token).await.status, 200);
    invariants(&world).await;
}
