//! The endpoints of anonymous users.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::service;
use crate::base::TenantId;
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::guard::{CurrentSession, MaybePrincipal};
use crate::http::{Done, Endpoint, Json, Route, forget_session, shows_nothing};
use crate::limit::EndpointLimit;
use crate::session::{NewSessionReply, TokenAndUser};

pub(crate) const ROUTES: &[Route] = &[Route::of::<SignInAnonymous>(), Route::of::<DeleteAnonymousUser>()];

/// `POST /sign-in/anonymous`: a session for somebody of whom nothing is known.
#[derive(Deserialize)]
pub struct SignInAnonymous {
    /// Where accounts belong to tenants, the one that it is to belong to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
    /// Everything else: reaches hooks.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

shows_nothing!(SignInAnonymous);

impl Endpoint for SignInAnonymous {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-in/anonymous";
    const NAME: &'static str = "sign_in_anonymous";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = MaybePrincipal;
    type Reply = NewSessionReply<TokenAndUser>;

    async fn call(self, cx: &Cx, caller: MaybePrincipal) -> Result<Self::Reply> {
        if let MaybePrincipal::Principal(caller) = &caller
            && caller.authentication().user().is_some_and(|user| user.identifiers.is_anonymous)
        {
            return Err(Code::AlreadyAnonymous.into());
        }
        let tenant = cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?;
        NewSessionReply::of(cx, service::sign_in(cx, tenant, &self.extra).await?).await
    }
}

/// `POST /delete-anonymous-user`: removes the caller, of whom nothing is known.
#[derive(Debug, Deserialize)]
pub struct DeleteAnonymousUser {}

impl Endpoint for DeleteAnonymousUser {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/delete-anonymous-user";
    const NAME: &'static str = "delete_anonymous_user";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        current.expect_session_token()?;
        service::delete(cx, current.user(), &current).await?;
        forget_session(cx);
        Ok(Json(Done::success()))
    }
}
