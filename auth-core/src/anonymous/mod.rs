//! Users of whom nobody knows who they are: they try an application, and sign up later.
//!
//! An anonymous user has a session and nothing to open another one with. Once the browser that has it signs in or up as
//! somebody, the application moves what they have made
//! ([`Hooks::on_link_account`](crate::hooks::Hooks::on_link_account)), in the same transaction, and the anonymous user
//! is gone. Start reading at [`SignInAnonymous`].

mod config;
mod endpoints;
mod service;

pub use config::Config;
pub(crate) use endpoints::ROUTES;
pub use endpoints::{DeleteAnonymousUser, SignInAnonymous};
