//! The question that every verifier answers, and how it may be refused.

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;

use super::claims::VerifiedClaims;
use crate::base::Timestamp;
use crate::crypto::jwt::{JwtError, Unverified};
use crate::error::{Code, Error};
use crate::ports::PortError;

/// Verifies the tokens of certain issuers.
///
/// [`JwksVerifier`](super::JwksVerifier) and [`StaticKeyVerifier`](super::StaticKeyVerifier) are two. One of your own
/// might ask the issuer about each token (RFC 7662):
///
/// ```
/// use auth_core::base::Timestamp;
/// use auth_core::issuer::{Answers, PresentedToken, TokenVerifier, VerifiedClaims, VerifyError};
///
/// struct Introspection {
///     issuers: Vec<String>,
/// }
///
/// #[async_trait::async_trait]
/// impl TokenVerifier for Introspection {
///     fn answers_for(&self) -> Answers<'_> {
///         Answers::Issuers(&self.issuers)
///     }
///
///     async fn verify(&self, token: &PresentedToken<'_>, now: Timestamp) -> Result<VerifiedClaims, VerifyError> {
///         let (subject, expires_at) = self.ask(token.expose()).await?;
///         let mut claims = VerifiedClaims::new(&*self.issuers[0], subject, expires_at)?;
///         claims.name = Some("Ada".to_owned());
///         Ok(claims)
///     }
/// }
/// # impl Introspection {
/// #     async fn ask(&self, _: &str) -> Result<(String, Timestamp), VerifyError> {
/// #         Ok(("ada".to_owned(), Timestamp::from_micros(0)))
/// #     }
/// # }
/// ```
#[async_trait]
pub trait TokenVerifier: Send + Sync + 'static {
    /// Which tokens are brought here. The same as long as the verifier lives.
    fn answers_for(&self) -> Answers<'_>;

    /// Says what a token proves at the instant `now`, from which every decision about time follows. That the token
    /// names an issuer of this verifier is a claim like the others until its signature was checked.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] when the token proves nothing, [`VerifyError::Unavailable`] when that cannot be told.
    async fn verify(&self, token: &PresentedToken<'_>, now: Timestamp) -> Result<VerifiedClaims, VerifyError>;
}

/// Which tokens a verifier answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answers<'a> {
    /// Those whose `iss` is exactly one of these, byte for byte.
    Issuers(&'a [String]),
    /// Those that no other verifier answers for, whatever their `iss` says or if they have none. Only sound where a key
    /// of its own takes the place of the issuer.
    Others {
        /// What [`VerifiedClaims::issuer`] says of them. It is configured and never read from a token: else whoever has
        /// the key could speak in the name of every issuer.
        known_as: &'a str,
    },
}

/// A token that somebody presented: three parts of a signed JWT with a header that can be accepted. Nobody has looked
/// at its signature yet, so that nothing of it can be read but its text.
pub struct PresentedToken<'t> {
    text: &'t str,
    unverified: Unverified<'t>,
}

impl<'t> PresentedToken<'t> {
    /// Takes a token apart. More than 8 KiB, anything but three parts, and header members that would change how it is
    /// verified are refused.
    ///
    /// # Errors
    /// [`Refusal::Token`].
    pub fn parse(text: &'t str) -> Result<Self, Refusal> {
        Ok(Self { text, unverified: Unverified::parse_foreign(text)? })
    }

    /// The token as it was presented. Whoever reads it may use it: every call is a place to look at in a review.
    pub const fn expose(&self) -> &'t str {
        self.text
    }

    pub(super) const fn unverified(&self) -> &Unverified<'t> {
        &self.unverified
    }
}

impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedToken([redacted])")
    }
}

/// Why nothing is known about who presented a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token proves nothing: 401.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Whether it proves anything cannot be told now, because its issuer does not answer: 503.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// The client learns the status and no reason; that is for the log.
impl From<VerifyError> for Error {
    fn from(error: VerifyError) -> Self {
        let code = match error {
            VerifyError::Refused(_) => Code::Unauthorized,
            VerifyError::Unavailable(_) => Code::Unavailable,
        };
        Self::from(code).caused_by(error)
    }
}

/// Why a token is refused, for the log. Nothing of the token is in it: names of claims come from the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is malformed, or a registered claim or its signature is wrong.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// Nobody answers for the issuer that it names.
    #[error("nobody answers for the token's issuer")]
    UnknownIssuer,
    /// Its issuer has no such key.
    #[error("the token's issuer has no such key")]
    UnknownKey,
    /// It names no key, and its issuer has several.
    #[error("the token names no key and several would fit")]
    AmbiguousKey,
    /// Its algorithm is none that is accepted of its issuer.
    #[error("the token's algorithm is not accepted of its issuer")]
    Algorithm,
    /// A claim that is required is missing or empty.
    #[error("the claim {0} is missing")]
    Missing(Cow<'static, str>),
    /// A claim is not of the type that it must have.
    #[error("the claim {0} is mistyped")]
    Mistyped(Cow<'static, str>),
    /// A claim does not have a value that is accepted.
    #[error("the claim {0} has a value that is not accepted")]
    Value(Cow<'static, str>),
    /// A reason of a verifier of the application's own.
    #[error("{0}")]
    Other(&'static str),
}

impl Refusal {
    pub(super) fn missing(claim: &str) -> Self {
        Self::Missing(Cow::Owned(claim.to_owned()))
    }

    pub(super) fn mistyped(claim: &str) -> Self {
        Self::Mistyped(Cow::Owned(claim.to_owned()))
    }

    pub(super) fn value(claim: &str) -> Self {
        Self::Value(Cow::Owned(claim.to_owned()))
    }
}

impl From<JwtError> for VerifyError {
    fn from(error: JwtError) -> Self {
        Self::Refused(error.into())
    }
}
