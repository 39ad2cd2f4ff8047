//! Roles that a program is built on, and holders who cannot be spared.

use auth_core::base::{Email, UserId};
use auth_core::crypto::password_hash::Password;
use auth_core::error::Code;
use auth_core::role::{self, RoleGrant, RoleScope, RoleSpec};
use auth_core::store::Store;
use auth_core::{Cx, Result, password, tenant, user};
use auth_tests::{PASSWORD, Stack, TestApp, flows};
use serde_json::json;

use crate::memberships::{named, settings};

flows![
    seeding_twice_is_seeding_once,
    all_roles_are_seeded_or_none,
    a_system_role_is_changed_by_the_program_alone,
    a_role_is_removed_when_nobody_holds_it,
    the_last_holder_keeps_a_managing_role,
    the_last_holder_is_not_disabled_and_not_deleted,
    the_last_holder_in_a_tenant_stays_a_member_of_it,
    who_does_not_count_is_no_other_holder,
    the_first_holder_is_made_once,
    an_account_that_is_there_is_not_made_the_first_holder,
];

const ROOT: &str = "root@example.com";
const EVE: &str = "eve@example.com";

fn specs() -> [RoleSpec; 2] {
    [
        RoleSpec::new("ADMIN", "super_admin").permissions(["staff:manage", "tickets:read"]).manages(),
        RoleSpec::new("ADMIN", "support").permissions(["tickets:read"]),
    ]
}

/// Root and Eve, who belong to acme; root holds the managing role there and everywhere.
struct World {
    app: TestApp,
    root: UserId,
    eve: UserId,
}

impl World {
    async fn new(stack: Stack) -> Self {
        let app = stack.app_with(settings).await;
        role::seed(&app.cx(), specs()).await.unwrap();
        tenant::create(&app.cx(), &named("acme"), "Acme").await.unwrap();
        for email in [ROOT, EVE] {
            app.signed_up(email).await;
            tenant::add_member(&app.cx(), app.user_id(email).await, &named("acme")).await.unwrap();
        }
        let it = Self { root: app.user_id(ROOT).await, eve: app.user_id(EVE).await, app };
        it.give(it.root, &everywhere()).await;
        it.give(it.root, &in_acme()).await;
        it
    }

    fn cx(&self) -> Cx {
        self.app.cx()
    }

    async fn give(&self, user: UserId, role: &RoleGrant) {
        assert!(role::grant(&self.cx(), user, role).await.unwrap());
    }

    async fn scopes_of(&self, user: UserId) -> Vec<RoleScope> {
        let held = self.app.store().conn().roles_of_user(user, None).await.unwrap();
        held.into_iter().map(|held| held.scope).collect()
    }
}

fn everywhere() -> RoleGrant {
    RoleGrant::new("ADMIN", "super_admin")
}

fn in_acme() -> RoleGrant {
    everywhere().in_tenant(named("acme"))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T>, code: Code) {
    let error = outcome.unwrap_err();
    assert!(error.is(code), "{}", error.code());
}

async fn seeding_twice_is_seeding_once(stack: Stack) {
    let app = stack.app_with(settings).await;
    role::seed(&app.cx(), specs()).await.unwrap();
    assert_eq!(app.events().take(), ["role_defined", "role_defined"]);
    let before = format!("{:?}", role::roles(&app.cx(), None).await.unwrap());
    role::seed(&app.cx(), specs()).await.unwrap();
    assert!(app.events().take().is_empty());
    assert_eq!(format!("{:?}", role::roles(&app.cx(), None).await.unwrap()), before);
    // Of another process at its start, with another opinion of one of them.
    let again = app.restarted_with(stack.transport, settings).await;
    let [first, second] = specs();
    role::seed(&again.cx(), [first.permissions(["tickets:read"]), second]).await.unwrap();
    assert_eq!(again.events().take(), ["role_defined"]);
    let roles = role::roles(&again.cx(), None).await.unwrap();
    let facts: Vec<_> = roles.iter().map(|it| (&*it.name, it.permissions.len(), it.manages, it.is_system)).collect();
    assert_eq!(facts, [("super_admin", 1, true, true), ("support", 1, false, true)]);
}

async fn all_roles_are_seeded_or_none(stack: Stack) {
    let app = stack.app_with(settings).await;
    tenant::create(&app.cx(), &named("acme"), "Acme").await.unwrap();
    let good = || RoleSpec::new("ADMIN", "support");
    for (bad, code) in [
        (RoleSpec::new("BACKOFFICE", "support"), Code::RoleGuardNotAllowed),
        (RoleSpec::new("ADMIN", "two words"), Code::ValidationError),
        (RoleSpec::new("ADMIN", "reader").permissions(["two words"]), Code::ValidationError),
        (RoleSpec::new("ADMIN", "reader").in_tenant(named("acme")), Code::ValidationError),
    ] {
        refused(role::seed(&app.cx(), [good(), bad]).await, code);
        assert!(role::roles(&app.cx(), None).await.unwrap().is_empty());
        assert!(role::roles(&app.cx(), Some(&named("acme"))).await.unwrap().is_empty());
    }
}

async fn a_system_role_is_changed_by_the_program_alone(stack: Stack) {
    let it = World::new(stack).await;
    let before = format!("{:?}", role::roles(&it.cx(), None).await.unwrap());
    it.app.events().take();
    // As it is, it may be asked for.
    role::define(&it.cx(), RoleSpec::new("ADMIN", "support").permissions(["tickets:read"])).await.unwrap();
    for other in [
        RoleSpec::new("ADMIN", "support"),
        RoleSpec::new("ADMIN", "support").permissions(["tickets:read", "staff:manage"]),
        RoleSpec::new("ADMIN", "support").permissions(["tickets:read"]).manages(),
    ] {
        refused(role::define(&it.cx(), other).await, Code::SystemRole);
    }
    refused(role::delete_role(&it.cx(), "ADMIN", "support", None).await, Code::SystemRole);
    assert!(it.app.events().take().is_empty());
    assert_eq!(format!("{:?}", role::roles(&it.cx(), None).await.unwrap()), before);
    // A tenant's own of that name is another role, and the tenant's to change.
    let own = RoleSpec::new("ADMIN", "support").permissions(["own:read"]).in_tenant(named("acme"));
    role::define(&it.cx(), own.clone()).await.unwrap();
    role::define(&it.cx(), own.permissions(["own:write"])).await.unwrap();
    assert!(role::delete_role(&it.cx(), "ADMIN", "support", Some(&named("acme"))).await.unwrap());
    assert_eq!(format!("{:?}", role::roles(&it.cx(), None).await.unwrap()), before);
    refused(
        role::define(&it.cx(), RoleSpec::new("ADMIN", "x").in_tenant(named("nowhere"))).await,
        Code::TenantNotFound,
    );
    // What somebody has defined becomes a system role when the program is built on it.
    role::define(&it.cx(), RoleSpec::new("PORTAL", "member")).await.unwrap();
    role::seed(&it.cx(), [RoleSpec::new("PORTAL", "member")]).await.unwrap();
    refused(role::delete_role(&it.cx(), "PORTAL", "member", None).await, Code::SystemRole);
}

async fn a_role_is_removed_when_nobody_holds_it(stack: Stack) {
    let it = World::new(stack).await;
    role::define_role(&it.cx(), "PORTAL", "reader", ["reports:read"]).await.unwrap();
    let grants = [
        RoleGrant::new("PORTAL", "reader"),
        RoleGrant::new("PORTAL", "reader").on_platform(),
        RoleGrant::new("PORTAL", "reader").in_tenant(named("acme")),
    ];
    let delete = async || role::delete_role(&it.cx(), "PORTAL", "reader", None).await;
    for grant in grants {
        it.give(it.eve, &grant).await;
        refused(delete().await, Code::RoleInUse);
        assert!(role::revoke(&it.cx(), it.eve, &grant).await.unwrap());
    }
    it.app.events().take();
    assert!(delete().await.unwrap());
    assert_eq!(it.app.events().take(), ["role_deleted"]);
    assert!(!delete().await.unwrap());
    refused(role::delete_role(&it.cx(), "BACKOFFICE", "reader", None).await, Code::RoleGuardNotAllowed);
    refused(role::grant_role(&it.cx(), it.eve, "PORTAL", "reader").await, Code::RoleNotFound);
}

async fn the_last_holder_keeps_a_managing_role(stack: Stack) {
    let it = World::new(stack).await;
    it.app.events().take();
    for role in [everywhere(), in_acme()] {
        refused(role::revoke(&it.cx(), it.root, &role).await, Code::LastHolder);
        // Of somebody who does not hold it nothing is taken.
        assert!(!role::revoke(&it.cx(), it.eve, &role).await.unwrap());
    }
    assert_eq!(it.scopes_of(it.root).await.len(), 2);
    assert!(it.app.events().take().is_empty());
    // Each place has a last holder of its own.
    it.give(it.eve, &in_acme()).await;
    refused(role::revoke(&it.cx(), it.root, &everywhere()).await, Code::LastHolder);
    assert!(role::revoke(&it.cx(), it.root, &in_acme()).await.unwrap());
    refused(role::revoke(&it.cx(), it.eve, &in_acme()).await, Code::LastHolder);
    // Other roles are anybody's to lose.
    it.give(it.eve, &RoleGrant::new("ADMIN", "support")).await;
    assert!(role::revoke(&it.cx(), it.eve, &RoleGrant::new("ADMIN", "support")).await.unwrap());
}

async fn the_last_holder_is_not_disabled_and_not_deleted(stack: Stack) {
    let it = World::new(stack).await;
    let root = it.app.signed_in(ROOT).await;
    let body = json!({"password": PASSWORD});
    for place in [in_acme(), everywhere()] {
        refused(user::disable_user(&it.cx(), it.root).await, Code::LastHolder);
        root.auth_post("/delete-user", body.clone()).await.refused(409, "LAST_HOLDER");
        assert!(root.is_signed_in().await);
        it.give(it.eve, &place).await;
    }
    user::disable_user(&it.cx(), it.root).await.unwrap();
    user::enable_user(&it.cx(), it.root).await.unwrap();
    it.app.signed_in(ROOT).await.auth_post("/delete-user", body).await.ok();
    assert_eq!(it.app.find_user(ROOT).await, None);
    refused(user::disable_user(&it.cx(), it.eve).await, Code::LastHolder);
}

async fn the_last_holder_in_a_tenant_stays_a_member_of_it(stack: Stack) {
    let it = World::new(stack).await;
    let acme = named("acme");
    refused(tenant::suspend_member(&it.cx(), it.root, &acme).await, Code::LastHolder);
    refused(tenant::remove_member(&it.cx(), it.root, &acme).await, Code::LastHolder);
    assert_eq!(it.scopes_of(it.root).await.len(), 2);
    assert!(tenant::memberships_of_user(&it.cx(), it.root).await.unwrap()[0].is_active());
    // Whoever holds none goes as they like, and what is held everywhere is nothing to it.
    assert!(tenant::suspend_member(&it.cx(), it.eve, &acme).await.unwrap());
    assert!(tenant::reinstate_member(&it.cx(), it.eve, &acme).await.unwrap());
    it.give(it.eve, &in_acme()).await;
    assert!(tenant::suspend_member(&it.cx(), it.root, &acme).await.unwrap());
    assert!(tenant::remove_member(&it.cx(), it.root, &acme).await.unwrap());
    assert_eq!(it.scopes_of(it.root).await, [RoleScope::Everywhere]);
    refused(tenant::remove_member(&it.cx(), it.eve, &acme).await, Code::LastHolder);
    // The tenant as a whole may go.
    assert!(tenant::delete(&it.cx(), &acme).await.unwrap());
}

async fn who_does_not_count_is_no_other_holder(stack: Stack) {
    let it = World::new(stack).await;
    it.give(it.eve, &in_acme()).await;
    tenant::suspend_member(&it.cx(), it.eve, &named("acme")).await.unwrap();
    refused(tenant::remove_member(&it.cx(), it.root, &named("acme")).await, Code::LastHolder);
    refused(role::revoke(&it.cx(), it.root, &in_acme()).await, Code::LastHolder);
    tenant::reinstate_member(&it.cx(), it.eve, &named("acme")).await.unwrap();
    assert!(role::revoke(&it.cx(), it.root, &in_acme()).await.unwrap());
    it.give(it.root, &in_acme()).await;
    it.give(it.eve, &everywhere()).await;
    user::disable_user(&it.cx(), it.eve).await.unwrap();
    for role in [in_acme(), everywhere()] {
        refused(role::revoke(&it.cx(), it.root, &role).await, Code::LastHolder);
    }
}

async fn bootstrapped(app: &TestApp, email: &str, secret: &str, role: &RoleGrant) -> Result<bool> {
    password::bootstrap_superadmin(&app.cx(), role, Email::parse(email).unwrap(), Password::new(secret)).await
}

async fn the_first_holder_is_made_once(stack: Stack) {
    let app = stack.app_with(settings).await;
    role::seed(&app.cx(), specs()).await.unwrap();
    app.events().take();
    for (role, code) in [
        (RoleGrant::new("ADMIN", "owner"), Code::RoleNotFound),
        (RoleGrant::new("BACKOFFICE", "super_admin"), Code::RoleGuardNotAllowed),
        (in_acme(), Code::NotAMember),
    ] {
        refused(bootstrapped(&app, ROOT, PASSWORD, &role).await, code);
    }
    refused(bootstrapped(&app, ROOT, "short", &everywhere()).await, Code::PasswordTooShort);
    assert!(app.events().take().is_empty());
    assert!(user::user_by_email(&app.cx(), &Email::parse(ROOT).unwrap()).await.unwrap().is_none());

    assert!(bootstrapped(&app, ROOT, PASSWORD, &everywhere()).await.unwrap());
    assert_eq!(app.events().take(), ["signed_up", "role_granted"]);
    app.signed_in(ROOT).await.auth_get("/get-session").await.ok();
    // At the next starts, whatever is asked for by then, and it is not even a good password.
    for (email, secret) in [(ROOT, PASSWORD), (ROOT, "short"), (EVE, PASSWORD)] {
        assert!(!bootstrapped(&app, email, secret, &everywhere()).await.unwrap());
    }
    assert!(user::user_by_email(&app.cx(), &Email::parse(EVE).unwrap()).await.unwrap().is_none());
    // Each place has a first holder of its own.
    assert!(bootstrapped(&app, EVE, PASSWORD, &everywhere().on_platform()).await.unwrap());
}

async fn an_account_that_is_there_is_not_made_the_first_holder(stack: Stack) {
    let app = stack.app_with(settings).await;
    role::seed(&app.cx(), specs()).await.unwrap();
    app.signed_up(EVE).await;
    let eve = app.user_id(EVE).await;
    app.events().take();
    refused(bootstrapped(&app, EVE, PASSWORD, &everywhere()).await, Code::UserAlreadyExists);
    assert!(app.events().take().is_empty());
    assert!(app.store().conn().roles_of_user(eve, None).await.unwrap().is_empty());
    // The program may say that it is theirs; and a holder who is disabled is none.
    let support = RoleGrant::new("ADMIN", "support");
    assert!(role::grant(&app.cx(), eve, &support).await.unwrap());
    assert!(!bootstrapped(&app, ROOT, PASSWORD, &support).await.unwrap());
    user::disable_user(&app.cx(), eve).await.unwrap();
    assert!(bootstrapped(&app, ROOT, PASSWORD, &support).await.unwrap());
}
