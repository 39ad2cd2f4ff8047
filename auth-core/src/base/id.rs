//! Identifiers: UUID version 7 made from our own clock and random, one type per thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::clock::Timestamp;
use super::random::Random;

/// The text is not an identifier: 32 lower-case hexadecimal digits are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 32 lower-case hexadecimal digits are expected")]
pub struct InvalidId;

/// RFC 9562 §5.7: 48 bits of milliseconds, then random bits, so that new rows lie together in an index.
fn version_7(now: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Accepts the one form that we hand out; the hyphenated and upper-case forms would be second names of the same thing.
fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Written as 32 lower-case hexadecimal digits. An identifier names, it never proves: knowing one gives no
        /// access.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, ordered by time.
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                let mut bytes = [0; 10];
                random.fill(&mut bytes);
                Self(version_7(now, bytes))
            }

            /// The smallest identifier of that instant's millisecond: those made before it are smaller, those made in
            /// it or after it are not.
            pub fn first_at(instant: Timestamp) -> Self {
                Self(version_7(instant, [0; 10]))
            }

            /// Takes the form that a store keeps.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The form that a store keeps.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.simple(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A user.
    UserId;
    /// A customer.
    CustomerId;
    /// A session.
    SessionId;
    /// One way in which a user signs in: a password, later an external identity.
    AccountId;
    /// A role.
    RoleId;
    /// A row of the audit trail.
    AuditId;
    /// An API key.
    ApiKeyId;
    /// A message that waits to be sent.
    MessageId;
    /// A key that access tokens are signed with; it is the `kid` of their header.
    SigningKeyId;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SeededRandom;

    #[test]
    fn ids_are_ordered_by_time_and_parse_back() {
        let random = SeededRandom::predictable(3);
        let first = UserId::new(Timestamp::from_micros(1_000_000), &random);
        let second = UserId::new(Timestamp::from_micros(2_000_000), &random);
        assert!(first < second);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(first.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn the_first_of_a_millisecond_lies_between_those_before_and_those_in_it() {
        let first = UserId::first_at(Timestamp::from_micros(5_000_999));
        for seed in 0..50 {
            let random = SeededRandom::predictable(seed);
            assert!(UserId::new(Timestamp::from_micros(4_999_999), &random) < first);
            assert!(UserId::new(Timestamp::from_micros(5_000_000), &random) >= first);
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = UserId::new(Timestamp::from_micros(0), &SeededRandom::predictable(3));
        for other in [id.as_uuid().to_string(), id.to_string().to_uppercase(), format!("{{{id}}}"), String::new()] {
            assert_eq!(other.parse::<UserId>(), Err(InvalidId), "{other}");
        }
    }
}
