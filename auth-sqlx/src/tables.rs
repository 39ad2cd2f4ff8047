//! What our tables are called, and where they are.
//!
//! Statements and migrations are written with names that begin with `auth_`, and no other word of theirs begins so. An
//! application that wants other names gets the same texts with these words replaced.

use crate::engine::Engine;
use crate::error::TablesError;
use crate::migrate::{self, MigrationScript};
use crate::statements::statements;

/// How our names begin in the texts.
const PREFIX: &str = "auth_";

/// With it and the longest of our names there is room left in the 63 bytes of PostgreSQL and the 64 of MySQL.
const LONGEST_PREFIX: usize = 32;

/// What PostgreSQL does not cut short.
const LONGEST_SCHEMA: usize = 63;

/// `session_user` and `current_role` are words of SQL, as are others that begin like them.
const RESERVED_PREFIXES: [&str; 3] = ["current_", "session_", "system_"];

/// The names of our tables: a prefix, `auth_` unless told otherwise, and on PostgreSQL a schema.
///
/// Two applications may share a database under two prefixes: neither sees the other's users, nor its migrations. The
/// names are part of the database. To change them later, rename tables, indexes and constraints before the program
/// starts with the new ones; otherwise [`migrate`](crate::migrate()) makes new, empty tables.
///
/// ```
/// use auth_sqlx::{Engine, SqlStore, Tables};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tables = Tables::prefixed("shop_auth_")?;
/// let store = SqlStore::connect("sqlite::memory:").await?.with_tables(tables)?;
/// auth_sqlx::migrate(&store).await?;
/// let users: i64 =
///     sqlx::query_scalar("SELECT count(*) FROM shop_auth_user").fetch_one(store.sqlite_pool().unwrap()).await?;
/// assert_eq!(users, 0);
///
/// // PostgreSQL: identity.auth_user, wherever `search_path` looks.
/// let tables = Tables::default().in_schema("identity")?;
/// for migration in tables.migrations(Engine::Postgres)? {
///     println!("-- {}\n{}", migration.name, migration.sql);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    prefix: String,
    schema: Option<String>,
}

impl Default for Tables {
    fn default() -> Self {
        Self { prefix: PREFIX.to_owned(), schema: None }
    }
}

impl Tables {
    /// Names that begin with `prefix`: 1 to 32 of the characters `a-z`, `0-9` and `_`, the first a letter. Indexes and
    /// constraints have it too. Nothing is put between it and the name, so it usually ends with `_`.
    ///
    /// Of two prefixes in one database neither should begin with the other: the role table of `auth_user_` is the
    /// `auth_user_role` of `auth_`, and whoever comes second fails to migrate.
    ///
    /// # Errors
    /// [`TablesError`] when it is anything else, or makes names that a database keeps for itself (`session_user`).
    pub fn prefixed(prefix: &str) -> Result<Self, TablesError> {
        if !is_name(prefix, LONGEST_PREFIX) {
            return Err(TablesError::InvalidPrefix(prefix.to_owned()));
        }
        if RESERVED_PREFIXES.contains(&prefix) || prefix.starts_with("sqlite_") {
            return Err(TablesError::Reserved(prefix.to_owned()));
        }
        Ok(Self { prefix: prefix.to_owned(), schema: None })
    }

    /// Puts the tables into a schema of PostgreSQL, whatever `search_path` says: 1 to 63 characters as in a prefix.
    /// [`migrate`](crate::migrate()) makes it when it is missing, for which the user of the connection needs the right
    /// to create schemas.
    ///
    /// # Errors
    /// [`TablesError`] when it is anything else, or PostgreSQL's own (`pg_…`).
    pub fn in_schema(self, schema: &str) -> Result<Self, TablesError> {
        if !is_name(schema, LONGEST_SCHEMA) {
            return Err(TablesError::InvalidSchema(schema.to_owned()));
        }
        if schema.starts_with("pg_") {
            return Err(TablesError::Reserved(schema.to_owned()));
        }
        Ok(Self { schema: Some(schema.to_owned()), ..self })
    }

    /// [`migrations`](crate::migrations), with these names.
    ///
    /// # Errors
    /// [`TablesError::NoSchemas`] when there is a schema and the engine is not PostgreSQL.
    pub fn migrations(&self, engine: Engine) -> Result<impl Iterator<Item = MigrationScript> + use<>, TablesError> {
        self.expect_known_to(engine)?;
        Ok(migrate::printed(engine, self.clone()))
    }

    /// [`statements`](crate::statements()), with these names.
    ///
    /// # Errors
    /// [`TablesError::NoSchemas`] when there is a schema and the engine is not PostgreSQL.
    pub fn statements(&self, engine: Engine) -> Result<impl Iterator<Item = String>, TablesError> {
        self.expect_known_to(engine)?;
        Ok(statements(engine).map(|text| self.rename(text)))
    }

    pub(crate) fn expect_known_to(&self, engine: Engine) -> Result<(), TablesError> {
        match (&self.schema, engine) {
            (None, _) | (Some(_), Engine::Postgres) => Ok(()),
            (Some(_), Engine::Sqlite | Engine::Mysql | Engine::Mariadb) => Err(TablesError::NoSchemas),
        }
    }

    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// One of our texts with these names in it. Indexes and constraints get no schema where they are made: they are in
    /// that of their table.
    pub(crate) fn rename(&self, text: &str) -> String {
        let mut renamed = String::with_capacity(text.len() * 2);
        let mut copied = 0;
        for (at, name) in names(text) {
            renamed.push_str(&text[copied..at]);
            if let Some(schema) = self.schema()
                && (migrate::tables().any(|table| table == name) || is_dropped(&text[..at]))
            {
                // Quoted, because a good name for a schema may be a word of SQL.
                renamed.extend(["\"", schema, "\"."]);
            }
            renamed.push_str(&self.prefix);
            copied = at + PREFIX.len();
        }
        renamed.push_str(&text[copied..]);
        renamed
    }
}

/// The statement that makes a schema.
pub(crate) fn create_schema(schema: &str) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\";\n")
}

/// Nothing that would have to be quoted, and nothing that databases fold to another case.
fn is_name(name: &str, longest: usize) -> bool {
    name.len() <= longest
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// The names in a text that are ours, and where they begin.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let begins = text.match_indices(PREFIX).map(|(at, _)| at).filter(|&at| !text[..at].ends_with(is_part_of_name));
    begins.map(|at| (at, name_at(&text[at..])))
}

/// Whether what follows is an index that goes: that one is searched for, and no table says where.
fn is_dropped(before: &str) -> bool {
    before.ends_with("DROP INDEX ") || before.ends_with("DROP INDEX IF EXISTS ")
}

/// The name that a text begins with.
pub(crate) fn name_at(text: &str) -> &str {
    text.split(|c| !is_part_of_name(c)).next().unwrap_or(text)
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations;

    const ENGINES: [Engine; 4] = [Engine::Sqlite, Engine::Postgres, Engine::Mysql, Engine::Mariadb];

    /// Every text that we have for an engine.
    fn texts(engine: Engine) -> impl Iterator<Item = String> {
        statements(engine).map(str::to_owned).chain(migrations(engine).map(|migration| migration.sql))
    }

    #[test]
    fn a_prefix_is_a_short_plain_name() {
        let longest = "a".repeat(32);
        for prefix in ["a", "auth_", "shop_auth_", "a1_", "auth_user_", "session_a_", &longest] {
            assert_eq!(Tables::prefixed(prefix).unwrap().prefix, prefix);
        }
        let too_long = "a".repeat(33);
        for prefix in ["", "_", "1a", "Auth_", "a-b", "a b", "a.b", "a\"", "a`", "a'; --", "\u{e4}_", "a\0", &too_long]
        {
            let refused = Tables::prefixed(prefix);
            assert_eq!(refused, Err(TablesError::InvalidPrefix(prefix.to_owned())), "{prefix:?}");
        }
        for prefix in ["session_", "current_", "system_", "sqlite_", "sqlite_a_"] {
            assert_eq!(Tables::prefixed(prefix), Err(TablesError::Reserved(prefix.to_owned())));
        }
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        let in_schema = |schema: &str| Tables::default().in_schema(schema);
        let longest = "a".repeat(63);
        for schema in ["identity", "user", "a_1", &longest] {
            assert_eq!(in_schema(schema).unwrap().schema.as_deref(), Some(schema));
        }
        let too_long = "a".repeat(64);
        for schema in ["", "Identity", "a.b", "a\"b", "1", &too_long] {
            assert_eq!(in_schema(schema), Err(TablesError::InvalidSchema(schema.to_owned())), "{schema:?}");
        }
        assert_eq!(in_schema("pg_auth"), Err(TablesError::Reserved("pg_auth".to_owned())));
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        let message = Tables::prefixed("My-App\n").unwrap_err().to_string();
        assert!(message.contains("1 to 32 characters") && message.contains(r#""My-App\n""#), "{message}");
        let message = Tables::default().in_schema("My.App").unwrap_err().to_string();
        assert!(message.contains("1 to 63 characters") && message.contains(r#""My.App""#), "{message}");
    }

    #[test]
    fn a_schema_is_refused_where_there_are_none() {
        let tables = Tables::default().in_schema("identity").unwrap();
        for engine in ENGINES {
            let expected = if engine == Engine::Postgres { Ok(()) } else { Err(TablesError::NoSchemas) };
            assert_eq!(tables.migrations(engine).map(drop), expected, "{engine:?}");
            assert_eq!(tables.statements(engine).map(drop), expected, "{engine:?}");
        }
    }

    #[test]
    fn whole_words_are_replaced_once() {
        let tables = Tables::prefixed("auth_auth_").unwrap();
        for (text, expected) in [
            ("DELETE FROM auth_user", "DELETE FROM auth_auth_user"),
            ("auth_user (id), \"auth_role\"", "auth_auth_user (id), \"auth_auth_role\""),
            ("auth_auth_user", "auth_auth_auth_user"),
            (
                "oauth_user, x_auth_user, AUTH_USER, auth, auth-core",
                "oauth_user, x_auth_user, AUTH_USER, auth, auth-core",
            ),
            ("SELECT $1", "SELECT $1"),
        ] {
            assert_eq!(tables.rename(text), expected);
        }
    }

    #[test]
    fn a_schema_goes_before_tables_and_not_before_what_is_theirs() {
        let tables = Tables::prefixed("app_").unwrap().in_schema("identity").unwrap();
        for (text, expected) in [
            (
                "CREATE INDEX auth_session_by_user ON auth_session (user_id)",
                "CREATE INDEX app_session_by_user ON \"identity\".app_session (user_id)",
            ),
            (
                "DROP INDEX auth_session_by_user; DROP INDEX IF EXISTS auth_session_by_user",
                "DROP INDEX \"identity\".app_session_by_user; DROP INDEX IF EXISTS \"identity\".app_session_by_user",
            ),
            (
                "CONSTRAINT auth_account_password CHECK (a), b uuid REFERENCES auth_user (id)",
                "CONSTRAINT app_account_password CHECK (a), b uuid REFERENCES \"identity\".app_user (id)",
            ),
            (
                "DO UPDATE SET attempts = auth_attempt.attempts + 1",
                "DO UPDATE SET attempts = \"identity\".app_attempt.attempts + 1",
            ),
        ] {
            assert_eq!(tables.rename(text), expected);
        }
    }

    #[test]
    fn the_default_names_are_those_of_the_texts() {
        for text in ENGINES.into_iter().flat_map(texts) {
            assert_eq!(Tables::default().rename(&text), text);
        }
        for engine in ENGINES {
            assert_eq!(
                Tables::default().statements(engine).unwrap().collect::<Vec<_>>(),
                statements(engine).collect::<Vec<_>>()
            );
        }
    }

    /// Else a schema would be put before what is not a table, or left out before what is one.
    #[test]
    fn every_name_is_a_table_or_belongs_to_one() {
        let tables: Vec<&str> = migrate::tables().collect();
        assert!(["auth_migration", "auth_user", "auth_user_role"].iter().all(|table| tables.contains(table)));
        for engine in ENGINES {
            for text in statements(engine) {
                for (_, name) in names(text) {
                    assert!(tables.contains(&name), "{name} is no table: {text}");
                }
            }
            for migration in migrations(engine) {
                for (at, name) in names(&migration.sql) {
                    let introduced = ["INDEX ", "INDEX IF NOT EXISTS ", "CONSTRAINT ", "KEY "];
                    let is_named_here = introduced.iter().any(|words| migration.sql[..at].ends_with(words));
                    assert_ne!(tables.contains(&name), is_named_here, "{name} in {}", migration.name);
                }
            }
        }
    }

    /// Else a value would be changed along with the names.
    #[test]
    fn no_value_looks_like_a_name_of_ours() {
        for text in ENGINES.into_iter().flat_map(texts) {
            // What stands between apostrophes; in comments they stand in words, so these go first.
            let code: String = text.lines().map(|line| line.split("--").next().unwrap_or(line)).collect();
            for value in code.split('\'').skip(1).step_by(2) {
                assert_eq!(names(value).count(), 0, "{value}");
            }
        }
    }

    #[test]
    fn no_name_is_left_behind_or_too_long() {
        let prefix = "p".repeat(LONGEST_PREFIX);
        let tables = Tables::prefixed(&prefix).unwrap();
        for engine in ENGINES {
            let scripts = tables.migrations(engine).unwrap().map(|migration| migration.sql);
            for text in scripts.chain(tables.statements(engine).unwrap()) {
                assert_eq!(names(&text).count(), 0, "{text}");
                for (at, _) in text.match_indices(&prefix) {
                    assert!(name_at(&text[at..]).len() <= 63, "{}", name_at(&text[at..]));
                }
            }
        }
    }
}
