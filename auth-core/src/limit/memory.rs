//! Buckets in the memory of one process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Bucket, BucketKey, Count, Place};
use crate::base::Timestamp;

/// Locks, so that requests seldom wait for each other.
const SHARDS: usize = 16;
/// Buckets of their own in a shard: 100,000 in all, about 10 MB.
const OWN_BUCKETS: usize = 100_000 / SHARDS;
/// Buckets in a shard that are shared by those for whom there was no room: 65,536 for each length of a window.
const SHARED_BUCKETS: usize = 65_536 / SHARDS;
/// A full shard is not swept more often.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// Counts in bounded memory. Nothing that still counts is ever thrown away to make room, so that nobody can get rid of
/// their own count by sending requests in the names of many others. While there are more callers than room, those who
/// came last share buckets: they are counted too much rather than too little.
#[derive(Debug)]
pub(crate) struct MemoryBuckets {
    shards: [Mutex<Shard>; SHARDS],
    /// Keys of SipHash, drawn anew by each process: nobody can choose which bucket they fall into.
    hashes: [RandomState; 2],
}

#[derive(Debug, Default)]
struct Shard {
    own: HashMap<BucketKey, Count>,
    /// By the length of the window: a short one must not end the count of a long one.
    shared: HashMap<Duration, Box<[Count]>>,
    swept_at: Option<Timestamp>,
}

impl Default for MemoryBuckets {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hashes: Default::default() }
    }
}

impl MemoryBuckets {
    /// What a bucket of this name is called here: nothing of it leaves the process, so it is hashed and not sealed.
    pub(super) fn key(&self, name: &[u8]) -> BucketKey {
        let mut key = [0; 32];
        for (half, hash) in key.chunks_exact_mut(8).zip(&self.hashes) {
            half.copy_from_slice(&hash.hash_one(name).to_be_bytes());
        }
        BucketKey::from_bytes(key)
    }

    /// Takes a place in the bucket, if there is one.
    pub(super) fn take(&self, bucket: &Bucket, now: Timestamp) -> Place {
        self.shard(&bucket.key).count(bucket, now).take(bucket, now)
    }

    /// Gives a place back that was taken in the window that ends then.
    pub(super) fn give_back(&self, bucket: &Bucket, window_ends_at: Timestamp) {
        let mut shard = self.shard(&bucket.key);
        if let Some(count) = shard.own.get_mut(&bucket.key) {
            count.give_back(window_ends_at);
        } else if let Some(shared) = shard.shared.get_mut(&bucket.quota.window()) {
            shared[slot(&bucket.key)].give_back(window_ends_at);
        }
    }

    fn shard(&self, key: &BucketKey) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(key.as_bytes()[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// The count of the bucket: its own if it has one or there is room for it, else one that it shares.
    fn count(&mut self, bucket: &Bucket, now: Timestamp) -> &mut Count {
        let has_room = self.own.contains_key(&bucket.key) || self.has_room(now);
        if has_room {
            // What was counted while there was no room still counts.
            let shared = self.shared.get(&bucket.quota.window());
            let known = shared.map_or(Count::NONE, |counts| counts[slot(&bucket.key)]);
            return self.own.entry(bucket.key).or_insert(known);
        }
        let shared = self.shared.entry(bucket.quota.window());
        &mut shared.or_insert_with(|| vec![Count::NONE; SHARED_BUCKETS].into())[slot(&bucket.key)]
    }

    fn has_room(&mut self, now: Timestamp) -> bool {
        if self.own.len() < OWN_BUCKETS {
            return true;
        }
        if self.swept_at.is_none_or(|last| now.since(last) >= SWEEP_PAUSE) {
            self.swept_at = Some(now);
            self.own.retain(|_, count| now < count.window_ends_at);
            self.shared.retain(|_, counts| counts.iter().any(|count| now < count.window_ends_at));
        }
        self.own.len() < OWN_BUCKETS
    }
}

/// The pseudonym is as good as random, so that some of its bits are.
fn slot(key: &BucketKey) -> usize {
    let [_, first, second, ..] = *key.as_bytes();
    usize::from(u16::from_be_bytes([first, second])) % SHARED_BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Quota;

    const START: Timestamp = Timestamp::from_micros(1_780_000_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    /// The bucket of the `n`th caller: the bytes are spread as those of a pseudonym are.
    fn bucket(n: u64, quota: Quota) -> Bucket {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        bytes[8..16].copy_from_slice(&n.to_be_bytes());
        Bucket { key: BucketKey::from_bytes(bytes), quota }
    }

    #[test]
    fn a_bucket_holds_so_many_until_its_window_ends() {
        let (buckets, two) = (MemoryBuckets::default(), bucket(1, Quota::per_minute(2).unwrap()));
        let taken = |now| buckets.take(&two, now);
        let ends = START.plus(MINUTE);
        assert_eq!(taken(START), Place { is_taken: true, used: 1, window_ends_at: ends });
        assert_eq!(taken(START.plus(MINUTE / 2)), Place { is_taken: true, used: 2, window_ends_at: ends });
        let last = Timestamp::from_micros(ends.as_micros() - 1);
        assert_eq!(taken(last), Place { is_taken: false, used: 2, window_ends_at: ends });
        buckets.give_back(&two, START);
        assert!(!taken(last).is_taken, "a place of another window was given back");
        buckets.give_back(&two, ends);
        assert!(taken(last).is_taken && !taken(last).is_taken);
        assert_eq!(taken(ends), Place { is_taken: true, used: 1, window_ends_at: ends.plus(MINUTE) });
    }

    #[test]
    fn a_million_callers_take_bounded_room_and_nobody_gets_rid_of_their_count() {
        let (buckets, quota) = (MemoryBuckets::default(), Quota::per_hour(1).unwrap());
        let own = bucket(0, quota);
        assert!(buckets.take(&own, START).is_taken);
        for n in 1..1_000_000 {
            buckets.take(&bucket(n, quota), START);
        }
        assert!(!buckets.take(&own, START).is_taken, "the attacker's own count is gone");
        let late = bucket(2_000_000, quota);
        buckets.take(&late, START);
        assert!(!buckets.take(&late, START).is_taken, "whoever comes last is not counted");
        let shards: Vec<_> = buckets.shards.iter().map(|shard| shard.lock().unwrap()).collect();
        assert!(shards.iter().all(|shard| shard.own.len() <= OWN_BUCKETS && shard.shared.len() <= 1));
        drop(shards);
        assert!(buckets.take(&late, START.plus(Duration::from_hours(1))).is_taken, "no room was made");
    }

    #[test]
    fn what_was_counted_in_a_shared_bucket_counts_when_there_is_room_again() {
        let mut shard = Shard::default();
        let (second, hour) = (Quota::new(1, Duration::from_secs(1)).unwrap(), Quota::per_hour(1).unwrap());
        for n in 0..OWN_BUCKETS as u64 {
            shard.count(&bucket(n, second), START).take(&bucket(n, second), START);
        }
        let late = bucket(1 << 40, hour);
        assert!(shard.count(&late, START).take(&late, START).is_taken);
        let later = START.plus(Duration::from_secs(2));
        assert!(!shard.count(&late, later).take(&late, later).is_taken);
        assert!(shard.own.contains_key(&late.key), "no room was made");
    }

    #[test]
    fn a_short_window_does_not_end_a_long_one_that_shares_its_bucket() {
        let mut shard = Shard::default();
        let (hour, second) = (Quota::per_hour(1).unwrap(), Quota::new(1, Duration::from_secs(1)).unwrap());
        for n in 0..OWN_BUCKETS as u64 {
            shard.own.insert(bucket(n, hour).key, Count { used: 1, window_ends_at: START.plus(2 * MINUTE) });
        }
        let late = |quota| Bucket { quota, ..bucket(1 << 40, hour) };
        let mut take = |quota, now| shard.count(&late(quota), now).take(&late(quota), now).is_taken;
        assert!(take(second, START) && take(hour, START));
        let later = START.plus(MINUTE);
        assert!(take(second, later) && !take(hour, later));
    }
}
