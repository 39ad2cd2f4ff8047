//! Our tables, brought up to date.
//!
//! Migrations are compiled in, applied in their order and written down in `auth_migration`, apart from the
//! application's own. They are only ever added to: a database remembers the checksum of each one it has.

use auth_core::base::{Clock, SystemClock};
use sha2::{Digest, Sha256};

use crate::driver::{Pool, Target, Transaction, Value};
use crate::error::{MigrateError, corrupt};
use crate::pool::SqlStore;
use crate::sql::{Sql, sql};

const APPLIED: Sql = sql!("SELECT name, checksum FROM auth_migration ORDER BY name");
const WRITE_DOWN: Sql = sql!("INSERT INTO auth_migration (name, checksum, applied_at) VALUES ($1, $2, $3)");

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&APPLIED, &WRITE_DOWN];

/// What one engine needs.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Makes the history table unless it is there.
    history: &'static str,
    /// In the order of their names.
    migrations: &'static [Migration],
}

#[derive(Clone, Copy, Debug)]
struct Migration {
    name: &'static str,
    script: &'static str,
}

#[cfg(feature = "sqlite")]
const SQLITE: Plan = Plan {
    history: include_str!("../migrations/sqlite/0000_history.sql"),
    migrations: &[Migration { name: "0001_initial", script: include_str!("../migrations/sqlite/0001_initial.sql") }],
};

/// Creates and alters the tables of the store, all of them or none. Does nothing when they are up to date;
/// several processes may call it at once, one of them does the work while the others wait.
///
/// # Errors
/// [`MigrateError`] when a setting of the connection or the state of the database does not fit this version.
pub async fn migrate(store: &SqlStore) -> Result<(), MigrateError> {
    let plan = match store.pool() {
        #[cfg(feature = "sqlite")]
        Pool::Sqlite(_) => SQLITE,
    };
    run(store.pool(), plan).await
}

async fn run(pool: &Pool, plan: Plan) -> Result<(), MigrateError> {
    let mut tx = pool.begin().await?;
    tx.check_settings().await?;
    tx.run_script(plan.history).await?;
    let applied = applied(&mut tx).await?;
    for (name, checksum) in &applied {
        let Some(known) = plan.migrations.iter().find(|known| known.name == name) else {
            return Err(MigrateError::Newer(name.clone()));
        };
        if checksum != &known.checksum() {
            return Err(MigrateError::Changed(name.clone()));
        }
    }
    for migration in plan.migrations {
        if !applied.iter().any(|(name, _)| name == migration.name) {
            apply(&mut tx, migration).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn applied(tx: &mut Transaction) -> Result<Vec<(String, [u8; 32])>, MigrateError> {
    let mut applied = Vec::new();
    for row in tx.fetch_all(&APPLIED, &[]).await? {
        let checksum = row.bytes(1)?.try_into().map_err(|_| corrupt("auth_migration.checksum"))?;
        applied.push((row.text(0)?.to_owned(), checksum));
    }
    Ok(applied)
}

async fn apply(tx: &mut Transaction, migration: &Migration) -> Result<(), MigrateError> {
    tx.run_script(migration.script).await?;
    let checksum = migration.checksum();
    let values = [Value::from(migration.name), (&checksum).into(), SystemClock.now().into()];
    tx.execute(&WRITE_DOWN, &values).await?;
    tracing::info!(migration = migration.name, "applied a database migration");
    Ok(())
}

impl Migration {
    /// Without carriage returns, which a checkout on Windows adds.
    fn checksum(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in self.script.split('\r') {
            digest.update(part);
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use auth_core::store::Store;
    use tempfile::TempDir;

    use super::*;

    const FIRST: Migration = Migration { name: "0001_first", script: "CREATE TABLE one (a TEXT) STRICT;\n" };
    const EDITED: Migration = Migration { name: "0001_first", script: "CREATE TABLE one (b TEXT) STRICT;\n" };
    const FROM_WINDOWS: Migration = Migration { name: "0001_first", script: "CREATE TABLE one (a TEXT) STRICT;\r\n" };
    const SECOND: Migration = Migration { name: "0002_second", script: "CREATE TABLE two (a TEXT) STRICT;" };
    const BROKEN: Migration = Migration { name: "0002_second", script: "CREATE TABLE two (a TEXT); CREATE nonsense;" };

    async fn memory() -> SqlStore {
        SqlStore::connect("sqlite::memory:").await.unwrap()
    }

    async fn run_these(store: &SqlStore, migrations: &'static [Migration]) -> Result<(), MigrateError> {
        run(store.pool(), Plan { migrations, ..SQLITE }).await
    }

    async fn count(store: &SqlStore, question: &'static str) -> i64 {
        sqlx::query_scalar(question).fetch_one(store.sqlite_pool().unwrap()).await.unwrap()
    }

    async fn history(store: &SqlStore) -> i64 {
        count(store, "SELECT count(*) FROM auth_migration").await
    }

    #[tokio::test]
    async fn the_second_time_does_nothing() {
        let store = memory().await;
        migrate(&store).await.unwrap();
        let changes = "SELECT total_changes()";
        let before = count(&store, changes).await;
        migrate(&store).await.unwrap();
        assert_eq!(count(&store, changes).await, before);
        assert_eq!(history(&store).await, 1);
    }

    #[tokio::test]
    async fn later_migrations_are_added_to_earlier_ones() {
        let store = memory().await;
        run_these(&store, &[FIRST]).await.unwrap();
        run_these(&store, &[FROM_WINDOWS, SECOND]).await.unwrap();
        assert_eq!(history(&store).await, 2);
    }

    #[tokio::test]
    async fn an_edited_migration_is_refused_by_name() {
        let store = memory().await;
        run_these(&store, &[FIRST]).await.unwrap();
        let error = run_these(&store, &[EDITED, SECOND]).await.unwrap_err();
        assert!(matches!(&error, MigrateError::Changed(name) if name == "0001_first"), "{error}");
        assert_eq!(history(&store).await, 1, "nothing was applied");
    }

    #[tokio::test]
    async fn an_older_version_refuses_a_newer_database() {
        let store = memory().await;
        run_these(&store, &[FIRST, SECOND]).await.unwrap();
        let error = run_these(&store, &[FIRST]).await.unwrap_err();
        assert!(matches!(&error, MigrateError::Newer(name) if name == "0002_second"), "{error}");
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing() {
        let store = memory().await;
        assert!(matches!(run_these(&store, &[FIRST, BROKEN]).await, Err(MigrateError::Store(_))));
        assert_eq!(count(&store, "SELECT count(*) FROM sqlite_schema").await, 0);
        run_these(&store, &[FIRST, SECOND]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn several_processes_may_start_at_once() {
        for _ in 0..20 {
            let folder = TempDir::new().unwrap();
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("auth.db").display());
            let starts: Vec<_> = (0..4)
                .map(|_| {
                    let url = url.clone();
                    tokio::spawn(async move {
                        let store = SqlStore::connect(&url).await.unwrap();
                        migrate(&store).await.unwrap();
                        store
                    })
                })
                .collect();
            for start in starts {
                let store = start.await.unwrap();
                assert_eq!(history(&store).await, 1);
                store.begin().await.unwrap();
            }
        }
    }
}
