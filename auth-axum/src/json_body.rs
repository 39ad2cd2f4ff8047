//! Bodies as handler arguments.

use auth_core::error::{Code, Error};
use auth_core::http::read_json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::extract::{Refusal, RequestCx};

/// A JSON object that the client has sent, read as the endpoints read theirs: a refusal is rendered as every other one
/// and names every field that is missing or wrong, an empty body is an empty object, and a field that is named twice is
/// refused. It may be as large as
/// [`DefaultBodyLimit`](axum::extract::DefaultBodyLimit) says.
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
        let bytes = Bytes::from_request(Request::from_parts(parts, body), state).await.map_err(|rejection| {
            let cause = rejection.body_text();
            let is_too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
            Error::from(if is_too_large { Code::PayloadTooLarge } else { Code::BadRequest }).caused_by(cause)
        })?;
        Ok(Self(read_json(&cx, &bytes)?))
    }
}
