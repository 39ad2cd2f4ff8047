//! What clients send. A field that nobody reads does not count; above all, no organisation does.

use auth_core::api_key::PermissionMap;
use auth_core::base::Timestamp;
use auth_core::role::Permission;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::permissions::{self, READ, WRITE};

/// The longest name of anything, in characters.
pub(crate) const LONGEST_NAME: usize = 100;

/// A project to be, or its new name.
#[derive(Deserialize)]
pub(crate) struct ProjectInput {
    pub(crate) name: Name,
}

/// An API key to be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyInput {
    pub(crate) name: Name,
    pub(crate) permissions: Wanted,
    pub(crate) expires_at: Option<Instant>,
}

/// A text with something in it.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits =
            !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
        if fits { Ok(Self(name)) } else { Err(format!("must be a text of 1 to {LONGEST_NAME} characters")) }
    }
}

/// What a key is to be able to do.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Wanted(pub(crate) Vec<Permission>);

impl TryFrom<Value> for Wanted {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        const EXPECTED: &str = "must be \"read\", \"write\", \"full\" or {\"projects\": [\"read\", \"write\", \"delete\"]}, \
                                of these at least one";
        permissions_in(value).map(Self).ok_or(EXPECTED)
    }
}

fn permissions_in(value: Value) -> Option<Vec<Permission>> {
    let names = match value.as_str() {
        Some("read") => vec![READ],
        Some("write") => vec![WRITE],
        Some("full") => vec![READ, WRITE],
        Some(_) => return None,
        None => {
            let named = serde_json::from_value::<PermissionMap>(value).ok()?.permissions().ok()?;
            let known = named.iter().all(|permission| permissions::OF_PROJECTS.contains(&permission.as_str()));
            return Some(named).filter(|named| known && !named.is_empty());
        }
    };
    names.into_iter().map(Permission::parse).collect::<Result<_, _>>().ok()
}

/// A moment, as RFC 3339 has it.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Instant(pub(crate) Timestamp);

/// What an end must be.
pub(crate) const AN_INSTANT_TO_COME: &str = "must be an instant to come, such as 2030-01-01T00:00:00Z";

impl TryFrom<String> for Instant {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let instant = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| AN_INSTANT_TO_COME)?;
        let micros = i64::try_from(instant.unix_timestamp_nanos() / 1_000).map_err(|_| AN_INSTANT_TO_COME)?;
        Ok(Self(Timestamp::from_micros(micros)))
    }
}
