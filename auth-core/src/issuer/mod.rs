//! Tokens of other people's issuers: bring your own authentication.
//!
//! Somebody else signs users in, Auth0 or Keycloak or a service of the same company, and gives them signed tokens
//! (JWT). A [`VerifierChain`] tells what such a token proves: [`VerifiedClaims`], in the words of this library,
//! whatever the issuer calls them.
//!
//! - [`JwksVerifier`] is for issuers that publish their keys. There are presets for Auth0, Clerk, Amazon Cognito,
//!   Microsoft Entra, Firebase, Keycloak and Supabase, and [`custom`](JwksVerifier::custom) for all others.
//! - [`StaticKeyVerifier`] is for a secret that is shared with the issuer, and for keys that came another way.
//! - [`TokenVerifier`] is the trait, for one of your own.
//!
//! [`ClaimMap`] says which claim holds what, [`ClaimsProfile`] what must be there, [`AudienceRule`] how it is told that
//! a token was meant for us.
//!
//! # What is refused
//! Whatever the rules of an issuer: a token of another `iss`, one signed by another key or with another algorithm than
//! the key's, an expired one, one about nobody, one that was issued in the future, one whose header brings a key along
//! or changes how it is verified (see [`jwt`](crate::crypto::jwt)), one of another type, and one that was meant for
//! somebody else. The client learns that its token is no good, the log why, and neither sees anything of the token.
//! There is no way to read a token without verifying it.
//!
//! # What an issuer can do to us
//! Keys are read over HTTP from an address that is configured, or that the issuer's metadata names on the issuer's own
//! host. Redirects are not followed. A token cannot choose where we ask: one of an unknown issuer causes no request,
//! and unknown key ids cause one in 30 seconds, however many there are. An issuer that does not answer, answers slowly
//! or with anything but keys takes nothing away that we have: its last keys go on for a bounded time, and without any
//! the answer is 503.
//!
//! Start reading at [`TokenVerifier`], then at `TokenRules::judge`, which every token passes, and `KeyCache`.

mod audience;
mod builder;
mod chain;
mod claims;
mod fixed;
mod jwks;
mod keys;
mod map;
mod presets;
mod principals;
mod profile;
mod rules;
#[cfg(test)]
mod tests;
mod verifier;

pub use audience::AudienceRule;
pub use builder::VerifierBuilder;
pub use chain::{VerifierChain, VerifierChainBuilder};
pub use claims::VerifiedClaims;
pub use fixed::{StaticKeyVerifier, StaticKeys};
pub use jwks::{JwksVerifier, KeySource};
pub use map::{ClaimField, ClaimMap};
pub use principals::{ExternalIssuers, ExternalUsers};
pub use profile::{ClaimType, ClaimsProfile, TenantClaim};
pub use verifier::{Answers, PresentedToken, Refusal, TokenVerifier, VerifyError};
