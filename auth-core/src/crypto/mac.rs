//! Tags that only we can make: HMAC-SHA256 (RFC 2104, FIPS 198-1) under a key of one purpose.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;

use super::keys::{DerivedKey, Keyring, Purpose};
use crate::base::SessionId;

const MECHANISM: &str = "hmac-sha256";

/// Makes and checks message tags for one [`Purpose`]. Clones share their keys.
///
/// A tag says that we made it, not when nor how often: what must expire or be used once says so in
/// the message, or has a row in a store. Never tag a value that the client chose as if it were ours.
#[derive(Clone)]
pub struct Mac {
    purpose: Purpose,
    current: Arc<hmac::Key>,
    previous: Arc<[hmac::Key]>,
}

impl Mac {
    /// Takes the keys of `purpose` out of the keyring.
    pub fn new(keyring: &Keyring, purpose: Purpose) -> Self {
        let keys = keyring.derive(MECHANISM, purpose);
        Self {
            purpose,
            current: Arc::new(hmac_key(&keys.current)),
            previous: keys.previous.iter().map(hmac_key).collect(),
        }
    }

    /// The tag of `message` under the current key.
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        tag_of(hmac::sign(&self.current, message))
    }

    /// Whether `tag` is ours for exactly this message. The comparison takes the same time wherever the
    /// first difference is; previous keys are tried after the current one.
    ///
    /// # Errors
    /// [`InvalidTag`] for any other tag, shortened ones included.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> Result<Verified, InvalidTag> {
        if hmac::verify(&self.current, message, tag).is_ok() {
            return Ok(Verified { key: KeyAge::Current });
        }
        let known = self.previous.iter().any(|key| hmac::verify(key, message, tag).is_ok());
        if known { Ok(Verified { key: KeyAge::Previous }) } else { Err(InvalidTag) }
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({:?}, [redacted])", self.purpose)
    }
}

/// Proof that a tag was checked and is ours; only [`Mac::verify`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified {
    key: KeyAge,
}

impl Verified {
    /// Which secret the tag was made with. A tag of a previous one is due to be made anew.
    pub fn key(self) -> KeyAge {
        self.key
    }
}

/// Whether something was made with today's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAge {
    /// Made with the current secret.
    Current,
    /// Made before the last change of the secret.
    Previous,
}

/// The tag was not made by us for this message. It says no more, so that nothing can be learned from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not one of ours")]
pub struct InvalidTag;

/// Pseudonyms of e-mail addresses and network addresses, under which failed attempts are counted.
///
/// The store can count and expire them, but whoever reads it learns no address and cannot test a
/// guess, as they could with a bare hash (NIST SP 800-63B-4, 3.2.2 asks for counting; the rest is data
/// minimisation). They are made with the current secret only: replacing it starts all counts anew.
#[derive(Clone)]
pub struct AttemptKeys {
    key: Arc<hmac::Key>,
}

impl AttemptKeys {
    /// Takes the key of [`Purpose::AttemptKey`] out of the keyring.
    pub fn new(keyring: &Keyring) -> Self {
        let Mac { current, .. } = Mac::new(keyring, Purpose::AttemptKey);
        Self { key: current }
    }

    /// The pseudonym of `value` among values of this kind, such as `"email"` or `"network"`. Equal
    /// input gives an equal pseudonym, so pass the canonical form; the kind keeps an address from ever
    /// sharing a counter with something else that is spelt alike.
    pub fn pseudonym(&self, kind: &'static str, value: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        context.update(&(kind.len() as u64).to_be_bytes());
        context.update(kind.as_bytes());
        context.update(value);
        tag_of(context.sign())
    }
}

impl fmt::Debug for AttemptKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptKeys([redacted])")
    }
}

/// Tags under which codes are kept that somebody types in, and pseudonyms of whom they are sent to.
///
/// A code of six digits has a million values: under a bare hash, whoever reads the table knows it. They are made with
/// the current secret only: replacing it ends the codes that are out, which live for minutes.
#[derive(Clone)]
pub struct CodeKeys {
    key: Arc<hmac::Key>,
}

impl CodeKeys {
    /// Takes the key of [`Purpose::Code`] out of the keyring.
    pub fn new(keyring: &Keyring) -> Self {
        let Mac { current, .. } = Mac::new(keyring, Purpose::Code);
        Self { key: current }
    }

    /// The pseudonym of an address: `parts` is what makes it one, such as the pool, the tenant and the mailbox.
    pub fn pseudonym(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.over(b"subject", parts)
    }

    /// The tag of a code for this purpose and subject.
    pub fn tag(&self, purpose: &str, subject: &[u8], code: &[u8]) -> [u8; 32] {
        self.over(b"code", &[purpose.as_bytes(), subject, code])
    }

    fn over(&self, kind: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(&kind).chain(parts) {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        tag_of(context.sign())
    }
}

impl fmt::Debug for CodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKeys([redacted])")
    }
}

/// Tags of CSRF tokens: which session a token was made for, under the keys of [`Purpose::Csrf`].
///
/// A nonce of 16 bytes stands before the session's id of 16, so that no two messages are spelt alike. Tags of a
/// previous secret count, or replacing it would refuse every page that is open.
#[derive(Clone)]
pub struct CsrfKeys(Mac);

impl CsrfKeys {
    /// Takes the keys of [`Purpose::Csrf`] out of the keyring.
    pub fn new(keyring: &Keyring) -> Self {
        Self(Mac::new(keyring, Purpose::Csrf))
    }

    /// The tag of a token with this nonce for a session, or for none: such a one is right for no session.
    pub fn tag(&self, nonce: &[u8; 16], session: Option<SessionId>) -> [u8; 32] {
        match session {
            Some(id) => self.0.tag(&csrf_message(nonce, id)),
            None => self.0.tag(nonce),
        }
    }

    /// Whether the token with this nonce was made for exactly this session. The comparison takes constant time.
    ///
    /// # Errors
    /// [`InvalidTag`] for any other.
    pub fn verify(&self, nonce: &[u8; 16], session: SessionId, tag: &[u8; 32]) -> Result<Verified, InvalidTag> {
        self.0.verify(&csrf_message(nonce, session), tag)
    }
}

impl fmt::Debug for CsrfKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfKeys([redacted])")
    }
}

fn csrf_message(nonce: &[u8; 16], session: SessionId) -> [u8; 32] {
    let mut message = [0; 32];
    message[..16].copy_from_slice(nonce);
    message[16..].copy_from_slice(session.as_uuid().as_bytes());
    message
}

fn hmac_key(derived: &DerivedKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, derived.bytes.as_slice())
}

fn tag_of(tag: hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    // HMAC-SHA256 has 32 bytes, so this copies all of them and cannot panic.
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::keys::tests::{keyring, known_keyring};
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn tags_and_pseudonyms_stay_what_they_were() {
        // Computed with Python's `hmac` over the keys of `known_keyring`.
        let tag = Mac::new(&known_keyring(), Purpose::Cookie).tag(b"message");
        assert_eq!(hex(&tag), "2448c593cea35365b3b2b1a038d4b46807dae09fd3ef61d228b77bfab29c6113");
        let pseudonym = AttemptKeys::new(&known_keyring()).pseudonym("email", b"ada@example.org");
        assert_eq!(hex(&pseudonym), "8610b774ffaf9666b0773e4e0f04f36ce6d4f06b0820f6d15ff4d74f90c2b18d");
    }

    #[test]
    fn a_tag_is_valid_for_its_message_only() {
        let mac = Mac::new(&keyring(1, &[]), Purpose::Cookie);
        let tag = mac.tag(b"user=1");
        assert_eq!(mac.verify(b"user=1", &tag).map(Verified::key), Ok(KeyAge::Current));
        assert_eq!(mac.verify(b"user=2", &tag), Err(InvalidTag));
        assert_eq!(mac.verify(b"", &tag), Err(InvalidTag));
    }

    #[test]
    fn shortened_lengthened_and_flipped_tags_are_refused() {
        let mac = Mac::new(&keyring(1, &[2]), Purpose::Cookie);
        let tag = mac.tag(b"message");
        for length in 0..tag.len() {
            assert_eq!(mac.verify(b"message", &tag[..length]), Err(InvalidTag), "{length} bytes");
        }
        assert_eq!(mac.verify(b"message", &[&tag[..], &[0]].concat()), Err(InvalidTag));
        for bit in 0..256 {
            let mut flipped = tag;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(mac.verify(b"message", &flipped), Err(InvalidTag), "bit {bit}");
        }
    }

    #[test]
    fn a_tag_of_one_purpose_is_nothing_to_another() {
        let tag = Mac::new(&keyring(1, &[]), Purpose::Cookie).tag(b"message");
        assert_eq!(Mac::new(&keyring(1, &[]), Purpose::AttemptKey).verify(b"message", &tag), Err(InvalidTag));
    }

    #[test]
    fn tags_of_a_previous_secret_are_accepted_and_say_so() {
        let tag = Mac::new(&keyring(1, &[]), Purpose::Cookie).tag(b"message");
        let rotated = Mac::new(&keyring(2, &[3, 1]), Purpose::Cookie);
        assert_eq!(rotated.verify(b"message", &tag).map(Verified::key), Ok(KeyAge::Previous));
        assert_ne!(rotated.tag(b"message"), tag);
        let dropped = Mac::new(&keyring(2, &[3]), Purpose::Cookie);
        assert_eq!(dropped.verify(b"message", &tag), Err(InvalidTag));
    }

    #[test]
    fn pseudonyms_repeat_and_kinds_do_not_meet() {
        let keys = AttemptKeys::new(&keyring(1, &[2]));
        assert_eq!(keys.pseudonym("email", b"a@b.c"), keys.pseudonym("email", b"a@b.c"));
        assert_ne!(keys.pseudonym("email", b"a@b.c"), keys.pseudonym("network", b"a@b.c"));
        assert_ne!(keys.pseudonym("ab", b"c"), keys.pseudonym("a", b"bc"));
        assert_ne!(keys.pseudonym("email", b"a@b.c"), AttemptKeys::new(&keyring(2, &[])).pseudonym("email", b"a@b.c"));
    }

    #[test]
    fn a_csrf_tag_is_right_for_its_session_and_its_nonce_alone() {
        let session = |n| SessionId::from_uuid(uuid::Uuid::from_u128(n));
        let keys = CsrfKeys::new(&keyring(1, &[]));
        let tag = keys.tag(&[7; 16], Some(session(1)));
        assert_eq!(keys.verify(&[7; 16], session(1), &tag).map(Verified::key), Ok(KeyAge::Current));
        assert_eq!(keys.verify(&[7; 16], session(2), &tag), Err(InvalidTag));
        assert_eq!(keys.verify(&[8; 16], session(1), &tag), Err(InvalidTag));
        assert_eq!(keys.verify(&[7; 16], session(1), &keys.tag(&[7; 16], None)), Err(InvalidTag));
        let of_cookies = Mac::new(&keyring(1, &[]), Purpose::Cookie).tag(&csrf_message(&[7; 16], session(1)));
        assert_eq!(keys.verify(&[7; 16], session(1), &of_cookies), Err(InvalidTag));
        let rotated = CsrfKeys::new(&keyring(2, &[1]));
        assert_eq!(rotated.verify(&[7; 16], session(1), &tag).map(Verified::key), Ok(KeyAge::Previous));
        assert_eq!(CsrfKeys::new(&keyring(2, &[])).verify(&[7; 16], session(1), &tag), Err(InvalidTag));
    }

    #[test]
    fn debug_shows_no_key() {
        let keyring = keyring(1, &[]);
        let (mac, attempts) = (Mac::new(&keyring, Purpose::Cookie), AttemptKeys::new(&keyring));
        let shown = format!("{mac:?} {attempts:?} {:?}", CsrfKeys::new(&keyring));
        assert_eq!(shown, "Mac(Cookie, [redacted]) AttemptKeys([redacted]) CsrfKeys([redacted])");
    }
}
