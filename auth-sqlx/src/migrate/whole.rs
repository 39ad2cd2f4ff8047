//! SQLite and PostgreSQL: everything in one transaction.

use auth_core::base::{Clock, SystemClock};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::plan::{Migration, Plan};
use crate::driver::{Begun, Names, Target, Transaction, Value};
use crate::error::{MigrateError, corrupt, store_error};
use crate::pool::SqlStore;
use crate::sql::{Sql, sql};
use crate::tables::{Tables, create_schema};

const APPLIED: Sql = sql!("SELECT name, checksum FROM auth_migration ORDER BY name");
// Asked on PostgreSQL only.
const SCHEMA: Sql = sql!("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1");
// On PostgreSQL the name stands with its schema, or is looked for where `search_path` says.
const HISTORY: Sql = sql!(
    "SELECT name FROM sqlite_schema WHERE name = $1",
    postgres: "SELECT found.name FROM (SELECT CAST(to_regclass($1) AS text) AS name) found WHERE found.name IS NOT NULL"
);
const WRITE_DOWN: Sql = sql!("INSERT INTO auth_migration (name, checksum, applied_at) VALUES ($1, $2, $3)");

/// "auth_sql" in ASCII: a number that no other program is likely to lock.
#[cfg(feature = "postgres")]
const LOCK: i64 = 0x6175_7468_5f73_716c;

#[cfg(test)]
#[cfg(feature = "sqlite")]
pub(crate) const STATEMENTS: &[&Sql] = &[&APPLIED, &WRITE_DOWN];

pub(super) async fn run(store: &SqlStore, plan: Plan) -> Result<(), MigrateError> {
    let names = store.names();
    let mut tx = store.pool().begin(names).await?;
    if let Some(setting) = tx.begun().unsafe_setting().await.map_err(store_error)? {
        return Err(MigrateError::Unsafe(setting));
    }
    wait_for_others(tx.begun()).await?;
    if !is_there(&mut tx, names).await? || !pending(&mut tx, plan).await?.is_empty() {
        tx.commit().await?;
        tx = store.pool().begin_migration(names).await?;
        wait_for_others(tx.begun()).await?;
        bring_up_to_date(&mut tx, names, plan).await?;
    }
    Ok(tx.commit().await?)
}

/// Somebody else may have been faster.
async fn bring_up_to_date(tx: &mut Transaction, names: &Names, plan: Plan) -> Result<(), MigrateError> {
    if let Some(schema) = names.tables().and_then(Tables::schema) {
        make_schema(tx, schema).await?;
    }
    if !is_there(tx, names).await? {
        tx.run_script(names.text(plan.history)).await?;
    }
    for migration in pending(tx, plan).await? {
        apply(tx, names, migration).await?;
    }
    Ok(())
}

/// On SQLite the transaction itself is the lock.
async fn wait_for_others(tx: &mut Begun) -> Result<(), MigrateError> {
    match tx {
        #[cfg(feature = "sqlite")]
        Begun::Sqlite(_) => Ok(()),
        #[cfg(feature = "postgres")]
        Begun::Postgres(tx) => lock(tx).await,
        #[cfg(feature = "mysql")]
        Begun::Mysql(_) => Ok(()),
    }
}

/// `CREATE TABLE IF NOT EXISTS` fails when two run it at once, so a lock on a number goes before it. It goes away with
/// the transaction.
#[cfg(feature = "postgres")]
async fn lock(postgres: &mut sqlx::postgres::PgConnection) -> Result<(), MigrateError> {
    sqlx::query("SET LOCAL lock_timeout = '60s'").execute(&mut *postgres).await.map_err(store_error)?;
    match sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *postgres).await {
        // Behind a change of tables that waits for somebody's transaction, all who write wait too.
        Ok(_) => {
            let patience = sqlx::query("SET LOCAL lock_timeout = '5s'").execute(postgres).await;
            patience.map(drop).map_err(|error| store_error(error).into())
        }
        // lock_not_available: https://www.postgresql.org/docs/current/errcodes-appendix.html
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => Err(MigrateError::Busy),
        Err(error) => Err(store_error(error).into()),
    }
}

/// Asks first: `IF NOT EXISTS` demands the right to create schemas even when there is nothing to create.
async fn make_schema(tx: &mut Transaction, schema: &str) -> Result<(), MigrateError> {
    if tx.fetch_optional(&SCHEMA, &[schema.into()]).await?.is_none() {
        // Safe: `Tables` has checked every character.
        tx.run_script(AssertSqlSafe(create_schema(schema)).into_sql_str()).await?;
    }
    Ok(())
}

/// Whether there is a history. Asked for the same reason: whoever may only read it finds out that nothing is left to
/// do.
async fn is_there(tx: &mut Transaction, names: &Names) -> Result<bool, MigrateError> {
    Ok(tx.fetch_optional(&HISTORY, &[names.text("auth_migration").as_str().into()]).await?.is_some())
}

/// The migrations that the history does not have.
async fn pending(tx: &mut Transaction, plan: Plan) -> Result<Vec<&'static Migration>, MigrateError> {
    let mut applied: Vec<(String, [u8; 32])> = Vec::new();
    for row in tx.fetch_all(&APPLIED, &[]).await? {
        let checksum =
            row.opt_bytes(1)?.unwrap_or_default().try_into().map_err(|_| corrupt("auth_migration.checksum"))?;
        applied.push((row.text(0)?.to_owned(), checksum));
    }
    plan.fits(applied.iter().map(|(name, checksum)| (name.as_str(), checksum)))?;
    let is_applied = |migration: &&Migration| applied.iter().any(|(name, _)| name == migration.name);
    Ok(plan.migrations.iter().filter(|migration| !is_applied(migration)).collect())
}

async fn apply(tx: &mut Transaction, names: &Names, migration: &Migration) -> Result<(), MigrateError> {
    tx.run_script(names.text(migration.script)).await?;
    let checksum = migration.checksum();
    let values = [Value::from(migration.name), (&checksum).into(), SystemClock.now().into()];
    tx.execute(&WRITE_DOWN, &values).await?;
    tracing::info!(migration = migration.name, "applied a database migration");
    Ok(())
}
