//! What a store promises about the use of API keys: every limit counts it, or none, and nobody gets more by asking at
//! once.

use super::actors::{Actors, DAY, HOUR, MICROSECOND, MINUTE, NOW, RACERS, race};
use super::facts::key_facts;
use crate::api_key::{ApiKey, Limits, Quota, Refill, Spent};
use crate::base::{ApiKeyId, Timestamp};

/// A key of Ada's with these limits.
async fn limited(it: &Actors, limits: Limits) -> ApiKey {
    let ada = it.signed_up("ada").await;
    it.keyed(&ada, |key| key.limits = limits).await.0
}

fn quotas(quotas: &[Quota]) -> Limits {
    Limits { quotas: quotas.iter().map(|quota| (*quota).into()).collect(), ..Limits::default() }
}

async fn spend(it: &Actors, id: ApiKeyId, now: Timestamp) -> Spent {
    it.conn().spend_api_key(id, now).await.unwrap()
}

async fn limits_of(it: &Actors, key: &ApiKey) -> Limits {
    it.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap().limits
}

/// What each quota has counted, and what is left.
async fn counts(it: &Actors, key: &ApiKey) -> (Vec<i64>, Option<i64>) {
    let limits = limits_of(it, key).await;
    (limits.quotas.iter().map(|quota| quota.used).collect(), limits.remaining)
}

fn allowed(verdicts: &[Spent]) -> usize {
    verdicts.iter().filter(|spent| **spent == Spent::Allowed).count()
}

pub(super) async fn a_key_without_limits_is_always_allowed(it: Actors) {
    let key = limited(&it, Limits::default()).await;
    for _ in 0..3 {
        assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    }
    let seen = it.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap();
    assert_eq!(key_facts(&seen), key_facts(&key), "a use changed what it does not count");
}

pub(super) async fn a_quota_allows_so_many_in_a_window(it: Actors) {
    let key = limited(&it, quotas(&[Quota::per_minute(2).unwrap()])).await;
    let end = NOW.plus(MINUTE);
    assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    assert_eq!(spend(&it, key.id, NOW.plus(MINUTE / 2)).await, Spent::Allowed);
    for now in [NOW, end.minus(MICROSECOND)] {
        assert_eq!(spend(&it, key.id, now).await, Spent::QuotaExceeded { ends_at: end });
    }
    assert_eq!(limits_of(&it, &key).await.quotas[0].window_ends_at, end, "being refused moved the window");
    // A window begins with the first use in it, not where the last one ended.
    let later = end.plus(HOUR);
    assert_eq!(spend(&it, key.id, later).await, Spent::Allowed);
    let quota = limits_of(&it, &key).await.quotas[0];
    assert_eq!((quota.used, quota.window_ends_at), (1, later.plus(MINUTE)));
}

pub(super) async fn a_window_that_has_ended_begins_anew_at_that_instant(it: Actors) {
    let key = limited(&it, quotas(&[Quota::per_minute(1).unwrap()])).await;
    for minutes in 0..3 {
        let now = NOW.plus(minutes * MINUTE);
        assert_eq!(spend(&it, key.id, now).await, Spent::Allowed, "after {minutes} minutes");
        assert_eq!(spend(&it, key.id, now).await, Spent::QuotaExceeded { ends_at: now.plus(MINUTE) });
    }
}

/// What one quota refuses must not cost a place in another.
pub(super) async fn a_refused_use_is_counted_by_no_limit(it: Actors) {
    let mut limits = quotas(&[
        Quota::per_minute(1).unwrap(),
        Quota::per_hour(3).unwrap(),
        Quota::per_day(10).unwrap(),
        Quota::new(10, 30 * DAY).unwrap(),
    ]);
    limits.remaining = Some(5);
    let key = limited(&it, limits).await;
    assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    for _ in 0..3 {
        assert_eq!(spend(&it, key.id, NOW).await, Spent::QuotaExceeded { ends_at: NOW.plus(MINUTE) });
    }
    assert_eq!(counts(&it, &key).await, (vec![1, 1, 1, 1], Some(4)));
    assert_eq!(spend(&it, key.id, NOW.plus(MINUTE)).await, Spent::Allowed);
    assert_eq!(spend(&it, key.id, NOW.plus(2 * MINUTE)).await, Spent::Allowed);
    assert_eq!(counts(&it, &key).await, (vec![1, 3, 3, 3], Some(2)));
    // The minute has room, the hour has none.
    let refused = spend(&it, key.id, NOW.plus(3 * MINUTE)).await;
    assert_eq!(refused, Spent::QuotaExceeded { ends_at: NOW.plus(HOUR) });
    assert_eq!(counts(&it, &key).await, (vec![1, 3, 3, 3], Some(2)));
}

pub(super) async fn what_is_left_counts_down_to_none(it: Actors) {
    let mut limits = quotas(&[Quota::per_day(10).unwrap()]);
    limits.remaining = Some(2);
    let key = limited(&it, limits).await;
    for left in [1, 0] {
        assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
        assert_eq!(counts(&it, &key).await.1, Some(left));
    }
    for _ in 0..2 {
        assert_eq!(spend(&it, key.id, NOW.plus(300 * DAY)).await, Spent::NoneRemaining { refill_at: None });
    }
    assert_eq!(counts(&it, &key).await, (vec![2], Some(0)));
}

fn refilled(remaining: i64, amount: u32) -> Limits {
    let refill = Some(Refill::new(amount, HOUR).unwrap());
    Limits { remaining: Some(remaining), refill, last_refill_at: Some(NOW), ..Limits::default() }
}

pub(super) async fn a_refill_that_is_due_happens_with_the_use(it: Actors) {
    let key = limited(&it, refilled(1, 3)).await;
    let due = NOW.plus(HOUR);
    assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    assert_eq!(spend(&it, key.id, due.minus(MICROSECOND)).await, Spent::NoneRemaining { refill_at: Some(due) });
    assert_eq!(spend(&it, key.id, due).await, Spent::Allowed);
    let limits = limits_of(&it, &key).await;
    assert_eq!((limits.remaining, limits.last_refill_at), (Some(2), Some(due)));
    // Whatever is left is filled up, not added to, however long it was.
    let later = due.plus(10 * HOUR);
    assert_eq!(spend(&it, key.id, later).await, Spent::Allowed);
    let limits = limits_of(&it, &key).await;
    assert_eq!((limits.remaining, limits.last_refill_at), (Some(2), Some(later)));
}

/// A quota that is used up holds a refill back.
pub(super) async fn a_refused_use_refills_nothing(it: Actors) {
    let quotas = quotas(&[Quota::new(1, 2 * HOUR).unwrap()]).quotas;
    let key = limited(&it, Limits { quotas, ..refilled(5, 9) }).await;
    assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    let refused = spend(&it, key.id, NOW.plus(HOUR)).await;
    assert_eq!(refused, Spent::QuotaExceeded { ends_at: NOW.plus(2 * HOUR) });
    let limits = limits_of(&it, &key).await;
    assert_eq!((limits.remaining, limits.last_refill_at), (Some(4), Some(NOW)));
}

/// The last place of every window is one: 32 racers, one winner.
pub(super) async fn racing_uses_of_the_last_place_have_one_winner(it: Actors) {
    let all = [Quota::per_minute(2).unwrap(), Quota::per_hour(2).unwrap()];
    let key = limited(&it, Limits { remaining: Some(100), ..quotas(&all) }).await;
    assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    let (it, id) = (&it, key.id);
    let verdicts = race(|_| spend(it, id, NOW)).await;
    assert_eq!(allowed(&verdicts), 1, "uses of the last place");
    let refused = Spent::QuotaExceeded { ends_at: NOW.plus(HOUR) };
    assert!(verdicts.iter().all(|spent| [Spent::Allowed, refused].contains(spent)), "{verdicts:?}");
    assert_eq!(counts(it, &key).await, (vec![2, 2], Some(98)));
}

pub(super) async fn racing_uses_in_a_new_window_are_all_counted(it: Actors) {
    let key = limited(&it, quotas(&[Quota::per_minute(20).unwrap()])).await;
    for _ in 0..20 {
        spend(&it, key.id, NOW).await;
    }
    let (it, id) = (&it, key.id);
    let verdicts = race(|_| spend(it, id, NOW.plus(MINUTE))).await;
    assert_eq!((verdicts.len(), allowed(&verdicts)), (RACERS, 20));
    assert_eq!(counts(it, &key).await.0, [20]);
}

pub(super) async fn racing_uses_after_a_refill_share_it(it: Actors) {
    let key = limited(&it, refilled(0, 5)).await;
    let (it, id) = (&it, key.id);
    let verdicts = race(|_| spend(it, id, NOW.plus(HOUR))).await;
    assert_eq!(allowed(&verdicts), 5, "uses of one refill");
    assert_eq!(counts(it, &key).await.1, Some(0));
}

pub(super) async fn keys_are_counted_apart(it: Actors) {
    let ada = it.signed_up("ada").await;
    let limits = quotas(&[Quota::per_minute(1).unwrap()]);
    let (one, other) = (
        it.keyed(&ada, |key| key.limits = limits.clone()).await.0,
        it.keyed(&ada, |key| key.limits = limits.clone()).await.0,
    );
    assert_eq!(spend(&it, one.id, NOW).await, Spent::Allowed);
    assert_eq!(spend(&it, other.id, NOW).await, Spent::Allowed);
    assert_eq!(counts(&it, &one).await.0, [1]);
}

pub(super) async fn a_removed_key_cannot_be_spent(it: Actors) {
    let key = limited(&it, quotas(&[Quota::per_minute(5).unwrap()])).await;
    assert_eq!(spend(&it, key.id, NOW).await, Spent::Allowed);
    assert!(it.conn().delete_api_key(&key.owner, key.id).await.unwrap(), "the key was not found");
    assert_eq!(spend(&it, key.id, NOW).await, Spent::NoSuchKey);
    assert!(!it.conn().record_api_key_usage(key.id, 1, NOW).await.unwrap(), "a removed key was used");
}

/// Whatever comes after the removal has been told is refused.
pub(super) async fn uses_that_race_with_a_removal_never_bring_a_key_back(it: Actors) {
    let key = limited(&it, quotas(&[Quota::per_minute(1_000).unwrap()])).await;
    let (it, key) = (&it, &key);
    race(|racer| async move {
        if racer == RACERS / 2 {
            assert!(it.conn().delete_api_key(&key.owner, key.id).await.unwrap(), "the key was not found");
            assert_eq!(spend(it, key.id, NOW).await, Spent::NoSuchKey);
        } else {
            spend(it, key.id, NOW).await;
            it.conn().record_api_key_usage(key.id, 1, NOW).await.unwrap();
        }
    })
    .await;
    assert!(it.conn().api_key_of(&key.owner, key.id).await.unwrap().is_none(), "a use brought a key back");
}

pub(super) async fn usage_adds_up_and_the_last_use_never_goes_back(it: Actors) {
    let mut key = limited(&it, quotas(&[Quota::per_minute(5).unwrap()])).await;
    for (uses, at, last) in [(3, NOW, NOW), (1_000, NOW.plus(DAY), NOW.plus(DAY)), (1, NOW, NOW.plus(DAY))] {
        assert!(it.conn().record_api_key_usage(key.id, uses, at).await.unwrap(), "the key was not found");
        key.usage_count += uses;
        key.last_used_at = Some(last);
        let seen = it.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap();
        assert_eq!(key_facts(&seen), key_facts(&key));
    }
}

pub(super) async fn concurrent_usage_is_all_added(it: Actors) {
    let key = limited(&it, Limits::default()).await;
    let (it, id) = (&it, key.id);
    race(|racer| async move {
        let at = NOW.plus(racer as u32 * MINUTE);
        it.conn().record_api_key_usage(id, racer as i64, at).await.unwrap();
    })
    .await;
    let seen = it.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap();
    let last = NOW.plus((RACERS as u32 - 1) * MINUTE);
    assert_eq!((seen.usage_count, seen.last_used_at), ((0..RACERS as i64).sum(), Some(last)));
}
