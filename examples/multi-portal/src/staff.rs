//! What staff do with staff.

use std::collections::BTreeSet;

use auth_axum::{CurrentPrincipal, JsonBody, Refusal, RequestCx};
use auth_core::base::{SessionId, UserId};
use auth_core::error::{Code, Error};
use auth_core::role::{self, RolePlace, RoleScope};
use auth_core::session;
use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ADMIN;
use crate::input::{self, Place};

/// `POST /staff`: what somebody holds on the platform from now on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StaffRoles {
    user_id: UserId,
    roles: BTreeSet<String>,
}

/// The route asks for a super admin; what they may give and take is up to the roles that they hold themselves.
pub(crate) async fn set_roles(
    cx: RequestCx,
    caller: CurrentPrincipal,
    JsonBody(StaffRoles { user_id, roles }): JsonBody<StaffRoles>,
) -> Result<Json<Value>, Refusal> {
    let place = RolePlace { guard: ADMIN.to_owned(), scope: RoleScope::Platform };
    role::replace_as(&cx, caller.granter()?, user_id, &place, &roles).await?;
    Ok(Json(json!({ "userId": user_id, "roles": roles })))
}

/// For staff of the platform alone: whoever holds a role of the same guard in a tenant has no say over people of
/// others.
pub(crate) async fn end_session(
    cx: RequestCx,
    caller: CurrentPrincipal,
    Place((user, id)): Place<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let (user, id): (UserId, SessionId) = (input::id("user", &user)?, input::id("sid", &id)?);
    if !caller.is_staff {
        return Err(Error::from(Code::Forbidden).into());
    }
    session::sign_out(&cx, user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
