//! Databases of servers that tests use one after the other: to empty one takes a moment, to make one much longer.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::servers::{Server, ServerDatabase};

/// How long the connections of an earlier test may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at who is still connected.
const MOMENT: Duration = Duration::from_millis(2);

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
                let emptied = empty(server, database.url());
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
async fn empty(server: Server, url: &str) {
    match server {
        Server::Postgres => {
            const END_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
            let mut postgres = PgConnection::connect(url).await.unwrap();
            while !sqlx::query(END_OTHERS).fetch_all(&mut postgres).await.unwrap().is_empty() {
                tokio::time::sleep(MOMENT).await;
            }
            sqlx::raw_sql(deletes(server)).execute(&mut postgres).await.unwrap();
            postgres.close().await.unwrap();
        }
        Server::Mariadb => {
            const OTHERS: &str = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            let mut mysql = MySqlConnection::connect(url).await.unwrap();
            loop {
                let others: Vec<i64> = sqlx::query_scalar(OTHERS).fetch_all(&mut mysql).await.unwrap();
                if others.is_empty() {
                    break;
                }
                for other in others {
                    // It may have gone by itself meanwhile.
                    drop(sqlx::raw_sql(AssertSqlSafe(format!("KILL {other}"))).execute(&mut mysql).await);
                }
                tokio::time::sleep(MOMENT).await;
            }
            sqlx::raw_sql(deletes(server)).execute(&mut mysql).await.unwrap();
            mysql.close().await.unwrap();
        }
    }
}

/// A DELETE for each table, those that refer to others first.
fn deletes(server: Server) -> AssertSqlSafe<String> {
    let scripts: Vec<_> = auth_sqlx::migrations(server.engine()).map(|migration| migration.sql).collect();
    let names = scripts.iter().flat_map(|script| script.lines()).filter_map(|line| line.strip_prefix("CREATE TABLE "));
    let mut deletes: Vec<_> = names
        .filter(|name| !name.starts_with("IF NOT EXISTS auth_migration"))
        .map(|name| format!("DELETE FROM {};\n", name.trim_end_matches([' ', '('])))
        .collect();
    assert!(!deletes.is_empty(), "the migrations name no table");
    deletes.reverse();
    AssertSqlSafe(deletes.concat())
}
