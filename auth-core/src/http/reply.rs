//! Answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::cx::Cx;
use crate::error::{Error, Result};

/// What an endpoint answers; it may set cookies on its way out.
pub trait Reply: Send {
    /// Writes the response.
    ///
    /// # Errors
    /// When the answer cannot be written, which is a defect.
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>>;
}

/// 200 with a JSON body.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize + Send> Reply for Json<T> {
    fn into_response(self, _cx: &Cx) -> Result<Response<Bytes>> {
        let body = serde_json::to_vec(&self.0).map_err(Error::internal)?;
        Ok(with_type(StatusCode::OK, "application/json", body.into()))
    }
}

/// That it was done: `{"status":true}` or `{"success":true}`, as the protocol has it for each endpoint.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Done {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

impl Done {
    /// `{"status":true}`.
    pub const fn status() -> Self {
        Self { status: Some(true), success: None, message: None }
    }

    /// `{"success":true}`.
    pub const fn success() -> Self {
        Self { status: None, success: Some(true), message: None }
    }

    /// `{"success":true,"message":…}`.
    pub const fn saying(message: &'static str) -> Self {
        Self { status: None, success: Some(true), message: Some(message) }
    }
}

/// 204.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl Reply for NoContent {
    fn into_response(self, _cx: &Cx) -> Result<Response<Bytes>> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

/// A page without scripts. The text must be escaped already.
#[derive(Clone, Debug)]
pub struct Html(pub String);

impl Reply for Html {
    fn into_response(self, _cx: &Cx) -> Result<Response<Bytes>> {
        let mut response = with_type(StatusCode::OK, "text/html; charset=utf-8", self.0.into());
        let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        Ok(response)
    }
}

/// Decides the JSON of a refusal. The status follows from the error's kind and is not up for decision.
pub trait ErrorRenderer: Send + Sync + 'static {
    /// The JSON text of the body.
    fn render(&self, error: &Error, cx: &Cx) -> String;
}

/// Reshapes the JSON that the engine's own endpoints answer with, for clients that expect another form. Status, headers
/// and cookies stay, and so do refusals, which are [`ErrorRenderer`]'s.
///
/// ```
/// use auth_core::Cx;
/// use auth_core::http::ResponseTransformer;
/// use serde_json::{Value, json};
///
/// /// Everything in an envelope.
/// struct Enveloped;
///
/// impl ResponseTransformer for Enveloped {
///     fn transform(&self, _cx: &Cx, _endpoint: &str, body: Value) -> Value {
///         json!({ "data": body })
///     }
/// }
/// ```
pub trait ResponseTransformer: Send + Sync + 'static {
    /// The body to answer with in place of `body`, which may hold secrets that are shown once: log none of it.
    /// `endpoint` is its [name](super::Endpoint::NAME). What the request asked for is done by now, so nothing can be
    /// refused; after a panic the body stays as it was.
    fn transform(&self, cx: &Cx, endpoint: &str, body: Value) -> Value;
}

/// The answer in the form that the application wants.
pub(super) fn transformed(cx: &Cx, endpoint: &str, response: Response<Bytes>) -> Response<Bytes> {
    let Some(transformer) = cx.auth().response_transformer() else { return response };
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == "application/json");
    if !is_json || !response.status().is_success() {
        return response;
    }
    let Ok(body) = serde_json::from_slice::<Value>(response.body()) else { return response };
    let transform = || serde_json::to_vec(&transformer.transform(cx, endpoint, body));
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(transform)) {
        Ok(Ok(text)) => response.map(|_| text.into()),
        Ok(Err(_)) | Err(_) => {
            tracing::error!(endpoint, "an answer could not be transformed, and is given as it was");
            response
        }
    }
}

/// The form of the protocol: `{"message", "code"}`, and `fields` when single fields were refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProtocolErrors;

#[derive(Serialize)]
struct ProtocolError<'a> {
    message: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<ProtocolField<'a>>,
}

#[derive(Serialize)]
pub(super) struct ProtocolField<'a> {
    field: &'a str,
    message: &'a str,
}

impl ErrorRenderer for ProtocolErrors {
    fn render(&self, error: &Error, _cx: &Cx) -> String {
        let body = ProtocolError { message: error.message(), code: error.code(), fields: fields_of(error) };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// The fields that were refused: one form for every renderer.
pub(super) fn fields_of(error: &Error) -> Vec<ProtocolField<'_>> {
    error.fields().iter().map(|field| ProtocolField { field: &field.field, message: &field.message }).collect()
}

pub(super) fn with_type(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
