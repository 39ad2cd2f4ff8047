//! The keys of one issuer, kept as long as they may be and read again when they must.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use url::Url;

use super::fetch::{Fetched, Source};
use super::freshness::Stale;
use super::missing::{MissingKeys, is_within};
use crate::base::Timestamp;
use crate::crypto::jwt::Algorithm;
use crate::issuer::keys::{Choice, IssuerKey, KeySet};
use crate::issuer::verifier::{Refusal, VerifyError};
use crate::ports::PortError;

/// The least time between two looks for key ids that are not there, and after a failure while there are still keys.
const PAUSE: Duration = Duration::from_secs(30);
/// So long nobody asks again for keys of which there are none at all: whoever sends tokens could have us ask for each.
const SHORT_PAUSE: Duration = Duration::from_secs(1);
/// After that the metadata is read again, since an issuer may move its keys.
const FOUND_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Where the response does not say.
const USUAL_LIFETIME: Duration = Duration::from_secs(600);

/// Keys in memory, and the source that they come from.
///
/// Whether something is due follows from the instant that each call brings along: there is no timer. Who needs keys
/// that are not there has them read and waits, together with everybody else who does.
pub(super) struct KeyCache {
    source: Source,
    issuer: String,
    lifetime: RangeInclusive<Duration>,
    stale_for: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Option<Stored>,
    /// Where the keys were found, and when.
    found: Option<(Url, Timestamp)>,
    /// When reading failed, unless it has succeeded since.
    failed_at: Option<Timestamp>,
    /// When keys were last read because of an id that was not there.
    looked_at: Option<Timestamp>,
    missing: MissingKeys,
    /// The reading under way.
    flight: Option<WeakShared<Reading>>,
}

#[derive(Clone)]
struct Stored {
    keys: Arc<KeySet>,
    read_at: Timestamp,
    fresh_until: Timestamp,
    usable_until: Timestamp,
}

type Reading = BoxFuture<'static, Result<Arc<KeySet>, Arc<PortError>>>;
type Flight = Shared<Reading>;

/// What a call has to do for the present keys.
enum Step {
    Use(Arc<KeySet>),
    /// Wait; should it fail, these will do.
    Await(Flight, Option<Arc<KeySet>>),
    /// There are none, and were none a moment ago.
    GiveUp,
}

/// Where the keys of a call come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Its issuer answered while it waited: what is not there, the issuer does not have.
    Answer,
    /// Its issuer did not answer while it waited.
    Silence,
    /// Memory.
    Memory,
}

impl KeyCache {
    pub(super) fn new(
        source: Source,
        issuer: String,
        lifetime: RangeInclusive<Duration>,
        stale_for: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { source, issuer, lifetime, stale_for, state: Mutex::default() })
    }

    /// The key for a token of this algorithm that names `kid`, or no key.
    pub(super) async fn key(
        self: &Arc<Self>,
        algorithm: Algorithm,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<IssuerKey, VerifyError> {
        let (mut keys, mut origin) = self.current(now).await?;
        if let (Choice::Unknown, Some(kid), Origin::Memory) = (keys.choose(algorithm, kid), kid, origin)
            && let Some(newer) = self.look_for(kid, now).await
        {
            (keys, origin) = (newer, Origin::Answer);
        }
        match keys.choose(algorithm, kid) {
            Choice::Key(key) => Ok(key.clone()),
            Choice::Refused(refusal) => Err(refusal.into()),
            Choice::Unknown => {
                if let (Some(kid), Origin::Answer) = (kid, origin) {
                    self.lock().missing.note(kid, now);
                }
                Err(Refusal::UnknownKey.into())
            }
        }
    }

    /// The keys that count now, which may have to be waited for.
    async fn current(self: &Arc<Self>, now: Timestamp) -> Result<(Arc<KeySet>, Origin), VerifyError> {
        match self.step(now) {
            Step::Use(keys) => Ok((keys, Origin::Memory)),
            Step::Await(flight, fallback) => match (flight.await, fallback) {
                (Ok(keys), _) => Ok((keys, Origin::Answer)),
                (Err(_), Some(keys)) => Ok((keys, Origin::Silence)),
                (Err(error), None) => Err(VerifyError::Unavailable(PortError::new("issuer's key set", error))),
            },
            Step::GiveUp => {
                Err(VerifyError::Unavailable(PortError::new("issuer's key set", "it could not be read a moment ago")))
            }
        }
    }

    fn step(self: &Arc<Self>, now: Timestamp) -> Step {
        let mut state = self.lock();
        let stored = state.keys.clone().filter(|stored| stored.is_usable(now));
        let is_failing = state.failed_at.is_some();
        let waits = state.failed_at.is_some_and(|failed| is_within(PAUSE, failed, now));
        match (stored, state.flight()) {
            (Some(stored), _) if stored.is_fresh(now) || waits => Step::Use(stored.keys),
            // While an issuer is out of order one request at a time waits for it, and the others do not.
            (Some(stored), Some(_)) if is_failing => Step::Use(stored.keys),
            (Some(stored), Some(flight)) => Step::Await(flight, Some(stored.keys)),
            (Some(stored), None) => Step::Await(self.start(&mut state, now), Some(stored.keys)),
            (None, Some(flight)) => Step::Await(flight, None),
            (None, None) if state.failed_at.is_some_and(|failed| is_within(SHORT_PAUSE, failed, now)) => Step::GiveUp,
            (None, None) => Step::Await(self.start(&mut state, now), None),
        }
    }

    /// Reads the keys again because a token names one that is not there, unless that was done lately. `None` as well if
    /// they could not be read: then the ones that we have decide.
    async fn look_for(self: &Arc<Self>, kid: &str, now: Timestamp) -> Option<Arc<KeySet>> {
        let flight = {
            let mut state = self.lock();
            match state.flight() {
                Some(flight) => flight,
                None => {
                    let lately = |event: Option<Timestamp>| event.is_some_and(|event| is_within(PAUSE, event, now));
                    if state.missing.holds(kid, now) || lately(state.looked_at) || lately(state.failed_at) {
                        return None;
                    }
                    state.looked_at = Some(now);
                    self.start(&mut state, now)
                }
            }
        };
        flight.await.ok()
    }

    /// Begins to read the keys. It is a task of its own, so that it ends within its time limit whoever hangs up:
    /// clients that do could otherwise use up every look for a new key.
    fn start(self: &Arc<Self>, state: &mut State, now: Timestamp) -> Flight {
        let known = state.found.clone().filter(|(_, at)| is_within(FOUND_FOR, *at, now)).map(|(url, _)| url);
        let cache = Arc::clone(self);
        let reading = async move {
            let result = cache.source.fetch(known, now).await;
            cache.settle(result, now)
        };
        let flight = reading.boxed().shared();
        state.flight = flight.downgrade();
        drop(tokio::spawn(flight.clone()));
        flight
    }

    /// Takes over what was read. Keys that are not in it any more verify nothing from now on; a failure takes nothing
    /// away.
    fn settle(&self, result: Result<Fetched, PortError>, now: Timestamp) -> Result<Arc<KeySet>, Arc<PortError>> {
        let mut state = self.lock();
        state.flight = None;
        match result {
            Ok(Fetched { keys, freshness, found_at }) => {
                let keys = Arc::new(keys);
                let lifetime = freshness.lifetime.unwrap_or(USUAL_LIFETIME);
                let fresh_until = now.plus(lifetime.clamp(*self.lifetime.start(), *self.lifetime.end()));
                let usable_until = match freshness.stale {
                    Stale::MayServe => fresh_until.plus(self.stale_for),
                    Stale::MustNotServe => fresh_until,
                };
                state.keys = Some(Stored { keys: Arc::clone(&keys), read_at: now, fresh_until, usable_until });
                let found_before = state.found.take().filter(|(_, at)| is_within(FOUND_FOR, *at, now));
                state.found = found_before.or(Some((found_at, now)));
                state.failed_at = None;
                Ok(keys)
            }
            Err(error) => {
                // Here and not only where it is answered: while old keys are good enough, no answer tells of it.
                tracing::warn!(
                    issuer = %self.issuer,
                    error = &error as &(dyn std::error::Error + 'static),
                    "the keys of an issuer could not be read"
                );
                state.found = None;
                state.failed_at = Some(now);
                Err(Arc::new(error))
            }
        }
    }

    /// Held for moments only, and never over an `await`.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn flight(&self) -> Option<Flight> {
        self.flight.as_ref().and_then(WeakShared::upgrade)
    }
}

impl Stored {
    /// A clock that was put back before the reading makes keys old, so that they are not kept for as long as it takes
    /// to catch up.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.read_at <= now && now < self.fresh_until
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        now < self.usable_until
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").field("issuer", &self.issuer).field("source", &self.source).finish_non_exhaustive()
    }
}
