//! How a database is opened from an address.

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::Duration;

#[cfg(feature = "mysql")]
pub(crate) use self::server::mysql;
#[cfg(feature = "postgres")]
pub(crate) use self::server::postgres;
#[cfg(feature = "sqlite")]
pub(crate) use self::sqlite::sqlite;
#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
use crate::{error::ConnectError, pool::SqlStore};

/// How long to wait for a connection, and for a lock that somebody else holds.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(not(feature = "sqlite"))]
pub(crate) async fn sqlite(_: &str) -> Result<SqlStore, ConnectError> {
    Err(ConnectError::NoDriver { database: "SQLite" })
}

#[cfg(not(feature = "postgres"))]
pub(crate) async fn postgres(_: &str) -> Result<SqlStore, ConnectError> {
    Err(ConnectError::NoDriver { database: "PostgreSQL" })
}

#[cfg(not(feature = "mysql"))]
pub(crate) async fn mysql(_: &str) -> Result<SqlStore, ConnectError> {
    Err(ConnectError::NoDriver { database: "MySQL and MariaDB" })
}
