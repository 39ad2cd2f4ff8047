//! Says which databases the tests have run on, for whoever reads their output. No harness: it would keep that to
//! itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test speaks by panicking")]

use std::env;

use auth_tests::servers::{Server, ServerDatabase};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if !is_asked_for() {
        return;
    }
    println!("\nengines these tests ran on:");
    say(&format!("SQLite {}", sqlite().await), "compiled in");
    // With CI=true, asking for one that is missing is the failure.
    for (server, name, variable) in
        [(Server::Postgres, "PostgreSQL", "TEST_POSTGRES_URL"), (Server::Mariadb, "MariaDB", "TEST_MYSQL_URL")]
    {
        match server.empty_database().await {
            Some(database) => {
                let source = if env::var_os(variable).is_some() { variable } else { "started" };
                say(&version(database).await, source);
            }
            None => say(name, "not available: skipped"),
        }
    }
    println!();
}

/// Whether the arguments, which are those of a harness, choose this one: no list is wanted, and every filter fits.
fn is_asked_for() -> bool {
    env::args()
        .skip(1)
        .all(|argument| argument != "--list" && (argument.starts_with('-') || "engines".contains(&argument)))
}

fn say(engine: &str, source: &str) {
    println!("  {engine:<20}({source})");
}

async fn sqlite() -> String {
    let mut sqlite = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut sqlite).await.unwrap()
}

/// Name and number, without what a distribution adds: `15.13 (Debian 15.13-0+deb12u1)`, `10.11.11-MariaDB-0+deb12u1`.
async fn version(database: ServerDatabase) -> String {
    let store = database.store().await;
    let (name, version) = match (store.postgres_pool(), store.mysql_pool()) {
        (Some(pool), _) => {
            let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(pool).await.unwrap();
            pool.close().await;
            ("PostgreSQL", version)
        }
        (_, Some(pool)) => {
            let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(pool).await.unwrap();
            pool.close().await;
            (if version.contains("MariaDB") { "MariaDB" } else { "MySQL" }, version)
        }
        (None, None) => panic!("neither PostgreSQL nor MySQL"),
    };
    database.remove().await;
    format!("{name} {}", version.split([' ', '-']).next().unwrap_or(&version))
}
