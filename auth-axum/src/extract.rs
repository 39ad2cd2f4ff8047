//! Guards as handler arguments.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use auth_core::error::Error;
use auth_core::guard::Guard;
use auth_core::http::misplaced;
use auth_core::{Cx, Result};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

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
            Err(error) => {
                cx.refuse(&error);
                Err(Refusal(error))
            }
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

/// A refusal on its way out, to be rendered by the engine's error renderer in the layer around the route.
///
/// Handlers that call the engine's services return it: `Result<…, Refusal>` takes their errors with `?`.
#[derive(Clone, Debug)]
pub struct Refusal(pub Error);

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
