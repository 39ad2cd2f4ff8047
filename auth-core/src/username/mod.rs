//! Names that people sign in with, beside their address.
//!
//! A name is unique, and no secret: whether one is taken, anybody may ask. It leads to the account, and from there
//! signing in with a name is signing in with an address: one count of attempts, one amount of work. Start reading at
//! [`SignInUsername`].

mod config;
mod endpoints;
mod service;

pub use config::Config;
pub(crate) use endpoints::ROUTES;
pub use endpoints::{AvailableBody, IsUsernameAvailable, SignInUsername};
pub(crate) use service::{Chosen, change};
