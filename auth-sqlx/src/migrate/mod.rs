//! Our tables, brought up to date.
//!
//! Migrations are compiled in, applied in their order and written down in `auth_migration`, apart from the
//! application's own. They are only ever added to: a database remembers the checksum of each one it has, which is that
//! of the file, whatever the tables are called.

mod plan;
mod script;
#[cfg(feature = "mysql")]
mod stepwise;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod whole;

pub(crate) use self::plan::tables;
pub(crate) use self::script::printed;
pub use self::script::{MigrationScript, migrations};
#[cfg(test)]
#[cfg(feature = "sqlite")]
pub(crate) use self::whole::STATEMENTS;
use crate::driver::Pool;
use crate::error::MigrateError;
use crate::pool::SqlStore;

/// Creates and alters the tables of the store. Does nothing when they are up to date; several processes may call it at
/// once, one of them does the work while the others wait.
///
/// On SQLite and PostgreSQL it is all of them or none. MySQL and MariaDB commit each change of a table by itself; a
/// migration that was cut off there goes on where it stood when this is called again. The user of the connection needs
/// the right to create and alter tables; [`migrations`] prints the SQL for those who apply it in another way.
///
/// # Errors
/// [`MigrateError`] when a setting of the connection or the state of the database does not fit this version.
pub async fn migrate(store: &SqlStore) -> Result<(), MigrateError> {
    match store.pool() {
        #[cfg(feature = "sqlite")]
        Pool::Sqlite(_) => whole::run(store, plan::SQLITE).await,
        #[cfg(feature = "postgres")]
        Pool::Postgres(_) => whole::run(store, plan::POSTGRES).await,
        #[cfg(feature = "mysql")]
        Pool::Mysql(pool) => stepwise::run(pool, store.names(), plan::MYSQL).await,
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::time::Duration;

    use auth_core::store::Store;
    use tempfile::TempDir;

    use super::plan::{Migration, Plan, SQLITE};
    use super::*;

    const FIRST: Migration = Migration { name: "0001_first", script: "CREATE TABLE one (a TEXT) STRICT;\n" };
    const EDITED: Migration = Migration { name: "0001_first", script: "CREATE TABLE one (b TEXT) STRICT;\n" };
    const FROM_WINDOWS: Migration = Migration { name: "0001_first", script: "CREATE TABLE one (a TEXT) STRICT;\r\n" };
    const SECOND: Migration = Migration { name: "0002_second", script: "CREATE TABLE two (a TEXT) STRICT;" };
    const BROKEN: Migration = Migration { name: "0002_second", script: "CREATE TABLE two (a TEXT); CREATE nonsense;" };

    /// Takes seconds.
    const LONG: Migration = Migration {
        name: "0002_second",
        script: "CREATE TABLE two AS WITH RECURSIVE c (n) AS \
            (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) SELECT n FROM c;",
    };

    async fn memory() -> SqlStore {
        SqlStore::connect("sqlite::memory:").await.unwrap()
    }

    async fn run_these(store: &SqlStore, migrations: &'static [Migration]) -> Result<(), MigrateError> {
        whole::run(store, Plan { migrations, ..SQLITE }).await
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
        assert_eq!(history(&store).await, SQLITE.migrations.len() as i64);
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

    /// As the next user of the pool's one connection finds them.
    async fn enforces_foreign_keys(store: &SqlStore) -> bool {
        count(store, "SELECT foreign_keys FROM pragma_foreign_keys").await == 1
    }

    #[tokio::test]
    async fn foreign_keys_are_enforced_again_however_it_ends() {
        let store = memory().await;
        run_these(&store, &[FIRST]).await.unwrap();
        assert!(enforces_foreign_keys(&store).await, "afterwards");
        assert!(matches!(run_these(&store, &[FIRST, BROKEN]).await, Err(MigrateError::Store(_))));
        assert!(enforces_foreign_keys(&store).await, "after a failure");
        let abandoned = tokio::time::timeout(Duration::from_millis(20), run_these(&store, &[FIRST, LONG])).await;
        assert!(abandoned.is_err(), "it was done too soon");
        assert!(enforces_foreign_keys(&store).await, "when nobody waits for the end");
        assert_eq!(history(&store).await, 1, "it is the same database, and nothing else has come about");
    }

    /// Whoever applies it by hand, in a transaction where the setting cannot be changed.
    #[tokio::test]
    async fn a_table_is_not_made_anew_where_foreign_keys_are_enforced() {
        let store = memory().await;
        let (before, rest) = SQLITE.migrations.split_at(2);
        run_these(&store, before).await.unwrap();
        let pool = store.sqlite_pool().unwrap();
        for statement in [
            "CREATE TABLE note (user_id BLOB NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE) STRICT",
            "INSERT INTO auth_user VALUES (zeroblob(16), 'Ada', 'ada@example.com', 1, NULL, 1, 1, NULL, 0)",
            "INSERT INTO note SELECT id FROM auth_user",
        ] {
            sqlx::raw_sql(statement).execute(pool).await.unwrap();
        }
        let refused = sqlx::raw_sql(rest[0].script).execute(pool).await.unwrap_err();
        assert!(refused.to_string().contains("CHECK constraint failed"), "{refused}");
        assert_eq!(count(&store, "SELECT count(*) FROM auth_user JOIN note ON user_id = id").await, 1);
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
                assert_eq!(history(&store).await, SQLITE.migrations.len() as i64);
                store.begin().await.unwrap();
            }
        }
    }
}
