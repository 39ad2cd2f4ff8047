//! API keys of an organisation, for its programs.
//!
//! People manage them; a key never manages keys. A key belongs to the organisation and not to whoever made it, for
//! people have no rows here that it could end with. It may do what it was given, and never more than its maker might
//! have done.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Json, Path};
use auth_actix::{CurrentUser, Refusal, RequestCx, Tenant};
use auth_core::api_key::{
    self, ApiKey, Config, Direction, KeyChange, KeyOrder, KeyOwner, KeyPage, Names, NewApiKey, PermissionMap,
};
use auth_core::base::{ApiKeyId, Timestamp};
use auth_core::error::Code;
use auth_core::guard::{self, Principal};
use auth_core::role::Permission;
use auth_core::{Error, Result};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::input::{LONGEST_NAME, Reader, Sent};
use crate::permissions::{self, READ, WRITE};

/// What is kept with a key: its maker's name, as their issuer has it.
const MADE_BY: &str = "madeBy";
/// What a client is told that `permissions` must be.
const EXPECTED: &str =
    "\"read\", \"write\", \"full\" or {\"projects\": [\"read\", \"write\", \"delete\"]}, of these at least one";
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
    sent: Json<Sent>,
) -> Result<HttpResponse, Refusal> {
    let mut body = Reader::of(&sent);
    let name = body.name();
    let permissions = body.field("permissions", EXPECTED, permissions_in);
    let expires_at = body.field("expiresAt", "an instant to come, such as 2030-01-01T00:00:00Z", |value| match value {
        Value::Null => Some(None),
        value => instant_in(value).filter(|end| *end > cx.now()).map(Some),
    });
    let (Some(name), Some(permissions), Some(expires_at)) = (name, permissions, expires_at) else {
        return Err(body.refusal().into());
    };
    expect_held(&caller, &permissions)?;

    let mut new = NewApiKey::of_organization(tenant.id().clone(), permissions);
    new.name = Some(name);
    new.metadata = Some(Sent::from_iter([(MADE_BY.to_owned(), json!(caller.id))]));
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

fn permissions_in(value: &Value) -> Option<Vec<Permission>> {
    let names = match value {
        Value::String(word) if word == "read" => vec![READ],
        Value::String(word) if word == "write" => vec![WRITE],
        Value::String(word) if word == "full" => vec![READ, WRITE],
        Value::Object(_) => {
            let named = serde_json::from_value::<PermissionMap>(value.clone()).ok()?.permissions().ok()?;
            let known = named.iter().all(|permission| permissions::OF_PROJECTS.contains(&permission.as_str()));
            return Some(named).filter(|named| known && !named.is_empty());
        }
        _ => return None,
    };
    names.into_iter().map(Permission::parse).collect::<Result<_, _>>().ok()
}

fn instant_in(value: &Value) -> Option<Timestamp> {
    let instant = OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()?;
    i64::try_from(instant.unix_timestamp_nanos() / 1_000).ok().map(Timestamp::from_micros)
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
