//! Guards and bodies as handler arguments.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use auth_core::error::{Code, Error};
use auth_core::guard::Guard;
use auth_core::http::{misplaced, read_json};
use auth_core::{Cx, Result};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::convert::read;

/// A handler argument that exists only if the guard `G` holds. Dereferences to `G`.
///
/// There is no `Option<Guarded<G>>`: it would turn a bad credential and a dead database into "nobody". Take
/// [`MaybePrincipal`](crate::MaybePrincipal) instead.
///
/// ```compile_fail
/// async fn handler(user: Option<auth_axum::CurrentUser>) {}
/// let _: axum::Router = axum::Router::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone, Debug)]
pub struct Guarded<G>(pub G);

impl<G> Deref for Guarded<G> {
    type Target = G;

    fn deref(&self) -> &G {
        &self.0
    }
}

/// So that `Fresh<CurrentUser>` can be written with this crate's names.
impl<G: Guard> Guard for Guarded<G> {
    async fn check(cx: &Cx) -> Result<Self> {
        G::check(cx).await.map(Self)
    }
}

impl<S: Send + Sync, G: Guard> FromRequestParts<S> for Guarded<G> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let RequestCx(cx) = RequestCx::from_request_parts(parts, state).await?;
        match G::check(&cx).await {
            Ok(guard) => Ok(Self(guard)),
            Err(error) => Err(refused(&cx, error)),
        }
    }
}

/// The context of this request, for calling the engine's services from a handler.
#[derive(Clone, Debug)]
pub struct RequestCx(pub Arc<Cx>);

impl Deref for RequestCx {
    type Target = Cx;

    fn deref(&self) -> &Cx {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestCx {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Arc<Cx>>().cloned().map(Self).ok_or_else(|| Refusal(misplaced()))
    }
}

/// A JSON object that the client has sent, read as the endpoints read theirs ([`read_json`]): a refusal has the form of
/// every other one, and names the fields that are missing or wrong. The last argument of a handler, since it consumes the
/// body.
///
/// # Errors
/// 400 for no JSON object and for fields that do not fit; 413 beyond
/// [`body_limit`](auth_core::AuthBuilder::body_limit), 64 KiB unless said otherwise; 415 for another media type;
/// 500 outside the routes of [`Router`](crate::Router) and [`AuthLayer`](crate::AuthLayer).
///
/// ```
/// use auth_axum::JsonBody;
/// use auth_core::base::Email;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Invitation {
///     email: Email,
///     name: String,
/// }
///
/// // For `{"name": 1}`: 400, `[body.name] expected a string; [body.email] required`
/// async fn invite(JsonBody(invitation): JsonBody<Invitation>) -> String {
///     format!("{} <{}>", invitation.name, invitation.email)
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(invite));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let cx = RequestCx::from_request_parts(&mut parts, state).await?;
        let bytes = read(body, cx.auth().body_limit()).await;
        bytes.and_then(|bytes| read_json(&cx, &bytes)).map(Self).map_err(|error| refused(&cx, error))
    }
}

/// A refusal that a handler cannot overlook.
fn refused(cx: &Cx, error: Error) -> Refusal {
    cx.refuse(&error);
    Refusal(error)
}

/// A refusal on its way out, to be rendered by the engine's error renderer in the layer around the route.
///
/// Handlers that call the engine's services return it: `Result<…, Refusal>` takes their errors with `?`.
#[derive(Clone, Debug)]
pub struct Refusal(pub Error);

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self(code.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The layer replaces this by the rendered refusal; without a layer the status alone remains.
        let mut response = self.0.kind().status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
