//! Counting requests, and refusing those that are too many.

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::config::Counted;
use super::rule::{Key, RouteLimit};
use super::{Bucket, BucketKey, Config, EndpointLimit, MemoryBuckets, Place, Quota, RateLimit, RateLimitKey};
use crate::base::Timestamp;
use crate::crypto::keys::Keyring;
use crate::crypto::mac::AttemptKeys;
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};
use crate::guard::Authentication;
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

    fn is_off(&self) -> bool {
        self.config.counted == Counted::Nowhere
    }

    /// One for each quota, the longest window first: if several are full, that is the one to wait for.
    fn buckets(&self, place: &str, by: &str, subject: &[u8], quotas: &[Quota]) -> Vec<Bucket> {
        let bucket = |quota: &Quota| {
            let head = format!("{place}\n{by}\n{}/{}\n", quota.limit(), quota.window().as_micros());
            let key = self.keys.pseudonym("rate limit", &[head.as_bytes(), subject].concat());
            Bucket { key: BucketKey::from_bytes(key), quota: *quota }
        };
        let mut buckets: Vec<Bucket> = quotas.iter().map(bucket).collect();
        buckets.sort_by_key(|bucket| Reverse(bucket.quota.window()));
        buckets
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
                    warn_uncounted(&error.into());
                }
            }
            Counted::InMemory | Counted::Nowhere => self.memory.give_back(bucket, window_ends_at),
        }
    }

    /// Takes a place in each bucket, or in none of them.
    ///
    /// # Errors
    /// 429 when one is full; 503 when they cannot be counted.
    async fn take_all(&self, cx: &Cx, buckets: &[Bucket]) -> Result<()> {
        let mut taken = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            let place = self.take(cx, bucket).await?;
            cx.note_standing(Standing {
                limit: bucket.quota.limit(),
                remaining: bucket.quota.limit().saturating_sub(place.used),
                resets_at: place.window_ends_at,
            });
            if !place.is_taken {
                for (bucket, window_ends_at) in taken {
                    self.give_back(cx, bucket, window_ends_at).await;
                }
                let wait = place.window_ends_at.since(cx.now());
                return Err(Error::from(Code::TooManyRequests).retry_after(wait).over(bucket.quota));
            }
            taken.push((bucket, place.window_ends_at));
        }
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
    match limiter.take_all(cx, &buckets).await {
        Err(error) if is_outage(&error) && !limit.must_count => {
            warn_uncounted(&error);
            Ok(())
        }
        judged => judged,
    }
}

/// Counts a request to a route of the application, and refuses it if there were too many. `is_public` says whether a
/// caller who is unknown comes in.
///
/// # Errors
/// 429; 503 when it cannot be known who calls, or when somebody unknown would come in uncounted.
pub(crate) async fn limit_route(cx: &Cx, limit: &RouteLimit, is_public: bool) -> Result<()> {
    let limiter = cx.auth().limiter();
    let Config { signed_in, anonymous, .. } = &limiter.config;
    if limiter.is_off() || limit.is_lifted {
        return Ok(());
    }
    if !limit.own.is_empty() {
        return limit_by_own(cx, &limit.own, is_public).await;
    }
    if signed_in.is_empty() && anonymous.is_empty() {
        return Ok(());
    }
    // One bucket over all routes: a request that meets several rules is counted once.
    let count = || async {
        let caller = Caller::of(cx, is_public).await?;
        let quotas = if caller.is_known() { signed_in } else { anonymous };
        let Some(subject) = caller.subject() else { return Ok(()) };
        caller.judged(limiter.take_all(cx, &limiter.buckets("", "Caller", &subject, quotas)).await, is_public)
    };
    cx.limited_once(count).await
}

async fn limit_by_own(cx: &Cx, limits: &[RateLimit], is_public: bool) -> Result<()> {
    let limiter = cx.auth().limiter();
    let caller = Caller::of(cx, is_public).await?;
    let place = format!("{} {}", cx.request().method, cx.request().route);
    let mut buckets = Vec::new();
    for limit in limits {
        if let Some((by, subject)) = subject(cx, &caller, limit).await {
            buckets.extend(limiter.buckets(&place, &by, &subject, limit.quotas()));
        }
    }
    buckets.sort_by_key(|bucket| Reverse(bucket.quota.window()));
    caller.judged(limiter.take_all(cx, &buckets).await, is_public)
}

/// Counts what a handler is about to do, by a text that it knows, such as the address that somebody signs in with:
/// `name` tells what is counted apart from everything else.
///
/// ```
/// use auth_core::limit::{self, Quota};
/// # async fn of(cx: &auth_core::Cx, email: &str) -> auth_core::Result<()> {
/// # let quota = Quota::per_minute(5).unwrap();
/// limit::take(cx, "password reset", email, &[quota]).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// 429 when there were too many; 503 when it cannot be counted.
pub async fn take(cx: &Cx, name: &str, subject: &str, quotas: &[Quota]) -> Result<()> {
    let limiter = cx.auth().limiter();
    if limiter.is_off() {
        return Ok(());
    }
    limiter.take_all(cx, &limiter.buckets(name, "text", subject.as_bytes(), quotas)).await
}

/// Who is counted.
enum Caller {
    Known(Arc<Authentication>),
    /// Nobody who has proved anything; the address, if it is known.
    Unknown(Option<IpAddr>),
}

impl Caller {
    /// # Errors
    /// When it cannot be known, on a route for which that has to be.
    async fn of(cx: &Cx, is_public: bool) -> Result<Self> {
        match cx.authentication().await {
            Ok(Some(caller)) => Ok(Self::Known(caller)),
            Err(error) if is_outage(&error) && !is_public => Err(error),
            // A bad credential is none: what comes of it, the guard says.
            Ok(None) | Err(_) => Ok(Self::Unknown(cx.client_unit())),
        }
    }

    const fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// What they are counted by.
    fn subject(&self) -> Option<Vec<u8>> {
        match self {
            Self::Known(caller) => {
                let principal = caller.principal();
                let issuer = principal.id.issuer().unwrap_or_default();
                // No kind and no issuer, which is a URL, has a space.
                Some(format!("{} {issuer} {}", principal.kind.as_str(), principal.id).into_bytes())
            }
            Self::Unknown(client) => client.map(|ip| format!("client {ip}").into_bytes()),
        }
    }

    /// An outage of the counters keeps out whom nothing else does: a caller who is known passes, and one who is not is
    /// refused by the guard of a route that is not public.
    fn judged(&self, outcome: Result<()>, is_public: bool) -> Result<()> {
        match outcome {
            Err(error) if is_outage(&error) && (self.is_known() || !is_public) => {
                warn_uncounted(&error);
                Ok(())
            }
            outcome => outcome,
        }
    }
}

/// What a request is counted by under this limit, and what that is; `None` if nothing of the kind is there.
async fn subject(cx: &Cx, caller: &Caller, limit: &RateLimit) -> Option<(String, Vec<u8>)> {
    let key = match limit.key() {
        Key::Known(key) => key,
        Key::Custom { name, of } => return Some((format!("custom {name}"), of(cx)?.into_bytes())),
    };
    let subject = match key {
        RateLimitKey::Caller => caller.subject()?,
        RateLimitKey::Client => cx.client_unit()?.to_string().into_bytes(),
        RateLimitKey::ApiKey => match caller {
            Caller::Known(caller) => caller.api_key()?.id.as_uuid().as_bytes().to_vec(),
            Caller::Unknown(_) => return None,
        },
        RateLimitKey::Tenant => cx.tenant().await.ok().flatten()?.as_str().as_bytes().to_vec(),
    };
    Some((format!("{key:?}"), subject))
}

fn is_outage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal)
}

fn warn_uncounted(error: &Error) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::warn!(cause, "a request could not be counted, and passes");
}
