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

use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, io, process};

use auth_sqlx::{Engine, SqlStore};
use sqlx::mysql::{MySqlConnection, MySqlPoolOptions};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::OnceCell;

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

/// The same for a server that its test starts: reads its latest process id, and takes the disk away as well.
const WATCH_OWN: &str = r#"
    directory=$1 signal=$2 server=
    while read -r latest; do server=$latest; done
    [ -z "$server" ] || kill -s "$signal" "$server"
    while [ -n "$server" ] && kill -0 "$server"; do sleep 0.1; done
    ! mountpoint -q "$directory/data" || umount -l "$directory/data"
    rm -rf "$directory"
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

    /// A server that its test may break; `None`, said aloud, when none is installed. `arguments` are added to its
    /// command.
    pub async fn of_its_own(self, arguments: &[&str]) -> Option<OwnServer> {
        let Some(programs) = self.programs() else {
            self.is_missing("");
            return None;
        };
        Some(self.own(Home::new(self), &programs, arguments).await)
    }

    /// As [`of_its_own`](Self::of_its_own), with its data on a disk of its own of so many megabytes. `None`, said
    /// aloud, also where nothing may be mounted: that is the machine's to decide, whoever runs the tests.
    pub async fn of_its_own_on_disk(self, megabytes: u32, arguments: &[&str]) -> Option<OwnServer> {
        let Some(programs) = self.programs() else {
            self.is_missing("");
            return None;
        };
        let home = Home::new(self);
        if let Err(refused) = home.mount(megabytes) {
            fs::remove_dir_all(&home.path).unwrap();
            say_skipped(&format!("{self:?} on a small disk, for mount says: {refused}"));
            return None;
        }
        Some(self.own(home, &programs, arguments).await)
    }

    async fn own(self, home: Home, [init, program]: &[PathBuf; 2], arguments: &[&str]) -> OwnServer {
        let watch = home.watch(WATCH_OWN, self.signal(), None);
        self.init(&home, init);
        let port = port_of_its_own();
        let own = OwnServer {
            server: self,
            url: self.url(&home, port),
            port,
            program: program.clone(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            home,
            process: Mutex::new(None),
            watch: Mutex::new(watch),
        };
        own.start().await;
        own
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

    /// Ends every connection to it, as an administrator would.
    pub async fn kill_connections(&self) {
        match self.server {
            Server::Postgres => {
                const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
                self.run(KILL).await.unwrap();
            }
            Server::Mariadb => {
                const OTHERS: &str = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                    WHERE db = DATABASE() AND id <> CONNECTION_ID()";
                let mut mysql = MySqlConnection::connect(&self.url).await.unwrap();
                let others: Vec<i64> = sqlx::query_scalar(OTHERS).fetch_all(&mut mysql).await.unwrap();
                for other in others {
                    // It may have gone by itself meanwhile.
                    drop(sqlx::raw_sql(AssertSqlSafe(format!("KILL CONNECTION {other}"))).execute(&mut mysql).await);
                }
            }
        }
    }

    /// How many transactions are open in it.
    pub async fn open_transactions(&self) -> i64 {
        static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        match self.server {
            Server::Postgres => {
                const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'";
                self.number(OPEN).await
            }
            Server::Mariadb => {
                const OPEN: &str = "SELECT count(*) FROM information_schema.innodb_trx t \
                    JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE()";
                // InnoDB looks anew only when nobody has asked for a tenth of a second.
                let _turn = TURN.lock().await;
                tokio::time::sleep(Duration::from_millis(110)).await;
                self.number(OPEN).await
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

/// A server of a test's own, to be stopped, killed, halted and started again over the same data. It ends with the
/// value, and its data with it.
#[derive(Debug)]
pub struct OwnServer {
    server: Server,
    url: String,
    port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    home: Home,
    process: Mutex<Option<Child>>,
    watch: Mutex<Child>,
}

impl OwnServer {
    /// A database with the tables of the store.
    pub async fn database(&self) -> ServerDatabase {
        let database = self.server.create(&self.url, "").await;
        auth_sqlx::migrate(&SqlStore::connect(&database.url).await.unwrap()).await.unwrap();
        database
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&self) {
        let begun = Instant::now();
        self.spawn();
        while let Err(error) = self.server.send(&self.url, "SELECT 1".to_owned()).await {
            assert!(begun.elapsed() < START, "{:?} does not answer: {error}\n{}", self.server, self.home.log());
            tokio::time::sleep(MOMENT).await;
            // Children of one that was killed may still have held what it needs.
            if !self.is_running() {
                self.spawn();
            }
        }
    }

    fn spawn(&self) {
        let mut command = self.server.command(&self.home, &self.program, self.port);
        let log = fs::File::options().create(true).append(true).open(self.home.path.join("log")).unwrap();
        command.args(&self.arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // Of a process group of its own, for the same reason as the watch.
        let process = command.process_group(0).spawn().unwrap();
        writeln!(lock(&self.watch).stdin.as_ref().unwrap(), "{}", process.id()).unwrap();
        *lock(&self.process) = Some(process);
    }

    /// Whether its process is there.
    pub fn is_running(&self) -> bool {
        lock(&self.process).as_mut().is_some_and(|process| process.try_wait().unwrap().is_none())
    }

    /// Ends it at once, without a word to its clients: the immediate shutdown of PostgreSQL, SIGKILL for MariaDB.
    pub fn stop(&self) {
        if let Some(mut process) = lock(&self.process).take() {
            signal(self.server.signal(), &[process.id()]);
            process.wait().unwrap();
            // The number may be another process's from now on.
            writeln!(lock(&self.watch).stdin.as_ref().unwrap()).unwrap();
        }
    }

    /// Halts all of its processes. Connections stay open, and nothing is answered.
    pub fn halt(&self) {
        signal("STOP", &self.processes());
    }

    /// Lets it go on.
    pub fn resume(&self) {
        signal("CONT", &self.processes());
    }

    /// Writes to its disk until there is no room left.
    pub fn fill_disk(&self) {
        let mut ballast = fs::File::options().create(true).append(true).open(self.ballast()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![0; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// Makes the room again that [`fill_disk`](Self::fill_disk) took.
    pub fn free_disk(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.home.path.join("data/ballast")
    }

    /// The first process and its children: PostgreSQL has one for each connection.
    fn processes(&self) -> Vec<u32> {
        let Some(first) = lock(&self.process).as_ref().map(Child::id) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        std::iter::once(first).chain(children.split_whitespace().map(|child| child.parse().unwrap())).collect()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // A process that is halted hears of nothing.
        self.resume();
        self.stop();
        let mut watch = lock(&self.watch);
        drop(watch.stdin.take());
        let _ended = watch.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal(name: &str, processes: &[u32]) {
    let mut kill = Command::new("kill");
    kill.arg("-s").arg(name).args(processes.iter().map(u32::to_string)).stderr(Stdio::null());
    // A child may have gone by itself meanwhile.
    let _ended = kill.status().unwrap();
}

/// A port that stays free while its server is down: the system gives those of its own choice from above 32767.
fn port_of_its_own() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(15_000 + (process::id().wrapping_mul(31).wrapping_add(step)) % 15_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Not `eprintln!`, which a test that passes keeps to itself.
fn say_skipped(what: &str) {
    io::stderr().write_all(format!("skipped: {what}\n").as_bytes()).unwrap();
}

/// The directory of a server, and whom it belongs to.
#[derive(Debug)]
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

    /// Puts the data on a disk of so many megabytes.
    fn mount(&self, megabytes: u32) -> Result<(), String> {
        let data = self.path.join("data");
        fs::create_dir(&data).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(&data);
        let done = mount.output().map_err(|error| error.to_string())?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).trim().to_owned());
        }
        if let Some((user, group)) = self.owner {
            chown(&data, Some(user), Some(group)).unwrap();
        }
        Ok(())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path.join("log")).unwrap_or_default()
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

    /// Starts a shell that looks after the server, in a process group of its own: Ctrl-C ends the tests, and the
    /// shell then has work to do. It also starts the command, when there is one.
    fn watch(&self, script: &str, signal: &str, command: Option<&Command>) -> Child {
        let mut watch = Command::new("sh");
        watch.args(["-c", script, "watch"]).arg(&self.path).arg(signal);
        if let Some(command) = command {
            watch.arg(command.get_program()).args(command.get_args());
        }
        watch.current_dir("/").env("TMPDIR", &self.path).process_group(0);
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
