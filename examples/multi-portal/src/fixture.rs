//! The roles that the program is built on, and with `DEMO=1` a few people who hold them.

use auth_core::base::{Email, TenantId, UserId};
use auth_core::crypto::password_hash::Password;
use auth_core::role::{self, RoleGrant, RoleSpec};
use auth_core::user::{SignUp, disable_user, user_by_email};
use auth_core::{Auth, Cx, password, tenant};

use crate::{ADMIN, FRONTEND, PORTAL};

const PASSWORD: &str = "Correct-Horse-9";

/// As often as the program starts; what is there is left alone.
pub(crate) async fn seed_roles(auth: &Auth) -> anyhow::Result<()> {
    let roles = [
        RoleSpec::new(ADMIN, "super_admin").manages(),
        RoleSpec::new(ADMIN, "admin"),
        RoleSpec::new(ADMIN, "support"),
        RoleSpec::new(PORTAL, "owner").manages(),
        RoleSpec::new(PORTAL, "admin"),
        RoleSpec::new(PORTAL, "member"),
        RoleSpec::new(FRONTEND, "customer"),
    ];
    Ok(role::seed(&auth.background_cx(), roles).await?)
}

/// Who is there, and what they hold. Of whom is there already nothing is changed.
pub(crate) async fn seed_people(auth: &Auth) -> anyhow::Result<()> {
    let cx = auth.background_cx();
    let (acme, globex) = (TenantId::parse("acme")?, TenantId::parse("globex")?);
    for (id, name) in [(&acme, "Acme Ltd."), (&globex, "Globex Corp.")] {
        if tenant::by_id(&cx, id).await?.is_none() {
            tenant::create(&cx, id, name).await?;
        }
    }
    let in_acme = |guard, role| RoleGrant::new(guard, role).in_tenant(acme.clone());
    let on_platform = |role| RoleGrant::new(ADMIN, role).on_platform();
    let people: [(&str, &[RoleGrant]); 7] = [
        ("member@acme.test", &[in_acme(PORTAL, "member")]),
        ("customer@acme.test", &[in_acme(FRONTEND, "customer")]),
        ("staff@corp.test", &[on_platform("support")]),
        ("root@corp.test", &[on_platform("super_admin")]),
        ("dual@acme.test", &[in_acme(PORTAL, "admin"), in_acme(ADMIN, "support")]),
        ("norole@acme.test", &[]),
        ("gone@acme.test", &[in_acme(PORTAL, "member")]),
    ];
    for (email, roles) in people {
        let email = Email::parse(email)?;
        if user_by_email(&cx, &email).await?.is_none() {
            let id = settle(&cx, &email, &acme, roles).await?;
            if email.as_str().starts_with("gone@") {
                disable_user(&cx, id).await?;
            }
        }
    }
    Ok(())
}

/// Somebody who belongs to the tenant that is in their address.
async fn settle(cx: &Cx, email: &Email, acme: &TenantId, roles: &[RoleGrant]) -> anyhow::Result<UserId> {
    let user = password::create_user(cx, SignUp::new(email.clone(), ""), Password::new(PASSWORD)).await?;
    if email.as_str().ends_with("@acme.test") {
        tenant::add_member(cx, user.id, acme).await?;
    }
    for role in roles {
        role::grant(cx, user.id, role).await?;
    }
    Ok(user.id)
}
