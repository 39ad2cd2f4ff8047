//! The texts that are sent, with the names that the application has chosen.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::tables::Tables;

/// Turns a text as it is written into one as it is sent. Clones share the texts.
#[derive(Clone)]
pub(crate) struct Names(Option<Arc<Renamed>>);

struct Renamed {
    tables: Tables,
    /// By the text as it is written. One that is the same each time is prepared once.
    statements: HashMap<&'static str, Arc<str>>,
}

impl Names {
    /// Those that the texts are written with: they are sent as they stand.
    pub(crate) const DEFAULT: Self = Self(None);

    pub(crate) fn new(tables: Tables, statements: impl Iterator<Item = &'static str>) -> Self {
        if tables == Tables::default() {
            return Self::DEFAULT;
        }
        let statements = statements.map(|text| (text, tables.rename(text).into())).collect();
        Self(Some(Arc::new(Renamed { tables, statements })))
    }

    pub(crate) fn text(&self, text: &'static str) -> SqlStr {
        let Some(Renamed { tables, statements }) = self.0.as_deref() else { return text.into_sql_str() };
        // Safe: our own text, and names that were checked for every character.
        match statements.get(text) {
            Some(text) => AssertSqlSafe(Arc::clone(text)).into_sql_str(),
            // Migrations, which run once.
            None => AssertSqlSafe(tables.rename(text)).into_sql_str(),
        }
    }

    /// `None` for the default ones.
    pub(crate) fn tables(&self) -> Option<&Tables> {
        self.0.as_ref().map(|renamed| &renamed.tables)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Names").field(&self.tables()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "DELETE FROM auth_user";

    fn names(tables: Tables) -> Names {
        Names::new(tables, std::iter::once(TEXT))
    }

    #[test]
    fn a_text_with_the_default_names_is_sent_as_it_stands() {
        for names in [Names::DEFAULT, names(Tables::default()), names(Tables::prefixed("auth_").unwrap())] {
            assert_eq!(names.text(TEXT).as_str().as_ptr(), TEXT.as_ptr());
        }
    }

    #[test]
    fn a_statement_is_renamed_once_and_anything_else_when_it_is_sent() {
        let names = names(Tables::prefixed("app_").unwrap());
        let (first, second) = (names.text(TEXT), names.clone().text(TEXT));
        assert_eq!(first.as_str(), "DELETE FROM app_user");
        assert_eq!(first.as_str().as_ptr(), second.as_str().as_ptr());
        assert_eq!(names.text("DELETE FROM auth_role").as_str(), "DELETE FROM app_role");
    }
}
