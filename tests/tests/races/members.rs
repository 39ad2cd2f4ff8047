//! Who belongs to a tenant and who manages it: somebody always does, and whoever leaves has left nothing open.

use std::collections::BTreeSet;

use auth_core::base::{Email, TenantId, UserId};
use auth_core::crypto::password_hash::Password;
use auth_core::error::Code;
use auth_core::role::{self, Role, RoleGrant, RolePlace, RoleScope, StoredGrant};
use auth_core::store::Tx;
use auth_core::{RequestInfo, Result, password, session, tenant, user};
use auth_tests::{Actor, PASSWORD};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use crate::stage::{NOW, Stage, address, new_role, together, unused};
use crate::steps::End;
use crate::{ROUNDS, on_each_database, on_each_store};

on_each_store![
    of_two_holders_who_give_a_managing_role_up_one_succeeds,
    of_two_holders_who_leave_in_whatever_way_one_succeeds,
    a_user_is_disabled_and_deleted_at_once,
    no_session_outlives_a_suspension_that_it_races_with,
    no_session_outlives_a_removal_that_it_races_with,
    of_programs_that_start_at_once_one_makes_the_first_holder,
];
on_each_database![
    the_second_of_two_last_holders_stays,
    a_suspension_waits_for_a_sign_in_and_ends_its_session,
    a_removal_waits_for_a_sign_in_and_takes_its_session_along,
    signing_out_everywhere_waits_for_a_sign_in_and_ends_its_session,
    of_two_who_replace_roles_the_second_sees_what_the_first_has_left,
];

const ACME: &str = "acme";

fn acme() -> TenantId {
    TenantId::parse(ACME).unwrap()
}

impl Stage {
    /// A managing role of this number, which both hold in this place.
    async fn managed_by(&self, n: usize, holders: &[UserId], scope: &RoleScope) -> (Role, RoleGrant) {
        let role = Role { manages: true, ..new_role(n, &format!("role{n}")) };
        self.conn().put_role(&role).await.unwrap();
        for user in holders {
            let grant = StoredGrant { user: *user, role: role.id, scope: scope.clone() };
            assert!(self.conn().grant_role(&grant, NOW).await.unwrap());
        }
        let named = RoleGrant::new("ADMIN", &*role.name);
        let grant = if scope.tenant().is_some() { named.in_tenant(acme()) } else { named };
        (role, grant)
    }

    async fn members(&self) -> [UserId; 2] {
        let users = [self.user(unused()).await.id, self.user(unused()).await.id];
        for user in users {
            assert!(tenant::add_member(&self.app.cx(), user, &acme()).await.unwrap());
        }
        users
    }

    async fn founded(&self) {
        tenant::create(&self.app.cx(), &acme(), "Acme").await.unwrap();
    }

    /// Whether anybody is left whose holding the role counts.
    async fn is_managed(&self, role: &Role, scope: &RoleScope) -> bool {
        let nobodys =
            StoredGrant { user: UserId::from_uuid(sqlx::types::Uuid::nil()), role: role.id, scope: scope.clone() };
        self.conn().has_other_holder(&nobodys).await.unwrap()
    }
}

/// One has gone, and the other was told that they cannot be spared.
fn one_has_gone(outcomes: Vec<Result<()>>, round: usize) {
    let mut gone = 0;
    for outcome in outcomes {
        match outcome {
            Ok(()) => gone += 1,
            Err(error) => assert!(error.is(Code::LastHolder), "round {round}: {}", error.code()),
        }
    }
    assert_eq!(gone, 1, "round {round}");
}

async fn of_two_holders_who_give_a_managing_role_up_one_succeeds(stage: Stage) {
    stage.founded().await;
    let users = stage.members().await;
    for round in 0..ROUNDS {
        let scope = if round % 2 == 0 { RoleScope::Everywhere } else { RoleScope::Tenant(acme()) };
        let (role, grant) = stage.managed_by(round, &users, &scope).await;
        let giving_up = users.map(|user| {
            let (stage, grant) = (stage.clone(), grant.clone());
            async move { role::revoke(&stage.app.cx(), user, &grant).await.map(|was_held| assert!(was_held)) }
        });
        one_has_gone(together(giving_up.into_iter()).await, round);
        assert!(stage.is_managed(&role, &scope).await, "round {round}");
    }
}

/// How somebody ceases to manage a tenant.
type Leave = for<'a> fn(&'a Stage, UserId, &'a RoleGrant) -> BoxFuture<'a, Result<()>>;

const WAYS: [Leave; 4] = [
    |stage, user, grant| async move { role::revoke(&stage.app.cx(), user, grant).await.map(drop) }.boxed(),
    |stage, user, _| async move { user::disable_user(&stage.app.cx(), user).await }.boxed(),
    |stage, user, _| async move { tenant::suspend_member(&stage.app.cx(), user, &acme()).await.map(drop) }.boxed(),
    |stage, user, _| async move { tenant::remove_member(&stage.app.cx(), user, &acme()).await.map(drop) }.boxed(),
];

async fn of_two_holders_who_leave_in_whatever_way_one_succeeds(stage: Stage) {
    stage.founded().await;
    let scope = RoleScope::Tenant(acme());
    for round in 0..ROUNDS {
        let users = stage.members().await;
        let (role, grant) = stage.managed_by(round, &users, &scope).await;
        let ways = [WAYS[round % 4], WAYS[round / 4 % 4]];
        let leaving = [0, 1].map(|n| {
            let (stage, grant, user, leave) = (stage.clone(), grant.clone(), users[n], ways[n]);
            async move { leave(&stage, user, &grant).await }
        });
        one_has_gone(together(leaving.into_iter()).await, round);
        assert!(stage.is_managed(&role, &scope).await, "round {round}");
    }
}

/// They take the user's row and that of the role in one order, so that neither is the victim of the other.
async fn a_user_is_disabled_and_deleted_at_once(stage: Stage) {
    let other = stage.user(unused()).await.id;
    for round in 0..ROUNDS / 4 {
        let it = stage.signed_up(round).await;
        let _ = stage.managed_by(round, &[it.user.id, other], &RoleScope::Everywhere).await;
        let (disabling, leaving) = (stage.clone(), it.actor.clone());
        let deeds: [BoxFuture<'static, u16>; 2] = [
            Box::pin(async move {
                let disabled = user::disable_user(&disabling.app.cx(), it.user.id).await;
                disabled.map_or_else(|error| error.kind().status().as_u16(), |()| 200)
            }),
            Box::pin(async move { leaving.auth_post("/delete-user", json!({})).await.status.as_u16() }),
        ];
        let [disabled, deleted] = together(deeds.into_iter()).await[..] else { panic!("two of them") };
        // Whoever comes second finds the user gone, or the session ended.
        assert!(
            [(200, 200), (200, 401), (400, 200), (404, 200)].contains(&(disabled, deleted)),
            "{disabled} {deleted}"
        );
        assert!(!it.actor.is_signed_in().await);
    }
}

/// Four browsers that sign in to the tenant while `leave` happens in their midst.
async fn sign_ins_during(stage: &Stage, leave: BoxFuture<'static, ()>) -> Vec<Actor> {
    let actors: Vec<Actor> = (0..4).map(|_| stage.app.anon()).collect();
    let mut racing: Vec<BoxFuture<'static, ()>> = vec![leave];
    for actor in actors.clone() {
        racing.push(Box::pin(async move {
            let body = json!({"email": address(0), "password": PASSWORD, "tenantId": ACME});
            let reply = actor.auth_post("/sign-in/email", body).await;
            assert!([200, 403].contains(&reply.status.as_u16()), "{} {}", reply.status, reply.text());
        }));
    }
    together(racing.into_iter()).await;
    actors
}

async fn none_is_signed_in(actors: &[Actor], round: usize) {
    for actor in actors {
        assert!(actor.cookie().is_none() || !actor.is_signed_in().await, "round {round}");
    }
}

async fn no_session_outlives_a_suspension_that_it_races_with(stage: Stage) {
    stage.founded().await;
    let id = stage.signed_up(0).await.user.id;
    tenant::add_member(&stage.app.cx(), id, &acme()).await.unwrap();
    for round in 0..ROUNDS / 2 {
        let leaving = stage.clone();
        let suspend = async move { assert!(tenant::suspend_member(&leaving.app.cx(), id, &acme()).await.unwrap()) };
        let actors = sign_ins_during(&stage, Box::pin(suspend)).await;
        none_is_signed_in(&actors, round).await;
        assert!(tenant::reinstate_member(&stage.app.cx(), id, &acme()).await.unwrap());
        none_is_signed_in(&actors, round).await;
    }
}

async fn no_session_outlives_a_removal_that_it_races_with(stage: Stage) {
    stage.founded().await;
    let id = stage.signed_up(0).await.user.id;
    for round in 0..ROUNDS / 2 {
        assert!(tenant::add_member(&stage.app.cx(), id, &acme()).await.unwrap());
        let leaving = stage.clone();
        let remove = async move { assert!(tenant::remove_member(&leaving.app.cx(), id, &acme()).await.unwrap()) };
        let actors = sign_ins_during(&stage, Box::pin(remove)).await;
        none_is_signed_in(&actors, round).await;
        assert!(tenant::add_member(&stage.app.cx(), id, &acme()).await.unwrap());
        none_is_signed_in(&actors, round).await;
        assert!(tenant::remove_member(&stage.app.cx(), id, &acme()).await.unwrap());
    }
}

async fn the_second_of_two_last_holders_stays(stage: Stage) {
    stage.founded().await;
    for end in End::BOTH {
        let users = stage.members().await;
        let scope = RoleScope::Tenant(acme());
        let (role, grant) = stage.managed_by(end.number(), &users, &scope).await;
        let own = StoredGrant { user: users[0], role: role.id, scope: scope.clone() };
        let first = stage
            .first(async |tx: &mut dyn Tx| {
                assert!(tx.has_other_holder(&own).await.unwrap());
                tx.revoke_role(&own).await
            })
            .await;
        let give_up = |stage: Stage| async move { role::revoke(&stage.app.cx(), users[1], &grant).await };
        match (stage.then(first, end, give_up).await, end) {
            (Ok(true), End::TakenBack) => {}
            (Err(error), End::Committed) => assert!(error.is(Code::LastHolder), "{}", error.code()),
            (outcome, _) => panic!("{end:?}: {outcome:?}"),
        }
        assert!(stage.is_managed(&role, &scope).await);
    }
}

async fn a_suspension_waits_for_a_sign_in_and_ends_its_session(stage: Stage) {
    let suspend = |stage: Stage, user| async move { tenant::suspend_member(&stage.app.cx(), user, &acme()).await };
    waits_for_a_sign_in(stage, suspend).await;
}

async fn a_removal_waits_for_a_sign_in_and_takes_its_session_along(stage: Stage) {
    let remove = |stage: Stage, user| async move { tenant::remove_member(&stage.app.cx(), user, &acme()).await };
    waits_for_a_sign_in(stage, remove).await;
}

/// Somebody whose membership was seen to count, and whose session is about to be written.
async fn waits_for_a_sign_in<F>(stage: Stage, leave: impl Fn(Stage, UserId) -> F)
where
    F: Future<Output = Result<bool>> + Send + 'static,
{
    stage.founded().await;
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        tenant::add_member(&stage.app.cx(), it.user.id, &acme()).await.unwrap();
        let phone = stage.app.anon();
        let first = stage.first_signs_in_to(&phone, end.number(), Some(ACME)).await;
        assert!(stage.then(first, end, |stage| leave(stage, it.user.id)).await.unwrap());
        assert!(!phone.is_signed_in().await, "{end:?}");
        assert!(it.actor.is_signed_in().await, "a session of no tenant goes on");
    }
}

async fn signing_out_everywhere_waits_for_a_sign_in_and_ends_its_session(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let phone = stage.app.anon();
        let first = stage.first_signs_in_to(&phone, end.number(), None).await;
        let sign_out =
            |stage: Stage| async move { session::sign_out_everywhere(&stage.app.cx(), it.user.id, None).await };
        let ended = stage.then(first, end, sign_out).await.unwrap();
        assert_eq!(ended, if end == End::Committed { 2 } else { 1 }, "{end:?}");
        assert!(!phone.is_signed_in().await && !it.actor.is_signed_in().await, "{end:?}");
    }
}

async fn of_two_who_replace_roles_the_second_sees_what_the_first_has_left(stage: Stage) {
    let root = stage.signed_up(unused()).await;
    for end in End::BOTH {
        let n = 2 * end.number();
        let (wanted, _) = stage.managed_by(n, &[root.user.id], &RoleScope::Everywhere).await;
        let (other, _) = stage.managed_by(n + 1, &[root.user.id], &RoleScope::Everywhere).await;
        let user = stage.user(unused()).await.id;
        let given = StoredGrant { user, role: other.id, scope: RoleScope::Everywhere };
        let first = stage
            .first(async |tx: &mut dyn Tx| {
                assert!(tx.lock_user(user).await.unwrap());
                tx.grant_role(&given, NOW).await
            })
            .await;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", root.actor.cookie().unwrap())).unwrap();
        let replace = |stage: Stage| async move {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
            let cx = stage.app.auth().cx(RequestInfo::new(Method::GET, "/", headers, None));
            let acting = cx.authentication().await.unwrap().unwrap();
            let place = RolePlace { guard: "ADMIN".to_owned(), scope: RoleScope::Everywhere };
            let names = BTreeSet::from([wanted.name]);
            role::replace_as(&cx, acting.principal().granter()?, user, &place, &names).await
        };
        stage.then(first, end, replace).await.unwrap();
        let held = stage.conn().roles_of_user(user, None).await.unwrap();
        assert_eq!(held.iter().map(|held| held.role.id).collect::<Vec<_>>(), [wanted.id], "{end:?}");
    }
}

async fn of_programs_that_start_at_once_one_makes_the_first_holder(stage: Stage) {
    for round in 0..ROUNDS / 8 {
        let (role, grant) = stage.managed_by(round, &[], &RoleScope::Everywhere).await;
        // Of one address, as copies of one program are, and then each of its own.
        let one = address(unused());
        let starting = (0..4).map(|_| {
            let email = if round % 2 == 0 { one.clone() } else { address(unused()) };
            let (stage, grant) = (stage.clone(), grant.clone());
            async move {
                let (email, password) = (Email::parse(&email).unwrap(), Password::new(PASSWORD));
                password::bootstrap_superadmin(&stage.app.cx(), &grant, email, password).await
            }
        });
        let outcomes = together(starting.collect::<Vec<_>>().into_iter()).await;
        let made = outcomes.into_iter().map(Result::unwrap).filter(|made| *made).count();
        assert_eq!(made, 1, "round {round}");
        assert!(stage.is_managed(&role, &RoleScope::Everywhere).await, "round {round}");
    }
}
