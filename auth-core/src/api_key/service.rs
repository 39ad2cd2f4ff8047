//! Making, changing and ending keys.

use std::time::Duration;

use super::config::{Config, Metadata, Names};
use super::model::{ApiKey, KeyChange, KeyList, KeyOwner, KeyPage, Limits, NewApiKey, Rotation};
use super::resolve::settled;
use crate::base::{ApiKeyId, TenantId, Timestamp, Token, UserId};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::role::{self, Permission, RoleScope};
use crate::session::{self, Acting, Authority, Session};
use crate::user::{Pool, User};

/// The one configuration that keys are made under, by the name that the protocol has for it.
pub(super) const DEFAULT_CONFIG: &str = "default";
/// How many characters of a key are kept in clear.
const START_CHARS: usize = 6;
/// The largest metadata, in bytes of JSON.
const MOST_METADATA: usize = 4 * 1024;
/// The longest name of a service: what the column holds.
const MOST_SERVICE_CHARS: usize = 128;
/// The largest page of a list.
pub(super) const MOST_LISTED: u32 = 100;

/// A key, with the secret that only this answer shows.
#[derive(Debug)]
#[non_exhaustive]
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: Token,
}

/// Whose keys are meant, and on whose word.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller<'a> {
    /// The program itself says whose.
    Program(&'a KeyOwner),
    /// The owner in a session of theirs, which is judged again in the transaction of every change.
    Owner {
        /// Who is signed in.
        user: &'a User,
        /// The session.
        session: &'a Session,
    },
}

impl Caller<'_> {
    pub(super) fn owner(&self) -> KeyOwner {
        match self {
            Self::Program(owner) => (*owner).clone(),
            Self::Owner { user, .. } => KeyOwner::User(user.id),
        }
    }

    /// Refuses a secret of this key, or a longer life for it, where it may do what the session may not: the token of a
    /// session that has leaked from one front end or tenant would get somebody into another.
    fn expect_reach(&self, key: &ApiKey) -> Result<()> {
        let Self::Owner { session, .. } = self else { return Ok(()) };
        let guards = session.role_guard.is_none() || session.role_guard == key.role_guard;
        let tenants = match &session.scope {
            RoleScope::Everywhere => true,
            // Staff act in no tenant.
            RoleScope::Platform => key.tenant.is_none(),
            RoleScope::Tenant(tenant) => key.tenant.as_ref() == Some(tenant),
        };
        if guards && tenants {
            return Ok(());
        }
        Err(Error::from(Code::Forbidden).saying("Required: a session of the front end and tenant of the API key."))
    }

    /// A unit of work in which whoever asks may still do so.
    async fn begin<'c>(&self, cx: &'c Cx) -> Result<Work<'c>> {
        let mut work = cx.begin().await?;
        if let Self::Owner { user, session } = self {
            session::still_holds(cx, &mut work, user, session).await?;
        }
        Ok(work)
    }
}

fn feature(cx: &Cx) -> Result<&Config> {
    cx.auth().api_keys().ok_or_else(|| Error::internal("API keys are not switched on: AuthBuilder::api_keys"))
}

/// Makes a key, for programs. A user's may be limited in ways that its owner cannot ask for, and never permits more
/// than they hold. An organisation's or a service's permits exactly what it is given here, on the word of the program:
/// whoever uses it is a [`Service`](crate::guard::PrincipalKind::Service) principal.
///
/// # Errors
/// [`Code::ValidationError`] for a key that is no user's and does not say what it permits (an empty list says nothing);
/// [`Code::UserNotFound`]; [`Code::Conflict`] for a disabled user; [`Code::TenantMismatch`] for a user whose account
/// belongs to another tenant; where the engine keeps tenants [`Code::TenantNotFound`] and, for a user who does not
/// belong to it, [`Code::NotAMember`]; [`Code::RoleGuardNotAllowed`] for a role guard that is not registered;
/// [`Code::TooManyKeys`]; [`Code::PermissionNotHeld`]; and what is said of names, prefixes, lifetimes and metadata.
pub async fn create(cx: &Cx, new: NewApiKey) -> Result<CreatedKey> {
    let owner = new.owner.clone();
    create_by(cx, Caller::Program(&owner), new).await
}

pub(super) async fn create_by(cx: &Cx, caller: Caller<'_>, new: NewApiKey) -> Result<CreatedKey> {
    let config = feature(cx)?;
    let owner = caller.owner();
    let user = owner.user();
    if user.is_none() && new.permissions.is_none() {
        let problem = "An API key that is no user's must say what it permits.";
        return Err(Error::from(Code::ValidationError).saying(problem));
    }
    check_owner(&owner, new.tenant.as_ref())?;
    if let Some(guard) = &new.role_guard {
        role::expect_guard(cx, guard)?;
    }
    let (mut key, secret) = new_key(cx, config, NewApiKey { owner, ..new })?;
    let mut work = caller.begin(cx).await?;
    let holder = match (caller, user) {
        (Caller::Owner { user, .. }, _) => Some(user.clone()),
        (Caller::Program(_), Some(user)) => Some(claim(&mut work, user).await?),
        (Caller::Program(_), None) => None,
    };
    if let Some(holder) = &holder {
        key.tenant = place(cx, holder, key.tenant)?;
    }
    caller.expect_reach(&key)?;
    expect_place(cx, &mut work, &key).await?;
    // A user's row is locked: of two keys that are made at once, the second one counts the first.
    if work.count_api_keys(&key.owner, cx.now()).await? >= u64::from(config.max_per_owner) {
        return Err(Code::TooManyKeys.into());
    }
    if let Some(holder) = &holder {
        expect_held(cx, &mut work, holder, &key, key.permissions.as_deref()).await?;
    }
    work.insert_api_key(&key, &secret.hash()).await?;
    work.emit(Event::ApiKeyCreated { user, key: key.id });
    work.commit().await?;
    Ok(CreatedKey { key, secret })
}

fn check_owner(owner: &KeyOwner, tenant: Option<&TenantId>) -> Result<()> {
    let problem = match owner {
        KeyOwner::Organization(organization) if tenant != Some(organization) => {
            "The API key of an organisation acts for that organisation."
        }
        KeyOwner::Service(name) if !(1..=MOST_SERVICE_CHARS).contains(&name.chars().count()) => {
            "The name of a service has 1 to 128 characters."
        }
        KeyOwner::User(_) | KeyOwner::Organization(_) | KeyOwner::Service(_) => return Ok(()),
    };
    Err(Error::from(Code::ValidationError).saying(problem))
}

/// The tenant that a key of this user speaks for: where accounts belong to tenants theirs and no other.
fn place(cx: &Cx, user: &User, named: Option<TenantId>) -> Result<Option<TenantId>> {
    let scope = RoleScope::from(named.or_else(|| user.tenant.clone()));
    if !cx.auth().config().tenancy.lets_act(user, &scope) {
        return Err(Code::TenantMismatch.into());
    }
    Ok(scope.tenant().cloned())
}

/// Refuses a key for a tenant that is not there, or to which its owner does not belong, where the engine keeps both: it
/// would come to life with them. The tenant stays until the key is written, and goes with it.
async fn expect_place(cx: &Cx, work: &mut Work<'_>, key: &ApiKey) -> Result<()> {
    let Some(tenant) = key.tenant.as_ref().filter(|_| cx.auth().config().tenancy.keeps_members()) else {
        return Ok(());
    };
    if !work.lock_tenant(tenant).await? {
        return Err(Code::TenantNotFound.into());
    }
    match key.owner.user() {
        Some(user) if work.membership(user, tenant).await?.is_none() => Err(Code::NotAMember.into()),
        Some(_) | None => Ok(()),
    }
}

/// Locks the user's row, as a session of theirs would.
async fn claim(work: &mut Work<'_>, id: UserId) -> Result<User> {
    let user = work.user_by_id(id).await?.filter(|user| user.pool == Pool::User).ok_or(Code::UserNotFound)?;
    if user.disabled_at.is_some() || !work.claim_login(id, user.credential_version).await? {
        return Err(Error::from(Code::Conflict).saying("The user is disabled, or has just changed."));
    }
    Ok(user)
}

/// Refuses a key that would permit what its owner does not hold. Without permissions of its own it permits what they
/// do.
async fn expect_held(
    cx: &Cx,
    work: &mut Work<'_>,
    owner: &User,
    key: &ApiKey,
    permissions: Option<&[Permission]>,
) -> Result<()> {
    let Some(permissions) = permissions else { return Ok(()) };
    let held = work.roles_of_user(owner.id, key.tenant.as_ref()).await?;
    let scope = RoleScope::from(key.tenant.clone());
    let acting = Acting { scope: &scope, role_guard: key.role_guard.as_deref() };
    let Authority { permissions: held, .. } = Authority::of(cx, owner, acting, held).await?;
    match permissions.iter().find(|permission| !held.contains(*permission)) {
        None => Ok(()),
        Some(missing) => {
            let message = format!("The owner does not hold the permission {missing}, so the API key cannot have it.");
            Err(Error::from(Code::PermissionNotHeld).saying(message))
        }
    }
}

fn new_key(cx: &Cx, config: &Config, new: NewApiKey) -> Result<(ApiKey, Token)> {
    let now = cx.now();
    if new.name.is_none() && config.names == Names::Required {
        return Err(Code::KeyNameRequired.into());
    }
    check_name(config, new.name.as_deref())?;
    check_metadata(config, new.metadata.as_ref())?;
    let expires_at = end(config, new.lifetime, now)?;
    let limits = new_limits(config, &new, now);
    check_limits(&limits)?;
    let prefix = new.prefix.unwrap_or_else(|| config.prefix.clone());
    if prefix.is_empty() {
        return Err(Code::InvalidPrefixLength.into());
    }
    let secret = Token::random_api_key(&prefix, cx.random()).map_err(|_| Code::InvalidPrefixLength)?;
    let key = ApiKey {
        id: ApiKeyId::new(now, cx.random()),
        owner: new.owner,
        tenant: new.tenant,
        role_guard: new.role_guard,
        config_id: DEFAULT_CONFIG.to_owned(),
        name: new.name,
        start: start(&secret),
        prefix: Some(prefix),
        enabled: true,
        permissions: new.permissions.map(sorted),
        metadata: new.metadata,
        limits,
        expires_at,
        created_at: now,
        updated_at: now,
        last_used_at: None,
        usage_count: 0,
        rotation: 0,
    };
    Ok((key, secret))
}

/// What lists show of a key: too little to guess the rest, whatever the prefix.
fn start(secret: &Token) -> String {
    secret.expose().chars().take(START_CHARS).collect()
}

fn sorted(mut permissions: Vec<Permission>) -> Vec<Permission> {
    permissions.sort_unstable();
    permissions.dedup();
    permissions
}

fn new_limits(config: &Config, new: &NewApiKey, now: Timestamp) -> Limits {
    let quotas = new.quotas.as_ref().unwrap_or(&config.quotas);
    Limits {
        remaining: new.remaining.or(new.refill.map(|refill| refill.amount())).map(i64::from),
        refill: new.refill,
        last_refill_at: new.refill.map(|_| now),
        quotas: quotas.iter().map(|quota| (*quota).into()).collect(),
    }
}

fn check_limits(limits: &Limits) -> Result<()> {
    let problem = match limits {
        Limits { quotas, .. } if quotas.len() > Limits::MOST_QUOTAS => "An API key is counted in at most four windows.",
        Limits { remaining: Some(..0), .. } => "What is left of an API key's uses is at least none.",
        Limits { remaining: None, refill: Some(_), .. } => "Without a number of uses there is nothing to refill.",
        Limits { .. } => return Ok(()),
    };
    Err(Error::from(Code::ValidationError).saying(problem))
}

fn check_name(config: &Config, name: Option<&str>) -> Result<()> {
    let fits =
        |name: &str| (1..=config.max_name).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if name.is_none_or(fits) { Ok(()) } else { Err(Code::InvalidNameLength.into()) }
}

fn check_metadata(config: &Config, metadata: Option<&serde_json::Map<String, serde_json::Value>>) -> Result<()> {
    let Some(metadata) = metadata else { return Ok(()) };
    if config.metadata == Metadata::Refused {
        return Err(Code::MetadataDisabled.into());
    }
    let length = serde_json::to_string(metadata).map_err(Error::internal)?.len();
    if length <= MOST_METADATA { Ok(()) } else { Err(Code::InvalidMetadataType.into()) }
}

/// When a key ends that shall live so long from now on, or for as long as is configured.
///
/// # Errors
/// [`Code::ExpiresInIsTooSmall`], [`Code::ExpiresInIsTooLarge`].
pub(super) fn end_after(cx: &Cx, lifetime: Option<Duration>) -> Result<Option<Timestamp>> {
    end(feature(cx)?, lifetime, cx.now())
}

fn end(config: &Config, lifetime: Option<Duration>, now: Timestamp) -> Result<Option<Timestamp>> {
    match lifetime {
        Some(lifetime) if lifetime < config.min_lifetime => Err(Code::ExpiresInIsTooSmall.into()),
        Some(lifetime) if lifetime > config.max_lifetime => Err(Code::ExpiresInIsTooLarge.into()),
        lifetime => Ok(lifetime.or(config.default_lifetime).map(|lifetime| now.plus(lifetime))),
    }
}

/// Gives a key another secret. The old one counts for `grace` more, or not at all when that is zero; a secret that was
/// replaced before ends no later than it would have.
///
/// # Errors
/// [`Code::KeyNotFound`] when the owner has no such key; [`Code::Conflict`] when it was rotated at the same time;
/// [`Code::ValidationError`] for a grace beyond [`Config::max_grace`].
pub async fn rotate(cx: &Cx, owner: &KeyOwner, id: ApiKeyId, grace: Duration) -> Result<CreatedKey> {
    rotate_by(cx, Caller::Program(owner), id, grace).await
}

pub(super) async fn rotate_by(cx: &Cx, caller: Caller<'_>, id: ApiKeyId, grace: Duration) -> Result<CreatedKey> {
    let config = feature(cx)?;
    if grace > config.max_grace {
        let problem = format!("at most {} seconds", config.max_grace.as_secs());
        return Err(Error::invalid("body", "graceSeconds", problem));
    }
    let seen = find(cx, &caller.owner(), id).await?;
    caller.expect_reach(&seen)?;
    let prefix = seen.prefix.as_deref().unwrap_or_default();
    let secret = Token::random_api_key(prefix, cx.random()).map_err(Error::internal)?;
    let now = cx.now();
    let old_until = (!grace.is_zero()).then(|| now.plus(grace));
    let rotation = Rotation { secret: secret.hash(), start: start(&secret), old_until, at: now };
    let mut work = caller.begin(cx).await?;
    // Judged by the state that was seen: of two at once, the second one would end the secret that the first has shown.
    if !work.rotate_api_key(&seen, &rotation).await? {
        return Err(Code::Conflict.into());
    }
    work.emit(Event::ApiKeyRotated { user: seen.owner.user(), key: id });
    work.commit().await?;
    let key = ApiKey { start: rotation.start, updated_at: now, rotation: seen.rotation + 1, ..seen };
    Ok(CreatedKey { key, secret })
}

/// Changes what is named about a key; the next use feels it. The key as it is then.
///
/// # Errors
/// [`Code::KeyNotFound`] when the owner has no such key; [`Code::NoValuesToUpdate`]; [`Code::PermissionNotHeld`]; and
/// what is said of names, lifetimes, metadata and limits.
pub async fn change(cx: &Cx, owner: &KeyOwner, id: ApiKeyId, change: KeyChange) -> Result<ApiKey> {
    change_by(cx, Caller::Program(owner), id, change).await
}

pub(super) async fn change_by(cx: &Cx, caller: Caller<'_>, id: ApiKeyId, mut change: KeyChange) -> Result<ApiKey> {
    let (config, now, owner) = (feature(cx)?, cx.now(), caller.owner());
    check_change(config, &mut change, now)?;
    let mut work = caller.begin(cx).await?;
    let key = work.api_key_of(&owner, id).await?.ok_or(Code::KeyNotFound)?;
    if change.lets_live() {
        caller.expect_reach(&key)?;
    }
    if let (Some(user), Some(Some(permissions))) = (owner.user(), &change.permissions) {
        let holder = work.user_by_id(user).await?.ok_or(Code::UserNotFound)?;
        expect_held(cx, &mut work, &holder, &key, Some(permissions)).await?;
    }
    if !work.update_api_key(&owner, id, &change, now).await? {
        return Err(Code::KeyNotFound.into());
    }
    let key = work.api_key_of(&owner, id).await?.ok_or(Code::KeyNotFound)?;
    work.emit(Event::ApiKeyChanged { user: owner.user(), key: id });
    work.commit().await?;
    Ok(settled(cx, key).await)
}

fn check_change(config: &Config, change: &mut KeyChange, now: Timestamp) -> Result<()> {
    if change.is_empty() {
        return Err(Code::NoValuesToUpdate.into());
    }
    match &change.name {
        Some(None) if config.names == Names::Required => return Err(Code::KeyNameRequired.into()),
        Some(name) => check_name(config, name.as_deref())?,
        None => {}
    }
    if let Some(Some(metadata)) = &change.metadata {
        check_metadata(config, Some(metadata))?;
    }
    match change.expires_at {
        Some(Some(end)) if end <= now => return Err(Code::ExpiresInIsTooSmall.into()),
        Some(Some(end)) if end > now.plus(config.max_lifetime) => return Err(Code::ExpiresInIsTooLarge.into()),
        Some(Some(_) | None) | None => {}
    }
    if let Some(Some(permissions)) = &mut change.permissions {
        *permissions = sorted(std::mem::take(permissions));
    }
    if let Some(limits) = &mut change.limits {
        limits.last_refill_at = limits.refill.map(|_| limits.last_refill_at.unwrap_or(now));
        check_limits(limits)?;
    }
    Ok(())
}

/// Removes a key: the next use of it is refused.
///
/// # Errors
/// [`Code::KeyNotFound`] when the owner has no such key.
pub async fn revoke(cx: &Cx, owner: &KeyOwner, id: ApiKeyId) -> Result<()> {
    revoke_by(cx, Caller::Program(owner), id).await
}

pub(super) async fn revoke_by(cx: &Cx, caller: Caller<'_>, id: ApiKeyId) -> Result<()> {
    let owner = caller.owner();
    let mut work = caller.begin(cx).await?;
    if !work.delete_api_key(&owner, id).await? {
        return Err(Code::KeyNotFound.into());
    }
    work.emit(Event::ApiKeyRevoked { user: owner.user(), key: id });
    work.commit().await?;
    cx.auth().key_usage().take(id);
    Ok(())
}

/// One key of this owner, with its use up to now as far as this process knows it.
///
/// # Errors
/// [`Code::KeyNotFound`] when the owner has no such key.
pub async fn find(cx: &Cx, owner: &KeyOwner, id: ApiKeyId) -> Result<ApiKey> {
    let key = cx.conn().api_key_of(owner, id).await?.ok_or(Code::KeyNotFound)?;
    Ok(settled(cx, key).await)
}

/// A page of the owner's keys, at most 100, and how many there are. Expired ones are among them until they are removed.
///
/// # Errors
/// When the store is down.
pub async fn list(cx: &Cx, owner: &KeyOwner, page: KeyPage) -> Result<KeyList> {
    let page = KeyPage { limit: page.limit.min(MOST_LISTED), ..page };
    let KeyList { keys, total } = cx.conn().api_keys_of(owner, &page).await?;
    let mut up_to_date = Vec::with_capacity(keys.len());
    for key in keys {
        up_to_date.push(settled(cx, key).await);
    }
    Ok(KeyList { keys: up_to_date, total })
}
