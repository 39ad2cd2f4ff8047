//! Columns that must be read back but not from a stolen database: AES-256-GCM, bound to their row.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{self, AES_256_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::keys::{DerivedKey, KeyId, Keyring, Purpose};
use crate::base::{Random, Secret};

const MECHANISM: &str = "aes-256-gcm";
/// First byte of every envelope; another layout or algorithm gets another number.
const VERSION: u8 = 1;
const KEY_ID_LEN: usize = size_of::<KeyId>();
/// Version and key id.
const HEADER_LEN: usize = 1 + KEY_ID_LEN;
const TAG_LEN: usize = 16;

/// Where a sealed value belongs. It is authenticated with the value, so that a ciphertext copied to
/// another row, column or table does not open there: an attacker who can write to the database
/// cannot give one user's TOTP seed to another.
#[derive(Clone, Copy, Debug)]
pub struct Aad<'a> {
    table: &'static str,
    column: &'static str,
    row: &'a [u8],
}

impl<'a> Aad<'a> {
    /// Names the place: `row` is the bytes of the row's primary key, which must never be reused.
    /// The names are part of the value: renaming the table must not change them.
    pub const fn new(table: &'static str, column: &'static str, row: &'a [u8]) -> Self {
        Self { table, column, row }
    }

    /// Header and place as one byte string. Lengths stand in front, so no two places are written alike.
    fn encode(&self, header: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        for part in [header, self.table.as_bytes(), self.column.as_bytes(), self.row] {
            encoded.extend_from_slice(&(part.len() as u64).to_be_bytes());
            encoded.extend_from_slice(part);
        }
        encoded
    }
}

/// Encrypts and decrypts single values. Clones share their keys.
///
/// A sealed value is `version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`: 33 bytes longer
/// than the plain one. Nonces are random, which is safe for 2^32 values under one secret (NIST SP
/// 800-38D, 8.3); replace the secret long before.
///
/// ```
/// use auth_core::base::{OsRandom, Random, Secret};
/// use auth_core::crypto::keys::Keyring;
/// use auth_core::crypto::seal::{Aad, Sealer};
///
/// # let mut bytes = [0; 32];
/// # OsRandom.fill(&mut bytes);
/// # let keyring = Keyring::new(Secret::new(bytes), vec![])?;
/// let sealer = Sealer::new(&keyring);
/// let place = Aad::new("totp_factors", "seed", b"row 7");
/// let sealed = sealer.seal(&OsRandom, &place, b"JBSWY3DPEHPK3PXP");
/// assert_eq!(sealer.open(&place, &sealed)?.expose(), b"JBSWY3DPEHPK3PXP");
/// assert!(sealer.open(&Aad::new("totp_factors", "seed", b"row 8"), &sealed).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Sealer {
    current: Arc<SealKey>,
    previous: Arc<[SealKey]>,
}

impl Sealer {
    /// Takes the keys of [`Purpose::Seal`] out of the keyring.
    pub fn new(keyring: &Keyring) -> Self {
        let keys = keyring.derive(MECHANISM, Purpose::Seal);
        Self {
            current: Arc::new(SealKey::new(&keys.current)),
            previous: keys.previous.iter().map(SealKey::new).collect(),
        }
    }

    /// Encrypts `plain` for its place with the current key and a fresh nonce from `random`. An empty
    /// value is sealed like any other; the length of the plain text shows.
    #[expect(clippy::expect_used, reason = "fails only for lengths that do not fit into memory")]
    pub fn seal(&self, random: &dyn Random, aad: &Aad<'_>, plain: &[u8]) -> Vec<u8> {
        let header = self.current.header();
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut body = Vec::with_capacity(plain.len() + TAG_LEN);
        body.extend_from_slice(plain);
        let aad = aead::Aad::from(aad.encode(&header));
        // AES-GCM refuses more than 64 GiB (NIST SP 800-38D, 5.2.1.1); a column value is far below.
        self.current
            .key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .expect("a value below 64 GiB");
        [&header[..], &nonce, &body].concat()
    }

    /// Decrypts what [`seal`](Self::seal) made for the same place, with the current or a previous key.
    ///
    /// # Errors
    /// [`OpenError`]: the value is cut, was made with a secret that is not in the keyring, was changed,
    /// or belongs somewhere else. None of it is a client's doing; treat it as a fault of the store.
    pub fn open(&self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Secret, OpenError> {
        let envelope = Envelope::parse(sealed)?;
        let aad = aad.encode(envelope.header);
        let mut outcome = Err(OpenError::UnknownKey);
        let keys = std::iter::once(&*self.current).chain(&*self.previous);
        // Ids are short: should two secrets share one, the other is tried as well.
        for key in keys.filter(|key| key.id == envelope.key_id) {
            outcome = key.open(&aad, &envelope);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Whether a value was made with a previous secret (or is no envelope at all) and should be
    /// written again, so that the previous secret can be dropped one day.
    pub fn needs_reseal(&self, sealed: &[u8]) -> bool {
        Envelope::parse(sealed).map_or(true, |envelope| envelope.key_id != self.current.id)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Too short for an envelope, or of a version that this build does not know.
    #[error("the sealed value is not an envelope of a known version")]
    Malformed,
    /// No secret of the keyring made it: a previous secret was dropped too early.
    #[error("the sealed value was made with a secret that is not in the keyring")]
    UnknownKey,
    /// It was changed, or moved from another place.
    #[error("the sealed value was changed or belongs to another row")]
    Refused,
}

struct SealKey {
    id: KeyId,
    key: LessSafeKey,
}

impl SealKey {
    #[expect(clippy::expect_used, reason = "the length is a constant")]
    fn new(derived: &DerivedKey) -> Self {
        // An AES-256 key has exactly the 32 bytes that `DerivedKey` holds.
        let key = UnboundKey::new(&AES_256_GCM, derived.bytes.as_slice()).expect("32 bytes");
        Self { id: derived.id, key: LessSafeKey::new(key) }
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let [a, b, c, d] = self.id;
        [VERSION, a, b, c, d]
    }

    fn open(&self, aad: &[u8], envelope: &Envelope<'_>) -> Result<Secret, OpenError> {
        let mut body = Zeroizing::new(envelope.body.to_vec());
        let nonce = Nonce::assume_unique_for_key(envelope.nonce);
        let plain = self.key.open_in_place(nonce, aead::Aad::from(aad), &mut body);
        let length = plain.map_err(|_unspecified| OpenError::Refused)?.len();
        body.truncate(length);
        Ok(Secret::new(std::mem::take(&mut *body)))
    }
}

/// A sealed value cut into its parts; nothing of it is verified yet.
struct Envelope<'a> {
    header: &'a [u8],
    key_id: KeyId,
    nonce: [u8; NONCE_LEN],
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn parse(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let (header, rest) = sealed.split_at_checked(HEADER_LEN).ok_or(OpenError::Malformed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Malformed)?;
        let [VERSION, a, b, c, d] = *header else { return Err(OpenError::Malformed) };
        if body.len() < TAG_LEN {
            return Err(OpenError::Malformed);
        }
        Ok(Self { header, key_id: [a, b, c, d], nonce: *nonce, body })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keys::tests::{keyring, known_keyring};
    use super::*;
    use crate::base::{OsRandom, SeededRandom};

    const PLACE: Aad<'static> = Aad::new("factors", "seed", b"1");

    fn sealer(current: u64, previous: &[u64]) -> Sealer {
        Sealer::new(&keyring(current, previous))
    }

    fn opened(sealer: &Sealer, place: &Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        sealer.open(place, sealed).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let sealer = sealer(1, &[]);
        let sealed = sealer.seal(&OsRandom, &PLACE, b"plain");
        assert_eq!(opened(&sealer, &PLACE, &sealed).unwrap(), b"plain");
        let elsewhere = [
            Aad::new("factors", "seed", b"2"),
            Aad::new("factors", "seed", b""),
            Aad::new("factors", "label", b"1"),
            Aad::new("tokens", "seed", b"1"),
            // The same letters, cut differently.
            Aad::new("factorss", "eed", b"1"),
            Aad::new("factors", "seed1", b""),
        ];
        for place in elsewhere {
            assert_eq!(opened(&sealer, &place, &sealed), Err(OpenError::Refused), "{place:?}");
        }
    }

    #[test]
    fn the_envelope_is_33_bytes_longer_and_never_the_same_twice() {
        let sealer = sealer(1, &[]);
        let random = SeededRandom::predictable(1);
        let (a, b) = (sealer.seal(&random, &PLACE, b"plain"), sealer.seal(&random, &PLACE, b"plain"));
        assert_eq!(a.len(), 5 + 33);
        assert_eq!(a[..HEADER_LEN], b[..HEADER_LEN]);
        assert_ne!(a[HEADER_LEN..], b[HEADER_LEN..]);
        assert_eq!(opened(&sealer, &PLACE, &sealer.seal(&random, &PLACE, b"")).unwrap(), b"");
    }

    #[test]
    fn previous_secrets_open_and_unknown_ones_do_not() {
        let sealed = sealer(1, &[]).seal(&OsRandom, &PLACE, b"plain");
        let rotated = sealer(2, &[3, 1]);
        assert_eq!(opened(&rotated, &PLACE, &sealed).unwrap(), b"plain");
        assert!(rotated.needs_reseal(&sealed));
        let resealed = rotated.seal(&OsRandom, &PLACE, b"plain");
        assert!(!rotated.needs_reseal(&resealed));
        assert_eq!(opened(&sealer(1, &[]), &PLACE, &resealed), Err(OpenError::UnknownKey));
        assert_eq!(opened(&sealer(2, &[]), &PLACE, &resealed).unwrap(), b"plain");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let sealer = sealer(1, &[2]);
        let sealed = sealer.seal(&OsRandom, &PLACE, b"plain");
        for length in 0..sealed.len() {
            assert!(opened(&sealer, &PLACE, &sealed[..length]).is_err(), "{length} bytes");
        }
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(opened(&sealer, &PLACE, &flipped).is_err(), "bit {bit}");
        }
        assert!(opened(&sealer, &PLACE, &[&sealed[..], &[0]].concat()).is_err());
    }

    #[test]
    fn an_envelope_passed_off_as_another_keys_is_refused() {
        let both = sealer(1, &[2]);
        let mut sealed = both.seal(&OsRandom, &PLACE, b"plain");
        sealed[1..HEADER_LEN].copy_from_slice(&both.previous[0].id);
        assert_eq!(opened(&both, &PLACE, &sealed), Err(OpenError::Refused));
    }

    #[test]
    fn what_is_no_envelope_is_malformed_and_due_to_be_written_again() {
        let sealer = sealer(1, &[]);
        let mut sealed = sealer.seal(&OsRandom, &PLACE, b"");
        assert_eq!(opened(&sealer, &PLACE, b""), Err(OpenError::Malformed));
        assert_eq!(opened(&sealer, &PLACE, b"plain text"), Err(OpenError::Malformed));
        assert_eq!(opened(&sealer, &PLACE, &sealed[..32]), Err(OpenError::Malformed));
        sealed[0] = 2;
        assert_eq!(opened(&sealer, &PLACE, &sealed), Err(OpenError::Malformed));
        assert!(sealer.needs_reseal(&sealed));
        assert!(sealer.needs_reseal(b""));
    }

    #[test]
    fn an_envelope_written_elsewhere_by_the_described_layout_opens() {
        // Made with Python's `cryptography` under the key of `known_keyring`.
        const SEALED: [u8; 49] = [
            1, 220, 40, 14, 72, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 168, 197, 191, 3, 239, 146, 136, 26, 38, 117,
            246, 232, 195, 217, 113, 30, 119, 53, 175, 112, 158, 92, 203, 107, 154, 249, 99, 188, 187, 7, 148, 135,
        ];
        let sealer = Sealer::new(&known_keyring());
        assert_eq!(opened(&sealer, &PLACE, &SEALED).unwrap(), b"JBSWY3DPEHPK3PXP");
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", sealer(1, &[])), "Sealer([redacted])");
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_comes_back(plain: Vec<u8>, row: Vec<u8>) {
            let sealer = sealer(1, &[]);
            let place = Aad::new("t", "c", &row);
            let sealed = sealer.seal(&OsRandom, &place, &plain);
            prop_assert_eq!(opened(&sealer, &place, &sealed).unwrap(), plain);
        }

        #[test]
        fn arbitrary_bytes_never_open(sealed: Vec<u8>) {
            prop_assert!(opened(&sealer(1, &[]), &PLACE, &sealed).is_err());
        }
    }
}
