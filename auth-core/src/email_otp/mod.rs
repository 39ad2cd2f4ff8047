//! Codes that are mailed and typed in: to sign in with, to prove a mailbox, to set a new password, to change the
//! address.
//!
//! A code is good once, for one purpose, for minutes and for few tries. Each try is counted before anything is
//! compared, with the code and for the account, together with wrong passwords. There is one answer for mailboxes that
//! are somebody's and for those that are not. Start reading at [`SendVerificationOtp`].

mod config;
mod endpoints;
mod service;

pub use config::Config;
pub use endpoints::{
    ChangeEmailByOtp, CheckVerificationOtp, ForgetPasswordOtp, RequestEmailChangeOtp, RequestPasswordResetOtp,
    ResetPasswordByOtp, SendVerificationOtp, SignInEmailOtp, VerifyEmailOtp,
};
pub(crate) use endpoints::{PASSWORD_ROUTES, ROUTES};
