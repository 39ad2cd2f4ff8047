//! The example program that brings no authentication of its own, as a process, by its contract.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

mod issuer;
mod keys;
mod projects;
mod stage;
mod start_up;
mod tokens;
