//! The name of a tenant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest identifier, in characters.
const MAX_CHARS: usize = 128;

/// One of the organisations that share a program, as tokens, headers and rows name it.
///
/// 1 to 128 visible ASCII characters, compared byte by byte: ours are 32 hexadecimal digits, those of external issuers
/// are whatever they call theirs (`org_2aB`). Naming a tenant proves nothing. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// The text is not the identifier of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tenant: 1 to {MAX_CHARS} visible ASCII characters without spaces are expected")]
pub struct InvalidTenantId;

impl TenantId {
    /// Takes an identifier as it is written.
    ///
    /// # Errors
    /// [`InvalidTenantId`] when it is empty, too long or has a character other than visible ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidTenantId> {
        let fits = (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(InvalidTenantId) }
    }

    /// The identifier itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, InvalidTenantId> {
        Self::parse(text)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_visible_ascii_and_nothing_else() {
        for good in ["a", "org_2aB", "0190c6a0f6f77c7f8d1f0a0b0c0d0e0f", &"x".repeat(128)] {
            assert_eq!(TenantId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\n", "a\0", "\u{e4}", &"x".repeat(129)] {
            assert_eq!(TenantId::parse(bad), Err(InvalidTenantId), "{bad:?}");
        }
        assert_ne!(TenantId::parse("acme"), TenantId::parse("ACME"));
    }
}
