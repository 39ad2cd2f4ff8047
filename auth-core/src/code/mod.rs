//! Short-lived codes that are good once.
//!
//! A code is a row that says what it is for and what it is bound to. Using it up is one statement whose verdict decides
//! a race, and what it brings about is part of the same transaction: of many who use one at once, one succeeds, and it
//! is not used up for nothing. Making a code kills the earlier one of its kind.
//!
//! *Links* carry a token of 32 random bytes. *Short codes* ([`OtpForm`]) are typed in and can be guessed at, so that a
//! try is counted before anything is compared. Both are mailed; what they are for is the business of other features.
//! *One-time tokens* ([`OneTimeTokens`]) hand a session from one client of its user to another.

mod config;
mod endpoints;
mod issue;
mod model;
mod service;
mod store;

pub use config::{Alphabet, OneTimeTokens, OtpForm};
pub(crate) use endpoints::ROUTES;
pub use endpoints::{GenerateOneTimeToken, OneTimeTokenBody, OpenedBody, VerifyOneTimeToken};
pub(crate) use issue::{Issued, Recipient, ShownCode, issue_link, issue_otp, mailbox, prove_otp, read_link, telephone};
pub(crate) use model::Binding;
pub use model::{CodePurpose, CodeSubject, StoredCode};
pub use store::CodeStore;
