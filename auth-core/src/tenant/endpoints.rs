//! The endpoint of changing the tenant.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{TenantId, json};
use crate::cx::Cx;
use crate::error::{Error, Result};
use crate::guard::CurrentSession;
use crate::http::{Endpoint, Route, ShownToken};
use crate::limit::EndpointLimit;
use crate::session::{self, NewSessionReply};

pub(crate) const ROUTES: &[Route] = &[Route::of::<SwitchTenant>()];

/// `POST /switch-tenant`: has the caller, who shows their session's own token, act in another tenant that they are a
/// member of, or with `null` in none. The session that they come from ends, and its tokens with it. Where an account
/// belongs to one tenant it is refused, so that a client that knows both ways learns which one it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwitchTenant {
    /// The tenant.
    #[serde(default, deserialize_with = "json::present")]
    pub tenant_id: Option<Option<TenantId>>,
}

/// The secret of the new session, where it acts, and whose it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SwitchedBody {
    token: ShownToken,
    tenant_id: Option<TenantId>,
    user: Map<String, Value>,
}

impl Endpoint for SwitchTenant {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/switch-tenant";
    const NAME: &'static str = "switch_tenant";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = CurrentSession;
    type Reply = NewSessionReply<SwitchedBody>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Self::Reply> {
        current.expect_session_token()?;
        let Some(tenant) = self.tenant_id else {
            return Err(Error::invalid("body", "tenantId", "must be the name of a tenant, or null"));
        };
        let signed_in = session::switch_tenant(cx, current.user(), &current, tenant).await?;
        let body = SwitchedBody {
            token: (&signed_in).into(),
            tenant_id: signed_in.session.scope.tenant().cloned(),
            user: session::user_view(cx, &signed_in.user).await?,
        };
        Ok(NewSessionReply { signed_in, body })
    }
}
