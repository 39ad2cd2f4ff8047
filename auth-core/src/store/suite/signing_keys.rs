//! What a store promises about signing keys: all processes see the same ones, and none lives longer than it was told.

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, assert_conflict, race, winners};
use super::facts::signing_key_facts;
use crate::base::{SigningKeyId, Timestamp};
use crate::token::StoredSigningKey;

async fn written(it: &Actors, key: StoredSigningKey) -> StoredSigningKey {
    it.conn().insert_signing_key(&key).await.unwrap();
    key
}

/// The key as the store has it now, if it verifies anything at `NOW`.
async fn found(it: &Actors, id: SigningKeyId) -> Option<StoredSigningKey> {
    it.conn().signing_keys(NOW).await.unwrap().into_iter().find(|key| key.id == id)
}

/// The keys in the order in which they are listed.
async fn listed(it: &Actors, now: Timestamp) -> Vec<(String, i64)> {
    let keys = it.conn().signing_keys(now).await.unwrap();
    keys.into_iter().map(|key| (key.algorithm, key.generation)).collect()
}

pub(super) async fn every_field_of_a_signing_key_survives(it: Actors) {
    let key = StoredSigningKey {
        algorithm: "x".repeat(16),
        public_jwk: format!("{{\"n\":\"{}\"}}", "A_-".repeat(1_000)),
        // Every byte, and as many as the private half of a large RSA key needs.
        sealed_private: (0..=u8::MAX).cycle().take(4_096).collect(),
        created_at: Timestamp::from_micros(1),
        signs_from: NOW.plus(MICROSECOND),
        signs_until: NOW.plus(DAY),
        verifies_until: NOW.plus(2 * DAY),
        ..it.signing_key(1 << 40)
    };
    let key = written(&it, key).await;
    assert_eq!(signing_key_facts(&found(&it, key.id).await.unwrap()), signing_key_facts(&key));
}

pub(super) async fn signing_keys_are_listed_newest_generation_first(it: Actors) {
    assert!(listed(&it, NOW).await.is_empty(), "a new store has a key");
    for (algorithm, generation) in [("ES256", 2), ("EdDSA", 1), ("EdDSA", 10), ("EdDSA", 2)] {
        written(&it, StoredSigningKey { algorithm: algorithm.to_owned(), ..it.signing_key(generation) }).await;
    }
    let expected = [("EdDSA", 10), ("ES256", 2), ("EdDSA", 2), ("EdDSA", 1)];
    assert_eq!(listed(&it, NOW).await, expected.map(|(algorithm, generation)| (algorithm.to_owned(), generation)));
}

pub(super) async fn a_key_that_verifies_nothing_any_more_is_not_listed(it: Actors) {
    let key = written(&it, it.signing_key(1)).await;
    let later = StoredSigningKey { verifies_until: key.verifies_until.plus(DAY), ..it.signing_key(2) };
    written(&it, later).await;
    assert_eq!(listed(&it, key.verifies_until.minus(MICROSECOND)).await.len(), 2);
    assert_eq!(listed(&it, key.verifies_until).await, [("EdDSA".to_owned(), 2)]);
}

pub(super) async fn a_generation_is_taken_only_once(it: Actors) {
    let key = written(&it, it.signing_key(7)).await;
    let twin = it.signing_key(7);
    assert_conflict(it.conn().insert_signing_key(&twin).await, "a taken generation");
    assert!(found(&it, twin.id).await.is_none(), "a refused key was written");
    assert_eq!(signing_key_facts(&found(&it, key.id).await.unwrap()), signing_key_facts(&key));
}

/// Names of algorithms are compared byte by byte.
pub(super) async fn each_algorithm_has_generations_of_its_own(it: Actors) {
    for algorithm in ["EdDSA", "EDDSA", "EdDSA ", "ÉdDSA", "ES256"] {
        written(&it, StoredSigningKey { algorithm: algorithm.to_owned(), ..it.signing_key(1) }).await;
    }
    assert_eq!(listed(&it, NOW).await.len(), 5);
}

pub(super) async fn a_signing_key_id_is_taken_only_once(it: Actors) {
    let key = written(&it, it.signing_key(1)).await;
    let twin = StoredSigningKey { id: key.id, ..it.signing_key(2) };
    assert_conflict(it.conn().insert_signing_key(&twin).await, "a taken id");
    assert_eq!(signing_key_facts(&found(&it, key.id).await.unwrap()), signing_key_facts(&key));
}

pub(super) async fn racing_keys_of_one_generation_have_one_winner(it: Actors) {
    let it = &it;
    let verdicts = race(|_| async move { it.conn().insert_signing_key(&it.signing_key(1)).await }).await;
    let won: Vec<bool> = verdicts.iter().map(Result::is_ok).collect();
    assert_eq!(winners(&won), 1, "keys of the same generation");
    for refused in verdicts.into_iter().filter(Result::is_err) {
        assert_conflict(refused, "a key that came second");
    }
    assert_eq!(listed(it, NOW).await, [("EdDSA".to_owned(), 1)]);
}

pub(super) async fn the_ends_of_a_key_come_forward_and_never_later(it: Actors) {
    let (key, other) = (written(&it, it.signing_key(1)).await, written(&it, it.signing_key(2)).await);
    let (mut signs, mut verifies) = (key.signs_until, key.verifies_until);
    let (early, late) = (NOW.plus(DAY), NOW.plus(365 * DAY));
    for (signs_until, verifies_until) in [
        (signs.minus(MICROSECOND), verifies),
        (signs, verifies.minus(MICROSECOND)),
        (early.plus(DAY), late),
        (late, early.plus(DAY)),
        (early, early),
    ] {
        assert!(it.conn().shorten_signing_key(key.id, signs_until, verifies_until).await.unwrap(), "it was not done");
        (signs, verifies) = (signs.min(signs_until), verifies.min(verifies_until));
        let expected = StoredSigningKey { signs_until: signs, verifies_until: verifies, ..key.clone() };
        assert_eq!(signing_key_facts(&found(&it, key.id).await.unwrap()), signing_key_facts(&expected));
    }
    assert_eq!(signing_key_facts(&found(&it, other.id).await.unwrap()), signing_key_facts(&other));
}

pub(super) async fn shortening_nothing_is_told(it: Actors) {
    let key = written(&it, it.signing_key(1)).await;
    let (signs, verifies) = (key.signs_until, key.verifies_until);
    for (id, signs_until, verifies_until) in [
        (key.id, signs, verifies),
        (key.id, signs.plus(DAY), verifies),
        (key.id, signs, verifies.plus(DAY)),
        (key.id, signs.plus(DAY), verifies.plus(DAY)),
        (it.signing_key(2).id, NOW, NOW),
    ] {
        let shortened = it.conn().shorten_signing_key(id, signs_until, verifies_until).await.unwrap();
        assert!(!shortened, "a key was shortened to where it ends anyway");
        assert_eq!(signing_key_facts(&found(&it, key.id).await.unwrap()), signing_key_facts(&key));
    }
}

pub(super) async fn racing_shortenings_leave_the_earliest_ends(it: Actors) {
    let key = written(&it, it.signing_key(1)).await;
    let it = &it;
    race(|racer| async move {
        let (signs, verifies) = (racer as u32 * MINUTE, (31 - racer) as u32 * MINUTE + DAY);
        it.conn().shorten_signing_key(key.id, NOW.plus(signs), NOW.plus(verifies)).await.unwrap();
    })
    .await;
    let shortened = found(it, key.id).await.unwrap();
    assert_eq!((shortened.signs_until, shortened.verifies_until), (NOW, NOW.plus(DAY)));
}

/// Case, accents and trailing bytes are what text columns like to ignore.
pub(super) async fn a_key_is_resealed_where_exactly_the_old_seal_stands(it: Actors) {
    let key = written(&it, StoredSigningKey { sealed_private: b"aBc".to_vec(), ..it.signing_key(1) }).await;
    let other = written(&it, StoredSigningKey { sealed_private: b"aBc".to_vec(), ..it.signing_key(2) }).await;
    for near in [&b"abc"[..], b"aBc ", b"aBc\0", b"aB", b"", b"\xe4"] {
        assert!(!it.conn().reseal_signing_key(key.id, near, b"new").await.unwrap(), "{near:?} was taken for the seal");
    }
    assert_eq!(signing_key_facts(&found(&it, key.id).await.unwrap()), signing_key_facts(&key));
    assert!(it.conn().reseal_signing_key(key.id, b"aBc", b"new").await.unwrap(), "the old seal was not found");
    assert!(!it.conn().reseal_signing_key(key.id, b"aBc", b"newer").await.unwrap(), "an outdated seal was replaced");
    let expected = StoredSigningKey { sealed_private: b"new".to_vec(), ..key };
    assert_eq!(signing_key_facts(&found(&it, expected.id).await.unwrap()), signing_key_facts(&expected));
    assert_eq!(signing_key_facts(&found(&it, other.id).await.unwrap()), signing_key_facts(&other));
    assert!(!it.conn().reseal_signing_key(it.signing_key(3).id, b"aBc", b"new").await.unwrap(), "there is no such key");
}

pub(super) async fn racing_resealings_have_one_winner(it: Actors) {
    let key = written(&it, it.signing_key(1)).await;
    let (it, key) = (&it, &key);
    let verdicts = race(|racer| async move {
        it.conn().reseal_signing_key(key.id, &key.sealed_private, &[racer as u8]).await.unwrap()
    })
    .await;
    assert_eq!(winners(&verdicts), 1, "resealings of the same key");
    let winner = verdicts.iter().position(|won| *won).unwrap();
    assert_eq!(found(it, key.id).await.unwrap().sealed_private, [winner as u8]);
}
