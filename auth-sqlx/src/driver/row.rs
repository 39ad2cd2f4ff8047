//! What comes out: rows, read column by column.

use auth_core::base::Timestamp;
use auth_core::store::StoreError;
use sqlx::Row as _;
use uuid::Uuid;

use super::on_each;
use crate::error::corrupt;

/// One row; columns are read by their place in the statement.
pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
    #[cfg(feature = "mysql")]
    Mysql(sqlx::mysql::MySqlRow),
}

/// Always as an `Option`: sqlx reads an SQLite NULL as zero or as an empty text when asked for a plain value.
macro_rules! read {
    ($row:expr, $column:expr, $kind:ty) => {
        on_each!(Row, $row, |row| row.try_get::<Option<$kind>, usize>($column)).map_err(StoreError::backend)
    };
}

impl Row {
    pub(crate) fn opt_id(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        read!(self, column, Uuid)
    }

    pub(crate) fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        present(self.opt_id(column)?)
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        read!(self, column, &str)
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, StoreError> {
        present(self.opt_text(column)?)
    }

    pub(crate) fn opt_bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        read!(self, column, &[u8])
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        present(self.opt_bytes(column)?)
    }

    pub(crate) fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        read!(self, column, i64)
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        present(self.opt_int(column)?)
    }

    pub(crate) fn bool(&self, column: usize) -> Result<bool, StoreError> {
        present(read!(self, column, bool)?)
    }

    pub(crate) fn instant(&self, column: usize) -> Result<Timestamp, StoreError> {
        present(self.opt_instant(column)?)
    }

    pub(crate) fn opt_instant(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let Some(micros) = read!(self, column, i64)? else { return Ok(None) };
        let instant = Timestamp::from_micros(micros);
        // `from_micros` takes the nearest instant it knows; an expiry must not be guessed at.
        if instant.as_micros() == micros { Ok(Some(instant)) } else { Err(corrupt("an instant out of range")) }
    }
}

fn present<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| corrupt("NULL in a column that may not be empty"))
}

#[cfg(feature = "sqlite")]
impl From<sqlx::sqlite::SqliteRow> for Row {
    fn from(row: sqlx::sqlite::SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::postgres::PgRow> for Row {
    fn from(row: sqlx::postgres::PgRow) -> Self {
        Self::Postgres(row)
    }
}

#[cfg(feature = "mysql")]
impl From<sqlx::mysql::MySqlRow> for Row {
    fn from(row: sqlx::mysql::MySqlRow) -> Self {
        Self::Mysql(row)
    }
}
