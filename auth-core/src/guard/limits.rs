//! How often a caller may come to a route.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use super::Authentication;
use crate::cx::Cx;
use crate::error::{ErrorKind, Result};
use crate::limit::{Bucket, Key, RateLimit, RateLimitKey, RouteLimit, is_outage, warn_uncounted};

/// Counts a request to a route of the application, and refuses it if there were too many. `is_public` says whether a
/// caller who is unknown comes in.
///
/// # Errors
/// 429; 503 when it cannot be known who calls, or when somebody unknown would come in uncounted.
pub(super) async fn limit_route(cx: &Cx, limit: &RouteLimit, is_public: bool) -> Result<()> {
    let limiter = cx.auth().limiter();
    if limiter.is_off() || limit.is_lifted {
        return Ok(());
    }
    let own = own_buckets(cx, &limit.own, is_public).await;
    match own {
        Ok(own) if own.is_empty() => {}
        Ok(own) => return passing(cx, limiter.take_all(cx, own).await, is_public).await,
        Err(error) => return passing(cx, Err(error), is_public).await,
    }
    // No limit of its own, or none that says anything of this caller.
    if !limiter.limits_all() {
        return Ok(());
    }
    // One bucket over all routes: a request that meets several rules is counted once.
    let count = || async {
        let caller = match limit.is_for_strangers {
            true => Caller::Unknown(cx.client_unit()),
            false => Caller::of(cx, is_public).await?,
        };
        let quotas = limiter.quotas_of_all(caller.is_known());
        let Some(subject) = caller.subject() else { return Ok(()) };
        let buckets = limiter.buckets("", RateLimitKey::Caller.as_str(), &subject, quotas);
        let taken = limiter.take_all(cx, buckets).await;
        if limit.is_for_strangers && is_public { taken } else { passing(cx, taken, is_public).await }
    };
    cx.limited_once(count).await
}

async fn own_buckets(cx: &Cx, limits: &[RateLimit], is_public: bool) -> Result<Vec<Bucket>> {
    let mut buckets = Vec::new();
    for limit in limits {
        if let Some((by, subject)) = subject(cx, limit, is_public).await? {
            // Not by the method: a route may answer any, and whoever makes methods up would have as many buckets.
            buckets.extend(cx.auth().limiter().buckets(&cx.request().route, &by, &subject, limit.quotas()));
        }
    }
    Ok(buckets)
}

/// An outage of the counters keeps out whom nothing else does: a caller who is known passes, and one who is not is
/// refused by the guard of a route that is not public.
async fn passing(cx: &Cx, outcome: Result<()>, is_public: bool) -> Result<()> {
    match outcome {
        Err(error) if is_outage(&error) && (!is_public || Caller::of(cx, is_public).await?.is_known()) => {
            warn_uncounted(&error);
            Ok(())
        }
        outcome => outcome,
    }
}

/// Who is counted.
enum Caller {
    Known(Arc<Authentication>),
    /// Nobody who has proved anything; the address, if it is known.
    Unknown(Option<IpAddr>),
}

impl Caller {
    /// Asked once for each request, whoever asks.
    ///
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
                let kind = principal.kind.as_str();
                if let Some(id) = principal.id.as_uuid() {
                    return Some([kind.as_bytes(), b"\0", id.as_bytes()].concat());
                }
                // The length in front keeps an issuer and a subject from being read as another pair.
                let issuer = principal.id.issuer().unwrap_or_default();
                Some(format!("{kind}\u{1}{} {issuer} {}", issuer.len(), principal.id).into_bytes())
            }
            Self::Unknown(client) => client.map(|ip| of_client(ip, b"client ")),
        }
    }
}

fn of_client(ip: IpAddr, before: &[u8]) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => [before, &ip.octets()].concat(),
        IpAddr::V6(ip) => [before, &ip.octets()].concat(),
    }
}

/// What a request is counted by under this limit, and what that is; `None` if nothing of the kind is there.
///
/// # Errors
/// When it cannot be known.
async fn subject(cx: &Cx, limit: &RateLimit, is_public: bool) -> Result<Option<(Cow<'static, str>, Vec<u8>)>> {
    let key = match limit.key() {
        Key::Known(key) => key,
        Key::Custom { name, of } => {
            // Whoever is refused anyway must not use up what the route keeps for others.
            let counts = is_public || Caller::of(cx, is_public).await?.is_known();
            let text = if counts { of(cx) } else { None };
            return Ok(text.map(|text| (format!("custom {name}").into(), text.into_bytes())));
        }
    };
    let subject = match key {
        RateLimitKey::Caller => Caller::of(cx, is_public).await?.subject(),
        RateLimitKey::Client => cx.client_unit().map(|ip| of_client(ip, b"")),
        RateLimitKey::ApiKey => match Caller::of(cx, is_public).await? {
            Caller::Known(caller) => caller.api_key().map(|key| key.id.as_uuid().as_bytes().to_vec()),
            Caller::Unknown(_) => None,
        },
        RateLimitKey::Tenant => named(cx.tenant().await)?.map(|tenant| tenant.as_str().as_bytes().to_vec()),
    };
    Ok(subject.map(|subject| (key.as_str().into(), subject)))
}

/// Whoever has proved nothing acts for no tenant. One that may not be acted for is refused here as everywhere.
fn named<T>(tenant: Result<Option<T>>) -> Result<Option<T>> {
    tenant.or_else(|error| if error.kind() == ErrorKind::Unauthorized { Ok(None) } else { Err(error) })
}
