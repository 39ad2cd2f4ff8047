//! E-mail addresses in one canonical form.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.3: 256 octets of path, less the angle brackets.
const MAX_BYTES: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;

/// An e-mail address in the one form that counts: trimmed, NFC, lower case, its domain in ASCII (IDNA).
///
/// Two spellings of one mailbox compare equal, and an address that only *looks* like another
/// (full-width `＠`, ligatures, compatibility letters) is refused rather than folded. At most 254
/// octets, 64 before the `@`; quoted local parts, comments, address literals and dotless domains
/// are refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address as a person typed it.
    ///
    /// # Errors
    /// [`InvalidEmail`] when no mailbox of that name can exist or its spelling is ambiguous.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim_matches(' ');
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(InvalidEmail);
        }
        let composed = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) };
        // A compatibility character is a look-alike of something else: "ﬁ" of "fi", "＠" of "@".
        if !composed.is_ascii() && !composed.chars().eq(composed.nfkc()) {
            return Err(InvalidEmail);
        }
        let (local, domain) = composed.rsplit_once('@').ok_or(InvalidEmail)?;
        let canonical = format!("{}@{}", canonical_local(local)?, canonical_domain(domain)?);
        if canonical.len() > MAX_BYTES { Err(InvalidEmail) } else { Ok(Self(canonical)) }
    }

    /// The address of somebody who has none: nobody has a mailbox below `.invalid` (RFC 6761 §6.4).
    pub(crate) fn placeholder(local: impl fmt::Display, kind: &str) -> Self {
        Self(format!("{local}@{kind}.invalid"))
    }

    /// Whether it is such an address.
    pub fn is_placeholder(&self) -> bool {
        self.0.ends_with(".invalid")
    }

    /// The canonical text, for columns and messages.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(&*self.0, |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        Self::parse(text)
    }
}

/// A dot-atom (RFC 5322 §3.2.3) with the non-ASCII letters of RFC 6531, lower-cased and stable under folding.
fn canonical_local(local: &str) -> Result<String, InvalidEmail> {
    // Greek writes one letter in two ways, depending on where it stands.
    let lower: String = local.to_lowercase().replace('ς', "σ").nfc().collect();
    let dots_ok = !lower.starts_with('.') && !lower.ends_with('.') && !lower.contains("..");
    if lower.is_empty() || lower.len() > MAX_LOCAL_BYTES || !dots_ok || !lower.chars().all(is_local_char) {
        return Err(InvalidEmail);
    }
    Ok(lower)
}

fn is_local_char(c: char) -> bool {
    match c {
        c if c.is_ascii_alphanumeric() => true,
        '.' | '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^' | '_' | '`' | '{' | '|'
        | '}' | '~' => true,
        // Letters and digits only: no invisible formatting, no private use, no spaces of any script.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => false,
        c => !c.is_ascii() && c.is_alphanumeric(),
    }
}

/// UTS 46 with strict ASCII rules; at least two labels, the last one not all digits (an IPv4 address).
fn canonical_domain(domain: &str) -> Result<String, InvalidEmail> {
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
    let Some((rest, top)) = ascii.rsplit_once('.') else { return Err(InvalidEmail) };
    if rest.is_empty() || top.len() < 2 || top.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidEmail);
    }
    Ok(ascii)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the domain alone: a log is no place for a person's name.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email([redacted]@{})", self.domain())
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'_, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// No mailbox can have this address, or its spelling is ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid e-mail address")]
pub struct InvalidEmail;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        Email::parse(text).unwrap().to_string()
    }

    #[test]
    fn spellings_of_one_mailbox_are_equal() {
        assert_eq!(canonical(" Ada.Lovelace@Example.COM "), "ada.lovelace@example.com");
        assert_eq!(canonical("a@B\u{fc}cher.example"), "a@xn--bcher-kva.example");
        // Decomposed and composed "é", upper and lower case.
        assert_eq!(canonical("Rene\u{301}@example.com"), canonical("REN\u{c9}@example.com"));
    }

    #[test]
    fn look_alikes_and_structure_changers_are_refused() {
        for bad in [
            "ada\u{ff20}example.com",      // full-width @
            "ada@example.com\u{ff0e}evil", // full-width dot
            "\u{fb01}n@example.com",       // ligature fi
            "ada@example.com\0.evil.test", // NUL
            "ada\r\nbcc:x@example.com",    // header injection
            "ada\u{200b}@example.com",     // zero-width space
            "ada@evil.test@example.com",   // two ats
            "\"ada@x\"@example.com",       // quoted local part
        ] {
            assert_eq!(Email::parse(bad), Err(InvalidEmail), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long_domain = format!("a@{}.com", "a".repeat(64));
        for bad in [
            "",
            " ",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@example.com.",
            "ada lovelace@example.com",
            &long_local,
            &long_domain,
        ] {
            assert_eq!(Email::parse(bad), Err(InvalidEmail), "{bad:?}");
        }
    }

    #[test]
    fn accents_are_kept_apart() {
        assert_ne!(canonical("jose@example.com"), canonical("jos\u{e9}@example.com"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_a_fixed_point(text in "\\PC{1,20}@\\PC{1,20}\\.[a-z]{2,5}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert!(!email.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
            }
        }

        #[test]
        fn case_and_outer_space_do_not_matter(local in "[a-z0-9]{1,10}", domain in "[a-z]{2,8}\\.[a-z]{2,4}") {
            let plain = format!("{local}@{domain}");
            let shouted = format!("  {} ", plain.to_uppercase());
            prop_assert_eq!(Email::parse(&plain), Email::parse(&shouted));
        }
    }
}
