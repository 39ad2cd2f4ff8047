//! E-mail and password: signing up, signing in, proving again, changing.
//!
//! Passwords are verified exactly as received and hashed with argon2id in a bounded pool, never while a connection is
//! held. Every wrong sign-in gets one answer after the same work. Start reading at [`SignInEmail`].

mod common;
mod config;
mod endpoints;
mod service;
mod store;

pub use config::{CommonPasswords, Composition, Config, OnOutage, PasswordPolicy, SignUpMode};
pub(crate) use endpoints::ROUTES;
pub use endpoints::{
    ChangePassword, ChangedBody, ChangedReply, SetPassword, SignInEmail, SignUpEmail, SignedInBody, SignedInReply,
    SignedUpBody, VerifyPassword,
};
pub(crate) use service::create;
pub(crate) use service::verify;
pub use service::{bootstrap_superadmin, change_password, create_user};
pub use store::{PasswordStore, SignInFacts};
