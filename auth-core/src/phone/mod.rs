//! Telephone numbers: proved by a code in a text message, and then a way to sign in.
//!
//! A number is an account's only once a code has proved it, so whoever can read its messages has the account. Whether a
//! number is known, nobody is told who cannot read them. Text messages cost money: a number that is nobody's gets one
//! only where it may sign up, or where whoever asks is signed in. Start reading at [`SendPhoneOtp`].

mod config;
mod endpoints;
mod service;

pub use config::Config;
pub(crate) use endpoints::{PASSWORD_ROUTES, ROUTES};
pub use endpoints::{
    RequestPhonePasswordReset, ResetPasswordByPhone, SendPhoneOtp, SentBody, SignInPhoneNumber, VerifyPhoneNumber,
};
pub(crate) use service::expect_unset;
