//! Proving a key, and counting its use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::model::{ApiKey, ApiKeyWithOwner, Spent};
use crate::base::{ApiKeyId, Timestamp, Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::role::{GrantedRole, Permission, RoleScope};
use crate::session::{Acting, Authority};
use crate::tenant::MembershipStatus;
use crate::user::User;

/// A key that was proved by its secret: it counts, its owner is enabled, and this use of it is allowed and counted.
///
/// Its limits are as they were before this use. It can only be obtained from the engine.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct ResolvedKey {
    /// The key.
    pub key: ApiKey,
    /// The user whose it is; `None` when it is an organisation's or a service's.
    pub owner: Option<User>,
    /// The roles that count: those of its owner in the tenant and of the role guard that the key is bound to, and none
    /// for a key with permissions of its own. What asks for a role asks for all that comes with it, and that is more
    /// than such a key has.
    pub roles: BTreeSet<GrantedRole>,
    /// What may be done with it: all that its owner may do there at this moment, or of that what it is limited to. Of a
    /// key that is no user's it is what the application gave it.
    pub permissions: BTreeSet<Permission>,
}

/// Proves a key that came to the program in some other way than over HTTP, and counts a use.
///
/// # Errors
/// [`Code::Unauthorized`] for whatever is no key that counts; [`Code::RateLimitExceeded`] and [`Code::UsageExceeded`]
/// when it is used too often.
pub async fn verify(cx: &Cx, key: &str) -> Result<ResolvedKey> {
    let token = Token::parse(TokenKind::ApiKey, key).map_err(|_| Code::Unauthorized)?;
    resolve(cx, &token).await?.ok_or_else(|| Code::Unauthorized.into())
}

/// The key of this secret, if it counts: one look-up, and one guarded statement if its use is limited. An unknown, a
/// disabled and an expired key, a secret whose grace is over, and a key whose owner is gone or disabled are all `None`,
/// so that they get one answer. So is one of the pool that the request is not for.
///
/// # Errors
/// 429 for a key that counts and is used too often, with the time after which it may be used again.
pub(crate) async fn resolve(cx: &Cx, token: &Token) -> Result<Option<ResolvedKey>> {
    if cx.auth().api_keys().is_none() {
        return Ok(None);
    }
    let now = cx.now();
    let Some(found) = cx.conn().api_key_by_hash(&token.hash()).await? else { return Ok(None) };
    let Some(resolved) = judged(cx, found, now).await? else { return Ok(None) };
    if !resolved.key.limits.is_unlimited() && !spend(cx, resolved.key.id, now).await? {
        return Ok(None);
    }
    if let Some((id, uses)) = cx.auth().key_usage().note(resolved.key.id, now) {
        write(cx, id, uses).await.unwrap_or_else(|error| log(&error));
    }
    Ok(Some(resolved))
}

async fn judged(cx: &Cx, found: ApiKeyWithOwner, now: Timestamp) -> Result<Option<ResolvedKey>> {
    let ApiKeyWithOwner { key, secret_expires_at, owner, membership, roles } = found;
    if key.owner.user() != owner.as_ref().map(|owner| owner.id) {
        return Ok(None);
    }
    // Before anything is counted: what is refused uses nothing up.
    if owner.as_ref().is_some_and(|owner| owner.disabled_at.is_some() || !cx.accepts(owner.pool)) {
        return Ok(None);
    }
    if !key.is_alive(now) || secret_expires_at.is_some_and(|end| now >= end) {
        return Ok(None);
    }
    let tenancy = &cx.auth().config().tenancy;
    // What somebody holds as staff of the platform never counts here: a key is for a program, and names no place.
    let scope = RoleScope::from(key.tenant.clone());
    if owner.as_ref().is_some_and(|owner| !tenancy.lets_act(owner, &scope)) {
        return Ok(None);
    }
    let is_of_members = tenancy.keeps_members() && key.tenant.is_some() && owner.is_some();
    if is_of_members && membership != Some(MembershipStatus::Active) {
        return Ok(None);
    }
    let own = key.permissions.as_ref();
    let Some(user) = &owner else {
        let permissions = own.into_iter().flatten().cloned().collect();
        return Ok(Some(ResolvedKey { key, owner, roles: BTreeSet::new(), permissions }));
    };
    let acting = Acting { scope: &scope, role_guard: key.role_guard.as_deref() };
    let Authority { roles, mut permissions, .. } = Authority::of(cx, user, acting, roles).await?;
    permissions.retain(|permission| own.is_none_or(|own| own.contains(permission)));
    let roles = if own.is_none() { roles } else { BTreeSet::new() };
    Ok(Some(ResolvedKey { key, owner, roles, permissions }))
}

/// Counts the use by every limit of the key; `false` when the key has gone meanwhile.
async fn spend(cx: &Cx, id: ApiKeyId, now: Timestamp) -> Result<bool> {
    match cx.conn().spend_api_key(id, now).await? {
        Spent::Allowed => Ok(true),
        Spent::NoSuchKey => Ok(false),
        Spent::QuotaExceeded { ends_at } => Err(Error::from(Code::RateLimitExceeded).retry_after(ends_at.since(now))),
        Spent::NoneRemaining { refill_at: Some(at) } => {
            Err(Error::from(Code::UsageExceeded).retry_after(at.since(now)))
        }
        Spent::NoneRemaining { refill_at: None } => Err(Code::UsageExceeded.into()),
    }
}

/// The key with the uses that this process has not written down yet, which are written down now.
pub(super) async fn settled(cx: &Cx, mut key: ApiKey) -> ApiKey {
    if let Some(uses) = cx.auth().key_usage().take(key.id) {
        key.usage_count = key.usage_count.saturating_add(uses.count);
        key.last_used_at = key.last_used_at.max(Some(uses.last_used_at));
        write(cx, key.id, uses).await.unwrap_or_else(|error| log(&error));
    }
    key
}

/// Writes down every use of keys that is counted in memory only, for programs that end.
///
/// # Errors
/// When the store is down; what could not be written is kept.
pub async fn write_usage(cx: &Cx) -> Result<()> {
    while let Some((id, uses)) = cx.auth().key_usage().take_oldest() {
        write(cx, id, uses).await?;
    }
    Ok(())
}

/// A key that is gone has no use for its uses. If nobody waits for the end of this, the batch may be lost.
async fn write(cx: &Cx, id: ApiKeyId, uses: Uses) -> Result<()> {
    let written = cx.conn().record_api_key_usage(id, uses.count, uses.last_used_at).await;
    written.map(drop).map_err(|error| {
        cx.auth().key_usage().put_back(id, Uses { since: cx.now(), ..uses });
        error.into()
    })
}

/// The request has nothing to do with it.
fn log(error: &Error) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::warn!(cause, "the use of an API key could not be written down");
}

/// From this age on, the uses of a key are written down by whoever comes along.
const MOST_AGE: Duration = Duration::from_mins(1);
/// From this number on, by whoever makes the last of them.
const MOST_USES: i64 = 1_000;
/// Beyond this number of keys the oldest batch is written down, however young it is.
const MOST_KEYS: usize = 10_000;

/// Uses of keys that have not been written down yet, so that a use costs no write. Memory is bounded: 10,000 keys.
#[derive(Debug, Default)]
pub(crate) struct UsageBatch(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    by_key: BTreeMap<ApiKeyId, Uses>,
    by_age: BTreeSet<(Timestamp, ApiKeyId)>,
}

/// So many uses of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uses {
    count: i64,
    last_used_at: Timestamp,
    /// When the first of them was.
    since: Timestamp,
}

impl UsageBatch {
    /// Counts one use; a batch that is due is handed to whoever made it, to be written down.
    fn note(&self, id: ApiKeyId, now: Timestamp) -> Option<(ApiKeyId, Uses)> {
        let mut pending = self.pending();
        let count = pending.add(id, Uses { count: 1, last_used_at: now, since: now });
        let (since, oldest) = *pending.by_age.first()?;
        let is_due = now.since(since) >= MOST_AGE || pending.by_key.len() > MOST_KEYS;
        let due = if count >= MOST_USES { id } else { Some(oldest).filter(|_| is_due)? };
        pending.remove(due).map(|uses| (due, uses))
    }

    /// Takes the batch of this key.
    pub(super) fn take(&self, id: ApiKeyId) -> Option<Uses> {
        self.pending().remove(id)
    }

    fn take_oldest(&self) -> Option<(ApiKeyId, Uses)> {
        let mut pending = self.pending();
        let (_, id) = *pending.by_age.first()?;
        pending.remove(id).map(|uses| (id, uses))
    }

    /// Keeps what could not be written, while there is room for it.
    fn put_back(&self, id: ApiKeyId, uses: Uses) {
        let mut pending = self.pending();
        if pending.by_key.len() < MOST_KEYS || pending.by_key.contains_key(&id) {
            pending.add(id, uses);
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Adds to the batch of a key; how many uses it has then.
    fn add(&mut self, id: ApiKeyId, uses: Uses) -> i64 {
        let Some(batch) = self.by_key.get_mut(&id) else {
            self.by_key.insert(id, uses);
            self.by_age.insert((uses.since, id));
            return uses.count;
        };
        batch.count = batch.count.saturating_add(uses.count);
        batch.last_used_at = batch.last_used_at.max(uses.last_used_at);
        batch.count
    }

    fn remove(&mut self, id: ApiKeyId) -> Option<Uses> {
        let uses = self.by_key.remove(&id)?;
        self.by_age.remove(&(uses.since, id));
        Some(uses)
    }
}

#[cfg(feature = "memory")]
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api_key::{self, Config, CreatedKey, KeyChange, KeyOwner, NewApiKey, Quota, Refill};
    use crate::auth::Auth;
    use crate::base::{Email, ManualClock, Secret, SeededRandom, UserId};
    use crate::role;
    use crate::store::MemoryStore;
    use crate::user::disable_user;

    const START: Timestamp = Timestamp::from_micros(1_780_000_000_123_456);
    const DAY: Duration = Duration::from_hours(24);

    /// An engine, its clock, and Ada, who has signed up.
    struct World {
        auth: Auth,
        cx: Cx,
        clock: Arc<ManualClock>,
        ada: User,
    }

    impl World {
        async fn new(config: Option<Config>) -> Self {
            let clock = Arc::new(ManualClock::at(START));
            let builder = Auth::builder()
                .base_url("http://localhost:3000")
                .secret(Secret::new("a secret that is good enough for tests 0123456789"))
                .store(MemoryStore::new())
                .role_guards(["ADMIN"])
                .random(Arc::new(SeededRandom::predictable(7)))
                .clock(Arc::clone(&clock) as Arc<dyn crate::base::Clock>);
            let builder = if let Some(config) = config { builder.api_keys(config) } else { builder };
            let auth = builder.build().unwrap();
            let ada = User {
                id: UserId::new(START, auth.random()),
                name: "Ada".to_owned(),
                email: Email::parse("ada@example.com").unwrap(),
                email_verified: false,
                image: None,
                created_at: START,
                updated_at: START,
                disabled_at: None,
                credential_version: 0,
                pool: crate::user::Pool::User,
                tenant: None,
                identifiers: crate::user::Identifiers::default(),
            };
            auth.store().conn().insert_user(&ada).await.unwrap();
            Self { cx: auth.background_cx(), auth, clock, ada }
        }

        fn owner(&self) -> KeyOwner {
            KeyOwner::User(self.ada.id)
        }

        async fn key(&self, change: impl FnOnce(&mut NewApiKey)) -> CreatedKey {
            let mut new = NewApiKey::of_user(self.ada.id);
            change(&mut new);
            api_key::create(&self.cx, new).await.unwrap()
        }

        async fn resolves(&self, secret: &Token) -> bool {
            resolve(&self.cx, secret).await.unwrap().is_some()
        }

        /// The count as the store has it.
        async fn written(&self, key: &ApiKey) -> i64 {
            self.cx.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap().usage_count
        }
    }

    fn names(permissions: &BTreeSet<Permission>) -> Vec<&str> {
        permissions.iter().map(Permission::as_str).collect()
    }

    #[tokio::test]
    async fn whatever_does_not_count_gets_one_answer() {
        let world = World::new(Some(Config::default())).await;
        let (cx, owner) = (&world.cx, world.owner());
        let CreatedKey { key, secret } = world.key(|_| {}).await;
        assert!(world.resolves(&secret).await);
        assert!(!world.resolves(&Token::random_api_key("ak_live_", world.auth.random()).unwrap()).await, "unknown");
        let off = KeyChange { enabled: Some(false), ..KeyChange::default() };
        api_key::change(cx, &owner, key.id, off).await.unwrap();
        assert!(!world.resolves(&secret).await, "disabled");
        let short = world.key(|new| new.lifetime = Some(DAY)).await.secret;
        let forever = world.key(|_| {}).await;
        world.clock.advance(DAY);
        assert!(!world.resolves(&short).await, "expired");
        assert!(world.resolves(&forever.secret).await);
        disable_user(cx, world.ada.id).await.unwrap();
        assert!(!world.resolves(&forever.secret).await, "its owner is disabled");
        let refused = verify(cx, forever.secret.expose()).await.unwrap_err();
        let unknown = verify(cx, "ak_live_").await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (unknown.code(), unknown.message()));
    }

    #[tokio::test]
    async fn without_the_feature_no_key_counts_and_none_is_made() {
        let world = World::new(None).await;
        let secret = Token::random_api_key("ak_live_", world.auth.random()).unwrap();
        assert!(!world.resolves(&secret).await);
        assert!(api_key::create(&world.cx, NewApiKey::of_user(world.ada.id)).await.is_err());
    }

    #[tokio::test]
    async fn an_old_secret_counts_until_its_grace_is_over() {
        let world = World::new(Some(Config::default())).await;
        let CreatedKey { key, secret } = world.key(|_| {}).await;
        let rotated = api_key::rotate(&world.cx, &world.owner(), key.id, Duration::from_secs(60)).await.unwrap();
        assert!(world.resolves(&secret).await && world.resolves(&rotated.secret).await);
        world.clock.advance(Duration::from_secs(60));
        assert!(!world.resolves(&secret).await && world.resolves(&rotated.secret).await);
        let again = api_key::rotate(&world.cx, &world.owner(), key.id, Duration::ZERO).await.unwrap();
        assert!(!world.resolves(&rotated.secret).await && world.resolves(&again.secret).await);
    }

    /// Permissions of a key never go beyond what its owner holds at the moment of use.
    #[tokio::test]
    async fn a_key_permits_what_its_owner_holds_when_it_is_used() {
        let world = World::new(Some(Config::default())).await;
        let cx = &world.cx;
        let define =
            |permissions: &'static [&str]| role::define_role(cx, "ADMIN", "admin", permissions.iter().copied());
        define(&["a:read", "a:write", "b:read"]).await.unwrap();
        role::grant_role(cx, world.ada.id, "ADMIN", "admin").await.unwrap();
        let whole = world.key(|_| {}).await.secret;
        let permissions = ["a:write", "a:read"].map(|name| Permission::parse(name).unwrap());
        let limited = world.key(|new| new.permissions = Some(permissions.to_vec())).await.secret;
        let of = async |secret| resolve(cx, secret).await.unwrap().unwrap();
        assert_eq!(names(&of(&whole).await.permissions), ["a:read", "a:write", "b:read"]);
        assert_eq!(of(&whole).await.roles.len(), 1);
        assert_eq!(names(&of(&limited).await.permissions), ["a:read", "a:write"]);
        assert!(of(&limited).await.roles.is_empty(), "a role is more than its permissions");
        define(&["a:read", "c:read"]).await.unwrap();
        assert_eq!(names(&of(&whole).await.permissions), ["a:read", "c:read"]);
        assert_eq!(names(&of(&limited).await.permissions), ["a:read"]);
        role::revoke_role(cx, world.ada.id, "ADMIN", "admin").await.unwrap();
        assert!(of(&limited).await.permissions.is_empty() && of(&whole).await.permissions.is_empty());
    }

    #[tokio::test]
    async fn what_its_owner_does_not_hold_is_not_granted() {
        let world = World::new(Some(Config::default())).await;
        let mut new = NewApiKey::of_user(world.ada.id);
        new.permissions = Some(vec![Permission::parse("a:read").unwrap()]);
        let refused = api_key::create(&world.cx, new.clone()).await.unwrap_err();
        assert!(refused.is(Code::PermissionNotHeld) && refused.message().contains("a:read"), "{refused}");
        new.permissions = Some(Vec::new());
        let nothing = api_key::create(&world.cx, new).await.unwrap();
        assert_eq!(nothing.key.permissions, Some(Vec::new()));
    }

    #[tokio::test]
    async fn whoever_uses_a_key_too_often_is_told_when_to_come_back() {
        let world = World::new(Some(Config::default().quotas([Quota::per_minute(1).unwrap()]))).await;
        let secret = world.key(|_| {}).await.secret;
        assert!(world.resolves(&secret).await);
        world.clock.advance(Duration::from_secs(20));
        let refused = resolve(&world.cx, &secret).await.unwrap_err();
        assert!(refused.is(Code::RateLimitExceeded), "{refused}");
        assert_eq!(refused.wait(), Some(Duration::from_secs(40)));
        let once = world.key(|new| (new.remaining, new.quotas) = (Some(1), Some(Vec::new()))).await.secret;
        assert!(world.resolves(&once).await);
        let refused = resolve(&world.cx, &once).await.unwrap_err();
        assert!(refused.is(Code::UsageExceeded) && refused.wait().is_none(), "{refused}");
        let daily = world.key(|new| new.refill = Some(Refill::new(1, DAY).unwrap())).await.secret;
        world.clock.advance(Duration::from_secs(60));
        assert!(world.resolves(&daily).await);
        world.clock.advance(Duration::from_secs(60));
        let refused = resolve(&world.cx, &daily).await.unwrap_err();
        assert_eq!(refused.wait(), Some(DAY - Duration::from_secs(120)));
    }

    #[tokio::test]
    async fn uses_are_written_once_a_minute_and_when_somebody_looks() {
        let world = World::new(Some(Config::default())).await;
        let CreatedKey { key, secret } = world.key(|_| {}).await;
        for _ in 0..5 {
            assert!(world.resolves(&secret).await);
        }
        assert_eq!(world.written(&key).await, 0, "a use was written at once");
        world.clock.advance(MOST_AGE);
        assert!(world.resolves(&secret).await);
        assert_eq!(world.written(&key).await, 6);
        assert!(world.resolves(&secret).await);
        let seen = api_key::find(&world.cx, &world.owner(), key.id).await.unwrap();
        assert_eq!((seen.usage_count, seen.last_used_at), (7, Some(world.auth.now())));
        assert_eq!(world.written(&key).await, 7);
        assert!(world.resolves(&secret).await);
        write_usage(&world.cx).await.unwrap();
        assert_eq!(world.written(&key).await, 8);
    }

    #[test]
    fn the_batch_of_an_idle_key_is_written_by_whoever_comes_along() {
        let (batch, random) = (UsageBatch::default(), SeededRandom::predictable(1));
        let [idle, busy] = [0, 1].map(|_| ApiKeyId::new(START, &random));
        assert!(batch.note(idle, START).is_none());
        assert!(batch.note(busy, START.plus(MOST_AGE / 2)).is_none());
        let (id, uses) = batch.note(busy, START.plus(MOST_AGE)).unwrap();
        assert_eq!((id, uses.count, uses.last_used_at), (idle, 1, START));
        assert_eq!(batch.take(busy).unwrap().count, 2);
        assert!(batch.take_oldest().is_none() && batch.take(idle).is_none());
    }

    #[test]
    fn a_thousand_uses_of_a_key_are_written_at_once() {
        let (batch, id) = (UsageBatch::default(), ApiKeyId::new(START, &SeededRandom::predictable(1)));
        let due: Vec<_> = (0..2_000).filter_map(|_| batch.note(id, START)).collect();
        assert_eq!(due.iter().map(|(_, uses)| uses.count).collect::<Vec<_>>(), [MOST_USES, MOST_USES]);
    }

    #[test]
    fn the_memory_of_a_batch_is_bounded() {
        let (batch, random) = (UsageBatch::default(), SeededRandom::predictable(1));
        let first = ApiKeyId::new(START, &random);
        batch.note(first, START);
        for n in 1..MOST_KEYS as u32 {
            let now = START.plus(Duration::from_micros(n.into()));
            assert!(batch.note(ApiKeyId::new(now, &random), now).is_none());
        }
        let now = START.plus(Duration::from_secs(1));
        let (id, uses) = batch.note(ApiKeyId::new(now, &random), now).unwrap();
        assert_eq!(id, first, "the oldest goes first");
        batch.put_back(id, uses);
        assert_eq!(batch.pending().by_key.len(), MOST_KEYS, "what could not be written took more room");
        assert_eq!(batch.pending().by_age.len(), MOST_KEYS);
    }

    #[test]
    fn what_could_not_be_written_is_added_to_what_came_since() {
        let (batch, id) = (UsageBatch::default(), ApiKeyId::new(START, &SeededRandom::predictable(1)));
        batch.note(id, START);
        let taken = batch.take(id).unwrap();
        batch.note(id, START.plus(MOST_AGE));
        batch.put_back(id, taken);
        let uses = batch.take(id).unwrap();
        assert_eq!((uses.count, uses.last_used_at), (2, START.plus(MOST_AGE)));
    }
}
