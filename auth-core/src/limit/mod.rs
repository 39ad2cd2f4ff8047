//! How often somebody may call: quotas of requests, and what they are counted by.
//!
//! The engine's own endpoints come with the limits of the protocol, by client address, and they are on. Routes of the
//! application are limited where it says so: all of them by [`Config::signed_in`] and [`Config::anonymous`], one of
//! them by a [`RateLimit`] of its own.
//!
//! ```
//! use auth_core::limit::{self, InvalidQuota, Quota, RateLimit, RateLimitKey};
//!
//! # fn main() -> Result<(), InvalidQuota> {
//! // Whoever is signed in by who they are, everybody else by their address:
//! let limits = limit::Config::default().signed_in([Quota::per_minute(100)?]).anonymous([Quota::per_minute(10)?]);
//! // One route, in place of those:
//! let imports = RateLimit::per(RateLimitKey::Caller, [Quota::per_hour(10)?]);
//! # Ok(())
//! # }
//! ```
//!
//! A window begins with the first request after the last one has ended, and holds so many requests; what is refused is
//! not counted. Of several quotas all must have room, and the response tells of the tightest:
//! `X-RateLimit-Limit`, `X-RateLimit-Remaining`, and `X-RateLimit-Reset` in seconds since 1970. A refusal is 429 with
//! `Retry-After`, and `X-Retry-After` for the protocol's clients.
//!
//! Counting is atomic: of two requests for the last place one has it. One program counts in its memory; several that
//! serve the same users count in the database they share ([`Config::in_database`]). When that does not answer, whoever
//! has proved who they are passes and everybody else is refused (503): nobody may guess without being counted.

mod config;
mod memory;
mod quota;
mod rule;
mod service;
mod store;

pub use config::Config;
use memory::MemoryBuckets;
pub(crate) use quota::countable;
pub use quota::{InvalidQuota, Quota};
pub use rule::{EndpointLimit, RateLimit, RateLimitKey};
pub(crate) use rule::{Key, RouteLimit};
pub use service::take;
pub(crate) use service::{Limiter, Standing, is_outage, limit_endpoint, warn_uncounted};
pub(crate) use store::Count;
pub use store::{Bucket, BucketKey, LimitStore, Place};
