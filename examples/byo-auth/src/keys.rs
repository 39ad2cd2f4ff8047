//! API keys of an organisation, for its programs.
//!
//! People manage them; a key never manages keys. A key belongs to the organisation and not to whoever made it, for
//! people have no rows here that it could end with. It may do what it was given, and never more than its maker might
//! have done.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Json, Path};
use auth_actix::{CurrentUser, JsonBody, Refusal, RequestCx, Tenant};
use auth_core::api_key::{
    self, ApiKey, Config, Direction, KeyChange, KeyOrder, KeyOwner, KeyPage, Names, NewApiKey, PermissionMap,
};
use auth_core::base::ApiKeyId;
use auth_core::error::Code;
use auth_core::guard::{self, Principal};
use auth_core::role::Permission;
use auth_core::{Error, Result};
use serde_json::{Map, Value, json};

use crate::input::{AN_INSTANT_TO_COME, KeyInput, LONGEST_NAME, Wanted};

/// What is kept with a key: its maker's name, as their issuer has it.
const MADE_BY: &str = "madeBy";
const HUNDRED_YEARS: Duration = Duration::from_hours(100 * 365 * 24);

/// A key needs no end, so that it may have any.
pub(crate) fn config() -> Config {
    Config::default().names(Names::Required).max_name(LONGEST_NAME).max_lifetime(HUNDRED_YEARS)
}

/// Who made the key that a request came with, if it came with one.
pub(crate) fn maker_of(key: Option<&ApiKey>) -> Option<&Value> {
    key?.metadata.as_ref()?.get(MADE_BY)
}

pub(crate) async fn create(
    cx: RequestCx,
    caller: CurrentUser,
    tenant: Tenant,
    JsonBody(input): JsonBody<KeyInput>,
) -> Result<HttpResponse, Refusal> {
    let KeyInput { name, permissions: Wanted(permissions), expires_at } = input;
    let expires_at = expires_at.map(|end| end.0);
    if expires_at.is_some_and(|end| end <= cx.now()) {
        return Err(Error::invalid("body", "expiresAt", AN_INSTANT_TO_COME).into());
    }
    expect_held(&caller, &permissions)?;

    let mut new = NewApiKey::of_organization(tenant.id().clone(), permissions);
    new.name = Some(name.0);
    new.metadata = Some(Map::from_iter([(MADE_BY.to_owned(), json!(caller.id))]));
    let mut created = api_key::create(&cx, new).await?;
    if expires_at.is_some() {
        // A new key is given a span and a known one an instant. Nobody has this one yet, so that the two may differ.
        let change = KeyChange { expires_at: Some(expires_at), ..KeyChange::default() };
        created.key = api_key::change(&cx, &owner(&tenant), created.key.id, change).await?;
    }
    let mut shown = shown(&created.key);
    shown["key"] = json!(created.secret.expose());
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(shown))
}

/// The hundred newest, without their secrets.
pub(crate) async fn list(cx: RequestCx, tenant: Tenant) -> Result<Json<Vec<Value>>, Refusal> {
    let page = KeyPage { order: KeyOrder::CreatedAt, direction: Direction::Descending, limit: 100, offset: 0 };
    let list = api_key::list(&cx, &owner(&tenant), page).await?;
    Ok(Json(list.keys.iter().map(shown).collect()))
}

pub(crate) async fn revoke(cx: RequestCx, tenant: Tenant, id: Path<String>) -> Result<HttpResponse, Refusal> {
    let id: ApiKeyId = id.parse().map_err(|_| Error::from(Code::KeyNotFound))?;
    api_key::revoke(&cx, &owner(&tenant), id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whose keys are meant: always those of the caller's organisation, so that nobody's request reaches those of others.
fn owner(tenant: &guard::Tenant) -> KeyOwner {
    KeyOwner::Organization(tenant.id().clone())
}

/// Whoever is limited makes no key that is not.
fn expect_held(caller: &Principal, permissions: &[Permission]) -> Result<()> {
    let is_held = |permission: &Permission| caller.permissions.contains(permission);
    if permissions.iter().all(is_held) { Ok(()) } else { Err(Code::PermissionNotHeld.into()) }
}

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "start": key.start,
        "permissions": key.permissions.iter().flatten().collect::<PermissionMap>(),
        "madeBy": maker_of(Some(key)),
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
    })
}
