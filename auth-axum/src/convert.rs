//! Between axum's requests and the engine's.

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};

use auth_core::error::{Code, Error};
use auth_core::http::Incoming;
use auth_core::{Auth, RequestInfo};
use axum::RequestExt;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, MatchedPath, RawPathParams, Request};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;

/// A request to a route of the application.
pub(crate) fn request_info(request: &Request) -> RequestInfo {
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    RequestInfo::new(request.method().clone(), route, request.headers().clone(), peer(extensions))
}

/// A request to one of the engine's endpoints, with its body read up to the limit.
pub(crate) async fn incoming(
    auth: &Auth,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Incoming {
    let (Parts { method, uri, headers, extensions, .. }, body) = request.into_parts();
    let (path_params, body) = match decoded(params) {
        Ok(params) => (params, read(body, auth.body_limit()).await),
        Err(error) => (Vec::new(), Err(error)),
    };
    Incoming { method, headers, query: uri.query().map(str::to_owned), path_params, peer: peer(&extensions), body }
}

/// The segments of a matched path that its pattern has names for.
pub(crate) async fn segments(request: &mut Request) -> auth_core::Result<Vec<(String, String)>> {
    decoded(request.extract_parts().await)
}

fn decoded(params: Result<RawPathParams, RawPathParamsRejection>) -> auth_core::Result<Vec<(String, String)>> {
    let params = params.map_err(|error| Error::from(Code::BadRequest).caused_by(error))?;
    Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// A body, up to the limit.
pub(crate) async fn read(body: Body, limit: usize) -> auth_core::Result<Bytes> {
    to_bytes(body, limit).await.map_err(|error| {
        let too_large = error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>());
        Error::from(if too_large { Code::PayloadTooLarge } else { Code::BadRequest }).caused_by(error)
    })
}

fn peer(extensions: &http::Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

pub(crate) fn response(response: http::Response<Bytes>) -> Response {
    response.map(Body::from)
}
