//! The ground floor: identifiers, time, randomness and the text forms everything else is made of.
//!
//! Nothing here knows what a user or a session is. Each type parses at the edge and is trusted
//! afterwards: an [`Email`] that exists is canonical, a [`Token`] that exists has the exact length.

mod clock;
mod email;
mod html;
mod id;
pub(crate) mod json;
mod phone;
mod query;
mod random;
mod secret;
mod tenant;
mod token;
mod username;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use email::{Email, InvalidEmail};
pub use html::escape_html;
pub use id::{AccountId, ApiKeyId, AuditId, CustomerId, InvalidId, MessageId, RoleId, SessionId, SigningKeyId, UserId};
pub use phone::{InvalidPhoneNumber, PhoneNumber};
pub(crate) use query::with_parameter;
pub use random::{OsRandom, Random, SeededRandom};
pub use secret::{Secret, SecretMissing};
pub use tenant::{InvalidTenantId, TenantId};
pub(crate) use token::is_prefix;
pub use token::{InvalidToken, Token, TokenHash, TokenKind};
pub use username::{InvalidUsername, Username};
