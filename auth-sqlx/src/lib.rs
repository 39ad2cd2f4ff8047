//! SQL storage for [`auth-core`](auth_core), through [`sqlx`].
//!
//! The application keeps its database and its pool; this crate adds tables whose names begin with `auth_`, or with what
//! [`Tables`] says, and answers the questions of [`auth_core::store::Store`]. It runs on three databases, with the same
//! rules:
//!
//! | feature | database | address |
//! |---|---|---|
//! | `sqlite` (default) | SQLite, compiled in | `sqlite://app.db?mode=rwc` |
//! | `postgres` | PostgreSQL 13 or newer | `postgres://…` |
//! | `mysql` | MySQL 8.0.17 or newer, MariaDB 10.6 or newer | `mysql://…`, `mariadb://…` |
//!
//! ```
//! use auth_core::base::Email;
//! use auth_core::store::Store;
//! use auth_core::user::Pool;
//! use auth_sqlx::SqlStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In an application: "sqlite://app.db?mode=rwc", or SqlStore::sqlite(pool) with a pool of its own.
//! let store = SqlStore::connect("sqlite::memory:").await?;
//! auth_sqlx::migrate(&store).await?;
//!
//! let ada = Email::parse("ada@example.com")?;
//! assert!(store.conn().user_by_email(&Pool::User.into(), &ada).await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # Tables
//!
//! | table | holds | goes with |
//! |---|---|---|
//! | `auth_tenant` | tenants | |
//! | `auth_user` | users and customers; in each of the two pools one for each canonical e-mail address, or one in each tenant | its tenant, if it belongs to one |
//! | `auth_membership` | who belongs to which tenant | its user, its tenant |
//! | `auth_role` | roles by guard and name, with their permissions as a JSON array | its tenant, if one has defined it |
//! | `auth_user_role` | who holds which role | its user; the membership, if it is held in a tenant |
//! | `auth_session` | sessions that have not ended, found by the SHA-256 of their token | its user; the membership, if it acts in a tenant |
//! | `auth_account` | ways to sign in; a password's hash | its user |
//! | `auth_code` | codes that are good once, by the SHA-256 of them | its session, its user |
//! | `auth_signing_key` | keys of access tokens; their private halves sealed | |
//! | `auth_refresh_family` | the refresh token of a session that is good now, as SHA-256 | its session |
//! | `auth_api_key` | API keys | its owner; the tenant that it speaks for, or the membership |
//! | `auth_api_key_secret` | the SHA-256 of each secret that a key is found by | its key |
//! | `auth_api_key_limit` | how often a key may be used, and what was counted | its key |
//! | `auth_attempt` | counters of attempts and of requests, under keyed pseudonyms | |
//! | `auth_audit` | the audit trail; it outlives the user | |
//! | `auth_migration` | which migrations have been applied | |
//!
//! Ids are UUIDs (16 bytes where the database has no type for them), instants are microseconds since 1970 in UTC,
//! hashes are raw bytes, and text compares byte by byte. Ids and instants come from Rust: the database's clock is never
//! asked. A role that somebody holds cannot be deleted. The application may read all of them, and refer to `auth_user
//! (id)` from its own tables by a `BLOB` (SQLite), a `uuid` (PostgreSQL) or a `BINARY(16)` (MySQL); it writes through
//! the store. Columns, sizes and joins are in `docs/schema.md`; rights, backups and upgrades in `docs/operations.md`.
//!
//! [`Tables`] gives them another prefix, and on PostgreSQL a schema: `SqlStore::connect(url).await?.with_tables(…)?`.
//!
//! # The application's rows in the same transaction
//!
//! [`connection`] gives the sqlx connection below a transaction, in a hook `connection(work.tx())`. What is written
//! through it becomes durable together with the rows of the store, or not at all:
//!
//! ```
//! # use auth_core::store::Store;
//! # use auth_sqlx::{Connection, SqlStore};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let store = SqlStore::connect("sqlite::memory:").await?;
//! # sqlx::query("CREATE TABLE customer (name TEXT NOT NULL)").execute(store.sqlite_pool().unwrap()).await?;
//! let mut tx = store.begin().await?;
//! // … questions and changes of the store, and between them:
//! if let Some(Connection::Sqlite(sqlite)) = auth_sqlx::connection(&mut *tx) {
//!     sqlx::query("INSERT INTO customer (name) VALUES ($1)").bind("Ada").execute(sqlite).await?;
//! }
//! tx.commit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`SqlStore`].
#![deny(missing_docs)]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("auth-sqlx needs a database: switch on its feature `sqlite`, `postgres` or `mysql`");

mod account;
mod api_key;
mod audit;
mod code;
mod connect;
mod driver;
mod engine;
mod error;
mod limit;
mod migrate;
mod outbox;
mod password;
mod pool;
mod retention;
mod role;
mod session;
mod sql;
mod statements;
mod store;
mod tables;
mod tenant;
mod token;
mod user;

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

/// The version of sqlx that pools and connections must come from.
pub use sqlx;

pub use driver::Connection;
pub use engine::Engine;
pub use error::{ConnectError, MigrateError, TablesError, UnsafeSetting};
pub use migrate::{MigrationScript, migrate, migrations};
pub use pool::SqlStore;
pub use statements::statements;
pub use store::connection;
pub use tables::Tables;
