//! Names that people sign in with.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const LEAST: usize = 3;
const MOST: usize = 30;

/// A name that somebody signs in with: 3 to 30 letters, digits, `_` and `.`, all of them ASCII, in lower case. Two
/// spellings that differ in case alone are the same name, and no letter of another script can look like one of these.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(String);

impl Username {
    /// Reads a name as a person typed it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        match text.chars().count() {
            0..LEAST => return Err(InvalidUsername::TooShort),
            LEAST..=MOST => {}
            _ => return Err(InvalidUsername::TooLong),
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')) {
            return Err(InvalidUsername::Characters);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does not show it: a log is no place for a person's name.
impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username([redacted])")
    }
}

impl Serialize for Username {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'_, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUsername {
    /// It has fewer than 3 characters.
    #[error("a user name has at least {LEAST} characters")]
    TooShort,
    /// It has more than 30 characters.
    #[error("a user name has at most {MOST} characters")]
    TooLong,
    /// It has others than letters, digits, `_` and `.`.
    #[error("a user name has letters, digits, _ and . alone")]
    Characters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        assert_eq!(Username::parse("Ada.Lovelace_1").unwrap().as_str(), "ada.lovelace_1");
        assert_eq!(Username::parse("ADA"), Username::parse("ada"));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        for (bad, expected) in [
            ("", InvalidUsername::TooShort),
            ("ab", InvalidUsername::TooShort),
            (&*"a".repeat(31), InvalidUsername::TooLong),
            ("a b", InvalidUsername::Characters),
            ("ada@example", InvalidUsername::Characters),
            ("\u{430}da", InvalidUsername::Characters),
            ("ada\u{200b}", InvalidUsername::Characters),
            ("ada\n", InvalidUsername::Characters),
        ] {
            assert_eq!(Username::parse(bad), Err(expected), "{bad:?}");
        }
    }
}
