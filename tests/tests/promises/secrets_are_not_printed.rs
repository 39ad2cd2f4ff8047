//! A secret in a log line or a reply must be asked for by name.

use auth_core::base::{Secret, Token};
use auth_core::crypto::password_hash::Password;

fn shown<T: std::fmt::Display>() {}

fn main() {
    shown::<Secret>();
    shown::<Token>();
    shown::<Password>();
}
