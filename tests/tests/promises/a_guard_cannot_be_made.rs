//! A claim is proved by checking it: a handler cannot make one up and call another with it.

use auth_core::guard::{RequireRole, RoleName};

struct Boss;

impl RoleName for Boss {
    const GUARD: &'static str = "ADMIN";
    const NAME: &'static str = "boss";
}

fn main() {
    let _ = RequireRole::<Boss>(std::marker::PhantomData);
}
