//! For how long a response may be used (RFC 9111), by what its headers say.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, AsHeaderName, CACHE_CONTROL, DATE, EXPIRES};
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::base::Timestamp;

/// RFC 9110 §5.6.7, the one form that is still written. Dates in the two old ones count as unreadable.
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// What a response says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    /// For how long it is fresh from the moment in which it was asked for. `None` if it does not say.
    pub(super) lifetime: Option<Duration>,
    /// Whether it may be used beyond that while no newer one can be had.
    pub(super) stale: Stale,
}

/// What may be done with a response that is not fresh any more (RFC 9111 §4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    MayServe,
    MustNotServe,
}

impl Freshness {
    /// We are a cache that is not shared: `s-maxage` and `private` are not for us.
    pub(super) fn of(headers: &HeaderMap, now: Timestamp) -> Self {
        let directives = Directives::of(headers);
        if directives.is_forbidden {
            return Self { lifetime: Some(Duration::ZERO), stale: Stale::MustNotServe };
        }
        let age = text(headers, AGE).and_then(seconds).unwrap_or_default();
        let lifetime = directives.max_age.or_else(|| expires(headers, now));
        let stale = if directives.must_revalidate { Stale::MustNotServe } else { Stale::MayServe };
        Self { lifetime: lifetime.map(|lifetime| lifetime.saturating_sub(age)), stale }
    }
}

/// Those of `Cache-Control` that matter here (RFC 9111 §5.2.2).
#[derive(Default)]
struct Directives {
    /// Zero if it is unreadable or said twice in different ways (RFC 9111 §4.2.1).
    max_age: Option<Duration>,
    /// `no-store` or `no-cache`.
    is_forbidden: bool,
    must_revalidate: bool,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
        for directive in lines.flat_map(|line| line.split(',')).map(str::trim) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match &*name.trim().to_ascii_lowercase() {
                "no-store" | "no-cache" => found.is_forbidden = true,
                "must-revalidate" => found.must_revalidate = true,
                "max-age" => {
                    let age = seconds(argument.trim().trim_matches('"')).unwrap_or_default();
                    let is_contradiction = found.max_age.is_some_and(|earlier| earlier != age);
                    found.max_age = Some(if is_contradiction { Duration::ZERO } else { age });
                }
                _ => {}
            }
        }
        found
    }
}

/// The rest of what `Expires` grants, counted from the sender's clock (RFC 9111 §4.2.1). Unreadable is expired (§5.3).
fn expires(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let Some(expires) = headers.get(EXPIRES)?.to_str().ok().and_then(date) else { return Some(Duration::ZERO) };
    let sent = text(headers, DATE).and_then(date).unwrap_or(now);
    Some(expires.since(sent))
}

fn date(text: &str) -> Option<Timestamp> {
    let seconds = PrimitiveDateTime::parse(text.trim(), HTTP_DATE).ok()?.assume_utc().unix_timestamp();
    Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
}

/// RFC 9111 §1.2.2: digits; a number that is too large is as good as the largest.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn fresh_for(headers: &[(&'static str, &'static str)]) -> (Option<u64>, Stale) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let found = Freshness::of(&map, NOW);
        (found.lifetime.map(|lifetime| lifetime.as_secs()), found.stale)
    }

    #[test]
    fn max_age_counts_less_the_age() {
        assert_eq!(fresh_for(&[]), (None, Stale::MayServe));
        assert_eq!(fresh_for(&[("cache-control", "public, Max-Age=600")]), (Some(600), Stale::MayServe));
        assert_eq!(fresh_for(&[("cache-control", "max-age=\"600\""), ("age", "100")]), (Some(500), Stale::MayServe));
        assert_eq!(fresh_for(&[("cache-control", "max-age=60"), ("age", "100")]), (Some(0), Stale::MayServe));
        // What does not count: an age that is no number, and what shared caches are told.
        assert_eq!(fresh_for(&[("cache-control", "s-maxage=5, max-age=60"), ("age", "-1")]).0, Some(60));
        assert_eq!(fresh_for(&[("cache-control", "s-maxage=5")]).0, None);
    }

    #[test]
    fn unreadable_and_contradicting_lifetimes_are_none() {
        for bad in ["max-age=", "max-age", "max-age=-1", "max-age=1.5", "max-age=x", "max-age=60, max-age=600"] {
            assert_eq!(fresh_for(&[("cache-control", bad)]).0, Some(0), "{bad}");
        }
        assert_eq!(fresh_for(&[("cache-control", "max-age=60"), ("cache-control", "max-age=60")]).0, Some(60));
        let huge = fresh_for(&[("cache-control", "max-age=99999999999999999999999999")]).0;
        assert_eq!(huge, Some(u64::from(u32::MAX)));
    }

    #[test]
    fn what_must_not_be_kept_is_not() {
        for directive in ["no-store", "no-cache, max-age=600", "No-Cache=\"set-cookie\"", "max-age=600, NO-STORE"] {
            assert_eq!(fresh_for(&[("cache-control", directive)]), (Some(0), Stale::MustNotServe), "{directive}");
        }
        let google = "public, max-age=19845, must-revalidate, no-transform";
        assert_eq!(fresh_for(&[("cache-control", google)]), (Some(19845), Stale::MustNotServe));
    }

    #[test]
    fn expires_counts_where_max_age_does_not_stand() {
        let in_an_hour = ("expires", "Thu, 01 Jan 2026 01:00:00 GMT");
        assert_eq!(fresh_for(&[in_an_hour]).0, Some(3600));
        assert_eq!(fresh_for(&[in_an_hour, ("date", "Thu, 01 Jan 2026 00:30:00 GMT")]).0, Some(1800));
        assert_eq!(fresh_for(&[in_an_hour, ("age", "600")]).0, Some(3000));
        assert_eq!(fresh_for(&[in_an_hour, ("cache-control", "max-age=60")]).0, Some(60));
        for past in ["0", "-1", "", "Wed, 31 Dec 2025 23:59:59 GMT", "Thursday, 01-Jan-26 01:00:00 GMT"] {
            assert_eq!(fresh_for(&[("expires", past)]).0, Some(0), "{past}");
        }
    }
}
