//! Secret bytes that cannot be printed by accident.

use std::fmt;

use zeroize::Zeroizing;

/// Key material: wiped when dropped, shown as `[redacted]`, neither printable nor serialisable.
///
/// It has no `PartialEq`: secrets are compared where the comparison is constant-time, never with `==`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of secret bytes; UTF-8 text counts as its bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Reads the environment variable `name`. Its strength is judged where it is used, so that a
    /// short secret is reported together with every other configuration problem.
    ///
    /// # Errors
    /// [`SecretMissing`] when the variable is unset, empty or not UTF-8.
    pub fn from_env(name: &str) -> Result<Self, SecretMissing> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Self::new(value)),
            _ => Err(SecretMissing(name.to_owned())),
        }
    }

    /// The bytes themselves. Every call is a place to look at in a review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// The environment holds no secret under this name.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set: give it at least 32 random bytes, for example from `openssl rand -base64 32`")]
pub struct SecretMissing(String);

/// As it is displayed: `main` shows errors this way.
impl fmt::Debug for SecretMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret([redacted])");
    }
}
