//! What a store promises about accounts that belong to a tenant.

use super::actors::{Actors, MINUTE, NOW, assert_conflict, race};
use super::facts::user_facts;
use crate::account::Attempt;
use crate::base::TenantId;
use crate::password::SignInFacts;
use crate::role::RoleScope;
use crate::tenant::{Membership, MembershipStatus, TenantRecord};
use crate::user::{Pool, Population, User};

/// A tenant that is there.
async fn tenant(it: &Actors, id: &str) -> TenantId {
    let id = TenantId::parse(id).unwrap();
    let tenant = TenantRecord { id: id.clone(), name: "Acme".to_owned(), created_at: NOW };
    it.conn().insert_tenant(&tenant).await.unwrap();
    id
}

/// Somebody who has not signed up yet.
fn of(it: &Actors, name: &str, tenant: &TenantId) -> User {
    User { tenant: Some(tenant.clone()), ..it.user(name) }
}

async fn signed_up(it: &Actors, user: User) -> User {
    it.conn().insert_user(&user).await.unwrap();
    user
}

/// Ada in two tenants, in none, and as a customer of one.
async fn four_of_one_address(it: &Actors) -> [User; 4] {
    let (acme, globex) = (tenant(it, "acme").await, tenant(it, "globex").await);
    let customer = User { pool: Pool::Customer, ..of(it, "ada", &acme) };
    let all = [of(it, "ada", &acme), of(it, "ada", &globex), it.user("ada"), customer];
    for ada in &all {
        it.conn().insert_user(ada).await.unwrap();
    }
    all
}

pub(super) async fn an_address_in_two_tenants_and_in_none_is_three_users(it: Actors) {
    for ada in four_of_one_address(&it).await {
        let by_id = it.conn().user_by_id(ada.id).await.unwrap().unwrap();
        assert_eq!(user_facts(&by_id), user_facts(&ada));
        let by_email = it.conn().user_by_email(&ada.population(), &ada.email).await.unwrap().unwrap();
        assert_eq!(user_facts(&by_email), user_facts(&ada));
        let session = it.signed_in(&ada).await;
        let with_user = it.conn().session_by_token(&session.hash).await.unwrap().unwrap();
        assert_eq!(user_facts(&with_user.user), user_facts(&ada));
    }
}

pub(super) async fn an_address_of_one_tenant_is_unknown_elsewhere(it: Actors) {
    let (acme, longest) = (tenant(&it, "acme").await, tenant(&it, &"x".repeat(128)).await);
    tenant(&it, "globex").await;
    let (ada, grace) = (signed_up(&it, of(&it, "ada", &acme)).await, signed_up(&it, of(&it, "grace", &longest)).await);
    // Also in tenants that are not there, under names that a column might take for the same.
    let names = ["globex", "ACME", "acm", "acmee", "nobody", "%", &"x".repeat(127)];
    let tenants = names.map(|name| Some(TenantId::parse(name).unwrap())).into_iter().chain([None]);
    let elsewhere = tenants.map(|tenant| Population { pool: Pool::User, tenant });
    let of_customers = Population::from(Pool::Customer).in_tenant(acme.clone());
    for population in elsewhere.chain([of_customers]) {
        for stranger in [&ada, &grace] {
            let found = it.conn().user_by_email(&population, &stranger.email).await.unwrap();
            assert!(found.is_none(), "{} was found in {population:?}", stranger.email);
        }
    }
    for user in [ada, grace] {
        let found = it.conn().user_by_email(&user.population(), &user.email).await.unwrap().unwrap();
        assert_eq!(user_facts(&found), user_facts(&user));
    }
}

pub(super) async fn an_address_is_taken_only_once_in_each_tenant(it: Actors) {
    for ada in four_of_one_address(&it).await {
        let impostor = User { name: "Impostor".to_owned(), id: it.user("ada").id, ..ada.clone() };
        assert_conflict(it.conn().insert_user(&impostor).await, "a taken address");
        let found = it.conn().user_by_email(&ada.population(), &ada.email).await.unwrap().unwrap();
        assert_eq!(user_facts(&found), user_facts(&ada));
    }
}

pub(super) async fn an_account_of_a_tenant_that_is_not_there_is_refused(it: Actors) {
    tenant(&it, "acme").await;
    for name in ["globex", "ACME"] {
        let ada = of(&it, "ada", &TenantId::parse(name).unwrap());
        assert_conflict(it.conn().insert_user(&ada).await, "an account of no tenant");
        assert!(it.conn().user_by_id(ada.id).await.unwrap().is_none(), "a refused account was written");
    }
}

pub(super) async fn racing_sign_ups_have_one_winner_in_each_tenant(it: Actors) {
    let (acme, globex) = (tenant(&it, "acme").await, tenant(&it, "globex").await);
    let it = &it;
    let places = [None, Some(acme), Some(globex)];
    let verdicts = race(|racer| {
        let ada = User { tenant: places[racer % 3].clone(), ..it.user("ada") };
        async move { it.conn().insert_user(&ada).await.is_ok().then_some(ada.tenant) }
    })
    .await;
    let mut won: Vec<Option<TenantId>> = verdicts.into_iter().flatten().collect();
    won.sort();
    assert_eq!(won, places, "sign-ups that took the same address");
}

pub(super) async fn a_tenant_takes_its_accounts_along(it: Actors) {
    let [ada, ..] = four_of_one_address(&it).await;
    let acme = ada.tenant.clone().unwrap();
    let (status, scope) = (MembershipStatus::Active, RoleScope::Tenant(acme.clone()));
    let membership = Membership { user: ada.id, tenant: acme.clone(), status, created_at: NOW, updated_at: NOW };
    assert!(it.conn().insert_membership(&membership).await.unwrap(), "a first membership was not told as new");
    it.conn().insert_password(it.account_id(), ada.id, &it.password_hash(), NOW).await.unwrap();
    let role = it.defined("PORTAL", "member", &[]).await;
    it.granted_in(&ada, &role, scope.clone()).await;
    let mut session = it.session(&ada);
    session.row.scope = scope;
    it.write(&session).await;
    let (_, secret) = it.keyed(&ada, |key| key.tenant = Some(acme.clone())).await;
    let mut tx = it.begin().await;
    assert!(tx.delete_tenant(&acme).await.unwrap(), "the tenant was not found");
    tx.commit().await.unwrap();
    let mut conn = it.conn();
    assert!(conn.user_by_id(ada.id).await.unwrap().is_none(), "the account is still there");
    assert!(conn.user_by_email(&ada.population(), &ada.email).await.unwrap().is_none(), "the address is still found");
    assert!(conn.session_by_token(&session.hash).await.unwrap().is_none(), "a session is still there");
    assert!(conn.password_of_user(ada.id).await.unwrap().is_none(), "the password is still there");
    assert!(conn.roles_of_user(ada.id, Some(&acme)).await.unwrap().is_empty(), "a granted role is still there");
    assert!(conn.memberships_of_user(ada.id).await.unwrap().is_empty(), "the membership is still there");
    assert!(conn.api_key_by_hash(&secret).await.unwrap().is_none(), "an API key is still there");
}

pub(super) async fn a_tenant_leaves_accounts_of_others_alone(it: Actors) {
    let [_, of_globex, of_none, customer] = four_of_one_address(&it).await;
    let acme = customer.tenant.clone().unwrap();
    let session = it.signed_in(&of_globex).await;
    let mut tx = it.begin().await;
    assert!(tx.delete_tenant(&acme).await.unwrap(), "the tenant was not found");
    assert!(!tx.delete_tenant(&acme).await.unwrap(), "a tenant was removed twice");
    tx.commit().await.unwrap();
    for ada in [of_globex, of_none] {
        let found = it.conn().user_by_email(&ada.population(), &ada.email).await.unwrap().unwrap();
        assert_eq!(user_facts(&found), user_facts(&ada));
    }
    assert!(it.conn().session_by_token(&session.hash).await.unwrap().is_some(), "another's session went along");
    assert!(it.conn().user_by_id(customer.id).await.unwrap().is_none(), "a customer of the tenant is still there");
}

/// What a sign-in with this address is judged by, in this population.
async fn facts(it: &Actors, population: &Population, user: &User) -> SignInFacts {
    let keys = [it.attempt_key(), it.attempt_key()];
    it.conn().sign_in_facts(population, &user.email, &keys, NOW).await.unwrap()
}

/// A password of one tenant opens nothing in another.
pub(super) async fn a_sign_in_is_judged_in_its_own_tenant(it: Actors) {
    let all = four_of_one_address(&it).await;
    let [of_acme, without, ..] = &all;
    let found = facts(&it, &without.population(), without).await;
    assert!(found.user.is_some() && found.password.is_none(), "a user without a password has one");
    let mut hashes = Vec::new();
    for ada in &all {
        let hash = it.password_hash();
        it.conn().insert_password(it.account_id(), ada.id, &hash, NOW).await.unwrap();
        hashes.push(hash);
    }
    for (ada, hash) in all.iter().zip(&hashes) {
        let found = facts(&it, &ada.population(), ada).await;
        assert_eq!(user_facts(&found.user.unwrap()), user_facts(ada));
        assert_eq!(found.password.unwrap().as_stored(), hash.as_stored());
    }
    let nowhere = Population::from(Pool::User).in_tenant(TenantId::parse("initech").unwrap());
    let found = facts(&it, &nowhere, of_acme).await;
    assert!(found.user.is_none() && found.password.is_none(), "an unknown tenant found somebody");
}

/// Whoever is found, and whether anybody is: the counters are those that were asked for.
pub(super) async fn a_sign_in_to_a_tenant_is_judged_by_its_own_counters(it: Actors) {
    let [ada, ..] = four_of_one_address(&it).await;
    let (counted, other) = (it.attempt_key(), it.attempt_key());
    let raised = [counted, other].map(|key| Attempt { key, window_ends_at: NOW.plus(MINUTE) });
    it.conn().raise_attempts(&raised, NOW).await.unwrap();
    for tenant in ["acme", "initech"] {
        let population = Population::from(Pool::User).in_tenant(TenantId::parse(tenant).unwrap());
        for (keys, expected) in [([counted, it.attempt_key()], 1), ([it.attempt_key(), it.attempt_key()], 0)] {
            let facts = it.conn().sign_in_facts(&population, &ada.email, &keys, NOW).await.unwrap();
            assert_eq!(facts.user.is_some(), tenant == "acme", "the wrong user was found");
            assert_eq!(facts.attempts.len(), expected, "{:?}", facts.attempts);
        }
    }
}
