//! Opaque tokens: shown once, stored only as a hash.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::random::Random;

/// Random bytes in a token: 256 bits, twice what guessing would need (OWASP Session Management asks 64).
const TOKEN_BYTES: usize = 32;
/// Their length in base64url without padding.
const TOKEN_CHARS: usize = 43;

/// What a token is for. The kind is part of its hash, so a token of one kind can never be
/// redeemed as another, even if a row were copied between tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// The secret of a session, in a cookie or a bearer header.
    Session,
}

impl TokenKind {
    /// What is written before the 43 characters; session tokens carry nothing.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "",
        }
    }

    /// What goes into the hash before the token.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"session",
        }
    }
}

/// A secret that proves its bearer: 32 random bytes in base64url, behind the prefix of its kind.
/// It exists only on its way to the client and back; stores see its [`TokenHash`].
#[derive(Clone)]
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl Token {
    /// A new token that nobody can guess.
    pub fn random(kind: TokenKind, random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        random.fill(bytes.as_mut_slice());
        let mut text = Zeroizing::new(String::with_capacity(kind.prefix().len() + TOKEN_CHARS));
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Self { kind, text }
    }

    /// Reads a token that a client sent: the whole input, the exact length, the one canonical encoding.
    ///
    /// # Errors
    /// [`InvalidToken`] for anything else, an empty or padded string included.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, InvalidToken> {
        let encoded = text.strip_prefix(kind.prefix()).ok_or(InvalidToken)?;
        if encoded.len() != TOKEN_CHARS {
            return Err(InvalidToken);
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()) {
            Ok(TOKEN_BYTES) => Ok(Self { kind, text: Zeroizing::new(text.to_owned()) }),
            _ => Err(InvalidToken),
        }
    }

    /// The form that stores keep and look up by: SHA-256 over the kind and the token.
    pub fn hash(&self) -> TokenHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.kind.label());
        context.update(&[0]);
        context.update(self.text.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        TokenHash(hash)
    }

    /// The token as the client gets it. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.text
    }
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
