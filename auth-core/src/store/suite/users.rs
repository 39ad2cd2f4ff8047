//! What a store promises about users.

use super::actors::{Actors, DAY, MINUTE, NOW, RACERS, assert_conflict, race, winners};
use super::facts::user_facts;
use crate::base::{Email, UserId};
use crate::user::{Pool, ProfileChange, User};

/// The user as the store has them now.
async fn found(it: &Actors, id: UserId) -> User {
    it.conn().user_by_id(id).await.unwrap().unwrap()
}

/// 254 octets, the most that an address can have.
fn longest_address() -> Email {
    let [local, label] = ["a".repeat(64), "b".repeat(63)];
    Email::parse(&format!("{local}@{label}.{label}.{}.com", "c".repeat(57))).unwrap()
}

fn renamed(name: &str) -> ProfileChange {
    ProfileChange { name: Some(name.to_owned()), ..ProfileChange::default() }
}

pub(super) async fn a_new_user_is_found_by_id_and_by_address(it: Actors) {
    let ada = it.signed_up("ada").await;
    it.signed_up("grace").await;
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
    let by_email = it.conn().user_by_email(&ada.population(), &ada.email).await.unwrap().unwrap();
    assert_eq!(user_facts(&by_email), user_facts(&ada));
}

pub(super) async fn nobody_else_is_found(it: Actors) {
    it.signed_up("ada").await;
    let stranger = it.user("ada.l");
    assert!(it.conn().user_by_id(stranger.id).await.unwrap().is_none(), "an unknown id found a user");
    assert!(
        it.conn().user_by_email(&Pool::User.into(), &stranger.email).await.unwrap().is_none(),
        "an unknown address found a user"
    );
}

pub(super) async fn every_field_of_a_user_survives(it: Actors) {
    let ada = User {
        // Quotes, scripts of both directions, a decomposed accent, outer spaces; 255 characters of four bytes.
        name: format!(" Adá \"Ĺ'\" e\u{301} عدا; -- {} ", "\u{1f980}".repeat(233)),
        email: longest_address(),
        email_verified: true,
        image: Some(format!("https://example.com/{}", "ü".repeat(2_028))),
        updated_at: NOW.plus(MINUTE),
        disabled_at: Some(NOW.plus(DAY)),
        credential_version: 1 << 40,
        ..it.user("ada")
    };
    assert_eq!((ada.name.chars().count(), ada.email.as_str().len()), (255, 254));
    it.conn().insert_user(&ada).await.unwrap();
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn a_user_survives_with_nothing_optional(it: Actors) {
    let ada = User { name: String::new(), image: None, disabled_at: None, ..it.user("ada") };
    it.conn().insert_user(&ada).await.unwrap();
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn an_address_is_taken_only_once(it: Actors) {
    let ada = it.signed_up("ada").await;
    let impostor = User { name: "Impostor".to_owned(), ..it.user("ada") };
    assert_conflict(it.conn().insert_user(&impostor).await, "a taken address");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
    assert!(it.conn().user_by_id(impostor.id).await.unwrap().is_none(), "a refused user was written");
}

pub(super) async fn an_id_is_taken_only_once(it: Actors) {
    let ada = it.signed_up("ada").await;
    let impostor = User { id: ada.id, ..it.user("impostor") };
    assert_conflict(it.conn().insert_user(&impostor).await, "a taken id");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn an_address_in_both_pools_is_two_users(it: Actors) {
    let (user, customer) = (it.signed_up("ada").await, it.customer("ada"));
    it.conn().insert_user(&customer).await.unwrap();
    for ada in [&user, &customer] {
        assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(ada));
        let by_email = it.conn().user_by_email(&ada.population(), &ada.email).await.unwrap().unwrap();
        assert_eq!(user_facts(&by_email), user_facts(ada));
        let session = it.signed_in(ada).await;
        let with_user = it.conn().session_by_token(&session.hash).await.unwrap().unwrap();
        assert_eq!(user_facts(&with_user.user), user_facts(ada));
    }
}

pub(super) async fn an_address_of_one_pool_is_unknown_in_the_other(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.customer("grace"));
    it.conn().insert_user(&grace).await.unwrap();
    for (pool, stranger) in [(Pool::Customer, ada), (Pool::User, grace)] {
        let found = it.conn().user_by_email(&pool.into(), &stranger.email).await.unwrap();
        assert!(found.is_none(), "{pool:?} found somebody of the other pool");
    }
}

pub(super) async fn an_address_is_taken_only_once_in_each_pool(it: Actors) {
    let customer = it.customer("ada");
    it.conn().insert_user(&customer).await.unwrap();
    assert_conflict(it.conn().insert_user(&it.customer("ada")).await, "an address taken among customers");
    it.signed_up("ada").await;
    assert_conflict(it.conn().insert_user(&it.user("ada")).await, "an address taken among users");
    assert_eq!(user_facts(&found(&it, customer.id).await), user_facts(&customer));
}

pub(super) async fn an_id_of_one_pool_is_none_of_the_other(it: Actors) {
    let ada = it.signed_up("ada").await;
    let impostor = User { id: ada.id, ..it.customer("impostor") };
    assert_conflict(it.conn().insert_user(&impostor).await, "an id taken among users");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn addresses_that_differ_in_an_accent_are_two_users(it: Actors) {
    // What linguistic collations take for the same text.
    for (plain, accented) in [("jose", "josé"), ("strasse", "straße"), ("mueller", "müller"), ("oslo", "øslo")] {
        let (plain, accented) = (it.signed_up(plain).await, it.signed_up(accented).await);
        for user in [plain, accented] {
            let by_email = it.conn().user_by_email(&user.population(), &user.email).await.unwrap().unwrap();
            assert_eq!(by_email.id, user.id, "{} found somebody else", user.email);
        }
    }
}

pub(super) async fn racing_sign_ups_of_one_address_have_one_winner(it: Actors) {
    let it = &it;
    let verdicts = race(|_| async move { it.conn().insert_user(&it.user("ada")).await.is_ok() }).await;
    assert_eq!(winners(&verdicts), 1, "sign-ups that took the same address");
}

pub(super) async fn racing_sign_ups_have_one_winner_in_each_pool(it: Actors) {
    let it = &it;
    let verdicts = race(|racer| async move {
        let ada = if racer % 2 == 0 { it.user("ada") } else { it.customer("ada") };
        it.conn().insert_user(&ada).await.is_ok().then_some(ada.pool)
    })
    .await;
    let mut won: Vec<Pool> = verdicts.into_iter().flatten().collect();
    won.sort_unstable();
    assert_eq!(won, [Pool::User, Pool::Customer], "sign-ups that took the same address");
}

pub(super) async fn a_profile_change_touches_name_and_image_alone(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let later = NOW.plus(MINUTE);
    let change =
        ProfileChange { name: Some("Ada L".to_owned()), image: Some(Some("https://example.com/l".to_owned())) };
    assert!(it.conn().update_profile(ada.id, &change, later).await.unwrap(), "a change was not told");
    let expected = User {
        name: "Ada L".to_owned(),
        image: Some("https://example.com/l".to_owned()),
        updated_at: later,
        ..ada.clone()
    };
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&expected));
    assert_eq!(user_facts(&found(&it, grace.id).await), user_facts(&grace));
}

pub(super) async fn an_empty_profile_change_keeps_name_and_image(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert!(it.conn().update_profile(ada.id, &ProfileChange::default(), NOW).await.unwrap(), "the user was not found");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn a_picture_can_be_removed(it: Actors) {
    let ada = it.signed_up("ada").await;
    let change = ProfileChange { image: Some(None), ..ProfileChange::default() };
    assert!(it.conn().update_profile(ada.id, &change, NOW).await.unwrap(), "a change was not told");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&User { image: None, ..ada }));
}

/// Some databases count the rows that changed, not those that were found.
pub(super) async fn a_change_that_changes_nothing_still_finds_the_user(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut conn = it.conn();
    for _ in 0..2 {
        assert!(conn.update_profile(ada.id, &renamed("Ada"), NOW).await.unwrap(), "update_profile");
        assert!(conn.set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "set_disabled");
    }
}

pub(super) async fn a_change_to_nobody_is_told(it: Actors) {
    let ada = it.signed_up("ada").await;
    let nobody = it.user("nobody").id;
    let mut conn = it.conn();
    assert!(!conn.update_profile(nobody, &renamed("N"), NOW).await.unwrap(), "update_profile");
    assert!(!conn.raise_credential_version(nobody, NOW).await.unwrap(), "raise_credential_version");
    assert!(!conn.set_disabled(nobody, Some(NOW), NOW).await.unwrap(), "set_disabled");
    assert!(!conn.delete_user(nobody).await.unwrap(), "delete_user");
    assert!(conn.user_by_id(nobody).await.unwrap().is_none(), "a change made a user");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn a_login_is_claimed_at_the_present_version_only(it: Actors) {
    let ada = User { credential_version: 7, ..it.user("ada") };
    it.conn().insert_user(&ada).await.unwrap();
    for (version, verdict) in [(7, true), (7, true), (6, false), (8, false), (0, false)] {
        assert_eq!(it.conn().claim_login(ada.id, version).await.unwrap(), verdict, "a claim at version {version} of 7");
    }
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&ada));
}

pub(super) async fn a_disabled_user_cannot_claim_a_login(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut conn = it.conn();
    assert!(conn.set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "the user was not found");
    assert!(!conn.claim_login(ada.id, ada.credential_version).await.unwrap(), "a disabled user could sign in");
    assert!(conn.set_disabled(ada.id, None, NOW).await.unwrap(), "the user was not found");
    assert!(conn.claim_login(ada.id, ada.credential_version).await.unwrap(), "an enabled user could not sign in");
}

pub(super) async fn a_deleted_user_cannot_claim_a_login(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    assert!(!it.conn().claim_login(ada.id, ada.credential_version).await.unwrap(), "a deleted user could sign in");
}

pub(super) async fn a_user_is_locked_whatever_their_state(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut conn = it.conn();
    assert!(conn.set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "the user was not found");
    assert!(conn.raise_credential_version(ada.id, NOW).await.unwrap(), "the user was not found");
    let before = found(&it, ada.id).await;
    assert!(conn.lock_user(ada.id).await.unwrap(), "a disabled user was not found");
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&before));
    assert!(!conn.lock_user(it.user("nobody").id).await.unwrap(), "nobody was locked");
}

pub(super) async fn a_raised_credential_version_ends_sign_ins_under_way(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let later = NOW.plus(MINUTE);
    assert!(it.conn().raise_credential_version(ada.id, later).await.unwrap(), "the user was not found");
    assert!(!it.conn().claim_login(ada.id, ada.credential_version).await.unwrap(), "an older sign-in went through");
    let raised = found(&it, ada.id).await;
    assert!(raised.credential_version > ada.credential_version, "the version was not raised");
    assert!(it.conn().claim_login(ada.id, raised.credential_version).await.unwrap(), "a new sign-in was refused");
    let expected = User { updated_at: later, credential_version: raised.credential_version, ..ada };
    assert_eq!(user_facts(&raised), user_facts(&expected));
    assert_eq!(user_facts(&found(&it, grace.id).await), user_facts(&grace));
}

/// A lost raise would leave a sign-in alive that began between the two.
pub(super) async fn every_raise_of_the_credential_version_counts(it: Actors) {
    let ada = it.signed_up("ada").await;
    let it = &it;
    let verdicts = race(|_| async move { it.conn().raise_credential_version(ada.id, NOW).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), RACERS);
    let raised_by = found(it, ada.id).await.credential_version - ada.credential_version;
    assert!(raised_by >= RACERS as i64, "{RACERS} raises were counted as {raised_by}");
}

pub(super) async fn disabling_touches_nothing_else(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let (since, later) = (NOW.plus(MINUTE), NOW.plus(DAY));
    it.conn().set_disabled(ada.id, Some(since), later).await.unwrap();
    let expected = User { disabled_at: Some(since), updated_at: later, ..ada.clone() };
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&expected));
    it.conn().set_disabled(ada.id, None, later).await.unwrap();
    assert_eq!(user_facts(&found(&it, ada.id).await), user_facts(&User { updated_at: later, ..ada }));
    assert_eq!(user_facts(&found(&it, grace.id).await), user_facts(&grace));
}

pub(super) async fn deleting_a_user_takes_sessions_accounts_and_roles_along(it: Actors) {
    let (ada, hash) = it.with_password("ada").await;
    let session = it.signed_in(&ada).await;
    let role = it.defined("ADMIN", "admin", &["users:read"]).await;
    it.granted(&ada, &role).await;
    let mut conn = it.conn();
    assert!(conn.delete_user(ada.id).await.unwrap(), "the user was not found");
    assert!(conn.user_by_id(ada.id).await.unwrap().is_none(), "the user is still there");
    assert!(conn.user_by_email(&ada.population(), &ada.email).await.unwrap().is_none(), "the address is still there");
    assert!(conn.session_by_token(&session.hash).await.unwrap().is_none(), "a session is still there");
    assert!(!conn.slide_session(session.row.id, NOW.plus(DAY), NOW).await.unwrap(), "a session is still there");
    assert!(conn.password_of_user(ada.id).await.unwrap().is_none(), "the password is still there");
    assert!(conn.password_of_user(ada.id).await.unwrap().is_none(), "the password is still found");
    assert!(conn.accounts_of_user(ada.id).await.unwrap().is_empty(), "an account is still there");
    assert!(conn.roles_of_user(ada.id, None).await.unwrap().is_empty(), "a granted role is still there");
    assert!(!conn.replace_password(ada.id, &hash, &hash, NOW).await.unwrap(), "the password is still there");
    assert!(conn.role_by_name("ADMIN", "admin", None).await.unwrap().is_some(), "the role itself went along");
}

pub(super) async fn deleting_a_user_leaves_others_alone(it: Actors) {
    let (ada, (grace, _)) = (it.signed_up("ada").await, it.with_password("grace").await);
    let session = it.signed_in(&grace).await;
    let role = it.defined("ADMIN", "admin", &[]).await;
    it.granted(&ada, &role).await;
    it.granted(&grace, &role).await;
    let mut conn = it.conn();
    assert!(conn.delete_user(ada.id).await.unwrap(), "the user was not found");
    assert_eq!(user_facts(&conn.user_by_id(grace.id).await.unwrap().unwrap()), user_facts(&grace));
    assert!(conn.session_by_token(&session.hash).await.unwrap().is_some(), "another's session went along");
    assert!(conn.password_of_user(grace.id).await.unwrap().is_some(), "another's password went along");
    assert_eq!(conn.roles_of_user(grace.id, None).await.unwrap().len(), 1, "another's role went along");
}

pub(super) async fn deleting_a_user_frees_the_address(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    let successor = it.signed_up("ada").await;
    assert_eq!(it.conn().user_by_email(&ada.population(), &ada.email).await.unwrap().unwrap().id, successor.id);
}

pub(super) async fn deleting_a_user_leaves_the_customer_of_that_address_alone(it: Actors) {
    let (user, customer) = (it.signed_up("ada").await, it.customer("ada"));
    it.conn().insert_user(&customer).await.unwrap();
    let session = it.signed_in(&customer).await;
    assert!(it.conn().delete_user(user.id).await.unwrap(), "the user was not found");
    assert_eq!(user_facts(&found(&it, customer.id).await), user_facts(&customer));
    assert!(it.conn().session_by_token(&session.hash).await.unwrap().is_some(), "the customer's session went along");
}

pub(super) async fn racing_deletions_of_a_user_have_one_winner(it: Actors) {
    let ada = it.signed_up("ada").await;
    let it = &it;
    let verdicts = race(|_| async move { it.conn().delete_user(ada.id).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "deletions of the same user");
}

pub(super) async fn everybody_of_a_pool_is_listed_page_by_page(it: Actors) {
    assert!(it.conn().users_of_pool(Pool::User, None, 9).await.unwrap().is_empty());
    let mut users = Vec::new();
    for name in ["ada", "grace", "edith", "hedy"] {
        users.push(it.signed_up(name).await);
    }
    let acme = it.founded("acme").await;
    let of_acme = User { tenant: Some(acme), ..it.user("joan") };
    it.conn().insert_user(&of_acme).await.unwrap();
    users.push(of_acme);
    let customer = it.customer("ada");
    it.conn().insert_user(&customer).await.unwrap();
    it.conn().set_disabled(users[1].id, Some(NOW), NOW).await.unwrap();
    users.sort_unstable_by_key(|user| user.id);
    let all: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let page = async |pool, after: Option<UserId>, limit| {
        let page = it.conn().users_of_pool(pool, after, limit).await.unwrap();
        for listed in &page {
            assert_eq!(user_facts(listed), user_facts(&found(&it, listed.id).await));
        }
        page.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(page(Pool::User, None, 100).await, all);
    assert_eq!(page(Pool::User, None, 2).await, all[..2]);
    assert_eq!(page(Pool::User, Some(all[1]), 2).await, all[2..4]);
    assert_eq!(page(Pool::User, Some(all[3]), 2).await, all[4..]);
    for (after, limit) in [(Some(all[4]), 100), (None, 0)] {
        assert!(page(Pool::User, after, limit).await.is_empty());
    }
    assert_eq!(page(Pool::Customer, None, 100).await, [customer.id]);
}
