//! PostgreSQL and MariaDB for tests: throw-away servers from the binaries that are installed, or the servers that
//! `TEST_POSTGRES_URL` and `TEST_MYSQL_URL` name.
//!
//! A server is started when the first test of a program asks for it, and shared by the others. It listens on loopback
//! under a random password and keeps its files in a directory of its own. A small shell watches over it: when this
//! process ends, in whatever way, the shell's input ends too, and it stops the server and removes the directory.
//!
//! A test that breaks servers has one of its own, an [`OwnServer`], always from the installed binaries.
//!
//! Where no server is to be had, tests skip and say so once; with `CI=true` that is a failure instead.

mod home;
mod own;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, io, process};

use auth_sqlx::{Engine, SqlStore};
use sqlx::mysql::{MySqlConnection, MySqlPoolOptions};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::OnceCell;

use self::home::{Home, program};
pub use self::own::OwnServer;

/// How long a server may take to answer for the first time.
const START: Duration = Duration::from_secs(90);

/// Between two looks at whether something has come about.
const MOMENT: Duration = Duration::from_millis(50);

/// Waits for the end of its input, then stops the server and removes its directory. `$1` is the directory, `$2` the
/// signal that ends the server at once, the rest its command.
const WATCH: &str = r#"
    directory=$1 signal=$2; shift 2
    "$@" </dev/null >"$directory/log" 2>&1 &
    server=$!
    while read -r _; do :; done
    kill -s "$signal" "$server"; wait "$server"; rm -rf "$directory"
"#;

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    /// MariaDB, or where `TEST_MYSQL_URL` says.
    Mariadb,
}

impl Server {
    /// Whether there is such a server; said aloud once when there is none.
    pub async fn is_available(self) -> bool {
        self.running().await.is_some()
    }

    /// An empty database that nobody else uses; `None`, said aloud once, when there is no such server.
    pub async fn empty_database(self) -> Option<ServerDatabase> {
        let server = self.running().await?;
        Some(self.create(&server.url, "").await)
    }

    /// A database with the tables of the store.
    pub async fn database(self) -> Option<ServerDatabase> {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let server = self.running().await?;
        match self {
            // Much faster than to make the tables each time.
            Self::Postgres => {
                let template = TEMPLATE.get_or_init(|| async {
                    let template = self.create(&server.url, "").await;
                    let store = template.store().await;
                    auth_sqlx::migrate(&store).await.unwrap();
                    store.postgres_pool().unwrap().close().await;
                    template.name
                });
                let template = template.await;
                Some(self.create(&server.url, &format!(" TEMPLATE {template}")).await)
            }
            Self::Mariadb => {
                let database = self.create(&server.url, "").await;
                let store = database.store().await;
                auth_sqlx::migrate(&store).await.unwrap();
                store.mysql_pool().unwrap().close().await;
                Some(database)
            }
        }
    }

    /// As the store knows it.
    pub const fn engine(self) -> Engine {
        match self {
            Self::Postgres => Engine::Postgres,
            Self::Mariadb => Engine::Mariadb,
        }
    }

    async fn create(self, server: &str, from: &str) -> ServerDatabase {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("auth_test_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.send(server, format!("CREATE DATABASE {name}{from}")).await.unwrap();
        ServerDatabase { server: self, url: with_database(server, &name), admin: server.to_owned(), name }
    }

    /// Sends one statement over a connection of its own.
    async fn send(self, url: &str, statement: String) -> sqlx::Result<()> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        match self {
            Self::Postgres => statement.execute(&mut PgConnection::connect(url).await?).await.map(drop),
            Self::Mariadb => statement.execute(&mut MySqlConnection::connect(url).await?).await.map(drop),
        }
    }

    async fn running(self) -> Option<&'static Running> {
        static POSTGRES: OnceCell<Option<Running>> = OnceCell::const_new();
        static MARIADB: OnceCell<Option<Running>> = OnceCell::const_new();
        let (cell, variable) = match self {
            Self::Postgres => (&POSTGRES, "TEST_POSTGRES_URL"),
            Self::Mariadb => (&MARIADB, "TEST_MYSQL_URL"),
        };
        let running = cell.get_or_init(|| async {
            if let Ok(url) = env::var(variable) {
                return Some(Running { url, _watch: None });
            }
            let started = self.start().await;
            if started.is_none() {
                self.is_missing(&format!(" and {variable} is not set"));
            }
            started
        });
        running.await.as_ref()
    }

    fn is_missing(self, remark: &str) {
        let message = format!("no {self:?} server is installed{remark}");
        assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
        say_skipped(&message);
    }

    /// What makes the files of a server, and what serves.
    fn programs(self) -> Option<[PathBuf; 2]> {
        Some(match self {
            Self::Postgres => [program("initdb")?, program("postgres")?],
            Self::Mariadb => [program("mariadb-install-db")?, program("mariadbd")?],
        })
    }

    fn init(self, home: &Home, program: &Path) {
        match self {
            Self::Postgres => home.init_postgres(program),
            Self::Mariadb => home.init_mariadb(program),
        }
    }

    fn command(self, home: &Home, program: &Path, port: u16) -> Command {
        match self {
            Self::Postgres => home.postgres(program, port),
            Self::Mariadb => home.mariadb(program, port),
        }
    }

    /// What ends the server at once, as a crash would.
    const fn signal(self) -> &'static str {
        match self {
            Self::Postgres => "QUIT",
            Self::Mariadb => "KILL",
        }
    }

    fn url(self, home: &Home, port: u16) -> String {
        let (scheme, database) = match self {
            Self::Postgres => ("postgres", "postgres"),
            Self::Mariadb => ("mysql", "mysql"),
        };
        format!("{scheme}://test:{}@127.0.0.1:{port}/{database}", home.password)
    }

    async fn start(self) -> Option<Running> {
        let [init, program] = self.programs()?;
        let home = Home::new(self);
        self.init(&home, &init);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = self.url(&home, port);
        let watch = home.watch(WATCH, self.signal(), Some(&self.command(&home, &program, port)));
        let begun = Instant::now();
        while let Err(error) = self.send(&url, "SELECT 1".to_owned()).await {
            assert!(begun.elapsed() < START, "{self:?} does not answer: {error}\n{}", home.log());
            tokio::time::sleep(MOMENT).await;
        }
        Some(Running { url, _watch: Some(watch) })
    }
}

/// A server that answers. Its watch ends when this process does.
#[derive(Debug)]
struct Running {
    url: String,
    _watch: Option<Child>,
}

/// A database on a server. A test that fails leaves it behind to be looked at, for as long as the server is there.
#[derive(Debug)]
pub struct ServerDatabase {
    server: Server,
    url: String,
    admin: String,
    name: String,
}

impl ServerDatabase {
    /// Its address, for [`SqlStore::connect`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A store over an application's own pool of 8 connections, with the settings of the server.
    pub async fn store(&self) -> SqlStore {
        self.store_of(8).await
    }

    /// As [`store`](Self::store), with that many connections.
    pub async fn store_of(&self, connections: u32) -> SqlStore {
        match self.server {
            Server::Postgres => {
                let pool = PgPoolOptions::new().max_connections(connections);
                SqlStore::postgres(pool.connect(&self.url).await.unwrap())
            }
            Server::Mariadb => {
                let pool = MySqlPoolOptions::new().max_connections(connections);
                SqlStore::mysql(pool.connect(&self.url).await.unwrap())
            }
        }
    }

    /// The one number that a question of a test's own is answered with.
    pub async fn number(&self, question: &str) -> i64 {
        let question = AssertSqlSafe(question.to_owned());
        match self.server {
            Server::Postgres => {
                let mut postgres = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(question).fetch_one(&mut postgres).await.unwrap()
            }
            Server::Mariadb => {
                let mut mysql = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(question).fetch_one(&mut mysql).await.unwrap()
            }
        }
    }

    /// Ends every connection to it, as an administrator would, and waits until they are gone.
    pub async fn kill_connections(&self) {
        const PAUSE: Duration = Duration::from_millis(5);
        match self.server {
            Server::Postgres => {
                const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
                let mut postgres = PgConnection::connect(&self.url).await.unwrap();
                while !sqlx::query(KILL).fetch_all(&mut postgres).await.unwrap().is_empty() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Server::Mariadb => {
                const OTHERS: &str = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                    WHERE db = DATABASE() AND id <> CONNECTION_ID()";
                let mut mysql = MySqlConnection::connect(&self.url).await.unwrap();
                loop {
                    let others: Vec<i64> = sqlx::query_scalar(OTHERS).fetch_all(&mut mysql).await.unwrap();
                    if others.is_empty() {
                        break;
                    }
                    for other in others {
                        // It may have gone by itself meanwhile.
                        drop(sqlx::raw_sql(AssertSqlSafe(format!("KILL {other}"))).execute(&mut mysql).await);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// How many transactions are open in it.
    pub async fn open_transactions(&self) -> i64 {
        match self.server {
            Server::Postgres => {
                const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'";
                self.number(OPEN).await
            }
            Server::Mariadb => {
                const OPEN: &str = "SELECT count(*) FROM information_schema.innodb_trx t \
                    JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE()";
                self.number_by_innodb(OPEN).await
            }
        }
    }

    /// Returns when a statement waits for a lock.
    pub async fn somebody_waits(&self) {
        const PAUSE: Duration = Duration::from_millis(5);
        match self.server {
            Server::Postgres => {
                const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0";
                while self.number(WAITING).await == 0 {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Server::Mariadb => {
                const WAITING: &str = "SELECT count(*) FROM information_schema.innodb_trx t \
                    JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                    WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'";
                while self.number_by_innodb(WAITING).await == 0 {}
            }
        }
    }

    /// A number from a table that InnoDB only makes anew when nobody has read it for a tenth of a second.
    async fn number_by_innodb(&self, question: &'static str) -> i64 {
        static READING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _alone = READING.lock().await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        self.number(question).await
    }

    /// Runs statements of a test's own.
    pub async fn run(&self, statements: &str) -> sqlx::Result<()> {
        self.server.send(&self.url, statements.to_owned()).await
    }

    /// Removes it, with whatever is connected to it.
    pub async fn remove(self) {
        let force = if self.server == Server::Postgres { " WITH (FORCE)" } else { "" };
        self.server.send(&self.admin, format!("DROP DATABASE {}{force}", self.name)).await.unwrap();
    }
}

/// Not `eprintln!`, which a test that passes keeps to itself.
fn say_skipped(what: &str) {
    io::stderr().write_all(format!("skipped: {what}\n").as_bytes()).unwrap();
}

/// The address of another database on the same server.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").expect("an address has a scheme");
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let parameters = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
    format!("{scheme}://{authority}/{name}{parameters}")
}
