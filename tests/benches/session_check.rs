//! What checking a session costs when a thousand are stored, and when a million are.
//!
//! `cargo bench -p auth-tests --bench session_check` fills SQLite, PostgreSQL and MariaDB, those that are installed,
//! and prints one Markdown table. The two sizes take turns in short rounds within one run; every check asks for another
//! session, drawn from all of them. The time should grow by less than half.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

use std::time::Instant;

use auth_core::store::Store;
use auth_sqlx::SqlStore;
use auth_tests::filled;
use auth_tests::servers::{Server, ServerDatabase};
use tempfile::TempDir;

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const MOST_GROWTH: f64 = 1.5;

/// Rounds that are not measured: until most of what is stored has been looked at once.
const WARMING: usize = 150;
const ROUNDS: usize = 41;
const CHECKS: usize = 800;
/// Requests under way. With one alone, a machine that falls asleep between question and answer is what is measured.
const AT_ONCE: usize = 8;

/// A database of each size, and what keeps them there.
struct Pair {
    engine: &'static str,
    few: SqlStore,
    many: SqlStore,
    _kept: Kept,
}

enum Kept {
    File { _directory: TempDir },
    Server { _databases: [ServerDatabase; 2] },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    println!("| database | with {FEW} sessions | with {MANY} | growth | aim |\n|---|---|---|---|---|");
    measure(sqlite().await).await;
    for (server, engine) in [(Server::Postgres, "PostgreSQL"), (Server::Mariadb, "MariaDB")] {
        if let Some(pair) = on(server, engine).await {
            measure(pair).await;
        }
    }
}

async fn sqlite() -> Pair {
    let directory = TempDir::new().unwrap();
    let open = async |sessions: u32| {
        filled(&format!("sqlite://{}?mode=rwc", directory.path().join(format!("{sessions}.db")).display()), sessions)
            .await
    };
    let (few, many) = (open(FEW).await, open(MANY).await);
    Pair { engine: "SQLite", few, many, _kept: Kept::File { _directory: directory } }
}

async fn on(server: Server, engine: &'static str) -> Option<Pair> {
    let databases = [server.empty_database().await?, server.empty_database().await?];
    // On a server that is somebody's, its settings are theirs.
    if server == Server::Mariadb && std::env::var_os("TEST_MYSQL_URL").is_none() {
        // The default of 128 MiB holds no million sessions; what would be measured is the disk.
        databases[0].run("SET GLOBAL innodb_buffer_pool_size = 1024 * 1024 * 1024").await.unwrap();
    }
    let (few, many) = (filled(databases[0].url(), FEW).await, filled(databases[1].url(), MANY).await);
    Some(Pair { engine, few, many, _kept: Kept::Server { _databases: databases } })
}

async fn filled(url: &str, sessions: u32) -> SqlStore {
    let store = SqlStore::connect(url).await.unwrap();
    auth_sqlx::migrate(&store).await.unwrap();
    filled::fill(&store, sessions).await;
    store
}

async fn measure(Pair { engine, few, many, _kept }: Pair) {
    let mut growths = Vec::with_capacity(ROUNDS);
    let (mut few_times, mut many_times) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..WARMING {
        microseconds(&few, FEW).await;
        microseconds(&many, MANY).await;
    }
    for _ in 0..ROUNDS {
        let times = (microseconds(&few, FEW).await, microseconds(&many, MANY).await);
        few_times.push(times.0);
        many_times.push(times.1);
        growths.push(times.1 / times.0);
    }
    let growth = median(growths);
    let verdict = if growth < MOST_GROWTH { "met" } else { "**missed**" };
    let (few, many) = (median(few_times), median(many_times));
    println!("| {engine} | {few:.0} µs | {many:.0} µs | {growth:.2} × | < {MOST_GROWTH} ×: {verdict} |");
}

/// Of one check, on average over a round: the time of the round by the number of its checks.
async fn microseconds(store: &SqlStore, sessions: u32) -> f64 {
    let begun = Instant::now();
    let asking = (0..AT_ONCE).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..CHECKS / AT_ONCE {
                let hash = filled::token_hash(fastrand::u32(1..=sessions));
                assert!(store.conn().session_by_token(&hash).await.unwrap().is_some(), "a session is missing");
            }
        })
    });
    for asking in asking.collect::<Vec<_>>() {
        asking.await.unwrap();
    }
    begun.elapsed().as_secs_f64() * 1e6 / CHECKS as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}
