//! The only pipeline: origin, limit, guard, decode, call, reply; then one log line, correlation id, cookies.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use tracing::Instrument;

use super::endpoint::Route;
use super::input::RawInput;
use super::origin::expect_origin;
use super::reply::{transformed, with_type};
use super::{correlation, limits};
use crate::auth::Auth;
use crate::cx::{Cx, RequestInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::guard::AccessRule;
use crate::limit::limit_endpoint;

/// A request to one of the engine's own endpoints, as an adapter hands it over.
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// All headers.
    pub headers: HeaderMap,
    /// The raw query string.
    pub query: Option<String>,
    /// The percent-decoded values of the route's `{name}` segments.
    pub path_params: Vec<(String, String)>,
    /// The address of the other end of the connection.
    pub peer: Option<IpAddr>,
    /// The body, read up to [`Auth::body_limit`]; beyond it or broken off, the refusal to answer with.
    pub body: Result<Bytes>,
}

/// Shows where the request goes and nothing of what it says.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("method", &self.method).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Answers a request whose path matched `routes`, the rows of one path. Another method is 404 with an empty body.
pub async fn dispatch(auth: &Auth, routes: &[Route], incoming: Incoming) -> Response<Bytes> {
    let Some(route) = routes.iter().find(|route| *route.method() == incoming.method) else {
        return not_found();
    };
    let pattern = format!("{}{}", auth.base_path(), route.path());
    let cx = auth.cx(RequestInfo::new(incoming.method, pattern, incoming.headers, incoming.peer));
    cx.enter_endpoint(route.pool());
    let raw = RawInput { query: incoming.query, path_params: incoming.path_params, body: incoming.body };

    let span = tracing::info_span!("auth", endpoint = route.name(), correlation_id = cx.correlation_id());
    let outcome = async {
        expect_origin(&cx)?;
        limit_endpoint(&cx, route.path(), route.limit()).await?;
        if !route.is_for_all() && !route.is_followed() {
            auth.config().tenancy.expect_header(&cx)?;
        }
        let response = route.run(&cx, raw).await?;
        Ok(transformed(&cx, route.name(), response))
    };
    let outcome = outcome.instrument(span.clone()).await;
    let mut response = outcome.unwrap_or_else(|error| span.in_scope(|| refusal(&cx, &error)));
    // Answers about accounts and tokens are for one pair of eyes (RFC 9111 §5.2.2.5), unless one says it is for all.
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    finish(&cx, response.headers_mut());
    response
}

/// Judges a request to a route of the application: may whoever sends it reach it? `path` has the percent-decoded values
/// of the matched route's `{name}` segments, where the rule [reads them](AccessRule::reads_path).
///
/// # Errors
/// 429 when it is called too often, 401 without a valid credential, 403 when it does not suffice, 503 when the store is
/// down; 400 when a tenant must be named and is not, or the path cannot be read; 422 when a rule of the application
/// forbids it.
pub async fn enforce(cx: &Cx, rule: &AccessRule, path: Result<Vec<(String, String)>>) -> Result<()> {
    rule.check(cx, path).await
}

/// Answers a request to a route of the application within a span that has its correlation id, so that every line that
/// its handler logs names the request.
pub fn in_span<F: Future>(cx: &Cx, answer: F) -> impl Future<Output = F::Output> + use<F> {
    let request = cx.request();
    let (method, route, correlation_id) = (request.method.as_str(), &*request.route, cx.correlation_id());
    answer.instrument(tracing::info_span!("request", method, route, correlation_id))
}

/// Logs a refusal, once, and renders it.
pub fn refusal(cx: &Cx, error: &Error) -> Response<Bytes> {
    let correlation_id = cx.correlation_id();
    let cause = std::error::Error::source(error).map(tracing::field::display);
    let status = error.kind().status();
    if status.is_server_error() {
        let chain = std::error::Error::source(error).and_then(std::error::Error::source).map(tracing::field::display);
        tracing::error!(code = error.code(), correlation_id, cause, chain, "request failed");
    } else {
        tracing::debug!(code = error.code(), correlation_id, cause, "request refused");
    }
    let mut response = with_type(status, "application/json", cx.auth().renderer().render(error, cx).into());
    if error.kind() == ErrorKind::Unauthorized {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    limits::tell_wait(error, response.headers_mut());
    response
}

/// Puts onto a response what the request left behind: its correlation id, headers and cookies. A response that sets a
/// cookie or carries tokens is not to be stored by anyone.
pub fn finish(cx: &Cx, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(cx.correlation_id()) {
        headers.insert(correlation::HEADER, id);
    }
    if let Some(standing) = cx.standing() {
        limits::tell(standing, headers);
    }
    for (name, value) in cx.take_headers() {
        headers.append(name, value);
    }
    if cx.forbids_storing() {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for cookie in cx.take_cookies() {
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            headers.append(header::SET_COOKIE, value);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

/// Logs that a guard stands outside the engine's layer, where no request has a context; the refusal to answer with.
pub fn misplaced() -> Error {
    let cause = "a guard stands on a route without an AuthLayer: use the adapter's Router, or wrap the route";
    tracing::error!(cause, "request failed");
    Error::internal(cause)
}

/// 404 with an empty body: an unknown path, or a known one with another method.
pub fn not_found() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
