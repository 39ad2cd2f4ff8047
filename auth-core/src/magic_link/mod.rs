//! Magic links: a mail with a link, and whoever follows it is signed in.
//!
//! The link leads to a page with a button, because programs follow links, too. It proves the mailbox: an account that
//! nobody had proved to be theirs loses everything that whoever made it may have put there. Start reading at
//! [`SendMagicLink`].

mod config;
mod endpoints;
mod service;

pub use config::Config;
pub(crate) use endpoints::ROUTES;
pub use endpoints::{ConfirmMagicLink, EnteredBody, FollowMagicLink, FollowedMagicLink, SendMagicLink};
