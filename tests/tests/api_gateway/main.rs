//! The example program at the edge of an API, as a process, by its contract.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

mod accounts;
mod auth0;
mod cors;
mod developer;
mod errors;
mod limits;
mod orders;
mod permissions;
mod proxies;
mod refusals;
mod reset;
mod restart;
mod secrets;
mod sessions;
mod stage;
mod start_up;
mod tokens;
mod users;
