//! What an API key is: a long-lived credential of a program, with an authority and limits of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{ApiKeyId, TenantId, Timestamp, TokenHash, UserId};
use crate::limit::{InvalidQuota, Quota, countable};
use crate::role::{HeldRole, InvalidName, Permission};
use crate::tenant::MembershipStatus;
use crate::user::User;

/// Whose key it is. Users make theirs themselves; those of organisations and services are made by the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyOwner {
    /// A user. The key goes with them.
    User(UserId),
    /// An organisation as such, whoever its members are.
    Organization(TenantId),
    /// A program that acts for nobody but itself: 1 to 128 characters. One name is one service, in whichever tenant.
    Service(String),
}

impl KeyOwner {
    /// The stored name of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Organization(_) => "organization",
            Self::Service(_) => "service",
        }
    }

    /// The stored name within its kind: the id of a user in its written form, the name of anything else.
    pub fn reference(&self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Organization(id) => id.to_string(),
            Self::Service(name) => name.clone(),
        }
    }

    /// Reads the stored form; `None` when no version of this code writes it.
    pub fn from_stored(kind: &str, reference: &str) -> Option<Self> {
        match kind {
            "user" => reference.parse().ok().map(Self::User),
            "organization" => reference.parse().ok().map(Self::Organization),
            "service" => Some(Self::Service(reference.to_owned())),
            _ => None,
        }
    }

    /// The user, if it is one.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(*id),
            Self::Organization(_) | Self::Service(_) => None,
        }
    }
}

/// So many uses anew each time that this much time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    amount: u32,
    interval: Duration,
}

impl Refill {
    /// At least one use, each 1 second to 400 days, counted in whole microseconds.
    ///
    /// # Errors
    /// [`InvalidQuota`] for anything else.
    pub fn new(amount: u32, interval: Duration) -> Result<Self, InvalidQuota> {
        if amount == 0 {
            return Err(InvalidQuota);
        }
        Ok(Self { amount, interval: countable(interval)? })
    }

    /// How many uses there are then.
    pub const fn amount(&self) -> u32 {
        self.amount
    }

    /// How much time.
    pub const fn interval(&self) -> Duration {
        self.interval
    }
}

/// A quota and what has been counted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedQuota {
    /// The quota.
    pub quota: Quota,
    /// Uses in the window that ends next.
    pub used: i64,
    /// When the count starts anew; long ago for a quota that nothing was counted of.
    pub window_ends_at: Timestamp,
}

impl From<Quota> for CountedQuota {
    fn from(quota: Quota) -> Self {
        Self { quota, used: 0, window_ends_at: Timestamp::from_micros(0) }
    }
}

impl CountedQuota {
    /// Uses in the present window.
    pub fn used_at(&self, now: Timestamp) -> i64 {
        if now < self.window_ends_at { self.used } else { 0 }
    }

    fn is_full(&self, now: Timestamp) -> bool {
        self.used_at(now) >= i64::from(self.quota.limit())
    }

    fn count(&mut self, now: Timestamp) {
        if now >= self.window_ends_at {
            *self = Self { used: 0, window_ends_at: now.plus(self.quota.window()), ..*self };
        }
        self.used = self.used.saturating_add(1);
    }
}

/// How often a key may be used. None of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Uses that are left; `None` for any number.
    pub remaining: Option<i64>,
    /// When there are uses anew, if ever.
    pub refill: Option<Refill>,
    /// When it was last filled. Set with `refill`, so that the first one is due an interval after the key was made.
    pub last_refill_at: Option<Timestamp>,
    /// At most [`MOST_QUOTAS`](Self::MOST_QUOTAS).
    pub quotas: Vec<CountedQuota>,
}

/// What became of a use that was to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was counted, by every limit that the key has.
    Allowed,
    /// A quota is used up, and nothing was counted.
    QuotaExceeded {
        /// When the last of those that are used up starts anew.
        ends_at: Timestamp,
    },
    /// No use is left, and nothing was counted.
    NoneRemaining {
        /// When there will be some, if ever.
        refill_at: Option<Timestamp>,
    },
    /// There is no such key any more.
    NoSuchKey,
}

impl Limits {
    /// The most windows that one key is counted in.
    pub const MOST_QUOTAS: usize = 4;

    /// Whether any number of uses is allowed at any time.
    pub const fn is_unlimited(&self) -> bool {
        self.remaining.is_none() && self.quotas.is_empty()
    }

    /// Counts a use by all of them, or by none when one does not allow it.
    pub fn spend(&mut self, now: Timestamp) -> Spent {
        if let Some(refused) = self.refusal(now) {
            return refused;
        }
        if let (Some(_), Some(refill), true) = (self.remaining, self.refill, self.is_refill_due(now)) {
            self.remaining = Some(i64::from(refill.amount));
            self.last_refill_at = Some(now);
        }
        self.remaining = self.remaining.map(|left| left.saturating_sub(1));
        self.quotas.iter_mut().for_each(|quota| quota.count(now));
        Spent::Allowed
    }

    /// Why a use would not be allowed; `None` when it would be.
    pub fn refusal(&self, now: Timestamp) -> Option<Spent> {
        if self.remaining.is_some_and(|left| left <= 0) && !self.is_refill_due(now) {
            return Some(Spent::NoneRemaining { refill_at: self.refill_at() });
        }
        let full = self.quotas.iter().filter(|quota| quota.is_full(now));
        full.map(|quota| quota.window_ends_at).max().map(|ends_at| Spent::QuotaExceeded { ends_at })
    }

    fn is_refill_due(&self, now: Timestamp) -> bool {
        self.refill_at().is_some_and(|due| now >= due)
    }

    fn refill_at(&self) -> Option<Timestamp> {
        Some(self.last_refill_at?.plus(self.refill?.interval))
    }
}

/// A key that is asked for. What is `None` is as the configuration has it, or left out.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::api_key::{self, NewApiKey, Quota};
/// use auth_core::prelude::*;
/// use auth_core::role::Permission;
///
/// async fn key_for_exports(cx: &Cx, user: UserId) -> Result<String> {
///     let mut new = NewApiKey::of_user(user);
///     new.name = Some("exports".to_owned());
///     new.permissions = Some(vec![Permission::parse("reports:read")?]);
///     new.lifetime = Some(Duration::from_hours(90 * 24));
///     new.quotas = Some(vec![Quota::per_minute(30).map_err(Error::internal)?]);
///     let created = api_key::create(cx, new).await?;
///     // Shown to the user now, and never again.
///     Ok(created.secret.expose().to_owned())
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewApiKey {
    /// Whose it is to be.
    pub owner: KeyOwner,
    /// The tenant that it speaks for.
    pub tenant: Option<TenantId>,
    /// The only role guard whose roles count; `None` for all of them.
    pub role_guard: Option<String>,
    /// What its owner calls it.
    pub name: Option<String>,
    /// What it begins with, instead of the configured prefix.
    pub prefix: Option<String>,
    /// How long it lives.
    pub lifetime: Option<Duration>,
    /// What it is limited to: at most what the owner holds now, and of that only what they hold when it is used.
    pub permissions: Option<Vec<Permission>>,
    /// What the application keeps with it.
    pub metadata: Option<Map<String, Value>>,
    /// How many uses it has; any number unless there is a refill.
    pub remaining: Option<u32>,
    /// When it has some anew.
    pub refill: Option<Refill>,
    /// How often it may be used, instead of the configured quotas: at most four windows.
    pub quotas: Option<Vec<Quota>>,
}

impl NewApiKey {
    /// A key of this user, with their whole authority unless it is limited.
    pub const fn of_user(user: UserId) -> Self {
        Self::of(KeyOwner::User(user))
    }

    /// A key of this organisation, for it alone. It permits what is given here, and nothing looks at its members.
    pub fn of_organization(organization: TenantId, permissions: Vec<Permission>) -> Self {
        let tenant = Some(organization.clone());
        Self { tenant, permissions: Some(permissions), ..Self::of(KeyOwner::Organization(organization)) }
    }

    /// A key of a service, a program that acts for nobody but itself: 1 to 128 characters. It permits what is given
    /// here.
    pub fn of_service(name: impl Into<String>, permissions: Vec<Permission>) -> Self {
        Self { permissions: Some(permissions), ..Self::of(KeyOwner::Service(name.into())) }
    }

    const fn of(owner: KeyOwner) -> Self {
        Self {
            owner,
            tenant: None,
            role_guard: None,
            name: None,
            prefix: None,
            lifetime: None,
            permissions: None,
            metadata: None,
            remaining: None,
            refill: None,
            quotas: None,
        }
    }
}

/// A key as a store keeps it, without its secret. Plain data: having one proves nothing.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Names the key in lists; gives no access.
    pub id: ApiKeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// The tenant that it speaks for; `None` for a key without one.
    pub tenant: Option<TenantId>,
    /// The only role guard whose roles count, as in the session that it was made in; `None` for all of them.
    pub role_guard: Option<String>,
    /// What it was made under: `default`.
    pub config_id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The first six characters of the key, to tell it from others.
    pub start: String,
    /// What the key begins with, such as `ak_live_`.
    pub prefix: Option<String>,
    /// Whether it counts at all.
    pub enabled: bool,
    /// What it is limited to, sorted and without repeats, and of that only what its owner holds at the moment of use;
    /// `None` for the owner's whole authority.
    pub permissions: Option<Vec<Permission>>,
    /// What the application keeps with it.
    pub metadata: Option<Map<String, Value>>,
    /// How often it may be used.
    pub limits: Limits,
    /// From this instant it is dead; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed. Use changes nothing.
    pub updated_at: Timestamp,
    /// When it was last used, as far as that has been written down.
    pub last_used_at: Option<Timestamp>,
    /// How often it was used, as far as that has been written down.
    pub usage_count: i64,
    /// Raised with each rotation, so that of two at once one is too late.
    pub rotation: i64,
}

impl ApiKey {
    /// Whether it is enabled and has not expired: an expiry that equals `now` has passed.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A key found by its secret, with its owner and the roles they hold: all that a request needs to know, in one look-up.
#[derive(Clone, Debug)]
pub struct ApiKeyWithOwner {
    /// The key.
    pub key: ApiKey,
    /// From this instant the secret that found it opens nothing: it was replaced. `None` for the present one.
    pub secret_expires_at: Option<Timestamp>,
    /// The user whose key it is; `None` when it is nobody's.
    pub owner: Option<User>,
    /// Whether they belong to the tenant that the key is bound to, and how; `None` as well when it is bound to none.
    pub membership: Option<MembershipStatus>,
    /// What they hold everywhere and in that tenant, in no particular order.
    pub roles: Vec<HeldRole>,
}

/// A new secret for a key, and what becomes of those that it has.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The hash that the key will be found by.
    pub secret: TokenHash,
    /// The first characters of the new key.
    pub start: String,
    /// From when on the old ones open nothing, unless they end before; `None` removes them.
    pub old_until: Option<Timestamp>,
    /// When it happens.
    pub at: Timestamp,
}

/// What changes about a key; `None` leaves a field as it is, and `Some(None)` takes away what may be missing.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// Another name.
    pub name: Option<Option<String>>,
    /// Whether it counts.
    pub enabled: Option<bool>,
    /// Another limit to its authority; none for the owner's whole authority.
    pub permissions: Option<Option<Vec<Permission>>>,
    /// Other data beside it.
    pub metadata: Option<Option<Map<String, Value>>>,
    /// Another end.
    pub expires_at: Option<Option<Timestamp>>,
    /// Other limits, in place of all that it had; what was counted starts anew.
    pub limits: Option<Limits>,
}

impl KeyChange {
    /// Whether the key may do more afterwards, or for longer. Only programs give it permissions or limits.
    pub(super) const fn lets_live(&self) -> bool {
        matches!(self.enabled, Some(true)) || self.expires_at.is_some()
    }

    /// Whether it would change nothing.
    pub const fn is_empty(&self) -> bool {
        let Self { name, enabled, permissions, metadata, expires_at, limits } = self;
        name.is_none()
            && enabled.is_none()
            && permissions.is_none()
            && metadata.is_none()
            && expires_at.is_none()
            && limits.is_none()
    }
}

/// What a list of keys is ordered by. Keys that have no such value come last, and of equal ones the older comes first
/// in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyOrder {
    /// When they were made.
    #[default]
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// Their names, byte by byte.
    Name,
    /// When they end.
    ExpiresAt,
    /// When they were last used.
    #[serde(rename = "lastRequest")]
    LastUsedAt,
}

/// Which end of the order comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Direction {
    /// The smallest.
    #[serde(rename = "asc")]
    Ascending,
    /// The largest.
    #[serde(rename = "desc")]
    Descending,
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct KeyPage {
    /// What the list is ordered by.
    pub order: KeyOrder,
    /// Which end comes first.
    pub direction: Direction,
    /// At most so many.
    pub limit: u32,
    /// So many are passed over.
    pub offset: u32,
}

/// Keys of a list, and how many the whole list has.
#[derive(Clone, Debug)]
pub struct KeyList {
    /// The keys of the page.
    pub keys: Vec<ApiKey>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Permissions as the protocol writes them: actions by resource.
///
/// `reports:read` is the action `read` of `reports`; the last colon divides. A permission that has none stands under
/// its own name with the empty action, so that no two permissions look the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PermissionMap(pub BTreeMap<String, BTreeSet<String>>);

impl<'a> FromIterator<&'a Permission> for PermissionMap {
    fn from_iter<I: IntoIterator<Item = &'a Permission>>(permissions: I) -> Self {
        let mut map = Self::default();
        for permission in permissions {
            let name = permission.as_str();
            let divided = name.rsplit_once(':').filter(|(_, action)| !action.is_empty());
            let (resource, action) = divided.unwrap_or((name, ""));
            map.0.entry(resource.to_owned()).or_default().insert(action.to_owned());
        }
        map
    }
}

impl PermissionMap {
    /// The permissions, sorted.
    ///
    /// # Errors
    /// [`InvalidName`] when one of them is no permission.
    pub fn permissions(&self) -> Result<Vec<Permission>, InvalidName> {
        let actions =
            self.0.iter().flat_map(|(resource, actions)| actions.iter().map(move |action| (resource, action)));
        let names = actions.map(|(resource, action)| match &**action {
            "" => resource.clone(),
            action => format!("{resource}:{action}"),
        });
        let permissions = names.map(Permission::parse).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(permissions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(names: &[&str]) -> Vec<Permission> {
        names.iter().map(|name| Permission::parse(*name).unwrap()).collect()
    }

    #[test]
    fn permissions_are_grouped_by_resource_and_come_back_as_they_were() {
        let held = permissions(&["admin", "reports:read", "reports:write", "users:profile:read"]);
        let map: PermissionMap = held.iter().collect();
        let shown = serde_json::to_value(&map).unwrap();
        let expected = serde_json::json!({"admin": [""], "reports": ["read", "write"], "users:profile": ["read"]});
        assert_eq!(shown, expected);
        assert_eq!(serde_json::from_value::<PermissionMap>(shown).unwrap().permissions().unwrap(), held);
    }

    /// Else one of two would stand for the other.
    #[test]
    fn no_two_permissions_look_the_same() {
        for name in ["a", "a:", ":a", ":", "::", "a::", "a::b", ":a:b"] {
            let held = permissions(&[name]);
            assert_eq!(held.iter().collect::<PermissionMap>().permissions().unwrap(), held, "{name}");
        }
        let map = PermissionMap([("re ports".to_owned(), BTreeSet::from(["read".to_owned()]))].into());
        assert_eq!(map.permissions(), Err(InvalidName));
    }

    #[test]
    fn an_owner_survives_storage() {
        let user = KeyOwner::User(UserId::from_uuid(uuid::Uuid::from_u128(7)));
        let organization = KeyOwner::Organization(TenantId::parse("org_2aB").unwrap());
        for owner in [user, organization, KeyOwner::Service("nightly".to_owned())] {
            assert_eq!(KeyOwner::from_stored(owner.kind(), &owner.reference()), Some(owner));
        }
        assert_eq!(KeyOwner::from_stored("user", "ada"), None);
        assert_eq!(KeyOwner::from_stored("robot", "x"), None);
    }

    const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_123_456);
    const MINUTE: Duration = Duration::from_mins(1);

    fn limits(remaining: Option<i64>, quotas: &[Quota]) -> Limits {
        Limits { remaining, quotas: quotas.iter().map(|quota| (*quota).into()).collect(), ..Limits::default() }
    }

    #[test]
    fn a_quota_is_of_one_use_at_least_and_of_400_days_at_most() {
        let (second, most) = (Duration::from_secs(1), Duration::from_hours(9_600));
        for window in [second, MINUTE, most, second + Duration::from_nanos(1)] {
            assert_eq!(Quota::new(1, window).unwrap().window().subsec_nanos() % 1_000, 0);
        }
        for (limit, window) in [(0, MINUTE), (1, Duration::from_millis(999)), (1, most + Duration::from_secs(1))] {
            assert_eq!(Quota::new(limit, window), Err(InvalidQuota));
            assert_eq!(Refill::new(limit, window), Err(InvalidQuota));
        }
        assert_eq!(Quota::per_day(0), Err(InvalidQuota));
    }

    #[test]
    fn a_use_is_counted_by_every_limit_or_by_none() {
        let mut two_limits = limits(Some(5), &[Quota::per_minute(1).unwrap(), Quota::per_hour(3).unwrap()]);
        assert_eq!(two_limits.spend(NOW), Spent::Allowed);
        let after_one = two_limits.clone();
        assert_eq!(two_limits.spend(NOW), Spent::QuotaExceeded { ends_at: NOW.plus(MINUTE) });
        assert_eq!(two_limits, after_one);
        assert_eq!(two_limits.spend(NOW.plus(MINUTE)), Spent::Allowed);
        assert_eq!(two_limits.quotas.iter().map(|quota| quota.used).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(two_limits.remaining, Some(3));
    }

    #[test]
    fn whoever_is_refused_is_told_when_all_quotas_have_room_again() {
        let mut both = limits(None, &[Quota::per_minute(1).unwrap(), Quota::per_hour(1).unwrap()]);
        both.spend(NOW);
        assert_eq!(both.refusal(NOW), Some(Spent::QuotaExceeded { ends_at: NOW.plus(60 * MINUTE) }));
        assert_eq!(both.refusal(NOW.plus(60 * MINUTE)), None);
    }

    #[test]
    fn what_is_used_up_is_filled_when_it_is_due() {
        let mut filled = limits(Some(1), &[]);
        filled.refill = Some(Refill::new(2, MINUTE).unwrap());
        filled.last_refill_at = Some(NOW);
        assert_eq!(filled.spend(NOW), Spent::Allowed);
        assert_eq!(filled.spend(NOW), Spent::NoneRemaining { refill_at: Some(NOW.plus(MINUTE)) });
        let later = NOW.plus(3 * MINUTE);
        assert_eq!((filled.spend(later), filled.remaining), (Spent::Allowed, Some(1)));
        assert_eq!(filled.last_refill_at, Some(later));
        let mut never = limits(Some(0), &[]);
        assert_eq!(never.spend(later), Spent::NoneRemaining { refill_at: None });
    }
}
