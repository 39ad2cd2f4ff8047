//! What goes in: parameters, and how they are bound to a statement.

use auth_core::base::{
    AccountId, ApiKeyId, AuditId, Email, MessageId, RoleId, SessionId, SigningKeyId, Timestamp, UserId,
};
use uuid::Uuid;

/// One parameter. It has no `Debug`, as [`Row`](super::Row) has none: both may hold the hash of a password.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Id(Uuid),
    OptId(Option<Uuid>),
    Text(&'a str),
    OptText(Option<&'a str>),
    Bytes(&'a [u8]),
    OptBytes(Option<&'a [u8]>),
    Int(i64),
    OptInt(Option<i64>),
    Bool(bool),
}

/// Prepared once for each connection and kept: sqlx caches statements by their text.
macro_rules! bound {
    ($database:ty, $text:expr, $values:expr) => {{
        let mut query = sqlx::query::<$database>($text);
        for value in $values {
            query = match *value {
                Value::Id(id) => query.bind(id),
                Value::OptId(id) => query.bind(id),
                Value::Text(text) => query.bind(text),
                Value::OptText(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::OptBytes(bytes) => query.bind(bytes),
                Value::Int(int) => query.bind(int),
                Value::OptInt(int) => query.bind(int),
                Value::Bool(bool) => query.bind(bool),
            };
        }
        query
    }};
}
pub(super) use bound;

macro_rules! id_values {
    ($($id:ident),+) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.as_uuid())
            }
        }

        impl From<Option<$id>> for Value<'_> {
            fn from(id: Option<$id>) -> Self {
                Self::OptId(id.map($id::as_uuid))
            }
        }
    )+};
}

id_values!(UserId, SessionId, AccountId, RoleId, AuditId, SigningKeyId, ApiKeyId, MessageId);

impl From<Timestamp> for Value<'_> {
    fn from(instant: Timestamp) -> Self {
        Self::Int(instant.as_micros())
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(instant: Option<Timestamp>) -> Self {
        Self::OptInt(instant.map(Timestamp::as_micros))
    }
}

impl<'a> From<&'a Email> for Value<'a> {
    fn from(email: &'a Email) -> Self {
        Self::Text(email.as_str())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::OptText(text)
    }
}

impl<'a> From<&'a [u8; 32]> for Value<'a> {
    fn from(bytes: &'a [u8; 32]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<Option<&'a [u8; 32]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8; 32]>) -> Self {
        Self::OptBytes(bytes.map(<[u8; 32]>::as_slice))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::OptBytes(bytes)
    }
}

impl From<i64> for Value<'_> {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value<'_> {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}
