//! What a handler wants to know of a request, in one value.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::signed_in::authenticated;
use super::{Authentication, Guard, PrincipalId};
use crate::auth::Auth;
use crate::base::{Email, Timestamp};
use crate::cx::Cx;
use crate::error::Result;
use crate::role::Permission;

/// Who acts, what they may do, and the name and time of the request: for handlers that log, or hand it on to other
/// services. Serialises as it stands here, in camel case.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestContext {
    /// Who acts.
    pub user_id: PrincipalId,
    /// Their address, if one is known.
    pub email: Option<Email>,
    /// What they are called, if that is known.
    pub name: Option<String>,
    /// What they may do.
    pub permissions: BTreeSet<Permission>,
    /// The name of the request in logs and answers.
    pub correlation_id: String,
    /// When it came.
    pub timestamp: Timestamp,
    #[serde(skip)]
    caller: Arc<Authentication>,
    #[serde(skip)]
    auth: Auth,
}

impl RequestContext {
    /// Whether the caller holds the permission, or one that [stands for it](crate::role::WildcardPolicy).
    pub fn has_permission(&self, name: &str) -> bool {
        self.auth.permits(self.caller.principal(), name)
    }

    /// The whole proof behind it.
    pub fn authentication(&self) -> &Authentication {
        &self.caller
    }
}

impl Guard for RequestContext {
    async fn check(cx: &Cx) -> Result<Self> {
        let caller = authenticated(cx).await?;
        let principal = caller.principal();
        Ok(Self {
            user_id: principal.id.clone(),
            email: principal.email.clone(),
            name: principal.name.clone(),
            permissions: principal.permissions.clone(),
            correlation_id: cx.correlation_id().to_owned(),
            timestamp: cx.now(),
            auth: cx.auth().clone(),
            caller,
        })
    }
}
