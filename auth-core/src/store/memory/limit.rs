//! Answers about quotas of requests.

use async_trait::async_trait;

use super::{Asked, Counter, Reach};
use crate::base::Timestamp;
use crate::limit::{Bucket, BucketKey, LimitStore, Place};
use crate::store::StoreError;

#[async_trait]
impl<R: Reach> LimitStore for Asked<R> {
    async fn take_place(&mut self, bucket: &Bucket, now: Timestamp) -> Result<Place, StoreError> {
        let mut state = self.0.state().await;
        let anew = Counter { attempts: 0, window_ends_at: now.plus(bucket.quota.window()) };
        let counter = state.buckets.entry(bucket.key).or_insert(anew);
        if now >= counter.window_ends_at {
            *counter = anew;
        }
        let is_taken = counter.attempts < i64::from(bucket.quota.limit());
        counter.attempts += i64::from(is_taken);
        let used = u32::try_from(counter.attempts).unwrap_or(u32::MAX);
        Ok(Place { is_taken, used, window_ends_at: counter.window_ends_at })
    }

    async fn give_place_back(&mut self, key: &BucketKey, window_ends_at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        if let Some(counter) = state.buckets.get_mut(key)
            && counter.window_ends_at == window_ends_at
        {
            counter.attempts = counter.attempts.saturating_sub(1).max(0);
        }
        Ok(())
    }
}
