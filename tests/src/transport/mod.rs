//! How requests reach the engine: directly, through axum, through actix-web.

mod actix;
mod axum;
mod core;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::Auth;
use bytes::Bytes;
use http::{Request, Response};

pub use self::actix::routes as actix_routes;
pub use self::axum::routes as axum_routes;

/// The three ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// `auth_core::http::dispatch` and `enforce`, without a framework.
    Core,
    /// `auth_axum`.
    Axum,
    /// `auth_actix`, on a thread of its own.
    Actix,
}

/// Takes a request to the application and brings the response back.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends `request` from `peer`.
    async fn send(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes>;
}

impl TransportKind {
    /// Serves the application of [`routes`](crate::routes).
    pub(crate) fn serve(self, auth: &Auth) -> Arc<dyn Transport> {
        match self {
            Self::Core => Arc::new(core::Core::new(auth.clone())),
            Self::Axum => Arc::new(axum::Axum::new(auth.clone())),
            Self::Actix => Arc::new(actix::Actix::start(auth.clone())),
        }
    }
}
