//! The application that every transport serves: one route for each kind of claim about the caller.
//!
//! | route | who may | what it answers |
//! |---|---|---|
//! | `GET /me` | signed in (the default) | the caller's address |
//! | `GET /reports` | `permission("reports:read")` | `{"reports":42}` |
//! | `GET /products` | everybody | `{"products":[]}` |
//! | `GET /maybe` | everybody; a bad credential is refused | the caller's id or `null` |
//! | `GET /fresh` | `Fresh<CurrentUser>` | the caller's address |
//! | `GET /staff` | `RequireRole<SuperAdmin>` | `{"staff":true}` |
//! | `GET /pair` | role and permission | `{"pair":true}` |
//! | `POST /change` | signed in | `{"changed":true}` |
//! | `POST /invite` | signed in | the [`Invitation`] in the body |
//! | `GET /principal` | signed in | the principal |
//! | `GET /cached` | signed in, remembered for [`REMEMBERED`] | the principal |
//! | `GET /stateless` | signed in, by the claims of an access token | the principal |
//! | `GET /stateless/reports` | as above, with `permission("reports:read")` | the principal |
//! | `GET /stateless/session` | `CurrentSession`, behind a rule that looks nothing up | the session's id |
//! | `GET /tenant` | `Tenant` | the tenant |
//! | `GET /member` | `Member` | the tenant |
//! | `GET /users` | `CurrentUser` | the principal |
//! | `GET /customers` | `CurrentCustomer` | the principal |
//! | `GET /cart` | `CurrentCustomer`, on a route of customers | the principal |
//! | `GET /accounts/{id}` | whose it is, or `permission("users:admin")` | the id |
//! | `DELETE /accounts/{id}` | `permission("users:delete")`, nobody their own, and `permission("users:admin")` | the id |
//! | `GET /context` | signed in | the `RequestContext`, and whether it has `reports:read` |
//! | `GET /imports` | signed in, twice a minute and three times an hour | `{"imported":true}` |
//! | `GET /join` | everybody, counted as anonymous | `{"imported":true}` |
//! | `GET /by-client`, `/by-text`, `/by-key` | public; signed in; signed in: each two a minute, by what it is called | `{"imported":true}` |
//! | `GET /health` | everybody, as often as they like | `{"status":"ok"}` |
//! | `GET /shop` | everybody, customers too; a bad credential is refused | the caller's id or `null` |

use std::time::Duration;

use auth_core::Cx;
use auth_core::base::{Email, UserId};
use auth_core::guard::{
    CurrentSession, MaybePrincipal, Member, PermissionName, Policy, PolicyExt, Principal, RequestContext, RoleName,
    Tenant, not_yourself, owner_or, permission,
};
use auth_core::limit::{Quota, RateLimit, RateLimitKey};
use serde::Deserialize;
use serde_json::{Value, json};

/// `super_admin` in `ADMIN`.
#[derive(Debug)]
pub struct SuperAdmin;

impl RoleName for SuperAdmin {
    const GUARD: &'static str = "ADMIN";
    const NAME: &'static str = "super_admin";
}

/// `reports:read`.
#[derive(Debug)]
pub struct ReadReports;

impl PermissionName for ReadReports {
    const NAME: &'static str = "reports:read";
}

/// The body of `/invite`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitation {
    email: Email,
    display_name: String,
    role: Option<String>,
}

pub(crate) fn invite(Invitation { email, display_name, role }: &Invitation) -> Value {
    json!({"email": email, "displayName": display_name, "role": role})
}

/// For how long `/cached` remembers a session.
pub const REMEMBERED: Duration = Duration::from_secs(30);

pub(crate) fn principal(caller: &Principal) -> Value {
    serde_json::to_value(caller).expect("a principal is JSON")
}

pub(crate) fn session(session: &CurrentSession) -> Value {
    json!({"id": session.id})
}

pub(crate) fn tenant(tenant: &Tenant) -> Value {
    json!({"tenant": tenant.id()})
}

pub(crate) fn member(member: &Member) -> Value {
    assert_eq!(member.membership().tenant, *member.tenant().id());
    tenant(member.tenant())
}

pub(crate) fn me(user: &Principal) -> Value {
    json!({"email": user.email})
}

pub(crate) fn reports() -> Value {
    json!({"reports": 42})
}

pub(crate) fn products() -> Value {
    json!({"products": []})
}

pub(crate) fn who(caller: &MaybePrincipal) -> Value {
    let id = if let MaybePrincipal::Principal(principal) = caller { Some(principal.id.clone()) } else { None };
    json!({"who": id})
}

pub(crate) fn staff() -> Value {
    json!({"staff": true})
}

pub(crate) fn pair() -> Value {
    json!({"pair": true})
}

pub(crate) fn context(context: &RequestContext) -> Value {
    tracing::info!("a handler logs");
    json!({"context": context, "reads": context.has_permission("reports:read")})
}

pub(crate) fn imported() -> Value {
    json!({"imported": true})
}

pub(crate) fn health() -> Value {
    json!({"status": "ok"})
}

/// Of `GET /accounts/{id}`.
pub(crate) fn may_see() -> impl Policy<UserId> {
    owner_or("users:admin")
}

/// Of `DELETE /accounts/{id}`.
pub(crate) fn may_delete() -> impl Policy<UserId> {
    not_yourself("Nobody deletes their own account.").and(permission("users:admin"))
}

pub(crate) fn account(id: &str) -> Value {
    json!({"id": id})
}

/// Of `/imports`.
pub(crate) fn imports() -> RateLimit {
    RateLimit::per(RateLimitKey::Caller, [Quota::per_minute(2).unwrap(), Quota::per_hour(3).unwrap()])
}

/// Of `/by-client`.
pub(crate) fn by_client() -> RateLimit {
    RateLimit::per(RateLimitKey::Client, [Quota::per_minute(2).unwrap()])
}

/// Of `/by-text`: by the header `x-device`.
pub(crate) fn by_text() -> RateLimit {
    let device = |cx: &Cx| Some(cx.request().headers.get("x-device")?.to_str().ok()?.to_owned());
    RateLimit::per_custom("device", device, [Quota::per_minute(2).unwrap()])
}

/// Of `/by-key`.
pub(crate) fn by_key() -> RateLimit {
    RateLimit::per(RateLimitKey::ApiKey, [Quota::per_minute(2).unwrap()])
}

pub(crate) fn changed() -> Value {
    json!({"changed": true})
}
