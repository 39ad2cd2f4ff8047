//! Users and customers in one table, told apart by a column that is part of its keys.

use auth_core::base::{Email, Timestamp};
use auth_core::store::{Store, StoreError};
use auth_core::user::{Pool, User};
use auth_sqlx::migrate;

use crate::{Before, from_each_database, token_hash, user_id};

from_each_database!(
    from BEFORE_POOLS:
    every_row_is_kept_by_the_pools,
    every_rule_holds_after_the_pools,
    the_pools_may_be_applied_by_hand,
    a_process_of_an_earlier_version_goes_on_writing_users,
);

/// The version before pools.
pub(crate) const BEFORE_POOLS: &str = "0002_retention";

pub(crate) fn newcomer(number: u8, pool: Pool) -> User {
    let now = Timestamp::from_micros(1);
    User {
        id: user_id(number),
        name: "Ada".to_owned(),
        email: Email::parse("ada@example.com").unwrap(),
        email_verified: true,
        image: None,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        credential_version: 0,
        pool,
        tenant: None,
        identifiers: auth_core::user::Identifiers::default(),
    }
}

async fn every_row_is_kept_by_the_pools(before: Before) {
    migrate(&before.store).await.unwrap();
    before.assert_every_row_is_there().await;
    migrate(&before.store).await.unwrap();
    before.assert_every_row_is_there().await;
}

async fn the_pools_may_be_applied_by_hand(before: Before) {
    before.applied_after(BEFORE_POOLS).await;
    migrate(&before.store).await.unwrap();
    before.assert_every_row_is_there().await;
    assert!(matches!(before.store.conn().delete_user(user_id(1)).await, Err(StoreError::Conflict)), "the invoice");
}

async fn every_rule_holds_after_the_pools(before: Before) {
    migrate(&before.store).await.unwrap();
    let mut conn = before.store.conn();
    assert!(matches!(conn.insert_user(&newcomer(8, Pool::User)).await, Err(StoreError::Conflict)), "a taken address");
    assert!(matches!(conn.insert_user(&newcomer(1, Pool::Customer)).await, Err(StoreError::Conflict)), "a taken id");
    conn.insert_user(&newcomer(8, Pool::Customer)).await.unwrap();
    let columns = "auth_user (id, name, email, email_verified, created_at, updated_at, credential_version, pool)";
    for (refused, why) in [
        ("id(9), 'x', 'x@y', {yes}, 1, 1, 0, 'staff'", "there is no such pool"),
        ("id(9), 'x', 'x@y', {yes}, 1, 1, 0, NULL", "everybody is in a pool"),
        ("id(9), 'x', 'x', {yes}, 1, 1, 0, 'user'", "an address is longer"),
        ("id(9), 'x', 'x@y', {yes}, 'x', 1, 0, 'user'", "an instant is a number"),
        ("id(9), 'x', 'x@y', {yes}, 1, 1, NULL, 'user'", "there is always a version"),
        ("NULL, 'x', 'x@y', {yes}, 1, 1, 0, 'user'", "there is always an id"),
    ] {
        assert!(before.run(&format!("INSERT INTO {columns} VALUES ({refused})")).await.is_err(), "{why}");
    }
    before.run(&format!("INSERT INTO {columns} VALUES (id(9), 'x', 'x@y', {{yes}}, 1, 1, 0, 'user')")).await.unwrap();

    let (ada, jose) = (user_id(1), user_id(2));
    assert!(matches!(conn.delete_user(ada).await, Err(StoreError::Conflict)), "the application's row holds on to it");
    before.run("DELETE FROM invoice").await.unwrap();
    assert!(conn.delete_user(ada).await.unwrap());
    for gone in [
        "auth_session WHERE user_id = id(1)",
        "auth_account WHERE user_id = id(1)",
        "auth_user_role WHERE user_id = id(1)",
        "note WHERE user_id = id(1)",
        "visit WHERE user_id IS NOT NULL",
        "device",
    ] {
        assert_eq!(before.count(gone).await, 0, "{gone}");
    }
    assert_eq!(conn.roles_of_user(jose, None).await.unwrap().len(), 1);
    assert!(conn.session_by_token(&token_hash(6)).await.unwrap().is_some());
    assert!(
        before.run("INSERT INTO auth_user_role (user_id, role_id, granted_at) VALUES (id(1), id(3), 1)").await.is_err()
    );
    assert!(before.run("INSERT INTO note (user_id) VALUES (id(1))").await.is_err());
}

/// It names neither the new column nor the pool of whom it looks for.
async fn a_process_of_an_earlier_version_goes_on_writing_users(before: Before) {
    migrate(&before.store).await.unwrap();
    let columns = "auth_user (id, name, email, email_verified, created_at, updated_at, credential_version)";
    before.run(&format!("INSERT INTO {columns} VALUES (id(9), 'x', 'x@example.com', {{yes}}, 1, 1, 0)")).await.unwrap();
    let found = before.store.conn().user_by_id(user_id(9)).await.unwrap().unwrap();
    assert_eq!(found.pool, Pool::User);
    let again = format!("INSERT INTO {columns} VALUES (id(8), 'x', 'x@example.com', {{yes}}, 1, 1, 0)");
    assert!(before.run(&again).await.is_err(), "an address is taken once");
}
