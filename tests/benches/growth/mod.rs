//! What a look-up costs when a thousand rows are stored, and when a million are.
//!
//! SQLite, PostgreSQL and MariaDB are filled, those that are installed, and one Markdown table is printed. The two
//! sizes take turns in short rounds within one run; every look-up asks for another row, drawn from all of them. The
//! time should grow by less than half.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

use std::future::Future;
use std::time::Instant;

use auth_sqlx::SqlStore;
use auth_tests::servers::{Server, ServerDatabase};
use tempfile::TempDir;

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const MOST_GROWTH: f64 = 1.5;

/// Rounds that are not measured: until most of what is stored has been looked at once.
const WARMING: usize = 150;
const ROUNDS: usize = 41;
const LOOK_UPS: usize = 800;
/// Requests under way. With one alone, a machine that falls asleep between question and answer is what is measured.
const AT_ONCE: usize = 8;

/// A question to the store about one of many rows, which are numbered from 1 on.
pub(crate) trait LookUp {
    /// What the rows are, in the plural.
    const ROWS: &str;

    /// Stores so many of them in an empty database.
    fn fill(store: &SqlStore, count: u32) -> impl Future<Output = ()>;

    /// Asks for one; whether it was found.
    fn ask(store: &SqlStore, number: u32) -> impl Future<Output = bool> + Send;
}

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

/// Measures on every database that there is, and prints the table.
pub(crate) async fn measure<L: LookUp>() {
    let rows = L::ROWS;
    println!("| database | with {FEW} {rows} | with {MANY} | growth | aim |\n|---|---|---|---|---|");
    compare::<L>(sqlite::<L>().await).await;
    for (server, engine) in [(Server::Postgres, "PostgreSQL"), (Server::Mariadb, "MariaDB")] {
        if let Some(pair) = on::<L>(server, engine).await {
            compare::<L>(pair).await;
        }
    }
}

async fn sqlite<L: LookUp>() -> Pair {
    let directory = TempDir::new().unwrap();
    let open = async |count: u32| {
        filled::<L>(&format!("sqlite://{}?mode=rwc", directory.path().join(format!("{count}.db")).display()), count)
            .await
    };
    let (few, many) = (open(FEW).await, open(MANY).await);
    Pair { engine: "SQLite", few, many, _kept: Kept::File { _directory: directory } }
}

async fn on<L: LookUp>(server: Server, engine: &'static str) -> Option<Pair> {
    let databases = [server.empty_database().await?, server.empty_database().await?];
    // On a server that is somebody's, its settings are theirs.
    if server == Server::Mariadb && std::env::var_os("TEST_MYSQL_URL").is_none() {
        // The default of 128 MiB does not hold a million; what would be measured is the disk.
        databases[0].run("SET GLOBAL innodb_buffer_pool_size = 1024 * 1024 * 1024").await.unwrap();
    }
    let (few, many) = (filled::<L>(databases[0].url(), FEW).await, filled::<L>(databases[1].url(), MANY).await);
    Some(Pair { engine, few, many, _kept: Kept::Server { _databases: databases } })
}

async fn filled<L: LookUp>(url: &str, count: u32) -> SqlStore {
    let store = SqlStore::connect(url).await.unwrap();
    auth_sqlx::migrate(&store).await.unwrap();
    L::fill(&store, count).await;
    store
}

async fn compare<L: LookUp>(Pair { engine, few, many, _kept }: Pair) {
    let mut growths = Vec::with_capacity(ROUNDS);
    let (mut few_times, mut many_times) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..WARMING {
        microseconds::<L>(&few, FEW).await;
        microseconds::<L>(&many, MANY).await;
    }
    for _ in 0..ROUNDS {
        let times = (microseconds::<L>(&few, FEW).await, microseconds::<L>(&many, MANY).await);
        few_times.push(times.0);
        many_times.push(times.1);
        growths.push(times.1 / times.0);
    }
    let growth = median(growths);
    let verdict = if growth < MOST_GROWTH { "met" } else { "**missed**" };
    let (few, many) = (median(few_times), median(many_times));
    println!("| {engine} | {few:.0} µs | {many:.0} µs | {growth:.2} × | < {MOST_GROWTH} ×: {verdict} |");
}

/// Of one look-up, on average over a round: the time of the round by the number of its look-ups.
async fn microseconds<L: LookUp>(store: &SqlStore, count: u32) -> f64 {
    let begun = Instant::now();
    let asking = (0..AT_ONCE).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..LOOK_UPS / AT_ONCE {
                assert!(L::ask(&store, fastrand::u32(1..=count)).await, "one of the {} is missing", L::ROWS);
            }
        })
    });
    for asking in asking.collect::<Vec<_>>() {
        asking.await.unwrap();
    }
    begun.elapsed().as_secs_f64() * 1e6 / LOOK_UPS as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}
