//! The registered claims (RFC 7519 §4.1), read strictly and judged against what is expected.

use std::fmt;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use super::error::JwtError;
use crate::base::Timestamp;

/// Clocks that are further apart need repair and not patience.
const MOST_LEEWAY: Duration = Duration::from_secs(60);
/// The last second that a [`Timestamp`] can hold, in the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// What every token says of itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisteredClaims {
    /// A single string: an array that holds the right issuer is not from it.
    #[serde(deserialize_with = "filled")]
    pub(crate) iss: String,
    #[serde(deserialize_with = "filled")]
    pub(crate) sub: String,
    /// Empty if the token has none.
    #[serde(default, skip_serializing_if = "Audience::is_empty")]
    pub(crate) aud: Audience,
    #[serde(with = "numeric_date")]
    pub(crate) exp: Timestamp,
    #[serde(default, with = "optional_date", skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<Timestamp>,
    #[serde(default, with = "optional_date", skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<Timestamp>,
    #[serde(default, deserialize_with = "some_filled", skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
}

impl fmt::Debug for RegisteredClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegisteredClaims([redacted])")
    }
}

/// Whom a token is for: one name or several (RFC 7519 §4.1.3).
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Audience(Vec<String>);

impl Audience {
    /// The names, in the order of the token.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for Audience {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audience([redacted])")
    }
}

/// A single name is written as a string: the form that every reader knows.
impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.0 {
            [name] => name.serialize(serializer),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(String),
            Many(Vec<String>),
        }
        let names = match Form::deserialize(deserializer)? {
            Form::One(name) => vec![name],
            Form::Many(names) => names,
        };
        if names.is_empty() || names.iter().any(|name| is_blank(name)) {
            return Err(D::Error::custom("an audience without a name"));
        }
        Ok(Self(names))
    }
}

/// Which claims must be there beyond `iss`, `sub` and `exp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// `aud`, `iat` and `jti` too: whatever we issue has them.
    Issued,
    /// None: other issuers do as they like.
    Foreign,
}

/// What a token must be to be accepted now.
pub(crate) struct Expected<'a> {
    /// Its kind, one of these. Empty: any, or none.
    pub(crate) typ: &'a [&'a str],
    pub(crate) issuer: &'a str,
    /// The token must be for one of these. Empty: not judged.
    pub(crate) audiences: &'a [String],
    pub(crate) presence: Presence,
    /// By how much clocks may differ; more than 60 s counts as 60 s.
    pub(crate) leeway: Duration,
    pub(crate) now: Timestamp,
}

impl Expected<'_> {
    /// Compares media types as RFC 7515 §4.1.9 has it: in any case, with `application/` or without.
    pub(crate) fn judge_type(&self, typ: Option<&str>) -> Result<(), JwtError> {
        let fits = |typ| self.typ.iter().any(|expected| short_type(expected).eq_ignore_ascii_case(short_type(typ)));
        if self.typ.is_empty() || typ.is_some_and(fits) { Ok(()) } else { Err(JwtError::Type) }
    }

    /// Judges signed claims. Dates are compared so that a token is dead in the very second of its `exp`.
    pub(crate) fn judge(&self, claims: &RegisteredClaims) -> Result<(), JwtError> {
        let is_complete = !claims.aud.is_empty() && claims.iat.is_some() && claims.jti.is_some();
        if self.presence == Presence::Issued && !is_complete {
            return Err(JwtError::Claims);
        }
        if claims.iss != self.issuer {
            return Err(JwtError::Issuer);
        }
        if !self.audiences.is_empty() && !claims.aud.names().iter().any(|name| self.audiences.contains(name)) {
            return Err(JwtError::Audience);
        }
        // Sums end at the year 9999 instead of wrapping.
        let leeway = self.leeway.min(MOST_LEEWAY);
        if self.now >= claims.exp.plus(leeway) {
            return Err(JwtError::Expired);
        }
        let latest = self.now.plus(leeway);
        if [claims.nbf, claims.iat].into_iter().flatten().any(|begin| begin > latest) {
            return Err(JwtError::NotYetValid);
        }
        Ok(())
    }
}

/// `application/` may be left out where no other slash follows.
fn short_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A string with something in it: an empty name equals nobody's.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_blank(&text) { Err(D::Error::custom("an empty claim")) } else { Ok(text) }
}

fn some_filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    filled(deserializer).map(Some)
}

/// Seconds since 1970 (RFC 7519 §2, NumericDate).
mod numeric_date {
    use super::{Deserialize, Deserializer, Error, LAST_SECOND, Number, Serializer, Timestamp};

    pub(super) fn serialize<S: Serializer>(date: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(date.as_seconds())
    }

    /// A fraction is cut off. What a [`Timestamp`] cannot hold is refused, and not moved to the nearest end.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let seconds = match (number.as_i64(), number.as_f64()) {
            (Some(seconds), _) => Some(seconds),
            // In this range a double holds every whole number.
            (None, Some(seconds)) if (0.0..=LAST_SECOND as f64).contains(&seconds) => Some(seconds as i64),
            (None, _) => None,
        };
        seconds
            .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
            // Below 2^58.
            .map(|seconds| Timestamp::from_micros(seconds * 1_000_000))
            .ok_or_else(|| D::Error::custom("a date out of range"))
    }
}

/// The same for a claim that may be missing, but not `null`.
mod optional_date {
    use super::{Deserializer, Serialize, Serializer, Timestamp, numeric_date};

    pub(super) fn serialize<S: Serializer>(date: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        date.map(Timestamp::as_seconds).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        numeric_date::deserialize(deserializer).map(Some)
    }
}
