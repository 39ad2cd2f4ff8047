//! The databases, by name.

/// A database that the store runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL. It reads the same statements as MariaDB; the tables differ in the name of a collation.
    Mysql,
    /// MariaDB.
    Mariadb,
}
