//! What a flow runs on: one transport over one store.

use std::sync::Arc;

use auth_core::AuthBuilder;
use auth_core::store::MemoryStore;
use auth_sqlx::SqlStore;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

use crate::actor::Actor;
use crate::app::TestApp;
use crate::lent::LentDatabase;
use crate::servers::Server;
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
    /// A database on a PostgreSQL server.
    Postgres,
    /// A database on a MariaDB server.
    Mariadb,
}

impl StoreKind {
    /// Whether there is such a database here. A server that is missing is said once, aloud, and fails with `CI=true`.
    pub async fn is_available(self) -> bool {
        match self.server() {
            Some(server) => server.is_available().await,
            None => true,
        }
    }

    const fn server(self) -> Option<Server> {
        match self {
            Self::Memory | Self::SqliteFile | Self::SqliteMemory => None,
            Self::Postgres => Some(Server::Postgres),
            Self::Mariadb => Some(Server::Mariadb),
        }
    }
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
    pub const AXUM_POSTGRES: Self = Self { transport: TransportKind::Axum, store: StoreKind::Postgres };
    pub const AXUM_MARIADB: Self = Self { transport: TransportKind::Axum, store: StoreKind::Mariadb };
    pub const ACTIX_MEMORY: Self = Self { transport: TransportKind::Actix, store: StoreKind::Memory };
    pub const ACTIX_SQLITE: Self = Self { transport: TransportKind::Actix, store: StoreKind::SqliteFile };
    pub const ACTIX_POSTGRES: Self = Self { transport: TransportKind::Actix, store: StoreKind::Postgres };
    pub const ACTIX_MARIADB: Self = Self { transport: TransportKind::Actix, store: StoreKind::Mariadb };

    /// Runs a flow, where there is such a database.
    pub async fn run(self, flow: impl AsyncFnOnce(Self)) {
        if self.store.is_available().await {
            flow(self).await;
        }
    }

    /// An application with the settings of [`builder`](crate::builder).
    pub async fn app(self) -> TestApp {
        self.app_with(|builder| builder).await
    }

    /// An application with settings of its own.
    pub async fn app_with(self, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> TestApp {
        TestApp::start(self.transport, Database::new(self.store).await, change).await
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
pub struct Database(Place);

#[derive(Clone, Debug)]
enum Place {
    Memory(MemoryStore),
    SqliteMemory,
    SqliteFile(Arc<TempDir>),
    Server(Arc<LentDatabase>),
}

impl Database {
    /// An empty one that nobody else uses.
    ///
    /// # Panics
    /// Where there is none of this kind: see [`StoreKind::is_available`].
    pub async fn new(kind: StoreKind) -> Self {
        Self(match kind {
            StoreKind::Memory => Place::Memory(MemoryStore::new()),
            StoreKind::SqliteMemory => Place::SqliteMemory,
            StoreKind::SqliteFile => Place::SqliteFile(Arc::new(TempDir::new().unwrap())),
            StoreKind::Postgres => Place::on(Server::Postgres).await,
            StoreKind::Mariadb => Place::on(Server::Mariadb).await,
        })
    }

    /// Opens it: SQL with new connections, memory as it is.
    pub async fn open(&self, tap: Arc<Tap>) -> TappedStore {
        let url = match &self.0 {
            Place::Memory(memory) => return TappedStore::new(memory.clone(), tap),
            Place::SqliteMemory => "sqlite::memory:".to_owned(),
            Place::SqliteFile(directory) => format!("{}?mode=rwc", file(directory)),
            Place::Server(lent) => lent.database().url().to_owned(),
        };
        let store = SqlStore::connect(&url).await.unwrap();
        auth_sqlx::migrate(&store).await.unwrap();
        TappedStore::new(store, tap)
    }

    /// Its address, for connections of a test's own; `None` when there is no second way in.
    pub fn url(&self) -> Option<String> {
        match &self.0 {
            Place::Memory(_) | Place::SqliteMemory => None,
            Place::SqliteFile(directory) => Some(file(directory)),
            Place::Server(lent) => Some(lent.database().url().to_owned()),
        }
    }

    /// Returns when a statement waits for a lock, as the server itself tells; at once where nobody can be asked.
    pub async fn somebody_waits(&self) {
        if let Place::Server(lent) = &self.0 {
            lent.database().somebody_waits().await;
        }
    }

    /// Runs SQL past the engine, over a connection of its own.
    ///
    /// # Panics
    /// Where there is no SQL, or no second way in.
    pub async fn run(&self, statements: &str) {
        match &self.0 {
            Place::Memory(_) | Place::SqliteMemory => panic!("{self:?} has one way in"),
            Place::SqliteFile(directory) => {
                let mut sqlite = SqliteConnection::connect(&file(directory)).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut sqlite).await.unwrap();
                sqlite.close().await.unwrap();
            }
            Place::Server(lent) => lent.database().run(statements).await.unwrap(),
        }
    }
}

impl Place {
    async fn on(server: Server) -> Self {
        Self::Server(Arc::new(LentDatabase::of(server).await.expect("there is such a server")))
    }
}

/// The address of the file.
fn file(directory: &TempDir) -> String {
    format!("sqlite://{}", directory.path().join("auth.db").display())
}
