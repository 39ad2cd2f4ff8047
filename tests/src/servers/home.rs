//! Where a server keeps its files, the programs that make and serve them, and who cleans up.

use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::{env, fs};

use super::Server;

/// The directory of a server, and whom it belongs to.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) path: PathBuf,
    pub(super) password: String,
    /// Servers refuse to run as root; their user and group then.
    owner: Option<(u32, u32)>,
}

impl Home {
    pub(super) fn new(server: Server) -> Self {
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
    pub(super) fn mount(&self, megabytes: u32) -> Result<(), String> {
        let data = self.path.join("data");
        fs::create_dir(&data).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(&data);
        let done = mount.output().map_err(|error| error.to_string())?;
        if !done.status.success() {
            let refused = String::from_utf8_lossy(&done.stderr);
            return Err(refused.lines().next().unwrap_or_default().to_owned());
        }
        if let Some((user, group)) = self.owner {
            chown(&data, Some(user), Some(group)).unwrap();
        }
        Ok(())
    }

    pub(super) fn log(&self) -> String {
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

    pub(super) fn init_postgres(&self, initdb: &Path) {
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

    pub(super) fn postgres(&self, postgres: &Path, port: u16) -> Command {
        let mut command = self.command(postgres);
        command.arg("-D").arg(self.path.join("data")).arg("-p").arg(port.to_string());
        // -F: no fsync. The data is thrown away, and the operating system does not crash in a test.
        command.args(["-F", "-h", "127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200"]);
        command
    }

    pub(super) fn init_mariadb(&self, install: &Path) {
        let mut command = self.command(install);
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        let done = command.arg(format!("--datadir={}", self.path.join("data").display())).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    pub(super) fn mariadb(&self, mariadbd: &Path, port: u16) -> Command {
        let users = format!(
            "CREATE USER 'test'@'127.0.0.1' IDENTIFIED BY '{0}';\nGRANT ALL ON *.* TO 'test'@'127.0.0.1' WITH GRANT OPTION;\n\
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
    pub(super) fn watch(&self, script: &str, signal: &str, command: Option<&Command>) -> Child {
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
pub(super) fn program(name: &str) -> Option<PathBuf> {
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
