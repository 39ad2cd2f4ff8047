//! Reading bodies: what does not fit is refused in the form of every other refusal.

use auth_axum::Refusal;
use auth_core::error::{Code, Error};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Json, Request};
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
    let missing = said.split_once("missing field `").and_then(|(path, rest)| {
        let (name, _) = rest.split_once('`')?;
        let path = path.trim_end_matches(": ");
        Some(if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") })
    });
    let field = missing.unwrap_or_else(|| said.split(": ").next().unwrap_or_default().to_owned());
    let problem = if said.contains("missing field") { "is missing" } else { "has another type or form" };
    Error::from(Code::ValidationError).saying(format!("[body.{field}] {problem}")).field(field, problem)
}
