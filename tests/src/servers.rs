//! PostgreSQL and MariaDB for tests: throw-away servers from the binaries that are installed, or the servers that
//! `TEST_POSTGRES_URL` and `TEST_MYSQL_URL` name.
//!
//! A server is started when the first test of a program asks for it, and shared by the others. It listens on loopback
//! under a random password and keeps its files in a directory of its own. A small shell watches over it: when this
//! process ends, in whatever way, the shell's input ends too, and it stops the server and removes the directory.
//!
//! Where no server is to be had, tests skip and say so once; with `CI=true` that is a failure instead.

use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use auth_sqlx::{Engine, SqlStore};
use sqlx::mysql::{MySqlConnection, MySqlPoolOptions};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::OnceCell;

/// How long a server may take to answer for the first time.
const START: Duration = Duration::from_secs(90);

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
    /// MariaDB, or MySQL where `TEST_MYSQL_URL` names one.
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
                let message = format!("no {self:?} server is installed and {variable} is not set");
                assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
                // Not `eprintln!`, which a test that passes keeps to itself.
                std::io::stderr().write_all(format!("skipped: {message}\n").as_bytes()).unwrap();
            }
            started
        });
        running.await.as_ref()
    }

    async fn start(self) -> Option<Running> {
        let programs = match self {
            Self::Postgres => [program("initdb")?, program("postgres")?],
            Self::Mariadb => [program("mariadb-install-db")?, program("mariadbd")?],
        };
        let home = Home::new(self);
        match self {
            Self::Postgres => home.init_postgres(&programs[0]),
            Self::Mariadb => home.init_mariadb(&programs[0]),
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (mut command, signal, scheme, database) = match self {
            Self::Postgres => (home.postgres(&programs[1], port), "QUIT", "postgres", "postgres"),
            Self::Mariadb => (home.mariadb(&programs[1], port), "KILL", "mysql", "mysql"),
        };
        let url = format!("{scheme}://test:{}@127.0.0.1:{port}/{database}", home.password);
        let watch = home.watched(&mut command, signal);
        let begun = Instant::now();
        while let Err(error) = self.send(&url, "SELECT 1".to_owned()).await {
            let log = || fs::read_to_string(home.path.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < START, "{self:?} does not answer: {error}\n{}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
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

/// The directory of a server, and whom it belongs to.
struct Home {
    path: PathBuf,
    password: String,
    /// Servers refuse to run as root; their user and group then.
    owner: Option<(u32, u32)>,
}

impl Home {
    fn new(server: Server) -> Self {
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let owner = is_root.then(|| owner(server));
        // Another user may not get through root's own temporary directory.
        let parent = if is_root { PathBuf::from("/tmp") } else { env::temp_dir() };
        let path = tempfile::Builder::new().prefix("auth-test-").tempdir_in(parent).unwrap().keep();
        if let Some((user, group)) = owner {
            chown(&path, Some(user), Some(group)).unwrap();
        }
        let password = format!("{:016x}", RandomState::new().hash_one(process::id()));
        Self { path, password, owner }
    }

    /// A file that the server can read.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, content).unwrap();
        if let Some((user, group)) = self.owner {
            chown(&path, Some(user), Some(group)).unwrap();
        }
        path
    }

    /// A program, run as the owner of the directory.
    fn command(&self, program: &Path) -> Command {
        let mut command = match self.owner {
            None => Command::new(program),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
                command.arg(program);
                command
            }
        };
        // Whatever the tests' own temporary directory is, the server's user may not get into it.
        command.current_dir(&self.path).env("TMPDIR", &self.path);
        command
    }

    fn init_postgres(&self, initdb: &Path) {
        let password = self.file("password", &self.password);
        let init = |locale: &[&str]| {
            let mut command = self.command(initdb);
            command.args([
                "--username=test",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-sync",
                "--locale=C.UTF-8",
            ]);
            command.args(locale).arg("--pwfile").arg(&password).arg("--pgdata").arg(self.path.join("data"));
            command.output().unwrap()
        };
        // A locale in which letters do not sort by their bytes, where there is one: the tables must not depend on it.
        if !init(&["--locale-provider=icu", "--icu-locale=en-US"]).status.success() {
            let done = init(&[]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }

    fn postgres(&self, postgres: &Path, port: u16) -> Command {
        let mut command = self.command(postgres);
        command.arg("-D").arg(self.path.join("data")).arg("-p").arg(port.to_string());
        // -F: no fsync. The data is thrown away, and the operating system does not crash in a test.
        command.args(["-F", "-h", "127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200"]);
        command
    }

    fn init_mariadb(&self, install: &Path) {
        let mut command = self.command(install);
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        let done = command.arg(format!("--datadir={}", self.path.join("data").display())).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    fn mariadb(&self, mariadbd: &Path, port: u16) -> Command {
        let users = format!(
            "CREATE USER 'test'@'127.0.0.1' IDENTIFIED BY '{0}';\nGRANT ALL ON *.* TO 'test'@'127.0.0.1';\n\
             ALTER USER 'root'@'localhost' IDENTIFIED BY '{0}';\n",
            self.password
        );
        let users = self.file("users.sql", &users);
        let mut command = self.command(mariadbd);
        command.args(["--no-defaults", "--skip-name-resolve", "--bind-address=127.0.0.1", "--max-connections=200"]);
        // The log is written but not forced to the disk, for the same reason as above.
        command.args(["--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0", "--innodb-log-file-size=16M"]);
        for (option, path) in
            [("datadir", self.path.join("data")), ("socket", self.path.join("socket")), ("init-file", users)]
        {
            command.arg(format!("--{option}={}", path.display()));
        }
        command.arg(format!("--port={port}"));
        command
    }

    /// Starts the command under the eyes of a shell, in a process group of its own: Ctrl-C ends the tests, and the
    /// shell then has work to do.
    fn watched(&self, command: &mut Command, signal: &str) -> Child {
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch"]).arg(&self.path).arg(signal).arg(command.get_program());
        watch.args(command.get_args()).current_dir("/").env("TMPDIR", &self.path).process_group(0);
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// The newest of the installed programs of this name.
fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders
        .sort_by_key(|folder| folder.parent().and_then(|version| version.file_name()?.to_str()?.parse::<u32>().ok()));
    folders.reverse();
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// User and group that a server may run as.
fn owner(server: Server) -> (u32, u32) {
    let name = match server {
        Server::Postgres => "postgres",
        Server::Mariadb => "mysql",
    };
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == name)?;
        Some((user[2].parse().ok()?, user[3].parse().ok()?))
    };
    ids(name).or_else(|| ids("nobody")).expect("there is a user `nobody`")
}

/// The address of another database on the same server.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").expect("an address has a scheme");
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let parameters = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
    format!("{scheme}://{authority}/{name}{parameters}")
}
