//! The policy, as hooks: who may sign in where.
//!
//! Everything that can be decided without the account is decided before it is looked at (`before_login`), so that no
//! answer tells whether a password was right. `on_login` then lets in who holds a role in the role guard that was asked
//! for, and binds the session to it: no role of another one will count.

use std::sync::Arc;

use auth_core::hooks::LoginOccasion;
use auth_core::http::expect_origin;
use auth_core::portal::{OriginGuardResolver, RoleGuardResolver};
use auth_core::prelude::*;
use auth_core::role::RoleGrant;
use serde_json::{Map, Value, json};

use crate::PORTAL;
use crate::settings::Portals;

/// The hooks of this program.
pub(crate) struct Recipe {
    front_ends: OriginGuardResolver,
    app_name: Arc<str>,
}

impl Recipe {
    pub(crate) fn new(portals: &Portals) -> Self {
        Self { front_ends: portals.resolver(), app_name: portals.app_name().into() }
    }
}

/// The role guard that a body names, if it is one of ours, letter by letter.
fn named<'a>(cx: &Cx, input: &'a Map<String, Value>) -> Option<&'a str> {
    input.get("guard")?.as_str().filter(|guard| cx.auth().knows_role_guard(guard))
}

#[async_trait]
impl Hooks for Recipe {
    fn problems(&self, knows: &dyn Fn(&str) -> bool) -> Vec<String> {
        RoleGuardResolver::problems(&self.front_ends, knows)
    }

    async fn before_login(&self, cx: &Cx, attempt: &mut LoginAttempt<'_>) -> Result<()> {
        let (here, named) = (self.front_ends.resolve(cx).await?, named(cx, attempt.input));
        if let (Some(here), Some(named)) = (&here, named)
            && here != named
        {
            return Err(Error::from(Code::GuardMismatch).saying("Invalid request"));
        }
        let is_at_ours = here.is_some();
        attempt.role_guard = named.map(str::to_owned).or(here);
        if attempt.occasion == LoginOccasion::SignUp {
            // Whoever signs up without a front end belongs where new members do.
            attempt.role_guard.get_or_insert_with(|| PORTAL.to_owned());
        } else if names_unknown(attempt.input, named) {
            return Err(Code::InvalidEmailOrPassword.into());
        } else if attempt.role_guard.is_none() {
            return Err(Code::GuardRequired.into());
        }
        // A page that is none of ours may name a role guard, but not sign anybody in.
        if is_at_ours {
            return Ok(());
        }
        expect_origin(cx).map_err(|error| Error::from(Code::InvalidOrigin).caused_by(error))
    }

    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, signup: &mut SignUp) -> Result<()> {
        // As it will be shown. That front end and body agree was decided before the password was looked at.
        signup.name = signup.name.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(())
    }

    async fn on_signup(&self, cx: &Cx, work: &mut Work<'_>, user: &User, signup: &SignUp) -> Result<()> {
        // Tenants of this program are open: whoever names one joins it. Without one there is nothing to do.
        let Some(tenant) = &signup.tenant else { return Ok(()) };
        tenant::add_member_within(cx, work, user.id, tenant).await?;
        let member = RoleGrant::new(PORTAL, "member").in_tenant(tenant.clone());
        match role::grant_within(cx, work, user.id, &member).await {
            Err(error) if error.is(Code::RoleNotFound) => Ok(()),
            granted => granted.map(drop),
        }
    }

    async fn on_login(&self, cx: &Cx, _work: &mut Work<'_>, login: &mut LoginContext<'_>) -> Result<()> {
        let Some(guard) = login.role_guard.clone() else { return Err(Code::GuardRequired.into()) };
        match login.occasion {
            LoginOccasion::SignIn => enter(login, &guard),
            // Whoever has just signed up has no role yet, and needs none.
            LoginOccasion::SignUp => choose_tenant(login, &guard),
            // Nobody renews in one front end what was opened in another.
            _ => match self.front_ends.resolve(cx).await? {
                Some(here) if here != guard => Err(Code::Unauthorized.into()),
                _ => Ok(()),
            },
        }
    }

    async fn session_user_data(&self, _cx: &Cx, user: &User, data: &mut Map<String, Value>) -> Result<()> {
        // What the application knows of its users, beside what the engine does. Of who has no name it knows nothing.
        if !user.name.is_empty() {
            let auth_user = json!({ "id": user.id, "email": user.email });
            data.insert(
                "appUser".to_owned(),
                json!({ "app": &*self.app_name, "displayName": user.name, "authUser": auth_user }),
            );
        }
        Ok(())
    }
}

/// Whether the body names something that is no role guard of ours.
fn names_unknown(input: &Map<String, Value>, named: Option<&str>) -> bool {
    named.is_none() && input.get("guard").is_some_and(|guard| !guard.is_null())
}

/// Lets in who holds a role of this guard. At the admin console that is a role on the platform, and those of tenants
/// count for nothing; elsewhere it is one in a tenant. Everybody else is told what a wrong password is told.
fn enter(login: &mut LoginContext<'_>, guard: &str) -> Result<()> {
    let may_enter = if login.has_platform_access {
        login.tenant = None;
        login.is_staff_in(guard)
    } else {
        choose_tenant(login, guard)?;
        login.holds_any_in(guard, login.tenant.as_ref())
    };
    if may_enter { Ok(()) } else { Err(Code::InvalidEmailOrPassword.into()) }
}

/// Whoever names no tenant, and holds no role that counts without one, means the one in which they hold a role of this
/// guard.
fn choose_tenant(login: &mut LoginContext<'_>, guard: &str) -> Result<()> {
    if login.tenant.is_none() && !login.holds_any_in(guard, None) {
        login.tenant = match login.tenants_in(guard)[..] {
            [] => None,
            [only] => Some(only.clone()),
            _ => return Err(Code::TenantRequired.into()),
        };
    }
    Ok(())
}
