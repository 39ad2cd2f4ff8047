//! Opaque tokens: shown once, stored only as a hash.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::random::Random;

/// Random bytes that make a token secret: 256 bits, twice what guessing would need (OWASP Session Management asks 64).
const SECRET_BYTES: usize = 32;
/// Random bytes that name a refresh family in each of its tokens.
const FAMILY_BYTES: usize = 16;
/// The most that one kind of token has.
const MOST_BYTES: usize = FAMILY_BYTES + SECRET_BYTES;
/// The longest prefix of an API key, in characters.
const MAX_PREFIX: usize = 32;

/// What a token is for. The kind is part of its hash, so a token of one kind can never be
/// redeemed as another, even if a row were copied between tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// The secret of a session, in a cookie or a bearer header.
    Session,
    /// A refresh token: what its family is called, then a secret that is good once.
    Refresh,
    /// A code that is handed from one client of a user to another, good once.
    OneTime,
    /// An API key, behind a prefix of the application's choice.
    ApiKey,
    /// A mailed link: the mailbox belongs to the account.
    VerifyEmail,
    /// A mailed link: the account may move to another address.
    ChangeEmail,
    /// A mailed link: the account moves to this address.
    NewEmail,
    /// A mailed link: the account gets a new password.
    ResetPassword,
    /// A mailed link: the account is deleted.
    DeleteUser,
    /// A mailed link: somebody is signed in.
    MagicLink,
    /// A mailed link: its recipient may sign up.
    Invitation,
    /// What a browser is known by again.
    Browser,
}

impl TokenKind {
    /// What is written before the encoded bytes, where it is always the same.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "rt_",
            Self::VerifyEmail => "ve_",
            Self::ChangeEmail => "ce_",
            Self::NewEmail => "ne_",
            Self::ResetPassword => "rp_",
            Self::DeleteUser => "du_",
            Self::MagicLink => "ml_",
            Self::Invitation => "in_",
            Self::Session | Self::OneTime | Self::ApiKey | Self::Browser => "",
        }
    }

    /// What goes into the hash before the token.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"session",
            Self::Refresh => b"refresh",
            Self::OneTime => b"one-time",
            Self::ApiKey => b"api-key",
            Self::VerifyEmail => b"verify-email",
            Self::ChangeEmail => b"change-email",
            Self::NewEmail => b"new-email",
            Self::ResetPassword => b"reset-password",
            Self::DeleteUser => b"delete-user",
            Self::MagicLink => b"magic-link",
            Self::Invitation => b"invitation",
            Self::Browser => b"browser",
        }
    }

    /// How many random bytes it has.
    const fn bytes(self) -> usize {
        match self {
            Self::Refresh => MOST_BYTES,
            Self::Session
            | Self::OneTime
            | Self::ApiKey
            | Self::VerifyEmail
            | Self::ChangeEmail
            | Self::NewEmail
            | Self::ResetPassword
            | Self::DeleteUser
            | Self::MagicLink
            | Self::Invitation
            | Self::Browser => SECRET_BYTES,
        }
    }

    /// Their length in base64url without padding.
    const fn chars(self) -> usize {
        (self.bytes() * 8).div_ceil(6)
    }
}

/// A secret that proves its bearer: random bytes in base64url, behind the prefix of its kind.
/// It exists only on its way to the client and back; stores see its [`TokenHash`].
#[derive(Clone)]
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl Token {
    /// A new token that nobody can guess.
    pub fn random(kind: TokenKind, random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; MOST_BYTES]);
        random.fill(&mut bytes[..kind.bytes()]);
        Self::encoded(kind, kind.prefix(), &bytes[..kind.bytes()])
    }

    /// A new API key that begins with `prefix`: at most 32 letters, digits, `_` and `-`, or nothing.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other prefix.
    pub fn random_api_key(prefix: &str, random: &dyn Random) -> Result<Self, InvalidToken> {
        if !is_prefix(prefix) {
            return Err(InvalidToken);
        }
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random.fill(bytes.as_mut_slice());
        Ok(Self::encoded(TokenKind::ApiKey, prefix, bytes.as_slice()))
    }

    /// The next token of this refresh token's family: the same name, another secret.
    ///
    /// # Errors
    /// [`InvalidToken`] when this is no refresh token.
    pub fn successor(&self, random: &dyn Random) -> Result<Self, InvalidToken> {
        let mut bytes = Zeroizing::new([0; MOST_BYTES]);
        bytes[..FAMILY_BYTES].copy_from_slice(&*self.family()?);
        random.fill(&mut bytes[FAMILY_BYTES..]);
        Ok(Self::encoded(self.kind, self.kind.prefix(), bytes.as_slice()))
    }

    fn encoded(kind: TokenKind, prefix: &str, bytes: &[u8]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + kind.chars()));
        text.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Self { kind, text }
    }

    /// Reads a token that a client sent: the whole input, the exact length, the one canonical encoding.
    ///
    /// # Errors
    /// [`InvalidToken`] for anything else, an empty or padded string included.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, InvalidToken> {
        let at = text.len().checked_sub(kind.chars()).ok_or(InvalidToken)?;
        let (prefix, encoded) = text.split_at_checked(at).ok_or(InvalidToken)?;
        let has_its_prefix = if kind == TokenKind::ApiKey { is_prefix(prefix) } else { prefix == kind.prefix() };
        if !has_its_prefix {
            return Err(InvalidToken);
        }
        let mut bytes = Zeroizing::new([0; MOST_BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()) {
            Ok(decoded) if decoded == kind.bytes() => Ok(Self { kind, text: Zeroizing::new(text.to_owned()) }),
            _ => Err(InvalidToken),
        }
    }

    /// The form that stores keep and look up by: SHA-256 over the kind and the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.kind.label(), self.text.as_bytes())
    }

    /// The form under which stores keep what its refresh family is called. Every token of a family has it, and nobody
    /// else knows it: who names a family has held one of its tokens.
    ///
    /// # Errors
    /// [`InvalidToken`] when this is no refresh token.
    pub fn family_hash(&self) -> Result<TokenHash, InvalidToken> {
        Ok(TokenHash::of(b"refresh-family", &*self.family()?))
    }

    fn family(&self) -> Result<Zeroizing<[u8; FAMILY_BYTES]>, InvalidToken> {
        let encoded = self.text.strip_prefix(self.kind.prefix()).filter(|_| self.kind == TokenKind::Refresh);
        let mut bytes = Zeroizing::new([0; MOST_BYTES]);
        URL_SAFE_NO_PAD.decode_slice(encoded.ok_or(InvalidToken)?, bytes.as_mut_slice()).map_err(|_| InvalidToken)?;
        let mut family = Zeroizing::new([0; FAMILY_BYTES]);
        family.copy_from_slice(&bytes[..FAMILY_BYTES]);
        Ok(family)
    }

    /// The token as the client gets it. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

/// Whether an API key may begin with it. A dot would make it look like a JWT, a space like two words of a header.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= MAX_PREFIX && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?}, [redacted])", self.kind)
    }
}

/// SHA-256 of a token and its kind: what a store keeps. Reading it from a stolen database opens nothing.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(label: &[u8], text: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(label);
        context.update(&[0]);
        context.update(text);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// The hash as a store wrote it down; `None` unless it has 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes for a binary column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash([redacted])")
    }
}

/// The text is not a token of the expected kind. It says no more, so that nothing of it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind")]
pub struct InvalidToken;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{OsRandom, SeededRandom};

    #[test]
    fn a_token_survives_the_way_to_the_client_and_back() {
        let token = Token::random(TokenKind::Session, &OsRandom);
        assert_eq!(token.expose().len(), 43);
        let parsed = Token::parse(TokenKind::Session, token.expose()).unwrap();
        assert!(parsed.hash().matches(&token.hash()));
    }

    #[test]
    fn truncated_padded_blank_and_non_canonical_tokens_are_refused() {
        let token = Token::random(TokenKind::Session, &SeededRandom::predictable(1));
        let text = token.expose();
        // 43 characters hold 258 bits: the last one has two spare bits that must be zero.
        let non_canonical = format!("{}B", &text[..42]);
        for bad in ["", " ", &text[..42], &format!("{text}="), &format!("{text}A"), &format!(" {text}"), &non_canonical]
        {
            assert_eq!(Token::parse(TokenKind::Session, bad).err(), Some(InvalidToken), "{bad:?}");
        }
    }

    #[test]
    fn the_tokens_of_a_family_share_its_name_and_nothing_else() {
        let first = Token::random(TokenKind::Refresh, &OsRandom);
        assert_eq!((first.expose().len(), &first.expose()[..3]), (67, "rt_"));
        let second = first.successor(&OsRandom).unwrap();
        assert!(second.family_hash().unwrap().matches(&first.family_hash().unwrap()));
        assert!(!second.hash().matches(&first.hash()));
        let stranger = Token::random(TokenKind::Refresh, &OsRandom);
        assert!(!stranger.family_hash().unwrap().matches(&first.family_hash().unwrap()));
        let session = Token::random(TokenKind::Session, &OsRandom);
        assert!(session.family_hash().is_err() && session.successor(&OsRandom).is_err());
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let kinds = [
            TokenKind::Session,
            TokenKind::Refresh,
            TokenKind::OneTime,
            TokenKind::ApiKey,
            TokenKind::VerifyEmail,
            TokenKind::ChangeEmail,
            TokenKind::NewEmail,
            TokenKind::ResetPassword,
            TokenKind::DeleteUser,
            TokenKind::MagicLink,
            TokenKind::Invitation,
            TokenKind::Browser,
        ];
        for kind in kinds {
            let token = Token::random(kind, &OsRandom);
            for other in kinds {
                // Those of equal form differ in their hash.
                if let Ok(read) = Token::parse(other, token.expose()) {
                    assert_eq!(read.hash().matches(&token.hash()), kind == other, "{kind:?} as {other:?}");
                }
            }
        }
    }

    #[test]
    fn an_api_key_begins_with_its_prefix() {
        let key = Token::random_api_key("ak_live_", &OsRandom).unwrap();
        assert_eq!((key.expose().len(), &key.expose()[..8]), (51, "ak_live_"));
        assert!(Token::parse(TokenKind::ApiKey, key.expose()).unwrap().hash().matches(&key.hash()));
        // The prefix is part of what is hashed: cut off, it is another key.
        let bare = Token::parse(TokenKind::ApiKey, &key.expose()[8..]).unwrap();
        assert!(!bare.hash().matches(&key.hash()));
        for bad in ["a b", "a.b", "\u{e4}", &"a".repeat(33)] {
            assert!(Token::random_api_key(bad, &OsRandom).is_err(), "{bad}");
            assert!(Token::parse(TokenKind::ApiKey, &format!("{bad}{}", bare.expose())).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_neither_token_nor_hash() {
        let token = Token::random(TokenKind::Session, &OsRandom);
        let shown = format!("{token:?} {:?}", token.hash());
        assert_eq!(shown, "Token(Session, [redacted]) TokenHash([redacted])");
    }

    proptest! {
        #[test]
        fn only_the_canonical_encoding_of_32_bytes_parses(text in "\\PC{0,60}") {
            if let Ok(token) = Token::parse(TokenKind::Session, &text) {
                let bytes = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
                prop_assert_eq!(bytes.len(), 32);
                prop_assert_eq!(URL_SAFE_NO_PAD.encode(bytes), text);
            }
        }

        #[test]
        fn every_32_bytes_are_one_token(bytes in any::<[u8; 32]>()) {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(Token::parse(TokenKind::Session, &text).is_ok());
        }
    }
}
