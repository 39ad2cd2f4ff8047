//! Servers that tests break.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use auth_sqlx::SqlStore;

use super::home::Home;
use super::{MOMENT, START, Server, ServerDatabase, say_skipped};

/// Reads which process the server is by now. At the end of its input it ends the latest, takes its disk away, and
/// removes the directory. `$1` is the directory, `$2` the signal that ends a server at once.
const WATCH_OWN: &str = r#"
    directory=$1 signal=$2 server=
    while read -r latest; do server=$latest; done
    [ -z "$server" ] || kill -s "$signal" "$server"
    while [ -n "$server" ] && kill -0 "$server"; do sleep 0.1; done
    ! mountpoint -q "$directory/data" || umount -l "$directory/data"
    rm -rf "$directory"
"#;

impl Server {
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
