//! E-mail and password: signing up, signing in, proving again, changing.
//!
//! Passwords are verified exactly as received and hashed with argon2id in a bounded pool, never while a connection is
//! held. Every wrong sign-in gets one answer after the same work. Start reading at [`SignInEmail`].

mod common;
mod config;
mod endpoints;
mod reset;
mod service;
mod sign_in;
mod store;

pub(crate) use config::sign_up_mode;
pub use config::{AfterReset, CommonPasswords, Composition, Config, OnOutage, PasswordPolicy, SignUpMode};
pub use endpoints::{
    Asked, ChangePassword, ChangedBody, ChangedReply, FollowPasswordReset, RequestPasswordReset, ResetPassword,
    SetPassword, SignInEmail, SignUpEmail, SignedInBody, SignedInReply, SignedUpBody, VerifyPassword,
};
pub(crate) use endpoints::{MAIL_ROUTES, ROUTES, persistence};
pub(crate) use reset::{Proved, by_code};
pub(crate) use service::create;
pub use service::{bootstrap_superadmin, change_password, create_user};
pub(crate) use service::{check_policy, verify};
pub(crate) use sign_in::{Login, SignIn, sign_in};
pub use store::{PasswordStore, SignInFacts};
