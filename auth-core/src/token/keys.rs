//! The key pairs that access tokens are signed with: made, sealed, published and replaced by the engine.
//!
//! Several processes share them through the store. Keys are numbered by *generation*, and of a generation there is one:
//! whoever writes the next one first has made it, and the others take it from the store. A key is published a while
//! before it signs, signs for a while, and is published until the last token it signed has expired.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::config::{Config, Signing};
use super::model::StoredSigningKey;
use crate::base::{SigningKeyId, Timestamp};
use crate::crypto::jwt::{Algorithm, Jwk, JwkSet, SigningKey, VerifyingKey};
use crate::crypto::seal::{Aad, Sealer};
use crate::cx::Cx;
use crate::error::{Error, Result};
use crate::store::StoreError;

/// What was read from the store is believed for this long: another process may have added or revoked a key.
const RELOAD_AFTER: Duration = Duration::from_secs(60);
/// A token that names an unknown key has the store asked at most this often.
const RELOAD_AT_MOST: Duration = Duration::from_secs(5);
/// What tokens of a key are verified beyond the life of the last one, because clocks differ.
const MARGIN: Duration = Duration::from_secs(60);
/// How long other processes may go on signing with a key that was replaced: until they read again, and clocks differ.
pub(super) const SIGNED_ON: Duration = RELOAD_AFTER.saturating_add(MARGIN);
/// How often a generation that somebody else has just made is looked for before giving up.
const ROUNDS: usize = 8;

/// An end that no clock, however far behind, has yet to come to. Keys are read from 0 on, so a number that is taken
/// stays known.
pub(super) const LONG_AGO: Timestamp = Timestamp::from_micros(1);

/// The keys as they were last read.
pub(crate) struct SigningKeys {
    read: RwLock<Read>,
    /// One task reads at a time; the others take what it has read, or its failure.
    reading: Mutex<()>,
    failures: AtomicU64,
}

#[derive(Default)]
struct Read {
    ring: Option<Arc<KeyRing>>,
    /// How often it was forgotten: what is being read meanwhile may be older than that, and is not kept.
    forgotten: u64,
    /// When the next key could not be written.
    failed_at: Option<Timestamp>,
}

impl SigningKeys {
    pub(crate) fn new() -> Self {
        Self { read: RwLock::default(), reading: Mutex::new(()), failures: AtomicU64::new(0) }
    }

    /// The key that signs now. Makes the next one when it is due.
    pub(crate) async fn signing_key(&self, cx: &Cx, config: &Config) -> Result<SigningKey> {
        let algorithm = match &config.signing {
            Signing::Shared(secret) => return SigningKey::hs256(secret, None).map_err(Error::internal),
            Signing::Managed(algorithm) => *algorithm,
        };
        let ring = self.ring(cx, config, algorithm).await?;
        // A key that was made on the way signs from an instant after the one of the question.
        ring.signer(algorithm, cx.now()).cloned().ok_or_else(|| Error::internal("no key signs at this instant"))
    }

    /// The keys, with the next one among them if it was due.
    async fn ring(&self, cx: &Cx, config: &Config, algorithm: Algorithm) -> Result<Arc<KeyRing>> {
        let now = cx.now();
        match self.recent(now, RELOAD_AFTER) {
            Some(ring) if self.will_do(&ring, algorithm, now, config) => Ok(ring),
            Some(_) | None => self.renewed(cx, config, algorithm).await,
        }
    }

    /// Whether nothing is to be written now. The next key is due well before it is needed: when it cannot be written,
    /// it is tried again after a pause.
    fn will_do(&self, ring: &KeyRing, algorithm: Algorithm, now: Timestamp, config: &Config) -> bool {
        let failed_at = self.read.read().unwrap_or_else(PoisonError::into_inner).failed_at;
        let pauses = failed_at.is_some_and(|failed| failed <= now && now.since(failed) < RELOAD_AFTER);
        !ring.is_next_due(algorithm, now, config) || (pauses && ring.signer(algorithm, now).is_some())
    }

    /// The key of this id, if tokens of it are still verified. An id that nobody knows has the store asked, but not
    /// often.
    pub(crate) async fn verifying_key(&self, cx: &Cx, kid: &str) -> Result<Option<VerifyingKey>> {
        let now = cx.now();
        if let Some(ring) = self.recent(now, RELOAD_AFTER) {
            let known = ring.verifier(kid, now);
            if known.is_some() || now.since(ring.read_at) < RELOAD_AT_MOST {
                return Ok(known.cloned());
            }
        }
        let ring = self.reloaded(cx, now).await?;
        Ok(ring.verifier(kid, now).cloned())
    }

    /// What is published (RFC 7517 §5). Makes the first key when there is none.
    pub(crate) async fn published(&self, cx: &Cx, config: &Config) -> Result<JwkSet> {
        let Signing::Managed(algorithm) = config.signing else { return Ok(JwkSet::from_iter([])) };
        let ring = self.ring(cx, config, algorithm).await?;
        let now = cx.now();
        let keys = ring.keys.iter().filter(|key| now < key.verifies_until);
        Ok(keys.map(|key| key.jwk.clone()).collect())
    }

    /// Forgets what was read.
    pub(crate) fn forget(&self) {
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        *read = Read { ring: None, forgotten: read.forgotten.wrapping_add(1), failed_at: None };
    }

    fn recent(&self, now: Timestamp, age: Duration) -> Option<Arc<KeyRing>> {
        let ring = self.read.read().unwrap_or_else(PoisonError::into_inner).ring.clone()?;
        (ring.read_at <= now && now.since(ring.read_at) < age).then_some(ring)
    }

    /// Waits for the turn to read. Who waited for somebody in vain has waited long enough: in an outage, requests would
    /// otherwise reach its time limit one after the other.
    async fn turn(&self) -> Result<MutexGuard<'_, ()>> {
        let failures = self.failures.load(Ordering::Relaxed);
        let turn = self.reading.lock().await;
        if self.failures.load(Ordering::Relaxed) == failures {
            return Ok(turn);
        }
        Err(StoreError::backend("the signing keys could not be read for another request").into())
    }

    /// Reads the store, unless somebody else has since `asked_at`.
    async fn reloaded(&self, cx: &Cx, asked_at: Timestamp) -> Result<Arc<KeyRing>> {
        let _turn = self.turn().await?;
        if let Some(ring) = self.recent(cx.now(), RELOAD_AFTER).filter(|ring| ring.read_at >= asked_at) {
            return Ok(ring);
        }
        self.load(cx).await
    }

    async fn load(&self, cx: &Cx) -> Result<Arc<KeyRing>> {
        // As of before the look-up. Keys that have expired are read too: their numbers are taken.
        let now = cx.now();
        let forgotten = self.read.read().unwrap_or_else(PoisonError::into_inner).forgotten;
        let stored = cx.conn().signing_keys(Timestamp::from_micros(0)).await;
        let stored = stored.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })?;
        let sealer = cx.auth().sealer();
        let mut keys = Vec::with_capacity(stored.len());
        let mut generations = BTreeMap::new();
        for row in stored {
            let newest = generations.entry(row.algorithm.clone()).or_insert(row.generation);
            *newest = row.generation.max(*newest);
            // Nothing is expected of one that has ended but that its number is known.
            if row.verifies_until <= now {
                continue;
            }
            let Some(key) = Key::open(&sealer, &row) else { continue };
            if key.signing.is_some() && sealer.needs_reseal(&row.sealed_private) {
                reseal(cx, &sealer, &row).await;
            }
            keys.push(key);
        }
        let ring = Arc::new(KeyRing { keys, generations, read_at: now });
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        if read.forgotten == forgotten {
            read.ring = Some(Arc::clone(&ring));
        }
        Ok(ring)
    }

    /// Reads the store, and writes the next key when it is due. Of several processes that try, one succeeds.
    async fn renewed(&self, cx: &Cx, config: &Config, algorithm: Algorithm) -> Result<Arc<KeyRing>> {
        let _turn = self.turn().await?;
        for _ in 0..ROUNDS {
            let ring = match self.recent(cx.now(), RELOAD_AFTER) {
                // Somebody else has read while this one waited for its turn.
                Some(ring) if self.will_do(&ring, algorithm, cx.now(), config) => return Ok(ring),
                Some(_) | None => self.load(cx).await?,
            };
            if self.will_do(&ring, algorithm, cx.now(), config) {
                return Ok(ring);
            }
            let begins = ring.next_begins(algorithm, cx.now());
            // Of the same reading as the decision that one is due: whoever has seen less loses.
            let generation = ring.next_generation(algorithm);
            match insert(cx, config, algorithm, begins, generation).await {
                Ok(()) => tracing::info!(%algorithm, generation, "made a new signing key"),
                Err(StoreError::Conflict) => {
                    tracing::debug!(generation, "another process has made the next signing key")
                }
                Err(error) if ring.signer(algorithm, cx.now()).is_some() => {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::error!(cause, "the next signing key could not be written: it is tried again in a minute");
                    self.read.write().unwrap_or_else(PoisonError::into_inner).failed_at = Some(cx.now());
                    return Ok(ring);
                }
                Err(error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    return Err(error.into());
                }
            }
            self.forget();
        }
        Err(Error::internal("the next signing key could not be agreed on"))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

/// The keys of the store, the newest generation first. Which of them sign and verify depends on the instant.
struct KeyRing {
    keys: Vec<Key>,
    /// The newest number that each algorithm has had.
    generations: BTreeMap<String, i64>,
    read_at: Timestamp,
}

impl KeyRing {
    fn of(&self, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.jwk.algorithm() == Some(algorithm))
    }

    /// The newest key that may sign now. One whose private half cannot be opened only verifies.
    fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        let mut signing = self.of(algorithm).filter(|key| key.signs_from <= now && now < key.signs_until);
        signing.find_map(|key| key.signing.as_ref())
    }

    fn verifier(&self, kid: &str, now: Timestamp) -> Option<&VerifyingKey> {
        let key = self.keys.iter().find(|key| key.verifying.kid() == Some(kid));
        key.filter(|key| now < key.verifies_until).map(|key| &key.verifying)
    }

    /// Whether there is none that signs, or none yet that will when it ends.
    fn is_next_due(&self, algorithm: Algorithm, now: Timestamp, config: &Config) -> bool {
        let covered = now.plus(config.publish_ahead);
        let last = self.of(algorithm).filter(|key| key.signing.is_some()).map(|key| key.signs_until).max();
        self.signer(algorithm, now).is_none() || last.is_none_or(|last| last <= covered)
    }

    fn next_generation(&self, algorithm: Algorithm) -> i64 {
        self.generations.get(algorithm.as_str()).map_or(1, |newest| newest.saturating_add(1))
    }

    /// When the next key begins to sign: when the present ones end, or at once if there are none.
    fn next_begins(&self, algorithm: Algorithm, now: Timestamp) -> Timestamp {
        let present = self.signer(algorithm, now).and_then(|_| {
            let usable = self.of(algorithm).filter(|key| key.signing.is_some());
            usable.map(|key| key.signs_until).max()
        });
        present.map_or(now, |until| until.max(now))
    }
}

struct Key {
    signing: Option<SigningKey>,
    verifying: VerifyingKey,
    jwk: Jwk,
    signs_from: Timestamp,
    signs_until: Timestamp,
    verifies_until: Timestamp,
}

impl Key {
    /// `None` for one whose public half cannot be read. If it is the private half, the key only verifies.
    fn open(sealer: &Sealer, row: &StoredSigningKey) -> Option<Self> {
        let jwk: Option<Jwk> = serde_json::from_str(&row.public_jwk).ok();
        let jwk = jwk.filter(|jwk| jwk.kid() == Some(row.id.to_string().as_str()));
        let Some((jwk, verifying)) = jwk.and_then(|jwk| VerifyingKey::from_jwk(&jwk).ok().map(|key| (jwk, key))) else {
            tracing::error!(kid = %row.id, "a signing key in the store is damaged");
            return None;
        };
        Some(Self {
            signing: private_half(sealer, row),
            verifying,
            jwk,
            signs_from: row.signs_from,
            signs_until: row.signs_until,
            verifies_until: row.verifies_until,
        })
    }
}

fn private_half(sealer: &Sealer, row: &StoredSigningKey) -> Option<SigningKey> {
    let algorithm = row.algorithm.parse::<Algorithm>().ok()?;
    match sealer.open(&place(&row.id.as_uuid().into_bytes()), &row.sealed_private) {
        Ok(der) => SigningKey::from_pkcs8(algorithm, row.id.to_string(), &der).ok(),
        Err(error) => {
            tracing::warn!(kid = %row.id, %error, "a signing key cannot be opened: it verifies, and another one signs");
            None
        }
    }
}

/// Where a sealed private key belongs: it opens in its own row only.
const fn place(id: &[u8; 16]) -> Aad<'_> {
    Aad::new("signing_key", "sealed_private", id)
}

async fn insert(
    cx: &Cx,
    config: &Config,
    algorithm: Algorithm,
    begins: Timestamp,
    generation: i64,
) -> Result<(), StoreError> {
    let id = SigningKeyId::new(cx.now(), cx.random());
    let key = SigningKey::generate(algorithm, id.to_string()).map_err(StoreError::backend)?;
    let (Some(der), Some(jwk)) = (key.to_pkcs8(), key.public_jwk()) else {
        return Err(StoreError::backend("a generated key has no halves"));
    };
    let sealer = cx.auth().sealer();
    let signs_until = begins.plus(config.rotate_every);
    let row = StoredSigningKey {
        id,
        algorithm: algorithm.as_str().to_owned(),
        generation,
        public_jwk: serde_json::to_string(&jwk).map_err(StoreError::backend)?,
        sealed_private: sealer.seal(cx.random(), &place(&id.as_uuid().into_bytes()), der.expose()),
        created_at: cx.now(),
        signs_from: begins,
        signs_until,
        verifies_until: signs_until.plus(config.access_ttl).plus(MARGIN),
    };
    cx.conn().insert_signing_key(&row).await
}

/// Seals a private key under the current secret, so that the previous one can be dropped. What fails is tried again.
async fn reseal(cx: &Cx, sealer: &Sealer, row: &StoredSigningKey) {
    let id = row.id.as_uuid().into_bytes();
    let Ok(der) = sealer.open(&place(&id), &row.sealed_private) else { return };
    let sealed = sealer.seal(cx.random(), &place(&id), der.expose());
    if let Err(error) = cx.conn().reseal_signing_key(row.id, &row.sealed_private, &sealed).await {
        tracing::warn!(kid = %row.id, %error, "a signing key could not be sealed anew");
    }
}
