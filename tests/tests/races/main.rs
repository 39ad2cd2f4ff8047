//! What may happen once happens once, whoever else tries at the same moment, over every store.
//!
//! [`single_use`], [`requests`] and [`members`] let many race, round after round, and count the winners.
//! [`interleavings`] and [`tokens`] leave nothing to chance: two transactions are stepped by hand, and the second one
//! is seen waiting for the first. Start reading at [`stage`].
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test speaks by panicking")]

mod api_keys;
mod guesses;
mod interleavings;
mod mailed;
mod members;
mod post;
mod requests;
mod single_use;
mod stage;
mod steps;
mod tokens;

/// How many take part in a race.
const RACERS: usize = 32;

/// How often each race is run over each store. A store that reads before it writes is caught in the first round; the
/// others are for windows that are narrower.
const ROUNDS: usize = 200;

/// Runs each of them, an `async fn(Stage)` of the module that says this, as named tests over every store.
macro_rules! on_each_store {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            crate::on_each_store!(@tests $test, memory Memory, sqlite SqliteFile, postgres Postgres, mariadb Mariadb);
        }
    )+};
    (@tests $test:ident, $($name:ident $kind:ident),+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if let Some(stage) = crate::stage::Stage::over(auth_tests::StoreKind::$kind).await {
                super::$test(stage).await;
            }
        }
    )+};
}
use on_each_store;

/// As [`on_each_store!`], without the store in memory: its transactions keep even readers waiting.
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            crate::on_each_store!(@tests $test, sqlite SqliteFile, postgres Postgres, mariadb Mariadb);
        }
    )+};
}
use on_each_database;
