//! What a store promises about what else than an address users are known by.

use super::actors::{Actors, MINUTE, NOW, RACERS, assert_conflict, race, winners};
use super::facts::user_facts;
use crate::base::{PhoneNumber, Username};
use crate::store::StoreError;
use crate::user::{Identifiers, Pool, User};

fn username(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

/// A user with everything, who has not signed up yet.
fn known(it: &Actors, name: &str, number: &str) -> User {
    let identifiers = Identifiers {
        username: Some(username(name)),
        display_username: Some(name.to_uppercase()),
        phone_number: Some(phone(number)),
        phone_number_verified: true,
        is_anonymous: true,
    };
    User { identifiers, ..it.user(name) }
}

pub(super) async fn every_identifier_survives_and_finds_its_user(it: Actors) {
    let ada = known(&it, "ada", "+4930901820");
    it.conn().insert_user(&ada).await.unwrap();
    it.signed_up("grace").await;
    let population = ada.population();
    let by_name = it.conn().user_by_username(&population, &username("ADA")).await.unwrap().unwrap();
    let by_phone = it.conn().user_by_phone(&population, &phone("+4930901820")).await.unwrap().unwrap();
    for found in [by_name, by_phone] {
        assert_eq!(user_facts(&found), user_facts(&ada));
    }
    for other in ["ad_", "adaa", "a.da"] {
        assert!(it.conn().user_by_username(&population, &username(other)).await.unwrap().is_none(), "{other}");
    }
    assert!(it.conn().user_by_phone(&population, &phone("+4930901821")).await.unwrap().is_none(), "another number");
    let customers = Pool::Customer.into();
    assert!(it.conn().user_by_username(&customers, &username("ada")).await.unwrap().is_none(), "of another pool");
    assert!(it.conn().user_by_phone(&customers, &phone("+4930901820")).await.unwrap().is_none(), "of another pool");
}

pub(super) async fn an_identifier_is_taken_once_in_a_population(it: Actors) {
    let (ada, grace) = (known(&it, "ada", "+4930901820"), it.signed_up("grace").await);
    it.conn().insert_user(&ada).await.unwrap();
    for (number, taken) in [
        Identifiers { username: Some(username("ada")), ..Identifiers::default() },
        Identifiers { phone_number: Some(phone("+4930901820")), ..Identifiers::default() },
    ]
    .into_iter()
    .enumerate()
    {
        let twin = User { identifiers: taken, ..it.user(&format!("twin{number}")) };
        assert_conflict(it.conn().insert_user(&twin).await, "a taken identifier");
        // Pools share nothing.
        it.conn().insert_user(&User { pool: Pool::Customer, ..twin }).await.unwrap();
    }
    let mut conn = it.conn();
    assert_conflict(conn.set_username(grace.id, &username("ada"), None, NOW).await, "a taken name");
    assert_conflict(conn.set_phone(grace.id, Some(&phone("+4930901820")), NOW).await, "a taken number");
    assert!(!conn.set_username(it.user("nobody").id, &username("nobody"), None, NOW).await.unwrap());
    assert!(!conn.set_phone(it.user("nobody").id, Some(&phone("+4930901899")), NOW).await.unwrap());
}

pub(super) async fn identifiers_change_and_nothing_else(it: Actors) {
    let (ada, later) = (it.signed_up("ada").await, NOW.plus(MINUTE));
    let (mut conn, name, number) = (it.conn(), username("ada.l"), phone("+4930901820"));
    // One's own is not taken.
    for _ in 0..2 {
        assert!(conn.set_username(ada.id, &name, Some("Ada.L"), later).await.unwrap());
        assert!(conn.set_phone(ada.id, Some(&number), later).await.unwrap());
    }
    let identifiers = Identifiers {
        username: Some(name),
        display_username: Some("Ada.L".to_owned()),
        phone_number: Some(number),
        phone_number_verified: true,
        is_anonymous: false,
    };
    let expected = User { identifiers, updated_at: later, ..ada.clone() };
    assert_eq!(user_facts(&conn.user_by_id(ada.id).await.unwrap().unwrap()), user_facts(&expected));
    assert!(conn.set_username(ada.id, &username("other"), None, later).await.unwrap());
    let old = conn.user_by_username(&ada.population(), &username("ada.l")).await.unwrap();
    assert!(old.is_none(), "the old name stayed");
    assert!(conn.set_phone(ada.id, None, later).await.unwrap());
    let bare = conn.user_by_id(ada.id).await.unwrap().unwrap().identifiers;
    assert_eq!((bare.phone_number, bare.phone_number_verified), (None, false));
    assert!(conn.user_by_phone(&ada.population(), &phone("+4930901820")).await.unwrap().is_none());
}

pub(super) async fn racing_wishes_for_one_name_have_one_winner(it: Actors) {
    let mut users = Vec::new();
    for racer in 0..RACERS {
        users.push(it.signed_up(&format!("user{racer}")).await);
    }
    let (it, users) = (&it, &users);
    let verdicts = race(|racer| async move {
        match it.conn().set_username(users[racer].id, &username("wanted"), None, NOW).await {
            Ok(changed) => changed,
            Err(StoreError::Conflict) => false,
            Err(error) => panic!("{error:?}"),
        }
    })
    .await;
    assert_eq!(winners(&verdicts), 1, "users of the same name");
}
