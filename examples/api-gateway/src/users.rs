//! Users, by whoever may see and change them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::web::{Json, Path, Query};
use auth_actix::{JsonBody, Refusal, RequestContext, RequestCx};
use auth_core::base::UserId;
use auth_core::error::{Code, Error};
use auth_core::guard::{Owned, Principal};
use auth_core::{Result, user};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::accounts::{self, shown};
use crate::bodies::Registration;

/// The largest page of the list.
const MOST_LISTED: u32 = 100;
/// The most that one import brings.
const MOST_IMPORTED: usize = 1_000;

/// What stands in the address: somebody's account, or nobody's. It is for the policy to say who may know which.
pub(crate) struct Account(Option<UserId>);

impl FromStr for Account {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse().ok()))
    }
}

impl Owned for Account {
    fn is_owned_by(&self, principal: &Principal) -> bool {
        self.0.is_some_and(|id| id.is_owned_by(principal))
    }
}

fn id(text: &str) -> Result<UserId> {
    text.parse().map_err(|_| Code::UserNotFound.into())
}

/// `?limit=…&after=…`: at most so many, beginning after the one of that id.
pub(crate) async fn list(
    cx: RequestCx,
    Query(page): Query<HashMap<String, String>>,
) -> Result<Json<Vec<Value>>, Refusal> {
    let asked = page.get("limit").map_or(Some(MOST_LISTED), |text| text.parse().ok());
    let limit = asked.filter(|limit| (1..=MOST_LISTED).contains(limit));
    let limit = limit.ok_or_else(|| Error::invalid("query", "limit", format!("must be 1 to {MOST_LISTED}")))?;
    let after = page.get("after").map(|text| text.parse()).transpose();
    let after = after.map_err(|_| Error::invalid("query", "after", "must be the id of a user"))?;
    let users = user::list_users(&cx, after, limit).await?;
    Ok(Json(users.iter().map(shown).collect()))
}

pub(crate) async fn create(cx: RequestCx, JsonBody(new): JsonBody<Registration>) -> Result<HttpResponse, Refusal> {
    Ok(HttpResponse::Created().json(accounts::create(&cx, new).await?))
}

pub(crate) async fn find(cx: RequestCx, place: Path<String>) -> Result<Json<Value>, Refusal> {
    let found = user::user_by_id(&cx, id(&place)?).await?;
    Ok(Json(shown(&found.ok_or_else(|| Error::from(Code::UserNotFound))?)))
}

/// Whoever is deleted is gone, with every session; an access token that they have got is good until it expires.
pub(crate) async fn delete(cx: RequestCx, place: Path<String>) -> Result<HttpResponse, Refusal> {
    user::delete_user(&cx, id(&place)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is to be imported, of whatever form.
#[derive(Deserialize)]
pub(crate) struct Import {
    items: Vec<Value>,
}

/// Takes note of it, for somebody else to work on.
pub(crate) async fn import(
    context: RequestContext,
    JsonBody(Import { items }): JsonBody<Import>,
) -> Result<HttpResponse, Refusal> {
    if items.len() > MOST_IMPORTED {
        return Err(Error::invalid("body", "items", format!("must be {MOST_IMPORTED} at most")).into());
    }
    tracing::info!(items = items.len(), by = %context.user_id, "an import");
    Ok(HttpResponse::Accepted().json(json!({ "accepted": items.len() })))
}
