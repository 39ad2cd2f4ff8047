//! Every rule of the conformance suite over every store that we ship, and the table of it in `docs/parity.md`.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use auth_core::store::suite::Rule;
use auth_core::store::{Store, suite};
use auth_sqlx::SqlStore;
use auth_tests::servers::Server;
use auth_tests::{Database, StoreKind, Tap};
use tokio::sync::OnceCell;

/// A rule that takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The columns of the table.
const ENGINES: [(&str, &[StoreKind]); 4] = [
    ("memory", &[StoreKind::Memory]),
    ("SQLite", &[StoreKind::SqliteFile, StoreKind::SqliteMemory]),
    ("PostgreSQL", &[StoreKind::Postgres]),
    ("MariaDB", &[StoreKind::Mariadb]),
];

/// What stands above is written by hand, what stands below by the test.
const MARK: &str = "<!-- What follows is what the suite found. -->\n\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_keeps_every_rule() {
    keeps_every_rule(StoreKind::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_keeps_every_rule() {
    keeps_every_rule(StoreKind::SqliteFile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_in_memory_keeps_every_rule() {
    keeps_every_rule(StoreKind::SqliteMemory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_every_rule() {
    keeps_every_rule(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_keeps_every_rule() {
    keeps_every_rule(StoreKind::Mariadb).await;
}

async fn keeps_every_rule(kind: StoreKind) {
    assert!(suite::rules().len() > 80, "{}", suite::rules().len());
    let Some(broken) = broken_rules(kind).await else { return };
    assert!(broken.is_empty(), "{kind:?} breaks {} rules:\n{}", broken.len(), broken.join("\n"));
}

/// The column of a server that is not here is not looked at, nor are versions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parity_table_says_what_the_suite_found() {
    let found = found().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/parity.md");
    let text = fs::read_to_string(&path).unwrap();
    let (intro, table) = text.split_once(MARK).unwrap();
    if env::var_os("UPDATE_DOCS").is_some() {
        let found = found.map(|broken| broken.expect("it is renewed where both servers are installed"));
        let renewed = format!("{intro}{MARK}{}\n\n{}", versions().await, written(&found));
        fs::write(&path, renewed).unwrap();
        return;
    }
    let (_versions, table) = table.split_once("\n\n").unwrap();
    let present = found.each_ref().map(Option::is_some);
    let expected = written(&found.map(Option::unwrap_or_default));
    assert!(
        rows(table, present) == rows(&expected, present),
        "docs/parity.md differs from what the suite found; renew it where both servers are installed:\n\
         UPDATE_DOCS=1 cargo test -p auth-tests --test store_suite parity\n\n{expected}"
    );
}

/// The rules that each engine breaks; `None` for a server that is not here.
async fn found() -> [Option<Vec<&'static str>>; ENGINES.len()] {
    let mut found = ENGINES.map(|_| Some(Vec::new()));
    for (engine, (_, kinds)) in found.iter_mut().zip(ENGINES) {
        for kind in kinds {
            *engine = match (engine.take(), broken_rules(*kind).await) {
                (Some(before), Some(broken)) => Some([before.as_slice(), broken].concat()),
                (None, _) | (_, None) => None,
            };
        }
    }
    found
}

/// A table for each feature, with a row for each rule.
fn written(broken: &[Vec<&str>; ENGINES.len()]) -> String {
    let mut text = format!("{} rules.\n", suite::rules().len());
    let mut last = "";
    for rule in suite::rules() {
        let (feature, promise) = rule.name().split_once("::").unwrap();
        if feature != last {
            last = feature;
            let engines = ENGINES.map(|(engine, _)| engine).join(" | ");
            write!(text, "\n## {feature}\n\n| rule | {engines} |\n|---{}|\n", "|---".repeat(ENGINES.len())).unwrap();
        }
        let verdicts = broken.each_ref().map(|rules| if rules.contains(&rule.name()) { "BROKEN" } else { "kept" });
        writeln!(text, "| {} | {} |", promise.replace('_', " "), verdicts.join(" | ")).unwrap();
    }
    text
}

/// The cells of each line, without the columns of engines that are not present.
fn rows(table: &str, present: [bool; ENGINES.len()]) -> Vec<Vec<&str>> {
    // A line begins with its first bar, and the first cell is the rule.
    let is_looked_at = |cell: usize| cell < 2 || present.get(cell - 2).is_none_or(|present| *present);
    let cells = |line| str::split(line, '|').enumerate().filter(|(cell, _)| is_looked_at(*cell));
    table.lines().map(|line| cells(line).map(|(_, cell)| cell).collect()).collect()
}

/// The rules that a store breaks; `None` where there is no such server. The suite runs once in a process over each.
async fn broken_rules(kind: StoreKind) -> Option<&'static Vec<&'static str>> {
    type Found = OnceCell<Option<Vec<&'static str>>>;
    static MEMORY: Found = OnceCell::const_new();
    static SQLITE_FILE: Found = OnceCell::const_new();
    static SQLITE_MEMORY: Found = OnceCell::const_new();
    static POSTGRES: Found = OnceCell::const_new();
    static MARIADB: Found = OnceCell::const_new();
    let found = match kind {
        StoreKind::Memory => MEMORY.get_or_init(|| run_locally(kind)).await,
        StoreKind::SqliteFile => SQLITE_FILE.get_or_init(|| run_locally(kind)).await,
        StoreKind::SqliteMemory => SQLITE_MEMORY.get_or_init(|| run_locally(kind)).await,
        StoreKind::Postgres => POSTGRES.get_or_init(|| run_on(Server::Postgres)).await,
        StoreKind::Mariadb => MARIADB.get_or_init(|| run_on(Server::Mariadb)).await,
    };
    found.as_ref()
}

/// Each rule has a store of its own.
async fn run_locally(kind: StoreKind) -> Option<Vec<&'static str>> {
    let mut broken = Vec::new();
    for rule in suite::rules() {
        let database = Database::new(kind).await;
        if !is_kept(rule, Arc::new(database.open(Arc::new(Tap::default())).await)).await {
            broken.push(rule.name());
        }
    }
    Some(broken)
}

/// Each rule has a database of its own, and a pool with the settings of the server.
async fn run_on(server: Server) -> Option<Vec<&'static str>> {
    let mut broken = Vec::new();
    for rule in suite::rules() {
        let database = server.database().await?;
        let store = database.store().await;
        if is_kept(rule, Arc::new(store.clone())).await {
            close(&store).await;
            database.remove().await;
        } else {
            broken.push(rule.name());
        }
    }
    Some(broken)
}

async fn is_kept(rule: &'static Rule, store: Arc<dyn Store>) -> bool {
    let running = tokio::spawn(async move { rule.run(store).await });
    matches!(tokio::time::timeout(PATIENCE, running).await, Ok(Ok(())))
}

async fn close(store: &SqlStore) {
    if let Some(pool) = store.postgres_pool() {
        pool.close().await;
    }
    if let Some(pool) = store.mysql_pool() {
        pool.close().await;
    }
}

/// What the table was made on.
async fn versions() -> String {
    let sqlite = SqlStore::connect("sqlite::memory:").await.unwrap();
    let postgres = Server::Postgres.empty_database().await.unwrap().store().await;
    let mariadb = Server::Mariadb.empty_database().await.unwrap().store().await;
    let question = "SELECT sqlite_version()";
    let sqlite: String = sqlx::query_scalar(question).fetch_one(sqlite.sqlite_pool().unwrap()).await.unwrap();
    let question = "SHOW server_version";
    let postgres: String = sqlx::query_scalar(question).fetch_one(postgres.postgres_pool().unwrap()).await.unwrap();
    let question = "SELECT version()";
    let mariadb: String = sqlx::query_scalar(question).fetch_one(mariadb.mysql_pool().unwrap()).await.unwrap();
    // What follows the number names the distribution.
    let [postgres, mariadb] = [&postgres, &mariadb].map(|version| version.split([' ', '-']).next().unwrap());
    format!("Last renewed on SQLite {sqlite}, PostgreSQL {postgres} and MariaDB {mariadb}.")
}
