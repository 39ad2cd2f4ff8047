//! What comes out: rows, read column by column.

use auth_core::base::Timestamp;
use auth_core::store::StoreError;
use sqlx::Row as _;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::error::corrupt;

/// One row; columns are read by their place in the statement.
pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteRow),
}

/// Always as an `Option`: sqlx reads an SQLite NULL as zero or as an empty text when asked for a plain value.
macro_rules! read {
    ($row:expr, $column:expr, $kind:ty) => {
        match $row {
            #[cfg(feature = "sqlite")]
            Row::Sqlite(row) => row.try_get::<Option<$kind>, usize>($column),
        }
        .map_err(StoreError::backend)
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

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        present(read!(self, column, &[u8])?)
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        present(read!(self, column, i64)?)
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
