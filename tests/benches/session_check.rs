//! What checking a session costs when a thousand are stored, and when a million are.
//!
//! `cargo bench -p auth-tests --bench session_check`. Start reading at [`growth`].
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

mod growth;

use auth_core::store::Store;
use auth_sqlx::SqlStore;
use auth_tests::filled;

struct Sessions;

impl growth::LookUp for Sessions {
    const ROWS: &str = "sessions";

    async fn fill(store: &SqlStore, count: u32) {
        filled::fill(store, count).await;
    }

    async fn ask(store: &SqlStore, number: u32) -> bool {
        store.conn().session_by_token(&filled::token_hash(number)).await.unwrap().is_some()
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    growth::measure::<Sessions>().await;
}
