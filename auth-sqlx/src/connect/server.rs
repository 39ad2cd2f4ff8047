//! PostgreSQL, MySQL and MariaDB, from an address.

use std::time::Duration;

use sqlx::Connection;
#[cfg(feature = "mysql")]
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::{PoolConnectionMetadata, PoolOptions};
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::PATIENCE;
#[cfg(feature = "mysql")]
use crate::driver::unsafe_mysql_setting;
use crate::error::ConnectError;
use crate::pool::SqlStore;

/// A server forks or threads for each; other processes of the application want theirs as well.
const MAX_CONNECTIONS: u32 = 10;

/// A connection that has rested longer is tested before it is used again. To test each one would double the time of
/// every statement; not to test any would pass on the death of each that a restart of the server has closed.
const REST: Duration = Duration::from_secs(1);

#[cfg(feature = "postgres")]
pub(crate) async fn postgres(url: &str) -> Result<SqlStore, ConnectError> {
    let options: PgConnectOptions = url.parse().map_err(ConnectError::InvalidAddress)?;
    let options = options.options([("lock_timeout", PATIENCE.as_millis())]);
    let pool = tested_after_rest(PgPoolOptions::new()).connect_with(options).await;
    Ok(SqlStore::postgres(pool.map_err(ConnectError::Unreachable)?))
}

#[cfg(feature = "mysql")]
pub(crate) async fn mysql(url: &str) -> Result<SqlStore, ConnectError> {
    // What the store stands on: no locks on gaps, and no waits of 50 seconds.
    const SESSION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
        SET SESSION innodb_lock_wait_timeout = 5";
    let options: MySqlConnectOptions = url.parse().map_err(ConnectError::InvalidAddress)?;
    let pool = tested_after_rest(MySqlPoolOptions::new())
        .after_connect(|mysql, _| Box::pin(async move { sqlx::raw_sql(SESSION).execute(mysql).await.map(drop) }))
        .connect_with(options)
        .await
        .map_err(ConnectError::Unreachable)?;
    let mut mysql = pool.acquire().await.map_err(ConnectError::Unreachable)?;
    match unsafe_mysql_setting(&mut mysql).await.map_err(ConnectError::Unreachable)? {
        Some(setting) => Err(ConnectError::Unsafe(setting)),
        None => Ok(SqlStore::mysql(pool)),
    }
}

fn tested_after_rest<DB: sqlx::Database>(options: PoolOptions<DB>) -> PoolOptions<DB> {
    options.max_connections(MAX_CONNECTIONS).acquire_timeout(PATIENCE).test_before_acquire(false).before_acquire(
        |connection, PoolConnectionMetadata { idle_for, .. }| {
            Box::pin(async move {
                if idle_for >= REST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        },
    )
}
