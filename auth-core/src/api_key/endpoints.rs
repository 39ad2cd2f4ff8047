//! The endpoints of API keys. Each needs a session of the owner: a key never manages keys.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::model::{
    ApiKey, CountedQuota, Direction, KeyChange, KeyList, KeyOrder, KeyOwner, KeyPage, Limits, NewApiKey, PermissionMap,
};
use super::service::{self, Caller, CreatedKey, DEFAULT_CONFIG, MOST_LISTED};
use crate::base::{ApiKeyId, TenantId, Timestamp, json};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::guard::{CurrentSession, Fresh};
use crate::http::{Done, Endpoint, Json, Route, ShownToken};
use crate::role::RoleScope;

pub(crate) const ROUTES: &[Route] = &[
    Route::of::<CreateApiKey>(),
    Route::of::<GetApiKey>(),
    Route::of::<UpdateApiKey>(),
    Route::of::<DeleteApiKey>(),
    Route::of::<ListApiKeys>(),
    Route::of::<RotateApiKey>(),
    Route::of::<GetApiKeyUsage>(),
];

/// What the application alone decides about a key: its owner could not be trusted to limit themselves.
const SERVER_ONLY: [&str; 8] = [
    "remaining",
    "refillAmount",
    "refillInterval",
    "rateLimitEnabled",
    "rateLimitTimeWindow",
    "rateLimitMax",
    "permissions",
    "userId",
];

/// A key as clients see it, in the form of the protocol.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApiKeyView {
    /// Names the key.
    pub id: ApiKeyId,
    /// `default`.
    pub config_id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Its first six characters.
    pub start: String,
    /// What it begins with.
    pub prefix: Option<String>,
    /// The id of the user whose it is.
    pub reference_id: String,
    /// The tenant that it speaks for. The protocol has no such field.
    pub tenant_id: Option<TenantId>,
    /// The only role guard whose roles count; `null` for all of them. Ours.
    pub role_guard: Option<String>,
    /// Whether it counts.
    pub enabled: bool,
    /// Whether it has a quota.
    pub rate_limit_enabled: bool,
    /// The window of the first quota in milliseconds.
    pub rate_limit_time_window: Option<u64>,
    /// How many uses the first quota allows.
    pub rate_limit_max: Option<u32>,
    /// How many of them were made in the present window.
    pub request_count: i64,
    /// How many uses are left; `null` for any number.
    pub remaining: Option<i64>,
    /// The time between two refills in milliseconds.
    pub refill_interval: Option<u64>,
    /// How many uses there are after a refill.
    pub refill_amount: Option<u32>,
    /// When it was last filled.
    pub last_refill_at: Option<Timestamp>,
    /// When it was last used.
    pub last_request: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What it is limited to; `null` for the owner's whole authority.
    pub permissions: Option<PermissionMap>,
    /// What is kept with it.
    pub metadata: Option<Map<String, Value>>,
}

impl ApiKeyView {
    fn of(key: ApiKey, now: Timestamp) -> Self {
        let Limits { remaining, refill, last_refill_at, quotas } = key.limits;
        let first = quotas.first();
        Self {
            id: key.id,
            config_id: key.config_id,
            name: key.name,
            start: key.start,
            prefix: key.prefix,
            reference_id: key.owner.reference(),
            tenant_id: key.tenant,
            role_guard: key.role_guard,
            enabled: key.enabled,
            rate_limit_enabled: first.is_some(),
            rate_limit_time_window: first.map(|counted| millis(counted.quota.window())),
            rate_limit_max: first.map(|counted| counted.quota.limit()),
            request_count: first.map_or(0, |counted| counted.used_at(now)),
            remaining,
            refill_interval: refill.map(|refill| millis(refill.interval())),
            refill_amount: refill.map(|refill| refill.amount()),
            last_refill_at,
            last_request: key.last_used_at,
            expires_at: key.expires_at,
            created_at: key.created_at,
            updated_at: key.updated_at,
            permissions: key.permissions.map(|permissions| permissions.iter().collect()),
            metadata: key.metadata,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A key with the secret that only this answer shows.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ShownApiKey {
    /// The key.
    #[serde(flatten)]
    pub row: ApiKeyView,
    /// Its secret.
    pub key: ShownToken,
}

impl ShownApiKey {
    fn of(created: CreatedKey, cx: &Cx) -> Self {
        Self { row: ApiKeyView::of(created.key, cx.now()), key: created.secret.into() }
    }
}

/// The session of this request and whose it is, for a change: proved by the session's own token. An access token is
/// good for minutes, and must not get its holder a key.
fn caller(current: &CurrentSession) -> Result<Caller<'_>> {
    current.expect_session_token()?;
    Ok(Caller::Owner { user: current.user(), session: current })
}

/// As [`caller`], for what gets somebody a secret or lets one live on: a session of staff where they are none may have
/// leaked there, and gets nobody one.
fn caller_not_astray(current: &CurrentSession) -> Result<Caller<'_>> {
    if current.scope == RoleScope::Platform && !current.authentication().principal().is_staff {
        return Err(Error::from(Code::Forbidden).saying("Required: platform access, which this request has not."));
    }
    caller(current)
}

fn owner(current: &CurrentSession) -> KeyOwner {
    KeyOwner::User(current.user_id)
}

/// The key that the client names. What is no id names none, nor does any under another configuration.
fn named(id: &str, config_id: Option<&str>) -> Result<ApiKeyId> {
    let id = id.parse().ok().filter(|_| is_known(config_id));
    id.ok_or_else(|| Code::KeyNotFound.into())
}

fn is_known(config_id: Option<&str>) -> bool {
    config_id.is_none_or(|id| id == DEFAULT_CONFIG)
}

fn refuse_server_only(extra: &Map<String, Value>) -> Result<()> {
    match SERVER_ONLY.iter().find(|name| extra.get(**name).is_some_and(|value| !value.is_null())) {
        Some(name) => Err(Error::from(Code::ServerOnlyProperty).field(*name, "only the application may set it")),
        None => Ok(()),
    }
}

fn object(metadata: Value) -> Result<Option<Map<String, Value>>> {
    match metadata {
        Value::Null => Ok(None),
        Value::Object(fields) => Ok(Some(fields)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(Code::InvalidMetadataType.into()),
    }
}

/// `POST /api-key/create`: a key of the caller's, with their authority as far as the session has it, and the configured
/// limits.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiKey {
    /// What to call it.
    pub name: Option<String>,
    /// How long it lives, in seconds; the configured lifetime unless it is said.
    pub expires_in: Option<u64>,
    /// What it begins with, instead of the configured prefix.
    pub prefix: Option<String>,
    /// An object to keep with it.
    pub metadata: Option<Value>,
    /// `default`.
    pub config_id: Option<String>,
    /// Organisations have no keys here.
    pub organization_id: Option<String>,
    /// Everything else: dropped, or refused when it is for the application to say.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for CreateApiKey {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/api-key/create";
    const NAME: &'static str = "create_api_key";
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<ShownApiKey>;

    async fn call(self, cx: &Cx, current: Self::Caller) -> Result<Self::Reply> {
        refuse_server_only(&self.extra)?;
        if self.organization_id.is_some() {
            return Err(Code::OrganizationPluginRequired.into());
        }
        if !is_known(self.config_id.as_deref()) {
            return Err(Code::NoSuchKeyConfiguration.into());
        }
        let mut new = NewApiKey::of_user(current.user_id);
        new.name = self.name;
        new.prefix = self.prefix;
        new.tenant = cx.tenant().await?;
        new.role_guard.clone_from(&current.role_guard);
        new.lifetime = self.expires_in.map(Duration::from_secs);
        new.metadata = object(self.metadata.unwrap_or_default())?;
        let created = service::create_by(cx, caller_not_astray(&current)?, new).await?;
        Ok(Json(ShownApiKey::of(created, cx)))
    }
}

/// `GET /api-key/get`: one of the caller's keys.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetApiKey {
    /// Which one.
    pub id: String,
    /// `default`.
    pub config_id: Option<String>,
}

impl Endpoint for GetApiKey {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api-key/get";
    const NAME: &'static str = "get_api_key";
    type Caller = CurrentSession;
    type Reply = Json<ApiKeyView>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Self::Reply> {
        let id = named(&self.id, self.config_id.as_deref())?;
        let key = service::find(cx, &owner(&current), id).await?;
        Ok(Json(ApiKeyView::of(key, cx.now())))
    }
}

/// `POST /api-key/update`: changes one of the caller's keys. What would let it do more or longer, switching it on and
/// another end, needs a fresh session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateApiKey {
    /// Which one.
    pub key_id: String,
    /// Another name.
    pub name: Option<String>,
    /// Whether it counts.
    pub enabled: Option<bool>,
    /// Another object beside it, or `null` for none.
    #[serde(default, deserialize_with = "json::present")]
    pub metadata: Option<Option<Value>>,
    /// How long it lives from now on, in seconds; `null` for the configured lifetime.
    #[serde(default, deserialize_with = "json::present")]
    pub expires_in: Option<Option<u64>>,
    /// `default`.
    pub config_id: Option<String>,
    /// Everything else: dropped, or refused when it is for the application to say.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for UpdateApiKey {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/api-key/update";
    const NAME: &'static str = "update_api_key";
    type Caller = CurrentSession;
    type Reply = Json<ApiKeyView>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Self::Reply> {
        refuse_server_only(&self.extra)?;
        let id = named(&self.key_id, self.config_id.as_deref())?;
        let lifetime = self.expires_in.map(|seconds| seconds.map(Duration::from_secs));
        let change = KeyChange {
            name: self.name.map(Some),
            enabled: self.enabled,
            metadata: self.metadata.map(|metadata| object(metadata.unwrap_or_default())).transpose()?,
            expires_at: lifetime.map(|lifetime| service::end_after(cx, lifetime)).transpose()?,
            ..KeyChange::default()
        };
        if change.lets_live() && !current.is_fresh(cx) {
            return Err(Code::SessionNotFresh.into());
        }
        let caller = if change.lets_live() { caller_not_astray(&current)? } else { caller(&current)? };
        let key = service::change_by(cx, caller, id, change).await?;
        Ok(Json(ApiKeyView::of(key, cx.now())))
    }
}

/// `POST /api-key/delete`: removes one of the caller's keys, at once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteApiKey {
    /// Which one.
    pub key_id: String,
    /// `default`.
    pub config_id: Option<String>,
}

impl Endpoint for DeleteApiKey {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/api-key/delete";
    const NAME: &'static str = "delete_api_key";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        let id = named(&self.key_id, self.config_id.as_deref())?;
        service::revoke_by(cx, caller(&current)?, id).await?;
        Ok(Json(Done::success()))
    }
}

/// `GET /api-key/list`: the caller's keys, the latest first unless it is said how.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListApiKeys {
    /// At most so many; never more than 100.
    pub limit: Option<u32>,
    /// So many are passed over.
    pub offset: Option<u32>,
    /// What the list is ordered by.
    pub sort_by: Option<KeyOrder>,
    /// Which end comes first: the smallest of what `sortBy` names.
    pub sort_direction: Option<Direction>,
    /// `default`.
    pub config_id: Option<String>,
    /// Organisations have no keys here.
    pub organization_id: Option<String>,
}

/// A page of keys, and how many there are on all pages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApiKeyList {
    /// The keys of the page.
    pub api_keys: Vec<ApiKeyView>,
    /// How many there are on all pages.
    pub total: u64,
    /// The limit that was applied.
    pub limit: u32,
    /// How many were passed over.
    pub offset: u32,
}

impl Endpoint for ListApiKeys {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api-key/list";
    const NAME: &'static str = "list_api_keys";
    type Caller = CurrentSession;
    type Reply = Json<ApiKeyList>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Self::Reply> {
        if self.organization_id.is_some() {
            return Err(Code::OrganizationPluginRequired.into());
        }
        let by_default = if self.sort_by.is_some() { Direction::Ascending } else { Direction::Descending };
        let page = KeyPage {
            order: self.sort_by.unwrap_or_default(),
            direction: self.sort_direction.unwrap_or(by_default),
            limit: self.limit.unwrap_or(MOST_LISTED).min(MOST_LISTED),
            offset: self.offset.unwrap_or_default(),
        };
        let list = if is_known(self.config_id.as_deref()) {
            service::list(cx, &owner(&current), page).await?
        } else {
            KeyList { keys: Vec::new(), total: 0 }
        };
        let api_keys = list.keys.into_iter().map(|key| ApiKeyView::of(key, cx.now())).collect();
        Ok(Json(ApiKeyList { api_keys, total: list.total, limit: page.limit, offset: page.offset }))
    }
}

/// `POST /api-key/rotate`: another secret for one of the caller's keys. Ours; the protocol has no rotation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateApiKey {
    /// Which one.
    pub key_id: String,
    /// For how many more seconds the old secret counts; for none unless it is said.
    pub grace_seconds: Option<u64>,
}

impl Endpoint for RotateApiKey {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/api-key/rotate";
    const NAME: &'static str = "rotate_api_key";
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<ShownApiKey>;

    async fn call(self, cx: &Cx, current: Self::Caller) -> Result<Self::Reply> {
        let id = named(&self.key_id, None)?;
        let grace = Duration::from_secs(self.grace_seconds.unwrap_or_default());
        let created = service::rotate_by(cx, caller_not_astray(&current)?, id, grace).await?;
        Ok(Json(ShownApiKey::of(created, cx)))
    }
}

/// `GET /api-key/usage`: how one of the caller's keys is used, and what is left. Ours; the protocol has it in the row.
#[derive(Debug, Deserialize)]
pub struct GetApiKeyUsage {
    /// Which one.
    pub id: String,
}

/// How a key was used, and what is left.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApiKeyUsage {
    /// The key.
    pub id: ApiKeyId,
    /// How often it was used. Uses of the last minute in other processes may be missing.
    pub usage_count: i64,
    /// When it was last used.
    pub last_request: Option<Timestamp>,
    /// How many uses are left; `null` for any number.
    pub remaining: Option<i64>,
    /// All its quotas.
    pub quotas: Vec<QuotaView>,
}

/// A quota, and what was counted of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QuotaView {
    /// How many uses.
    pub max: u32,
    /// In how many milliseconds.
    pub time_window: u64,
    /// How many were made in the present window.
    pub request_count: i64,
    /// When that ends; `null` when none has begun.
    pub resets_at: Option<Timestamp>,
}

impl QuotaView {
    fn of(counted: &CountedQuota, now: Timestamp) -> Self {
        Self {
            max: counted.quota.limit(),
            time_window: millis(counted.quota.window()),
            request_count: counted.used_at(now),
            resets_at: Some(counted.window_ends_at).filter(|end| now < *end),
        }
    }
}

impl Endpoint for GetApiKeyUsage {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api-key/usage";
    const NAME: &'static str = "get_api_key_usage";
    type Caller = CurrentSession;
    type Reply = Json<ApiKeyUsage>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Self::Reply> {
        let key = service::find(cx, &owner(&current), named(&self.id, None)?).await?;
        let now = cx.now();
        Ok(Json(ApiKeyUsage {
            id: key.id,
            usage_count: key.usage_count,
            last_request: key.last_used_at,
            remaining: key.limits.remaining,
            quotas: key.limits.quotas.iter().map(|counted| QuotaView::of(counted, now)).collect(),
        }))
    }
}
