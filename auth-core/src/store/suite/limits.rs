//! What a store promises about quotas of requests.

use super::actors::{Actors, HOUR, MICROSECOND, MINUTE, NOW, RACERS, race};
use crate::base::Timestamp;
use crate::limit::{Bucket, BucketKey, Place, Quota};

/// A bucket that was never asked for a place.
fn bucket(it: &Actors, quota: Quota) -> Bucket {
    Bucket { key: BucketKey::from_bytes(*it.attempt_key().as_bytes()), quota }
}

async fn take(it: &Actors, bucket: &Bucket, now: Timestamp) -> Place {
    it.conn().take_place(bucket, now).await.unwrap()
}

pub(super) async fn a_bucket_holds_so_many_and_no_more(it: Actors) {
    let (two, other) = (bucket(&it, Quota::per_minute(2).unwrap()), bucket(&it, Quota::per_minute(2).unwrap()));
    let window_ends_at = NOW.plus(MINUTE);
    assert_eq!(take(&it, &two, NOW).await, Place { is_taken: true, used: 1, window_ends_at });
    assert_eq!(take(&it, &two, NOW.plus(MINUTE / 2)).await, Place { is_taken: true, used: 2, window_ends_at });
    for _ in 0..3 {
        assert_eq!(take(&it, &two, NOW).await, Place { is_taken: false, used: 2, window_ends_at });
    }
    assert_eq!(take(&it, &other, NOW).await.used, 1, "two buckets share their places");
}

pub(super) async fn a_bucket_is_empty_when_its_window_has_ended(it: Actors) {
    let one = bucket(&it, Quota::per_minute(1).unwrap());
    assert!(take(&it, &one, NOW).await.is_taken);
    let end = NOW.plus(MINUTE);
    assert!(!take(&it, &one, end.minus(MICROSECOND)).await.is_taken);
    assert_eq!(take(&it, &one, end).await, Place { is_taken: true, used: 1, window_ends_at: end.plus(MINUTE) });
    assert!(!take(&it, &one, end).await.is_taken);
}

pub(super) async fn a_place_that_is_given_back_can_be_taken_again(it: Actors) {
    let one = bucket(&it, Quota::per_hour(1).unwrap());
    let end = take(&it, &one, NOW).await.window_ends_at;
    it.conn().give_place_back(&one.key, end.minus(MICROSECOND)).await.unwrap();
    assert!(!take(&it, &one, NOW).await.is_taken, "a place of another window was given back");
    for _ in 0..2 {
        it.conn().give_place_back(&one.key, end).await.unwrap();
    }
    assert!(take(&it, &one, NOW).await.is_taken);
    assert!(!take(&it, &one, NOW).await.is_taken, "one place was given back twice");
    it.conn().give_place_back(&bucket(&it, one.quota).key, end).await.unwrap();
}

pub(super) async fn a_larger_or_smaller_quota_goes_by_what_was_counted(it: Actors) {
    let two = bucket(&it, Quota::per_minute(2).unwrap());
    assert!(take(&it, &two, NOW).await.is_taken);
    let one = Bucket { quota: Quota::per_minute(1).unwrap(), ..two };
    assert!(!take(&it, &one, NOW).await.is_taken);
    assert!(take(&it, &two, NOW).await.is_taken);
}

/// However many ask at the same time, and whether the bucket was there before.
pub(super) async fn each_place_is_taken_once(it: Actors) {
    let it = &it;
    for quota in [1, RACERS as u32 - 1] {
        let shared = bucket(it, Quota::per_hour(quota).unwrap());
        let places = race(|_| take(it, &shared, NOW)).await;
        assert_eq!(places.iter().filter(|place| place.is_taken).count(), quota as usize);
        assert!(!take(it, &shared, NOW).await.is_taken);
        // The window that begins anew is a race as well.
        let places = race(|_| take(it, &shared, NOW.plus(HOUR))).await;
        assert_eq!(places.iter().filter(|place| place.is_taken).count(), quota as usize);
    }
}

pub(super) async fn a_bucket_whose_window_has_ended_is_pruned(it: Actors) {
    let (short, long) = (bucket(&it, Quota::per_minute(1).unwrap()), bucket(&it, Quota::per_hour(1).unwrap()));
    for bucket in [&short, &long] {
        take(&it, bucket, NOW).await;
    }
    assert_eq!(it.conn().prune_attempts(NOW.plus(MINUTE), 10).await.unwrap(), 1);
    assert!(!take(&it, &long, NOW.plus(MINUTE)).await.is_taken, "a bucket that counts was pruned");
    assert!(take(&it, &short, NOW.plus(MINUTE)).await.is_taken);
}
