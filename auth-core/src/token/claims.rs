//! What an access token says (RFC 9068 §2.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Email, SessionId, TenantId};
use crate::role::GrantedRole;

/// The `typ` of access tokens (RFC 9068 §2.1).
pub(crate) const ACCESS_TOKEN: &str = "at+jwt";

/// Names that an application's own claims cannot have: a verifier would take them for ours.
const OUR_CLAIMS: [&str; 23] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "sid",
    "kind",
    "tenant",
    "platform",
    "role_guard",
    "roles",
    "permissions",
    "auth_time",
    "method",
    "aal",
    "email",
    "email_verified",
    "name",
    "scope",
    "cnf",
];

/// Whether the engine gives a claim of this name its meaning.
pub(super) fn is_ours(name: &str) -> bool {
    OUR_CLAIMS.contains(&name)
}

/// The claims of an access token beside the registered ones.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) client_id: String,
    /// The session that it proves.
    pub(crate) sid: SessionId,
    /// What its subject is.
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<TenantId>,
    /// Whether it is of a session of staff, whose authority depends on each request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) platform: bool,
    /// The role guard of its session, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role_guard: Option<String>,
    pub(crate) roles: Vec<GrantedRole>,
    pub(crate) permissions: Vec<String>,
    /// When the person last proved who they are, in seconds since 1970.
    pub(crate) auth_time: i64,
    /// How the session was opened.
    pub(crate) method: String,
    /// How sure we are: 1 or 2.
    pub(crate) aal: i64,
    pub(crate) email: Email,
    pub(crate) email_verified: bool,
    pub(crate) name: String,
    /// What the application added.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Or an application could say under one of their names what the engine goes by.
    #[test]
    fn no_claim_of_ours_is_anybody_s_to_set() {
        let claims = serde_json::json!({
            "client_id": "app", "sid": "0".repeat(32), "kind": "user", "tenant": "acme", "platform": true,
            "role_guard": "ADMIN", "roles": [], "permissions": [], "auth_time": 1, "method": "password", "aal": 1,
            "email": "ada@example.com", "email_verified": true, "name": "Ada",
        });
        let claims: AccessClaims = serde_json::from_value(claims).unwrap();
        assert!(claims.more.is_empty());
        let written = serde_json::to_value(&claims).unwrap();
        let names: Vec<&String> = written.as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 14, "{names:?}");
        assert!(names.iter().all(|name| is_ours(name)), "{names:?}");
    }
}
