//! MySQL and MariaDB: statement by statement, because each commits by itself.
//!
//! The history says how far a migration has come: before a statement is sent it is counted as begun, and as done when
//! the next one is. A process that dies in between leaves one statement in doubt. Whoever comes next sends it again,
//! and takes "is there already" for success, of that statement only: a table of another program is never taken for
//! ours.

use auth_core::base::{Clock, SystemClock};
use auth_core::store::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlPool};

use super::plan::{Migration, Plan, tables, with_collation};
use super::script::statements;
use crate::driver::{Names, unsafe_mysql_setting};
use crate::engine::Engine;
use crate::error::{MigrateError, corrupt};

// Names of locks belong to the whole server, so the database is part of it, at a length that they may have.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('auth_sqlx ', SHA1(DATABASE())), 60)";
const HISTORY: &str = "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
    WHERE table_schema = DATABASE() AND table_name = ?";
const APPLIED: &str = "SELECT name, checksum, begun, done, applied_at FROM auth_migration ORDER BY name";
const BEGIN: &str = "INSERT INTO auth_migration (name, checksum, begun, done, applied_at) VALUES (?, ?, 0, 0, NULL)";
const COUNT: &str = "UPDATE auth_migration SET begun = ?, done = ?, applied_at = ? WHERE name = ?";

const OTHER_COLLATION: &str = "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
    WHERE table_schema = DATABASE() AND table_name = ? AND collation_name <> ? LIMIT 1";

/// A line of the history, as [`APPLIED`] asks for it.
type Progress = (String, Vec<u8>, i64, i64, Option<i64>);

pub(super) async fn run(pool: &MySqlPool, names: &Names, plan: Plan) -> Result<(), MigrateError> {
    // The lock goes with the connection. Detached, it cannot come back to the pool with the lock still on it.
    let mut mysql = pool.acquire().await.map_err(failed)?.detach();
    let result = run_on(&mut mysql, names, plan).await;
    // The server hears of the end either way; a farewell that fails changes nothing.
    drop(sqlx::Connection::close(mysql).await);
    result
}

async fn run_on(mysql: &mut MySqlConnection, names: &Names, plan: Plan) -> Result<(), MigrateError> {
    if let Some(setting) = unsafe_mysql_setting(mysql).await.map_err(failed)? {
        return Err(MigrateError::Unsafe(setting));
    }
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut *mysql).await.map_err(failed)?;
    let engine = if version.contains("MariaDB") { Engine::Mariadb } else { Engine::Mysql };
    let locked: Option<i64> = sqlx::query_scalar(LOCK).fetch_one(&mut *mysql).await.map_err(failed)?;
    if locked != Some(1) {
        return Err(MigrateError::Busy);
    }
    let mut locked = Locked { mysql, names, engine };
    // `IF NOT EXISTS` demands the right to create tables even when there is nothing to create.
    let found: Option<String> = sqlx::query_scalar(HISTORY)
        .bind(names.text("auth_migration").as_str())
        .fetch_optional(&mut *locked.mysql)
        .await
        .map_err(failed)?;
    if found.is_none() {
        locked.execute(locked.written(plan.history)).await.map_err(failed)?;
    }
    let history: Vec<Progress> =
        sqlx::query_as(names.text(APPLIED)).fetch_all(&mut *locked.mysql).await.map_err(failed)?;
    let mut applied = Vec::new();
    for (name, checksum, ..) in &history {
        let checksum = checksum.as_slice().try_into().map_err(|_| corrupt("auth_migration.checksum"))?;
        applied.push((name.as_str(), checksum));
    }
    plan.fits(applied)?;
    for migration in plan.migrations {
        match history.iter().find(|(name, ..)| name == migration.name) {
            Some((.., Some(_applied_at))) => {}
            Some(&(_, _, begun, done, None)) => locked.apply(migration, begun, done).await?,
            None => {
                let begin = sqlx::query(names.text(BEGIN)).bind(migration.name).bind(migration.checksum().to_vec());
                begin.execute(&mut *locked.mysql).await.map_err(failed)?;
                locked.apply(migration, 0, 0).await?;
            }
        }
    }
    locked.expect_bytewise_text().await
}

/// The connection that holds the lock, and what the scripts need to be sent over it.
struct Locked<'a> {
    mysql: &'a mut MySqlConnection,
    names: &'a Names,
    engine: Engine,
}

impl Locked<'_> {
    /// Whoever converts a table to another collation makes one of two addresses, or of two role names.
    async fn expect_bytewise_text(&mut self) -> Result<(), MigrateError> {
        for table in tables() {
            let table = self.names.text(table);
            let other = sqlx::query_scalar(OTHER_COLLATION).bind(table.as_str()).bind(self.engine.collation());
            let other: Option<String> = other.fetch_optional(&mut *self.mysql).await.map_err(failed)?;
            if let Some(column) = other {
                return Err(MigrateError::Collation(format!("{}.{column}", table.as_str())));
            }
        }
        Ok(())
    }

    async fn apply(&mut self, migration: &Migration, begun: i64, done: i64) -> Result<(), MigrateError> {
        let script = self.written(migration.script);
        let mut next = done;
        for statement in statements(&script).skip(usize::try_from(done).map_err(StoreError::backend)?) {
            let in_doubt = next < begun;
            self.count(migration, next + 1, next, None).await?;
            match self.execute(statement.to_owned()).await {
                Err(error) if in_doubt && is_there_already(&error) => {}
                Err(error) => {
                    // The server said no, so nothing is in doubt. If it said nothing, the history cannot be written
                    // either.
                    if error.as_database_error().is_some() {
                        self.count(migration, next, next, None).await?;
                    }
                    return Err(failed(error));
                }
                Ok(()) => {}
            }
            next += 1;
        }
        self.count(migration, next, next, Some(SystemClock.now().as_micros())).await?;
        tracing::info!(migration = migration.name, "applied a database migration");
        Ok(())
    }

    async fn count(
        &mut self,
        migration: &Migration,
        begun: i64,
        done: i64,
        applied_at: Option<i64>,
    ) -> Result<(), MigrateError> {
        let count = sqlx::query(self.names.text(COUNT)).bind(begun).bind(done).bind(applied_at).bind(migration.name);
        count.execute(&mut *self.mysql).await.map(drop).map_err(failed)
    }

    fn written(&self, script: &'static str) -> String {
        with_collation(self.names.text(script).as_str(), self.engine.collation())
    }

    async fn execute(&mut self, statement: String) -> sqlx::Result<()> {
        // Our own text: a file of this crate, with the names of tables and of a collation put in.
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *self.mysql).await.map(drop)
    }
}

/// Table exists, no such table to drop, column exists, index exists, no such column or index to drop, foreign key
/// exists: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>.
fn is_there_already(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| matches!(error.number(), 1050 | 1051 | 1060 | 1061 | 1091 | 1826))
}

fn failed(error: sqlx::Error) -> MigrateError {
    MigrateError::Store(StoreError::backend(error))
}
