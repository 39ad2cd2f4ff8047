//! Short-lived codes that are good once.
//!
//! A code is a row that says what it is for and what it is bound to. Using it up is one statement whose verdict decides
//! a race, and what it brings about is part of the same transaction: of many who use one at once, one succeeds, and it
//! is not used up for nothing. Making a code kills the earlier one of its kind.
//!
//! So far there are *one-time tokens* ([`OneTimeTokens`]), which hand a session from one client of its user to another.

mod config;
mod endpoints;
mod model;
mod service;
mod store;

pub use config::OneTimeTokens;
pub(crate) use endpoints::ROUTES;
pub use endpoints::{GenerateOneTimeToken, OneTimeTokenBody, OpenedBody, VerifyOneTimeToken};
pub use model::{CodePurpose, CodeSubject, StoredCode};
pub use store::CodeStore;
