//! What a store promises about password hashes.

use super::actors::{Actors, DAY, MINUTE, NOW, assert_conflict, race, winners};
use super::facts::{account_facts, user_facts};
use crate::account::{Account, Attempt};
use crate::base::UserId;
use crate::crypto::password_hash::PasswordHash;
use crate::password::SignInFacts;
use crate::user::User;

/// What a sign-in with this address is judged by, with nothing counted.
async fn facts(it: &Actors, user: &User) -> SignInFacts {
    let facts = it
        .conn()
        .sign_in_facts(&user.population(), &user.email, &[it.attempt_key(), it.attempt_key()], NOW)
        .await
        .unwrap();
    assert!(facts.attempts.is_empty(), "keys that were never raised have {:?}", facts.attempts);
    facts
}

/// The stored text of the user's hash.
async fn stored(it: &Actors, user: UserId) -> Option<String> {
    it.conn().password_of_user(user).await.unwrap().map(|hash| hash.as_stored().to_owned())
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text.to_owned())
}

pub(super) async fn a_user_is_found_with_their_password(it: Actors) {
    let ((ada, of_ada), (grace, of_grace)) = (it.with_password("ada").await, it.with_password("grace").await);
    for (user, expected) in [(ada, of_ada), (grace, of_grace)] {
        let found = facts(&it, &user).await;
        assert_eq!(user_facts(&found.user.unwrap()), user_facts(&user));
        assert_eq!(found.password.unwrap().as_stored(), expected.as_stored());
        assert_eq!(stored(&it, user.id).await.unwrap(), expected.as_stored());
    }
}

pub(super) async fn a_user_without_a_password_is_found_without_one(it: Actors) {
    it.with_password("ada").await;
    let grace = it.signed_up("grace").await;
    let found = facts(&it, &grace).await;
    assert_eq!(user_facts(&found.user.unwrap()), user_facts(&grace));
    assert!(found.password.is_none(), "a user without a password has one");
    assert_eq!(stored(&it, grace.id).await, None);
}

pub(super) async fn nobody_has_no_password(it: Actors) {
    it.with_password("ada").await;
    let nobody = it.user("nobody");
    let found = facts(&it, &nobody).await;
    assert!(found.user.is_none() && found.password.is_none(), "an unknown address found somebody");
    assert_eq!(stored(&it, nobody.id).await, None);
}

/// A password of one pool opens nothing in the other.
pub(super) async fn a_sign_in_is_judged_in_its_own_pool(it: Actors) {
    let ((user, of_user), customer, of_customer) =
        (it.with_password("ada").await, it.customer("ada"), it.password_hash());
    let found = facts(&it, &customer).await;
    assert!(found.user.is_none() && found.password.is_none(), "an address of the other pool found somebody");
    it.conn().insert_user(&customer).await.unwrap();
    it.conn().insert_password(it.account_id(), customer.id, &of_customer, NOW).await.unwrap();
    for (ada, expected) in [(user, of_user), (customer, of_customer)] {
        let found = facts(&it, &ada).await;
        assert_eq!(user_facts(&found.user.unwrap()), user_facts(&ada));
        assert_eq!(found.password.unwrap().as_stored(), expected.as_stored());
    }
}

/// Whether the address is anybody's, and whether both have been counted, makes no difference.
pub(super) async fn a_sign_in_is_judged_by_its_own_counters(it: Actors) {
    let (ada, _) = it.with_password("ada").await;
    let (once, twice, other) = (it.attempt_key(), it.attempt_key(), it.attempt_key());
    let window_ends_at = NOW.plus(15 * MINUTE);
    for keys in [[once, other], [twice, other], [twice, it.attempt_key()]] {
        it.conn().raise_attempts(&keys.map(|key| Attempt { key, window_ends_at }), NOW).await.unwrap();
    }
    let never = it.attempt_key();
    for user in [ada, it.user("nobody")] {
        for (keys, expected) in [([twice, once], &[1, 2][..]), ([once, never], &[1]), ([never, twice], &[2])] {
            let mut conn = it.conn();
            let facts = conn.sign_in_facts(&user.population(), &user.email, &keys, NOW).await.unwrap();
            assert_eq!(facts.user.is_some(), user.name == "ada", "the wrong user was found");
            let mut counts: Vec<_> = facts.attempts.iter().map(|counter| counter.attempts).collect();
            counts.sort_unstable();
            assert_eq!(counts, expected);
            assert!(facts.attempts.iter().all(|counter| keys.contains(&counter.key)), "{:?}", facts.attempts);
            let after = conn.sign_in_facts(&user.population(), &user.email, &keys, window_ends_at).await.unwrap();
            assert!(after.attempts.is_empty(), "a counter whose window has ended counts");
        }
    }
}

pub(super) async fn a_password_for_nobody_is_refused(it: Actors) {
    let (nobody, hash) = (it.user("nobody").id, it.password_hash());
    assert_conflict(it.conn().insert_password(it.account_id(), nobody, &hash, NOW).await, "a password for nobody");
    assert_eq!(stored(&it, nobody).await, None);
}

pub(super) async fn a_second_password_is_refused(it: Actors) {
    let ((ada, first), second) = (it.with_password("ada").await, it.password_hash());
    assert_conflict(it.conn().insert_password(it.account_id(), ada.id, &second, NOW).await, "a second password");
    assert_eq!(stored(&it, ada.id).await.unwrap(), first.as_stored());
}

pub(super) async fn an_account_id_is_taken_only_once(it: Actors) {
    let (ada, grace, id) = (it.signed_up("ada").await, it.signed_up("grace").await, it.account_id());
    it.conn().insert_password(id, ada.id, &it.password_hash(), NOW).await.unwrap();
    assert_conflict(it.conn().insert_password(id, grace.id, &it.password_hash(), NOW).await, "a taken account id");
    assert_eq!(stored(&it, grace.id).await, None);
}

pub(super) async fn racing_first_passwords_have_one_winner(it: Actors) {
    let ada = it.signed_up("ada").await;
    let it = &it;
    let outcomes = race(|_| async move {
        let hash = it.password_hash();
        (it.conn().insert_password(it.account_id(), ada.id, &hash, NOW).await, hash)
    })
    .await;
    let (written, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(outcome, _)| outcome.is_ok());
    assert_eq!(written.len(), 1, "first passwords of the same user");
    assert_eq!(stored(it, ada.id).await.unwrap(), written[0].1.as_stored());
    for (outcome, _) in refused {
        assert_conflict(outcome, "a password that came second");
    }
}

pub(super) async fn a_password_is_replaced_where_the_old_one_stands(it: Actors) {
    let ((ada, old), new) = (it.with_password("ada").await, it.password_hash());
    assert!(it.conn().replace_password(ada.id, &old, &new, NOW).await.unwrap(), "the old hash was not found");
    assert_eq!(stored(&it, ada.id).await.unwrap(), new.as_stored());
    assert_eq!(facts(&it, &ada).await.password.unwrap().as_stored(), new.as_stored());
}

pub(super) async fn replacing_a_password_touches_nothing_else(it: Actors) {
    let ((ada, old), (grace, of_grace)) = (it.with_password("ada").await, it.with_password("grace").await);
    let account = it.conn().accounts_of_user(ada.id).await.unwrap().remove(0);
    let later = NOW.plus(MINUTE);
    it.conn().replace_password(ada.id, &old, &it.password_hash(), later).await.unwrap();
    let accounts = it.conn().accounts_of_user(ada.id).await.unwrap();
    let expected = Account { updated_at: later, ..account };
    assert_eq!(accounts.iter().map(account_facts).collect::<Vec<_>>(), [account_facts(&expected)]);
    assert_eq!(user_facts(&it.conn().user_by_id(ada.id).await.unwrap().unwrap()), user_facts(&ada));
    assert_eq!(stored(&it, grace.id).await.unwrap(), of_grace.as_stored());
}

pub(super) async fn replacing_an_outdated_hash_changes_nothing(it: Actors) {
    let ((ada, outdated), current) = (it.with_password("ada").await, it.password_hash());
    it.conn().replace_password(ada.id, &outdated, &current, NOW).await.unwrap();
    let accounts = it.conn().accounts_of_user(ada.id).await.unwrap();
    let replaced = it.conn().replace_password(ada.id, &outdated, &it.password_hash(), NOW.plus(DAY)).await.unwrap();
    assert!(!replaced, "a hash was replaced that stands there no more");
    assert_eq!(stored(&it, ada.id).await.unwrap(), current.as_stored());
    assert_eq!(account_facts(&it.conn().accounts_of_user(ada.id).await.unwrap()[0]), account_facts(&accounts[0]));
}

/// Case, accents and trailing spaces are what text columns like to ignore.
pub(super) async fn hashes_are_compared_byte_by_byte(it: Actors) {
    let (ada, exact) = (it.signed_up("ada").await, hash("$argon2id$aBcE"));
    it.conn().insert_password(it.account_id(), ada.id, &exact, NOW).await.unwrap();
    for near in ["$argon2id$abce", "$argon2id$aBcE ", " $argon2id$aBcE", "$argon2id$aBcÉ", "$argon2id$aBc", "", "%"] {
        let replaced = it.conn().replace_password(ada.id, &hash(near), &it.password_hash(), NOW).await.unwrap();
        assert!(!replaced, "{near:?} was taken for {:?}", exact.as_stored());
    }
    assert_eq!(stored(&it, ada.id).await.unwrap(), exact.as_stored());
}

pub(super) async fn a_long_hash_survives(it: Actors) {
    let (ada, long) = (it.signed_up("ada").await, hash(&"$scrypt$".repeat(31)));
    it.conn().insert_password(it.account_id(), ada.id, &long, NOW).await.unwrap();
    assert_eq!(stored(&it, ada.id).await.unwrap(), long.as_stored());
}

pub(super) async fn there_is_nothing_to_replace_without_a_password(it: Actors) {
    let (ada, (grace, of_grace)) = (it.signed_up("ada").await, it.with_password("grace").await);
    for user in [ada.id, it.user("nobody").id] {
        let replaced = it.conn().replace_password(user, &of_grace, &it.password_hash(), NOW).await.unwrap();
        assert!(!replaced, "a password was replaced that was never set");
        assert_eq!(stored(&it, user).await, None);
    }
    assert_eq!(stored(&it, grace.id).await.unwrap(), of_grace.as_stored());
}

pub(super) async fn racing_replacements_have_one_winner(it: Actors) {
    let (ada, old) = it.with_password("ada").await;
    let (it, old) = (&it, &old);
    let outcomes = race(|_| async move {
        let new = it.password_hash();
        (it.conn().replace_password(ada.id, old, &new, NOW).await.unwrap(), new)
    })
    .await;
    let verdicts: Vec<bool> = outcomes.iter().map(|(won, _)| *won).collect();
    assert_eq!(winners(&verdicts), 1, "replacements of the same hash");
    let winner = outcomes.iter().find(|(won, _)| *won).map(|(_, new)| new.as_stored().to_owned());
    assert_eq!(stored(it, ada.id).await, winner);
}
