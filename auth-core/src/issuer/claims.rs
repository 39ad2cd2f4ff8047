//! What a verified token says.

use std::fmt;

use serde_json::{Map, Value};

use super::verifier::Refusal;
use crate::base::{Email, TenantId, Timestamp};
use crate::role::Permission;

/// OpenID Connect Core §2: a subject has at most 255 characters.
const MOST_SUBJECT_BYTES: usize = 255;

/// Who a token is about and what its issuer says of them. It exists only after the signature and every rule of the
/// verifier.
///
/// Somebody is known by issuer *and* subject: the subject alone may mean another person at another issuer, and an
/// e-mail address changes hands. Roles and permissions are the issuer's words, to be trusted as far as the issuer is.
#[derive(Clone)]
#[non_exhaustive]
pub struct VerifiedClaims {
    issuer: String,
    subject: String,
    /// Whether it is a program that acts for nobody but itself, and no person.
    pub is_service: bool,
    /// Their address. It proves nothing unless [`email_verified`](Self::email_verified).
    pub email: Option<Email>,
    /// Whether the issuer says that the address was proved to be theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// The organisation that the token is for.
    pub tenant: Option<TenantId>,
    /// The roles that they hold; empty if the token names none.
    pub roles: Vec<String>,
    /// What they may do; empty if the token names nothing.
    pub permissions: Vec<Permission>,
    /// When the token dies. It was accepted at most the verifier's leeway later.
    pub expires_at: Timestamp,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// When the person last proved who they are, by the issuer's word (`auth_time`, OpenID Connect Core §2): what
    /// [`Fresh`](crate::guard::Fresh) goes by.
    pub authenticated_at: Option<Timestamp>,
    /// The session at the issuer, by the issuer's name for it.
    pub session_id: Option<String>,
    /// Every claim as it stands in the token, these included, for hooks that need another one.
    pub raw: Map<String, Value>,
}

impl VerifiedClaims {
    /// What a verifier of the application's own has found out; the rest is set field by field.
    ///
    /// # Errors
    /// [`Refusal`] unless the subject has 1 to 255 bytes, not only blanks, and no control characters, and the issuer
    /// has a name.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>, expires_at: Timestamp) -> Result<Self, Refusal> {
        let (issuer, subject) = (issuer.into(), subject.into());
        if issuer.trim().is_empty() {
            return Err(Refusal::missing("iss"));
        }
        if subject.trim().is_empty() {
            return Err(Refusal::missing("sub"));
        }
        if subject.len() > MOST_SUBJECT_BYTES || subject.chars().any(char::is_control) {
            return Err(Refusal::value("sub"));
        }
        Ok(Self {
            issuer,
            subject,
            is_service: false,
            email: None,
            email_verified: false,
            name: None,
            tenant: None,
            roles: Vec::new(),
            permissions: Vec::new(),
            expires_at,
            issued_at: None,
            authenticated_at: None,
            session_id: None,
            raw: Map::new(),
        })
    }

    /// Who issued the token; where a key takes the issuer's place, the name that was configured for it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who the token is about, by the issuer's name for them: 1 to 255 bytes.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// The issuer alone: all else is about a person.
impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedClaims({}, [redacted])", self.issuer)
    }
}
