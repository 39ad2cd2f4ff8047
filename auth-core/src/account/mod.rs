//! Accounts: the ways in which a user signs in, and how often they may try.

mod config;
mod endpoints;
mod model;
mod service;
mod store;

pub use config::Lockout;
pub(crate) use endpoints::ROUTES;
pub use endpoints::{AccountView, ListAccounts};
pub use model::{Account, Attempt, AttemptCount, AttemptKey, CREDENTIAL};
pub(crate) use service::{AttemptSubject, CountedAttempt, may_message};
pub use store::AccountStore;
