//! Databases of servers that tests use one after the other: to empty one takes a moment, to make one much longer.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::servers::{Server, ServerDatabase};

/// How long the connections of an earlier test may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database that is one test's alone until this is dropped. One that a test failed over is kept out, to be looked at.
#[derive(Debug)]
pub(crate) struct LentDatabase {
    server: Server,
    database: Option<ServerDatabase>,
}

impl LentDatabase {
    /// One with the tables of the store and not a row in them; `None` where there is no such server.
    pub(crate) async fn of(server: Server) -> Option<Self> {
        // A statement of its own: the lock ends with it.
        let returned = returned(server).pop_front();
        let database = match returned {
            Some(database) => {
                let emptied = empty(server, &database);
                tokio::time::timeout(PATIENCE, emptied).await.expect("somebody is still connected");
                database
            }
            None => server.database().await?,
        };
        Some(Self { server, database: Some(database) })
    }

    pub(crate) fn database(&self) -> &ServerDatabase {
        self.database.as_ref().expect("it is taken out by `drop` alone")
    }
}

impl Drop for LentDatabase {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            returned(self.server).extend(self.database.take());
        }
    }
}

/// Those that nobody uses, the longest unused first.
fn returned(server: Server) -> std::sync::MutexGuard<'static, VecDeque<ServerDatabase>> {
    static POSTGRES: Mutex<VecDeque<ServerDatabase>> = Mutex::new(VecDeque::new());
    static MARIADB: Mutex<VecDeque<ServerDatabase>> = Mutex::new(VecDeque::new());
    let returned = match server {
        Server::Postgres => &POSTGRES,
        Server::Mariadb => &MARIADB,
    };
    returned.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every row. Whoever is still connected goes first: what an earlier test left under way must not commit
/// into the next one.
async fn empty(server: Server, database: &ServerDatabase) {
    database.kill_connections().await;
    database.run(&deletes(server)).await.unwrap();
}

/// A DELETE for each table, those that refer to others first.
fn deletes(server: Server) -> String {
    let scripts: Vec<_> = auth_sqlx::migrations(server.engine()).map(|migration| migration.sql).collect();
    let names = scripts.iter().flat_map(|script| script.lines()).filter_map(|line| line.strip_prefix("CREATE TABLE "));
    let mut deletes: Vec<_> = names
        .filter(|name| !name.starts_with("IF NOT EXISTS auth_migration"))
        .map(|name| format!("DELETE FROM {};\n", name.trim_end_matches([' ', '('])))
        .collect();
    assert!(!deletes.is_empty(), "the migrations name no table");
    deletes.reverse();
    deletes.concat()
}
