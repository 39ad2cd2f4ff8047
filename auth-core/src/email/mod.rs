//! Mailboxes: proving that one is the user's, and moving an account to another.
//!
//! Who follows a link that was mailed to an address has its mailbox. On an account whose mailbox nobody had proved,
//! that is more than whoever made the account could show: so where it *opens* the account (a link or a code to sign in
//! with, a new password), everything that an earlier stranger may have put there goes first: password, sessions, codes,
//! API keys (`prove`). Where it only *confirms* the account, as the mail after signing up asks for, the account stays
//! as it is.
//!
//! Answers tell nobody whether an address has an account: they cost the same and say the same. Start reading at
//! [`SendVerificationEmail`].

mod config;
mod endpoints;
mod enter;
mod service;

pub(crate) use config::Verification;
pub use config::{AddressChange, Config};
pub(crate) use endpoints::ROUTES;
pub use endpoints::{ChangeEmail, ConfirmVerifyEmail, SendVerificationEmail, VerifiedBody, VerifyEmail};
pub(crate) use enter::{Arrival, Confirmed, Entered, confirm_by};
pub use service::invite;
pub(crate) use service::{
    Mailed, Reach, Search, conceal_sign_up, confirm, delete_by_link, invitation, look_at_deletion, move_to, prove,
    request_deletion, send_verification,
};
