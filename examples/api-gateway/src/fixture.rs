//! The roles that the program is built on, and with `DEMO=1` a few people who hold them. Without it, give somebody a
//! role with `auth_core::role::grant_role`.

use auth_core::base::Email;
use auth_core::crypto::password_hash::Password;
use auth_core::role::{self, RoleSpec};
use auth_core::user::{SignUp, user_by_email};
use auth_core::{Auth, password};

use crate::API;

const PASSWORD: &str = "Correct-Horse-9";

/// Everything that a route may ask for.
pub(crate) const PERMISSIONS: [&str; 6] =
    ["users:read", "users:create", "users:delete", "users:admin", "orders:read", "orders:process"];

/// At each start; what is there is left alone.
pub(crate) async fn seed_roles(auth: &Auth) -> anyhow::Result<()> {
    let role = |name: &str| RoleSpec::new(API, name);
    let roles = [
        role("lead").permissions(["users:read", "users:create", "orders:read"]),
        role("viewer").permissions(["users:read"]),
        role("operator").permissions(["orders:read", "orders:process", "users:create"]),
        role("administrator").permissions(["users:admin", "users:read", "users:create", "users:delete"]),
    ];
    Ok(role::seed(&auth.background_cx(), roles).await?)
}

/// People, and the role that each holds. Whoever is there already is left as they are.
pub(crate) async fn seed_people(auth: &Auth) -> anyhow::Result<()> {
    let cx = auth.background_cx();
    let people = [("Alice", "lead"), ("Bob", "viewer"), ("Ops", "operator"), ("Root", "administrator")];
    for (name, role) in people {
        let email = Email::parse(&format!("{}@example.com", name.to_lowercase()))?;
        if user_by_email(&cx, &email).await?.is_none() {
            let user = password::create_user(&cx, SignUp::new(email, name), Password::new(PASSWORD)).await?;
            role::grant_role(&cx, user.id, API, role).await?;
        }
    }
    Ok(())
}
