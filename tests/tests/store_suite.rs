//! Every rule of the conformance suite over every store that we ship.

use std::sync::Arc;
use std::time::Duration;

use auth_core::store::suite;
use auth_tests::{Database, StoreKind, Tap};

/// A rule that takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Each rule has a store of its own; all that are broken are named.
async fn keeps_every_rule(kind: StoreKind) {
    assert!(suite::rules().len() > 80, "{}", suite::rules().len());
    let mut broken = Vec::new();
    for rule in suite::rules() {
        let database = Database::new(kind).await;
        let store = Arc::new(database.open(Arc::new(Tap::default())).await);
        let running = tokio::spawn(async move { rule.run(store).await });
        match tokio::time::timeout(PATIENCE, running).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => broken.push(rule.name()),
        }
    }
    assert!(broken.is_empty(), "{kind:?} breaks {} rules:\n{}", broken.len(), broken.join("\n"));
}
