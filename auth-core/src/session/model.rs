//! What a session is: a proof of sign-in that the server can take back at any moment.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;

use serde::Serialize;

use crate::base::{SessionId, Timestamp, TokenHash, UserId};
use crate::role::{HeldRole, RoleScope};
use crate::tenant::MembershipStatus;
use crate::user::User;

/// How a principal was proved: how their session was opened, or what stood in for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AuthMethod {
    /// A password, with an address, a name or a telephone number.
    Password,
    /// A link that was mailed.
    #[serde(rename = "magic-link")]
    MagicLink,
    /// A code that was mailed.
    #[serde(rename = "email-otp")]
    EmailOtp,
    /// A code that came in a text message.
    #[serde(rename = "phone-otp")]
    PhoneOtp,
    /// Nothing: nobody knows who they are.
    Anonymous,
    /// A code that another session of the same user was asked for.
    #[serde(rename = "one-time-token")]
    OneTimeToken,
    /// No session: an API key.
    #[serde(rename = "api-key")]
    ApiKey,
    /// No session: a token of an external issuer.
    External,
}

impl AuthMethod {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MagicLink => "magic-link",
            Self::EmailOtp => "email-otp",
            Self::PhoneOtp => "phone-otp",
            Self::Anonymous => "anonymous",
            Self::OneTimeToken => "one-time-token",
            Self::ApiKey => "api-key",
            Self::External => "external",
        }
    }
}

impl FromStr for AuthMethod {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "password" => Ok(Self::Password),
            "magic-link" => Ok(Self::MagicLink),
            "email-otp" => Ok(Self::EmailOtp),
            "phone-otp" => Ok(Self::PhoneOtp),
            "anonymous" => Ok(Self::Anonymous),
            "one-time-token" => Ok(Self::OneTimeToken),
            "api-key" => Ok(Self::ApiKey),
            "external" => Ok(Self::External),
            _ => Err(UnknownName),
        }
    }
}

/// A stored name that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored name that this version does not know")]
pub struct UnknownName;

/// How sure we are of the person behind a session, ordered (NIST SP 800-63B authenticator assurance levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Assurance {
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
}

impl Assurance {
    /// The stored form.
    pub const fn as_level(self) -> i64 {
        match self {
            Self::Aal1 => 1,
            Self::Aal2 => 2,
        }
    }

    /// Reads the stored form.
    pub const fn from_level(level: i64) -> Option<Self> {
        match level {
            1 => Some(Self::Aal1),
            2 => Some(Self::Aal2),
            _ => None,
        }
    }
}

/// Whether the client keeps its cookie when the browser closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Persistence {
    /// Kept, and the session slides while it is used.
    #[default]
    Persistent,
    /// Forgotten with the browser; the session does not slide ("do not remember me").
    Browser,
}

/// A session as a store keeps it. Plain data: having one proves nothing, see [`Session`].
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// Names the session in lists; gives no access.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// When the person last proved who they are; freshness counts from here.
    pub authenticated_at: Timestamp,
    /// From this instant it is dead unless it was used before; slides with use.
    pub expires_at: Timestamp,
    /// From this instant it is dead in any case.
    pub absolute_expires_at: Timestamp,
    /// Whether it outlives the browser and slides.
    pub persistence: Persistence,
    /// How it was opened.
    pub method: AuthMethod,
    /// How sure we are.
    pub assurance: Assurance,
    /// Where it was opened from, behind trusted proxies.
    pub ip_address: Option<IpAddr>,
    /// The `User-Agent` that opened it, cut at 512 characters.
    pub user_agent: Option<String>,
    /// Where it acts: of the roles that its user holds those count that are held there, and those held everywhere.
    pub scope: RoleScope,
    /// The role guard that it was opened under: roles of others do not count. `None` where there is one front end for
    /// all.
    pub role_guard: Option<String>,
}

impl StoredSession {
    /// Whether it is alive at `now`: an expiry that equals `now` has passed.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.absolute_expires_at
    }
}

/// A session that was proved: made at sign-in, or found by its token, alive, its user enabled.
///
/// It can only be obtained from the engine:
///
/// ```compile_fail
/// fn forge(row: auth_core::session::StoredSession) -> auth_core::session::Session {
///     auth_core::session::Session(row)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Session(StoredSession);

impl Session {
    /// Only `session::service` may call this, and only with a proof at hand.
    pub(super) const fn proven(row: StoredSession) -> Self {
        Self(row)
    }
}

impl Deref for Session {
    type Target = StoredSession;

    fn deref(&self) -> &StoredSession {
        &self.0
    }
}

/// A session about to be written, with the hash it will be found by. Made by sign-in alone.
#[derive(Clone)]
pub struct NewSession {
    session: Session,
    token_hash: TokenHash,
}

impl NewSession {
    pub(super) const fn new(session: Session, token_hash: TokenHash) -> Self {
        Self { session, token_hash }
    }

    /// The row to write.
    pub fn row(&self) -> &StoredSession {
        &self.session
    }

    /// The hash to find it by.
    pub const fn token_hash(&self) -> &TokenHash {
        &self.token_hash
    }
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NewSession").field(&self.session).finish()
    }
}

/// A session row with its user and the roles the user holds: all that a request needs to know, in one look-up.
#[derive(Clone, Debug)]
pub struct SessionWithUser {
    /// The session.
    pub session: StoredSession,
    /// Whose it is.
    pub user: User,
    /// Whether they belong to the tenant that the session acts in, and how; `None` as well when it acts in none.
    pub membership: Option<MembershipStatus>,
    /// What they hold everywhere and where the session acts, in no particular order.
    pub roles: Vec<HeldRole>,
}
