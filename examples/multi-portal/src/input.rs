//! Reading bodies: what does not fit is refused in the form of every other refusal.

use std::str::FromStr;

use auth_axum::Refusal;
use auth_core::Result;
use auth_core::error::{Code, Error};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// A JSON body; one that is missing altogether is `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_empty = request.headers().get("content-length").is_none_or(|length| length == "0")
            && !request.headers().contains_key("transfer-encoding");
        if is_empty && let Ok(body) = serde_json::from_str("{}") {
            return Ok(Self(body));
        }
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Refusal(refused(&rejection))),
        }
    }
}

/// What stands in the address, as text.
pub(crate) struct Place<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Place<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(place)) => Ok(Self(place)),
            Err(_) => Err(Refusal(Error::from(Code::ValidationError).saying("[path] is no text"))),
        }
    }
}

fn refused(rejection: &JsonRejection) -> Error {
    match rejection {
        JsonRejection::JsonDataError(error) => named(&error.body_text()),
        JsonRejection::JsonSyntaxError(_) => Code::BadRequest.into(),
        JsonRejection::MissingJsonContentType(_) => Code::UnsupportedMediaType.into(),
        _ => Code::PayloadTooLarge.into(),
    }
}

/// What the parser says, with the field that it is about: `…target type: credentials.email: invalid type…`, or
/// `…missing field `email`…`.
fn named(text: &str) -> Error {
    let said = text.split_once("target type: ").map_or(text, |(_, said)| said);
    let (place, said) = said.split_once(": ").filter(|(place, _)| !place.contains(' ')).unwrap_or(("", said));
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    match (place, missing) {
        ("", Some(name)) => refused_field(name, "is missing"),
        (place, Some(name)) => refused_field(&format!("{place}.{name}"), "is missing"),
        ("", None) if said.starts_with("invalid type") => Code::BodyMustBeAnObject.into(),
        // A field that is given twice.
        ("", None) => Code::BadRequest.into(),
        (place, None) => refused_field(place, "has another type or form"),
    }
}

fn refused_field(field: &str, problem: &'static str) -> Error {
    Error::from(Code::ValidationError).saying(format!("[body.{field}] {problem}")).field(field, problem)
}

/// An identifier in an address.
pub(crate) fn id<T: FromStr>(name: &str, text: &str) -> Result<T> {
    let problem = "is no identifier";
    let refused = || Error::from(Code::ValidationError).saying(format!("[path.{name}] {problem}")).field(name, problem);
    text.parse().map_err(|_| refused())
}
