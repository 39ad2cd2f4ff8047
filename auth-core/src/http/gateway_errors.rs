//! Refusals as an API gateway tells them.

use serde::Serialize;

use super::reply::{ErrorRenderer, ProtocolField, fields_of};
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind};

/// Flat errors that tell a client what to do next, and a log where to look: `error`, `message`, `correlationId` and
/// `timestamp`, and beside them
///
/// | status | |
/// |---|---|
/// | 400 | `fields`, those that were refused |
/// | 403 | `requiredPermissions` of the route and `userPermissions`, where permissions are missing |
/// | 429 | `retryAfter`, `limit` and `window`, in seconds, in place of `timestamp` |
///
/// Missing and invalid credentials read the same. What a caller holds is shown to the caller alone, who is proved by
/// then; an application that wants to keep it to itself renders its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct GatewayErrors;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    error: &'a str,
    message: String,
    correlation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_permissions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_permissions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<ProtocolField<'a>>,
}

impl ErrorRenderer for GatewayErrors {
    fn render(&self, error: &Error, cx: &Cx) -> String {
        let permissions = error.missing_permissions();
        let quota = error.quota();
        let is_limit = error.kind() == ErrorKind::TooManyRequests;
        let body = Body {
            error: name(error),
            message: message(error),
            correlation_id: cx.correlation_id(),
            timestamp: (!is_limit).then(|| cx.now().to_string()),
            required_permissions: permissions.map(|permissions| &*permissions.required),
            user_permissions: permissions.map(|permissions| &*permissions.held),
            retry_after: error.retry_after_seconds().filter(|_| is_limit),
            limit: quota.map(|quota| quota.limit()),
            window: quota.map(|quota| quota.window().as_secs()),
            fields: fields_of(error),
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

fn name(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::BadRequest => "BadRequest",
        ErrorKind::Unauthorized => "Unauthorized",
        ErrorKind::Forbidden => "Forbidden",
        ErrorKind::NotFound => "NotFound",
        ErrorKind::MethodNotAllowed => "MethodNotAllowed",
        ErrorKind::Conflict => "Conflict",
        ErrorKind::PayloadTooLarge => "PayloadTooLarge",
        ErrorKind::UnsupportedMediaType => "UnsupportedMediaType",
        ErrorKind::Unprocessable if error.is(Code::RuleViolation) => "BusinessRuleViolation",
        ErrorKind::Unprocessable => "UnprocessableEntity",
        ErrorKind::TooManyRequests => "TooManyRequests",
        ErrorKind::Internal => "InternalServerError",
        ErrorKind::Unavailable => "ServiceUnavailable",
    }
}

fn message(error: &Error) -> String {
    if error.is(Code::Unauthorized) {
        return "Missing or invalid authentication token".to_owned();
    }
    if error.is(Code::InvalidEmailOrPassword) {
        return "Invalid credentials".to_owned();
    }
    if let (Some(seconds), ErrorKind::TooManyRequests) = (error.retry_after_seconds(), error.kind()) {
        return format!("Rate limit exceeded. Try again in {seconds} seconds.");
    }
    match error.missing_permissions().map(|permissions| &*permissions.missing) {
        Some([one]) => format!("Missing required permission: {one}"),
        Some(several) => format!("Missing required permissions: {}", several.join(", ")),
        None => error.message().to_owned(),
    }
}
