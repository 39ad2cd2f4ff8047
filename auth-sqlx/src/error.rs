//! What can go wrong, and what to do about it.

use auth_core::store::StoreError;
use sqlx::error::ErrorKind;

/// The database could not be opened. No message shows the address: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address belongs to a database whose driver is not compiled in.
    #[error("this build of auth-sqlx has no driver for {database}")]
    NoDriver {
        /// The database that the scheme names.
        database: &'static str,
    },
    /// The address begins with no scheme that is known here.
    #[error("the database address must begin with its scheme: `sqlite:`, `postgres:` or `mysql:`")]
    UnknownScheme,
    /// SQLite would open a temporary database, another one for each connection.
    #[error("the SQLite address names no file: write `sqlite://app.db?mode=rwc`, or `sqlite::memory:` for tests")]
    NoFile,
    /// The rest of the address could not be read.
    #[error("the database address could not be read: see the cause for the part that is wrong")]
    InvalidAddress(#[source] sqlx::Error),
    /// The database did not open.
    #[error("the database did not open; a SQLite file that does not exist yet is only made with `?mode=rwc`")]
    Unreachable(#[source] sqlx::Error),
    /// The server is set up in a way that the store cannot run on.
    #[error(transparent)]
    Unsafe(#[from] UnsafeSetting),
}

/// A setting under which the promises of the store would not hold, so it refuses to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsafeSetting {
    /// Rows of deleted users would stay behind.
    #[error(
        "the connection does not enforce foreign keys: on SQLite set `SqliteConnectOptions::foreign_keys(true)`, \
         on PostgreSQL `session_replication_role = origin`, on MySQL `foreign_key_checks = 1`"
    )]
    ForeignKeysOff,
    /// MySQL would cut values short, or put others in their place, instead of refusing them.
    #[error("MySQL is not in strict mode: add STRICT_TRANS_TABLES to `sql_mode`")]
    NotStrict,
    /// What was written outside a transaction would never be committed.
    #[error("MySQL does not commit by itself: set `autocommit = 1`")]
    AutocommitOff,
}

/// Names that our tables cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TablesError {
    /// The prefix would have to be quoted, or leaves too little room for names.
    #[error("a table prefix is 1 to 32 characters of a-z, 0-9 and _, the first a letter, and not {0:?}")]
    InvalidPrefix(String),
    /// The name of the schema would have to be quoted, or is too long.
    #[error("the name of a schema is 1 to 63 characters of a-z, 0-9 and _, the first a letter, and not {0:?}")]
    InvalidSchema(String),
    /// With this beginning some names would be words of SQL, or belong to the database.
    #[error("names that begin with {0:?} are kept by a database for itself: choose another prefix or schema")]
    Reserved(String),
    /// A schema, and the database is not PostgreSQL.
    #[error(
        "only PostgreSQL keeps tables in schemas: on MySQL and MariaDB name the database in the address, SQLite has \
         one for each file"
    )]
    NoSchemas,
}

/// The database was not brought up to date. On SQLite and PostgreSQL nothing was changed; on MySQL, where a change of
/// tables commits by itself, the next attempt goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The connection is set up in a way that the store cannot run on.
    #[error(transparent)]
    Unsafe(#[from] UnsafeSetting),
    /// Another process holds the lock for migrations, and did not give it back in a minute.
    #[error("another process has been migrating the database for a minute")]
    Busy,
    /// The text of an applied migration is not the one that was applied.
    #[error("migration `{0}` differs from the one that this database was made with: restore it, and add a new one")]
    Changed(String),
    /// A newer version of the library has worked on this database.
    #[error("the database has migration `{0}`, which this version does not know: run the newer version of auth-sqlx")]
    Newer(String),
    /// On MySQL, the text of a column does not compare byte by byte.
    #[error(
        "column `{0}` does not compare byte by byte, so two addresses or role names could count as one: give it back the \
         collation that it was made with"
    )]
    Collation(String),
    /// A migration failed, or the database did not answer.
    #[error("the database could not be migrated")]
    Store(#[from] StoreError),
}

/// A stored value that no version of this code writes. It names the column and not the value.
#[derive(Debug, thiserror::Error)]
#[error("the database holds a value that cannot be read: {0}")]
struct Corrupt(&'static str);

/// The error for a value that cannot be read.
pub(crate) fn corrupt(column: &'static str) -> StoreError {
    StoreError::backend(Corrupt(column))
}

/// Only uniqueness and foreign keys are conflicts; a CHECK that fails is a defect of ours, not of the caller. NOT NULL
/// never fails by what we write but in MySQL's form of `put_role`, which says "this id is another role's" by it.
/// `23001` is what PostgreSQL 18 says of a foreign key with RESTRICT, and sqlx has no kind for it; nor has it one for
/// what SQLite says of it, which has the code of a trigger, as RESTRICT is one there, and the message of a foreign key.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    let is_conflict = error.as_database_error().is_some_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation | ErrorKind::NotNullViolation
        ) || match error.code().as_deref() {
            Some("23001") => true,
            Some("1811") => error.message() == "FOREIGN KEY constraint failed",
            Some(_) | None => false,
        }
    });
    if is_conflict { StoreError::Conflict } else { StoreError::backend(error) }
}

/// Whether the database took the whole transaction back to end a deadlock (`40P01` of PostgreSQL, `40001` of MySQL) or
/// because it could not be put in order with others (`40001` of PostgreSQL). A wait for a lock that took too long is
/// none of these: whoever waited that long has waited long enough.
pub(crate) fn is_victim(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
