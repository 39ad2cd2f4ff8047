//! The two texts: what a person typed, and what a store keeps of it.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A password exactly as received: not normalised, trimmed or shortened. Wiped when dropped and not
/// printable; it can be read from a request but not written into a reply.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Longest password that is hashed, in bytes of UTF-8: room for any passphrase, and a bound on
    /// what one request can make us read (OWASP Password Storage, "denial of service").
    pub const MAX_BYTES: usize = 512;

    /// Takes ownership of the text. Any length is accepted here, so that a password that is too long
    /// can be answered like a wrong one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in Unicode code points, as NIST SP 800-63B-4, 3.1.1.2 counts them.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// Its length in bytes of UTF-8.
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.len_bytes() > Self::MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a string, serde_json reports other types itself, with their value.
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Takes a string only. The provided methods would repeat a number that was sent instead, and a PIN
/// in an error message ends up in a log.
struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Password;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Password, E> {
        Ok(Password::new(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Password, E> {
        Ok(Password::new(text))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("number"), &self))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("number"), &self))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("number"), &self))
    }
}

/// What a store keeps of a password: a PHC string of ours, or a hash that came from another system.
///
/// It is not checked here but at each verification: a row is what the database says it is.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The content of the column.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text for the column. One of ours has 97 ASCII characters by default and never 128; of
    /// imported ones, up to 512 bytes are read.
    pub fn as_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_code_points_and_bytes_are_utf_8() {
        let password = Password::new("pä\u{1F511}");
        assert_eq!((password.chars(), password.len_bytes()), (3, 7));
    }

    #[test]
    fn a_password_is_read_from_json_as_it_is() {
        let password: Password = serde_json::from_str(r#"" P\u00e4ss\n ""#).unwrap();
        assert_eq!(password.expose(), " Päss\n ");
    }

    #[test]
    fn what_is_no_string_is_refused_without_being_repeated() {
        for sent in ["71903", "-71903", "71903.5", "[71903]", "null", "{\"71903\":1}"] {
            let message = serde_json::from_str::<Password>(sent).unwrap_err().to_string();
            assert!(message.contains("expected a string") && !message.contains("71903"), "{message}");
        }
    }

    #[test]
    fn debug_shows_neither_password_nor_hash() {
        let shown = format!("{:?} {:?}", Password::new("hunter2"), PasswordHash::from_stored("$2b$hash".to_owned()));
        assert_eq!(shown, "Password([redacted]) PasswordHash([redacted])");
    }
}
