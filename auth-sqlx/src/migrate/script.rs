//! The migrations as text, for teams that apply them in their own way.

use super::plan::{self, Migration, Plan, with_collation};
use crate::engine::Engine;
use crate::tables::{Tables, create_schema};

// SQLite takes no notice of the setting inside a transaction, so the transaction is part of the text.
const UNENFORCED: &str = "PRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n\n";
const ENFORCED: &str = "\nCOMMIT;\nPRAGMA foreign_keys = ON;\n";

/// One migration as SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationScript {
    /// Its name in the history, such as `0001_initial`.
    pub name: &'static str,
    /// Its statements, and the one that writes it down.
    pub sql: String,
}

/// The migrations of an engine, in their order; the first one makes the history and may be run again.
///
/// Each writes itself down, so [`migrate`](crate::migrate()) finds nothing left to do afterwards. Calling it is a cheap
/// test that the tables fit the program. Whether the feature of the engine is on does not matter. Those of SQLite bring
/// their own transaction and must not be wrapped in another one.
///
/// ```
/// use auth_sqlx::{Engine, migrations};
///
/// for migration in migrations(Engine::Postgres) {
///     println!("-- {}\n{}", migration.name, migration.sql);
/// }
/// ```
pub fn migrations(engine: Engine) -> impl Iterator<Item = MigrationScript> {
    printed(engine, Tables::default())
}

/// As [`migrations`], with names that the engine knows.
pub(crate) fn printed(engine: Engine, tables: Tables) -> impl Iterator<Item = MigrationScript> {
    let plan = engine.plan();
    let mut sql = tables.schema().map(create_schema).unwrap_or_default();
    sql.push_str(&tables.rename(&engine.written(plan.history)));
    let history = MigrationScript { name: "0000_history", sql };
    std::iter::once(history).chain(plan.migrations.iter().map(move |migration| engine.script(migration, &tables)))
}

impl Engine {
    const fn plan(self) -> Plan {
        match self {
            Self::Sqlite => plan::SQLITE,
            Self::Postgres => plan::POSTGRES,
            Self::Mysql | Self::Mariadb => plan::MYSQL,
        }
    }

    /// The collation that compares text byte by byte; the others say so in the script or need none.
    pub(super) const fn collation(self) -> &'static str {
        match self {
            Self::Sqlite => "BINARY",
            Self::Postgres => "\"C\"",
            Self::Mysql => "utf8mb4_0900_bin",
            Self::Mariadb => "utf8mb4_nopad_bin",
        }
    }

    fn written(self, script: &str) -> String {
        with_collation(&script.replace('\r', ""), self.collation())
    }

    fn script(self, migration: &Migration, tables: &Tables) -> MigrationScript {
        let mut sql = self.written(migration.script);
        let checksum: String = migration.checksum().iter().map(|byte| format!("{byte:02x}")).collect();
        let (name, count) = (migration.name, statements(&sql).count());
        let (columns, values) = match self {
            Self::Sqlite => ("applied_at", format!("x'{checksum}', unixepoch() * 1000000")),
            Self::Postgres => ("applied_at", format!("'\\x{checksum}', (extract(epoch FROM now()) * 1000000)::bigint")),
            Self::Mysql | Self::Mariadb => (
                "begun, done, applied_at",
                format!("x'{checksum}', {count}, {count}, CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"),
            ),
        };
        let insert = format!("\nINSERT INTO auth_migration (name, checksum, {columns}) VALUES ('{name}', {values});\n");
        sql.push_str(&insert);
        let sql = tables.rename(&sql);
        let sql = if self == Self::Sqlite { format!("{UNENFORCED}{sql}{ENFORCED}") } else { sql };
        MigrationScript { name, sql }
    }
}

/// The statements of a script: each ends with the last semicolon of a line.
pub(super) fn statements(script: &str) -> impl Iterator<Item = &str> {
    script.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ENGINES: [Engine; 4] = [Engine::Sqlite, Engine::Postgres, Engine::Mysql, Engine::Mariadb];

    #[test]
    fn every_engine_has_the_same_migrations() {
        let names = |engine| migrations(engine).map(|migration| migration.name).collect::<Vec<_>>();
        for engine in ENGINES {
            assert_eq!(names(engine), names(Engine::Sqlite), "{engine:?}");
        }
    }

    /// The tables that a script leaves, with their columns in order. One that is made anew counts as it is made last.
    fn columns(engine: Engine) -> BTreeMap<String, Vec<String>> {
        let script: String = migrations(engine).skip(1).map(|migration| migration.sql).collect();
        let (mut table, mut columns) = ("", BTreeMap::new());
        for line in script.lines() {
            let (created, altered) = (line.strip_prefix("CREATE TABLE "), line.strip_prefix("ALTER TABLE "));
            if let Some(rest) = created.or(altered) {
                table = rest.split(' ').next().unwrap();
            }
            if created.is_some() {
                columns.insert(table.to_owned(), Vec::new());
            }
            let definition = line.strip_prefix("    ").unwrap_or_default();
            let name = definition.strip_prefix("ADD COLUMN ").unwrap_or(definition).split(' ').next().unwrap();
            // The lists of an INSERT that fills a table made anew are no definitions.
            if line.starts_with("INSERT INTO ") || line.starts_with("CREATE TEMP TABLE ") {
                table = "";
            }
            let name = if table.is_empty() { "" } else { name };
            if name.starts_with(|first: char| first.is_ascii_lowercase()) {
                columns.get_mut(table).unwrap().push(name.to_owned());
            }
        }
        columns
    }

    #[test]
    fn every_engine_has_the_same_tables_and_columns() {
        assert_eq!(columns(Engine::Sqlite)["auth_audit"].last().unwrap(), "correlation_id");
        assert_eq!(columns(Engine::Sqlite)["auth_user"].last().unwrap(), "is_anonymous");
        for engine in ENGINES {
            assert_eq!(columns(engine), columns(Engine::Sqlite), "{engine:?}");
        }
    }

    #[test]
    fn a_printed_migration_is_complete() {
        for migration in ENGINES.into_iter().flat_map(migrations) {
            assert!(!migration.sql.contains("{bytewise}"), "{}", migration.sql);
            assert_eq!(migration.sql.contains("INSERT INTO auth_migration"), migration.name != "0000_history");
        }
    }

    #[test]
    fn a_script_falls_into_its_statements() {
        let script = "-- First.\nCREATE TABLE a (\n    b TEXT -- one; two\n);\n\nCREATE INDEX c ON a (b);\n";
        let expected = ["-- First.\nCREATE TABLE a (\n    b TEXT -- one; two\n)", "CREATE INDEX c ON a (b)"];
        assert_eq!(statements(script).collect::<Vec<_>>(), expected);
        for migration in migrations(Engine::Mysql) {
            for statement in statements(&migration.sql) {
                let lines = statement.lines().filter(|line| !line.starts_with("--"));
                let first = lines.into_iter().find(|line| !line.is_empty()).unwrap();
                assert!(
                    ["CREATE TABLE ", "CREATE INDEX ", "ALTER TABLE ", "INSERT INTO "]
                        .iter()
                        .any(|verb| first.starts_with(verb)),
                    "{statement}"
                );
            }
        }
    }
}
