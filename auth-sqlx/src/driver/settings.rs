//! Settings of a connection under which the promises of the store would not hold.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::Begun;
use crate::error::UnsafeSetting;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl Begun {
    /// The first setting that is unsafe, if any. One that merely puts durability at risk is a warning.
    pub(crate) async fn unsafe_setting(&mut self) -> sqlx::Result<Option<UnsafeSetting>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => {
                let (foreign_keys, synchronous): (i64, i64) =
                    sqlx::query_as("SELECT foreign_keys, synchronous FROM pragma_foreign_keys, pragma_synchronous")
                        .fetch_one(&mut **tx)
                        .await?;
                if synchronous < 2 {
                    tracing::warn!(synchronous, "a power failure may undo committed changes: set synchronous to FULL");
                }
                Ok((foreign_keys != 1).then_some(UnsafeSetting::ForeignKeysOff))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => {
                let (synchronous_commit, replication_role): (String, String) = sqlx::query_as(
                    "SELECT current_setting('synchronous_commit'), current_setting('session_replication_role')",
                )
                .fetch_one(&mut **tx)
                .await?;
                if synchronous_commit == "off" {
                    tracing::warn!("a crash may undo committed changes: set synchronous_commit to on");
                }
                // `replica` switches off the triggers by which foreign keys are enforced.
                Ok((replication_role == "replica").then_some(UnsafeSetting::ForeignKeysOff))
            }
            #[cfg(feature = "mysql")]
            Self::Mysql(tx) => unsafe_mysql_setting(tx).await,
        }
    }
}

/// The first setting that is unsafe, if any.
#[cfg(feature = "mysql")]
pub(crate) async fn unsafe_mysql_setting(
    mysql: &mut sqlx::mysql::MySqlConnection,
) -> sqlx::Result<Option<UnsafeSetting>> {
    let (sql_mode, foreign_keys, autocommit, flush): (String, bool, bool, i64) = sqlx::query_as(
        "SELECT @@SESSION.sql_mode, @@SESSION.foreign_key_checks, @@SESSION.autocommit, \
         CAST(@@GLOBAL.innodb_flush_log_at_trx_commit AS SIGNED)",
    )
    .fetch_one(mysql)
    .await?;
    if flush != 1 {
        tracing::warn!(flush, "a crash may undo committed changes: set innodb_flush_log_at_trx_commit to 1");
    }
    let strict = |mode| mode == "STRICT_TRANS_TABLES" || mode == "STRICT_ALL_TABLES";
    Ok(if !sql_mode.split(',').any(strict) {
        Some(UnsafeSetting::NotStrict)
    } else if !foreign_keys {
        Some(UnsafeSetting::ForeignKeysOff)
    } else if !autocommit {
        Some(UnsafeSetting::AutocommitOff)
    } else {
        None
    })
}
