//! The server as a process of its own, whose processor time and memory the system tells us.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use auth_core::crypto::jwt::Algorithm;

use crate::app::Framework;
use crate::seed::Seed;

/// The first argument of a child over the seed's database.
pub(crate) const SERVE: &str = "serve";
/// The first argument of a child whose sessions are in its memory.
pub(crate) const SERVE_IN_MEMORY: &str = "serve_in_memory";

/// `USER_HZ`, in which the kernel counts processor time for programs, on every Linux.
const TICKS_PER_SECOND: u32 = 100;

/// A running server; it ends with the value.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// The secrets of the sessions that are in its memory alone.
    pub(crate) tokens: Arc<Vec<String>>,
}

impl Server {
    pub(crate) fn start(framework: Framework, seed: &Seed) -> Self {
        Self::signing(Algorithm::EdDsa, framework, seed)
    }

    /// One whose access tokens are signed with this algorithm.
    pub(crate) fn signing(algorithm: Algorithm, framework: Framework, seed: &Seed) -> Self {
        Self::spawn(&[SERVE, framework.name(), algorithm.as_str(), &seed.url()])
    }

    /// One without a database.
    pub(crate) fn in_memory(framework: Framework) -> Self {
        Self::spawn(&[SERVE_IN_MEMORY, framework.name()])
    }

    fn spawn(arguments: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace();
        let address = words.next().unwrap().parse().unwrap();
        Self { process, address, tokens: Arc::new(words.map(str::to_owned).collect()) }
    }

    /// The processor time it has used until now, in all its threads.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = self.read("stat");
        // proc_pid_stat(5): the second field is a name in parentheses, user and system time are the 14th and 15th.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
        Duration::from_secs(1) * ticks / TICKS_PER_SECOND
    }

    /// The memory it occupies now, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most it has ever occupied, in KiB.
    pub(crate) fn peak_resident_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = self.read("status");
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have gone already.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// In the child: tells where it listens and what sessions it has in its memory, and ends it as soon as the parent is
/// gone.
pub(crate) fn announce(address: SocketAddr, tokens: &[String]) {
    println!("{address} {}", tokens.join(" "));
    std::thread::spawn(|| {
        let _closed = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
}
