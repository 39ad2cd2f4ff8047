//! Guards and bodies as handler arguments.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use auth_core::error::{Code, Error};
use auth_core::guard::Guard;
use auth_core::http::{misplaced, read_json};
use auth_core::{Cx, Result};
use serde::de::DeserializeOwned;

use crate::convert::read;

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
                Err(error) => Err(refused(&cx, error)),
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

/// A JSON object that the client has sent, read as the endpoints read theirs ([`read_json`]): a refusal has the form of
/// every other one, and names the fields that are missing or wrong.
///
/// # Errors
/// 400 for no JSON object and for fields that do not fit; 413 beyond
/// [`body_limit`](auth_core::AuthBuilder::body_limit), 64 KiB unless said otherwise; 415 for another media type;
/// 500 outside the routes of [`Router`](crate::Router) and [`AuthLayer`](crate::AuthLayer).
///
/// ```
/// use actix_web::web;
/// use auth_actix::{JsonBody, Router};
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
/// # let _ = Router::new().route("/", web::post().to(invite));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (cx, payload) = (request_cx(request), payload.take());
        Box::pin(async move {
            let cx = cx?;
            let bytes = read(payload, cx.auth().body_limit()).await;
            bytes.and_then(|bytes| read_json(&cx, &bytes)).map(Self).map_err(|error| refused(&cx, error))
        })
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
