//! The questions asked about quotas of requests.

use async_trait::async_trait;

use super::Quota;
use crate::base::Timestamp;
use crate::store::StoreError;

/// A keyed pseudonym of who is counted, where, and by which quota. A stolen table shows no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey([u8; 32]);

impl BucketKey {
    /// Takes a pseudonym made under the application's secret.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes for a binary column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What holds the requests of one caller in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Names it.
    pub key: BucketKey,
    /// How many fit into it.
    pub quota: Quota,
}

/// What has come of asking for a place in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether there was one.
    pub is_taken: bool,
    /// How many are taken, this one among them; under load it may be a few too low.
    pub used: u32,
    /// When the bucket is empty again.
    pub window_ends_at: Timestamp,
}

/// What is in a bucket, kept in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(super) used: u32,
    pub(crate) window_ends_at: Timestamp,
}

impl Count {
    /// Of a window that has ended long ago.
    pub(crate) const NONE: Self = Self { used: 0, window_ends_at: Timestamp::from_micros(0) };

    pub(crate) fn take(&mut self, bucket: &Bucket, now: Timestamp) -> Place {
        if now >= self.window_ends_at {
            *self = Self { used: 0, window_ends_at: now.plus(bucket.quota.window()) };
        }
        let is_taken = self.used < bucket.quota.limit();
        self.used += u32::from(is_taken);
        Place { is_taken, used: self.used, window_ends_at: self.window_ends_at }
    }

    pub(crate) fn give_back(&mut self, window_ends_at: Timestamp) {
        if self.window_ends_at == window_ends_at {
            self.used = self.used.saturating_sub(1);
        }
    }
}

/// Buckets that all processes share which share the store.
#[async_trait]
pub trait LimitStore {
    /// Takes a place in the bucket, if there is one. Each place is taken once, however many ask for it at the same
    /// time, and a bucket that is full is not changed by asking.
    async fn take_place(&mut self, bucket: &Bucket, now: Timestamp) -> Result<Place, StoreError>;

    /// Gives a place back that was taken in the window that ends then. One of an older window is nobody's any more.
    async fn give_place_back(&mut self, key: &BucketKey, window_ends_at: Timestamp) -> Result<(), StoreError>;
}
