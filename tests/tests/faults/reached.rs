//! A database, asked directly.

use auth_tests::servers::ServerDatabase;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

/// A database, over connections of a test's own.
#[derive(Debug)]
pub(crate) enum Reached {
    Server(ServerDatabase),
    Sqlite(SqliteFile),
}

/// A file of its own.
#[derive(Debug)]
pub(crate) struct SqliteFile(TempDir);

impl SqliteFile {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.0.path().join("auth.db").display())
    }

    pub(crate) async fn connect(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url()).await.unwrap()
    }
}

impl Reached {
    /// The one number that a question is answered with.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        match self {
            Self::Server(database) => database.number(question).await,
            Self::Sqlite(file) => {
                let question = sqlx::query_scalar(AssertSqlSafe(question.to_owned()));
                question.fetch_one(&mut file.connect().await).await.unwrap()
            }
        }
    }

    /// How many transactions are open that hold a lock.
    pub(crate) async fn open_transactions(&self) -> i64 {
        match self {
            Self::Server(database) => database.open_transactions().await,
            Self::Sqlite(file) => {
                let mut sqlite = file.connect().await;
                let claim = sqlx::raw_sql("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK");
                i64::from(claim.execute(&mut sqlite).await.is_err())
            }
        }
    }

    /// The database of a test that is about servers.
    pub(crate) fn on_server(&self) -> &ServerDatabase {
        match self {
            Self::Server(database) => database,
            Self::Sqlite(_) => panic!("a file is on no server"),
        }
    }
}

impl From<ServerDatabase> for Reached {
    fn from(database: ServerDatabase) -> Self {
        Self::Server(database)
    }
}

impl From<SqliteFile> for Reached {
    fn from(file: SqliteFile) -> Self {
        Self::Sqlite(file)
    }
}
