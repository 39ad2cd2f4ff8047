//! Giving roles and taking them by one's own authority, and who cannot be spared.

use std::collections::BTreeSet;

use async_trait::async_trait;
use auth_core::base::{Email, TenantId, UserId};
use auth_core::error::Code;
use auth_core::guard::{Authentication, PlatformAccess};
use auth_core::hooks::Hooks;
use auth_core::role::{self, GrantedRole, Permission, RoleGrant, RolePlace, RoleScope, RoleSpec};
use auth_core::store::Store;
use auth_core::user::User;
use auth_core::{AuthBuilder, Cx, RequestInfo, Result, api_key, customer, tenant, user};
use auth_tests::{Actor, PASSWORD, Stack, TestApp, flows};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;

use crate::memberships::{named, settings};

flows![
    who_may_give_what_to_whom_where,
    authority_counts_where_one_acts,
    authority_that_was_lost_meanwhile_does_not_count,
    what_hooks_take_of_the_permissions_is_not_given_on,
    whom_a_role_cannot_be_given_to,
    roles_of_one_place_are_replaced_all_or_none,
    whoever_steps_down_does_so_by_the_authority_they_had,
    only_a_user_in_a_session_gives_roles,
    a_role_of_a_tenant_s_own_permits_and_is_none_of_the_program_s,
    a_role_of_a_tenant_s_own_hides_no_role_from_being_taken,
];

/// Platform access is in force at the office.
struct Office;

#[async_trait]
impl PlatformAccess for Office {
    async fn in_force(&self, cx: &Cx) -> Result<bool> {
        Ok(cx.request().headers.contains_key("x-office"))
    }
}

fn with_office(builder: AuthBuilder) -> AuthBuilder {
    settings(builder).platform_access(Office)
}

/// Roles of the program.
fn specs() -> [RoleSpec; 7] {
    [
        RoleSpec::new("ADMIN", "super_admin").permissions(["tickets:read", "staff:manage"]).manages(),
        RoleSpec::new("ADMIN", "support").permissions(["tickets:read"]),
        RoleSpec::new("ADMIN", "auditor").permissions(["audit:read"]),
        RoleSpec::new("PORTAL", "owner").permissions(["orders:read", "orders:write"]).manages(),
        RoleSpec::new("PORTAL", "desk").permissions(["orders:read"]).manages(),
        RoleSpec::new("PORTAL", "member").permissions(["orders:read"]),
        RoleSpec::new("PORTAL", "shipper").permissions(["orders:ship"]),
    ]
}

/// A cast of which each holds a role in one place: `name role place`. All of them belong to acme, and nobody to globex
/// but `bob`, who holds nothing.
const CAST: [(&str, &str, &str, Place); 6] = [
    ("root", "ADMIN", "super_admin", Place::Everywhere),
    ("staff", "ADMIN", "super_admin", Place::Platform),
    ("support", "ADMIN", "support", Place::Everywhere),
    ("owner", "PORTAL", "owner", Place::Acme),
    ("desk", "PORTAL", "desk", Place::Acme),
    ("bob", "PORTAL", "", Place::Globex),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Everywhere,
    Platform,
    Acme,
    Globex,
}

impl Place {
    fn scope(self) -> RoleScope {
        match self {
            Self::Everywhere => RoleScope::Everywhere,
            Self::Platform => RoleScope::Platform,
            Self::Acme => RoleScope::Tenant(named("acme")),
            Self::Globex => RoleScope::Tenant(named("globex")),
        }
    }
}

fn grant(guard: &str, name: &str, scope: &RoleScope) -> RoleGrant {
    let grant = RoleGrant::new(guard, name);
    match scope {
        RoleScope::Everywhere => grant,
        RoleScope::Platform => grant.on_platform(),
        RoleScope::Tenant(tenant) => grant.in_tenant(tenant.clone()),
    }
}

struct World {
    app: TestApp,
}

impl World {
    async fn new(stack: Stack) -> Self {
        Self::with(stack, with_office).await
    }

    async fn with(stack: Stack, settings: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Self {
        let app = stack.app_with(settings).await;
        role::seed(&app.cx(), specs()).await.unwrap();
        for name in ["acme", "globex"] {
            tenant::create(&app.cx(), &named(name), name).await.unwrap();
        }
        let it = Self { app };
        for (who, guard, role, place) in CAST {
            it.app.signed_up(&address(who)).await;
            it.joins(who, "acme").await;
            if !role.is_empty() {
                it.given(who, guard, role, place).await;
            }
        }
        it.joins("bob", "globex").await;
        it
    }

    async fn id(&self, who: &str) -> UserId {
        self.app.user_id(&address(who)).await
    }

    async fn joins(&self, who: &str, tenant: &str) {
        assert!(tenant::add_member(&self.app.cx(), self.id(who).await, &named(tenant)).await.unwrap());
    }

    async fn given(&self, who: &str, guard: &str, name: &str, place: Place) {
        let grant = grant(guard, name, &place.scope());
        assert!(role::grant(&self.app.cx(), self.id(who).await, &grant).await.unwrap());
    }

    /// What somebody holds, as `name in scope`.
    async fn held(&self, who: &str) -> BTreeSet<String> {
        let held = self.app.store().conn().roles_of_user(self.id(who).await, None).await.unwrap();
        held.iter().map(|held| format!("{} in {}", held.role.name, held.scope)).collect()
    }

    /// Somebody in a session of this place.
    async fn acting(&self, who: &str, place: Place) -> Acting {
        let actor = self.app.anon();
        let tenant = place.scope().tenant().map(TenantId::to_string);
        let request = actor.request(Method::POST, "/api/auth/sign-in/email");
        let request = if place == Place::Platform { request.header("x-office", "yes") } else { request };
        request.json(&json!({"email": address(who), "password": PASSWORD, "tenantId": tenant})).send().await.ok();
        Acting::by(&self.app, "authorization", &format!("Bearer {}", actor.cookie().unwrap())).await
    }

    /// What comes of giving a role by somebody's authority.
    async fn gives(&self, by: &Acting, whom: &str, role: &RoleGrant) -> std::result::Result<bool, String> {
        let granter = by.0.principal().granter().unwrap();
        let given = role::grant_as(&self.app.cx(), granter, self.id(whom).await, role).await;
        given.map_err(|error| error.code().to_owned())
    }

    async fn takes(&self, by: &Acting, whom: &str, role: &RoleGrant) -> std::result::Result<bool, String> {
        let granter = by.0.principal().granter().unwrap();
        let taken = role::revoke_as(&self.app.cx(), granter, self.id(whom).await, role).await;
        taken.map_err(|error| error.code().to_owned())
    }

    async fn replaces(&self, by: &Acting, whom: &str, place: &RolePlace, names: &[&str]) -> Result<()> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        role::replace_as(&self.app.cx(), by.0.principal().granter()?, self.id(whom).await, place, &names).await
    }
}

/// Who has proved who they are in a request.
pub(crate) struct Acting(pub(crate) std::sync::Arc<Authentication>);

impl Acting {
    pub(crate) async fn by(app: &TestApp, header: &'static str, value: &str) -> Self {
        let header = (HeaderName::from_static(header), HeaderValue::from_str(value).unwrap());
        let office = (HeaderName::from_static("x-office"), HeaderValue::from_static("yes"));
        let request = RequestInfo::new(Method::GET, "/roles", HeaderMap::from_iter([header, office]), None);
        Self(app.auth().cx(request).authentication().await.unwrap().unwrap())
    }
}

fn address(who: &str) -> String {
    format!("{who}@example.com")
}

/// Who acts where, what they want to give to bob and where, and whether they may.
const TABLE: &[(&str, Place, &str, &str, Place, bool)] = &[
    // Whoever manages everywhere reaches every place, in their own guard.
    ("root", Place::Everywhere, "ADMIN", "support", Place::Everywhere, true),
    ("root", Place::Everywhere, "ADMIN", "support", Place::Platform, true),
    ("root", Place::Everywhere, "ADMIN", "support", Place::Acme, true),
    ("root", Place::Acme, "ADMIN", "support", Place::Globex, true),
    ("root", Place::Everywhere, "ADMIN", "super_admin", Place::Everywhere, true),
    ("root", Place::Everywhere, "ADMIN", "super_admin", Place::Platform, true),
    ("root", Place::Everywhere, "ADMIN", "auditor", Place::Everywhere, false),
    ("root", Place::Everywhere, "PORTAL", "member", Place::Everywhere, false),
    ("root", Place::Everywhere, "PORTAL", "member", Place::Acme, false),
    // Staff reach the platform and every tenant.
    ("staff", Place::Platform, "ADMIN", "support", Place::Platform, true),
    ("staff", Place::Platform, "ADMIN", "super_admin", Place::Platform, true),
    ("staff", Place::Platform, "ADMIN", "support", Place::Globex, true),
    ("staff", Place::Platform, "ADMIN", "support", Place::Acme, true),
    ("staff", Place::Platform, "ADMIN", "support", Place::Everywhere, false),
    ("staff", Place::Platform, "ADMIN", "super_admin", Place::Everywhere, false),
    ("staff", Place::Platform, "PORTAL", "member", Place::Acme, false),
    // Whoever holds a role without managing gives none, not even their own.
    ("support", Place::Everywhere, "ADMIN", "support", Place::Everywhere, false),
    ("support", Place::Everywhere, "ADMIN", "support", Place::Acme, false),
    ("bob", Place::Acme, "PORTAL", "member", Place::Acme, false),
    // A tenant's own people reach that tenant.
    ("owner", Place::Acme, "PORTAL", "member", Place::Acme, true),
    ("owner", Place::Acme, "PORTAL", "owner", Place::Acme, true),
    ("owner", Place::Acme, "PORTAL", "shipper", Place::Acme, false),
    ("owner", Place::Acme, "PORTAL", "desk", Place::Acme, false),
    ("owner", Place::Acme, "PORTAL", "member", Place::Globex, false),
    ("owner", Place::Acme, "PORTAL", "member", Place::Everywhere, false),
    ("owner", Place::Acme, "PORTAL", "member", Place::Platform, false),
    ("owner", Place::Acme, "ADMIN", "support", Place::Acme, false),
    // A managing role is given by those who hold it, whatever it permits.
    ("desk", Place::Acme, "PORTAL", "member", Place::Acme, true),
    ("desk", Place::Acme, "PORTAL", "desk", Place::Acme, true),
    ("desk", Place::Acme, "PORTAL", "owner", Place::Acme, false),
];

async fn who_may_give_what_to_whom_where(stack: Stack) {
    let it = World::new(stack).await;
    for &(who, at, guard, name, place, may) in TABLE {
        let (acting, wanted) = (it.acting(who, at).await, grant(guard, name, &place.scope()));
        let what = format!("{who} in {at:?}: {guard}/{name} in {place:?}");
        let expected = if may { Ok(true) } else { Err("BEYOND_YOUR_AUTHORITY".to_owned()) };
        let place = RolePlace { guard: guard.to_owned(), scope: place.scope() };
        assert_eq!(it.gives(&acting, "bob", &wanted).await, expected, "{what}");
        let held = format!("{name} in {}", place.scope);
        assert_eq!(it.held("bob").await.contains(&held), may, "{what}");
        // Giving and taking ask for the same.
        if may {
            assert_eq!(it.gives(&acting, "bob", &wanted).await, Ok(false), "{what}");
            assert_eq!(it.takes(&acting, "bob", &wanted).await, expected, "{what}");
            assert_eq!(it.takes(&acting, "bob", &wanted).await, Ok(false), "{what}");
            it.replaces(&acting, "bob", &place, &[name]).await.unwrap();
            assert_eq!(it.held("bob").await, BTreeSet::from([held]), "{what}");
            it.replaces(&acting, "bob", &place, &[]).await.unwrap();
        } else {
            let replaced = it.replaces(&acting, "bob", &place, &[name]).await;
            assert!(replaced.unwrap_err().is(Code::BeyondYourAuthority), "{what}");
            assert!(role::grant(&it.app.cx(), it.id("bob").await, &wanted).await.unwrap());
            assert_eq!(it.takes(&acting, "bob", &wanted).await, expected, "{what}");
            assert!(it.replaces(&acting, "bob", &place, &[]).await.is_err(), "{what}");
            assert_eq!(it.held("bob").await, BTreeSet::from([held]), "{what}");
            assert!(role::revoke(&it.app.cx(), it.id("bob").await, &wanted).await.unwrap());
        }
        assert!(it.held("bob").await.is_empty(), "{what}");
    }
}

async fn authority_counts_where_one_acts(stack: Stack) {
    let it = World::new(stack).await;
    it.joins("owner", "globex").await;
    let member = grant("PORTAL", "member", &Place::Acme.scope());
    // Authority over acme is none in a session of another tenant, or of none.
    for place in [Place::Globex, Place::Everywhere] {
        let owner = it.acting("owner", place).await;
        assert_eq!(it.gives(&owner, "bob", &member).await, Err("BEYOND_YOUR_AUTHORITY".to_owned()), "{place:?}");
    }
    // Nor is that of staff in a session of theirs that is not on the platform.
    let staff = it.acting("staff", Place::Everywhere).await;
    let support = grant("ADMIN", "support", &Place::Platform.scope());
    assert_eq!(it.gives(&staff, "bob", &support).await, Err("BEYOND_YOUR_AUTHORITY".to_owned()));
    // What one holds in one place adds nothing to what one manages in another.
    it.given("desk", "PORTAL", "shipper", Place::Everywhere).await;
    let desk = it.acting("desk", Place::Acme).await;
    assert_eq!(it.gives(&desk, "bob", &grant("PORTAL", "shipper", &Place::Acme.scope())).await, Ok(true));
    assert!(it.gives(&desk, "bob", &grant("PORTAL", "shipper", &Place::Everywhere.scope())).await.is_err());
}

async fn authority_that_was_lost_meanwhile_does_not_count(stack: Stack) {
    let it = World::new(stack).await;
    let beyond = Err("BEYOND_YOUR_AUTHORITY".to_owned());
    let (member, owner) =
        (grant("PORTAL", "member", &Place::Acme.scope()), grant("PORTAL", "owner", &Place::Acme.scope()));
    it.given("support", "PORTAL", "owner", Place::Acme).await;
    let (cx, id, acme) = (it.app.cx(), it.id("owner").await, named("acme"));
    let acting = it.acting("owner", Place::Acme).await;
    assert_eq!(it.gives(&acting, "bob", &member).await, Ok(true));
    role::revoke(&cx, id, &owner).await.unwrap();
    assert_eq!(it.takes(&acting, "bob", &member).await, beyond);
    role::grant(&cx, id, &owner).await.unwrap();
    assert_eq!(it.takes(&acting, "bob", &member).await, Ok(true));
    tenant::suspend_member(&cx, id, &acme).await.unwrap();
    assert_eq!(it.gives(&acting, "bob", &member).await, beyond);
    tenant::reinstate_member(&cx, id, &acme).await.unwrap();
    user::disable_user(&cx, id).await.unwrap();
    assert_eq!(it.gives(&acting, "bob", &member).await, beyond);
    user::enable_user(&cx, id).await.unwrap();
    tenant::remove_member(&cx, id, &acme).await.unwrap();
    assert_eq!(it.gives(&acting, "bob", &member).await, beyond);
    // A role that one was given since is of no use in a request that began before.
    let acting = it.acting("bob", Place::Acme).await;
    it.given("bob", "PORTAL", "owner", Place::Acme).await;
    assert_eq!(it.gives(&acting, "desk", &member).await, beyond);
}

/// Of two permissions that the role has one is out of reach for everybody.
struct Frozen;

#[async_trait]
impl Hooks for Frozen {
    async fn resolve_permissions(
        &self,
        _cx: &Cx,
        _user: &User,
        _roles: &BTreeSet<GrantedRole>,
        permissions: &mut BTreeSet<Permission>,
    ) -> Result<()> {
        permissions.retain(|permission| permission.as_str() != "orders:read");
        Ok(())
    }
}

async fn what_hooks_take_of_the_permissions_is_not_given_on(stack: Stack) {
    let it = World::with(stack, |builder| with_office(builder).hooks(Frozen)).await;
    let owner = it.acting("owner", Place::Acme).await;
    role::define_role(&it.app.cx(), "PORTAL", "clerk", ["orders:write"]).await.unwrap();
    let acme = Place::Acme.scope();
    let beyond = Err("BEYOND_YOUR_AUTHORITY".to_owned());
    assert_eq!(it.gives(&owner, "bob", &grant("PORTAL", "member", &acme)).await, beyond);
    assert_eq!(it.gives(&owner, "bob", &grant("PORTAL", "clerk", &acme)).await, Ok(true));
}

async fn whom_a_role_cannot_be_given_to(stack: Stack) {
    let it = World::new(stack).await;
    let root = it.acting("root", Place::Everywhere).await;
    let gives = async |whom: UserId, role: &RoleGrant| {
        let granter = root.0.principal().granter().unwrap();
        role::grant_as(&it.app.cx(), granter, whom, role).await.unwrap_err().code().to_owned()
    };
    let (support, bob) = (RoleGrant::new("ADMIN", "support"), it.id("bob").await);
    let body = json!({"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD});
    it.app.anon().auth_post("/customer/sign-up/email", body).await.ok();
    let cleo = customer::customer_by_email(&it.app.cx(), &Email::parse("cleo@example.com").unwrap()).await.unwrap();
    assert_eq!(gives(cleo.unwrap().id.to_string().parse().unwrap(), &support).await, "USER_NOT_FOUND");
    assert_eq!(gives(UserId::from_uuid(sqlx::types::Uuid::nil()), &support).await, "USER_NOT_FOUND");
    assert_eq!(gives(bob, &RoleGrant::new("ADMIN", "nobody")).await, "ROLE_NOT_FOUND");
    assert_eq!(gives(bob, &RoleGrant::new("BACKOFFICE", "support")).await, "GUARD_NOT_ALLOWED");
    it.app.signed_up("eve@example.com").await;
    let eve = it.app.user_id("eve@example.com").await;
    assert_eq!(gives(eve, &support.clone().in_tenant(named("acme"))).await, "NOT_A_MEMBER");
    assert_eq!(gives(eve, &support.in_tenant(named("nowhere"))).await, "NOT_A_MEMBER");
    assert!(it.app.store().conn().roles_of_user(eve, None).await.unwrap().is_empty());
}

async fn roles_of_one_place_are_replaced_all_or_none(stack: Stack) {
    let it = World::new(stack).await;
    let owner = it.acting("owner", Place::Acme).await;
    for (guard, name, place) in [
        ("PORTAL", "desk", Place::Everywhere),
        ("PORTAL", "member", Place::Globex),
        ("ADMIN", "support", Place::Acme),
        ("PORTAL", "member", Place::Acme),
    ] {
        it.given("bob", guard, name, place).await;
    }
    let elsewhere = ["desk in everywhere", "member in tenant globex", "support in tenant acme"];
    let with = |names: &[&str]| -> BTreeSet<String> {
        let here = names.iter().map(|name| format!("{name} in tenant acme"));
        elsewhere.iter().map(|it| (*it).to_owned()).chain(here).collect()
    };
    let place = RolePlace { guard: "PORTAL".to_owned(), scope: Place::Acme.scope() };
    it.replaces(&owner, "bob", &place, &["owner"]).await.unwrap();
    assert_eq!(it.held("bob").await, with(&["owner"]));
    it.app.events().take();
    it.replaces(&owner, "bob", &place, &["owner", "member"]).await.unwrap();
    assert_eq!(it.app.events().take(), ["role_granted"]);
    // One is beyond the authority of who asks, so nothing is given and nothing taken.
    for names in [&["shipper"][..], &["member", "shipper"], &["desk"], &["member", "nobody"]] {
        assert!(it.replaces(&owner, "bob", &place, names).await.is_err());
        assert_eq!(it.held("bob").await, with(&["member", "owner"]), "{names:?}");
    }
    it.given("bob", "PORTAL", "shipper", Place::Acme).await;
    let taken = it.replaces(&owner, "bob", &place, &["member"]).await.unwrap_err();
    assert!(taken.is(Code::BeyondYourAuthority), "{}", taken.code());
    assert_eq!(it.held("bob").await, with(&["member", "owner", "shipper"]));
}

async fn whoever_steps_down_does_so_by_the_authority_they_had(stack: Stack) {
    let it = World::new(stack).await;
    it.given("desk", "PORTAL", "member", Place::Acme).await;
    it.given("bob", "PORTAL", "desk", Place::Acme).await;
    let desk = it.acting("desk", Place::Acme).await;
    let place = RolePlace { guard: "PORTAL".to_owned(), scope: Place::Acme.scope() };
    it.replaces(&desk, "desk", &place, &[]).await.unwrap();
    assert!(it.held("desk").await.is_empty());
    // The last of them cannot, and then keeps everything.
    it.given("bob", "PORTAL", "member", Place::Acme).await;
    let bob = it.acting("bob", Place::Acme).await;
    assert!(it.replaces(&bob, "bob", &place, &[]).await.unwrap_err().is(Code::LastHolder));
    assert_eq!(it.held("bob").await.len(), 2);
}

async fn only_a_user_in_a_session_gives_roles(stack: Stack) {
    let it = World::new(stack).await;
    let key = api_key::create(&it.app.cx(), api_key::NewApiKey::of_user(it.id("root").await)).await.unwrap();
    let by_key = Acting::by(&it.app, "x-api-key", key.secret.expose()).await;
    assert!(by_key.0.principal().has_role("ADMIN", "super_admin"));
    assert!(by_key.0.principal().granter().unwrap_err().is(Code::Forbidden));
    let body = json!({"name": "Cleo", "email": "cleo@example.com", "password": PASSWORD});
    let token = it.app.program().auth_post("/customer/sign-up/email", body).await.token();
    let customer = Acting::by(&it.app, "authorization", &format!("Bearer {token}")).await;
    assert!(customer.0.principal().granter().unwrap_err().is(Code::Forbidden));
}

/// A tenant names its roles as it likes. A program that asks for a `super_admin` means its own.
async fn a_role_of_a_tenant_s_own_permits_and_is_none_of_the_program_s(stack: Stack) {
    let it = World::new(stack).await;
    let spec = RoleSpec::new("ADMIN", "super_admin").permissions(["reports:read"]).in_tenant(named("acme"));
    role::define(&it.app.cx(), spec).await.unwrap();
    it.given("bob", "ADMIN", "super_admin", Place::Acme).await;
    let bob: Actor = it.app.anon();
    let body = json!({"email": address("bob"), "password": PASSWORD, "tenantId": "acme"});
    bob.auth_post("/sign-in/email", body).await.ok();
    let token = bob.auth_get("/token").await.ok()["token"].as_str().unwrap().to_owned();
    let role = json!([{"name": "super_admin", "guard": "ADMIN", "tenant": "acme", "isCustom": true}]);
    for actor in [&bob, &it.app.program().with_bearer(&token)] {
        for path in ["/principal", "/stateless"] {
            let principal = actor.get(path).await.ok();
            assert_eq!((&principal["roles"], &principal["permissions"]), (&role, &json!(["reports:read"])), "{path}");
        }
        actor.get("/reports").await.ok();
        actor.get("/staff").await.refused(403, "FORBIDDEN");
        actor.get("/pair").await.refused(403, "FORBIDDEN");
    }
    // Elsewhere the name means the program's, and that is another role of hers.
    it.given("bob", "ADMIN", "super_admin", Place::Globex).await;
    let globex = it.acting("bob", Place::Globex).await;
    assert!(
        globex.0.principal().has_role("ADMIN", "super_admin") && !globex.0.principal().has_permission("reports:read")
    );
}

async fn a_role_of_a_tenant_s_own_hides_no_role_from_being_taken(stack: Stack) {
    let it = World::new(stack).await;
    for who in ["desk", "bob"] {
        it.given(who, "PORTAL", "owner", Place::Acme).await;
    }
    // Whoever may define roles of acme cannot keep theirs that way.
    role::define(&it.app.cx(), RoleSpec::new("PORTAL", "owner").in_tenant(named("acme"))).await.unwrap();
    it.given("owner", "PORTAL", "owner", Place::Acme).await;
    let role = grant("PORTAL", "owner", &Place::Acme.scope());
    let owner = it.id("owner").await;
    assert!(role::revoke(&it.app.cx(), owner, &role).await.unwrap());
    assert_eq!(it.held("owner").await, BTreeSet::new());
    assert!(!role::revoke(&it.app.cx(), owner, &role).await.unwrap());
    let desk = it.acting("desk", Place::Acme).await;
    assert_eq!(it.takes(&desk, "bob", &role).await, Ok(true));
    assert_eq!(it.held("bob").await, BTreeSet::new());
    assert_eq!(it.takes(&desk, "bob", &role).await, Ok(false));
}
