//! A claim is proved by checking it, and not by naming it.

use auth_core::guard::{CurrentUser, RequireRole, RoleName};

struct Boss;

impl RoleName for Boss {
    const GUARD: &'static str = "ADMIN";
    const NAME: &'static str = "boss";
}

fn main() {
    let _ = RequireRole::<Boss>(std::marker::PhantomData);
    let _: CurrentUser = CurrentUser(todo!());
}
