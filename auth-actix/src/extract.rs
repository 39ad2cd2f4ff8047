//! Guards as handler arguments.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use auth_core::error::Error;
use auth_core::guard::Guard;
use auth_core::http::misplaced;
use auth_core::{Cx, Result};

/// A handler argument that exists only if the guard `G` holds. Dereferences to `G`.
///
/// actix-web gives every extractor an `Option<…>` that turns an error into `None`. For a guard that would turn a bad
/// credential and a dead database into "nobody", so a refusal is remembered: the response of a handler that
/// overlooked one is replaced by it. Take [`MaybePrincipal`](crate::MaybePrincipal) instead.
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

impl<G: Guard> FromRequest for Guarded<G> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let cx = request_cx(request);
        Box::pin(async move {
            let cx = cx?;
            match G::check(&cx).await {
                Ok(guard) => Ok(Self(guard)),
                Err(error) => {
                    cx.refuse(&error);
                    Err(Refusal(error))
                }
            }
        })
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

impl FromRequest for RequestCx {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(request_cx(request).map(Self))
    }
}

fn request_cx(request: &HttpRequest) -> Result<Arc<Cx>, Refusal> {
    request.extensions().get::<Arc<Cx>>().cloned().ok_or_else(|| Refusal(misplaced()))
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

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        // Status codes are 100 to 999 in both http crates.
        StatusCode::from_u16(self.0.kind().status().as_u16()).unwrap_or_default()
    }

    fn error_response(&self) -> HttpResponse {
        // The layer replaces this by the rendered refusal; without a layer the status alone remains.
        HttpResponse::new(self.status_code())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
