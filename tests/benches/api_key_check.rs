//! What finding an API key by its secret costs when a thousand are stored, and when a million are.
//!
//! `cargo bench -p auth-tests --bench api_key_check`. The look-up brings the key with its limits, its owner and their
//! roles, all that a request with a key is judged by; counting the use of a limited key is one statement more, and a
//! write. Start reading at [`growth`].
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other answer than to stop")]

mod growth;

use auth_core::base::Timestamp;
use auth_core::store::Store;
use auth_sqlx::SqlStore;
use auth_tests::filled;

struct ApiKeys;

impl growth::LookUp for ApiKeys {
    const ROWS: &str = "API keys";

    async fn fill(store: &SqlStore, count: u32) {
        filled::fill_api_keys(store, count).await;
    }

    async fn ask(store: &SqlStore, number: u32) -> bool {
        store.conn().api_key_by_hash(&filled::secret_hash(number)).await.unwrap().is_some()
    }
}

/// Keys with a quota, whose use is counted.
struct LimitedKeys;

impl growth::LookUp for LimitedKeys {
    const ROWS: &str = "API keys with a quota";

    async fn fill(store: &SqlStore, count: u32) {
        filled::fill_api_keys(store, count).await;
    }

    async fn ask(store: &SqlStore, number: u32) -> bool {
        let Some(found) = store.conn().api_key_by_hash(&filled::secret_hash(number)).await.unwrap() else {
            return false;
        };
        // Whether it was allowed or the quota is used up: either is answered by the one statement.
        store.conn().spend_api_key(found.key.id, Timestamp::from_micros(filled::NOW)).await.unwrap();
        true
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    growth::measure::<ApiKeys>().await;
    growth::measure::<LimitedKeys>().await;
}
