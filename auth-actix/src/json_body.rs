//! Bodies as handler arguments.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use auth_core::error::{Code, Error};
use auth_core::http::read_json;
use serde::de::DeserializeOwned;

use crate::extract::{Refusal, RequestCx};

/// A JSON object that the client has sent, read as the endpoints read theirs: a refusal is rendered as every other one
/// and names every field that is missing or wrong, an empty body is an empty object, and a field that is named twice is
/// refused. It may be as large as
/// [`PayloadConfig`](actix_web::web::PayloadConfig) says.
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
        let cx = RequestCx::from_request(request, payload);
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let cx = cx.await?;
            let bytes = bytes.await.map_err(|error| {
                let is_too_large = error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE;
                let code = if is_too_large { Code::PayloadTooLarge } else { Code::BadRequest };
                Error::from(code).caused_by(error.to_string())
            })?;
            Ok(Self(read_json(&cx, &bytes)?))
        })
    }
}
