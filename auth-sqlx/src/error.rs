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
    #[error("the database address must begin with its scheme, as in `sqlite://app.db?mode=rwc`")]
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
}

/// The database was not brought up to date; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// Rows of deleted users would stay behind, so the store refuses to run like this.
    #[error("the connection does not enforce foreign keys: set `SqliteConnectOptions::foreign_keys(true)` on the pool")]
    ForeignKeysOff,
    /// The text of an applied migration is not the one that was applied.
    #[error("migration `{0}` differs from the one that this database was made with: restore it, and add a new one")]
    Changed(String),
    /// A newer version of the library has worked on this database.
    #[error("the database has migration `{0}`, which this version does not know: run the newer version of auth-sqlx")]
    Newer(String),
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

/// Only uniqueness and foreign keys are conflicts; a CHECK that fails is a defect of ours, not of the caller.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match error.as_database_error().map(|error| error.kind()) {
        Some(ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation) => StoreError::Conflict,
        _ => StoreError::backend(error),
    }
}
