//! `==` on a hash takes a time that tells where they differ; `matches` does not.

use auth_core::base::{Secret, TokenHash};
use auth_core::crypto::password_hash::Password;

fn compared<T: PartialEq>() {}

fn main() {
    compared::<TokenHash>();
    compared::<Secret>();
    compared::<Password>();
}
