//! Telephone numbers in one canonical form.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// ITU-T E.164 §6.1: at most 15 digits, the country code included.
const MOST_DIGITS: usize = 15;
/// The shortest numbers in use, with their country code.
const LEAST_DIGITS: usize = 7;

/// A telephone number in international form: `+` and 7 to 15 digits, the first of them not 0 (ITU-T E.164).
///
/// Spaces, dots, hyphens and parentheses between the digits, as people write them, are left out. A number without its
/// country code is refused: nothing tells which country is meant. Whether anybody answers it, only a message shows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as a person typed it.
    ///
    /// # Errors
    /// [`InvalidPhoneNumber`] when it is no number in international form.
    pub fn parse(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let rest = text.trim_matches(' ').strip_prefix('+').ok_or(InvalidPhoneNumber)?;
        let mut number = String::from("+");
        for c in rest.chars() {
            match c {
                '0'..='9' if number.len() <= MOST_DIGITS => number.push(c),
                ' ' | '-' | '.' | '(' | ')' if number.len() > 1 => {}
                _ => return Err(InvalidPhoneNumber),
            }
        }
        if number.len() <= LEAST_DIGITS || number.starts_with("+0") {
            return Err(InvalidPhoneNumber);
        }
        Ok(Self(number))
    }

    /// The canonical text, for columns and messages.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(text: &str) -> Result<Self, InvalidPhoneNumber> {
        Self::parse(text)
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the last two digits alone: a log is no place for a person's number.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber([redacted]{})", &self.0[self.0.len() - 2..])
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'_, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The text is no telephone number in international form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number in international form, such as +49 30 901820")]
pub struct InvalidPhoneNumber;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_equal() {
        for text in ["+4930901820", " +49 30 901820 ", "+49 (30) 90-18.20"] {
            assert_eq!(PhoneNumber::parse(text).unwrap().as_str(), "+4930901820", "{text:?}");
        }
        assert_eq!(PhoneNumber::parse("+123456789012345").unwrap().to_string().len(), 16);
    }

    #[test]
    fn what_is_no_international_number_is_refused() {
        for bad in [
            "",
            "+",
            "030901820",
            "4930901820",
            "+049301234",
            "+123456",
            "+1234567890123456",
            "++4930901820",
            "+49/30901820",
            "+49 30 901820;ext=7",
            "+49\u{a0}30901820",
            "+\u{ff14}930901820",
            "+4930901820\r\n",
            "+(49)30901820",
            "+4930901820x",
        ] {
            assert_eq!(PhoneNumber::parse(bad), Err(InvalidPhoneNumber), "{bad:?}");
        }
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", PhoneNumber::parse("+4930901820").unwrap()), "PhoneNumber([redacted]20)");
    }
}
