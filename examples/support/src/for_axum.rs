//! The page and the demo routes for axum.

use auth_core::Auth;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::{Demo, Page};

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (self.headers, self.html).into_response()
    }
}

/// `/__clock` and `/__outbox`; nothing without `DEMO=1`.
pub fn demo_routes(demo: Option<Demo>, auth: &Auth) -> Router {
    let Some(demo) = demo else { return Router::new() };
    let (outbox, auth) = (demo.clone(), auth.clone());
    let clock = async move |body: Bytes| {
        if demo.advance(&body) { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST }
    };
    Router::new().route("/__clock", post(clock)).route("/__outbox", get(async move || Json(outbox.outbox(&auth).await)))
}
