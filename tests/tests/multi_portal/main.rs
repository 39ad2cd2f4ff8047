//! The example program with three front ends, as a process, by its contract.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

mod browser;
mod cookies;
mod errors;
mod origins;
mod roles;
mod sessions;
mod sign_up;
mod staff;
mod stage;
mod start_up;
mod table;
mod tenants;
mod tokens;
