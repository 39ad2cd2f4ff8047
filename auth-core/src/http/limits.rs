//! What a response says of the limits that its request met.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::Error;
use crate::limit::Standing;

/// How many fit into the bucket, how many more there is room for, and when it is empty again, in seconds since 1970.
pub(super) const HEADERS: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

/// Tells of the bucket that is the nearest to being full.
pub(super) fn tell(standing: Standing, headers: &mut HeaderMap) {
    // Rounded up, so that whoever comes back then does not come too early.
    let seconds = standing.resets_at.as_micros().div_euclid(1_000_000);
    let resets_at = seconds + i64::from(standing.resets_at.as_micros() % 1_000_000 != 0);
    let values = [i64::from(standing.limit), i64::from(standing.remaining), resets_at];
    for (name, value) in HEADERS.into_iter().zip(values) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

/// Tells when to come back (RFC 9110 §10.2.3), the clients of the protocol by a header of their own as well.
pub(super) fn tell_wait(error: &Error, headers: &mut HeaderMap) {
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        headers.insert(HeaderName::from_static("x-retry-after"), HeaderValue::from(seconds));
    }
}
