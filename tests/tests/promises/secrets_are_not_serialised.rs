//! A secret does not travel in a reply because a struct around it derives `Serialize`.

use auth_core::base::{Secret, Token};
use auth_core::crypto::password_hash::Password;

fn written<T: serde::Serialize>() {}

fn main() {
    written::<Secret>();
    written::<Token>();
    written::<Password>();
}
