//! Answers about quotas of requests.

use async_trait::async_trait;

use super::{Asked, Reach};
use crate::base::Timestamp;
use crate::limit::{Bucket, BucketKey, Count, LimitStore, Place};
use crate::store::StoreError;

#[async_trait]
impl<R: Reach> LimitStore for Asked<R> {
    async fn take_place(&mut self, bucket: &Bucket, now: Timestamp) -> Result<Place, StoreError> {
        Ok(self.0.state().await.buckets.entry(bucket.key).or_insert(Count::NONE).take(bucket, now))
    }

    async fn give_place_back(&mut self, key: &BucketKey, window_ends_at: Timestamp) -> Result<(), StoreError> {
        if let Some(count) = self.0.state().await.buckets.get_mut(key) {
            count.give_back(window_ends_at);
        }
        Ok(())
    }
}
