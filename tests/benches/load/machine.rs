//! What the machine is, without its name.

use std::fs;

use sqlx::sqlite::SqlitePool;

use crate::client;

/// Processor, cores, kernel, SQLite.
pub(crate) fn description() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // `6.18.44-…`: what follows the number may name the house that built it.
    let kernel = release.trim().split('-').next().unwrap_or_default();
    format!("{model}, {cores} cores, Linux {kernel}, SQLite {} in WAL mode with synchronous=FULL", sqlite_version())
}

fn sqlite_version() -> String {
    client::block_on(async {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&pool).await.unwrap()
    })
}
