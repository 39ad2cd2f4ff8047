//! Which kind of hash a row holds, and whether it may be computed at all.
//!
//! A row's cost is the attacker's wish as soon as they can write one row, by an injection or an
//! import file. So it is judged before anything is allocated or computed for it.

use argon2::Algorithm;

use super::HashError;
use super::argon::{Argon2Hash, Memory};
use super::config::HashConfig;
use super::imported::{BcryptHash, Pbkdf2Digest, Pbkdf2Hash, ScryptHash};
use super::password::{Password, PasswordHash};

/// In bytes. Salt and output at their limits, written in base64, with parameters take half of it.
const LONGEST: usize = 512;

/// The highest argon2 cost that a row may have: as configured, or what sensible systems used before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
}

impl Limits {
    pub(super) fn new(config: &HashConfig) -> Self {
        Self {
            memory_kib: config.memory_kib.max(65_536),
            iterations: config.iterations.max(10),
            parallelism: config.parallelism.max(4),
        }
    }
}

/// Why a row is not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it is malformed")]
    Malformed,
    #[error("it asks for more than the limits allow")]
    BeyondLimits,
}

/// A row that is not computed: its format, and what is wrong. Nothing of its content, as this is logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) format: &'static str,
    pub(super) reason: Unfit,
}

/// A hash that is well formed and within the limits.
pub(super) enum Stored {
    Argon2(Argon2Hash),
    Scrypt(ScryptHash),
    Bcrypt(BcryptHash),
    Pbkdf2(Pbkdf2Hash),
}

impl Stored {
    pub(super) fn read(stored: &PasswordHash, limits: &Limits) -> Result<Self, Unreadable> {
        let text = stored.as_stored();
        let format = Format::of(text).ok_or(Unreadable { format: "unknown", reason: Unfit::Malformed })?;
        if text.len() > LONGEST {
            return Err(Unreadable { format: format.name(), reason: Unfit::BeyondLimits });
        }
        let read = match format {
            Format::Argon2id => Argon2Hash::read(text, Algorithm::Argon2id, limits).map(Self::Argon2),
            Format::Argon2i => Argon2Hash::read(text, Algorithm::Argon2i, limits).map(Self::Argon2),
            Format::Scrypt => ScryptHash::read(text).map(Self::Scrypt),
            Format::BetterAuth => ScryptHash::read_better_auth(text).map(Self::Scrypt),
            Format::Bcrypt => BcryptHash::read(text).map(Self::Bcrypt),
            Format::Pbkdf2Sha256 => Pbkdf2Hash::read(text, Pbkdf2Digest::Sha256).map(Self::Pbkdf2),
            Format::Pbkdf2Sha512 => Pbkdf2Hash::read(text, Pbkdf2Digest::Sha512).map(Self::Pbkdf2),
        };
        read.map_err(|reason| Unreadable { format: format.name(), reason })
    }

    /// Whether a hash of this kind could have been made of this password without cutting it.
    pub(super) fn can_be_of(&self, password: &Password) -> bool {
        match self {
            Self::Bcrypt(_) => BcryptHash::takes(password),
            Self::Argon2(_) | Self::Scrypt(_) | Self::Pbkdf2(_) => true,
        }
    }

    pub(super) fn matches(&self, memory: &mut Memory, password: &Password) -> Result<bool, HashError> {
        match self {
            Self::Argon2(hash) => hash.matches(memory, password.expose().as_bytes()),
            Self::Scrypt(hash) => hash.matches(password),
            Self::Bcrypt(hash) => Ok(hash.matches(password)),
            Self::Pbkdf2(hash) => Ok(hash.matches(password)),
        }
    }
}

#[derive(Clone, Copy)]
enum Format {
    Argon2id,
    Argon2i,
    Scrypt,
    BetterAuth,
    Bcrypt,
    Pbkdf2Sha256,
    Pbkdf2Sha512,
}

/// How a string of each format begins. `$2x$` is absent: it marks hashes of a broken implementation.
const PREFIXES: [(&str, Format); 8] = [
    ("$argon2id$", Format::Argon2id),
    ("$argon2i$", Format::Argon2i),
    ("$scrypt$", Format::Scrypt),
    ("$2a$", Format::Bcrypt),
    ("$2b$", Format::Bcrypt),
    ("$2y$", Format::Bcrypt),
    ("$pbkdf2-sha256$", Format::Pbkdf2Sha256),
    ("$pbkdf2-sha512$", Format::Pbkdf2Sha512),
];

impl Format {
    fn of(text: &str) -> Option<Self> {
        let prefixed = PREFIXES.into_iter().find(|(prefix, _)| text.starts_with(prefix));
        // The one format without a prefix has a colon after 32 hexadecimal digits.
        let better_auth = || (text.as_bytes().get(32) == Some(&b':')).then_some(Self::BetterAuth);
        prefixed.map(|(_, format)| format).or_else(better_auth)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Scrypt => "scrypt",
            Self::BetterAuth => "better-auth scrypt",
            Self::Bcrypt => "bcrypt",
            Self::Pbkdf2Sha256 => "pbkdf2-sha256",
            Self::Pbkdf2Sha512 => "pbkdf2-sha512",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unreadable(text: &str) -> Option<(&'static str, Unfit)> {
        let limits = Limits::new(&HashConfig::default());
        let error = Stored::read(&PasswordHash::from_stored(text.to_owned()), &limits).err()?;
        Some((error.format, error.reason))
    }

    #[test]
    fn hostile_rows_are_refused_by_reading_alone() {
        let tail = "$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU";
        let bcrypt = "abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
        let hostile = [
            (format!("$argon2id$v=19$m=4294967295,t=1,p=1{tail}"), "argon2id"),
            (format!("$argon2i$v=19$m=64,t=4294967295,p=1{tail}"), "argon2i"),
            (format!("$scrypt$ln=31,r=8,p=1{tail}"), "scrypt"),
            (format!("$scrypt$ln=1,r=4294967295,p=4294967295{tail}"), "scrypt"),
            (format!("$2b$31${bcrypt}"), "bcrypt"),
            (format!("$pbkdf2-sha256$i=4294967295{tail}"), "pbkdf2-sha256"),
            (format!("$pbkdf2-sha512$i=2000001{tail}"), "pbkdf2-sha512"),
            (format!("$argon2id{}", "$".repeat(1 << 20)), "argon2id"),
        ];
        for (text, format) in hostile {
            assert_eq!(unreadable(&text), Some((format, Unfit::BeyondLimits)), "{text}");
        }
    }

    #[test]
    fn what_is_no_known_format_is_unreadable() {
        let tail = "AAECAwQFBgcICQoLDA0ODw$iqsjK/L18+kPQq7+6ngEaNFoUugDoqj8PprlPXik5Hk";
        let argon2d = format!("$argon2d$v=19$m=256,t=1,p=1${tail}");
        let broken = "$2x$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
        for text in ["", " ", "password", "$", "$2$", "5f4dcc3b5aa765d61d8327deb882cf99", &argon2d, broken] {
            assert_eq!(unreadable(text), Some(("unknown", Unfit::Malformed)), "{text:?}");
        }
        assert_eq!(unreadable("$argon2id$"), Some(("argon2id", Unfit::Malformed)));
    }

    proptest! {
        #[test]
        fn no_row_whatever_it_holds_makes_reading_panic(
            prefix in proptest::sample::select(PREFIXES.map(|(prefix, _)| prefix).to_vec()),
            rest in "[$=,:a-z0-9é./+]{0,120}",
            any in "\\PC{0,200}",
        ) {
            unreadable(&format!("{prefix}{rest}"));
            unreadable(&format!("{prefix}{any}"));
            unreadable(&any);
        }
    }

    #[test]
    fn configured_costs_above_the_usual_limits_stay_readable() {
        let config = HashConfig::default().memory_kib(131_072).iterations(12).parallelism(8);
        let text =
            "$argon2id$v=19$m=131072,t=12,p=8$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU";
        let stored = PasswordHash::from_stored(text.to_owned());
        assert!(Stored::read(&stored, &Limits::new(&config)).is_ok());
        assert!(Stored::read(&stored, &Limits::new(&HashConfig::default())).is_err());
    }
}
