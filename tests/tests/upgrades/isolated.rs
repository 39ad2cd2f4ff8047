//! Accounts that belong to one tenant, told apart by a column that is part of their key.

use auth_core::base::TenantId;
use auth_core::store::{Store, StoreError};
use auth_core::user::{Pool, User};
use auth_sqlx::migrate;

use crate::pools::{BEFORE_POOLS, newcomer};
use crate::{Before, from_each_database, token_hash, user_id};

from_each_database!(
    from BEFORE_POOLS:
    every_row_is_kept_by_the_accounts_of_tenants,
    every_rule_holds_of_the_accounts_of_tenants,
);

/// The version before accounts of tenants.
const BEFORE_ISOLATED: &str = "0006_tenants";

/// A member of a tenant with a session and a role there, and a customer of the same address.
const MEMBERS: &str = "
    INSERT INTO auth_tenant (id, name, created_at) VALUES ('acme', 'Acme', 1), ('globex', 'Globex', 1);
    INSERT INTO auth_membership (user_id, tenant, status, created_at, updated_at) VALUES (id(1), 'acme', 'active', 1, 1);
    INSERT INTO auth_user_role (user_id, role_id, granted_at, scope, tenant)
        VALUES (id(1), id(3), 1, 'tenant acme', 'acme');
    INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at,
        absolute_expires_at, persistent, method, assurance, scope, tenant) VALUES
        (id(7), bytes(7), id(1), 71, 72, 73, 74, 75, {yes}, 'password', 1, 'tenant acme', 'acme');
    INSERT INTO auth_user (id, name, email, email_verified, created_at, updated_at, credential_version, pool) VALUES
        (id(9), 'C', 'ada@example.com', {yes}, 1, 1, 0, 'customer');";

async fn every_row_is_kept_by_the_accounts_of_tenants(before: Before) {
    before.applied(|name| name > BEFORE_POOLS && name <= BEFORE_ISOLATED).await;
    before.run(MEMBERS).await.unwrap();
    migrate(&before.store).await.unwrap();
    let mut conn = before.store.conn();
    let customer = conn.user_by_id(user_id(9)).await.unwrap().unwrap();
    assert_eq!((customer.pool, customer.tenant), (Pool::Customer, None));
    let found = conn.session_by_token(&token_hash(7)).await.unwrap().unwrap();
    assert_eq!((found.session.scope.tenant(), found.user.tenant), (Some(&acme()), None));
    assert_eq!(found.roles.len(), 2, "the role is held everywhere and in the tenant");
    assert!(conn.membership(user_id(1), &acme()).await.unwrap().unwrap().is_active());
    assert!(conn.delete_user(user_id(9)).await.unwrap());
    before.assert_every_row_is_there().await;
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

async fn every_rule_holds_of_the_accounts_of_tenants(before: Before) {
    migrate(&before.store).await.unwrap();
    before.run("INSERT INTO auth_tenant (id, name, created_at) VALUES ('acme', 'Acme', 1)").await.unwrap();
    let mut conn = before.store.conn();
    let of_acme = User { tenant: Some(acme()), ..newcomer(8, Pool::User) };
    conn.insert_user(&of_acme).await.unwrap();
    let again = User { id: user_id(9), ..of_acme.clone() };
    assert!(matches!(conn.insert_user(&again).await, Err(StoreError::Conflict)), "a taken address");
    let columns =
        "auth_user (id, name, email, email_verified, created_at, updated_at, credential_version, tenant, home)";
    for (refused, why) in [
        ("'globex', 'globex'", "there is no such tenant"),
        ("'acme', ''", "an account of a tenant is at home there"),
        ("NULL, 'acme'", "an account of no tenant is at home in none"),
        ("'acme', NULL", "every account is at home somewhere"),
    ] {
        let values = format!("id(9), 'x', 'x@y', {{yes}}, 1, 1, 0, {refused}");
        assert!(before.run(&format!("INSERT INTO {columns} VALUES ({values})")).await.is_err(), "{why}");
    }
    before
        .run("INSERT INTO note (user_id) VALUES (id(8)); INSERT INTO invoice (user_id) VALUES (id(8))")
        .await
        .unwrap();
    assert!(
        matches!(conn.delete_tenant(&acme()).await, Err(StoreError::Conflict)),
        "the application's row holds on to it"
    );
    before.run("DELETE FROM invoice WHERE user_id = id(8)").await.unwrap();
    assert!(conn.delete_tenant(&acme()).await.unwrap());
    assert!(conn.user_by_id(of_acme.id).await.unwrap().is_none());
    assert_eq!(before.count("note WHERE user_id = id(8)").await, 0);
    before.assert_every_row_is_there().await;
}
