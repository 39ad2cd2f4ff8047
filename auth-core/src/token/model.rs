//! What a store keeps of signing keys and of refresh families.

use std::fmt;

use crate::base::{SessionId, SigningKeyId, TenantId, Timestamp, TokenHash};
use crate::session::SessionWithUser;

/// A key that access tokens are signed with, as a store keeps it. `Debug` shows nothing of the key itself.
#[derive(Clone)]
pub struct StoredSigningKey {
    /// The `kid` of its tokens.
    pub id: SigningKeyId,
    /// The JWS algorithm that it is for (RFC 7518 §3.1), at most 16 characters.
    pub algorithm: String,
    /// Counts the keys of an algorithm; no two have the same number.
    pub generation: i64,
    /// The public half, as the JWK that others verify with (RFC 7517).
    pub public_jwk: String,
    /// The private half, sealed under the application's secret.
    pub sealed_private: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From this instant it signs. It is published before, so that whoever verifies knows it by then.
    pub signs_from: Timestamp,
    /// From this instant it signs no more.
    pub signs_until: Timestamp,
    /// From this instant nothing that it has signed is accepted, and it is not published any more.
    pub verifies_until: Timestamp,
}

impl fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("generation", &self.generation)
            .field("signs_from", &self.signs_from)
            .field("signs_until", &self.signs_until)
            .field("verifies_until", &self.verifies_until)
            .finish_non_exhaustive()
    }
}

/// The refresh tokens of one session: the one that is good now, and what is known of the one before. A session has at
/// most one family. Plain data: having one proves nothing.
#[derive(Clone)]
pub struct RefreshFamily {
    /// The session that it renews. The family goes with it.
    pub session_id: SessionId,
    /// The tenant that its access tokens are bound to.
    pub tenant: Option<TenantId>,
    /// What all its tokens have in common, see [`Token::family_hash`](crate::base::Token::family_hash).
    pub family_hash: TokenHash,
    /// The token that is good now.
    pub token_hash: TokenHash,
    /// The token that was spent last; `None` before the first rotation.
    pub previous_hash: Option<TokenHash>,
    /// The token that is good now, sealed, for whoever asks for it again within a moment; `None` where that is not
    /// offered.
    pub sealed_child: Option<Vec<u8>>,
    /// Raised by one with each rotation.
    pub generation: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When the token that is good now was issued.
    pub rotated_at: Timestamp,
    /// From this instant it renews nothing.
    pub expires_at: Timestamp,
}

impl fmt::Debug for RefreshFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshFamily")
            .field("session_id", &self.session_id)
            .field("tenant", &self.tenant)
            .field("generation", &self.generation)
            .field("created_at", &self.created_at)
            .field("rotated_at", &self.rotated_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A family with its session, their user and the roles the user holds: all that a refresh needs to know, in one
/// look-up.
#[derive(Clone, Debug)]
pub struct FamilyWithSession {
    /// The family.
    pub family: RefreshFamily,
    /// Whose it is.
    pub found: SessionWithUser,
}

/// The next token of a family.
#[derive(Clone)]
pub struct Rotation {
    /// The hash of a token that the family has not had before.
    pub token_hash: TokenHash,
    /// The token itself, sealed, where it may be asked for again.
    pub sealed_child: Option<Vec<u8>>,
    /// When it is issued; a family that has expired by then is not rotated.
    pub rotated_at: Timestamp,
    /// The new expiry of the family.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("rotated_at", &self.rotated_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{OsRandom, Token, TokenKind};

    /// Neither as it is written in JSON nor as a list of bytes.
    fn assert_hides(shown: &str) {
        for secret in ["p-u-b", "165", "0xa5", "a5"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn debug_of_a_signing_key_shows_no_key_material() {
        let now = Timestamp::from_micros(1_000_000);
        let key = StoredSigningKey {
            id: SigningKeyId::from_uuid(uuid::Uuid::nil()),
            algorithm: "EdDSA".to_owned(),
            generation: 7,
            public_jwk: r#"{"x":"p-u-b"}"#.to_owned(),
            sealed_private: vec![0xa5; 40],
            created_at: now,
            signs_from: now,
            signs_until: now,
            verifies_until: now,
        };
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains("EdDSA") && shown.contains('7'), "{shown}");
        assert_hides(&shown);
    }

    #[test]
    fn debug_of_a_family_shows_neither_token_nor_hash() {
        let now = Timestamp::from_micros(1_000_000);
        let hash = Token::random(TokenKind::Refresh, &OsRandom).hash();
        let hash = TokenHash::from_stored(&hash.as_bytes().map(|_| 0xa5)).unwrap();
        let sealed_child = Some(vec![0xa5; 40]);
        let family = RefreshFamily {
            session_id: SessionId::from_uuid(uuid::Uuid::nil()),
            tenant: None,
            family_hash: hash,
            token_hash: hash,
            previous_hash: Some(hash),
            sealed_child: sealed_child.clone(),
            generation: 7,
            created_at: now,
            rotated_at: now,
            expires_at: now,
        };
        let next = Rotation { token_hash: hash, sealed_child, rotated_at: now, expires_at: now };
        assert_hides(&format!("{family:?} {next:?}"));
    }
}
