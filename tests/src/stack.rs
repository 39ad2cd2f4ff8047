//! What a flow runs on: one transport over one store.

use std::sync::Arc;

use auth_core::AuthBuilder;
use auth_core::store::MemoryStore;
use auth_sqlx::SqlStore;
use tempfile::TempDir;

use crate::actor::Actor;
use crate::app::TestApp;
use crate::tap::{Tap, TappedStore};
use crate::transport::TransportKind;

/// Where rows live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// [`MemoryStore`].
    Memory,
    /// A SQLite file in a directory of its own.
    SqliteFile,
    /// SQLite in memory: one connection.
    SqliteMemory,
}

/// One transport over one store.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    /// How requests arrive.
    pub transport: TransportKind,
    /// Where rows live.
    pub store: StoreKind,
}

impl Stack {
    pub const CORE_MEMORY: Self = Self { transport: TransportKind::Core, store: StoreKind::Memory };
    pub const CORE_SQLITE: Self = Self { transport: TransportKind::Core, store: StoreKind::SqliteFile };
    pub const AXUM_MEMORY: Self = Self { transport: TransportKind::Axum, store: StoreKind::Memory };
    pub const AXUM_SQLITE: Self = Self { transport: TransportKind::Axum, store: StoreKind::SqliteFile };
    pub const ACTIX_MEMORY: Self = Self { transport: TransportKind::Actix, store: StoreKind::Memory };
    pub const ACTIX_SQLITE: Self = Self { transport: TransportKind::Actix, store: StoreKind::SqliteFile };

    /// An application with the settings of [`builder`](crate::builder).
    pub async fn app(self) -> TestApp {
        self.app_with(|builder| builder).await
    }

    /// An application with settings of its own.
    pub async fn app_with(self, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> TestApp {
        TestApp::start(self.transport, Database::new(self.store), change).await
    }

    /// An application and somebody with a session and a cookie.
    pub async fn signed_up(self, email: &str) -> (TestApp, Actor) {
        let app = self.app().await;
        let actor = app.signed_up(email).await;
        (app, actor)
    }
}

/// A database that outlives the engines over it.
#[derive(Clone, Debug)]
pub struct Database {
    kind: StoreKind,
    memory: MemoryStore,
    directory: Option<Arc<TempDir>>,
}

impl Database {
    /// A new and empty one.
    pub fn new(kind: StoreKind) -> Self {
        let directory = (kind == StoreKind::SqliteFile).then(|| Arc::new(TempDir::new().unwrap()));
        Self { kind, memory: MemoryStore::new(), directory }
    }

    /// Opens it: SQLite with new connections, memory as it is.
    pub async fn open(&self, tap: Arc<Tap>) -> TappedStore {
        let url = match (self.kind, &self.directory) {
            (StoreKind::Memory, _) => return TappedStore::new(self.memory.clone(), tap),
            (_, Some(directory)) => format!("sqlite://{}?mode=rwc", directory.path().join("auth.db").display()),
            (_, None) => "sqlite::memory:".to_owned(),
        };
        let store = SqlStore::connect(&url).await.unwrap();
        auth_sqlx::migrate(&store).await.unwrap();
        TappedStore::new(store, tap)
    }

    /// The address of the file, when there is one.
    pub fn url(&self) -> Option<String> {
        let directory = self.directory.as_ref()?;
        Some(format!("sqlite://{}", directory.path().join("auth.db").display()))
    }
}
