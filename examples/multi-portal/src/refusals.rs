//! The form of every refusal: `{"statusCode", "error", "message", "code"}`.

use auth_core::error::{Code, Error};
use auth_core::http::ErrorRenderer;
use auth_core::{Cx, Result};
use serde::Serialize;

/// Renders what guards, endpoints and handlers refuse alike.
pub(crate) struct FlatErrors;

impl ErrorRenderer for FlatErrors {
    fn render(&self, error: &Error, _cx: &Cx) -> String {
        let status = error.kind().status();
        let (code, message) = if error.is(Code::InvalidEmailOrPassword) {
            ("INVALID_CREDENTIALS", "Invalid credentials")
        } else if error.is(Code::GuardRequired) {
            ("INVALID_CREDENTIALS", error.message())
        } else {
            (error.code(), error.message())
        };
        let fields = error.fields().iter().map(|it| Field { field: &it.field, message: &it.message }).collect();
        let error = status.canonical_reason().unwrap_or_default();
        let body = Flat { status_code: status.as_u16(), error, message, code, fields };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'a> {
    status_code: u16,
    error: &'a str,
    message: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    field: &'a str,
    message: &'a str,
}

/// An address that is taken is a conflict here.
pub(crate) fn taken<T>(outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| {
        if error.is(Code::UserAlreadyExists) {
            Error::new(
                Code::Conflict.kind(),
                "EMAIL_ALREADY_EXISTS",
                "There is an account with this e-mail address already.",
            )
        } else {
            error
        }
    })
}
