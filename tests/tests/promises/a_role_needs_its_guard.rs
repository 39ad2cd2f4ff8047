//! A role is a pair: its name alone requires nothing.

use auth_core::guard::{Requirement, role};

fn main() {
    let _: Requirement = role("super_admin");
}
