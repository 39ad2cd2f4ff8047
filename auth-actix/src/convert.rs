//! Between actix-web's requests (http 0.2) and the engine's (http 1).

use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header as actix_header;
use actix_web::web::BytesMut;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use auth_core::error::{Code, Error};
use auth_core::http::Incoming;
use auth_core::{Auth, RequestInfo, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// A request to a route of the application.
pub(crate) fn request_info(request: &HttpRequest) -> RequestInfo {
    let route = request.match_pattern().unwrap_or_default();
    RequestInfo::new(method(request), route, headers(request.headers()), peer(request))
}

/// A request to one of the engine's endpoints, with its body read up to the limit.
pub(crate) async fn incoming(auth: &Auth, request: &HttpRequest, payload: Payload) -> Incoming {
    let query = request.query_string();
    let (path_params, body) = match segments(request) {
        Ok(params) => (params, read(payload, auth.body_limit()).await),
        Err(error) => (Vec::new(), Err(error)),
    };
    Incoming {
        method: method(request),
        headers: headers(request.headers()),
        query: (!query.is_empty()).then(|| query.to_owned()),
        path_params,
        peer: peer(request),
        body,
    }
}

/// The segments of a matched path that its pattern has names for.
pub(crate) fn segments(request: &HttpRequest) -> Result<Vec<(String, String)>> {
    // actix-web leaves reserved characters encoded; what it decodes, it decodes once.
    let params = request.match_info().iter().map(|(name, value)| {
        let value = percent_encoding::percent_decode_str(value).decode_utf8();
        value.map(|value| (name.to_owned(), value.into_owned()))
    });
    params.collect::<Result<_, _>>().map_err(|error| Error::from(Code::BadRequest).caused_by(error))
}

/// A body, up to the limit.
pub(crate) async fn read(mut payload: Payload, limit: usize) -> Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Error::from(Code::BadRequest).caused_by(error.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(Code::PayloadTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn method(request: &HttpRequest) -> Method {
    // Both crates accept the same methods (RFC 9110 tokens); one that does not convert matches no route.
    Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or(Method::TRACE)
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

/// What a page asks to send: the method, and the headers that tell of it.
pub(crate) fn asked(request: &HttpRequest) -> (Method, HeaderMap) {
    let names = [actix_header::ORIGIN, actix_header::ACCESS_CONTROL_REQUEST_METHOD];
    let mut asked = actix_header::HeaderMap::new();
    for name in names {
        request.headers().get_all(&name).for_each(|value| asked.append(name.clone(), value.clone()));
    }
    (method(request), headers(&asked))
}

fn headers(headers: &actix_header::HeaderMap) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_str().as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut converted = HeaderMap::with_capacity(headers.len());
    pairs.for_each(|(name, value)| {
        converted.append(name, value);
    });
    converted
}

pub(crate) fn response(response: http::Response<Bytes>) -> HttpResponse {
    let (parts, body) = response.into_parts();
    // Status codes are 100 to 999 in both crates.
    let status = actix_web::http::StatusCode::from_u16(parts.status.as_u16()).unwrap_or_default();
    let mut builder = HttpResponseBuilder::new(status);
    for (name, value) in &parts.headers {
        builder.append_header((name.as_str(), value.as_bytes()));
    }
    if body.is_empty() { builder.finish() } else { builder.body(body) }
}

/// Puts headers of the engine onto a response of the application, in place of earlier ones except for lists.
pub(crate) fn extend(headers: &mut actix_header::HeaderMap, from: &HeaderMap) {
    for (name, value) in from {
        let pair = (
            actix_header::HeaderName::from_bytes(name.as_str().as_bytes()),
            actix_header::HeaderValue::from_bytes(value.as_bytes()),
        );
        let (Ok(name), Ok(value)) = pair else { continue };
        if [actix_header::SET_COOKIE, actix_header::VARY, actix_header::ACCESS_CONTROL_EXPOSE_HEADERS].contains(&name) {
            headers.append(name, value);
        } else {
            headers.insert(name, value);
        }
    }
}
