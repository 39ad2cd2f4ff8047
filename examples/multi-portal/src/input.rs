//! What stands in an address: what does not fit is refused in the form of every other refusal.

use std::str::FromStr;

use auth_axum::Refusal;
use auth_core::error::{Code, Error};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

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

/// An identifier in an address.
pub(crate) fn id<T: FromStr>(name: &str, text: &str) -> auth_core::Result<T> {
    text.parse().map_err(|_| Error::invalid("path", name, "is no identifier"))
}
