//! What a store promises about whose a mailbox is, and about leaving nothing that whoever it is not has put there.

use super::actors::{Actors, MINUTE, NOW, RACERS, assert_conflict, race, winners};
use super::facts::user_facts;
use crate::base::Email;
use crate::store::StoreError;
use crate::user::{Pool, User};

pub(super) async fn a_mailbox_is_proved_only_while_it_is_the_user_s(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let later = NOW.plus(MINUTE);
    assert!(!it.conn().verify_email(ada.id, &grace.email, later).await.unwrap(), "another's mailbox was proved");
    assert!(!it.conn().verify_email(it.user("nobody").id, &ada.email, later).await.unwrap(), "nobody has a mailbox");
    for _ in 0..2 {
        assert!(it.conn().verify_email(ada.id, &ada.email, later).await.unwrap(), "the mailbox was not theirs");
    }
    let expected = User { email_verified: true, updated_at: later, ..ada.clone() };
    assert_eq!(user_facts(&it.conn().user_by_id(ada.id).await.unwrap().unwrap()), user_facts(&expected));
    assert_eq!(user_facts(&it.conn().user_by_id(grace.id).await.unwrap().unwrap()), user_facts(&grace));
}

pub(super) async fn an_address_changes_for_another_that_nobody_has(it: Actors) {
    let (ada, grace, shop) = (it.signed_up("ada").await, it.signed_up("grace").await, it.customer("ada2"));
    it.conn().insert_user(&shop).await.unwrap();
    let (new, later) = (Email::parse("ada@elsewhere.example").unwrap(), NOW.plus(MINUTE));
    assert_conflict(it.conn().change_email(ada.id, &ada.email, &grace.email, later).await, "a taken address");
    assert!(!it.conn().change_email(ada.id, &grace.email, &new, later).await.unwrap(), "it was not their address");
    assert!(!it.conn().change_email(it.user("nobody").id, &ada.email, &new, later).await.unwrap(), "nobody has one");
    assert!(it.conn().change_email(ada.id, &ada.email, &new, later).await.unwrap(), "it was their address");
    let expected = User { email: new.clone(), email_verified: true, updated_at: later, ..ada.clone() };
    assert_eq!(
        user_facts(&it.conn().user_by_email(&Pool::User.into(), &new).await.unwrap().unwrap()),
        user_facts(&expected)
    );
    assert!(it.conn().user_by_email(&Pool::User.into(), &ada.email).await.unwrap().is_none(), "the old one stayed");
    // The same address in the other pool is another mailbox's account.
    assert!(it.conn().change_email(shop.id, &shop.email, &new, later).await.unwrap(), "pools share their addresses");
}

pub(super) async fn racing_changes_to_one_address_have_one_winner(it: Actors) {
    let new = Email::parse("wanted@example.com").unwrap();
    let mut users = Vec::new();
    for racer in 0..RACERS {
        users.push(it.signed_up(&format!("user{racer}")).await);
    }
    let (it, users, new) = (&it, &users, &new);
    let verdicts = race(|racer| async move {
        let user = &users[racer];
        match it.conn().change_email(user.id, &user.email, new, NOW).await {
            Ok(changed) => changed,
            Err(StoreError::Conflict) => false,
            Err(error) => panic!("{error:?}"),
        }
    })
    .await;
    assert_eq!(winners(&verdicts), 1, "changes to the same address");
}

pub(super) async fn every_way_of_a_user_to_sign_in_can_be_removed(it: Actors) {
    let ((ada, _), (grace, hash)) = (it.with_password("ada").await, it.with_password("grace").await);
    assert_eq!(it.conn().delete_accounts_of_user(ada.id).await.unwrap(), 1);
    assert_eq!(it.conn().delete_accounts_of_user(ada.id).await.unwrap(), 0);
    assert!(it.conn().password_of_user(ada.id).await.unwrap().is_none(), "a password stayed");
    assert!(
        it.conn().password_of_user(grace.id).await.unwrap().is_some_and(|kept| kept.as_stored() == hash.as_stored()),
        "another's went"
    );
    it.keyed(&ada, |_| {}).await;
    let (_, kept) = it.keyed(&grace, |_| {}).await;
    let (_, gone) = it.keyed(&ada, |_| {}).await;
    assert_eq!(it.conn().delete_api_keys_of_user(ada.id).await.unwrap(), 2);
    assert_eq!(it.conn().delete_api_keys_of_user(ada.id).await.unwrap(), 0);
    assert!(it.conn().api_key_by_hash(&gone).await.unwrap().is_none(), "a key stayed");
    assert!(it.conn().api_key_by_hash(&kept).await.unwrap().is_some(), "another's key went");
}
