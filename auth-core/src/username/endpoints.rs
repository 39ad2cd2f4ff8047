//! The endpoints of names.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::service::parse;
use crate::base::TenantId;
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::Anyone;
use crate::http::{Endpoint, Json, Route, flag, shows_nothing};
use crate::limit::EndpointLimit;
use crate::password::{Login, SignIn, SignedInReply, persistence, sign_in};

pub(crate) const ROUTES: &[Route] = &[Route::of::<SignInUsername>(), Route::of::<IsUsernameAvailable>()];

/// As the protocol has it here: 422 in place of 400.
fn unprocessable(error: Error) -> Error {
    error.of_kind(ErrorKind::Unprocessable)
}

/// `POST /sign-in/username`: opens a session by a name and a password.
#[derive(Deserialize)]
pub struct SignInUsername {
    /// The name, in whatever case.
    pub username: String,
    /// The account's password.
    pub password: Password,
    /// `false` for a session that ends with the browser.
    #[serde(default, rename = "rememberMe", deserialize_with = "flag")]
    pub remember_me: Option<bool>,
    /// Where the client goes next: a trusted address, checked before the endpoint is called.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
    /// The tenant to act in; see [`SignInEmail`](crate::password::SignInEmail).
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
    /// Everything else: reaches hooks.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

shows_nothing!(SignInUsername);

impl Endpoint for SignInUsername {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-in/username";
    const NAME: &'static str = "sign_in_username";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = Anyone;
    type Reply = SignedInReply;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let sign_in_with = SignIn {
            login: Login::Username(parse(&self.username).map_err(unprocessable)?),
            password: self.password,
            persistence: persistence(self.remember_me),
            tenant: cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?,
            input: self.extra,
        };
        SignedInReply::of(cx, sign_in(cx, sign_in_with).await?, self.callback_url).await
    }
}

/// `POST /is-username-available`: whether nobody has the name. Names are no secret.
#[derive(Debug, Deserialize)]
pub struct IsUsernameAvailable {
    /// The name.
    pub username: String,
    /// Where accounts belong to tenants, the one to look in.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

/// `{"available": …}`.
#[derive(Debug, Serialize)]
pub struct AvailableBody {
    available: bool,
}

impl Endpoint for IsUsernameAvailable {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/is-username-available";
    const NAME: &'static str = "is_username_available";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = Json<AvailableBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<AvailableBody>> {
        let username = parse(&self.username).map_err(unprocessable)?;
        let tenancy = &cx.auth().config().tenancy;
        let population = tenancy.population(cx, tenancy.at_sign_in(cx, self.tenant_id)?.as_ref()).await?;
        let found = cx.conn().user_by_username(&population, &username).await?;
        Ok(Json(AvailableBody { available: found.is_none() }))
    }
}
