//! What each engine needs.

use sha2::{Digest, Sha256};

use crate::error::MigrateError;
use crate::tables::name_at;

#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Makes the history table unless it is there.
    pub(super) history: &'static str,
    /// In the order of their names.
    pub(super) migrations: &'static [Migration],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
}

pub(super) const SQLITE: Plan = Plan {
    history: include_str!("../../migrations/sqlite/0000_history.sql"),
    migrations: &[
        Migration { name: "0001_initial", script: include_str!("../../migrations/sqlite/0001_initial.sql") },
        Migration { name: "0002_retention", script: include_str!("../../migrations/sqlite/0002_retention.sql") },
        Migration { name: "0003_pools", script: include_str!("../../migrations/sqlite/0003_pools.sql") },
        Migration { name: "0004_tokens", script: include_str!("../../migrations/sqlite/0004_tokens.sql") },
        Migration { name: "0005_api_keys", script: include_str!("../../migrations/sqlite/0005_api_keys.sql") },
        Migration { name: "0006_tenants", script: include_str!("../../migrations/sqlite/0006_tenants.sql") },
        Migration { name: "0007_isolated", script: include_str!("../../migrations/sqlite/0007_isolated.sql") },
        Migration { name: "0008_key_guard", script: include_str!("../../migrations/sqlite/0008_key_guard.sql") },
        Migration { name: "0009_codes", script: include_str!("../../migrations/sqlite/0009_codes.sql") },
        Migration { name: "0010_outbox", script: include_str!("../../migrations/sqlite/0010_outbox.sql") },
        Migration { name: "0011_identifiers", script: include_str!("../../migrations/sqlite/0011_identifiers.sql") },
    ],
};

pub(super) const POSTGRES: Plan = Plan {
    history: include_str!("../../migrations/postgres/0000_history.sql"),
    migrations: &[
        Migration { name: "0001_initial", script: include_str!("../../migrations/postgres/0001_initial.sql") },
        Migration { name: "0002_retention", script: include_str!("../../migrations/postgres/0002_retention.sql") },
        Migration { name: "0003_pools", script: include_str!("../../migrations/postgres/0003_pools.sql") },
        Migration { name: "0004_tokens", script: include_str!("../../migrations/postgres/0004_tokens.sql") },
        Migration { name: "0005_api_keys", script: include_str!("../../migrations/postgres/0005_api_keys.sql") },
        Migration { name: "0006_tenants", script: include_str!("../../migrations/postgres/0006_tenants.sql") },
        Migration { name: "0007_isolated", script: include_str!("../../migrations/postgres/0007_isolated.sql") },
        Migration { name: "0008_key_guard", script: include_str!("../../migrations/postgres/0008_key_guard.sql") },
        Migration { name: "0009_codes", script: include_str!("../../migrations/postgres/0009_codes.sql") },
        Migration { name: "0010_outbox", script: include_str!("../../migrations/postgres/0010_outbox.sql") },
        Migration { name: "0011_identifiers", script: include_str!("../../migrations/postgres/0011_identifiers.sql") },
    ],
};

/// For MariaDB too; see [`with_collation`].
pub(super) const MYSQL: Plan = Plan {
    history: include_str!("../../migrations/mysql/0000_history.sql"),
    migrations: &[
        Migration { name: "0001_initial", script: include_str!("../../migrations/mysql/0001_initial.sql") },
        Migration { name: "0002_retention", script: include_str!("../../migrations/mysql/0002_retention.sql") },
        Migration { name: "0003_pools", script: include_str!("../../migrations/mysql/0003_pools.sql") },
        Migration { name: "0004_tokens", script: include_str!("../../migrations/mysql/0004_tokens.sql") },
        Migration { name: "0005_api_keys", script: include_str!("../../migrations/mysql/0005_api_keys.sql") },
        Migration { name: "0006_tenants", script: include_str!("../../migrations/mysql/0006_tenants.sql") },
        Migration { name: "0007_isolated", script: include_str!("../../migrations/mysql/0007_isolated.sql") },
        Migration { name: "0008_key_guard", script: include_str!("../../migrations/mysql/0008_key_guard.sql") },
        Migration { name: "0009_codes", script: include_str!("../../migrations/mysql/0009_codes.sql") },
        Migration { name: "0010_outbox", script: include_str!("../../migrations/mysql/0010_outbox.sql") },
        Migration { name: "0011_identifiers", script: include_str!("../../migrations/mysql/0011_identifiers.sql") },
    ],
};

/// Puts the name of the collation into a text for MySQL or MariaDB. It compares bytes and, unlike `utf8mb4_bin`,
/// trailing spaces as well; the two engines have no such collation in common.
pub(super) fn with_collation(script: &str, collation: &str) -> String {
    script.replace("{bytewise}", collation)
}

/// The tables that the migrations create, as they are called there. They are the same for every engine.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    let scripts = std::iter::once(POSTGRES.history).chain(POSTGRES.migrations.iter().map(|migration| migration.script));
    let creations = scripts.flat_map(|script| script.split("CREATE TABLE ").skip(1));
    creations.map(|table| name_at(table.strip_prefix("IF NOT EXISTS ").unwrap_or(table)))
}

impl Plan {
    /// Refuses a database that another version has worked on in a way that does not fit.
    pub(super) fn fits<'a>(
        &self,
        applied: impl IntoIterator<Item = (&'a str, &'a [u8; 32])>,
    ) -> Result<(), MigrateError> {
        for (name, checksum) in applied {
            let Some(known) = self.migrations.iter().find(|known| known.name == name) else {
                return Err(MigrateError::Newer(name.to_owned()));
            };
            if checksum != &known.checksum() {
                return Err(MigrateError::Changed(name.to_owned()));
            }
        }
        Ok(())
    }
}

impl Migration {
    /// Without carriage returns, which a checkout on Windows adds.
    pub(super) fn checksum(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in self.script.split('\r') {
            digest.update(part);
        }
        digest.finalize().into()
    }
}
