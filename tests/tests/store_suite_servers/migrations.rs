//! Making and checking the tables.

use auth_core::store::Store;
use auth_sqlx::{Engine, MigrateError, SqlStore, UnsafeSetting, migrate, migrations};
use auth_tests::servers::{Server, ServerDatabase};
use sqlx::mysql::MySqlPoolOptions;

use crate::{close, count, on_each_server, user};

on_each_server!(
    several_processes_may_migrate_at_once,
    the_printed_migrations_are_the_ones_that_run,
    another_programs_table_is_not_taken_for_ours,
    whoever_may_only_read_the_history_may_migrate_when_nothing_is_left_to_do,
);

/// A user who owns no table and may make none.
async fn whoever_may_only_read_the_history_may_migrate_when_nothing_is_left_to_do(server: Server) {
    let Some(database) = server.database().await else { return };
    let (address, name) = database.url().rsplit_once('/').unwrap();
    let (scheme, rest) = address.split_once("://").unwrap();
    let (_owner, host) = rest.rsplit_once('@').unwrap();
    let reader = name.replace("auth_test", "reader");
    let (user, revoke) = match server {
        Server::Postgres => {
            (format!("CREATE USER {reader} PASSWORD 'x'"), "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        }
        Server::Mariadb => (format!("CREATE USER {reader} IDENTIFIED BY 'x'"), "SELECT 1"),
    };
    database.run(&format!("{user}; {revoke}; GRANT SELECT ON auth_migration TO {reader}")).await.unwrap();
    let store = SqlStore::connect(&format!("{scheme}://{reader}:x@{host}/{name}")).await.unwrap();
    migrate(&store).await.unwrap();
    close(&store).await;
    let undone = "DELETE FROM auth_migration WHERE name = '0002_retention'";
    database.run(undone).await.unwrap();
    let store = SqlStore::connect(&format!("{scheme}://{reader}:x@{host}/{name}")).await.unwrap();
    assert!(matches!(migrate(&store).await, Err(MigrateError::Store(_))), "there is something to do");
    close(&store).await;
    let gone = if server == Server::Postgres { format!("DROP OWNED BY {reader}; ") } else { String::new() };
    database.run(&format!("{gone}DROP USER {reader}")).await.unwrap();
    database.remove().await;
}

/// How many migrations there are, the history itself not counted.
fn migration_count() -> i64 {
    i64::try_from(migrations(Engine::Mariadb).count()).unwrap() - 1
}

async fn several_processes_may_migrate_at_once(server: Server) {
    for _ in 0..3 {
        let Some(database) = server.empty_database().await else { return };
        let starts: Vec<_> = (0..4)
            .map(|_| {
                let url = database.url().to_owned();
                tokio::spawn(async move {
                    let store = SqlStore::connect(&url).await.unwrap();
                    migrate(&store).await.unwrap();
                    store
                })
            })
            .collect();
        for start in starts {
            let store = start.await.unwrap();
            assert_eq!(count(&store, "auth_migration").await, migration_count());
            assert_eq!(count(&store, "auth_session").await, 0);
            close(&store).await;
        }
        database.remove().await;
    }
}

async fn the_printed_migrations_are_the_ones_that_run(server: Server) {
    let Some(database) = server.empty_database().await else { return };
    for migration in migrations(server.engine()) {
        database.run(&migration.sql).await.unwrap();
    }
    let store = database.store().await;
    migrate(&store).await.unwrap();
    assert_eq!(count(&store, "auth_migration").await, migration_count());
    store.conn().insert_user(&user(1, "ada@example.com")).await.unwrap();
    close(&store).await;
    database.remove().await;
}

/// Django, for one, has a table of this name too.
async fn another_programs_table_is_not_taken_for_ours(server: Server) {
    let Some(database) = server.empty_database().await else { return };
    database.run("CREATE TABLE auth_user (id INTEGER PRIMARY KEY, username VARCHAR(150))").await.unwrap();
    let store = database.store().await;
    for _ in 0..2 {
        assert!(matches!(migrate(&store).await, Err(MigrateError::Store(_))));
    }
    database.run("DROP TABLE auth_user").await.unwrap();
    migrate(&store).await.unwrap();
    close(&store).await;
    database.remove().await;
}

async fn mysql_with(database: &ServerDatabase, setting: &'static str) -> SqlStore {
    let pool = MySqlPoolOptions::new()
        .after_connect(move |mysql, _| Box::pin(async move { sqlx::raw_sql(setting).execute(mysql).await.map(drop) }));
    SqlStore::mysql(pool.connect(database.url()).await.unwrap())
}

#[tokio::test]
async fn mysql_settings_that_are_unsafe_are_refused() {
    let Some(database) = Server::Mariadb.empty_database().await else { return };
    for (setting, expected) in [
        ("SET SESSION sql_mode = ''", UnsafeSetting::NotStrict),
        ("SET SESSION foreign_key_checks = 0", UnsafeSetting::ForeignKeysOff),
        ("SET SESSION autocommit = 0", UnsafeSetting::AutocommitOff),
    ] {
        let store = mysql_with(&database, setting).await;
        let refused = migrate(&store).await;
        assert!(matches!(refused, Err(MigrateError::Unsafe(found)) if found == expected), "{setting}: {refused:?}");
        close(&store).await;
    }
    database.remove().await;
}

/// A process that died between a change of tables and the line in the history that tells of it.
#[tokio::test]
async fn a_migration_that_was_cut_off_goes_on() {
    let Some(database) = Server::Mariadb.empty_database().await else { return };
    let store = database.store().await;
    migrate(&store).await.unwrap();
    // Of a later migration, and in the way: they refer to sessions.
    database.run("DROP TABLE auth_code, auth_refresh_family").await.unwrap();
    let tables = ["auth_audit", "auth_attempt", "auth_account", "auth_session", "auth_user_role", "auth_role"];
    let steps = i64::try_from(tables.len() + 1).unwrap();
    for (gone, table) in tables.iter().enumerate() {
        // All tables before it are there. Whether it was made is what nobody knows: once it was not, once it was.
        let left = steps - i64::try_from(gone).unwrap();
        database.run(&format!("DROP TABLE {table}")).await.unwrap();
        for (begun, done) in [(left, left - 1), (left - 1, left - 2)] {
            let cut_off = format!(
                "UPDATE auth_migration SET begun = {begun}, done = {done}, applied_at = NULL WHERE name = '0001_initial'"
            );
            database.run(&cut_off).await.unwrap();
            migrate(&store).await.unwrap();
            assert_eq!(count(&store, "auth_migration WHERE applied_at IS NOT NULL AND done = 7").await, 1);
            for table in tables {
                assert_eq!(count(&store, table).await, 0);
            }
            if begun == left {
                for gone in &tables[..=gone] {
                    database.run(&format!("DROP TABLE {gone}")).await.unwrap();
                }
            }
        }
        for gone in &tables[..=gone] {
            database.run(&format!("DROP TABLE {gone}")).await.unwrap();
        }
    }
    close(&store).await;
    database.remove().await;
}

#[tokio::test]
async fn a_migration_that_was_cut_off_before_an_index_goes_on() {
    let Some(database) = Server::Mariadb.database().await else { return };
    let store = database.store().await;
    let cut_off = "UPDATE auth_migration SET begun = 2, done = 1, applied_at = NULL WHERE name = '0002_retention'";
    for loses_the_index in [false, true] {
        database.run(cut_off).await.unwrap();
        if loses_the_index {
            database.run("DROP INDEX auth_attempt_by_window ON auth_attempt").await.unwrap();
        }
        migrate(&store).await.unwrap();
        assert_eq!(count(&store, "auth_migration WHERE applied_at IS NOT NULL").await, migration_count());
        database.run("SELECT 1 FROM auth_attempt FORCE INDEX (auth_attempt_by_window)").await.unwrap();
    }
    close(&store).await;
    database.remove().await;
}

#[tokio::test]
async fn a_migration_that_was_cut_off_before_a_change_of_a_table_goes_on() {
    let Some(database) = Server::Mariadb.database().await else { return };
    let store = database.store().await;
    let ada = user(1, "ada@example.com");
    store.conn().insert_user(&ada).await.unwrap();
    let cut_off = "UPDATE auth_migration SET begun = 1, done = 0, applied_at = NULL WHERE name = '0007_isolated'";
    // With the keys of a later migration, which need the column.
    let undone = "ALTER TABLE auth_user DROP KEY auth_user_by_username, DROP KEY auth_user_by_phone, \
        DROP FOREIGN KEY auth_user_tenant, DROP CONSTRAINT auth_user_home, \
        DROP KEY auth_user_by_home, DROP KEY auth_user_by_tenant, DROP COLUMN home, DROP COLUMN tenant, \
        ADD UNIQUE KEY auth_user_by_pool (pool, email)";
    for loses_the_change in [false, true] {
        database.run(cut_off).await.unwrap();
        if loses_the_change {
            database.run(undone).await.unwrap();
        }
        migrate(&store).await.unwrap();
        assert_eq!(count(&store, "auth_migration WHERE applied_at IS NOT NULL").await, migration_count());
        assert_eq!(store.conn().user_by_id(ada.id).await.unwrap().unwrap().tenant, None);
        database.run("SELECT 1 FROM auth_user FORCE INDEX (auth_user_by_home)").await.unwrap();
    }
    close(&store).await;
    database.remove().await;
}

#[tokio::test]
async fn a_table_that_was_converted_to_another_collation_is_refused() {
    let Some(database) = Server::Mariadb.database().await else { return };
    let store = database.store().await;
    migrate(&store).await.unwrap();
    for (change, column) in [
        (
            "ALTER TABLE auth_account CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "auth_account.provider_id",
        ),
        // Of all the binary ones, it is the one that takes `a` and `a ` for the same.
        ("ALTER TABLE auth_account CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "auth_account.provider_id"),
    ] {
        database.run(change).await.unwrap();
        let refused = migrate(&store).await;
        assert!(matches!(&refused, Err(MigrateError::Collation(found)) if found == column), "{refused:?}");
    }
    database.run("ALTER TABLE auth_account CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin").await.unwrap();
    migrate(&store).await.unwrap();
    close(&store).await;
    database.remove().await;
}
