//! Counting requests, and refusing those that are too many.

use std::fmt;

use super::config::Counted;
use super::{Bucket, BucketKey, Config, EndpointLimit, MemoryBuckets, Place, Quota};
use crate::base::Timestamp;
use crate::crypto::keys::Keyring;
use crate::crypto::mac::AttemptKeys;
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};
use crate::store::StoreError;

/// The limits of an engine, and what has been counted of them in this process.
pub(crate) struct Limiter {
    config: Config,
    keys: AttemptKeys,
    memory: MemoryBuckets,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The bucket of a request that is the nearest to being full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// How many it holds.
    pub(crate) limit: u32,
    /// How many more there is room for.
    pub(crate) remaining: u32,
    /// When it is empty again.
    pub(crate) resets_at: Timestamp,
}

impl Limiter {
    pub(crate) fn new(config: Config, keyring: &Keyring) -> Self {
        Self { config, keys: AttemptKeys::new(keyring), memory: MemoryBuckets::default() }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.config.counted == Counted::Nowhere
    }

    /// The quotas of routes that have none of their own.
    pub(crate) fn quotas_of_all(&self, is_known: bool) -> &[Quota] {
        if is_known { &self.config.signed_in } else { &self.config.anonymous }
    }

    /// Whether there are any.
    pub(crate) fn limits_all(&self) -> bool {
        !self.config.signed_in.is_empty() || !self.config.anonymous.is_empty()
    }

    /// One for each quota.
    pub(crate) fn buckets(&self, place: &str, by: &str, subject: &[u8], quotas: &[Quota]) -> Vec<Bucket> {
        let mut name = Vec::with_capacity(place.len() + by.len() + subject.len() + 32);
        let bucket = |quota: &Quota| {
            name.clear();
            // The lengths in front keep two lists of parts from being written alike.
            for part in [place, by] {
                name.extend((part.len() as u64).to_be_bytes());
                name.extend(part.as_bytes());
            }
            name.extend(quota.limit().to_be_bytes());
            name.extend(quota.window().as_micros().to_be_bytes());
            name.extend(subject);
            let key = match self.config.counted {
                Counted::InDatabase => BucketKey::from_bytes(self.keys.pseudonym("rate limit", &name)),
                Counted::InMemory | Counted::Nowhere => self.memory.key(&name),
            };
            Bucket { key, quota: *quota }
        };
        quotas.iter().map(bucket).collect()
    }

    async fn take(&self, cx: &Cx, bucket: &Bucket) -> Result<Place, StoreError> {
        match self.config.counted {
            Counted::InDatabase => cx.conn().take_place(bucket, cx.now()).await,
            Counted::InMemory | Counted::Nowhere => Ok(self.memory.take(bucket, cx.now())),
        }
    }

    /// What cannot be given back ends with its window.
    async fn give_back(&self, cx: &Cx, bucket: &Bucket, window_ends_at: Timestamp) {
        match self.config.counted {
            Counted::InDatabase => {
                if let Err(error) = cx.conn().give_place_back(&bucket.key, window_ends_at).await {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::warn!(cause, "a request that is refused was counted all the same");
                }
            }
            Counted::InMemory | Counted::Nowhere => self.memory.give_back(bucket, window_ends_at),
        }
    }

    /// Takes a place in each bucket, or in none of them. The shortest window is asked first: of a request that is broken
    /// off, that alone may have lost a place.
    ///
    /// # Errors
    /// 429 when one is full; 503 when they cannot be counted.
    pub(crate) async fn take_all(&self, cx: &Cx, mut buckets: Vec<Bucket>) -> Result<()> {
        buckets.sort_by_key(|bucket| bucket.quota.window());
        let mut taken = Vec::with_capacity(buckets.len());
        for bucket in &buckets {
            let refusal = match self.take(cx, bucket).await {
                Ok(place) => {
                    let limit = bucket.quota.limit();
                    let remaining = limit.saturating_sub(place.used);
                    let standing = Standing { limit, remaining, resets_at: place.window_ends_at };
                    if place.is_taken {
                        taken.push((bucket, standing));
                        continue;
                    }
                    cx.note_full(standing);
                    let wait = place.window_ends_at.since(cx.now());
                    Error::from(Code::TooManyRequests).retry_after(wait).over(bucket.quota)
                }
                Err(error) => error.into(),
            };
            for (bucket, Standing { resets_at, .. }) in taken {
                self.give_back(cx, bucket, resets_at).await;
            }
            return Err(refusal);
        }
        taken.into_iter().for_each(|(_, standing)| cx.note_standing(standing));
        Ok(())
    }
}

/// Counts a request to an endpoint of the engine by the client's address, and refuses it if there were too many.
///
/// # Errors
/// 429; 503 when it cannot be counted and must be.
pub(crate) async fn limit_endpoint(cx: &Cx, path: &str, limit: EndpointLimit) -> Result<()> {
    let limiter = cx.auth().limiter();
    let Some(client) = cx.client_unit().filter(|_| !limiter.is_off()) else { return Ok(()) };
    let buckets = limiter.buckets(path, "endpoint", client.to_string().as_bytes(), &[limit.quota]);
    match limiter.take_all(cx, buckets).await {
        Err(error) if is_outage(&error) && !limit.must_count => {
            warn_uncounted(&error);
            Ok(())
        }
        judged => judged,
    }
}

/// Counts what a handler is about to do, by a text that it knows, such as the address that somebody signs in with:
/// `name` tells what is counted apart from everything else.
///
/// ```
/// use auth_core::limit::{self, Quota};
/// # async fn of(cx: &auth_core::Cx, email: &auth_core::base::Email) -> auth_core::Result<()> {
/// # let quota = Quota::per_minute(5).unwrap();
/// limit::take(cx, "password reset", email.as_str(), &[quota]).await?;
/// # Ok(())
/// # }
/// ```
///
/// Give it the canonical form, or each spelling has a bucket of its own. Whoever is refused learns how often somebody
/// has asked for the same.
///
/// # Errors
/// 429 when there were too many; 503 when it cannot be counted.
pub async fn take(cx: &Cx, name: &str, subject: &str, quotas: &[Quota]) -> Result<()> {
    let limiter = cx.auth().limiter();
    if limiter.is_off() {
        return Ok(());
    }
    limiter.take_all(cx, limiter.buckets(name, "text", subject.as_bytes(), quotas)).await
}

pub(crate) fn is_outage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal)
}

pub(crate) fn warn_uncounted(error: &Error) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::warn!(cause, "a request could not be counted, and passes");
}
