//! One key for each purpose, derived from the application's secret; old secrets stay readable.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use crate::base::Secret;

/// Shortest secret: 256 bits, the strength of everything that is derived from it.
const LEAST_BYTES: usize = 32;
/// 32 random bytes have fewer distinct values than this less than once in 2^100 draws.
const LEAST_DISTINCT: usize = 8;
/// HKDF-Extract's salt: separates this library from whatever else is derived from the same secret.
const SALT: &[u8] = b"auth-core v1";
/// Purposes are written `mechanism/label`; a label without a slash cannot collide with any.
const KEY_ID_LABEL: &[u8] = b"key-id";

/// What a derived key is for. Two purposes never share a key (NIST SP 800-57 part 1, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Columns that must be read back, such as TOTP seeds and provider tokens.
    Seal,
    /// Values that a browser keeps for us and must not change.
    Cookie,
    /// Pseudonyms under which failed attempts are counted.
    AttemptKey,
    /// Codes that are short enough to be guessed, and pseudonyms of the addresses that codes are sent to.
    Code,
    /// Tokens that a page shows beside the cookies of a session.
    Csrf,
}

impl Purpose {
    /// The name that goes into the derivation. Changing it makes every value of that purpose unreadable.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Cookie => "cookie",
            Self::AttemptKey => "attempt-key",
            Self::Code => "code",
            Self::Csrf => "csrf",
        }
    }
}

/// The application's secret and its predecessors, from which keys are derived by HKDF-SHA256 (RFC 5869).
///
/// New values are always made with the current secret. Values made with a previous one are still
/// accepted, so a secret is replaced in three steps: put the new one in front, wait until old values
/// have expired or been rewritten, then drop the old one.
///
/// ```
/// use auth_core::base::{OsRandom, Random, Secret};
/// use auth_core::crypto::keys::Keyring;
///
/// let mut bytes = [0; 32];
/// OsRandom.fill(&mut bytes);
/// let keyring = Keyring::new(Secret::new(bytes), vec![])?;
/// # Ok::<(), auth_core::crypto::keys::KeyringError>(())
/// ```
#[derive(Clone)]
pub struct Keyring {
    current: RootKey,
    previous: Vec<RootKey>,
}

impl Keyring {
    /// Takes the secret for new values and those that are only read any more, newest first.
    ///
    /// # Errors
    /// [`KeyringError`] with every problem at once: a secret of fewer than 32 bytes, one that is
    /// obviously not random, or one that is given twice.
    pub fn new(current: Secret, previous: Vec<Secret>) -> Result<Self, KeyringError> {
        let problems = problems_of(&current, &previous);
        if !problems.is_empty() {
            return Err(KeyringError { problems });
        }
        Ok(Self { current: RootKey::new(&current), previous: previous.iter().map(RootKey::new).collect() })
    }

    /// The keys of a purpose. `mechanism` names the algorithm, so that even a purpose used with two
    /// algorithms by mistake would not share a key between them.
    pub(super) fn derive(&self, mechanism: &'static str, purpose: Purpose) -> DerivedKeys {
        let info = [mechanism.as_bytes(), b"/", purpose.label().as_bytes()];
        let previous = self.previous.iter().map(|root| root.derive(&info)).collect();
        DerivedKeys { current: self.current.derive(&info), previous }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring([redacted], {} previous)", self.previous.len())
    }
}

/// Names a secret without revealing anything of it: the first bytes of an HKDF output of its own.
/// Four bytes tell a handful of secrets apart; whoever reads one still tries every key of that id.
pub(super) type KeyId = [u8; 4];

/// The keys of one purpose, in the order of the keyring.
pub(super) struct DerivedKeys {
    pub(super) current: DerivedKey,
    pub(super) previous: Vec<DerivedKey>,
}

/// A key that is good for one purpose with one algorithm.
pub(super) struct DerivedKey {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

#[derive(Clone)]
struct RootKey {
    id: KeyId,
    prk: hkdf::Prk,
}

impl RootKey {
    fn new(secret: &Secret) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.expose());
        let mut id = KeyId::default();
        expand(&prk, &[KEY_ID_LABEL], &mut id);
        Self { id, prk }
    }

    fn derive(&self, info: &[&[u8]]) -> DerivedKey {
        let mut bytes = Zeroizing::new([0; 32]);
        expand(&self.prk, info, bytes.as_mut_slice());
        DerivedKey { id: self.id, bytes }
    }
}

#[expect(clippy::expect_used, reason = "fails only for lengths that no caller asks for")]
fn expand(prk: &hkdf::Prk, info: &[&[u8]], out: &mut [u8]) {
    // HKDF-Expand refuses more than 255 blocks of output (RFC 5869, 2.3); both callers ask for one at most.
    prk.expand(info, Length(out.len())).and_then(|okm| okm.fill(out)).expect("at most 32 bytes");
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The secrets cannot be used; everything that is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentences())]
pub struct KeyringError {
    problems: Vec<KeyProblem>,
}

impl KeyringError {
    /// Every problem found, the current secret's first.
    pub fn problems(&self) -> &[KeyProblem] {
        &self.problems
    }

    fn sentences(&self) -> String {
        self.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// One secret that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{secret} {weakness}")]
#[non_exhaustive]
pub struct KeyProblem {
    /// Which of the secrets it is.
    pub secret: SecretPosition,
    /// What is wrong with it.
    pub weakness: KeyWeakness,
}

/// Which secret of a [`Keyring`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretPosition {
    /// The one that new values are made with.
    Current,
    /// One that is only read any more, counted from 1.
    Previous(usize),
}

impl fmt::Display for SecretPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("the current secret"),
            Self::Previous(number) => write!(f, "previous secret {number}"),
        }
    }
}

/// Why a secret is refused. The texts say nothing about the secret's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyWeakness {
    /// Fewer than 32 bytes.
    #[error("has {bytes} bytes, at least {LEAST_BYTES} random ones are needed")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// Too few distinct bytes, a repeated pattern or a plain sequence.
    #[error("is not random: it has fewer than {LEAST_DISTINCT} distinct bytes, repeats itself or counts up or down")]
    NotRandom,
    /// The same secret stands elsewhere in the keyring: a rotation that changed nothing.
    #[error("is the same as another secret of the keyring")]
    Repeated,
}

fn problems_of(current: &Secret, previous: &[Secret]) -> Vec<KeyProblem> {
    let mut earlier: Vec<&Secret> = Vec::new();
    let mut problems = Vec::new();
    for (index, secret) in std::iter::once(current).chain(previous).enumerate() {
        let position = if index == 0 { SecretPosition::Current } else { SecretPosition::Previous(index) };
        let repeated = earlier.iter().any(|other| verify_slices_are_equal(other.expose(), secret.expose()).is_ok());
        let weakness = weakness_of(secret.expose()).or(repeated.then_some(KeyWeakness::Repeated));
        problems.extend(weakness.map(|weakness| KeyProblem { secret: position, weakness }));
        earlier.push(secret);
    }
    problems
}

/// What makes a secret unfit for a key, as far as can be told by looking at it.
pub(super) fn weakness_of(secret: &[u8]) -> Option<KeyWeakness> {
    if secret.len() < LEAST_BYTES {
        return Some(KeyWeakness::TooShort { bytes: secret.len() });
    }
    let mut seen = [false; 256];
    for byte in secret {
        seen[usize::from(*byte)] = true;
    }
    let few = seen.iter().filter(|seen| **seen).count() < LEAST_DISTINCT;
    let repeats = (1..=secret.len() / 2).any(|period| secret.iter().zip(&secret[period..]).all(|(a, b)| a == b));
    let step = secret[1].wrapping_sub(secret[0]);
    let counts = secret.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    (few || repeats || counts).then_some(KeyWeakness::NotRandom)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::{OsRandom, Random, SeededRandom};

    pub(in crate::crypto) fn secret(seed: u64) -> Secret {
        let mut bytes = [0; 32];
        SeededRandom::predictable(seed).fill(&mut bytes);
        Secret::new(bytes)
    }

    pub(in crate::crypto) fn keyring(current: u64, previous: &[u64]) -> Keyring {
        Keyring::new(secret(current), previous.iter().copied().map(secret).collect()).unwrap()
    }

    fn weakness(bytes: impl Into<Vec<u8>>) -> Option<KeyWeakness> {
        let error = Keyring::new(Secret::new(bytes), vec![]).err()?;
        assert_eq!(error.problems().len(), 1);
        Some(error.problems()[0].weakness)
    }

    #[test]
    fn every_purpose_and_every_mechanism_has_its_own_key() {
        let keyring = keyring(1, &[]);
        let mut keys = Vec::new();
        for mechanism in ["aes-256-gcm", "hmac-sha256"] {
            for purpose in [Purpose::Seal, Purpose::Cookie, Purpose::AttemptKey, Purpose::Code, Purpose::Csrf] {
                keys.push(*keyring.derive(mechanism, purpose).current.bytes);
            }
        }
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    /// Computed with Python's `hmac` by the two steps of RFC 5869.
    const KAT_ID: KeyId = [220, 40, 14, 72];
    const KAT_KEY: [u8; 32] = [
        57, 70, 141, 6, 31, 210, 251, 153, 48, 252, 98, 86, 247, 176, 36, 108, 110, 67, 229, 206, 219, 26, 247, 208,
        158, 7, 177, 125, 160, 13, 11, 164,
    ];

    /// The keyring behind every known answer of this module.
    pub(in crate::crypto) fn known_keyring() -> Keyring {
        let secret: Vec<u8> = (0..32u8).map(|i| 0xA0 + i * 7 % 32).rev().chain([1, 2, 4]).collect();
        Keyring::new(Secret::new(secret), vec![]).unwrap()
    }

    #[test]
    fn derivation_is_hkdf_sha256_and_stays_what_it_was() {
        let key = known_keyring().derive("aes-256-gcm", Purpose::Seal).current;
        assert_eq!((key.id, *key.bytes), (KAT_ID, KAT_KEY));
    }

    #[test]
    fn keys_of_previous_secrets_follow_the_current_one() {
        let both = keyring(1, &[2]).derive("hmac-sha256", Purpose::Cookie);
        let old = keyring(2, &[]).derive("hmac-sha256", Purpose::Cookie);
        assert_eq!(both.previous.len(), 1);
        assert_eq!(both.previous[0].id, old.current.id);
        assert_eq!(both.previous[0].bytes, old.current.bytes);
        assert_ne!(both.current.id, old.current.id);
    }

    #[test]
    fn secrets_that_are_short_or_obviously_chosen_are_refused() {
        assert_eq!(weakness(vec![]), Some(KeyWeakness::TooShort { bytes: 0 }));
        assert_eq!(weakness(&b"0123456789abcdef0123456789abcde"[..]), Some(KeyWeakness::TooShort { bytes: 31 }));
        assert_eq!(weakness([0; 64]), Some(KeyWeakness::NotRandom));
        assert_eq!(weakness(&b"abbacddcbaabdccdeffeabbacdefabba"[..]), Some(KeyWeakness::NotRandom));
        assert_eq!(weakness(&b"change-me-please change-me-please "[..]), Some(KeyWeakness::NotRandom));
        assert_eq!(weakness(&b"password-password-password-password"[..]), Some(KeyWeakness::NotRandom));
        assert_eq!(weakness((0..32).collect::<Vec<u8>>()), Some(KeyWeakness::NotRandom));
        assert_eq!(weakness((0..32).rev().collect::<Vec<u8>>()), Some(KeyWeakness::NotRandom));
    }

    #[test]
    fn random_secrets_in_bytes_and_in_text_are_accepted() {
        let mut bytes = [0; 32];
        for _ in 0..200 {
            OsRandom.fill(&mut bytes);
            assert_eq!(weakness(bytes), None);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(weakness(hex), None);
        }
    }

    #[test]
    fn all_problems_are_reported_together_and_show_no_secret() {
        let previous = vec![secret(1), Secret::new("hunter2"), secret(2), secret(2)];
        let error = Keyring::new(Secret::new([7; 40]), previous).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the current secret is not random: it has fewer than 8 distinct bytes, repeats itself or counts up or \
             down; previous secret 2 has 7 bytes, at least 32 random ones are needed; previous secret 4 is the same \
             as another secret of the keyring"
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keyring(1, &[2, 3])), "Keyring([redacted], 2 previous)");
    }
}
